//! The foundation of the tests of this workspace: a [`Fixture`] on a real server, a [`Recorder`] of the requests
//! to it, a [`RawClient`] second client that reads its state, and a [`Proxy`] that injects faults.

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
mod chance;
mod cutting_proxy;
pub mod devices;
pub mod evaluator;
mod fault;
mod fixture;
mod http1;
mod identity_provider;
mod log;
mod nginx;
mod proxy;
mod raw_client;
mod recorder;
mod script;
mod sent_request;
mod signed;
mod user;
mod watch;

pub use backends::server_on;
pub use canned::Canned;
pub use chance::Chance;
pub use cutting_proxy::CuttingProxy;
pub use fault::{Fault, Gate};
pub use fixture::{Fixture, nowhere};
pub use identity_provider::{IdentityProvider, Login};
pub use log::Log;
pub use nginx::{Nginx, NginxBuilder};
pub use proxy::{Proxy, in_order};
pub use raw_client::RawClient;
pub use recorder::Recorder;
pub use script::{CALLS, Note, Script, laws};
pub use sent_request::SentRequest;
pub use signed::Signed;
pub use user::TestUser;
pub use watch::{look_at, secret_in, shown, watch};

/// The result of a test, which allows the use of `?`.
pub type Outcome = Result<(), Box<dyn std::error::Error>>;
