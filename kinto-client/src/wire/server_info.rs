use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::principal::Principal;

/// What the server says of itself, and of you: the answer of its root.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct ServerInfo {
    /// The name of the software: `kinto`.
    pub project_name: String,
    /// The version of the software: `26.5.0`.
    pub project_version: String,
    /// The version of the HTTP API: `1.23`.
    pub http_api_version: String,
    /// The server's address as it sees itself, which may differ from the one you use.
    pub url: String,
    /// The settings that the server makes known.
    pub settings: Settings,
    /// The plugins and features that the server offers, by name, with what it says of each.
    #[serde(default)]
    pub capabilities: BTreeMap<String, Value>,
    /// Whom the server takes you for; `None` if it does not know you, which wrong credentials look like too.
    pub user: Option<User>,
    /// Whatever else the server says.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl ServerInfo {
    /// Whether the server offers a plugin or feature: `history`, `accounts`, `schema`, …
    #[must_use]
    pub fn has(&self, capability: &str) -> bool {
        self.capabilities.contains_key(capability)
    }
}

/// The settings that a server makes known.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Settings {
    /// How many operations one batch may have.
    #[serde(default = "default_batch_max_requests")]
    pub batch_max_requests: usize,
    /// Whether the server refuses all writes.
    #[serde(default)]
    pub readonly: bool,
    /// Whether the creator of an object gets the permission to write it.
    #[serde(default = "default_explicit_permissions")]
    pub explicit_permissions: bool,
}

/// What servers have that say nothing: the software's own default.
fn default_batch_max_requests() -> usize {
    25
}

fn default_explicit_permissions() -> bool {
    true
}

/// Whom the server takes you for.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct User {
    /// Your own principal: `account:alexis`.
    pub id: Principal,
    /// All that you are: your own principal, the groups you are in, and `system.Authenticated`.
    #[serde(default)]
    pub principals: Vec<Principal>,
    /// The id of your own bucket, which the name `default` stands for.
    pub bucket: Option<String>,
    /// What the identity provider says of you.
    #[serde(default)]
    pub profile: Option<Value>,
}
