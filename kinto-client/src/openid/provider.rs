use serde::Deserialize;

use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    operation::{CallContext, sealed},
    wire::{preview::RequestPreview, request::Request, server_info::ServerInfo},
};

/// An identity provider with which users of a server can log in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct OpenIdProvider {
    /// The name of the provider in the server's settings, with which the principals of its users begin: `google`.
    pub name: String,
    /// The address that identifies the provider.
    pub issuer: String,
    /// The id of the server at the provider.
    #[serde(default)]
    pub client_id: String,
    /// The path of the login on the server: `/openid/google/login`.
    pub auth_path: String,
    /// The scheme of the `Authorization` header: `Bearer`.
    ///
    /// Kinto 26.5.0 says `Bearer` even if its settings have another one: see
    /// [`Call::header_type`](crate::Call::header_type).
    #[serde(default = "bearer")]
    pub header_type: String,
    /// The address at which the server verifies tokens.
    #[serde(default)]
    pub userinfo_endpoint: String,
}

fn bearer() -> String {
    "Bearer".to_owned()
}

/// Reads the identity providers of the server.
#[derive(Debug)]
pub struct GetOpenIdProviders(());

impl GetOpenIdProviders {
    pub(super) fn new() -> Self {
        Self(())
    }
}

/// Returns the providers in the server information.
pub(super) fn providers(info: &ServerInfo) -> Result<Vec<OpenIdProvider>> {
    #[derive(Deserialize)]
    struct Capability {
        providers: Vec<OpenIdProvider>,
    }
    let Some(capability) = info.capabilities.get("openid") else {
        return Err(Error::new(ErrorKind::Unsupported, "the server does not offer *openid*"));
    };
    let capability = Capability::deserialize(capability).map_err(|error| {
        Error::unexpected(format!("the server describes its identity providers in another form: {error}"))
    })?;
    Ok(capability.providers)
}

impl sealed::Preview for GetOpenIdProviders {
    fn preview(&self) -> Result<RequestPreview> {
        RequestPreview::only(Some(Request::get("/".to_owned())))
    }
}

impl sealed::Action for GetOpenIdProviders {
    const NAME: &'static str = "GetOpenIdProviders";

    type Output = Vec<OpenIdProvider>;

    async fn run(self, client: Client) -> Result<Vec<OpenIdProvider>> {
        // Read anew, since an operator may have added one.
        let read = client.ask().await.and_then(|info| providers(&info));
        read.map_err(|error| CallContext::new("get the identity providers of", "/").attach(error))
    }
}
