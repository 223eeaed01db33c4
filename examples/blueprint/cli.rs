use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Makes a Kinto server match a blueprint: buckets, groups, collections, and who may do what with them.
///
/// Without a command: shows what a plan is, on a server that is started for it, unless --server names another.
#[derive(Parser)]
#[command(name = "blueprint", bin_name = "cargo run --example blueprint --")]
pub(crate) struct Cli {
    /// The server, with the version at the end, as in `https://kinto.example.org/v1`
    #[arg(long, global = true, value_name = "URL", env = "KINTO_SERVER_URL")]
    server: Option<String>,
    /// The credentials
    #[arg(long, global = true, value_name = "USER:PASSWORD", env = "KINTO_AUTH", hide_env_values = true)]
    auth: Option<String>,
    /// A blueprint in YAML or JSON, instead of the one in `declared.rs`
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Shows what would be done, and does nothing
    Plan {
        /// Also what would be deleted because the blueprint does not have it
        #[arg(long)]
        delete_extra: bool,
    },
    /// Shows what is to be done, and does it
    Apply {
        /// Deletes what the blueprint does not have: groups, and collections with their records
        #[arg(long)]
        delete_extra: bool,
    },
    /// Writes the blueprint as YAML, to begin a file with
    Write,
}

impl Cli {
    pub(crate) fn server(&self) -> Option<&str> {
        given(self.server.as_deref())
    }

    pub(crate) fn auth(&self) -> Option<&str> {
        given(self.auth.as_deref())
    }
}

/// A variable of the environment that is set to nothing is not set.
fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}
