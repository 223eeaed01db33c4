//! Encodes Rust values as JSON objects, rejecting values that the server would refuse, misread or fail on with
//! a 5xx.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};
use serde_path_to_error::Track;

use super::entries::Entries;
use crate::error::{Error, Result};

mod compound;
mod context;
#[cfg(test)]
mod generated;
mod repeated;
mod serializer;
#[cfg(test)]
mod tests;

use context::EncodeContext;
use serializer::Checked;

/// The data of an object to be created, without the fields that the server adds.
pub(crate) struct NewData {
    /// The beginning of the body of the request.
    body: Vec<u8>,
    /// The `id` in the data.
    pub(crate) id: Option<Value>,
}

const BEFORE_DATA: &[u8] = b"{\"data\":";

impl NewData {
    /// Serializes `data` directly into the body of the request.
    pub(crate) fn of<T: Serialize + ?Sized>(data: &T) -> Result<Self> {
        let mut body = Vec::with_capacity(256);
        body.extend_from_slice(BEFORE_DATA);
        let ((), context) = encode(data, true, |data| serde_json::to_writer(&mut body, data))?;
        let may_repeat = context.keys.may_repeat();
        let data = Self { body, id: context.into_id() };
        if may_repeat {
            check_repeated(data.json(), "")?;
        }
        if data.json().first() != Some(&b'{') {
            return Err(no_object(&serde_json::from_slice(data.json()).unwrap_or_default()));
        }
        Ok(data)
    }

    pub(crate) fn json(&self) -> &[u8] {
        self.body.get(BEFORE_DATA.len()..).unwrap_or_default()
    }

    /// Returns a copy with the id in the data, as a POST needs it.
    pub(crate) fn with_id(&self, id: &str) -> Result<Self> {
        let fields = self.json().get(1..).unwrap_or_default();
        let mut body = BEFORE_DATA.to_vec();
        body.extend_from_slice(b"{\"id\":");
        serde_json::to_writer(&mut body, id).map_err(|error| Error::invalid(error.to_string()))?;
        if fields != b"}" {
            body.push(b',');
        }
        body.extend_from_slice(fields);
        Ok(Self { body, id: None })
    }

    /// Returns the body of a request, with permissions if there are any.
    pub(crate) fn into_body(mut self, permissions: Option<&impl Serialize>) -> Result<Bytes> {
        if let Some(permissions) = permissions {
            self.body.extend_from_slice(b",\"permissions\":");
            serde_json::to_writer(&mut self.body, permissions).map_err(|error| Error::invalid(error.to_string()))?;
        }
        self.body.push(b'}');
        Ok(self.body.into_boxed_slice().into())
    }
}

/// Serializes `data` to a JSON object.
pub(crate) fn object<T: Serialize + ?Sized>(data: &T) -> Result<Map<String, Value>> {
    as_object(value(data)?)
}

/// Serializes data that was read to a JSON object, without looking for repeated keys.
#[cfg(feature = "schema")]
pub(crate) fn object_as_read<T: Serialize + ?Sized>(data: &T) -> Result<Map<String, Value>> {
    as_object(encode(data, false, |data| serde_json::to_value(data))?.0)
}

fn as_object(value: Value) -> Result<Map<String, Value>> {
    match value {
        Value::Object(object) if object.contains_key(context::PERMISSIONS) => {
            Err(cannot_be_stored(context::NO_DATA, ""))
        }
        Value::Object(object) => Ok(object),
        other => Err(no_object(&other)),
    }
}

