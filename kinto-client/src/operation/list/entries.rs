use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;

use super::{items::Items, pages::Source};
use crate::operation::{CallContext, sealed};
use crate::{
    client::Client,
    error::{Error, Result},
    wire::{
        preview::RequestPreview,
        request::{Capability, Request},
    },
};

/// Reads a list of entries of a server plugin.
pub struct GetEntries<E> {
    pub(crate) operation: &'static str,
    /// The path, or the error if an id in it is invalid.
    pub(crate) path: Result<String>,
    pub(crate) template: &'static str,
    pub(crate) needs: Capability,
    /// `true` if the response contains digests of passwords.
    pub(crate) secret: bool,
    pub(crate) read: fn(&[u8]) -> Result<E>,
}

impl<E> GetEntries<E> {
    fn context(&self) -> CallContext {
        CallContext::new(self.operation, self.path.as_deref().unwrap_or(self.template))
    }

    fn request(&self) -> Result<Request> {
        let path = self.path.clone()?;
        Ok(Request { secret: self.secret, ..Request::get(path).needing(self.needs) })
    }
}

impl<E> sealed::Preview for GetEntries<E> {
    fn preview(&self) -> Result<RequestPreview> {
        let request = self.request().map_err(|error| self.context().attach(error))?;
        // A GET has no body in which there could be a password.
        let request = Request { secret: false, ..request };
        RequestPreview::first(request, "then a GET of each further page, as its `Next-Page` says")
    }
}

impl<E: Send> sealed::Action for GetEntries<E> {
    const NAME: &'static str = "GetEntries";

    type Output = Vec<E>;

    async fn run(self, client: Client) -> Result<Vec<E>> {
        let call_context = self.context();
        let mut items = Items::new(Source::new(client, call_context.clone(), self.request()), None, false);
        let mut entries = Vec::new();
        while let Some(item) = items.next().await {
            let entry = item.and_then(|item| (self.read)(&item));
            let entry = if self.secret { entry.map_err(Error::without_quotes) } else { entry };
            entries.push(entry.map_err(|error| call_context.attach(error))?);
        }
        Ok(entries)
    }
}

/// Decodes an entry without further conversion.
pub(crate) fn entry<E: DeserializeOwned>(raw: &[u8]) -> Result<E> {
    serde_json::from_slice(raw).map_err(|error| Error::not_kinto(&error, raw))
}

impl<E> std::fmt::Debug for GetEntries<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "GetEntries({})", self.template)
    }
}
