//! Classes of characters in Python's regular expressions, written out.

use std::fmt::Write as _;

use super::pattern::{Result, Untranslated::LeftToServer};

const LAST: char = char::MAX;

/// `\s`: what `str.isspace` says.
const SPACES: [(char, char); 11] = [
    ('\t', '\r'),
    ('\x1c', ' '),
    ('\u{85}', '\u{85}'),
    ('\u{a0}', '\u{a0}'),
    ('\u{1680}', '\u{1680}'),
    ('\u{2000}', '\u{200a}'),
    ('\u{2028}', '\u{2029}'),
    ('\u{202f}', '\u{202f}'),
    ('\u{205f}', '\u{205f}'),
    ('\u{3000}', '\u{3000}'),
    (LAST, LAST),
];
const ASCII_SPACES: [(char, char); 3] = [('\t', '\r'), (' ', ' '), (LAST, LAST)];
const ASCII_DIGITS: [(char, char); 2] = [('0', '9'), (LAST, LAST)];
const ASCII_WORDS: [(char, char); 5] = [('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z'), (LAST, LAST)];

/// `\w`: what `str.isalnum` says, and the underscore.
const WORDS: &str = r"\p{L}\p{N}_";
/// All else; a class within a class would be read otherwise.
const NO_WORDS: &str = "\\p{M}\\p{Pd}\\p{Ps}\\p{Pe}\\p{Pi}\\p{Pf}\\p{Po}\\p{S}\\p{Z}\\p{C}\u{203F}\u{2040}\u{2054}\u{FE33}\u{FE34}\u{FE4D}-\u{FE4F}\u{FF3F}";

#[derive(Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "Python's flags")]
pub(super) struct Flags {
    pub(super) ascii: bool,
    pub(super) ignore_case: bool,
    pub(super) multiline: bool,
    pub(super) dot_all: bool,
    pub(super) verbose: bool,
}

/// A character class under construction.
#[derive(Default)]
pub(super) struct Class(String);

impl Class {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn push(&mut self, from: char, to: char) {
        self.code(from);
        if to != from {
            self.0.push('-');
            self.code(to);
        }
    }

    /// The character so that it means nothing but itself, also to the rules for patterns of JavaScript, which schemas are
    /// checked by.
    fn code(&mut self, c: char) {
        if c.is_ascii() && !c.is_ascii_alphanumeric() {
            let _ = write!(self.0, r"\x{:02X}", u32::from(c));
        } else {
            self.0.push(c);
        }
    }

    /// Adds characters, and where case is ignored those that are the same to Python.
    pub(super) fn range(&mut self, from: char, to: char, flags: Flags) -> Result<()> {
        self.push(from, to);
        if !flags.ignore_case {
            return Ok(());
        }
        if !to.is_ascii() {
            return Err(LeftToServer);
        }
        for letter in (from..=to).filter(char::is_ascii_alphabetic) {
            let other =
                if letter.is_ascii_lowercase() { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() };
            self.push(other, other);
            let more = match letter.to_ascii_lowercase() {
                _ if flags.ascii => continue,
                'i' => "\u{130}\u{131}",
                'k' => "\u{212a}",
                's' => "\u{17f}",
                _ => continue,
            };
            more.chars().for_each(|c| self.push(c, c));
        }
        Ok(())
    }

    pub(super) fn category(&mut self, name: char, ascii: bool) {
        match name {
            'w' if !ascii => self.0.push_str(WORDS),
            'W' if !ascii => self.0.push_str(NO_WORDS),
            'd' if !ascii => self.0.push_str(r"\p{Nd}"),
            'D' if !ascii => self.0.push_str(r"\P{Nd}"),
            's' | 'S' if !ascii => self.ranges(&SPACES, name == 'S'),
            's' | 'S' => self.ranges(&ASCII_SPACES, name == 'S'),
            'd' | 'D' => self.ranges(&ASCII_DIGITS, name == 'D'),
            _ => self.ranges(&ASCII_WORDS, name == 'W'),
        }
    }

    /// Adds ranges, the last of which is the end of all characters and not among them, or all that is between them.
    fn ranges(&mut self, ranges: &[(char, char)], is_negated: bool) {
        let mut free = '\0';
        for &(from, to) in ranges {
            let before = char::from_u32(u32::from(from).saturating_sub(1)).unwrap_or(from);
            match (is_negated, from == LAST) {
                (true, true) => self.push(free, LAST),
                (true, false) if free <= before => self.push(free, before),
                (false, false) => self.push(from, to),
                _ => {}
            }
            free = char::from_u32(u32::from(to) + 1).unwrap_or(to);
        }
    }

    pub(super) fn written(&self, is_negated: bool) -> String {
        format!("[{}{}]", if is_negated { "^" } else { "" }, self.0)
    }
}
