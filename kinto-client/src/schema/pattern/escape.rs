//! Parses escapes and character classes.

use super::{
    ANY, Class, Item, Result, Translation,
    Untranslated::{Invalid, LeftToServer},
};

impl Translation {
    pub(super) fn escape(&mut self) -> Result<Item> {
        let ascii = self.flags.ascii;
        let c = self.next().ok_or(Invalid("bad escape (end of pattern)"))?;
        match c {
            'd' | 'D' | 'w' | 'W' | 's' | 'S' => {
                let mut class = Class::default();
                class.category(c, ascii);
                self.write(&class.written(false));
                Ok(Item::Atom)
            }
            'A' => self.position("^"),
            'Z' => self.position(&format!("(?!{ANY})")),
            'b' | 'B' => {
                let mut class = Class::default();
                class.category('w', ascii);
                let word = class.written(false);
                if c == 'b' {
                    return self.position(&format!("(?:(?<={word})(?!{word})|(?<!{word})(?={word}))"));
                }
                // To Python there is none in an empty text.
                self.position(&format!("(?:(?<={word})(?={word})|(?<!{word})(?!{word})(?:(?<={ANY})|(?={ANY})))"))
            }
            // Another group's text.
            '1'..='9' => Err(LeftToServer),
            _ => {
                let c = self.escaped(c)?;
                self.literal(c)?;
                Ok(Item::Atom)
            }
        }
    }

    /// The character that an escape stands for.
    fn escaped(&mut self, c: char) -> Result<char> {
        Ok(match c {
            'a' => '\x07',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            'x' => self.code(2)?,
            'u' => self.code(4)?,
            'U' => self.code(8)?,
            'N' => return Err(LeftToServer),
            '0' => {
                let mut code = 0;
                for _ in 0..2 {
                    let Some(digit) = self.peek().and_then(|c| c.to_digit(8)) else { break };
                    code = code * 8 + digit;
                    self.at += 1;
                }
                char::from_u32(code).ok_or(LeftToServer)?
            }
            c if c.is_ascii_digit() => return Err(LeftToServer),
            c if c.is_ascii_alphabetic() => return Err(Invalid("bad escape")),
            c => c,
        })
    }

    fn code(&mut self, digits: usize) -> Result<char> {
        let mut code = 0;
        for _ in 0..digits {
            let digit = self.next().and_then(|c| c.to_digit(16)).ok_or(Invalid("incomplete escape"))?;
            code = code * 16 + digit;
        }
        // Half a surrogate pair cannot be in a text here.
        char::from_u32(code).ok_or(LeftToServer)
    }

    /// Parses a character class after its opening bracket.
    pub(super) fn class(&mut self) -> Result<()> {
        let unterminated = Invalid("unterminated character set");
        let is_negated = self.takes('^');
        let mut class = Class::default();
        loop {
            let c = self.next().ok_or(unterminated)?;
            if c == ']' && !class.is_empty() {
                break;
            }
            let from = if c == '\\' { self.class_escape(&mut class)? } else { Some(c) };
            if self.peek() != Some('-') {
                if let Some(c) = from {
                    class.range(c, c, self.flags)?;
                }
                continue;
            }
            self.at += 1;
            let to = match self.next().ok_or(unterminated)? {
                ']' => {
                    if let Some(c) = from {
                        class.range(c, c, self.flags)?;
                    }
                    class.range('-', '-', self.flags)?;
                    break;
                }
                '\\' => self.class_escape(&mut class)?,
                c => Some(c),
            };
            let (Some(from), Some(to)) = (from, to) else { return Err(Invalid("bad character range")) };
            if to < from {
                return Err(Invalid("bad character range"));
            }
            class.range(from, to, self.flags)?;
        }
        self.write(&class.written(is_negated));
        Ok(())
    }

    /// A character, or `None` for a category, which is in the class then.
    fn class_escape(&mut self, class: &mut Class) -> Result<Option<char>> {
        let c = self.next().ok_or(Invalid("bad escape (end of pattern)"))?;
        match c {
            'd' | 'D' | 'w' | 'W' | 's' | 'S' => {
                class.category(c, self.flags.ascii);
                Ok(None)
            }
            'b' => Ok(Some('\x08')),
            '0'..='9' => Err(LeftToServer),
            c => self.escaped(c).map(Some),
        }
    }
}
