use http::Method;

use crate::{
    client::Client,
    error::{Error, Result},
    operation::{Call, CallContext, sealed},
    transport::base_url::Base,
    wire::{
        preview::RequestPreview,
        request::{Capability, Request},
    },
};

const PATH: &str = "/__flush__";

/// Deletes everything on the server.
#[derive(Debug)]
pub struct DeleteEverything {
    /// The URL of the client.
    client: String,
    /// The URL that the caller wrote.
    server_url: String,
}

impl DeleteEverything {
    fn context() -> CallContext {
        CallContext::new("delete everything on the server", PATH)
    }

    fn request(&self) -> Result<Request> {
        let named = Base::parse(&self.server_url)?;
        if named.as_str() != self.client {
            return Err(Error::invalid(format!(
                "the client is one of {}, not of {}, which was to lose everything: nothing was sent",
                self.client,
                named.as_str()
            )));
        }
        Ok(Request::new(Method::POST, PATH.to_owned()).needing(Capability("flush_endpoint")))
    }
}

impl sealed::Preview for DeleteEverything {
    fn preview(&self) -> Result<RequestPreview> {
        self.request()
            .and_then(|request| RequestPreview::only(Some(request)))
            .map_err(|error| Self::context().attach(error))
    }
}

// No `Operation`, so that it cannot be hidden in a batch.
impl sealed::Action for DeleteEverything {
    const NAME: &'static str = "DeleteEverything";

    type Output = ();

    async fn run(self, client: Client) -> Result<()> {
        let delete = async {
            let request = self.request()?;
            let response = client.send(&request).await?;
            let maybe = response.may_be_done();
            match response.success() {
                Ok(_) => Ok(()),
                Err(error) if maybe => Err(error.maybe_applied()),
                Err(error) => Err(client.name_missing_capability(request.needs, error).await),
            }
        };
        delete.await.map_err(|error| Self::context().attach(error))
    }
}

/// Deletion of everything.
impl Client {
    /// Deletes everything on the server: all buckets of all users, accounts, permissions, history and caches.
    ///
    /// A server with the plugin `kinto.plugins.flush` permits this to everyone, without credentials (Kinto 26.5.0). It is
    /// for servers of tests.
    ///
    /// `server_url` is the URL of the server to be emptied, written out. The call fails before anything is sent if the client
    /// is one of another server, so that a test cannot empty a server that it was not written for.
    ///
    /// The request is retried only if the server cannot have received it, since a second deletion would delete what was
    /// created after the first.
    ///
    /// ```no_run
    /// # async fn clean() -> kinto_client::Result<()> {
    /// let client = kinto_client::Client::builder("http://localhost:8888/v1").build()?;
    /// client.delete_everything("http://localhost:8888/v1").await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid`](crate::Error::is_invalid) if `server_url` is not the URL of this client, and
    /// [`Error::is_unsupported`](crate::Error::is_unsupported) if the server does not have the plugin.
    pub fn delete_everything(&self, server_url: impl Into<String>) -> Call<'static, DeleteEverything> {
        Call::new(self, DeleteEverything { client: self.url().to_owned(), server_url: server_url.into() })
    }
}
