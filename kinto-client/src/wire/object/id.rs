use std::{borrow::Borrow, cmp, fmt, hash, marker::PhantomData, ops::Deref, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::kind;
use crate::error::{Error, Result};
use crate::wire::id_text::Name;

/// The id of a record with data of type `T`, which cannot be used for a record of another type.
///
/// Text converts to it with [`From`]; the call it is passed to checks whether the server would accept it,
/// before anything is sent. [`FromStr`] checks at once.
///
/// ```
/// use kinto_client::{RecordId, Value};
///
/// let id: RecordId<Value> = "milk".parse()?;
/// assert_eq!(id, "milk");
/// assert!("no/slashes".parse::<RecordId<Value>>().is_err());
/// # Ok::<(), kinto_client::Error>(())
/// ```
pub type RecordId<T> = Id<kind::Record, T>;

/// The id of a bucket, a collection, a group or a record ([`RecordId`]).
///
/// It starts with a letter or digit and consists of `a-z`, `A-Z`, `0-9`, `_` and `-`; the server does not limit
/// its length.
pub struct Id<K, T> {
    text: Name,
    of: PhantomData<fn() -> (K, T)>,
}

impl<K, T> Id<K, T> {
    pub(crate) fn new(text: impl Into<Name>) -> Self {
        Self { text: text.into(), of: PhantomData }
    }

    /// Returns the same id for an object whose data is decoded as another type.
    #[must_use]
    pub fn cast<U>(&self) -> Id<K, U> {
        Id { text: self.text.clone(), of: PhantomData }
    }

    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Rejects ids that the server would refuse, and ids with a trailing line feed, which its pattern accepts.
pub(crate) fn check(what: &str, id: &str) -> Result<()> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    // All of them, without a branch for each: which one comes next in a random id cannot be foreseen.
    let is_allowed = id.bytes().fold(true, |so_far, byte| so_far & allowed(byte));
    if is_allowed && id.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        return Ok(());
    }
    let offence = match id.chars().next() {
        None => "it is empty".to_owned(),
        Some(first) if !first.is_ascii_alphanumeric() => {
            format!("it starts with {first:?}, not with a letter (a-z, A-Z) or digit")
        }
        Some(_) => match id.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))) {
            None => return Ok(()),
            Some(bad) => format!("{bad:?} is not allowed in an id, only a-z, A-Z, 0-9, `_` and `-` are"),
        },
    };
    Err(Error::invalid(format!("{id:?} cannot be the id of a {what}: {offence}")))
}

impl<K: kind::Kind, T> FromStr for Id<K, T> {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        check(K::NAME, text)?;
        Ok(Self::new(text))
    }
}

// Written by hand, so that an id implements these traits for any type of record.
impl<K, T> Clone for Id<K, T> {
    fn clone(&self) -> Self {
        Self { text: self.text.clone(), of: PhantomData }
    }
}

impl<K, T> fmt::Debug for Id<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl<K, T> fmt::Display for Id<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl<K, T> PartialEq for Id<K, T> {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl<K, T> Eq for Id<K, T> {}

impl<K, T> PartialOrd for Id<K, T> {
    fn partial_cmp(&self, other: &Self) -> Option<cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<K, T> Ord for Id<K, T> {
    fn cmp(&self, other: &Self) -> cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl<K, T> hash::Hash for Id<K, T> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl<K, T> PartialEq<str> for Id<K, T> {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl<K, T> PartialEq<&str> for Id<K, T> {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl<K, T> PartialEq<String> for Id<K, T> {
    fn eq(&self, other: &String) -> bool {
        self.as_str() == *other
    }
}

impl<K, T> Deref for Id<K, T> {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl<K, T> AsRef<str> for Id<K, T> {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl<K, T> Borrow<str> for Id<K, T> {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl<K, T> From<&str> for Id<K, T> {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl<K, T> From<String> for Id<K, T> {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl<K, T> From<&String> for Id<K, T> {
    fn from(text: &String) -> Self {
        Self::new(text.as_str())
    }
}

impl<K, T> From<&Self> for Id<K, T> {
    fn from(id: &Self) -> Self {
        id.clone()
    }
}

impl<K, T> From<Id<K, T>> for String {
    fn from(id: Id<K, T>) -> Self {
        id.as_str().to_owned()
    }
}

impl<K, T> Serialize for Id<K, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de, K: kind::Kind, T> Deserialize<'de> for Id<K, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_check_accepts_what_server_accepts() {
        for id in ["a", "0", "a-b_c", "A9", "z-", &"x".repeat(300)] {
            assert!(check("record", id).is_ok(), "{id}");
        }
    }

    #[test]
    fn id_check_names_offending_character() {
        let message = |id: &str| check("record", id).unwrap_err().to_string();
        assert_eq!(message(""), "\"\" cannot be the id of a record: it is empty");
        assert_eq!(
            message("_a"),
            "\"_a\" cannot be the id of a record: it starts with '_', not with a letter (a-z, A-Z) or digit"
        );
        for id in ["a\n", "a/b", "a b", "é", "a.b", "a%0A", "..", "a\0"] {
            let message = message(id);
            assert!(message.contains("cannot be the id of a record"), "{message}");
        }
    }
}
