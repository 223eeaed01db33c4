use super::{
    Call, Operation, Subject,
    batch::{Options, Progress, ProgressFn, carry_out, finish},
    preview, sealed,
};
use crate::{
    client::Client,
    error::{Error, Result},
    wire::preview::RequestPreview,
};

/// One operation for each of many objects of a list, in as few requests as the server allows.
pub struct Many<'a, O> {
    subject: Subject,
    operations: Vec<O>,
    options: Options,
    progress: Option<ProgressFn<'a>>,
}

/// The same, with a result for each.
pub struct Each<'a, O>(Many<'a, O>);

impl<O> Many<'_, O> {
    pub(crate) fn new(subject: Subject, operations: Vec<O>) -> Self {
        Self { subject, operations, options: Options::default(), progress: None }
    }
}

impl<O: Operation> Many<'_, O> {
    async fn each(self, client: &Client) -> Result<Vec<Result<<O as Operation>::Output>>> {
        let Self { subject, operations, options, progress } = self;
        let results = carry_out(client, operations, sealed::Operation::request, options, progress, finish).await;
        results.map_err(|error| subject.blame(error))
    }
}

impl<O: Operation> sealed::Run for Many<'_, O> {
    type Output = Vec<<O as Operation>::Output>;

    async fn run(self, client: Client) -> Result<Self::Output> {
        let subject = self.subject.clone();
        let results = self.each(&client).await?;
        if results.iter().all(Result::is_ok) {
            return results.into_iter().collect();
        }
        let total = results.len();
        let failures = results.into_iter().enumerate().filter_map(|(place, result)| Some((place, result.err()?)));
        Err(subject.blame(Error::partial(failures.collect(), total)))
    }
}

impl<O: Operation> sealed::Run for Each<'_, O> {
    type Output = Vec<Result<<O as Operation>::Output>>;

    async fn run(self, client: Client) -> Result<Self::Output> {
        self.0.each(&client).await
    }
}

impl<'a, O: Operation> Call<'a, Many<'a, O>> {
    /// Gives a result for each, in the order in which they were given, instead of one error if any of them failed.
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
    pub fn each(self) -> Call<'a, Each<'a, O>> {
        Call::new(&self.client, Each(self.op))
    }

    /// Sends no further request once one of them has failed, and none at all if one of them cannot be sent. What was
    /// in the same request has been carried out; what was not sent has an error that says so ([`Error::is_cancelled`]).
    pub fn stop_on_error(mut self) -> Self {
        self.op.options.stop_on_error = true;
        self
    }

    /// How many bytes one request may have at most, about. 1 MiB unless set.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.op.options.max_bytes = bytes;
        self
    }

    /// Is called with each result, once it is known. When it answers `false`, no further request is sent, and what was
    /// not sent has an error that says so ([`Error::is_cancelled`]), of which it is not told.
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

    /// The requests that there would be, each on its own, without sending any.
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid`] for the first of them that cannot be sent.
    pub fn preview(&self) -> Result<Vec<RequestPreview>> {
        preview::each(&self.op.operations)
    }
}

impl<O: Operation> Call<'_, Each<'_, O>> {
    /// The requests that awaiting this would send, one for each, without sending them: as
    /// [`preview`](Call::preview) of the call before `.each()`.
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid`] if one of them cannot be sent.
    pub fn preview(&self) -> Result<Vec<RequestPreview>> {
        preview::each(&self.op.0.operations)
    }
}

impl<O> std::fmt::Debug for Many<'_, O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Many({} × {} {})", self.operations.len(), self.subject.operation, self.subject.object)
    }
}

impl<O> std::fmt::Debug for Each<'_, O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
