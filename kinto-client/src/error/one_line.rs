use std::fmt::{self, Write};

/// Writes on, with a space in the place of each control character: an error is one line, and what the server sent, which
/// is part of it, does not speak to the terminal.
pub(super) struct OneLine<'a, W>(pub(super) &'a mut W);

impl<W: Write> Write for OneLine<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for (place, line) in text.split(char::is_control).enumerate() {
            if place > 0 {
                self.0.write_char(' ')?;
            }
            self.0.write_str(line)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::error::{Error, ErrorKind};

    #[test]
    fn an_error_is_one_line() {
        let error = Error::new(ErrorKind::Refused, "no\r\n\u{1b}[31mred\u{85}é");
        assert_eq!(error.to_string(), "no   [31mred é");
    }
}
