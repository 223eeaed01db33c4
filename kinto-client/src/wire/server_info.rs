use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::object::principal::Principal;

/// The information of the server about itself and the current user, from its root URL.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct ServerInfo {
    /// The name of the software: `kinto`.
    pub project_name: String,
    /// The version of the software: `26.5.0`.
    pub project_version: String,
    /// The version of the HTTP API: `1.23`.
    pub http_api_version: String,
    /// The address of the server in its own settings, which may differ from the one you use.
    pub url: String,
    /// The public settings of the server.
    pub settings: ServerSettings,
    /// The plugins and features of the server by name, each with its description.
    #[serde(default)]
    pub capabilities: BTreeMap<String, Value>,
    /// The current user, or `None` for an anonymous request and for credentials that the server does not accept.
    pub user: Option<CurrentUser>,
    /// All other information.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl ServerInfo {
    /// Returns `true` if the server has a plugin or feature: `history`, `accounts`, `schema`, …
    #[must_use]
    pub fn has(&self, capability: &str) -> bool {
        self.capabilities.contains_key(capability)
    }
}

/// The public settings of a server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ServerSettings {
    /// The maximum number of operations in one batch.
    #[serde(default = "default_batch_max_requests")]
    pub batch_max_requests: usize,
    /// `true` if the server refuses all writes.
    #[serde(default)]
    pub readonly: bool,
    /// `true` if the creator of an object gets the permission to write it.
    #[serde(default = "default_explicit_permissions")]
    pub explicit_permissions: bool,
}

/// Returns Kinto's default, for servers that do not report the setting.
fn default_batch_max_requests() -> usize {
    25
}

fn default_explicit_permissions() -> bool {
    true
}

/// The current user, as the server recognizes it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct CurrentUser {
    /// The user's own principal: `account:alexis`.
    pub id: Principal,
    /// All principals of the user: the own one, the user's groups, and `system.Authenticated`.
    #[serde(default)]
    pub principals: Vec<Principal>,
    /// The id of the user's personal bucket, which `default` is an alias of.
    pub bucket: Option<String>,
    /// The profile of the user at the identity provider.
    #[serde(default)]
    pub profile: Option<Value>,
}
