//! Records, and the text that is kept of them.

use std::{panic::catch_unwind, result::Result as StdResult};

use bytes::Bytes;

use crate::{
    error::{Error, Result, kind::ErrorKind},
    json::{RESERVED_KEYS, entries::Entries},
    local::row::{Body, Row, UNKNOWN},
    operation::{CallContext, list::lenient::InvalidObject},
    wire::{
        object::{Record, RecordData, diff},
        timestamp::Timestamp,
    },
};

/// Returns a record with this data.
pub(crate) fn record<T: RecordData>(id: &str, body: &str, version: Timestamp) -> Result<Record<T>> {
    Record::from_received(stamped(id, body, version))
}

/// Returns a record with this data, or the JSON that does not decode as `T`.
pub(crate) fn lenient<T: RecordData>(id: &str, body: &str, version: Timestamp) -> StdResult<Record<T>, InvalidObject> {
    let json = stamped(id, body, version);
    Record::from_received(json.clone()).map_err(|error| InvalidObject::new(error, json))
}

/// Adds what was to be done to the error of an object that does not decode.
pub(crate) fn within(context: &CallContext, mut invalid: InvalidObject) -> InvalidObject {
    invalid.error = context.attach(invalid.error);
    invalid
}

/// Checks that data that is to be stored can be read as `T`.
///
/// # Errors
///
/// [`Error::is_decode`] if it does not decode as `T`.
pub(crate) fn check<T: RecordData>(id: &str, body: &str) -> Result<()> {
    record::<T>(id, body, UNKNOWN).map(drop)
}

/// The id of data of which it is not known which record it is of: text that is an id of any type.
const ID: &str = "00000000-0000-4000-8000-000000000000";

/// Returns true if `T` reads this data. A type that panics over it is taken to read it.
pub(crate) fn reads<T: RecordData>(body: &str) -> bool {
    catch_unwind(|| check::<T>(ID, body)).map_or(true, |checked| checked.is_ok())
}

/// Returns what `T` writes of this data; `None` if it does not read it, or panics over it.
pub(crate) fn recode<T: RecordData>(body: &str) -> Option<String> {
    let json = stamped(ID, body, UNKNOWN);
    catch_unwind(|| diff::recode::<T>(diff::text(&json)?)).ok()?.ok()
}

/// Returns the record as it is here.
///
/// # Errors
///
/// [`Error::is_not_found`] if it is not here.
pub(crate) fn record_of<T: RecordData>(id: &str, row: &Row) -> Result<Record<T>> {
    let body = row.local.as_deref().ok_or_else(|| not_found(id))?;
    record(id, body, row.version())
}

/// Returns the record as it is here, if it is in this version.
///
/// # Errors
///
/// [`Error::is_not_found`] if it is not here, and [`Error::is_conflict`] if it is in another version.
pub(crate) fn record_of_version<T: RecordData>(id: &str, row: &Row, version: Option<Timestamp>) -> Result<Record<T>> {
    match version {
        Some(version) if row.local.is_some() && row.version() != version => Err(changed(id, row)),
        _ => record_of(id, row),
    }
}

/// Returns the text of a record without what the server adds, always in the same form for the same text.
pub(crate) fn body(json: &str) -> Result<Body> {
    let not_kinto = |error| Error::not_kinto(&error, json.as_bytes());
    body_of(&Entries::of(json).map_err(not_kinto)?).map_err(not_kinto)
}

/// Returns the text of the record that has these entries, as [`body`] does.
pub(crate) fn body_of(record: &Entries<'_>) -> serde_json::Result<Body> {
    Ok(record.text_without(&RESERVED_KEYS)?.into())
}

pub(crate) fn not_found(id: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no record `{id}` in the store"))
}

/// Creates the error for a record that is not in the version that the caller has.
pub(crate) fn changed(id: &str, row: &Row) -> Error {
    let found = row.local.as_deref().map(|body| stamped(id, body, row.version()));
    let message = match found {
        Some(_) => "it was changed since it was read, by the program or by a synchronization",
        None => "it was deleted since it was read, by the program or by a synchronization",
    };
    Error::conflicting(message, found)
}

/// Creates the error for a record that is to be created and exists.
pub(crate) fn exists(id: &str, row: &Row) -> Error {
    let found = row.local.as_deref().map(|body| stamped(id, body, row.version()));
    Error::conflicting("a record of this id exists in the store", found)
}

pub(crate) fn stamped(id: &str, body: &str, version: Timestamp) -> Bytes {
    let fields = body.strip_suffix('}').unwrap_or(body);
    let comma = if fields == "{" { "" } else { "," };
    // Ids have no characters that JSON would escape.
    Bytes::from(format!(r#"{fields}{comma}"id":"{id}","last_modified":{version}}}"#))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_record_comes_back_as_it_was() {
        for text in ["{}", r#"{"a":1.50,"b":{"id":"x"}}"#, r#"{"schema":1700000000000}"#] {
            let stamped = stamped("milk", text, Timestamp::from_millis(7));
            let stamped = std::str::from_utf8(&stamped).unwrap();
            assert!(stamped.ends_with(r#""id":"milk","last_modified":7}"#));
            assert_eq!(&*body(stamped).unwrap(), text);
        }
        assert_eq!(&*body(r#"{ "id" : "a", "\u0061" : [1, 2] }"#).unwrap(), r#"{"a":[1, 2]}"#);
    }
}
