//! Entries of a history: the change, who made it, and the object after it.

use std::{collections::BTreeMap, fmt};

use bytes::Bytes;
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::{Value, value::RawValue};

use super::name::{HistoryAction, ResourceKind};
use crate::{
    error::{Error, Result},
    wire::{
        object::{Record, RecordData, decode, principal::Principal},
        timestamp::Timestamp,
    },
};

/// One change of an object in a bucket: an entry of the history plugin.
///
/// `T` is the type of the data of the object: [`Value`] for anything, the record type for records.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct HistoryEntry<T = Value> {
    /// The id of the entry.
    pub id: String,
    /// The time of the entry in the history. [`HistoryTarget::last_modified`] is the version of the object.
    ///
    /// The entries of one batch are grouped by what was done, so that they may stand in another order than the changes were
    /// made in. The versions of the objects are in that order.
    pub last_modified: Timestamp,
    /// The time of the entry as text.
    pub date: Option<String>,
    /// The path of the object that was changed.
    pub uri: String,
    /// The principal that made the change, or `None` if the request was anonymous.
    pub user_id: Option<Principal>,
    /// The kind of the change.
    pub action: HistoryAction,
    /// The kind of the object.
    pub resource_name: ResourceKind,
    /// The id of the bucket; only entries about a bucket itself have it.
    pub bucket_id: Option<String>,
    /// The id of the collection that the object is or is in.
    pub collection_id: Option<String>,
    /// The id of the group, for the entry of a group.
    pub group_id: Option<String>,
    /// The id of the record, for the entry of a record.
    pub record_id: Option<String>,
    /// The object after the change.
    pub target: HistoryTarget<T>,
}

/// The object of a [`HistoryEntry`] after the change.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct HistoryTarget<T = Value> {
    /// The id of the object.
    pub id: String,
    /// The version of the object: the time of this change of it.
    pub last_modified: Timestamp,
    /// The data of the object, or `None` if this change deleted it.
    pub data: Option<T>,
    /// The principals with each permission on the object at the end of the request.
    pub permissions: BTreeMap<String, Vec<Principal>>,
    received: Bytes,
}

/// The fields of an entry as received.
#[derive(Deserialize)]
struct Received<'a> {
    id: String,
    last_modified: Timestamp,
    date: Option<String>,
    uri: String,
    user_id: Option<Principal>,
    action: HistoryAction,
    resource_name: ResourceKind,
    bucket_id: Option<String>,
    collection_id: Option<String>,
    group_id: Option<String>,
    record_id: Option<String>,
    #[serde(borrow)]
    target: ReceivedTarget<'a>,
}

#[derive(Deserialize)]
struct ReceivedTarget<'a> {
    #[serde(borrow)]
    data: &'a RawValue,
    #[serde(default)]
    permissions: BTreeMap<String, Vec<Principal>>,
}

impl<T: RecordData> HistoryEntry<T> {
    /// Decodes an entry as received.
    pub(super) fn read(raw: &Bytes) -> Result<Self> {
        let entry: Received<'_> = serde_json::from_slice(raw).map_err(|error| Error::not_kinto(&error, raw))?;
        let is_deleted = entry.action == HistoryAction::Delete;
        let target = HistoryTarget::read(entry.target.data, is_deleted, entry.target.permissions)
            .map_err(|error| error.of_entry(&entry.id, "target.data"))?;
        Ok(Self {
            id: entry.id,
            last_modified: entry.last_modified,
            date: entry.date,
            uri: entry.uri,
            user_id: entry.user_id,
            action: entry.action,
            resource_name: entry.resource_name,
            bucket_id: entry.bucket_id,
            collection_id: entry.collection_id,
            group_id: entry.group_id,
            record_id: entry.record_id,
            target,
        })
    }

