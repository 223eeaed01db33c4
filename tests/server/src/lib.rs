//! Runs a real Kinto server for tests and examples.
//!
//! ```
//! # fn main() -> Result<(), kinto_server::Error> {
//! use kinto_server::Server;
//!
//! let server = Server::shared()?;
//! println!("{}/buckets", server.url());
//! # Ok(()) }
//! ```

#![allow(clippy::doc_markdown, reason = "PostgreSQL is a name")]

mod admin;
mod builder;
mod error;
mod external;
mod home;
mod ini;
mod install;
mod launcher;
mod lease;
mod postgres;
mod progress;
mod python;
mod server;
mod signer;
mod unique;
mod venv;

pub use builder::{Backend, Builder};
pub use error::Error;
pub use server::Server;
pub use unique::unique;
