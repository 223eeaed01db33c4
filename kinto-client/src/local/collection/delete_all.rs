//! Deleting all records of a collection in a store.

use std::{fmt, sync::Arc};

use rusqlite::Transaction;

use super::{
    LocalCollection,
    change::{Change, Changed},
};
use crate::{
    client::Client,
    error::Result,
    local::{
        inner::{Inner, without_options},
        query::select::Query,
        store::rows::Rows,
    },
    operation::{Call, CallContext, sealed},
    wire::{
        id_text::Name,
        list_query::Listing,
        object::{RecordData, outcome::Tombstone},
    },
};

/// Deletes all records of a collection in a store, or those that match a filter.
pub struct LocalDeleteAll<T> {
    inner: Arc<Inner>,
    listing: Listing<T>,
}

impl<T: RecordData> LocalCollection<T> {
    /// Deletes all records, or those that match, in one transaction, and returns what each was.
    ///
    /// Records of the server that were not received yet are not deleted. To delete certain records, use
    /// [`delete_records`](Self::delete_records).
    ///
    /// Options: [`filter`](Call::filter), [`since`](Call::since), [`before`](Call::before).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let store = kinto_client::local::Store::in_memory().await?;
    /// # let notes = store.bind(&client.bucket("default").collection(kinto_server::unique("doc"))).await?;
    /// use kinto_client::json;
    ///
    /// notes.create_records((0..60).map(|n| json!({"n": n}))).await?;
    /// assert_eq!(notes.delete_all_records().await?.len(), 60);
    /// assert_eq!(notes.get_records().count().await?, 0);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::is_storage`](crate::Error::is_storage) if the file failed: then none was deleted.
    pub fn delete_all_records(&self) -> Call<'static, LocalDeleteAll<T>> {
        Call::new(
            self.inner.remote.client(),
            LocalDeleteAll { inner: Arc::clone(&self.inner), listing: Listing::default() },
        )
    }
}

impl<T> LocalDeleteAll<T> {
    async fn all(self) -> Result<Vec<Tombstone>> {
        if let Some(filter) = &self.listing.filter {
            filter.check_unseen("a deletion")?;
        }
        let (of, record_type, query) = (self.inner.number, self.inner.record_type, Query::new(&self.listing)?);
        let delete = move |transaction: &Transaction<'_>| {
            let mut deleted = Vec::new();
            let rows = Rows::new(transaction, of)?;
            let ids = query.read(transaction, of, "r.id", |row| Ok(Name::from(row.get_ref(0)?.as_str()?)))?;
            for id in ids {
                deleted.push(Change::delete(id, None).carry_out(transaction, &rows, record_type)??);
            }
            Ok(deleted)
        };
        let deleted = self.inner.database.write(delete).await?;
        Ok(deleted.into_iter().map(Changed::tombstone).collect())
    }
}

#[expect(private_interfaces, reason = "the trait is sealed: no other crate can call it")]
impl<T> sealed::Matches for LocalDeleteAll<T> {
    type Of = T;

    fn listing(&mut self) -> &mut Listing<T> {
        &mut self.listing
    }
}

impl<T: RecordData> sealed::Action for LocalDeleteAll<T> {
    const NAME: &'static str = "LocalDeleteAll";

    type Output = Vec<Tombstone>;

    async fn run(self, client: Client) -> Result<Vec<Tombstone>> {
        let context = CallContext::new("delete all", &self.inner.remote.records());
        let delete = async {
            without_options(&client)?;
            self.all().await
        };
        delete.await.map_err(|error| context.attach(error))
    }
}

impl<T> fmt::Debug for LocalDeleteAll<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalDeleteAll({})", self.inner.remote.path())
    }
}