    /// Returns the version of the record as a [`Record`], or `None` if it was deleted.
    ///
    /// It has no permissions, and a save of it is a conflict unless it is the stored version:
    /// [`restore`](crate::handle::RecordHandle::restore) stores an older one again.
    ///
    /// # Errors
    ///
    /// [`Error::is_decode`] if the object does not decode as `T`.
    pub fn to_record(&self) -> Result<Option<Record<T>>> {
        if self.is_deletion() {
            return Ok(None);
        }
        Record::from_received(self.target.received.clone()).map(Some)
    }
}

impl<T> HistoryEntry<T> {
    /// Returns true if the change deleted the object.
    #[must_use]
    pub fn is_deletion(&self) -> bool {
        self.action == HistoryAction::Delete
    }

    /// Returns the JSON of the object after the change as received, including `id` and `last_modified`.
    #[must_use]
    pub fn target_json(&self) -> &str {
        // It was decoded as JSON and is therefore valid UTF-8.
        std::str::from_utf8(&self.target.received).unwrap_or_default()
    }
}

impl<T: DeserializeOwned + RecordData> HistoryTarget<T> {
    fn read(received: &RawValue, is_deleted: bool, permissions: BTreeMap<String, Vec<Principal>>) -> Result<Self> {
        let received = Bytes::copy_from_slice(received.get().as_bytes());
        let (id, last_modified, data) = if is_deleted {
            let stamp = decode::object::<IgnoredAny>(&received, &[])?;
            (stamp.id, stamp.last_modified, None)
        } else {
            let decoded = decode::object::<T>(&received, T::DECLARES)?;
            (decoded.id, decoded.last_modified, Some(decoded.data))
        };
        Ok(Self { id: id.to_string(), last_modified, data, permissions, received })
    }
}

/// `Debug` leaves out the received JSON, which repeats the data.
impl<T: fmt::Debug> fmt::Debug for HistoryTarget<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HistoryTarget")
            .field("id", &self.id)
            .field("last_modified", &self.last_modified)
            .field("data", &self.data)
            .field("permissions", &self.permissions)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn raw(action: &str, data: &Value) -> Bytes {
        let entry = json!({
            "id": "e1", "last_modified": 7, "uri": "/buckets/b/collections/c/records/r", "user_id": null, "more": 1,
            "action": action, "resource_name": "record", "collection_id": "c", "record_id": "r",
            "target": {"data": data, "permissions": {"write": ["account:a"]}},
        });
        Bytes::from(entry.to_string())
    }

    #[test]
    fn read_knows_deletions_and_anonymous_users() {
        let data = json!({"id": "r", "last_modified": 5, "deleted": true});
        let entry = HistoryEntry::<Value>::read(&raw("delete", &data)).unwrap();
        assert!(entry.is_deletion() && entry.user_id.is_none() && entry.to_record().unwrap().is_none());
        assert_eq!((entry.target.last_modified.as_millis(), entry.target.data), (5, None));
        let entry = HistoryEntry::<Value>::read(&raw("update", &data)).unwrap();
        assert_eq!(entry.target.data, Some(json!({"deleted": true})), "a record with such a field");
        assert_eq!(entry.target.permissions["write"], ["account:a"]);
        let entry = HistoryEntry::<Value>::read(&raw("revive", &json!({"id": "r", "last_modified": 5}))).unwrap();
        assert_eq!(entry.action, HistoryAction::Other("revive".to_owned()));
    }

    #[test]
    fn read_names_entry_and_field_that_do_not_fit() {
        let error = HistoryEntry::<Value>::read(&Bytes::from_static(b"{}")).unwrap_err();
        assert!(error.is_unexpected(), "{error}");
        let error = HistoryEntry::<Value>::read(&raw("update", &json!({"id": "r"}))).unwrap_err();
        assert_eq!((error.is_decode(), error.field(), error.record_id()), (true, Some("target.data"), Some("r")));
        assert!(error.to_string().contains("the entry `e1` of the history"), "{error}");
    }
}
