//! Objects: id, version, data and permissions, decoded from the bytes that were received.

use std::{collections::BTreeMap, fmt, sync::Arc};

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, value::RawValue};

use super::{batch_permissions::PermissionCache, page::Page, response::Response, timestamp::Timestamp};
use crate::error::{Error, Result};
use crate::json::{merge::keys::ListKey, reader::Cursor};
use decode::Decoded;
use id::Id;
use kind::Kind;
use permissions::{PermissionSet, Permissions, Shown};

pub(crate) mod attributes;
pub(crate) mod conflict;
pub(crate) mod decode;
pub(crate) mod diff;
pub(crate) mod file_field;
pub(crate) mod id;
pub mod kind;
pub(crate) mod members;
pub(crate) mod outcome;
pub(crate) mod patch;
pub(crate) mod patch_path;
pub(crate) mod permissions;
pub(crate) mod principal;
mod stored;
#[cfg(test)]
mod tests;

/// Types that can be the data of a record: your own with `#[derive(KintoRecord)]`, and [`Value`] and
/// [`JsonObject`](crate::json::JsonObject) for untyped JSON.
///
/// Data may be serialized more than once for one call: again after an error, to find the path of the value that failed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a Kinto record",
    label = "missing `#[derive(KintoRecord)]`",
    note = "add `#[derive(KintoRecord)]` to `{Self}`, or use `kinto_client::Value` for JSON without a type"
)]
pub trait RecordData: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The keys among `id`, `last_modified` and `schema` that the type has a field of its own for. It is not shown the others:
    /// the first two are in [`Object::id`] and [`Object::last_modified`], and `schema` is the server's stamp on a record that it
    /// has checked against a schema. A `schema` that is no such stamp (a time in milliseconds) is data like any other.
    const DECLARES: &'static [&'static str] = &[];
    /// The fields that identify the items of its lists: `#[kinto(key = "…")]`.
    #[doc(hidden)]
    const LIST_KEYS: &'static [ListKey] = &[];
    /// True if its collection is declared to have the schema of the type: `#[kinto(schema)]`. Its records are then
    /// written where the server checks them, also in the `default` bucket.
    const HAS_SCHEMA: bool = false;

    /// True if it has a field with `#[kinto(attachment)]`, which only the server writes.
    #[doc(hidden)]
    const ATTACHMENT: bool = false;

    /// Returns the paths of the fields with an index in a store: `#[kinto(index)]`.
    #[doc(hidden)]
    #[must_use]
    fn __indexes() -> Vec<String> {
        Vec::new()
    }
}

impl RecordData for Value {}
impl RecordData for Map<String, Value> {}

/// A record: its data as a `T`, with id, timestamp and permissions.
pub type Record<T> = Object<kind::Record, T>;

/// An object that was read from the server or stored on it: a bucket, a collection, a group or a [`Record`].
///
/// It is a value without a connection. To store changes, modify [`data`](Self::data) and pass the object to a
/// save (`collection.save_record(&mut record)`, `bucket.save(&mut object)`). It keeps the received JSON, so
/// that fields that `T` does not know, at any depth, survive a save, and a save without changes sends nothing.
/// A save fails with [`Error::is_conflict`] if another client has changed the object since it was read.
///
/// The server sets `id` and `last_modified`. If `T` has such fields, they are never sent: setting
/// `last_modified` has no effect, and another `id` is an error.
pub struct Object<K: Kind, T> {
    /// The id of the object.
    pub id: Id<K, T>,
    /// The version of the object: the time of its last change.
    pub last_modified: Timestamp,
    /// The data of the object.
    pub data: T,
    /// The permissions of the object, if the server showed them.
    pub permissions: Permissions<K::Permissions>,
    /// The `data` of the object as received, without the envelope.
    received: Bytes,
    /// The JSON with changes that were made while the object had another type.
    ///
    /// It is boxed because few objects have it.
    changed: Option<Box<Bytes>>,
    /// The permissions as received, if they are visible.
    received_permissions: Option<Arc<K::Permissions>>,
}

