//! Contents of a server: storing them from the start, and reading them in the end.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, header};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::{
    kinto::Kinto,
    server::{
        LAST_TIME,
        database::{Kind, Permissions},
        is_id,
    },
};
use crate::{
    error::{Error, Result},
    record::KintoRecord,
    wire::object::Record,
};

/// The id that stands for the default bucket of a user.
const DEFAULT: &str = "default";

/// The owner of what is stored from the start.
struct PresetUser {
    /// The principal, unless the server accepts no such user.
    id: Option<String>,
    /// The id of the default bucket, if there are default buckets.
    bucket: Option<String>,
}

impl Kinto {
    /// Stores objects, as JSON in the form of [`dump`](Self::dump): buckets by their ids, in them `data`, `permissions`,
    /// `groups` and `collections`, and in those `data`, `permissions` and `records`.
    ///
    /// Records may be given as plain objects, or with `data` and `permissions`. A `last_modified` is kept if it is new in
    /// its list. A bucket without `permissions` is one that the user of [`client`](Self::client) has created, and `default`
    /// is the default bucket of that user. What is there already stays, except for what is given.
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid`] if the JSON is of another form, with the place.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> kinto_client::Result<()> {
    /// use kinto_client::{Value, json, testing::Kinto};
    ///
    /// let kinto = Kinto::new();
    /// kinto.preset(json!({"blog": {
    ///     "permissions": {"read": ["system.Everyone"]},
    ///     "collections": {"posts": {"records": {"hello": {"title": "Hello"}}}},
    /// }}))?;
    /// let post = kinto.client().bucket("blog").collection("posts").get_record::<Value>("hello").await?;
    /// assert_eq!(post.data["title"], "Hello");
    /// # Ok(()) }
    /// ```
    pub fn preset(&self, buckets: Value) -> Result<()> {
        let user = self.preset_user();
        for (id, bucket) in object(buckets, "the preset")? {
            let id = user.bucket.clone().filter(|_| id == DEFAULT).unwrap_or(id);
            let place = format!("/buckets/{id}");
            let mut parts = object(bucket, &place)?;
            let (groups, collections) = (parts.remove("groups"), parts.remove("collections"));
            if let Some(owner) = &user.id
                && !parts.contains_key("permissions")
                && self.state().server.database.get(&(String::new(), Kind::Bucket), &id).is_none()
            {
                parts.insert("permissions".to_owned(), json!({"write": [owner]}));
            }
            self.store("", Kind::Bucket, &id, parts, &place)?;
            for (group, parts) in children(groups, &format!("{place}/groups"))? {
                let uri = format!("{place}/groups/{group}");
                self.store(&place, Kind::Group, &group, object(parts, &uri)?, &uri)?;
            }
            for (collection, parts) in children(collections, &format!("{place}/collections"))? {
                let uri = format!("{place}/collections/{collection}");
                let mut parts = object(parts, &uri)?;
                let records = parts.remove("records");
                self.store(&place, Kind::Collection, &collection, parts, &uri)?;
                for (record, parts) in children(records, &format!("{uri}/records"))? {
                    let record_uri = format!("{uri}/records/{record}");
                    let parts = object(parts, &record_uri)?;
                    let has_parts =
                        !parts.is_empty() && parts.keys().all(|key| matches!(key.as_str(), "data" | "permissions"));
                    let parts =
                        if has_parts { parts } else { Map::from_iter([("data".to_owned(), Value::Object(parts))]) };
                    self.store(&uri, Kind::Record, &record, parts, &record_uri)?;
                }
            }
        }
        Ok(())
    }

