//! A to-do list kept in Kinto: `cargo run --example todo`.
//!
//! Without a command it shows, on a server of its own, how typed records go there and back: read `demo.rs`.
//! With a command it keeps a list on any Kinto server: read `commands.rs`.

mod cli;
mod commands;
mod connection;
mod demo;
mod failure;
mod screen;
mod todo;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::Cli;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Cli { place, command } = Cli::parse();
    let outcome = match command {
        Some(command) => commands::run(&place, command).await,
        None => demo::run(&place).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("todo: {failure}");
            ExitCode::FAILURE
        }
    }
}
