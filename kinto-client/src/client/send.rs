//! Sending requests with what is the client's own: its user, headers, fence and turn.

use std::{borrow::Cow, sync::Arc};

use super::Client;
#[cfg(feature = "attachments")]
use crate::transport::file::{FileRequest, FileResponse};
use crate::{
    error::{Error, Result, kind::ErrorKind},
    wire::{request::Request, response::Response},
};

impl Client {
    /// Sends a request, with retries, and returns the response of any status.
    pub(crate) async fn send(&self, request: &Request) -> Result<Response> {
        let request = self.with_own_headers(request)?;
        self.check_user().await?;
        self.send_addressed(&request).await
    }

    /// Sends a request behind the lock of the fence, if this client has one.
    pub(super) async fn send_fenced(&self, request: &Request) -> Result<Response> {
        let Some(lock) = self.lock_for(request).await? else { return self.send_as_is(request).await };
        let response = self.send_as_is(&request.clone().behind(lock)).await?;
        self.note_lock(&response);
        Ok(response)
    }

    /// Sends a request as it stands.
    pub(super) async fn send_as_is(&self, request: &Request) -> Result<Response> {
        self.shared.sender.send(request, &self.options, self.lease.as_deref()).await
    }

    /// Sends a read before its result is needed; `None` if it would delay another request.
    pub(crate) async fn send_ahead(&self, request: &Request) -> Result<Option<Response>> {
        let request = self.with_own_headers(request)?;
        self.check_user().await?;
        self.shared.sender.send_ahead(&request, &self.options).await
    }

    /// Returns the request with the headers of this call.
    fn with_own_headers<'r>(&self, request: &'r Request) -> Result<Cow<'r, Request>> {
        let own = self.options.headers.as_ref().map_err(Clone::clone)?;
        if own.is_empty() {
            return Ok(Cow::Borrowed(request));
        }
        let mut headers = own.clone();
        headers.extend(request.headers.as_deref().cloned().unwrap_or_default());
        Ok(Cow::Owned(Request { headers: Some(Arc::new(headers)), ..request.clone() }))
    }

    /// Sends a request without a retry, as try number `tries`, for a caller that applies the retry policy itself.
    pub(crate) async fn send_once(&self, request: &Request, tries: u32) -> Result<Response> {
        let request = self.with_own_headers(request)?;
        self.check_user().await?;
        self.shared.sender.send_once(&request, &self.options, tries, self.lease.as_deref()).await
    }

    /// Sends a request for a file, once, and returns the response when its headers have arrived.
    #[cfg(feature = "attachments")]
    pub(crate) async fn open_file(&self, request: &FileRequest) -> Result<FileResponse> {
        self.check_user().await?;
        self.shared.sender.open_file(request, &self.options).await
    }

    /// Resolves an ambiguous response to a retried request with a follow-up request, if there is one.
    pub(crate) async fn resolve_ambiguity(&self, request: &Request, response: Response, repeated: bool) -> Response {
        self.note_lock(&response);
        self.shared.sender.resolve_ambiguity(request, response, repeated, &self.options).await
    }

    /// Refreshes the credentials after the server rejected them. Returns `false` if there are no new ones.
    pub(crate) async fn renew_credentials(&self) -> Result<bool> {
        self.shared.sender.exchange.refresh(self.options.timeout).await
    }

    pub(super) async fn check_user(&self) -> Result<()> {
        let Some(expected) = &self.shared.expected_user else { return Ok(()) };
        let user = self.identify().await?;
        if user == Some(expected) {
            return Ok(());
        }
        let actual = user.map_or_else(|| "an unknown user".to_owned(), |id| format!("`{id}`"));
        let message = format!("the server identifies you as {actual}, not as `{expected}`, so nothing was sent");
        Err(Error::new(ErrorKind::Unauthorized, message))
    }
}
