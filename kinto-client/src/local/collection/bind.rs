//! Finding the records of a collection and a user in a store.

use std::{fmt, marker::PhantomData, sync::Mutex};

use rusqlite::Transaction;

use super::LocalCollection;
use crate::{
    client::Client,
    error::{Error, Result},
    handle::Collection,
    json::merge::{ListKeys, three_way::RecordType},
    local::{
        inner::{self, Inner},
        record,
        store::{Store, collections, collections::Names, indexes},
        sync::rest,
    },
    operation::{Call, CallContext, sealed},
    record::KintoRecord,
    transport::retry::NeverRetry,
    wire::object::RecordData,
};

/// Finds the records of a collection in a store, for the user of its client.
pub struct BindCollection<T> {
    store: Store,
    collection: Collection,
    of: PhantomData<fn() -> T>,
}

impl Store {
    /// Returns the records of the collection that `T` is bound to by its `#[kinto(…)]` attribute.
    ///
    /// Records are kept by user. The client's [`expect_user`](crate::ClientBuilder::expect_user) says who that is without a
    /// request; otherwise the server is asked. If it cannot be reached, or asked for time that has not passed, it is the one
    /// user of that server whose records are in the file; a synchronization checks that before anything is sent. Where several
    /// people share a file, name the user by `expect_user`: the credentials of another person are not noticed without the
    /// server. A client without credentials is nobody, whose records are apart from those of all users.
    ///
    /// # Errors
    ///
    /// [`Error::is_unauthorized`] if the server does not accept the credentials, as after a login has expired: nothing is written
    /// to the file then.
    /// [`Error::is_connect`], or another error of the request, if the server cannot be reached and the file holds records of
    /// no user or of several; [`Error::is_storage`] if the file cannot be read.
    pub fn collection<T: KintoRecord>(&self, client: &Client) -> Call<'static, BindCollection<T>> {
        self.bind(client.typed::<T>().untyped())
    }

    /// Returns the records of any collection, as type `T`; `Value` for JSON without a type.
    ///
    /// # Errors
    ///
    /// As for [`collection`](Self::collection).
    pub fn bind<T: RecordData>(&self, collection: &Collection) -> Call<'static, BindCollection<T>> {
        let bind = BindCollection { store: self.clone(), collection: collection.clone(), of: PhantomData };
        Call::new(collection.client(), bind)
    }
}

impl<T: RecordData> sealed::Action for BindCollection<T> {
    const NAME: &'static str = "BindCollection";

    type Output = LocalCollection<T>;

    async fn run(self, client: Client) -> Result<LocalCollection<T>> {
        let Self { store, collection, .. } = self;
        let context = CallContext::new("find the records in the store of", &collection.place);
        let found = find::<T>(&store, &collection, &client).await;
        found.map_err(|error| context.attach(error))
    }
}

async fn find<T: RecordData>(store: &Store, collection: &Collection, client: &Client) -> Result<LocalCollection<T>> {
    collection.records().checked()?;
    let server = client.url().to_owned();
    let names = Names {
        user: user(store, client).await?,
        server,
        bucket: collection.place.list.bucket().unwrap_or_default().to_owned(),
        id: collection.id().to_owned(),
    };
    let added = names.clone();
    let add = move |transaction: &Transaction<'_>| {
        let number = collections::find_or_add(transaction, &added)?;
        indexes::add(transaction, number, &T::__indexes())?;
        Ok(number)
    };
    let number = store.database.write(add).await?;
    Ok(LocalCollection::new(Inner {
        database: store.database.clone(),
        remote: collection.clone(),
        number,
        names,
        record_type: RecordType {
            keys: ListKeys(T::LIST_KEYS),
            reads: record::reads::<T>,
            recode: record::recode::<T>,
            has_file: T::ATTACHMENT,
        },
        window: Mutex::default(),
    }))
}

async fn user(store: &Store, client: &Client) -> Result<String> {
    if let Some(expected) = client.expected_user() {
        return Ok(expected.to_string());
    }
    let server = client.url().to_owned();
    let read = move |transaction: &Transaction<'_>| {
        Ok((collections::users(transaction, &server)?, rest::is_resting(transaction, &server)?))
    };
    let (mut users, is_resting) = store.database.read(read).await?;
    // Credentials are never nobody's.
    users.retain(|user| !user.is_empty() || !client.has_credentials());
    let only = <[String; 1]>::try_from(users).ok().map(|[user]| user);
    match only {
        Some(user) if is_resting => Ok(user),
        only => match inner::user(&client.with_retry(NeverRetry)).await {
            Err(error) if !error.is_unauthorized() => only.ok_or_else(|| without_user(error)),
            user => user,
        },
    }
}

fn without_user(error: Error) -> Error {
    error.because(
        "records are kept by user, and only the server knows whose the credentials are: name the user by \
         `ClientBuilder::expect_user`, or open the collection once while the server can be reached",
    )
}

impl<T> fmt::Debug for BindCollection<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BindCollection({})", self.collection.path())
    }
}