    /// Stores records of a type in its collection, which is created with its bucket unless they are there. The bucket is then
    /// one that the user of [`client`](Self::client) has created.
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid`] if a record cannot be encoded.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> kinto_client::Result<()> {
    /// use kinto_client::{KintoRecord, testing::Kinto};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize, KintoRecord)]
    /// #[kinto(bucket = "blog", collection = "posts")]
    /// struct Post {
    ///     title: String,
    /// }
    ///
    /// let kinto = Kinto::new();
    /// kinto.preset_records([("hello", Post { title: "Hello".into() })])?;
    /// assert_eq!(kinto.client().typed::<Post>().get_record("hello").await?.data.title, "Hello");
    /// # Ok(()) }
    /// ```
    pub fn preset_records<T: KintoRecord + serde::Serialize>(
        &self,
        records: impl IntoIterator<Item = (impl Into<String>, T)>,
    ) -> Result<()> {
        let mut all = Map::new();
        for (id, record) in records {
            let data = serde_json::to_value(&record).map_err(|error| Error::invalid(error.to_string()))?;
            all.insert(id.into(), json!({"data": data}));
        }
        self.preset(json!({T::BUCKET: {"collections": {T::COLLECTION: {"records": all}}}}))
    }

    /// Returns the records of a type that are stored, by their ids. [`dump`](Self::dump) has the rest.
    ///
    /// # Errors
    ///
    /// [`Error::is_decode`] if a record does not fit the type.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> kinto_client::Result<()> {
    /// use kinto_client::{KintoRecord, testing::Kinto};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
    /// #[kinto(collection = "todo")]
    /// struct Todo {
    ///     title: String,
    /// }
    ///
    /// let kinto = Kinto::new();
    /// kinto.client().typed().create_record(Todo { title: "Milk".into() }).id("milk").await?;
    /// assert_eq!(kinto.dump_records()?, [("milk".to_owned(), Todo { title: "Milk".into() })].into());
    /// # Ok(()) }
    /// ```
    pub fn dump_records<T: KintoRecord + DeserializeOwned>(&self) -> Result<BTreeMap<String, T>> {
        let default = self.preset_user().bucket.filter(|_| T::BUCKET == DEFAULT);
        let bucket = default.as_deref().unwrap_or(T::BUCKET);
        let dump = self.dump();
        let collection = dump.get(bucket).and_then(|bucket| bucket.get("collections")?.get(T::COLLECTION));
        let records = collection.and_then(|collection| collection.get("records")?.as_object()).into_iter().flatten();
        let read = |(id, record): (&String, &Value)| {
            let mut data = record.get("data").cloned().unwrap_or_default();
            if let Some(data) = data.as_object_mut() {
                data.insert("id".to_owned(), id.as_str().into());
            }
            Ok((id.clone(), Record::<T>::from_json(data.to_string())?.data))
        };
        records.map(read).collect()
    }

    fn store(&self, parent: &str, kind: Kind, id: &str, mut parts: Map<String, Value>, place: &str) -> Result<()> {
        let data = parts.remove("data").map(|data| object(data, &format!("{place}/data"))).transpose()?;
        let permissions = parts.remove("permissions").map(|value| permissions(value, place)).transpose()?;
        if let Some(unknown) = parts.keys().next() {
            return Err(Error::invalid(format!("`{unknown}` in {place} of the preset is unknown")));
        }
        if !is_id(kind, id) {
            return Err(Error::invalid(format!("{id:?} in the preset cannot be the id of a {}", kind.name())));
        }
        let unknown = |name: &&String| !kind.permissions().contains(&name.as_str());
        if let Some(unknown) = permissions.iter().flat_map(Permissions::keys).find(unknown) {
            let known = kind.permissions().join(", ");
            return Err(Error::invalid(format!(
                "`{unknown}` of {place} in the preset is no permission: there are {known}"
            )));
        }
        let mut state = self.state();
        let database = &mut state.server.database;
        database.now = self.now();
        let key = (parent.to_owned(), kind);
        if let Some(permissions) = permissions {
            database.set_permissions(place, Some(permissions));
        }
        let mut data = match (data, database.get(&key, id)) {
            (Some(data), _) => data,
            // Several presets can add to one bucket.
            (None, Some(_)) => {
                database.commit();
                return Ok(());
            }
            (None, None) => Map::new(),
        };
        data.remove("id");
        let wanted = data.remove("last_modified").map(|time| timestamp(&time, place)).transpose()?;
        // What is there already keeps its version, so that a dump can be given back.
        if database.get(&key, id).is_some_and(|row| *row.data == data && wanted == Some(row.last_modified)) {
            database.commit();
            return Ok(());
        }
        if kind == Kind::Group {
            let group = place.to_owned();
            let members = data.entry("members").or_insert_with(|| json!([])).as_array().cloned().unwrap_or_default();
            database.disband(&group);
            members.iter().filter_map(Value::as_str).for_each(|member| database.join(member, &group));
        }
        if database.store(&key, id, Arc::new(data), wanted).is_err() {
            database.roll_back();
            return Err(Error::invalid(format!("another object has the `last_modified` of {place} in the preset")));
        }
        database.commit();
        Ok(())
    }

