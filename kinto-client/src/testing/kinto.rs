use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use bytes::Bytes;
use futures_core::future::BoxFuture;
use futures_util::{FutureExt as _, stream};
use tokio::time::Instant;

use super::{
    builder::KintoBuilder,
    faults::{Fate, Faults},
    recording::RecordedRequest,
    server::{Server, race::Compared, settings::Settings},
};
use crate::{
    client::{Client, ClientBuilder},
    transport::{Body, Transport, TransportError, auth::Auth},
    wire::timestamp::Timestamp,
};

/// The number of servers of this process: each has a URL of its own, since the writes of one server wait for each other.
static SERVERS: AtomicU64 = AtomicU64::new(1);

/// A Kinto in memory. Clones share one server.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> kinto_client::Result<()> {
/// use kinto_client::{json, testing::Kinto};
///
/// let kinto = Kinto::new();
/// let alexis = kinto.client_as(("alexis", "p4ssw0rd"));
/// let remy = kinto.client_as(("remy", "s3cr3t"));
/// alexis.bucket("blog").create().await?;
/// assert!(remy.bucket("blog").get().await.is_err_and(|error| error.is_forbidden()));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Kinto {
    shared: Arc<Shared>,
    url: Arc<str>,
    is_other_program: bool,
}

struct Shared {
    number: u64,
    /// The server's time at an instant of tokio's clock.
    started: (i64, Mutex<Option<Instant>>),
    state: Mutex<State>,
}

pub(super) struct State {
    pub(super) server: Server,
    pub(super) faults: Faults,
    /// The requests, unless nobody wants them.
    pub(super) recorded: Option<Vec<RecordedRequest>>,
}

impl Kinto {
    /// Creates a server with the default settings: accounts, `basicauth`, default buckets, history.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Returns a builder for a server with other settings.
    pub fn builder() -> KintoBuilder {
        KintoBuilder::new()
    }

    pub(super) fn with(settings: Settings, now: Option<Timestamp>, records: bool) -> Self {
        let number = SERVERS.fetch_add(1, Ordering::Relaxed);
        let system = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
        let now = now.map_or_else(system, |now| now.as_millis().into());
        let state =
            State { server: Server::new(settings), faults: Faults::default(), recorded: records.then(Vec::new) };
        // Outside a runtime the clock is another one than in it: the time begins with the first request then.
        let first = tokio::runtime::Handle::try_current().is_ok().then(Instant::now);
        let shared = Shared {
            number,
            started: (i64::try_from(now).unwrap_or(i64::MAX), Mutex::new(first)),
            state: Mutex::new(state),
        };
        let url = format!("https://kinto-{number}.test/v1").into();
        Self { shared: Arc::new(shared), url, is_other_program: false }
    }

    /// Returns this server as another program reaches it.
    ///
    /// Requests of its clients meet no faults, and are not in [`requests`](Self::requests). Its writes do not wait for those of
    /// the program under test, as the writes of one program do for each other.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> kinto_client::Result<()> {
    /// use kinto_client::testing::Kinto;
    ///
    /// let kinto = Kinto::new();
    /// kinto.refuse_next(1);
    /// kinto.other_program().client().bucket("blog").create().await?;
    /// assert_eq!(kinto.requests().len(), 0);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn other_program(&self) -> Self {
        let url = format!("https://other.kinto-{}.test/v1", self.shared.number).into();
        Self { shared: Arc::clone(&self.shared), url, is_other_program: true }
    }

    /// Returns the URL of the server, which only its own transport can reach.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns a client of a user `test` of `basicauth`.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client_as(("test", "test"))
    }

    /// Returns a client with other credentials: `("user", "password")`. The server knows no scheme but Basic, and takes others
    /// for anonymous requests.
    ///
    /// # Panics
    ///
    /// If the credentials are not valid, such as a user name with a colon.
    #[must_use]
    #[allow(clippy::panic, reason = "a test with credentials that cannot be sent has nothing to go on with")]
    pub fn client_as(&self, auth: impl Into<Auth>) -> Client {
        match self.client_builder().auth(auth).build() {
            Ok(client) => client,
            Err(error) => panic!("{error}"),
        }
    }

    /// Returns the builder of a client of this server, without credentials, for other options.
    pub fn client_builder(&self) -> ClientBuilder {
        Client::builder(self.url()).transport(self.clone())
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the time of the server in milliseconds since 1970.
    pub(super) fn now(&self) -> i64 {
        let (start, first) = &self.shared.started;
        let first = *first.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(Instant::now);
        start.saturating_add(i64::try_from(first.elapsed().as_millis()).unwrap_or(i64::MAX))
    }

    /// Responds to a request. The comparison and the writing are two moments if writes can race.
    pub(super) async fn carry(&self, request: http::Request<Bytes>) -> http::Response<Bytes> {
        let compared = {
            let now = self.now();
            let mut state = self.state();
            if state.server.settings.races { state.server.compare(&request, now) } else { None }
        };
        match compared {
            None => self.answer(&mut self.state(), request),
            Some(Compared::Refused(response)) => response,
            Some(Compared::Accepted(accepted)) => {
                tokio::task::yield_now().await;
                let now = self.now();
                self.state().server.finish(accepted, now)
            }
        }
    }

    /// Responds to a batch as if it collided with another writer in its last write.
    pub(super) fn collide(&self, request: http::Request<Bytes>) -> http::Response<Bytes> {
        let now = self.now();
        self.state().server.collide(request, now)
    }

    pub(super) fn overload(&self, request: http::Request<Bytes>) -> http::Response<Bytes> {
        let now = self.now();
        self.state().server.overload(request, now)
    }

    /// Responds to a request right away, without faults.
    pub(super) fn answer(&self, state: &mut State, request: http::Request<Bytes>) -> http::Response<Bytes> {
        state.server.respond(request, self.now())
    }
}

impl Default for Kinto {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Kinto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kinto").field("url", &self.url()).finish_non_exhaustive()
    }
}

impl Transport for Kinto {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>> {
        let fate = if self.is_other_program {
            Fate::default()
        } else {
            let mut state = self.state();
            if let Some(recorded) = &mut state.recorded {
                recorded.push(RecordedRequest::of(&request));
            }
            state.faults.next(&request)
        };
        async move {
            let Fate { delay, before, verdict } = fate;
            if let Some(delay) = delay {
                tokio::time::sleep(delay).await;
            }
            if let Some(before) = before {
                before(self.other_program()).await;
            }
            let response = verdict.carry_out(self, request).await?;
            Ok(response.map(|body| -> Body { Box::pin(stream::iter(body)) }))
        }
        .boxed()
    }
}
