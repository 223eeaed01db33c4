//! The credentials of a login, which logs in again when the server rejects them.

use std::{
    fmt,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_core::future::BoxFuture;
use futures_util::{FutureExt as _, future::Shared};
use http::HeaderValue;
use tokio::time::Instant;

use super::{login::Login, token::Token};
use crate::{
    error::{Error, Result},
    transport::{
        auth::{Auth, CredentialProvider},
        task::Task,
    },
};

/// The credentials of a user who has logged in with the browser.
///
/// They convert to [`Auth`]. When the server rejects the token with a 401, the login is repeated with the same options, once
/// for all requests that were rejected, and each of these is then sent again. A request waits for that no longer than its
/// timeout; the login goes on nevertheless, and the next request has its token. After a login that failed, there is no other
/// within its time limit: requests fail with the same error.
///
/// [`without_login`](Self::without_login) gives credentials that never open a browser.
#[derive(Clone)]
pub struct OpenIdCredentials(Arc<Inner>);

struct Inner {
    login: Login,
    state: Mutex<State>,
}

type Running = Shared<BoxFuture<'static, Result<Token>>>;

struct State {
    token: Token,
    running: Option<Running>,
    failed: Option<(Instant, Error)>,
}

impl State {
    /// Takes the result of the login that was under way, if it has ended.
    fn settle(&mut self) {
        let ended = self.running.as_ref().and_then(|running| running.clone().now_or_never());
        if let Some(result) = ended {
            self.running = None;
            match result {
                Ok(token) => (self.token, self.failed) = (token, None),
                Err(error) => self.failed = Some((Instant::now(), error)),
            }
        }
    }
}

impl OpenIdCredentials {
    pub(super) fn new(login: Login, token: Token) -> Self {
        Self(Arc::new(Inner { login, state: Mutex::new(State { token, running: None, failed: None }) }))
    }

    /// Returns the name of the identity provider.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.0.login.provider.name
    }

    /// Returns the time that the token was valid for when it was received, if the provider told.
    ///
    /// Kinto caches the verification of a token, by default for a day, and may accept it for longer.
    #[must_use]
    pub fn expires_in(&self) -> Option<Duration> {
        self.0.state().token.expires_in
    }

    /// Returns the value of the `Authorization` header, a secret: to keep it for another run of the program, which uses it
    /// with [`Auth::header`].
    #[must_use]
    pub fn expose_authorization(&self) -> String {
        self.0.state().token.header.to_str().unwrap_or_default().to_owned()
    }

    /// Returns the same credentials without a login when the server rejects them: requests fail with a 401 then.
    #[must_use]
    pub fn without_login(&self) -> Auth {
        Auth::header(self.expose_authorization())
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.settle();
        state
    }

    /// Returns the login that is under way, or starts one; `None` if the token is no longer the one that was rejected.
    fn begin(&self, rejected: Option<&HeaderValue>) -> Result<Option<Running>> {
        let mut state = self.state();
        if rejected.is_some_and(|rejected| *rejected != state.token.header) {
            return Ok(None);
        }
        if let Some((since, error)) = &state.failed
            && since.elapsed() < self.login.options.time_limit
        {
            return Err(error.clone());
        }
        if state.running.is_none() {
            let login = self.login.clone();
            // A task of its own: it ends when these credentials are dropped, but not with the request that waits for it.
            let task = Task::start(async move {
                // The function that opens the page is the caller's. A panic in it must not be one of every later request.
                let login = AssertUnwindSafe(login.run()).catch_unwind().await;
                login.unwrap_or_else(|_| Err(Error::authentication("the function that opens the login panicked")))
            })?;
            state.running = Some(async move { task.end().await? }.boxed().shared());
        }
        Ok(state.running.clone())
    }

    async fn log_in_again(&self, rejected: Option<&HeaderValue>) -> Result<bool> {
        let Some(running) = self.begin(rejected)? else { return Ok(true) };
        let ended = running.await;
        drop(self.state());
        ended.map(|_| true)
    }
}

impl CredentialProvider for OpenIdCredentials {
    fn authorization(&self) -> BoxFuture<'_, Result<HeaderValue>> {
        Box::pin(async { Ok(self.0.state().token.header.clone()) })
    }

    fn refresh(&self) -> BoxFuture<'_, Result<bool>> {
        Box::pin(self.0.log_in_again(None))
    }

    fn refresh_rejected<'a>(&'a self, rejected: &'a HeaderValue) -> BoxFuture<'a, Result<bool>> {
        Box::pin(self.0.log_in_again(Some(rejected)))
    }
}

impl From<OpenIdCredentials> for Auth {
    fn from(credentials: OpenIdCredentials) -> Self {
        Self::custom(credentials)
    }
}

impl fmt::Debug for OpenIdCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenIdCredentials").field("provider", &self.provider()).finish_non_exhaustive()
    }
}
