//! Python's regular expressions, in the syntax of the engine that is used here.
//!
//! Every construct is written out anew with character codes and ranges, so that nothing is left to a reading of its own.

use std::fmt::Write as _;

use super::class::{Class, Flags};

/// The reason why a pattern is not translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Untranslated {
    /// Python rejects the pattern, and so does the server.
    #[error("{0}")]
    Invalid(&'static str),
    /// Python accepts the pattern, but only Python can evaluate a part of it.
    #[error("only the server can check it")]
    LeftToServer,
}

use Untranslated::{Invalid, LeftToServer};

mod escape;
mod group;

pub(super) type Result<T> = std::result::Result<T, Untranslated>;

/// The most repetitions that are written out.
const MOST: u32 = 1000;

const ANY: &str = "[\\x00-\u{10FFFF}]";

/// The same pattern for the engine used here.
pub(super) fn translated(pattern: &str) -> Result<String> {
    let mut translation = Translation {
        chars: pattern.chars().collect(),
        at: 0,
        flags: Flags::default(),
        out: String::with_capacity(pattern.len() * 2),
        is_begun: false,
        looks_behind: false,
    };
    translation.alternatives()?;
    if translation.peek().is_some() { Err(Invalid("unbalanced parenthesis")) } else { Ok(translation.out) }
}

struct Translation {
    chars: Vec<char>,
    at: usize,
    flags: Flags,
    out: String,
    /// True if there was anything but flags yet.
    is_begun: bool,
    looks_behind: bool,
}

/// The last item that was written, which decides which may follow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Item {
    /// An item that can be repeated.
    Atom,
    /// An item that cannot be repeated.
    Position,
    /// A lookaround, which can be repeated but never is.
    Look,
    /// The start, before any item.
    Nothing,
}

