use http::Method;
use serde_json::Value;
use uuid::Uuid;

use super::{Call, CallContext, create_if_not_exists::CreateIfNotExists, sealed::Operation};
use crate::{
    error::{Error, Result},
    json::encode::NewData,
    wire::{
        id_text::Name,
        object::{
            Object, RecordData, file_field,
            id::Id,
            kind::{self, Kind},
            permissions::PermissionSet,
            principal::Principal,
        },
        path::List,
        random,
        request::{Precondition, Request},
        response::Response,
    },
};

/// Creates an object and never replaces one.
pub struct Create<K: Kind, T> {
    pub(crate) list: List<K>,
    pub(crate) data: T,
    pub(crate) id: NewId,
    pub(crate) permissions: Option<K::Permissions>,
    /// The codec function for `T`, chosen where the call is made, so that an unmet bound on `T` causes one
    /// compiler error only.
    pub(super) encode: fn(&T) -> Result<NewData>,
    pub(crate) read: fn(&Response) -> Result<Object<K, T>>,
}

/// The source of the id of a new object.
pub(crate) enum NewId {
    /// A random id, generated once per call, so that a retry of the request can be recognized.
    Ours(Uuid),
    Chosen(String),
    Servers,
}

/// An iterator of random ids, which reads random bytes from the system for many ids at once.
#[derive(Default)]
pub(crate) struct NewIds {
    random: Vec<u8>,
}

impl NewIds {
    pub(crate) fn one(&mut self) -> Uuid {
        const AT_A_TIME: usize = 256;
        if self.random.is_empty() {
            self.random.resize(AT_A_TIME * size_of::<uuid::Bytes>(), 0);
            if !random::fill(&mut self.random) {
                self.random.clear();
            }
        }
        let at = self.random.len().saturating_sub(size_of::<uuid::Bytes>());
        match self.random.split_off(at).try_into() {
            Ok(random) => uuid::Builder::from_random_bytes(random).into_uuid(),
            Err(_) => random::uuid(),
        }
    }
}

impl<K: Kind, T> Create<K, T> {
    pub(crate) fn new(list: List<K>, data: T) -> Self
    where
        T: RecordData,
    {
        Self::with_new_id(list, data, random::uuid())
    }

    pub(crate) fn with_new_id(list: List<K>, data: T, id: Uuid) -> Self
    where
        T: RecordData,
    {
        Self::with(list, data, NewId::Ours(id))
    }

    pub(crate) fn with_id(list: List<K>, data: T, id: impl Into<String>) -> Self
    where
        T: RecordData,
    {
        Self::with(list, data, NewId::Chosen(id.into()))
    }

    /// Returns the creation that a store makes of a replacement, whose data must keep what it cannot replace.
    #[cfg(feature = "local")]
    pub(crate) fn replacing(list: List<K>, data: T, id: impl Into<String>) -> Self
    where
        T: RecordData,
    {
        Self { encode: encode_replacement::<T>, ..Self::with_id(list, data, id) }
    }

    fn with(list: List<K>, data: T, id: NewId) -> Self
    where
        T: RecordData,
    {
        Self { list, data, id, permissions: None, encode: encode::<T>, read: Object::from_answer }
    }

    pub(crate) fn new_data(&self) -> Result<NewData> {
        (self.encode)(&self.data)
    }

    /// Returns the id of the new object, or `None` if the server chooses it.
    pub(crate) fn chosen(&self, data: &NewData) -> Result<Option<Name>> {
        let own = match &data.id {
            None | Some(Value::Null) => None,
            Some(Value::String(id)) => Some(id),
            Some(other) => return Err(Error::invalid(format!("the data's `id` must be text, and it is {other}"))),
        };
        let id = match (&self.id, own) {
            (NewId::Chosen(chosen), Some(own)) if chosen != own => {
                return Err(Error::invalid(format!(
                    "two ids were given: {chosen:?} with `.id(…)`, and {own:?} in the data"
                )));
            }
            (NewId::Servers, Some(own)) => {
                return Err(Error::invalid(format!(
                    "the data has the `id` {own:?}, but `.server_id()` lets the server choose one: remove either"
                )));
            }
            (NewId::Chosen(id), _) | (NewId::Ours(_), Some(id)) => Some(Name::from(id.as_str())),
            (NewId::Ours(id), None) => Some(Name::from(&*id.hyphenated().encode_lower(&mut Uuid::encode_buffer()))),
            (NewId::Servers, None) => None,
        };
        self.list.check(id.as_deref(), data.json())?;
        Ok(id)
    }

    /// Returns true if the id was generated for this call, so that no other client uses it.
    pub(crate) fn has_own_id(&self, data: &NewData) -> bool {
        matches!(self.id, NewId::Ours(_)) && !matches!(data.id, Some(Value::String(_)))
    }

