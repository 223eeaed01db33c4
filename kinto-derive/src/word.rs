//! Names of fields, as far as the server takes an operator before them.

/// Returns true if the server's Python is known to call it a word character. Scripts whose vowels are marks, which
/// it does not, are left out but for the letters. The client has the same list: a test compares the two.
pub(crate) fn is_word(c: char) -> bool {
    matches!(c,
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_'
        // Latin, Greek, Cyrillic.
        | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2af}' | '\u{1e00}'..='\u{1eff}'
        | '\u{370}'..='\u{373}' | '\u{386}' | '\u{388}'..='\u{38a}' | '\u{38c}' | '\u{38e}'..='\u{3a1}'
        | '\u{3a3}'..='\u{3f5}' | '\u{3f7}'..='\u{481}' | '\u{48a}'..='\u{527}'
        // Armenian, Hebrew, Arabic, Georgian.
        | '\u{531}'..='\u{556}' | '\u{561}'..='\u{587}' | '\u{5d0}'..='\u{5ea}' | '\u{620}'..='\u{64a}'
        | '\u{660}'..='\u{669}' | '\u{671}'..='\u{6d3}' | '\u{10d0}'..='\u{10fa}'
        // Devanagari and Thai.
        | '\u{904}'..='\u{939}' | '\u{e01}'..='\u{e30}' | '\u{e32}'..='\u{e33}' | '\u{e40}'..='\u{e46}'
        // Japanese, Chinese, Korean.
        | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' | '\u{30fc}'..='\u{30fe}'
        | '\u{3400}'..='\u{4db5}' | '\u{4e00}'..='\u{9fcc}' | '\u{ac00}'..='\u{d7a3}'
    )
}
