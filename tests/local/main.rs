//! Records in a store: its file, the verbs, and the synchronization with a server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "these are tests")]

mod blocking;
mod bulk;
mod bulk_laws;
mod bulk_streams;
mod changes;
mod conflicts;
mod convergence;
mod decisions;
mod device;
mod faults;
mod file;
mod full;
mod incoming;
mod killed;
mod lease;
mod ledger;
mod lenient;
mod login;
mod many;
mod outgoing;
mod panics;
mod processes;
mod queries;
mod readable;
mod real;
mod reconcile;
mod rest;
mod scenarios;
mod sharing;
mod stamps;
mod status;
mod stopped;
mod strategies;
mod verbs;
mod world;