    /// Returns the user of [`client`](Self::client), as the server knows it.
    fn preset_user(&self) -> PresetUser {
        let mut request = http::Request::new(Bytes::new());
        *request.uri_mut() = http::Uri::from_static("/v1/");
        // `test:test`, as in `client`.
        request.headers_mut().insert(header::AUTHORIZATION, HeaderValue::from_static("Basic dGVzdDp0ZXN0"));
        let response = self.answer(&mut self.state(), request);
        let root: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        let of = |name: &str| root.get("user")?.get(name)?.as_str().map(str::to_owned);
        PresetUser { id: of("id"), bucket: of("bucket") }
    }

    /// Returns everything that is stored, apart from accounts, history and tombstones, in the form of
    /// [`preset`](Self::preset), in the order of the ids.
    #[must_use]
    pub fn dump(&self) -> Value {
        let state = self.state();
        let database = &state.server.database;
        let permissions =
            |uri: &str| database.permissions.get(uri).map_or_else(|| json!({}), |permissions| json!(permissions));
        let list = |parent: &str, kind: Kind, name: &str| -> Vec<(String, Value, String)> {
            let rows = database.list(&(parent.to_owned(), kind)).map(|list| &list.rows);
            let rows = rows.into_iter().flatten().filter(|(_, row)| !row.deleted);
            let dumped = rows.map(|(id, row)| {
                let mut data = (*row.data).clone();
                data.insert("last_modified".to_owned(), row.last_modified.into());
                let uri = format!("{parent}/{name}/{id}");
                (id.clone(), json!({"data": data, "permissions": permissions(&uri)}), uri)
            });
            dumped.collect()
        };
        let with = |mut dumped: Value, name: &str, children: Map<String, Value>| {
            if let (false, Some(dumped)) = (children.is_empty(), dumped.as_object_mut()) {
                dumped.insert(name.to_owned(), Value::Object(children));
            }
            dumped
        };
        let all = list("", Kind::Bucket, "buckets").into_iter().map(|(id, bucket, uri)| {
            let groups = list(&uri, Kind::Group, "groups").into_iter().map(|(id, group, _)| (id, group)).collect();
            let collections = list(&uri, Kind::Collection, "collections").into_iter().map(|(id, collection, uri)| {
                let records = list(&uri, Kind::Record, "records").into_iter().map(|(id, record, _)| (id, record));
                (id, with(collection, "records", records.collect()))
            });
            (id, with(with(bucket, "groups", groups), "collections", collections.collect()))
        });
        Value::Object(all.collect())
    }
}

fn object(value: Value, place: &str) -> Result<Map<String, Value>> {
    match value {
        Value::Object(object) => Ok(object),
        other => Err(Error::invalid(format!("{place} has to be an object in the preset, and is `{other}`"))),
    }
}

fn timestamp(value: &Value, place: &str) -> Result<i64> {
    let is_in_range = |time: &i64| (0..LAST_TIME).contains(time);
    value.as_i64().filter(is_in_range).ok_or_else(|| {
        Error::invalid(format!(
            "the `last_modified` of {place} in the preset is `{value}`, and has to be milliseconds since 1970"
        ))
    })
}

fn children(value: Option<Value>, place: &str) -> Result<Map<String, Value>> {
    value.map_or_else(|| Ok(Map::new()), |value| object(value, place))
}

fn permissions(value: Value, place: &str) -> Result<Permissions> {
    serde_json::from_value(value).map_err(|error| {
        Error::invalid(format!("the permissions of {place} in the preset are not lists of principals by name: {error}"))
    })
}
