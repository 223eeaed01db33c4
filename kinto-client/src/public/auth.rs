//! Credentials that change while a program runs.
//!
//! [`Auth`](crate::Auth) holds a user and a password, or a bearer token. Implement [`CredentialProvider`] where tokens expire:
//! the client asks it for credentials before each request, and once more after the server rejects them.
//!
//! ```
//! use kinto_client::{Auth, Client};
//!
//! # fn main() -> kinto_client::Result<()> {
//! let client = Client::builder("https://kinto.example.org/v1").auth(Auth::bearer("eyJhbGciOi")).build()?;
//! let other = client.with_auth(("alexis", "p4ssw0rd"))?;
//! assert_eq!(other.url(), client.url());
//! # Ok(()) }
//! ```

pub use crate::transport::auth::CredentialProvider;
