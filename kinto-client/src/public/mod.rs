//! The modules that users open, where they do not follow a room of the crate.

pub mod auth;
pub mod batch;
pub mod history;
pub mod list;
pub mod object;
pub mod permissions;
pub mod retry;
pub mod server;
