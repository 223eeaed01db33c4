//! What must hold of a save, whatever the type and whatever was done to the value: what is stored is what the caller held,
//! or the save was refused; what the type does not know is there once, and where it belongs; and nothing is sent if nothing
//! was changed.
//!
//! `KINTO_SAVING_CASES` says how many cases are tried, of which there are some thousands otherwise; `KINTO_SAVING_SEED` where
//! they begin.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "that is how a test fails"
)]

mod generate;
mod laws;
mod server;
mod shapes;
mod zoo;

fn from_environment(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().map_or(otherwise, |given| given.parse().expect("a number"))
}

#[test]
fn save_stores_held_value_and_keeps_unknown_fields() {
    let cases = from_environment("KINTO_SAVING_CASES", 8_000);
    let first = from_environment("KINTO_SAVING_SEED", 1);
    laws::check(first..first + cases);
}

#[test]
fn server_holds_what_was_held_whichever_way_it_was_saved() {
    server::check(from_environment("KINTO_SAVING_ROUNDS", 20));
}
