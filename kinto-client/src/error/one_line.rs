use std::fmt::{self, Write};

/// A writer that replaces control characters by spaces.
///
/// An error is one line, and the part of it that the server sent must not control the terminal.
pub(crate) struct OneLine<'a, W>(pub(crate) &'a mut W);

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
    use crate::error::{Error, kind::ErrorKind};

    #[test]
    fn error_display_replaces_control_characters() {
        let error = Error::new(ErrorKind::Refused, "no\r\n\u{1b}[31mred\u{85}é");
        assert_eq!(error.to_string(), "no   [31mred é");
    }
}
