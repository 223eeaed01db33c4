//! Login with OpenID Connect in the user's browser, for servers with the plugin `kinto.plugins.openid`.
//!
//! [`Client::openid_login`] opens the page of an identity provider, waits until the user has logged in there, and returns
//! [`OpenIdCredentials`] for [`Client::with_auth`]. They log in again when the server rejects the token.
//!
//! ```no_run
//! # #[tokio::main] async fn main() -> kinto_client::Result<()> {
//! use kinto_client::Client;
//!
//! let anyone = Client::builder("https://kinto.example.org/v1").build()?;
//! let credentials = anyone.openid_login("google").await?; // prints the address to open
//! let client = anyone.with_auth(credentials)?;
//! println!("{:?}", client.user().await?);
//! # Ok(()) }
//! ```
//!
//! The provider sends the browser back to a listener of this process, on 127.0.0.1 and a port that the system chooses. The
//! server has to trust that address, as it does by default: its setting `trusted_callback_urls` is for other ones. The path
//! is random for each login, so that no other page or program can end it; the listener takes one answer and closes, at the
//! latest after the [time limit](Call::time_limit).
//!
//! Tokens are credentials: `Debug`, errors and logs never show them, and they are sent to the client's server only.

use crate::{client::Client, operation::Call};

mod answer;
mod credentials;
mod listener;
mod login;
mod provider;
mod token;

pub use credentials::OpenIdCredentials;
pub use login::OpenIdLogin;
pub use provider::{GetOpenIdProviders, OpenIdProvider};

/// Login with OpenID Connect.
impl Client {
    /// Returns the identity providers with which users can log in, from the server information.
    ///
    /// # Errors
    ///
    /// [`Error::is_unsupported`](crate::Error::is_unsupported) if the server does not have the plugin, or no provider.
    pub fn openid_providers(&self) -> Call<'static, GetOpenIdProviders> {
        Call::new(self, GetOpenIdProviders::new())
    }

    /// Logs a user in with the browser, at the identity provider with this name on the server.
    ///
    /// The address of the login is printed to the standard error, unless [`open_with`](Call::open_with) opens it. Further
    /// options: [`scopes`](Call::scopes), [`silent`](Call::silent), [`time_limit`](Call::time_limit),
    /// [`header_type`](Call::header_type).
    ///
    /// # Errors
    ///
    /// [`Error::is_unsupported`](crate::Error::is_unsupported) if the server does not have the plugin,
    /// [`Error::is_invalid`](crate::Error::is_invalid) for the name of no provider,
    /// [`Error::is_refused`](crate::Error::is_refused) if the server permits neither these scopes nor a login to this machine,
    /// [`Error::is_authentication`](crate::Error::is_authentication) if the provider refuses the login, and
    /// [`Error::is_timeout`](crate::Error::is_timeout) if the user does not log in within the time limit.
    pub fn openid_login(&self, provider: impl Into<String>) -> Call<'static, OpenIdLogin> {
        Call::new(self, OpenIdLogin::new(provider.into()))
    }
}
