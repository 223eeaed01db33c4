use serde::de::DeserializeOwned;

use super::{Subject, sealed};
use crate::{
    client::Client,
    error::{Error, Result},
    wire::{
        page::Page,
        query::Query,
        request::{Capability, Request},
    },
};

/// Reads a list page by page, each given to `take` as it arrives.
pub(super) async fn read(
    client: &Client,
    mut request: Request,
    mut take: impl FnMut(Page) -> Result<()> + Send,
) -> Result<()> {
    loop {
        let response = client.send(&request).await?;
        let response = match response.success() {
            Ok(response) => response,
            Err(error) => return Err(client.explain_missing(request.needs, error).await),
        };
        let mut page = Page::read(&response)?;
        let next = page.next.take().map(Query::verbatim);
        take(page)?;
        match next {
            None => return Ok(()),
            Some(next) if next == request.query => {
                return Err(Error::unexpected("the server names the same page as the next one again".to_owned()));
            }
            Some(next) => request.query = next,
        }
    }
}

/// Reads a list that a plugin of the server keeps.
pub struct GetEntries<E> {
    pub(crate) operation: &'static str,
    /// The path, once the ids in it have been checked.
    pub(crate) path: Result<String>,
    pub(crate) template: &'static str,
    pub(crate) needs: Capability,
    pub(crate) read: fn(&[u8]) -> Result<E>,
}

impl<E: Send> sealed::Run for GetEntries<E> {
    type Output = Vec<E>;

    async fn run(self, client: Client) -> Result<Vec<E>> {
        let subject = Subject::new(self.operation, self.path.as_deref().unwrap_or(self.template));
        let mut entries = Vec::new();
        let read = async {
            let request = Request::get(self.path?, self.template.to_owned()).needing(self.needs);
            read(&client, request, |page| {
                entries.reserve(page.items.len());
                page.items.iter().try_for_each(|item| {
                    entries.push((self.read)(item)?);
                    Ok(())
                })
            })
            .await
        };
        read.await.map_err(|error| subject.blame(error))?;
        Ok(entries)
    }
}

/// Reads an entry that decodes as it is.
pub(crate) fn entry<E: DeserializeOwned>(raw: &[u8]) -> Result<E> {
    serde_json::from_slice(raw).map_err(|error| Error::not_kinto(&error, raw))
}

impl<E> std::fmt::Debug for GetEntries<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "GetEntries({})", self.template)
    }
}
