use std::{collections::BTreeMap, fmt, sync::Arc};

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, value::RawValue};

use super::{
    cursor::Cursor,
    decode::{self, Decoded},
    id::Id,
    kind::{self, Kind},
    merge::ListKey,
    page::Page,
    permissions::{PermissionSet, Permissions, Shown},
    response::Response,
    siblings::Siblings,
    timestamp::Timestamp,
};
use crate::error::{Error, Result};

pub(crate) mod saving;
mod stored;
#[cfg(test)]
mod tests;

/// What can be the data of a record: your own types by `#[derive(KintoRecord)]`, and [`Value`] and
/// [`JsonObject`](crate::JsonObject) for JSON without a type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a Kinto record",
    label = "missing `#[derive(KintoRecord)]`",
    note = "add `#[derive(KintoRecord)]` to `{Self}`, or use `kinto_client::Value` for JSON without a type"
)]
pub trait Data: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The keys among `id`, `last_modified` and `schema` that the type has a field of its own for. It is not shown the others:
    /// the first two are in [`Object::id`] and [`Object::last_modified`], and `schema` is the server's stamp on a record that it
    /// has checked against a schema. A `schema` that is no such stamp (a time in milliseconds) is data like any other.
    const DECLARES: &'static [&'static str] = &[];
    /// By which of their fields the items of its lists are known: `#[kinto(key = "…")]`.
    #[doc(hidden)]
    const LIST_KEYS: &'static [ListKey] = &[];
    /// Whether its collection is declared to have the schema of the type: `#[kinto(schema)]`. Its records are then written
    /// where the server checks them, also in the `default` bucket.
    const HAS_SCHEMA: bool = false;
}

impl Data for Value {}
impl Data for Map<String, Value> {}

/// A record: its data as a `T`, and what the server knows of it.
pub type Record<T> = Object<kind::Record, T>;

/// An object as it was read from, or stored on, the server: a bucket, a collection, a group or a [`Record`].
///
/// It is data, not a connection. Change [`data`](Self::data), give it to a save (`collection.save_record(&mut
/// record)`, `bucket.save(&mut object)`), and what was changed is stored. The JSON it came from stays with it, so that
/// everything in it that `T` has no place for, at any depth, is still there after a save; and so that a save of
/// what was not changed sends nothing. A save is refused ([`Error::is_conflict`]) if somebody else has changed the
/// object since it was read.
///
/// `id` and `last_modified` are the server's, and what `data` says of them, where `T` has such fields, is
/// never sent: setting `last_modified` there changes nothing, and another `id` is an error.
pub struct Object<K: Kind, T> {
    /// The name of the object in its list.
    pub id: Id<K, T>,
    /// The version of the object: when it was last changed.
    pub last_modified: Timestamp,
    /// What the object holds.
    pub data: T,
    /// Who may do what with the object, if the server said.
    pub permissions: Permissions<K::Permissions>,
    /// The object as received: its `data` alone, and the permissions.
    received: Bytes,
    /// The object with the changes that were made to it as another type, which may have no place in this one. It is boxed
    /// since hardly any object has it.
    changed: Option<Box<Bytes>>,
    /// As received, if they were shown.
    received_permissions: Option<Arc<K::Permissions>>,
}

/// What the server adds to the data of every object.
pub(crate) const STAMP: [&str; 2] = ["id", "last_modified"];

#[derive(Deserialize)]
#[serde(bound = "")]
struct Envelope<'a, P: PermissionSet> {
    #[serde(borrow)]
    data: &'a RawValue,
    permissions: Option<Shown<P>>,
}

impl<K: Kind, T: Data> Object<K, T> {
    /// Reads the answer to a request for one object.
    pub(crate) fn from_answer(answer: &Response) -> Result<Self> {
        let body = &answer.body;
        if let Some(object) = Self::in_one_pass(Cursor::new(body)?, &answer.siblings) {
            return Ok(object);
        }
        // It has more in it, or is wrong.
        let envelope: Envelope<'_, K::Permissions> =
            serde_json::from_slice(body).map_err(|error| Error::not_kinto(&error, body))?;
        let Shown(permissions) = envelope.permissions.unwrap_or(Shown(Permissions::NotVisible));
        Self::new(detached(envelope.data.get().as_bytes()), permissions)
    }

    /// Reads an answer that is as all of Kinto's are.
    fn in_one_pass(mut answer: Cursor, siblings: &Siblings) -> Option<Self> {
        let (mut data, mut permissions) = (None, None);
        let mut separator = "{";
        while answer.step_over(separator) {
            separator = ",";
            if data.is_none() && answer.step_over_field("\"data\"") {
                let (decoded, length) = decode::first(answer.rest(), T::DECLARES)?;
                data = Some((decoded, detached(&answer.next(length)?)));
                answer.go_on(length);
            } else if permissions.is_none() && answer.step_over_field("\"permissions\"") {
                permissions = Some(siblings.permissions(&mut answer)?);
            } else {
                return None;
            }
        }
        let whole = answer.step_over("}") && answer.rest().is_empty();
        let (decoded, received) = data.filter(|_| whole)?;
        Some(Self::of(decoded, received, permissions.unwrap_or_default()))
    }

    /// Reads one item of a list, or what a conflict found, neither of which has permissions.
    pub(crate) fn from_received(received: Bytes) -> Result<Self> {
        Self::new(received, Permissions::NotVisible)
    }

    /// Reads the next object of a page, and gives it to `take`: so it is not moved from hand to hand.
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

    /// The same object with its data as another type. Changes that were made to `data` are taken along, and what
    /// neither type knows is kept.
    ///
    /// # Errors
    ///
    /// [`Error::is_decode`] if the JSON does not fit `U`.
    ///
    /// ```
    /// use kinto_client::{JsonObject, Record, Value};
    ///
    /// fn untyped(record: &Record<Value>) -> kinto_client::Result<Record<JsonObject>> {
    ///     record.parse::<JsonObject>()
    /// }
    /// ```
    pub fn parse<U: Data>(&self) -> Result<Object<K, U>> {
        let mut parsed = Object::<K, U>::new(self.received.clone(), Permissions::NotVisible)?;
        parsed.received_permissions.clone_from(&self.received_permissions);
        parsed.permissions = self.permissions.clone();
        if let Some(changed) = self.with_changes()? {
            parsed.data = decode::object::<U>(&changed, U::DECLARES)?.data;
            parsed.changed = Some(changed.into());
        }
        Ok(parsed)
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

    /// The version of the collection at which the server checked the record against the collection's schema, if it did: the
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

    /// The JSON of the object as the server sent it, `id` and `last_modified` included, without later changes.
    ///
    /// ```
    /// # use kinto_client::{Record, Value};
    /// fn show(record: &Record<Value>) {
    ///     println!("{}", record.received_json());
    /// }
    /// ```
    #[must_use]
    pub fn received_json(&self) -> &str {
        // It was decoded as JSON, which is UTF-8.
        std::str::from_utf8(&self.received).unwrap_or_default()
    }
}

impl<K: Kind, T> Object<K, T> {
    /// The object as received, without later changes.
    pub(crate) fn received(&self) -> &[u8] {
        &self.received
    }
}

/// A copy: a slice would keep all of the answer, which is that of everything in the same batch.
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

/// The snapshot is left out: it would say everything twice.
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
