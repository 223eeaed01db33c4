//! The field of a record that describes its file, which only the server writes: `#[kinto(attachment)]`.

use serde_json::{Map, Value, value::RawValue};

use crate::{
    error::{Error, Result},
    json::{entries::Entries, equal::is_same},
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
        "the record may have a file, whose description would be dropped: `update_record` changes the other fields; on the \
         server, `.keep_attachment()` keeps it, and `.drop_attachment()` does without",
    ))
}

fn described_in(data: &[u8]) -> Result<Value> {
    described(std::str::from_utf8(data).map_err(|error| Error::invalid(error.to_string()))?)
}

/// Returns the description of a record's file as received, if it has one.
pub(crate) fn of(record: &str) -> Result<Option<Box<RawValue>>> {
    let invalid = |error: serde_json::Error| Error::invalid(error.to_string());
    let entries = Entries::of(record).map_err(invalid)?;
    Ok(entries.get(FIELD).filter(|described| described.get() != "null").map(ToOwned::to_owned))
}

/// Returns the data with this description in place of its own.
pub(crate) fn replaced(data: &str, description: Option<&RawValue>) -> Result<Box<RawValue>> {
    let invalid = |error: serde_json::Error| Error::invalid(error.to_string());
    let rest = Entries::of(data).and_then(|entries| entries.without(&[FIELD])).map_err(invalid)?;
    let Some(description) = description else { return Ok(rest) };
    let comma = if rest.get() == "{}" { "" } else { "," };
    let fields = rest.get().strip_suffix('}').unwrap_or_default();
    RawValue::from_string(format!("{fields}{comma}\"{FIELD}\":{}}}", description.get())).map_err(invalid)
}

/// Returns the data with the description that the server has of the record's file, which is `None` if it has deleted the record,
/// and its file with it; `None` if it has that description already.
#[cfg(feature = "local")]
pub(crate) fn followed(data: &str, server: Option<&str>) -> Result<Option<Box<RawValue>>> {
    let file = server.map(of).transpose()?.flatten();
    let parsed =
        |file: Option<&RawValue>| file.map(|file| serde_json::from_str::<Value>(file.get()).unwrap_or_default());
    if parsed(of(data)?.as_deref()) == parsed(file.as_deref()) {
        return Ok(None);
    }
    replaced(data, file.as_deref()).map(Some)
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
    fn replaced_has_the_other_description_and_all_other_fields() {
        let with = raw(r#"{"size":1}"#);
        for (data, described, expected) in [
            ("{}", Some(&*with), r#"{"attachment":{"size":1}}"#),
            (r#"{"a":{"b":[1.0]}}"#, Some(&*with), r#"{"a":{"b":[1.0]},"attachment":{"size":1}}"#),
            (r#"{"attachment":{"size":2},"a":{}}"#, Some(&*with), r#"{"a":{},"attachment":{"size":1}}"#),
            (r#"{"a":{},"attachment":{"size":2}}"#, None, r#"{"a":{}}"#),
            (r#"{"attachment":null}"#, None, "{}"),
        ] {
            assert_eq!(replaced(data, described).unwrap().get(), expected);
        }
        assert_eq!(of(r#"{"attachment":{"size":1}}"#).unwrap().unwrap().get(), with.get());
        assert!(of(r#"{"attachment":null}"#).unwrap().is_none() && of("{}").unwrap().is_none());
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
