//! Parses groups.

use super::{
    Item, Result, Translation,
    Untranslated::{Invalid, LeftToServer},
};

impl Translation {
    /// Parses a group after its opening parenthesis.
    pub(super) fn group(&mut self) -> Result<Item> {
        if self.looks_behind {
            return Err(LeftToServer);
        }
        let outer = self.flags;
        let mut item = Item::Atom;
        if self.takes('?') {
            match self.next() {
                Some(':') => self.write("(?:"),
                Some('P') if self.takes('<') => {
                    self.name()?;
                    self.write("(?:");
                }
                Some('=') => {
                    self.write("(?=");
                    item = Item::Look;
                }
                Some('!') => {
                    self.write("(?!");
                    item = Item::Look;
                }
                Some('<') => {
                    match self.next() {
                        Some('=') => self.write("(?<="),
                        Some('!') => self.write("(?<!"),
                        _ => return Err(Invalid("unknown extension")),
                    }
                    item = Item::Look;
                    self.looks_behind = true;
                    // To be behind nothing is to be anywhere.
                    if self.peek() == Some(')') {
                        return Err(LeftToServer);
                    }
                }
                Some('P' | '(' | '>') => return Err(LeftToServer),
                Some(c) if c == '-' || c.is_ascii_alphabetic() => {
                    self.at -= 1;
                    if !self.flags()? {
                        return Ok(Item::Nothing);
                    }
                    self.write("(?:");
                }
                _ => return Err(Invalid("unknown extension")),
            }
        } else {
            self.write("(?:");
        }
        self.is_begun = true;
        self.alternatives()?;
        if !self.takes(')') {
            return Err(Invalid("missing ), unterminated subpattern"));
        }
        self.looks_behind = false;
        self.flags = outer;
        self.out.push(')');
        Ok(item)
    }

    fn name(&mut self) -> Result<()> {
        let mut name = String::new();
        loop {
            match self.next() {
                Some('>') if name.is_empty() => return Err(Invalid("missing group name")),
                // Twice the same name is a mistake, and names can be of any script.
                Some('>') if name.is_ascii() && !name.starts_with(|c: char| c.is_ascii_digit()) => return Ok(()),
                Some(c) if c == '_' || c.is_ascii_alphanumeric() => name.push(c),
                _ => return Err(LeftToServer),
            }
        }
    }

    /// Takes flags up to `)`, or up to `:`, which alone opens a group.
    fn flags(&mut self) -> Result<bool> {
        let mut is_on = true;
        let mut count = 0;
        loop {
            let flag = self.next().ok_or(Invalid("missing flag"))?;
            match flag {
                'i' => self.flags.ignore_case = is_on,
                'm' => self.flags.multiline = is_on,
                's' => self.flags.dot_all = is_on,
                'x' => self.flags.verbose = is_on,
                'a' if is_on => self.flags.ascii = true,
                'u' if is_on && !self.flags.ascii => {}
                '-' if is_on => {
                    is_on = false;
                    count = 0;
                    continue;
                }
                ':' if count > 0 => return Ok(true),
                ')' if is_on && count > 0 && !self.is_begun => return Ok(false),
                ')' if is_on && count > 0 => return Err(Invalid("global flags not at the start of the expression")),
                'u' => return Err(LeftToServer),
                _ => return Err(Invalid("unknown flag")),
            }
            count += 1;
        }
    }
}
