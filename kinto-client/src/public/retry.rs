//! Retries: the number of tries, and the delays between them.
//!
//! The client retries requests only where that is safe. A [`RetryPolicy`] decides how often, and after which delay:
//! [`ExponentialBackoff`] by default, [`NeverRetry`], or one of your own. [`Backoff`] decides about the delays that the
//! server asks for between requests.
//!
//! ```
//! use kinto_client::{Client, retry::NeverRetry};
//!
//! # fn main() -> kinto_client::Result<()> {
//! let client = Client::builder("https://kinto.example.org/v1").retry(NeverRetry).build()?;
//! # drop(client);
//! # Ok(()) }
//! ```

pub use crate::transport::{
    retry::{ExponentialBackoff, NeverRetry, RetryPolicy, RetryState},
    server_notices::Backoff,
};
