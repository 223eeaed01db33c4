//! Records in a store: its file, the verbs, and the synchronization with a server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "these are tests")]

mod conflicts;
mod convergence;
mod device;
mod faults;
mod file;
mod full;
mod incoming;
mod killed;
mod lease;
mod ledger;
mod outgoing;
mod processes;
mod real;
mod reconcile;
mod scenarios;
mod verbs;
mod world;
