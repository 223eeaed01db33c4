//! Many collections in one synchronization.

use std::{
    collections::BTreeMap,
    fmt,
    future::{IntoFuture, ready},
    sync::Arc,
};

use futures_core::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use http::{Method, StatusCode};
use rusqlite::Transaction;

use super::{SyncReport, Synchronize, pull, rest};
use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    local::{
        inner::Inner,
        pending::PENDING,
        store::{Store, failure::Failure, rows::CollectionNumber},
        sync::reconcile::Known,
    },
    operation::{
        Call, CallContext,
        batch::{Options, carry_out},
    },
    wire::{request::Request, response::Response, timestamp::Timestamp},
};

/// The number of collections that are synchronized at once.
const AT_ONCE: usize = 4;

/// Synchronizes many collections of a store when it is awaited.
#[must_use = "collections are synchronized when this is awaited"]
pub struct SyncAll {
    store: Store,
    calls: Vec<Call<'static, Synchronize>>,
}

impl Store {
    /// Synchronizes many collections: it asks for all of them at once whether there is anything new, and goes on with those
    /// that changed, on the server or here.
    ///
    /// It takes the calls of [`sync`](super::LocalCollection::sync) or [`pull`](super::LocalCollection::pull), so that
    /// each collection has its own type, policies and options, and returns a result for each, in their order. An error of one
    /// does not hold up the others.
    ///
    /// Without anything new, all collections of one server and user are one request (one for each 25, if the server does not
    /// say otherwise), from a minute after something new was seen: Kinto can show a record that much later than one that was
    /// written after it. Until then, and after the program was started, each collection is a request of its own.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_client::testing::Kinto::new();
    /// # let client = server.client();
    /// use kinto_client::{KintoRecord, local::Store};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize, KintoRecord)]
    /// #[kinto(collection = "notes")]
    /// struct Note {
    ///     text: String,
    /// }
    ///
    /// #[derive(Serialize, Deserialize, KintoRecord)]
    /// #[kinto(collection = "tags")]
    /// struct Tag {
    ///     name: String,
    /// }
    ///
    /// let store = Store::in_memory().await?;
    /// let notes = store.collection::<Note>(&client).await?;
    /// let tags = store.collection::<Tag>(&client).await?;
    /// tags.create_record(Tag { name: "home".to_owned() }).await?;
    ///
    /// let reports = store.sync_all([notes.sync(), tags.sync()]).await;
    /// assert_eq!(reports[1].as_ref().unwrap().sent, 1);
    /// # Ok(()) }
    /// ```
    pub fn sync_all(&self, collections: impl IntoIterator<Item = Call<'static, Synchronize>>) -> SyncAll {
        SyncAll { store: self.clone(), calls: collections.into_iter().collect() }
    }
}

/// A collection that may have nothing to do.
struct Candidate {
    place: usize,
    inner: Arc<Inner>,
    /// The version of its list of which everything is here.
    known: Timestamp,
}

impl SyncAll {
    async fn run(self) -> Vec<Result<SyncReport>> {
        let Self { store, calls } = self;
        let mut results: Vec<Option<Result<SyncReport>>> = calls.iter().map(|_| None).collect();
        let mut groups: BTreeMap<(String, String), (Client, Vec<Candidate>)> = BTreeMap::new();
        for (place, call) in calls.iter().enumerate() {
            let inner = &call.op.inner;
            if !inner.database.is(&store.database) {
                let error = Error::invalid("this collection is in another store than the one that synchronizes it");
                set(&mut results, place, Err(call.op.context().attach(error)));
                continue;
            }
            match known(&call.op).await {
                // Its options are for its own requests only.
                Ok(Some(_)) if call.client.is_for_one_call() => {}
                Ok(Some(known)) => {
                    let server = (inner.names.server.clone(), inner.names.user.clone());
                    let (_, candidates) = groups.entry(server).or_insert_with(|| (call.client.clone(), Vec::new()));
                    candidates.push(Candidate { place, inner: Arc::clone(inner), known });
                }
                Ok(None) => {}
                Err(error) => set(&mut results, place, Err(call.op.context().attach(error))),
            }
        }
        for (client, candidates) in groups.into_values() {
            // One collection alone says by the same number of requests that it has not changed.
            if candidates.len() > 1 {
                for (place, result) in ask(&client, candidates).await {
                    let context = calls.get(place).map(|call| call.op.context());
                    let attach = |error| context.unwrap_or_else(CallContext::batch).attach(error);
                    set(&mut results, place, result.map_err(attach));
                }
            }
        }
        let mut open: Vec<BoxFuture<'static, Result<SyncReport>>> = Vec::new();
        for (call, result) in calls.into_iter().zip(results) {
            open.push(result.map_or_else(|| call.into_future(), |result| ready(result).boxed()));
        }
        stream::iter(open).buffered(AT_ONCE).collect().await
    }
}

