use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    client::Client,
    error::{Error, Result},
    operation::{Call, CallContext, sealed::Operation},
    wire::{
        request::{Capability, Request},
        response::Response,
    },
};

const PATH: &str = "/__counters__";

/// The numbers of objects on a server, by kind.
///
/// The kinds are `account`, `bucket`, `group`, `collection`, `record`, `history` and `attachments`; the server leaves out
/// those of which there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Counters {
    /// The numbers of objects that exist.
    pub objects: BTreeMap<String, u64>,
    /// The numbers of tombstones of deleted objects.
    pub tombstones: BTreeMap<String, u64>,
}

impl Counters {
    /// Returns the number of objects of a kind, such as `record`; 0 if the server names none.
    #[must_use]
    pub fn count(&self, kind: &str) -> u64 {
        self.objects.get(kind).copied().unwrap_or_default()
    }
}

/// Reads the numbers of objects on the server.
#[derive(Debug)]
pub struct GetCounters(());

impl Operation for GetCounters {
    const NAME: &'static str = "GetCounters";

    type Output = Counters;

    fn context(&self) -> CallContext {
        CallContext::new("get", PATH)
    }

    fn request(&self) -> Result<Option<Request>> {
        Ok(Some(Request::get(PATH.to_owned()).needing(Capability("counters_endpoint"))))
    }

    fn response(self, response: Response) -> Result<Counters> {
        let response = response.success()?;
        serde_json::from_slice(&response.body).map_err(|error| Error::not_kinto(&error, &response.body))
    }
}

/// The numbers of objects on the server.
impl Client {
    /// Reads the numbers of objects on the whole server, whoever they belong to.
    ///
    /// The server counts them anew for each request. For one list use its `count`, such as
    /// [`get_records().count()`](crate::Collection::get_records).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let includes = "kinto.plugins.accounts kinto.plugins.counters";
    /// # let server = kinto_server::Server::builder().setting("kinto.includes", includes).shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # client.create_bucket(kinto_server::unique("doc")).await?;
    /// let counters = client.counters().await?;
    /// assert!(counters.count("bucket") >= 1);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::is_unsupported`](crate::Error::is_unsupported) if the server does not have the plugin
    /// `kinto.plugins.counters`.
    pub fn counters(&self) -> Call<'static, GetCounters> {
        Call::new(self, GetCounters(()))
    }
}
