use std::path::PathBuf;

use clap::Parser;

/// Loads a JSON file of records into a collection, and goes on where it was stopped.
///
/// Records that are there already as they are in the file are left alone, those that differ become as in the file, and
/// those that are not in the file stay as they are.
#[derive(Parser)]
#[command(name = "load", bin_name = "cargo run --example load --")]
pub(crate) struct Cli {
    /// The file: a list of records, or `{"data": [a list of records]}`; `-` is the standard input; without it, one that is
    /// made up
    pub(crate) file: Option<PathBuf>,
    /// The server, with the version at the end; without it, one that is started
    #[arg(long, value_name = "URL", env = "KINTO_SERVER_URL")]
    server: Option<String>,
    /// The credentials
    #[arg(long, value_name = "USER:PASSWORD", env = "KINTO_AUTH", hide_env_values = true)]
    auth: Option<String>,
    /// The bucket; `default` is your own
    #[arg(long, value_name = "ID", default_value = "default")]
    pub(crate) bucket: String,
    /// The collection [default: as the file is called]
    #[arg(long, value_name = "ID")]
    pub(crate) collection: Option<String>,
}

/// A variable of the environment that is set to nothing is not set.
fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

impl Cli {
    pub(crate) fn server(&self) -> Option<&str> {
        given(self.server.as_deref())
    }

    pub(crate) fn auth(&self) -> Option<&str> {
        given(self.auth.as_deref())
    }
}
