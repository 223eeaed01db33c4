use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Notes in a file, which are synchronized with a Kinto server.
///
/// The first command needs the server, which says whose notes they are. From then on, all but `sync` work without a network.
#[derive(Parser)]
#[command(name = "notes", bin_name = "cargo run --example notes --")]
pub(crate) struct Cli {
    /// The file
    #[arg(long, global = true, value_name = "FILE", default_value = "notes.db")]
    pub(crate) file: PathBuf,
    /// The server, with the version at the end
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "KINTO_SERVER_URL",
        default_value = "http://localhost:8888/v1"
    )]
    pub(crate) server: String,
    /// The credentials
    #[arg(long, global = true, value_name = "USER:PASSWORD", env = "KINTO_AUTH", hide_env_values = true)]
    pub(crate) auth: Option<String>,
    /// The collection, in your own bucket
    #[arg(long, global = true, value_name = "ID", default_value = "notes")]
    pub(crate) collection: String,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Adds notes
    Add {
        /// The texts, each for a note of its own
        #[arg(required = true, value_name = "TEXT")]
        texts: Vec<String>,
    },
    /// Shows the notes, the last changed first
    List,
    /// Gives a note another text
    Edit {
        /// As `list` shows it
        id: String,
        /// The new text
        text: String,
    },
    /// Marks a note as done
    Done {
        /// As `list` shows it
        id: String,
    },
    /// Removes a note
    Rm {
        /// As `list` shows it
        id: String,
    },
    /// Exchanges the changes with the server
    Sync,
    /// Shows what was not sent yet, and why
    Status,
    /// Shows the notes that were changed here and on the server, and cannot be merged
    Conflicts,
    /// Decides about such a note
    Resolve {
        /// As `conflicts` shows it
        id: String,
        #[command(flatten)]
        choice: Choice,
    },
}

/// The version that stays.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Choice {
    /// The note as it is here
    #[arg(long)]
    pub(crate) mine: bool,
    /// The note as it is on the server
    #[arg(long)]
    pub(crate) theirs: bool,
    /// Another text
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Option<String>,
}