    pub(crate) fn checked_permissions(&self) -> Result<Option<&K::Permissions>> {
        self.permissions.as_ref().map_or(Ok(()), PermissionSet::check)?;
        Ok(self.permissions.as_ref())
    }
}

/// Encodes the data of a new object. A record has no file before one is uploaded.
fn encode<T: RecordData>(data: &T) -> Result<NewData> {
    let new = NewData::of(data)?;
    if T::ATTACHMENT {
        file_field::check_new(new.json())?;
    }
    Ok(new)
}

#[cfg(feature = "local")]
fn encode_replacement<T: RecordData>(data: &T) -> Result<NewData> {
    let new = NewData::of(data)?;
    if T::ATTACHMENT {
        file_field::check_replacement(new.json())?;
    }
    Ok(new)
}

impl<K: Kind, T: Send + 'static> Operation for Create<K, T> {
    const NAME: &'static str = "Create";

    type Output = Object<K, T>;

    fn context(&self) -> CallContext {
        match &self.id {
            NewId::Chosen(id) => CallContext::new(operation::<K>("create"), &self.list.at(id.as_str())),
            _ => CallContext::new(operation::<K>("create"), &self.list),
        }
    }

    fn request(&self) -> Result<Option<Request>> {
        let data = self.new_data()?;
        let request = match self.chosen(&data)? {
            Some(id) => {
                let path = self.list.checked_at(&id)?;
                let own_id = self.has_own_id(&data);
                Request::new(Method::PUT, path).provided(Precondition::Absent).repeatable().with_own_id(own_id)
            }
            None => Request::new(Method::POST, self.list.checked()?),
        };
        Ok(Some(request.with_body(data.into_body(self.checked_permissions()?)?)))
    }

    fn response(self, response: Response) -> Result<Object<K, T>> {
        (self.read)(&response.success()?)
    }
}

/// Returns the name of an operation on objects of kind `K`, such as `create record`.
pub(crate) fn operation<K: Kind>(verb: &'static str) -> &'static str {
    macro_rules! names {
        ($($verb:literal),+) => {
            match (verb, K::NAME) {
                $(
                    ($verb, "bucket") => concat!($verb, " bucket"),
                    ($verb, "collection") => concat!($verb, " collection"),
                    ($verb, "group") => concat!($verb, " group"),
                    ($verb, "record") => concat!($verb, " record"),
                )+
                _ => verb,
            }
        };
    }
    names!("create", "get", "save", "save permissions of", "overwrite", "patch", "delete", "update", "grant", "revoke")
}

impl<'a, K: Kind, T: RecordData> Call<'a, Create<K, T>> {
    /// Sets the data of the object.
    pub fn data(mut self, data: T) -> Self {
        self.op.data = data;
        self
    }

    /// Sets the permissions of the object; the server adds the `write` permission of the current user.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let bucket = client.bucket(kinto_server::unique("doc"));
    /// let created = bucket.create().permissions(|p| p.read("account:niko").collection_create("account:remy")).await?;
    /// # assert!(created.permissions.get().unwrap().read.contains("account:niko"));
    /// # Ok(()) }
    /// ```
    pub fn permissions(mut self, build: impl FnOnce(K::Permissions) -> K::Permissions) -> Self {
        self.op.permissions = Some(build(self.op.permissions.unwrap_or_default()));
        self
    }

    /// Returns the existing object with its permissions, unchanged, if there is one with this id.
    pub fn if_not_exists(self) -> Call<'a, CreateIfNotExists<K, T>> {
        Call::new(&self.client, CreateIfNotExists(self.op))
    }
}

impl<T: RecordData> Call<'_, Create<kind::Record, T>> {
    /// Sets the id of the record, instead of a random one.
    ///
    /// Data that serializes with an `id` of its own has the same effect.
    pub fn id(mut self, id: impl Into<Id<kind::Record, T>>) -> Self {
        self.op.id = NewId::Chosen(id.into().into());
        self
    }

    /// Lets the server choose the id.
    ///
    /// Such a request cannot be retried safely: if its response is lost, it is unknown whether the record was
    /// created.
    pub fn server_id(mut self) -> Self {
        self.op.id = NewId::Servers;
        self
    }
}

impl Call<'_, Create<kind::Group, crate::wire::object::attributes::GroupAttributes>> {
    /// Sets the members of the group.
    pub fn members<P: Into<Principal>>(mut self, members: impl IntoIterator<Item = P>) -> Self {
        self.op.data.members = members.into_iter().map(Into::into).collect();
        self
    }
}

debug_as_place!(Create [K: Kind, T] [K, T] list);

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn new_ids_returns_distinct_random_ids() {
        let mut ids = NewIds::default();
        let ids: HashSet<Uuid> = (0..1_000).map(|_| ids.one()).collect();
        assert_eq!(ids.len(), 1_000);
        assert!(ids.iter().all(|id| id.get_version_num() == 4));
    }
}
