use std::marker::PhantomData;

use super::{
    Call, Operation, Subject,
    batch::{carry_out, deliver::Options, finish},
    sealed,
};
use crate::{
    client::Client,
    error::{Error, Result},
};

/// One operation for each of many objects of a list, in as few requests as the server allows.
pub struct Many<'a, O> {
    subject: Subject,
    operations: Vec<O>,
    options: Options,
    of: PhantomData<&'a ()>,
}

/// The same, with a result for each.
pub struct Each<'a, O>(Many<'a, O>);

impl<O> Many<'_, O> {
    pub(crate) fn new(subject: Subject, operations: Vec<O>) -> Self {
        Self { subject, operations, options: Options::default(), of: PhantomData }
    }
}

impl<O: Operation> Many<'_, O> {
    async fn each(self, client: &Client) -> Result<Vec<Result<<O as Operation>::Output>>> {
        let requests = self.operations.iter().map(sealed::Operation::request).collect();
        let outcomes = carry_out(client, requests, self.options, None).await;
        let outcomes = outcomes.map_err(|error| self.subject.blame(error))?;
        Ok(self.operations.into_iter().zip(outcomes).map(|(operation, outcome)| finish(operation, outcome)).collect())
    }
}

impl<O: Operation> sealed::Run for Many<'_, O> {
    type Output = Vec<<O as Operation>::Output>;

    async fn run(self, client: Client) -> Result<Self::Output> {
        let subject = self.subject.clone();
        let results = self.each(&client).await?;
        let total = results.len();
        let mut outputs = Vec::with_capacity(total);
        let mut failures = Vec::new();
        for (place, result) in results.into_iter().enumerate() {
            match result {
                Ok(output) => outputs.push(output),
                Err(error) => failures.push((place, error)),
            }
        }
        if failures.is_empty() { Ok(outputs) } else { Err(subject.blame(Error::partial(failures, total))) }
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

    /// Sends no further request once one of them has failed. What was in the same request has been carried out; what
    /// was not sent has an error that says so.
    pub fn stop_on_error(mut self) -> Self {
        self.op.options.stop_on_error = true;
        self
    }

    /// How many bytes one request may have at most, about. 1 MiB unless set.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.op.options.max_bytes = bytes;
        self
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