impl Translation {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek();
        self.at += usize::from(next.is_some());
        next
    }

    fn takes(&mut self, wanted: char) -> bool {
        let is_there = self.peek() == Some(wanted);
        self.at += usize::from(is_there);
        is_there
    }

    fn alternatives(&mut self) -> Result<()> {
        loop {
            self.sequence()?;
            if !self.takes('|') {
                return Ok(());
            }
            if self.looks_behind {
                return Err(LeftToServer);
            }
            self.is_begun = true;
            self.out.push('|');
        }
    }

    fn sequence(&mut self) -> Result<()> {
        loop {
            self.skip()?;
            let item = match self.peek() {
                None | Some('|' | ')') => return Ok(()),
                Some(_) => self.item()?,
            };
            self.is_begun |= item != Item::Nothing;
            self.skip()?;
            if let Some((least, most)) = self.repetition()? {
                match item {
                    Item::Atom if self.looks_behind => return Err(LeftToServer),
                    Item::Atom => {}
                    Item::Look => return Err(LeftToServer),
                    Item::Position | Item::Nothing => return Err(Invalid("nothing to repeat")),
                }
                if least > MOST || most.is_some_and(|most| most > MOST) {
                    return Err(LeftToServer);
                }
                let most = most.map(|most| most.to_string()).unwrap_or_default();
                let _ = write!(self.out, "{{{least},{most}}}");
                if self.takes('?') {
                    self.out.push('?');
                } else if self.takes('+') {
                    return Err(LeftToServer);
                }
                self.skip()?;
                if self.repetition()?.is_some() {
                    return Err(Invalid("multiple repeat"));
                }
            }
        }
    }

    /// Comments, and blanks where they mean nothing.
    fn skip(&mut self) -> Result<()> {
        loop {
            let rest = self.chars.get(self.at..).unwrap_or_default();
            match rest {
                [' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c', ..] if self.flags.verbose => self.at += 1,
                ['#', ..] if self.flags.verbose => while self.next().is_some_and(|c| c != '\n') {},
                ['(', '?', '#', ..] => loop {
                    match self.next() {
                        Some(')') => break,
                        Some(_) => {}
                        None => return Err(Invalid("missing ), unterminated comment")),
                    }
                },
                _ => return Ok(()),
            }
        }
    }

    /// Steps over `*`, `+`, `?` or `{m,n}`, if it is one.
    fn repetition(&mut self) -> Result<Option<(u32, Option<u32>)>> {
        let start = self.at;
        let bounds = match self.next() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') if self.peek() != Some('}') => {
                let least = self.digits();
                let most = if self.takes(',') { self.digits() } else { least.clone() };
                if !self.takes('}') {
                    self.at = start;
                    return Ok(None);
                }
                let number = |digits: &str| digits.parse::<u32>().map_err(|_| LeftToServer);
                let least = if least.is_empty() { 0 } else { number(&least)? };
                let most = if most.is_empty() { None } else { Some(number(&most)?) };
                if most.is_some_and(|most| most < least) {
                    return Err(Invalid("min repeat greater than max repeat"));
                }
                (least, most)
            }
            _ => {
                self.at = start;
                return Ok(None);
            }
        };
        Ok(Some(bounds))
    }

    fn digits(&mut self) -> String {
        let mut digits = String::new();
        while let Some(digit) = self.peek().filter(char::is_ascii_digit) {
            digits.push(digit);
            self.at += 1;
        }
        digits
    }

    fn item(&mut self) -> Result<Item> {
        if self.repetition()?.is_some() {
            return Err(Invalid("nothing to repeat"));
        }
        match self.next() {
            Some('.') if self.flags.dot_all => self.write(ANY),
            Some('.') => self.write(r"[^\x0A]"),
            Some('^') if self.flags.multiline => return self.position(r"(?<![^\x0A])"),
            Some('^') => return self.position("^"),
            Some('$') if self.flags.multiline => return self.position(r"(?![^\x0A])"),
            Some('$') => return self.position(&format!(r"(?=\x0A?(?!{ANY}))")),
            Some('(') => return self.group(),
            Some('[') => self.class()?,
            Some('\\') => return self.escape(),
            Some(c) => self.literal(c)?,
            None => return Ok(Item::Nothing),
        }
        Ok(Item::Atom)
    }

    fn write(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn position(&mut self, text: &str) -> Result<Item> {
        if self.looks_behind {
            return Err(LeftToServer);
        }
        self.write(text);
        Ok(Item::Position)
    }

    fn literal(&mut self, c: char) -> Result<()> {
        let mut class = Class::default();
        class.range(c, c, self.flags)?;
        self.write(&class.written(false));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pattern_refused_by_python_is_invalid() {
        for pattern in [
            "(", ")", "a)", "[", "[]", "[^]", "*a", "a**", "a{2}{3}", "^*", r"\p{L}", r"\q", "[z-a]", r"[a-\d]",
            "a(?i)", "(?z)", "a{3,2}", r"\x1", "(?P<>a)", "(?", "\\",
        ] {
            assert!(matches!(translated(pattern), Err(Invalid(_))), "{pattern}: {:?}", translated(pattern));
        }
    }

    #[test]
    fn python_only_pattern_is_left_to_server() {
        for pattern in
            [r"(a)\1", "(?P<a>b)(?P=a)", "a++", "(?>a)", "(a)?(?(1)b|c)", "(?<=a|b)c", "(?i)é", r"\N{DIGIT ONE}"]
        {
            assert_eq!(translated(pattern), Err(LeftToServer), "{pattern}");
        }
    }

    #[test]
    fn all_else_is_written_out() {
        assert_eq!(translated("a{,2}{").as_deref(), Ok(r"[a]{0,2}[\x7B]"));
        assert_eq!(translated("[]a]").as_deref(), Ok(r"[\x5Da]"));
        assert_eq!(translated("(?x) a # b\n +").as_deref(), Ok("[a]{1,}"));
    }
}
