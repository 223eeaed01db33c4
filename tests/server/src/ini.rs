//! The configuration file the server is started with.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::{Backend, Error};

const SETTINGS: &[(&str, &str)] = &[
    ("kinto.account_create_principals", "system.Everyone"),
    ("kinto.account_read_principals", "account:admin"),
    ("kinto.account_write_principals", "account:admin"),
    ("kinto.bucket_create_principals", "system.Authenticated"),
    ("kinto.experimental_collection_schema_validation", "true"),
    ("kinto.experimental_permissions_endpoint", "true"),
    (
        "kinto.includes",
        "kinto.plugins.accounts kinto.plugins.default_bucket kinto.plugins.history kinto.plugins.admin kinto.plugins.flush",
    ),
    ("kinto.userid_hmac_secret", "only for tests"),
    ("multiauth.policy.account.use", "kinto.plugins.accounts.authentication.AccountsAuthenticationPolicy"),
    ("multiauth.policies", "account basicauth"),
];

/// Checks the settings of the test beyond the defaults, and returns them in a fixed order.
pub(crate) fn check(settings: &BTreeMap<String, String>) -> Result<(), Error> {
    for (key, value) in settings {
        let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        if !plain || value.contains(['\n', '\r']) {
            return Err(Error::new(format!("{key:?} = {value:?} cannot be written into an ini file")));
        }
    }
    Ok(())
}

/// The text of the file. PostgreSQL's address is not known yet: the launcher puts it in for `%(postgresql)s`.
pub(crate) fn text(backend: Backend, settings: &BTreeMap<String, String>) -> String {
    let mut all: BTreeMap<String, String> =
        SETTINGS.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    for part in ["storage", "permission", "cache"] {
        if backend == Backend::PostgreSql {
            all.insert(format!("kinto.{part}_backend"), format!("kinto.core.{part}.postgresql"));
            all.insert(format!("kinto.{part}_url"), "%(postgresql)s".to_owned());
        } else {
            all.insert(format!("kinto.{part}_backend"), format!("kinto.core.{part}.memory"));
        }
    }
    // The loader of the file gives `%` a meaning.
    all.extend(settings.iter().map(|(key, value)| (key.clone(), value.replace('%', "%%"))));
    all.iter().fold("[app:main]\nuse = egg:kinto\n".to_owned(), |mut text, (key, value)| {
        let _ = writeln!(text, "{key} = {value}");
        text
    })
}
