//! The settings of the server, with the defaults of Kinto.

use std::collections::{BTreeMap, BTreeSet};

/// The settings that `testing::KintoBuilder` sets.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a setting of the server that is on or off")]
pub(in crate::testing) struct Settings {
    pub(in crate::testing) paginate_by: Option<usize>,
    pub(in crate::testing) max_fetch_size: usize,
    pub(in crate::testing) batch_max_requests: usize,
    pub(in crate::testing) explicit_permissions: bool,
    pub(in crate::testing) readonly: bool,
    pub(in crate::testing) accounts: bool,
    pub(in crate::testing) basic_auth: bool,
    pub(in crate::testing) default_bucket: bool,
    pub(in crate::testing) history: bool,
    pub(in crate::testing) permissions_endpoint: bool,
    #[cfg(feature = "schema")]
    pub(in crate::testing) schema: bool,
    /// Writes that overlap overwrite each other.
    pub(in crate::testing) races: bool,
    pub(in crate::testing) retry_after: u64,
    pub(in crate::testing) backoff: Option<u64>,
    /// The code, the message and the URL of the `Alert` header.
    pub(in crate::testing) end_of_service: Option<EndOfService>,
    /// Permissions that the settings give, such as `bucket_create_principals`.
    pub(in crate::testing) principals: BTreeMap<String, BTreeSet<String>>,
}

/// The end of the service, announced or reached.
#[derive(Clone, Debug)]
pub(in crate::testing) struct EndOfService {
    pub(in crate::testing) reached: bool,
    pub(in crate::testing) message: String,
    pub(in crate::testing) url: String,
}

impl Default for Settings {
    fn default() -> Self {
        let one = |setting: &str, principal: &str| (setting.to_owned(), BTreeSet::from([principal.to_owned()]));
        Self {
            paginate_by: None,
            max_fetch_size: 10_000,
            batch_max_requests: 25,
            explicit_permissions: true,
            readonly: false,
            accounts: true,
            basic_auth: true,
            default_bucket: true,
            history: true,
            permissions_endpoint: true,
            #[cfg(feature = "schema")]
            schema: true,
            races: false,
            retry_after: 3,
            backoff: None,
            end_of_service: None,
            principals: BTreeMap::from([
                one("account_create_principals", "system.Everyone"),
                one("account_read_principals", "account:admin"),
                one("account_write_principals", "account:admin"),
                one("bucket_create_principals", "system.Authenticated"),
                one("permissions_read_principals", "system.Everyone"),
            ]),
        }
    }
}

impl Settings {
    /// Returns true if the settings give one of the principals this permission.
    pub(super) fn give(&self, setting: &str, principals: &[String]) -> bool {
        self.principals.get(setting).is_some_and(|allowed| principals.iter().any(|one| allowed.contains(one)))
    }
}
