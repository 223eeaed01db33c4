//! A server made to match what is declared in Rust, or in a YAML file: `cargo run --example blueprint`.
//!
//! The types are in `declared.rs`, with the collections and permissions that they have. Without a command it shows on a server
//! of its own what a plan is: read `demo.rs`. With a command it plans and applies on any Kinto server: read `commands.rs`.

mod cli;
mod commands;
mod declared;
mod demo;
mod failure;
mod screen;
mod server;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::Cli;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match &cli.command {
        Some(command) => commands::run(&cli, command).await,
        None => demo::run(&cli).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            screen::error(failure);
            ExitCode::FAILURE
        }
    }
}
