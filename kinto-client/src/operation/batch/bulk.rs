use super::{
    dispatch::Options,
    execute::{Progress, ProgressFn, carry_out, finish},
};
use crate::operation::{Call, CallContext, Operation, preview, sealed};
use crate::{
    client::Client,
    error::{Error, Result},
    wire::preview::RequestPreview,
};

/// One operation on each of many objects of a list, in as few requests as the server allows.
pub struct Bulk<'a, O> {
    context: CallContext,
    operations: Vec<O>,
    options: Options,
    progress: Option<ProgressFn<'a>>,
}

/// The operations of a [`Bulk`], with one result for each.
pub struct BulkEach<'a, O>(Bulk<'a, O>);

impl<O> Bulk<'_, O> {
    pub(crate) fn new(context: CallContext, operations: Vec<O>) -> Self {
        Self { context, operations, options: Options::default(), progress: None }
    }
}

impl<O: Operation> Bulk<'_, O> {
    async fn each(self, client: &Client) -> Result<Vec<Result<<O as Operation>::Output>>> {
        let Self { context, operations, options, progress } = self;
        let results = carry_out(client, operations, sealed::Operation::request, options, progress, finish).await;
        results.map_err(|error| context.attach(error))
    }
}

impl<O: Operation> sealed::Action for Bulk<'_, O> {
    const NAME: &'static str = "Bulk";

    type Output = Vec<<O as Operation>::Output>;

    async fn run(self, client: Client) -> Result<Self::Output> {
        let context = self.context.clone();
        all_or_partial(self.each(&client).await?).map_err(|error| context.attach(error))
    }
}

/// Returns the results if none is an error, and otherwise the error that has all of these.
pub(crate) fn all_or_partial<T>(results: Vec<Result<T>>) -> Result<Vec<T>> {
    if results.iter().all(Result::is_ok) {
        return results.into_iter().collect();
    }
    let total = results.len();
    let failures = results.into_iter().enumerate().filter_map(|(place, result)| Some((place, result.err()?)));
    Err(Error::partial(failures.collect(), total))
}

impl<O> sealed::Sends for Bulk<'_, O> {
    fn options(&mut self) -> &mut Options {
        &mut self.options
    }
}

impl<O: Operation> sealed::Action for BulkEach<'_, O> {
    const NAME: &'static str = "BulkEach";

    type Output = Vec<Result<<O as Operation>::Output>>;

    async fn run(self, client: Client) -> Result<Self::Output> {
        self.0.each(&client).await
    }
}

impl<'a, O: Operation> Call<'a, Bulk<'a, O>> {
    /// Returns one result for each operation, in the order of the input, instead of one error if any of them
    /// failed.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let todo = client.bucket("default").collection(kinto_server::unique("doc"));
    /// use kinto_client::json;
    ///
    /// let twins = [json!({"id": "a"}), json!({"id": "b"}), json!({"id": "a"})];
    /// let created = todo.create_records(twins).each().await?;
    /// assert!(created[0].is_ok() && created[1].is_ok());
    /// assert!(created[2].as_ref().is_err_and(|error| error.is_conflict()));
    /// # Ok(()) }
    /// ```
    pub fn each(self) -> Call<'a, BulkEach<'a, O>> {
        Call::new(&self.client, BulkEach(self.op))
    }

    /// Calls `progress` with each result as soon as it is known.
    ///
    /// If it returns `false`, no further request is sent. Operations that were not sent fail with
    /// [`Error::is_cancelled`], for which `progress` is not called.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let todo = client.bucket("default").collection(kinto_server::unique("doc"));
    /// use kinto_client::json;
    ///
    /// let records = (0..60).map(|n| json!({"n": n}));
    /// let mut lines = Vec::new();
    /// todo.create_records(records)
    ///     .on_progress(|progress| {
    ///         lines.push(format!("{} of {}, {} failed", progress.done, progress.total, progress.failed));
    ///         true // to go on
    ///     })
    ///     .await?;
    /// assert_eq!((lines.len(), lines[59].as_str()), (60, "60 of 60, 0 failed"));
    /// # Ok(()) }
    /// ```
    pub fn on_progress(mut self, progress: impl FnMut(Progress) -> bool + Send + 'a) -> Self {
        self.op.progress = Some(Box::new(progress));
        self
    }

    /// Returns a preview of each operation's own request, without sending any.
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid`] for the first operation that cannot be sent.
    pub fn preview(&self) -> Result<Vec<RequestPreview>> {
        preview::each(&self.op.operations)
    }
}

impl<O: Operation> Call<'_, BulkEach<'_, O>> {
    /// Returns a preview of each operation's own request, without sending any, as [`preview`](Call::preview) of the
    /// call before `.each()` does.
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid`] if one of them cannot be sent.
    pub fn preview(&self) -> Result<Vec<RequestPreview>> {
        preview::each(&self.op.0.operations)
    }
}

impl<O> std::fmt::Debug for Bulk<'_, O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bulk({} × {} {})", self.operations.len(), self.context.operation, self.context.object)
    }
}

impl<O> std::fmt::Debug for BulkEach<'_, O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
