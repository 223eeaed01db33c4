//! Changing all records of a collection, or those that match a filter.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use futures_core::{future::BoxFuture, stream::BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::{
    Call, CallContext,
    batch::{
        Options, Outcome, Progress, ProgressFn, carry_out, finish,
        pipeline::{CarryOut, Pipeline},
    },
    list::GetAll,
    save::{SaveOutcome, SaveOwned},
    sealed,
    update_read::{RecordPlace, UpdateReport, Updated, report, update_read},
};
use serde_json::Value;

use crate::{
    client::{Client, span},
    error::Result,
    wire::{
        filter::Filter,
        list_query::Listing,
        object::{Record, RecordData, id::RecordId, kind},
        page::Page,
        path::List,
        preview::RequestPreview,
        request::Request,
    },
};

/// The number of records of a page, unless the caller or the server sets another one.
const PAGE_SIZE: u32 = 1_000;

/// Reads the records that match, changes each and saves it.
pub struct UpdateAll<'a, T, F> {
    list: List<kind::Record>,
    listing: Listing<T>,
    change: F,
    options: Options,
    progress: Option<ProgressFn<'a>>,
}

impl<'a, T: RecordData, F: FnMut(&mut T) + Send + 'a> UpdateAll<'a, T, F> {
    pub(crate) fn new(list: List<kind::Record>, change: F) -> Self {
        let listing = Listing { page_size: Some(PAGE_SIZE), ..Listing::default() };
        Self { list, listing, change, options: Options::default(), progress: None }
    }

    fn get(&self) -> GetAll<kind::Record, T> {
        let mut get = GetAll::new(self.list.clone());
        get.listing = self.listing.clone();
        get
    }

    fn pipeline(self, client: Client) -> Pipeline<'a, Result<Record<T>>, Updated<T>> {
        let context = context(&self.list);
        let source = Call::new(&client, self.get()).stream();
        let Self { list, listing, change, options, progress } = self;
        let options_of_batch = Options { stop_on_error: false, ..options };
        let change: Arc<Mutex<F>> = Arc::new(Mutex::new(change));
        let inner = client.clone();
        let batch: CarryOut<'a, _, _> = Box::new(move |read| -> BoxFuture<'a, _> {
            let updates = Updates {
                client: inner.clone(),
                list: list.clone(),
                listing: listing.clone(),
                options: options_of_batch,
            };
            let change = Arc::clone(&change);
            Box::pin(async move { update_read(&updates, read, &change).await })
        });
        Pipeline::new(client, context, options, source, batch).on_progress(progress)
    }
}

fn context(list: &List<kind::Record>) -> CallContext {
    CallContext::new("update", list)
}

/// The updates of one batch.
struct Updates<T> {
    client: Client,
    list: List<kind::Record>,
    listing: Listing<T>,
    options: Options,
}

impl<T: RecordData> RecordPlace<T> for Updates<T> {
    async fn save(&self, records: Vec<Record<T>>) -> Result<Vec<Result<(Record<T>, SaveOutcome)>>> {
        let total = records.len();
        let saves =
            records.into_iter().map(|record| SaveOwned::new(self.list.at(record.id.as_str()), record)).collect();
        let finish = |save: SaveOwned<kind::Record, T>, outcome: Outcome| {
            let effect = if outcome.is_some() { SaveOutcome::Stored } else { SaveOutcome::Unchanged };
            finish(save, outcome).map(|record| (record, effect))
        };
        let request = sealed::Operation::request;
        Ok(all(total, carry_out(&self.client, saves, request, self.options, None, finish).await))
    }

    async fn read_again(&self, ids: Vec<RecordId<T>>) -> Result<Vec<Result<Option<Record<T>>>>> {
        let total = ids.len();
        let request =
            |id: &RecordId<T>| self.request_for(id).map(Some).map_err(|error| context(&self.list).attach(error));
        let finish = |_, outcome: Outcome| {
            let Some((request, response)) = outcome else { return Ok(None) };
            let read = response.and_then(|response| {
                let mut page = Page::read(&response.success()?)?;
                while page.next_tombstone().is_some() {}
                let mut record = None;
                let read = Record::next_of(&mut page, &mut |read| record = Some(read)).transpose()?;
                Ok(read.and(record))
            });
            read.map_err(|error| {
                let error = match &request {
                    Some(request) => request.attach_to(error),
                    None => error,
                };
                context(&self.list).attach(error)
            })
        };
        Ok(all(total, carry_out(&self.client, ids, request, self.options, None, finish).await))
    }
}

