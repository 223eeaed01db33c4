//! Notes that are there without a network: `cargo run --example notes -- --help`.
//!
//! All commands but `sync` read and write a file only; `sync` exchanges the changes with a Kinto server, whenever there is
//! a network. Read `commands.rs`.

mod cli;
mod commands;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::Parser as _;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match commands::run(cli::Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut cause = error.source();
            while let Some(deeper) = cause.and_then(|cause| cause.source()) {
                cause = Some(deeper);
            }
            let cause = cause.map(|cause| format!(" ({cause})")).unwrap_or_default();
            let _ = writeln!(io::stderr(), "notes: {error}{cause}");
            ExitCode::FAILURE
        }
    }
}