#[derive(Deserialize)]
#[serde(bound = "")]
struct Envelope<'a, P: PermissionSet> {
    #[serde(borrow)]
    data: &'a RawValue,
    permissions: Option<Shown<P>>,
}

impl<K: Kind, T: RecordData> Object<K, T> {
    /// Decodes the response to a request for one object.
    pub(crate) fn from_answer(answer: &Response) -> Result<Self> {
        let body = &answer.body;
        if let Some(object) = Self::in_one_pass(Cursor::new(body)?, &answer.permission_cache) {
            return Ok(object);
        }
        // The response has further fields, or is invalid.
        let envelope: Envelope<'_, K::Permissions> =
            serde_json::from_slice(body).map_err(|error| Error::not_kinto(&error, body))?;
        let Shown(permissions) = envelope.permissions.unwrap_or(Shown(Permissions::NotVisible));
        Self::new(detached(envelope.data.get().as_bytes()), permissions)
    }

    /// Decodes a response whose fields are in Kinto's usual order, in one pass.
    fn in_one_pass(mut answer: Cursor, permission_cache: &PermissionCache) -> Option<Self> {
        let (mut data, mut permissions) = (None, None);
        let mut separator = "{";
        while answer.step_over(separator) {
            separator = ",";
            if data.is_none() && answer.step_over_field("\"data\"") {
                let (decoded, length) = decode::first(answer.rest(), T::DECLARES)?;
                data = Some((decoded, detached(&answer.next(length)?)));
                answer.go_on(length);
            } else if permissions.is_none() && answer.step_over_field("\"permissions\"") {
                permissions = Some(permission_cache.permissions(&mut answer)?);
            } else {
                return None;
            }
        }
        let whole = answer.step_over("}") && answer.rest().is_empty();
        let (decoded, received) = data.filter(|_| whole)?;
        Some(Self::of(decoded, received, permissions.unwrap_or_default()))
    }

    /// Decodes one item of a list, or the object in a conflict response, both of which come without permissions.
    pub(crate) fn from_received(received: Bytes) -> Result<Self> {
        Self::new(received, Permissions::NotVisible)
    }

    /// Decodes the next object of a page and passes it to `take`, which avoids moving it several times.
    pub(crate) fn next_of(page: &mut Page, take: &mut dyn FnMut(Self)) -> Option<Result<()>> {
        if let Some(place) = page.place()
            && let Some((decoded, length)) = decode::first(place.rest(), T::DECLARES)
            && let Some(received) = place.next(length)
        {
            take(Self::of(decoded, received, Permissions::NotVisible));
            page.go_on(length);
            return Some(Ok(()));
        }
        Some(page.next_received()?.and_then(Self::from_received).map(take))
    }

    fn new(received: Bytes, permissions: Permissions<K::Permissions>) -> Result<Self> {
        let decoded = decode::object::<T>(&received, T::DECLARES)?;
        Ok(Self::of(decoded, received, permissions))
    }

    fn of(decoded: Decoded<T>, received: Bytes, permissions: Permissions<K::Permissions>) -> Self {
        Self {
            id: Id::new(decoded.id),
            last_modified: decoded.last_modified,
            data: decoded.data,
            received_permissions: permissions.shared(),
            permissions,
            received,
            changed: None,
        }
    }

    /// Decodes the object as another type.
    ///
    /// Changes that were made to `data` are kept, and so are fields that neither type knows.
    ///
    /// # Errors
    ///
    /// [`Error::is_decode`] if the JSON does not decode as `U`.
    ///
    /// ```
    /// use kinto_client::{JsonObject, Record, Value};
    ///
    /// fn untyped(record: &Record<Value>) -> kinto_client::Result<Record<JsonObject>> {
    ///     record.parse::<JsonObject>()
    /// }
    /// ```
    pub fn parse<U: RecordData>(&self) -> Result<Object<K, U>> {
        let mut parsed = Object::<K, U>::new(self.received.clone(), Permissions::NotVisible)?;
        parsed.received_permissions.clone_from(&self.received_permissions);
        parsed.permissions = self.permissions.clone();
        if let Some(changed) = self.with_changes()? {
            parsed.data = decode::object::<U>(&changed, U::DECLARES)?.data;
            parsed.changed = Some(changed.into());
        }
        Ok(parsed)
    }

