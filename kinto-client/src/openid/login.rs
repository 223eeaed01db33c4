use std::{fmt, sync::Arc, time::Duration};

use http::{StatusCode, header};
use url::Url;

use super::{
    answer,
    credentials::OpenIdCredentials,
    listener::Listener,
    provider::{OpenIdProvider, providers},
    token::Token,
};
use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    operation::{Call, CallContext, sealed},
    wire::{preview::RequestPreview, query::Query, request::Request, response::Response},
};

/// The time in which the user has to log in, unless the caller sets another one.
const TIME_LIMIT: Duration = Duration::from_secs(300);

/// Logs a user in with the browser.
#[derive(Debug)]
pub struct OpenIdLogin {
    provider: String,
    options: Options,
}

/// The options of a login, which later ones have, too.
#[derive(Clone)]
pub(super) struct Options {
    scopes: Vec<String>,
    silent: bool,
    pub(super) time_limit: Duration,
    header_type: Option<String>,
    open: Arc<dyn Fn(&str) + Send + Sync>,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scopes, silent, time_limit, header_type, .. } = self;
        let mut options = f.debug_struct("Options");
        options.field("scopes", scopes).field("silent", silent).field("time_limit", time_limit);
        options.field("header_type", header_type).finish_non_exhaustive()
    }
}

impl OpenIdLogin {
    pub(super) fn new(provider: String) -> Self {
        let scopes = ["openid", "email"].map(str::to_owned).to_vec();
        let open = Arc::new(|url: &str| eprintln!("To log in, open {url}"));
        Self { provider, options: Options { scopes, silent: false, time_limit: TIME_LIMIT, header_type: None, open } }
    }

    fn context() -> CallContext {
        CallContext::new("log in at", "/openid")
    }

    fn check(&self) -> Result<()> {
        let Options { scopes, time_limit, header_type, .. } = &self.options;
        let is_word = |word: &String| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic());
        if scopes.is_empty() || !scopes.iter().all(is_word) {
            return Err(Error::invalid(format!(
                "{scopes:?} cannot be the scopes of a login: name words such as `openid`"
            )));
        }
        if time_limit.is_zero() {
            return Err(Error::invalid("the `time_limit` of a login must be more than nothing"));
        }
        match header_type.as_ref().filter(|header_type| !is_word(header_type)) {
            Some(wrong) => {
                Err(Error::invalid(format!("{wrong:?} cannot be a `header_type`: it is one word, as `Bearer`")))
            }
            None => Ok(()),
        }
    }

    async fn log_in(self, client: Client) -> Result<OpenIdCredentials> {
        self.check()?;
        let known = providers(client.info().await?)?;
        let Some(provider) = known.iter().find(|provider| provider.name == self.provider) else {
            let names: Vec<&str> = known.iter().map(|provider| provider.name.as_str()).collect();
            return Err(Error::invalid(format!(
                "the server has no identity provider {:?}, but {}",
                self.provider,
                if names.is_empty() { "none".to_owned() } else { names.join(", ") }
            )));
        };
        let login = Login { client: client.without_auth(), provider: provider.clone(), options: self.options };
        let token = login.run().await?;
        Ok(OpenIdCredentials::new(login, token))
    }
}

/// All that a login needs, which can be repeated.
#[derive(Clone)]
pub(super) struct Login {
    client: Client,
    pub(super) provider: OpenIdProvider,
    pub(super) options: Options,
}

impl Login {
    /// Waits until the user has logged in, and returns the token.
    pub(super) async fn run(&self) -> Result<Token> {
        let limit = self.options.time_limit;
        let login = tokio::time::timeout(limit, self.within_time()).await;
        login.unwrap_or_else(|_| {
            let seconds = limit.as_secs_f32();
            let message = format!("nobody logged in within {seconds} s (`time_limit` sets the time)");
            Err(Error::new(ErrorKind::Timeout, message))
        })
    }