impl<T: RecordData> Updates<T> {
    /// Returns the request for a record, if it matches.
    fn request_for(&self, id: &RecordId<T>) -> Result<Request> {
        let mut listing = self.listing.clone();
        listing.add_filter(Filter::<Value>::field("id").eq(id.as_str()));
        listing.limit = Some(1);
        let mut request = Request::get(self.list.checked()?);
        request.query = listing.query(request.path())?;
        listing.ask(request)
    }
}

/// Returns the results of a batch; if nothing could be sent, the error for each.
fn all<R>(total: usize, results: Result<Vec<Result<R>>>) -> Vec<Result<R>> {
    results.unwrap_or_else(|error| (0..total).map(|_| Err(error.clone())).collect())
}

impl<'a, T: RecordData, F: FnMut(&mut T) + Send + 'a> sealed::Action for UpdateAll<'a, T, F> {
    const NAME: &'static str = "UpdateAll";

    type Output = UpdateReport;

    async fn run(self, client: Client) -> Result<UpdateReport> {
        report(self.pipeline(client)).await
    }
}

impl<'a, T: RecordData, F: FnMut(&mut T) + Send + 'a> sealed::Preview for UpdateAll<'a, T, F> {
    fn preview(&self) -> Result<RequestPreview> {
        let follows = "then PUTs of the records as they were read and changed, with their `If-Match`, in batches, and a GET of \
                       each further page; after a conflict the record is read again";
        self.get().oldest_first().preview_with(follows)
    }
}

impl<'a, T: RecordData, F: FnMut(&mut T) + Send + 'a> Call<'a, UpdateAll<'a, T, F>> {
    /// Returns the records that matched, each once it is stored: the oldest first, and last what moved meanwhile.
    ///
    /// Records are read and changed when the results are polled: a caller that stops reading them stops the updates. If the
    /// results are dropped before their end, records may have been changed whose results were not yielded: no more than one
    /// request has.
    ///
    /// The results go on after a failure. A list that cannot be read further is an error, and the last result.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let todo = client.bucket("default").collection(kinto_server::unique("doc"));
    /// # todo.create_records((0..3).map(|n| kinto_client::json!({"n": n}))).await?;
    /// use futures_util::TryStreamExt as _;
    /// use kinto_client::Value;
    ///
    /// let mut updated = todo.update_records(|todo: &mut Value| todo["done"] = true.into()).stream();
    /// while let Some(record) = updated.try_next().await? {
    ///     println!("{} is {}", record.id, record.data);
    /// }
    /// # Ok(()) }
    /// ```
    #[must_use = "a stream does nothing until it is polled"]
    pub fn stream(self) -> BoxStream<'a, Result<Record<T>>> {
        let results = span::open("UpdateAll").in_scope(|| self.op.pipeline(self.client));
        results.try_filter_map(|updated| std::future::ready(Ok(updated.map(|(record, _)| record)))).boxed()
    }

    /// Sets the number of records per page; the default is 1,000, and the server may send fewer.
    ///
    /// No more than two pages are in memory.
    pub fn page_size(mut self, records: u32) -> Self {
        self.op.listing.page_size = Some(records);
        self
    }

    /// Calls `progress` with each result once its batch is done; `total` is the number of records that were read.
    ///
    /// If it returns `false`, no further request is sent. Records that were read and not updated fail with
    /// [`Error::is_cancelled`](crate::Error::is_cancelled), for which `progress` is not called.
    ///
    /// The awaited call is then [`Error::is_partial`](crate::Error::is_partial), unless all records have been read and
    /// carried out by then.
    pub fn on_progress(mut self, progress: impl FnMut(Progress) -> bool + Send + 'a) -> Self {
        self.op.progress = Some(Box::new(progress));
        self
    }
}

#[cfg(feature = "blocking")]
impl<T: RecordData, F: FnMut(&mut T) + Send + 'static> Call<'static, UpdateAll<'static, T, F>> {
    /// Returns an iterator over the results that blocks this thread: [`stream`](Self::stream) without async code. It works
    /// where [`call`](Self::call) does.
    pub fn iter(self) -> impl Iterator<Item = Result<Record<T>>> + Send + use<T, F> {
        super::blocking::iterate(self.stream())
    }
}

impl<T, F> sealed::Matches for UpdateAll<'_, T, F> {
    type Of = T;

    fn listing(&mut self) -> &mut Listing<T> {
        &mut self.listing
    }
}

impl<T, F> sealed::Sends for UpdateAll<'_, T, F> {
    fn options(&mut self) -> &mut Options {
        &mut self.options
    }
}

impl<T, F> fmt::Debug for UpdateAll<'_, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UpdateAll({})", self.list)
    }
}
