//! Public modules that collect items from several rooms.

pub mod auth;
pub mod batch;
pub mod list;
pub mod object;
pub mod permissions;
pub mod retry;
pub mod server;
