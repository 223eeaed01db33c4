//! Tests with real servers.

mod postgresql;
mod processes;
mod server;
mod support;
