//! The field of a record that describes its file, which only the server writes: `#[kinto(attachment)]`.

use serde_json::{Map, Value, value::RawValue};

use crate::{
    error::{Error, Result},
    json::{equal::is_same, merge::json::Entries},
};

/// The name of the field; the server's plugin knows no other.
pub(crate) const FIELD: &str = "attachment";

/// Rejects the save of a record whose description of the file would become another.
pub(crate) fn check_saved(received: &str, data: &RawValue) -> Result<()> {
    check_edited(&described(received)?, &described(data.get())?)
}

/// The same for a description before and after an edit; null is none.
pub(crate) fn check_edited(before: &Value, after: &Value) -> Result<()> {
    if is_same(before, after) { Ok(()) } else { Err(unwritable()) }
}

/// Rejects a patch that has the field.
pub(crate) fn check_patch(attributes: &Map<String, Value>) -> Result<()> {
    if attributes.contains_key(FIELD) { Err(unwritable()) } else { Ok(()) }
}

fn unwritable() -> Error {
    Error::unsavable(
        FIELD.to_owned(),
        "it describes the file of the record, which a save does not change: call `upload_attachment` or \
         `delete_attachment`, and read the record again",
    )
}

/// Rejects data of a new record that describes a file, which would not be the record's.
pub(crate) fn check_new(data: &[u8]) -> Result<()> {
    if described_in(data)?.is_null() {
        return Ok(());
    }
    Err(Error::unsavable(
        FIELD.to_owned(),
        "it describes a file, and a new record has none: leave it out, and call `upload_attachment`",
    ))
}

/// Rejects data that replaces a record and describes no file, because the record's own would be lost.
pub(crate) fn check_replacement(data: &[u8]) -> Result<()> {
    if !described_in(data)?.is_null() {
        return Ok(());
    }
    Err(Error::unsavable(
        FIELD.to_owned(),
        "the record may have a file, whose description would be dropped: `.keep_attachment()` keeps it, `.drop_attachment()` \
         does without, and `update_record` changes the other fields",
    ))
}

fn described_in(data: &[u8]) -> Result<Value> {
    described(std::str::from_utf8(data).map_err(|error| Error::invalid(error.to_string()))?)
}

/// Returns the description in the data of a record; null if there is none.
fn described(data: &str) -> Result<Value> {
    let invalid = |error: serde_json::Error| Error::invalid(error.to_string());
    let data = Entries::of(data).map_err(invalid)?;
    data.get(FIELD).map_or(Ok(Value::Null), |described| serde_json::from_str(described.get()).map_err(invalid))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    #[test]
    fn check_saved_rejects_each_change_of_the_description() {
        let (with, other) = (r#"{"attachment":{"size":1,"hash":"a"}}"#, r#"{"attachment":{"size":2,"hash":"a"}}"#);
        for (received, data, is_allowed) in [
            (with, with, true),
            (with, r#"{"n":1,"attachment":{"hash":"a","size":1}}"#, true),
            (with, other, false),
            (with, "{}", false),
            (with, r#"{"attachment":null}"#, false),
            ("{}", with, false),
            (r#"{"attachment":null}"#, "{}", true),
            ("{}", r#"{"attachment":null}"#, true),
        ] {
            assert_eq!(check_saved(received, &raw(data)).is_ok(), is_allowed, "{received} {data}");
        }
    }

    #[test]
    fn check_of_new_data_and_of_replacements_are_opposites() {
        for (data, describes) in
            [("{}", false), (r#"{"attachment":null}"#, false), (r#"{"attachment":{"size":1}}"#, true)]
        {
            assert_eq!(check_new(data.as_bytes()).is_ok(), !describes);
            assert_eq!(check_replacement(data.as_bytes()).is_ok(), describes);
        }
    }
}
