//! The form of a record: that of the old type or of the new one.

use serde_json::{Map, Value};

use crate::json::JsonObject;
use crate::{
    error::{Error, Result},
    json::encode,
    wire::object::{Record, RecordData},
};

/// The form of a record, judged by two types.
pub(super) enum Form {
    /// The old form.
    Old,
    /// The new form.
    New,
    /// Both forms fit: the record decodes as both types, and neither fits it better.
    Either,
    /// The record fits neither type; holds the error of the old one.
    Neither(Error),
}

/// A record as read by one of the types.
struct Read {
    /// The record as the type serializes it.
    written: Map<String, Value>,
    /// True if all of that is in the record already, in the same shape.
    is_whole: bool,
}

/// Keys that no type decides: the server sets them.
const STAMPS: [&str; 3] = ["id", "last_modified", "schema"];

/// A key for finding out whether a type takes any key.
const PROBE: &str = "kinto-client:probe";

impl Form {
    /// A type fits a record exactly if what it writes for it is there already, each key with a value of the same kind.
    /// Of two types that both decode it, the one that fits exactly says what it is; if both do, the one that knows more of
    /// its keys, unless one of them takes any key at all.
    pub(super) fn of<Old: RecordData, New: RecordData>(record: &Record<JsonObject>) -> Self {
        let old = match read::<Old>(record) {
            Ok(old) => old,
            Err(error) => return read::<New>(record).map_or(Self::Neither(error), |_| Self::New),
        };
        let Ok(new) = read::<New>(record) else { return Self::Old };
        match (old.is_whole, new.is_whole) {
            (true, false) => Self::Old,
            (false, true) => Self::New,
            (false, false) => Self::Either,
            (true, true) if takes_anything::<Old>(record) || takes_anything::<New>(record) => Self::Either,
            (true, true) => match (is_within(&old.written, &new.written), is_within(&new.written, &old.written)) {
                (true, false) => Self::New,
                (false, true) => Self::Old,
                _ => Self::Either,
            },
        }
    }
}

fn read<T: RecordData>(record: &Record<JsonObject>) -> Result<Read> {
    let mut written = encode::object_as_read(&record.parse::<T>()?.data)?;
    written.retain(|key, _| !STAMPS.contains(&key.as_str()));
    let is_whole = is_within(&written, &record.data);
    Ok(Read { written, is_whole })
}

/// Returns true if the type keeps a key that it cannot know, as a map does.
fn takes_anything<T: RecordData>(record: &Record<JsonObject>) -> bool {
    let mut data = record.data.clone();
    data.insert(PROBE.to_owned(), Value::Null);
    let decoded = serde_json::from_value::<T>(Value::Object(data));
    decoded.is_ok_and(|data| encode::object_as_read(&data).is_ok_and(|written| written.contains_key(PROBE)))
}

/// Returns true if each key of the first is in the second, at any depth of objects, with a value of the same kind.
fn is_within(part: &Map<String, Value>, whole: &Map<String, Value>) -> bool {
    part.iter().all(|(key, value)| match (value, whole.get(key)) {
        (Value::Object(part), Some(Value::Object(whole))) => is_within(part, whole),
        (value, Some(held)) => encode::name_of(value) == encode::name_of(held),
        (_, None) => false,
    })
}
