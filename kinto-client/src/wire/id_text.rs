use std::{ops::Deref, sync::Arc};

use crate::json::key::Key;
use serde::{Deserialize, Deserializer};

/// The text of an id.
///
/// A random id of 36 characters is stored inline: a list would otherwise need one more allocation per record.
#[derive(Clone, Debug)]
pub(crate) enum Name {
    Short { bytes: [u8; LONGEST], length: u8 },
    Long(Arc<str>),
}

/// The longest text that is stored inline, at which a `Name` takes 40 bytes.
const LONGEST: usize = 38;

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            // The bytes are valid UTF-8, so that none is replaced.
            Self::Short { bytes, length } => {
                bytes.get(..usize::from(*length)).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
            }
            Self::Long(text) => text,
        }
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        let mut bytes = [0; LONGEST];
        match (bytes.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(text.as_bytes());
                Self::Short { bytes, length }
            }
            _ => Self::Long(text.into()),
        }
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Key(text) = Key::deserialize(deserializer)?;
        Ok(text.as_ref().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_round_trips_text_of_any_length() {
        assert_eq!(size_of::<Name>(), 40);
        for text in
            ["", "a", "é", &"x".repeat(LONGEST), &"x".repeat(LONGEST + 1), &"é".repeat(LONGEST / 2), &"é".repeat(200)]
        {
            assert_eq!(&*Name::from(text), text);
            let json = serde_json::to_string(text).unwrap();
            assert_eq!(&*serde_json::from_str::<Name>(&json).unwrap(), text);
        }
        assert!(matches!(Name::from(&*"x".repeat(LONGEST)), Name::Short { .. }));
    }
}