    /// Returns true if the JSON that was received decodes as `U`.
    pub(crate) fn was_received_as<U: RecordData>(&self) -> bool {
        decode::object::<U>(&self.received, U::DECLARES).is_ok()
    }

    /// The JSON of the object with what was changed in it, its id and version included; `None` if nothing was.
    fn with_changes(&self) -> Result<Option<Bytes>> {
        let Some(data) = self.changed_data()? else { return Ok(None) };
        let mut changed: BTreeMap<String, &RawValue> =
            serde_json::from_str(data.get()).map_err(|error| Error::not_kinto(&error, data.get().as_bytes()))?;
        let (id, last_modified) = (to_raw(&self.id)?, to_raw(&self.last_modified)?);
        changed.extend([("id".to_owned(), &*id), ("last_modified".to_owned(), &*last_modified)]);
        Ok(Some(Bytes::from(to_raw(&changed)?.get().to_owned())))
    }

    /// Returns the version of the collection at which the server checked the record against its schema, if it did: the
    /// server's `schema` stamp, which is not part of [`data`](Self::data) unless `T` has a field for it.
    ///
    /// ```
    /// use kinto_client::{Record, Value};
    ///
    /// let record = Record::<Value>::from_json(r#"{"id": "a", "last_modified": 1700000000123, "schema": 1700000000001}"#)?;
    /// assert_eq!(record.schema_stamp().map(|stamp| stamp.as_millis()), Some(1_700_000_000_001));
    /// # Ok::<(), kinto_client::Error>(())
    /// ```
    #[must_use]
    pub fn schema_stamp(&self) -> Option<Timestamp> {
        #[derive(Deserialize)]
        struct Checked {
            schema: Option<Value>,
        }
        let checked: Checked = serde_json::from_slice(&self.received).ok()?;
        checked.schema.as_ref().and_then(decode::schema_stamp)
    }

    /// Returns the JSON of the object as received, including `id` and `last_modified`, without later changes.
    ///
    /// ```
    /// # use kinto_client::{Record, Value};
    /// fn show(record: &Record<Value>) {
    ///     println!("{}", record.raw_json());
    /// }
    /// ```
    #[must_use]
    pub fn raw_json(&self) -> &str {
        // It was decoded as JSON and is therefore valid UTF-8.
        std::str::from_utf8(&self.received).unwrap_or_default()
    }
}

impl<K: Kind, T> Object<K, T> {
    /// The object as received, without later changes.
    pub(crate) fn received(&self) -> &[u8] {
        &self.received
    }
}

/// Copies the bytes: a slice would keep the whole response in memory, which is that of all parts of a batch.
fn detached(received: &[u8]) -> Bytes {
    Bytes::copy_from_slice(received)
}

fn to_raw<S: Serialize>(value: &S) -> Result<Box<RawValue>> {
    serde_json::value::to_raw_value(value).map_err(|error| Error::invalid(error.to_string()))
}

impl<K: Kind, T: Clone> Clone for Object<K, T> {
    fn clone(&self) -> Self {
        Self {
            id: self.id.clone(),
            last_modified: self.last_modified,
            data: self.data.clone(),
            permissions: self.permissions.clone(),
            received: self.received.clone(),
            changed: self.changed.clone(),
            received_permissions: self.received_permissions.clone(),
        }
    }
}

/// `Debug` leaves out the received JSON, which repeats the data.
impl<K: Kind, T: fmt::Debug> fmt::Debug for Object<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(K::NAME)
            .field("id", &self.id)
            .field("last_modified", &self.last_modified)
            .field("data", &self.data)
            .field("permissions", &self.permissions)
            .finish_non_exhaustive()
    }
}
