use std::{fmt, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures_core::future::BoxFuture;
use http::HeaderValue;

use crate::error::{Error, Result, kind::ErrorKind};

/// The credentials of a client, which are sent only to the server that the client was created for.
///
/// A pair of user and password converts to it, as in `.auth(("alexis", "p4ssw0rd"))`. `Debug` never shows the
/// secret.
///
/// ```
/// use kinto_client::Auth;
///
/// let auth = Auth::bearer("s3cr3t");
/// assert_eq!(format!("{auth:?}"), "Auth(…)");
/// ```
#[derive(Clone)]
pub struct Auth(Arc<dyn CredentialProvider>);

impl Auth {
    /// Creates credentials from user and password, for the accounts plugin and for `basicauth`.
    #[must_use]
    pub fn basic(user: impl AsRef<str>, password: impl AsRef<str>) -> Self {
        let user = user.as_ref();
        if user.contains(':') {
            let reason = "a user name cannot contain a colon, which ends the name in Basic authentication";
            return Self(Arc::new(Fixed(Err(reason))));
        }
        let encoded = BASE64_STANDARD.encode(format!("{user}:{}", password.as_ref()));
        Self::header(format!("Basic {encoded}"))
    }

    /// Creates credentials from a token of the `Bearer` scheme.
    #[must_use]
    pub fn bearer(token: impl AsRef<str>) -> Self {
        Self::header(format!("Bearer {}", token.as_ref()))
    }

    /// Creates credentials from a whole `Authorization` header, for any other scheme: `Portier …`.
    #[must_use]
    pub fn header(value: impl AsRef<str>) -> Self {
        let value = HeaderValue::from_str(value.as_ref())
            .map(|mut value| {
                value.set_sensitive(true);
                value
            })
            .map_err(|_| "the credentials contain a character that an HTTP header cannot have");
        Self(Arc::new(Fixed(value)))
    }

    /// Creates credentials that your own code provides and can refresh.
    #[must_use]
    pub fn custom(provider: impl CredentialProvider) -> Self {
        Self(Arc::new(provider))
    }

    pub(crate) async fn authorization(&self) -> Result<HeaderValue> {
        let mut value = self.0.authorization().await?;
        value.set_sensitive(true);
        Ok(value)
    }

    pub(crate) async fn refresh(&self, rejected: Option<&HeaderValue>) -> Result<bool> {
        match rejected {
            Some(rejected) => self.0.refresh_rejected(rejected).await,
            None => self.0.refresh().await,
        }
    }

    /// Checks the credentials as far as that is possible without calling the provider.
    pub(crate) fn check(&self) -> Result<()> {
        self.0.check()
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Auth(…)")
    }
}

impl<U: AsRef<str>, P: AsRef<str>> From<(U, P)> for Auth {
    fn from((user, password): (U, P)) -> Self {
        Self::basic(user, password)
    }
}

/// A provider of the `Authorization` header of each request, for schemes that need more than a fixed value.
///
/// Implement it without the `async_trait` macro, whose methods have other lifetimes: wrap the body of each method in
/// `Box::pin(async move { … })`. The types are re-exported as `kinto_client::futures_core` and `kinto_client::http`.
///
/// ```
/// use kinto_client::{
///     Auth, Error, Result, auth::CredentialProvider, futures_core::future::BoxFuture, http::HeaderValue,
/// };
///
/// /// Reads the token anew for every request, so that another program can replace it.
/// struct TokenFile(std::path::PathBuf);
///
/// impl CredentialProvider for TokenFile {
///     fn authorization(&self) -> BoxFuture<'_, Result<HeaderValue>> {
///         Box::pin(async {
///             let token = std::fs::read_to_string(&self.0).map_err(Error::authentication)?;
///             HeaderValue::from_str(&format!("Bearer {}", token.trim())).map_err(Error::authentication)
///         })
///     }
/// }
///
/// let auth = Auth::custom(TokenFile("token".into()));
/// ```
pub trait CredentialProvider: Send + Sync + 'static {
    /// Returns the value of the `Authorization` header.
    ///
    /// It is called before every request, so cache values that are expensive to get.
    ///
    /// A task of the client calls it, so that task-local values of the caller are not available.
    ///
    /// # Errors
    ///
    /// An [`Error::authentication`] with the reason; the request is not sent then.
    fn authorization(&self) -> BoxFuture<'_, Result<HeaderValue>>;

    /// Refreshes the credentials after the server has rejected them with a 401.
    ///
    /// Return `true` if there are new ones: the request is then sent once more with them.
    ///
    /// # Errors
    ///
    /// As for [`authorization`](Self::authorization).
    fn refresh(&self) -> BoxFuture<'_, Result<bool>> {
        Box::pin(async { Ok(false) })
    }

    /// Refreshes the credentials as [`refresh`](Self::refresh) does, which it calls by default, and names the value of the
    /// `Authorization` header that was rejected.
    ///
    /// Implement it where a refresh is expensive and several requests may be rejected at once: a value that is no longer the
    /// current one needs no refresh. Within a batch whose parts were rejected, `refresh` is called instead.
    ///
    /// # Errors
    ///
    /// As for [`authorization`](Self::authorization).
    fn refresh_rejected<'a>(&'a self, rejected: &'a HeaderValue) -> BoxFuture<'a, Result<bool>> {
        let _ = rejected;
        self.refresh()
    }

    #[doc(hidden)]
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

/// Credentials that never change; an error in them is returned when the client is built.
struct Fixed(std::result::Result<HeaderValue, &'static str>);

impl CredentialProvider for Fixed {
    fn authorization(&self) -> BoxFuture<'_, Result<HeaderValue>> {
        let value = self.0.clone().map_err(Error::invalid);
        Box::pin(async move { value })
    }

    fn check(&self) -> Result<()> {
        self.0.as_ref().map(|_| ()).map_err(|reason| Error::invalid(*reason))
    }
}

impl Error {
    /// Creates the error for a [`CredentialProvider`] that cannot provide credentials.
    pub fn authentication(reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(ErrorKind::Authentication, "no credentials could be obtained").caused_by(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auth_check_rejects_unsendable_credentials_without_showing_them() {
        for auth in [Auth::basic("a:b", "s3cr3t"), Auth::header("s3cr3t\n"), Auth::bearer("s3cr3t\0")] {
            let error = auth.check().unwrap_err();
            assert!(error.is_invalid());
            assert!(!format!("{error} {error:?} {auth:?}").contains("s3cr3t"));
        }
        assert!(Auth::basic("alexis", "p:4 é").check().is_ok());
    }
}
