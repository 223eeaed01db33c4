//! The differences between two versions of a record.

use std::marker::PhantomData;

use serde_json::{Map, Value};

use super::entry::HistoryEntry;
use crate::{
    error::{Error, Result},
    field::{Selection, selected},
    json::{JsonObject, RESERVED_KEYS, equal},
    wire::object::{RecordData, decode},
};

/// The differences between two versions of a record: [`HistoryEntry::differences`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Differences<T> {
    /// The fields that differ, in the order of their paths.
    pub fields: Vec<FieldDifference>,
    before: Option<Box<str>>,
    after: Option<Box<str>>,
    of: PhantomData<fn() -> T>,
}

/// A field that differs between two versions.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FieldDifference {
    /// The path of the field: `title`, or `address.city` inside of an object. A list is one field.
    pub path: String,
    /// The value in the first version, or `None` if it lacks the field.
    pub before: Option<Value>,
    /// The value in the second version, or `None` if it lacks the field.
    pub after: Option<Value>,
}

impl<T: RecordData> HistoryEntry<T> {
    /// Compares the data of this version with that of another one, which is usually a later one.
    ///
    /// A deleted record has no fields. Numbers that differ as little as the server's storage changes them are equal.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// use kinto_client::KintoRecord;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Debug, Serialize, Deserialize, KintoRecord)]
    /// # #[kinto(collection = "differences-doc")]
    /// struct Todo {
    ///     title: String,
    ///     done: bool,
    /// }
    ///
    /// let todos = client.typed::<Todo>();
    /// let milk = todos.create_record(Todo { title: "Milk".into(), done: false }).await?;
    /// todos.update_record(&milk.id, |todo| todo.done = true).await?;
    ///
    /// let versions = todos.record(&milk.id).get_history().await?;
    /// let [after, before] = &versions[..] else { panic!("two versions") };
    /// let differences = before.differences(after)?;
    /// assert_eq!(differences.fields[0].path, "done");
    /// assert_eq!(differences.values(Todo::fields().done)?, [Some(false), Some(true)]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::is_unexpected`] if a version is no JSON object.
    pub fn differences(&self, other: &Self) -> Result<Differences<T>> {
        let (before, after) = (data(self)?, data(other)?);
        let mut fields = Vec::new();
        compare("", &before, &after, &mut fields);
        fields.sort_by(|one: &FieldDifference, other| one.path.cmp(&other.path));
        let json = |entry: &Self| (!entry.is_deletion()).then(|| entry.target_json().into());
        Ok(Differences { fields, before: json(self), after: json(other), of: PhantomData })
    }
}

impl<T: RecordData> Differences<T> {
    /// Returns true if the two versions have the same data.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Returns the values of a field, or of a tuple of up to eight, before and after; `None` for a version that is a deletion.
    ///
    /// # Errors
    ///
    /// [`Error::is_decode`] if a value does not decode as the type of the field.
    #[expect(clippy::needless_pass_by_value, reason = "handles are small, and passed like this everywhere")]
    pub fn values<S: Selection<T>>(&self, fields: S) -> Result<[Option<S::Output>; 2]> {
        let read = |json: &Option<Box<str>>| {
            let json = json.as_deref();
            json.map(|json| selected(&fields, json.as_bytes()).map(|decoded| decoded.data)).transpose()
        };
        Ok([read(&self.before)?, read(&self.after)?])
    }
}

/// Returns the data of a version, without what the server adds.
fn data<T>(entry: &HistoryEntry<T>) -> Result<JsonObject> {
    if entry.is_deletion() {
        return Ok(Map::new());
    }
    let json = entry.target_json();
    let mut data: JsonObject = serde_json::from_str(json).map_err(|error| Error::not_kinto(&error, json.as_bytes()))?;
    data.retain(|key, value| {
        let is_stamp = key == "schema" && decode::schema_stamp(value).is_some();
        !is_stamp && !RESERVED_KEYS.contains(&key.as_str())
    });
    Ok(data)
}

fn compare(place: &str, before: &JsonObject, after: &JsonObject, found: &mut Vec<FieldDifference>) {
    let new = after.keys().filter(|key| !before.contains_key(*key));
    for key in before.keys().chain(new) {
        let path = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
        match (before.get(key), after.get(key)) {
            (Some(one), Some(other)) if equal::is_same(one, other) => {}
            (Some(Value::Object(one)), Some(Value::Object(other))) => compare(&path, one, other, found),
            (one, other) => found.push(FieldDifference { path, before: one.cloned(), after: other.cloned() }),
        }
    }
}
