//! What the tests of this workspace stand on: a [`Scene`] on a real server, a [`Recorder`] of what was sent to it, a
//! [`Plain`] second client that shows what it holds, and a [`Proxy`] that makes the ways to it fail.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "where the means of a test fail, the test fails: at once, and where it was"
)]

mod backends;
mod canned;
pub mod evaluator;
mod fault;
mod http1;
mod log;
mod nginx;
mod person;
mod plain;
mod proxy;
mod recorder;
mod scene;
mod script;
mod sent;
mod watch;

pub use backends::server_on;
pub use canned::Canned;
pub use fault::{Fault, Gate};
pub use log::Log;
pub use nginx::{Nginx, NginxBuilder};
pub use person::Person;
pub use plain::Plain;
pub use proxy::{Proxy, in_order};
pub use recorder::Recorder;
pub use scene::{Scene, nowhere};
pub use script::{CALLS, Note, Script, laws};
pub use sent::Sent;
pub use watch::{look_at, secret_in, shown, watch};

/// What a test gives, so that it can use `?`.
pub type Outcome = Result<(), Box<dyn std::error::Error>>;
