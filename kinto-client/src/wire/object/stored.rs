//! Objects outside of a server's response: in caches, and created by hand for tests.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::value::RawValue;

use super::{Object, RecordData, to_raw};
use super::{
    decode,
    id::{self, Id},
    kind::Kind,
    permissions::{PermissionSet, Permissions, Shown},
};
use crate::{
    error::{Error, Result},
    json::encode,
    wire::timestamp::Timestamp,
};

/// An object as it is kept outside of a program. JSON is kept as text, byte for byte, whatever the format around it.
#[derive(Serialize, Deserialize)]
struct Stored {
    /// The text as the server sent it.
    received: String,
    /// The same with what was changed here and is not saved yet.
    changed: Option<String>,
    /// The permissions as they are here, and as the server sent them, each as JSON.
    permissions: Option<String>,
    received_permissions: Option<String>,
}

impl<K: Kind, T: RecordData> Object<K, T> {
    /// Creates an object from its data and version, for tests and caches.
    ///
    /// Its permissions are not visible, unless [`with_permissions`](Self::with_permissions) gives some. To keep a record and save it
    /// later, serialize the record itself instead: that keeps what `T` has no place for.
    ///
    /// ```
    /// use kinto_client::{Record, Timestamp, Value, json};
    ///
    /// let record = Record::<Value>::from_parts("milk", Timestamp::from_millis(5), json!({"title": "Milk"}))?;
    /// assert_eq!((record.id.as_str(), &record.data["title"]), ("milk", &json!("Milk")));
    /// # Ok::<(), kinto_client::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid`] if the id cannot be one, or the data is no JSON object or has another id;
    /// [`Error::is_decode`] if the data does not come back from its own JSON.
    pub fn from_parts(id: impl Into<Id<K, T>>, last_modified: Timestamp, data: T) -> Result<Self> {
        let id = id.into();
        id::check(K::NAME, &id)?;
        let mut json = encode::object(&data)?;
        if let Some(own) = json.get("id").filter(|own| !own.is_null() && own.as_str() != Some(id.as_str())) {
            return Err(Error::invalid(format!("two ids were given: {:?}, and {own} in the data", id.as_str())));
        }
        json.insert("id".to_owned(), id.as_str().into());
        json.insert("last_modified".to_owned(), last_modified.as_millis().into());
        let mut object = Self::from_received(Bytes::from(to_raw(&json)?.get().to_owned()))?;
        object.data = data;
        Ok(object)
    }

    /// Reads an object from its JSON as the server keeps it: `id` and `last_modified` beside the data, as in
    /// [`raw_json`](Self::raw_json).
    ///
    /// ```
    /// use kinto_client::{Record, Value};
    ///
    /// let record = Record::<Value>::from_json(r#"{"id": "milk", "last_modified": 5, "title": "Milk"}"#)?;
    /// assert_eq!(record.last_modified.as_millis(), 5);
    /// # Ok::<(), kinto_client::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::is_decode`] if the JSON has no `id` or `last_modified`, or does not fit `T`.
    pub fn from_json(json: impl Into<String>) -> Result<Self> {
        Self::from_received(Bytes::from(json.into()))
    }

    /// Returns the object with these permissions, as if the server had sent them.
    #[must_use]
    pub fn with_permissions(mut self, permissions: K::Permissions) -> Self {
        let permissions = Arc::new(permissions);
        self.received_permissions = Some(Arc::clone(&permissions));
        self.permissions = Permissions::Visible(permissions);
        self
    }

    fn to_stored(&self) -> Result<Stored> {
        let changed = self.with_changes()?;
        let permissions = |set: Option<&K::Permissions>| set.map(|set| Ok(to_raw(&set)?.get().to_owned())).transpose();
        Ok(Stored {
            received: self.raw_json().to_owned(),
            changed: changed.map(|changed| String::from_utf8_lossy(&changed).into_owned()),
            permissions: permissions(self.permissions.get())?,
            received_permissions: permissions(self.received_permissions.as_deref())?,
        })
    }

    fn from_stored(stored: Stored) -> Result<Self> {
        let mut object = Self::from_json(stored.received)?;
        if let Some(changed) = stored.changed {
            let changed = Bytes::from(changed);
            object.data = decode::object::<T>(&changed, T::DECLARES)?.data;
            object.changed = Some(changed.into());
        }
        object.permissions = permissions::<K::Permissions>(stored.permissions.as_deref())?;
        object.received_permissions = permissions::<K::Permissions>(stored.received_permissions.as_deref())?.shared();
        Ok(object)
    }
}

fn permissions<P: PermissionSet>(json: Option<&str>) -> Result<Permissions<P>> {
    let Some(json) = json else { return Ok(Permissions::NotVisible) };
    let raw: &RawValue = serde_json::from_str(json).map_err(|error| Error::not_kinto(&error, json.as_bytes()))?;
    let Shown(shown) = serde_json::from_str(raw.get()).map_err(|error| Error::not_kinto(&error, json.as_bytes()))?;
    // Empty lists were shown all the same.
    Ok(if shown == Permissions::NotVisible { Permissions::Visible(Arc::default()) } else { shown })
}

/// Serializes all that a later save needs: the received JSON with its unknown fields, the version, the permissions,
/// and unsaved changes. What `T` skips in its own JSON is not kept. To serialize the data alone, use
/// [`data`](Object::data).
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = kinto_server::Server::shared().expect("a server");
/// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
/// # let todo = client.bucket("default").collection(kinto_server::unique("doc"));
/// use kinto_client::{Record, Value, json};
///
/// let mut record = todo.create_record(json!({"title": "Milk", "litres": 1})).await?;
/// record.data["litres"] = 2.into();
/// let kept = serde_json::to_string(&record)?;
///
/// let mut record: Record<Value> = serde_json::from_str(&kept)?;
/// todo.save_record(&mut record).await?; // a conflict if another client has changed it
/// assert_eq!(todo.get_record::<Value>(&record.id).await?.data["litres"], 2);
/// # Ok(()) }
/// ```
impl<K: Kind, T: RecordData> Serialize for Object<K, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        self.to_stored().map_err(ser::Error::custom)?.serialize(serializer)
    }
}

/// Reads what its `Serialize` wrote; for an object as a server keeps it see [`from_json`](Object::from_json).
impl<'de, K: Kind, T: RecordData> Deserialize<'de> for Object<K, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        Self::from_stored(stored).map_err(de::Error::custom)
    }
}

/// Compares what can be seen: the id, the version, the data and the permissions.
impl<K: Kind, T: PartialEq> PartialEq for Object<K, T> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
            && self.last_modified == other.last_modified
            && self.data == other.data
            && self.permissions == other.permissions
    }
}

impl<K: Kind, T: Eq> Eq for Object<K, T> where K::Permissions: Eq {}