/// Returns the JSON object that `data` serializes to, as text. What is in `before`, the text of the data as it was read, may
/// stay as it is.
pub(crate) fn json<T: Serialize + ?Sized>(data: &T, before: &str) -> Result<String> {
    let mut json = Vec::with_capacity(256);
    let ((), context) = encode(data, false, |data| serde_json::to_writer(&mut json, data))?;
    if context.keys.may_repeat() {
        check_repeated(&json, before)?;
    }
    let json = String::from_utf8(json).map_err(|error| cannot_be_stored(&error.to_string(), ""))?;
    if !json.starts_with('{') {
        return Err(no_object(&serde_json::from_str(&json).unwrap_or_default()));
    }
    // It may also be a key further in, or text.
    if json.contains(context::PERMISSIONS) && Entries::of(&json).is_ok_and(|entries| entries.has(context::PERMISSIONS))
    {
        return Err(cannot_be_stored(context::NO_DATA, ""));
    }
    Ok(json)
}

/// Returns the JSON of data that was read, without the checks of data to be stored.
pub(crate) fn unchecked<T: Serialize + ?Sized>(data: &T) -> Result<String> {
    serde_json::to_string(data).map_err(|error| cannot_be_stored(&error.to_string(), ""))
}

/// Serializes `value` to JSON.
pub(crate) fn value<T: Serialize + ?Sized>(value: &T) -> Result<Value> {
    let (written, context) = encode(value, false, |value| serde_json::to_value(value))?;
    if context.keys.may_repeat() {
        // A value has each key once.
        let (json, _) = encode(value, false, |value| serde_json::to_vec(value))?;
        check_repeated(&json, "")?;
    }
    Ok(written)
}

/// Rejects data that has a key twice with different values, of which one would be lost, unless it was so `before`.
fn check_repeated(json: &[u8], before: &str) -> Result<()> {
    let before = repeated::in_text(before);
    let json = str::from_utf8(json).unwrap_or_default();
    match repeated::in_text(json).into_iter().find(|found| !before.contains(found)) {
        Some(found) => Err(cannot_be_stored(&found.to_string(), "")),
        None => Ok(()),
    }
}

/// Encodes the data, and returns the result with what was found meanwhile.
fn encode<T: Serialize + ?Sized, V>(
    data: &T,
    is_new_data: bool,
    write: impl FnOnce(&Checked<'_, T>) -> serde_json::Result<V>,
) -> Result<(V, EncodeContext)> {
    let context = EncodeContext::new(is_new_data);
    let written = write(&Checked::new(data, &context));
    match (written, context.take_reason()) {
        (Ok(written), None) => Ok((written, context)),
        // A `Serialize` implementation may have swallowed the error, and its output is then no valid JSON.
        (_, Some(reason)) => Err(cannot_be_stored(&reason, &path_to_error(data, is_new_data, &reason))),
        (Err(error), None) => Err(cannot_be_stored(&error.to_string(), "")),
    }
}

/// Encodes once more, with a slower encoder that keeps the path to the error. It is empty for the data itself, and if this
/// error does not come again, since a `Serialize` implementation need not do the same twice.
fn path_to_error<T: Serialize + ?Sized>(data: &T, is_new_data: bool, reason: &str) -> String {
    let (context, mut track, mut json) = (EncodeContext::new(is_new_data), Track::new(), Vec::new());
    let mut serializer = serde_json::Serializer::new(&mut json);
    let serializer = serde_path_to_error::Serializer::new(&mut serializer, &mut track);
    // Its reason is in the context, also if it was swallowed.
    let _ = Checked::new(data, &context).serialize(serializer);
    let path = track.path();
    if path.iter().len() == 0 || context.take_reason().as_deref() != Some(reason) {
        return String::new();
    }
    path.to_string()
}

fn cannot_be_stored(reason: &str, path: &str) -> Error {
    let place = if path.is_empty() { String::new() } else { format!(" at `{path}`") };
    Error::invalid(format!("the data cannot be stored: {reason}{place}"))
}

fn no_object(value: &Value) -> Error {
    Error::invalid(format!(
        "the data of an object must serialise to a JSON object, and this serialises to {}",
        name_of(value)
    ))
}

/// Returns the name of a JSON value's type, for messages.
pub(crate) fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