fn set(results: &mut [Option<Result<SyncReport>>], place: usize, result: Result<SyncReport>) {
    if let Some(known) = results.get_mut(place) {
        *known = Some(result);
    }
}

/// Returns the version of the list that a collection has all of, if there is nothing to send either.
async fn known(sync: &Synchronize) -> Result<Option<Timestamp>> {
    let inner = &sync.inner;
    let number = inner.number;
    let read = move |transaction: &Transaction<'_>| {
        rest::check(transaction, number)?;
        Ok((Known::load(transaction, number)?, has_work(transaction, number)?))
    };
    let (known, has_work) = inner.database.read(read).await?;
    if has_work || !sync.pulls {
        return Ok(None);
    }
    Ok(pull::settled(inner, &known))
}

/// Returns true if there are changes to send, or refusals to check.
fn has_work(transaction: &Transaction<'_>, of: CollectionNumber) -> Result<bool, Failure> {
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM record WHERE collection = ?1 AND {PENDING}) \
         OR EXISTS (SELECT 1 FROM record WHERE collection = ?1 AND problem IS NOT NULL)"
    );
    Ok(transaction.prepare_cached(&sql)?.query_row([of.0], |row| row.get(0))?)
}

/// Asks for the versions of the lists, and returns the results of those that have not changed, or could not be asked for.
async fn ask(client: &Client, candidates: Vec<Candidate>) -> Vec<(usize, Result<SyncReport>)> {
    let Some(inner) = candidates.first().map(|candidate| Arc::clone(&candidate.inner)) else { return Vec::new() };
    let places: Vec<usize> = candidates.iter().map(|candidate| candidate.place).collect();
    let answers = match request_versions(&inner, client, candidates).await {
        Ok(answers) => answers,
        Err(error) => places.iter().map(|_| Err(error.clone())).collect(),
    };
    // What was stopped by a failure has the same one.
    let is_cause = |error: &&Error| error.kind() != ErrorKind::Cancelled;
    let failure = answers.iter().filter_map(|answer| answer.as_ref().err()).find(is_cause).cloned();
    if let Err(error) = rest::keep(&inner, client, failure.as_ref()).await {
        // The collections that changed use the file next, and report what is wrong with it.
        tracing::debug!(%error, "the time that the server asked for could not be stored");
    }
    let result = |(place, answer): (usize, Result<Answer>)| match answer {
        Ok(Answer::Unchanged) => Some((place, Ok(SyncReport::default()))),
        Ok(Answer::Other) => None,
        Ok(Answer::NotAsked) => failure.clone().map(|error| (place, Err(error))),
        Err(error) if error.kind() == ErrorKind::Cancelled => Some((place, Err(failure.clone().unwrap_or(error)))),
        Err(error) => Some((place, Err(error))),
    };
    places.iter().copied().zip(answers).filter_map(result).collect()
}

/// The state of a list on the server.
enum Answer {
    Unchanged,
    /// It has another version, or it cannot be read, and the synchronization of the collection says why.
    Other,
    /// The requests ended before, by an error that is not about one collection.
    NotAsked,
}

async fn request_versions(inner: &Inner, client: &Client, candidates: Vec<Candidate>) -> Result<Vec<Result<Answer>>> {
    super::check_user(inner, client).await?;
    let request = |candidate: &Candidate| {
        let path = candidate.inner.remote.records().checked()?;
        // Without a condition: a 304 in a batch makes the whole batch a 500.
        Ok(Some(Request::new(Method::HEAD, path).in_batch()))
    };
    let finish = |candidate: Candidate, outcome: Option<(_, Result<Response>)>| {
        let Some((_, response)) = outcome else { return Ok(Answer::NotAsked) };
        let response = response?;
        let status = response.status;
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(response.to_error());
        }
        let is_known = |etag| etag == candidate.known;
        let is_unchanged = status.is_success() && response.etag().is_ok_and(is_known);
        Ok(if is_unchanged { Answer::Unchanged } else { Answer::Other })
    };
    // A server that fails is not asked for each collection.
    let options = Options { stop_on_error: true, ..Options::default() };
    carry_out(client, candidates, request, options, None, finish).await
}

impl SyncAll {
    /// Synchronizes the collections and blocks this thread until it is done.
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid`] in async code, where blocking would stop all other tasks of the thread. The errors of
    /// collections are in their results.
    #[cfg(feature = "blocking")]
    pub fn call(self) -> Result<Vec<Result<SyncReport>>> {
        crate::operation::blocking::wait(self.into_future().map(Ok).boxed())
    }
}

impl IntoFuture for SyncAll {
    type Output = Vec<Result<SyncReport>>;
    type IntoFuture = BoxFuture<'static, Vec<Result<SyncReport>>>;

    fn into_future(self) -> Self::IntoFuture {
        self.run().boxed()
    }
}

impl fmt::Debug for SyncAll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SyncAll({} collections in {:?})", self.calls.len(), self.store)
    }
}
