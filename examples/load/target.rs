//! The collection that the records are loaded into.

use std::path::Path;

use kinto_client::{Bucket, Client, Collection};
use kinto_server::Server;

use crate::{
    cli::Cli,
    failure::{Failure, Result},
};

/// On a server with the `basicauth` policy, whoever comes with these is the user that they make.
const SOMEBODY: &str = "alexis:p4ssw0rd";

/// The collection, which is there, and the server if it was started for this run.
pub(crate) struct Target {
    pub(crate) collection: Collection,
    bucket: Bucket,
    /// It is stopped when it is dropped.
    own: Option<Server>,
}

impl Target {
    pub(crate) async fn open(cli: &Cli, file: &Path) -> Result<Self> {
        let own = if cli.server().is_none() { Some(Server::builder().start()?) } else { None };
        let url = cli.server().or(own.as_ref().map(Server::url)).unwrap_or_default();
        // What was given is not shown: it may be a password.
        let auth = cli.auth().unwrap_or(SOMEBODY).split_once(':').ok_or_else(|| {
            Failure::new("--auth (or KINTO_AUTH) is a user, a colon and a password, as in alexis:p4ssw0rd")
        })?;
        if cli.auth().is_none() && own.is_none() {
            return Err(Failure::new("the server needs credentials: pass --auth USER:PASSWORD"));
        }
        let bucket = Client::builder(url).auth(auth).build()?.bucket(&cli.bucket);
        let collection = bucket.collection(cli.collection.clone().unwrap_or_else(|| name_of(file)));
        ensure(&bucket, &collection).await?;
        Ok(Self { collection, bucket, own })
    }

    pub(crate) fn name(&self) -> String {
        format!("{}/{} at {}", self.bucket.id(), self.collection.id(), self.bucket.client().url())
    }

    /// Returns `true` if the server ends with the program.
    pub(crate) fn is_passing(&self) -> bool {
        self.own.is_some()
    }
}

/// The file's name as the id of a collection.
fn name_of(file: &Path) -> String {
    let stem = file.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
    let name: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect();
    let name = name.trim_start_matches(['-', '_']);
    if name.is_empty() { "loaded".to_owned() } else { name.to_owned() }
}

/// Creates the collection, and the bucket, if they are missing.
async fn ensure(bucket: &Bucket, collection: &Collection) -> Result {
    match collection.get().optional().await {
        Ok(Some(_)) => return Ok(()),
        Ok(None) => {}
        // So the server answers when it is the bucket that is missing.
        Err(error) if error.is_forbidden() => {
            bucket.create().if_not_exists().await?;
        }
        Err(error) => return Err(error.into()),
    }
    collection.create().if_not_exists().await?;
    Ok(())
}
