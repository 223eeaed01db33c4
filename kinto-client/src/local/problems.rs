//! Changes that the server refused.

use std::{fmt, sync::Arc};

use futures_core::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use http::StatusCode;

use super::{
    collection::LocalCollection,
    inner::{Inner, reading, without_options},
    marked::{self, Mark},
    row::{Problem, Row},
};
use crate::{
    client::Client,
    error::Result,
    operation::{Call, CallContext, sealed},
    wire::object::{RecordData, id::RecordId},
};

/// A change that the server refused, which is not sent again before the record or the collection changes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalProblem {
    /// The id of the record.
    pub id: String,
    /// The status of the response.
    pub status: Option<StatusCode>,
    /// Kinto's error number.
    pub errno: Option<u32>,
    /// The message of the server.
    pub message: String,
    /// The path of the field that the server names.
    pub field: Option<String>,
}

/// Lists the refused changes of a collection in a store.
pub struct ListProblems {
    inner: Arc<Inner>,
    limit: Option<usize>,
}

/// Has a refused change sent again.
pub struct RetryProblem {
    inner: Arc<Inner>,
    id: String,
}

impl<T: RecordData> LocalCollection<T> {
    /// Returns the changes that the server refused, in the order of their ids.
    ///
    /// Options: [`limit`](Call::limit), [`stream`](Call::stream). [`status`](Self::status) counts them.
    pub fn problems(&self) -> Call<'static, ListProblems> {
        Call::new(self.inner.remote.client(), ListProblems { inner: Arc::clone(&self.inner), limit: None })
    }

    /// Has the next synchronization send a refused change again, as any change of the record does.
    pub fn retry_problem(&self, id: impl Into<RecordId<T>>) -> Call<'static, RetryProblem> {
        let retry = RetryProblem { inner: Arc::clone(&self.inner), id: id.into().to_string() };
        Call::new(self.inner.remote.client(), retry)
    }
}

impl ListProblems {
    fn stream(self) -> BoxStream<'static, Result<LocalProblem>> {
        let context = CallContext::new("get the problems of", &self.inner.remote.records());
        let problem = |(id, row): (String, Row)| std::future::ready(Ok(row.problem.map(|found| problem(id, found))));
        let problems = marked::all(self.inner, Mark::Problem, self.limit).try_filter_map(problem);
        problems.map_err(move |error| context.attach(error)).boxed()
    }
}

impl sealed::Action for ListProblems {
    const NAME: &'static str = "ListProblems";

    type Output = Vec<LocalProblem>;

    async fn run(self, client: Client) -> Result<Vec<LocalProblem>> {
        without_options(&client)?;
        self.stream().try_collect().await
    }
}

impl Call<'_, ListProblems> {
    /// Reads at most this many problems.
    pub fn limit(mut self, problems: usize) -> Self {
        self.op.limit = Some(problems);
        self
    }

    /// Returns the problems as a stream, which holds few of them at a time. One that begins or ends meanwhile may be among them.
    #[must_use = "a stream reads nothing until it is polled"]
    pub fn stream(self) -> BoxStream<'static, Result<LocalProblem>> {
        reading(&self.client, || self.op.stream())
    }

    /// Returns the problems as an iterator, which blocks this thread: [`stream`](Self::stream) without async code.
    #[cfg(feature = "blocking")]
    pub fn iter(self) -> impl Iterator<Item = Result<LocalProblem>> + Send + use<> {
        crate::operation::blocking::iterate(self.stream())
    }
}

fn problem(id: String, problem: Problem) -> LocalProblem {
    let Problem { status, errno, message, field, .. } = problem;
    LocalProblem { id, status: StatusCode::from_u16(status).ok(), errno, message, field }
}

impl sealed::Action for RetryProblem {
    const NAME: &'static str = "RetryProblem";

    type Output = ();

    async fn run(self, client: Client) -> Result<()> {
        without_options(&client)?;
        let Self { inner, id } = self;
        let place = inner.remote.records().at(id.as_str());
        let retry = inner.change(&id, |row, _| Ok(Row { problem: None, ..row })).await;
        retry.map(|_| ()).map_err(|error| CallContext::new("retry", &place).attach(error))
    }
}

impl fmt::Debug for ListProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ListProblems({})", self.inner.remote.path())
    }
}

impl fmt::Debug for RetryProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RetryProblem({})", self.id)
    }
}
