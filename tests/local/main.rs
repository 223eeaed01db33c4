//! Records in a store: its file, the verbs, and the synchronization with a server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "these are tests")]

mod bulk;
mod bulk_laws;
mod changes;
mod conflicts;
mod convergence;
mod decisions;
mod device;
mod file;
mod incoming;
mod lease;
mod many;
mod outgoing;
mod queries;
mod real;
mod reconcile;
mod rest;
mod status;
mod strategies;
mod verbs;
