//! The server that is made to match.

use kinto_client::Client;
use kinto_server::Server;

use crate::{
    cli::Cli,
    failure::{Failure, Result},
};

/// On a server with the `basicauth` policy, whoever comes with these is the user that they make.
const SOMEBODY: &str = "alexis:p4ssw0rd";

/// A client of the server, and the server if it was started for this run.
pub(crate) struct Target {
    pub(crate) client: Client,
    /// It is stopped when it is dropped.
    own: Option<Server>,
}

impl Target {
    pub(crate) async fn open(cli: &Cli) -> Result<Self> {
        let own = if cli.server().is_none() { Some(Server::builder().start()?) } else { None };
        let url = cli.server().or(own.as_ref().map(Server::url)).unwrap_or_default();
        let auth = match cli.auth() {
            Some(auth) => auth,
            None if own.is_some() => SOMEBODY,
            None => return Err(Failure::new("the server needs credentials: pass --auth USER:PASSWORD")),
        };
        // What was given is not shown: it may be a password.
        let auth = auth.split_once(':').ok_or_else(|| {
            Failure::new("--auth (or KINTO_AUTH) is a user, a colon and a password, as in alexis:p4ssw0rd")
        })?;
        let client = Client::builder(url).auth(auth).build()?;
        match client.user().await? {
            Some(_) => Ok(Self { client, own }),
            None => Err(Failure::new(format!("{url} does not know this user with this password"))),
        }
    }

    /// Returns `true` if the server ends with the program.
    pub(crate) fn is_passing(&self) -> bool {
        self.own.is_some()
    }
}
