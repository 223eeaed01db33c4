use clap::{Args, Parser, Subcommand};
use kinto_client::KintoRecord as _;

use crate::{
    failure::{Failure, Result},
    todo::Todo,
};

/// A to-do list kept in Kinto.
///
/// Without a command: shows step by step, in a collection of its own, how typed records go to a server and back. The
/// server is one that is started for it, unless --server names another.
#[derive(Parser)]
#[command(name = "todo", bin_name = "cargo run --example todo --")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// The place of the list, and the credentials.
///
/// It does not implement `Debug`, since it contains a password.
#[derive(Args)]
pub(crate) struct Place {
    /// The server, with the version at the end, as in `https://kinto.example.org/v1`
    #[arg(long, global = true, value_name = "URL", env = "KINTO_SERVER_URL")]
    pub(crate) server: Option<String>,
    /// The credentials
    #[arg(long, global = true, value_name = "USER:PASSWORD", env = "KINTO_AUTH", hide_env_values = true)]
    pub(crate) auth: Option<String>,
    /// The bucket; `default` is your own
    #[arg(long, global = true, value_name = "ID", default_value = Todo::BUCKET)]
    pub(crate) bucket: String,
    /// The collection [default: todo; without a command a new one]
    #[arg(long, global = true, value_name = "ID")]
    pub(crate) collection: Option<String>,
}

impl Place {
    /// The server's address, for commands that need one that was there before.
    pub(crate) fn server(&self) -> Result<&str> {
        self.server_if_any().ok_or_else(|| {
            Failure::new("no server: name it with --server URL or KINTO_SERVER_URL, as in http://localhost:8888/v1")
        })
    }

    pub(crate) fn server_if_any(&self) -> Option<&str> {
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

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Adds to-dos
    Add {
        /// The titles, each for a to-do of its own
        #[arg(required = true, value_name = "TITLE")]
        titles: Vec<String>,
    },
    /// Shows the list, the last changed first
    List,
    /// Marks a to-do as done
    Done {
        /// As `list` shows it
        id: String,
    },
    /// Gives a to-do another title
    Rename {
        /// As `list` shows it
        id: String,
        /// The new title
        title: String,
    },
    /// Removes a to-do
    Rm {
        /// As `list` shows it
        id: String,
    },
}