    async fn within_time(&self) -> Result<Token> {
        let listener = Listener::start().await?;
        let page = self.page(listener.callback()).await?;
        tracing::debug!(provider = self.provider.name, "waiting for a login in the browser");
        (self.options.open)(page.as_str());
        let header_type = self.options.header_type.as_deref().unwrap_or(&self.provider.header_type);
        listener.answer(|query| answer::read(query, header_type)).await
    }

    /// Returns the page of the provider to which the server sends whoever wants to log in.
    ///
    /// The client asks for it, and not the browser, so that a refusal of the server is an error here.
    async fn page(&self, callback: &str) -> Result<Url> {
        let mut query = Query::default();
        query.push("callback", callback);
        query.push("scope", &self.options.scopes.join(" "));
        if self.options.silent {
            query.push("prompt", "none");
        }
        let path = self.provider.auth_path.clone();
        if !path.starts_with('/') {
            return Err(Error::unexpected(format!("the server's path for the login is {path:?}, which is none")));
        }
        let request = Request { query, keep_redirect: true, ..Request::get(path) };
        let response: Response = self.client.send(&request).await?;
        if response.status != StatusCode::TEMPORARY_REDIRECT && response.status != StatusCode::FOUND {
            let response = response.success()?;
            return Err(Error::unexpected(format!("the server leads to no page for the login: {}", response.status)));
        }
        let location = response.header(header::LOCATION).and_then(|location| Url::parse(&location).ok());
        location.filter(|url| matches!(url.scheme(), "http" | "https")).ok_or_else(|| {
            Error::unexpected("the server leads to a page for the login whose address is no URL".to_owned())
        })
    }
}

impl sealed::Preview for OpenIdLogin {
    fn preview(&self) -> Result<RequestPreview> {
        self.check().map_err(|error| Self::context().attach(error))?;
        let follows = "then a GET of the page for the login, which the user's browser opens";
        RequestPreview::first(Request::get("/".to_owned()), follows)
    }
}

impl sealed::Action for OpenIdLogin {
    const NAME: &'static str = "OpenIdLogin";

    type Output = OpenIdCredentials;

    async fn run(self, client: Client) -> Result<OpenIdCredentials> {
        self.log_in(client).await.map_err(|error| Self::context().attach(error))
    }
}

impl Call<'_, OpenIdLogin> {
    /// Opens the address of the login with this function, instead of printing it to the standard error. It must not wait for
    /// the user. A later login of the same credentials calls it again.
    ///
    /// ```no_run
    /// # async fn log_in(client: kinto_client::Client) -> kinto_client::Result<()> {
    /// let open = |url: &str| {
    ///     if std::process::Command::new("xdg-open").arg(url).spawn().is_err() {
    ///         eprintln!("To log in, open {url}");
    ///     }
    /// };
    /// let credentials = client.openid_login("google").open_with(open).await?;
    /// # Ok(()) }
    /// ```
    pub fn open_with(mut self, open: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.op.options.open = Arc::new(open);
        self
    }

    /// Sets the scopes that are asked for, instead of `openid` and `email`. The server permits `openid`, `email` and `profile`,
    /// unless its setting `allowed_scopes` has others.
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.op.options.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// Asks the provider for a token without showing anything to the user (`prompt=none`): it fails if the user is not logged
    /// in there already.
    pub fn silent(mut self) -> Self {
        self.op.options.silent = true;
        self
    }

    /// Sets the time in which the user has to log in, instead of five minutes.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.op.options.time_limit = limit;
        self
    }

    /// Sets the scheme of the `Authorization` header, instead of the one that the server names.
    ///
    /// Kinto 26.5.0 names `Bearer` whatever its setting `header_type` is: set that here if it is another one.
    pub fn header_type(mut self, header_type: impl Into<String>) -> Self {
        self.op.options.header_type = Some(header_type.into());
        self
    }
}
