//! Decodes received JSON objects into their data and the fields that the server adds, in one pass.

use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};

use crate::{
    error::{Error, Result},
    json::RESERVED_KEYS,
    wire::{id_text::Name, timestamp::Timestamp},
};

mod envelope;
#[cfg(test)]
mod tests;
mod whole;

use envelope::StampedObject;
pub(crate) use envelope::schema_stamp;

/// A decoded object: its data and the fields that the server adds.
#[derive(Debug)]
pub(crate) struct Decoded<T> {
    pub(crate) id: Name,
    pub(crate) last_modified: Timestamp,
    pub(crate) data: T,
}

#[derive(Default)]
struct Stamp {
    id: Option<Name>,
    last_modified: Option<u64>,
}

impl Stamp {
    fn whole(self) -> Result<(Name, Timestamp)> {
        match self {
            Self { id: Some(id), last_modified: Some(millis) } => Ok((id, Timestamp::from_millis(millis))),
            Self { id: None, .. } => Err(Error::decode(None, "", "the server sent an object without an `id`")),
            Self { id, .. } => {
                let id = id.as_deref().map(str::to_owned);
                Err(Error::decode(id, "", "the server sent an object without a `last_modified`"))
            }
        }
    }
}

/// Decodes one object. `declares` names which of `id` and `last_modified` the type has a place for; it is not shown
/// the others, so that they are no unknown fields to it and no strangers in a map. A type that cannot be read without them,
/// such as one with a flattened struct that has an `id`, is shown them all the same. Neither is it shown which version of a
/// schema the server checked the record against (`schema`), unless it has a field for that.
pub(crate) fn object<T: DeserializeOwned>(raw: &[u8], declares: &'static [&'static str]) -> Result<Decoded<T>> {
    let read = |raw: &[u8], declares| {
        let mut stamp = Stamp::default();
        let mut json = serde_json::Deserializer::from_slice(raw);
        let data = T::deserialize(StampedObject { json: &mut json, stamp: &mut stamp, declares }).ok()?;
        Some((data, stamp))
    };
    let read_leniently = || {
        let whole = whole::with_whole_numbers(raw);
        let whole = whole.as_deref();
        whole
            .and_then(|raw| read(raw, declares))
            .or_else(|| read(raw, &RESERVED_KEYS))
            .or_else(|| whole.and_then(|raw| read(raw, &RESERVED_KEYS)))
    };
    let (data, stamp) = read(raw, declares).or_else(read_leniently).ok_or_else(|| undecodable::<T>(raw, declares))?;
    let (id, last_modified) = stamp.whole()?;
    Ok(Decoded { id, last_modified, data })
}

/// Returns the id and the time of the last change of an object, without decoding its data.
#[cfg(feature = "local")]
pub(crate) fn stamp(object: &crate::json::entries::Entries<'_>) -> Result<(Name, Timestamp)> {
    fn read<'a, T: Deserialize<'a>>(object: &crate::json::entries::Entries<'a>, key: &str) -> Option<T> {
        serde_json::from_str(object.text(key)?).ok()
    }
    Stamp { id: read(object, "id"), last_modified: read(object, "last_modified") }.whole()
}

/// Decodes the object at the beginning of the text, and returns it with its length.
///
/// It returns `None` for any error: [`object`] gives the reason, once the end of the object is known.
pub(crate) fn first<T: DeserializeOwned>(rest: &str, declares: &'static [&'static str]) -> Option<(Decoded<T>, usize)> {
    let read = |declares| {
        let mut stamp = Stamp::default();
        let mut json = serde_json::Deserializer::from_str(rest);
        let data = T::deserialize(StampedObject { json: &mut json, stamp: &mut stamp, declares }).ok()?;
        let (id, last_modified) = (stamp.id?, Timestamp::from_millis(stamp.last_modified?));
        let length = json.into_iter::<IgnoredAny>().byte_offset();
        Some((Decoded { id, last_modified, data }, length))
    };
    read(declares).or_else(|| read(&RESERVED_KEYS))
}

/// Decodes once more, with a slower decoder that reports the path of the error.
fn undecodable<T: DeserializeOwned>(raw: &[u8], declares: &'static [&'static str]) -> Error {
    #[derive(Deserialize)]
    struct Named {
        id: Option<String>,
    }
    let id = serde_json::from_slice::<Named>(raw).ok().and_then(|named| named.id);
    let mut stamp = Stamp::default();
    let mut json = serde_json::Deserializer::from_slice(raw);
    let stamped = StampedObject { json: &mut json, stamp: &mut stamp, declares };
    match serde_path_to_error::deserialize::<_, T>(stamped) {
        Ok(_) => Error::decode(id, "", "it decodes only sometimes: its `Deserialize` is not deterministic"),
        Err(error) => {
            let path = match error.path().to_string() {
                root if root == "." => String::new(),
                path => path,
            };
            Error::decode(id, &path, &without_position(&error.into_inner()))
        }
    }
}

/// Returns the message without "at line 1 column 523": users do not see the JSON, which has one line only.
pub(crate) fn without_position(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match message.rfind(" at line ") {
        Some(end) => message.get(..end).unwrap_or(&message).to_owned(),
        None => message,
    }
}
