use std::{borrow::Borrow, fmt};

use serde::{Deserialize, Serialize};

use super::id;
use crate::error::{Error, Result};

/// The prefix by which blueprints and `#[kinto(permissions(…))]` name a group of the same bucket.
pub(crate) const LOCAL_GROUP: &str = "group:";

/// A user, a group or a set of users that permissions can be given to.
///
/// ```
/// use kinto_client::Principal;
///
/// assert_eq!(Principal::account("alexis").as_str(), "account:alexis");
/// assert_eq!(Principal::group("blog", "editors").as_str(), "/buckets/blog/groups/editors");
/// assert_eq!(Principal::from("idp:niko@example.org").as_str(), "idp:niko@example.org");
/// ```
///
/// Text that can be neither, such as `niko` without its `account:`, is refused before it is sent; revoking it is possible.
///
/// The server does not check whether the user or the group exists. A group that is deleted and created again
/// has its old permissions again.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Principal(String);

impl Principal {
    /// Returns the principal of everyone, including anonymous requests: `system.Everyone`.
    #[must_use]
    pub fn everyone() -> Self {
        Self("system.Everyone".to_owned())
    }

    /// Returns the principal of everyone with valid credentials: `system.Authenticated`.
    #[must_use]
    pub fn authenticated() -> Self {
        Self("system.Authenticated".to_owned())
    }

    /// Returns the principal of a user of the server's accounts plugin: `account:alexis`.
    #[must_use]
    pub fn account(id: impl AsRef<str>) -> Self {
        Self::user("account", id)
    }

    /// Returns the principal of a user of the `basicauth` policy, by the digest that
    /// [`Client::user`](crate::Client::user) returns.
    #[must_use]
    pub fn basicauth(id: impl AsRef<str>) -> Self {
        Self::user("basicauth", id)
    }

    /// Returns the principal of a user of any authentication policy, by its name in the server's settings:
    /// `idp:niko@example.org`.
    #[must_use]
    pub fn user(policy: impl AsRef<str>, id: impl AsRef<str>) -> Self {
        Self(format!("{}:{}", policy.as_ref(), id.as_ref()))
    }

    /// Returns the principal of the members of a group.
    ///
    /// A [`Group`](crate::Group) converts to it with [`Into`].
    #[must_use]
    pub fn group(bucket: impl AsRef<str>, group: impl AsRef<str>) -> Self {
        Self(format!("/buckets/{}/groups/{}", bucket.as_ref(), group.as_ref()))
    }

    /// Returns the principal as the server writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Rejects what the server cannot store, and what it would store although it matches neither a user nor a group.
    pub(crate) fn check(&self) -> Result<()> {
        if let Some(group) = self.as_str().strip_prefix(LOCAL_GROUP) {
            return Err(Error::invalid(format!(
                "{:?} cannot be a principal: blueprints and `#[kinto(permissions(…))]` write groups so, and the server does \
                 not; use `bucket.group({group:?})`",
                self.0
            )));
        }
        self.check_meaning(|name| format!(", or `bucket.group({name:?})`"))
    }

    /// Rejects what the server cannot store as a member of a group, and what matches no user.
    pub(crate) fn check_member(&self) -> Result<()> {
        let text = self.as_str();
        if text.starts_with("/buckets/") || text.starts_with(LOCAL_GROUP) || *self == Self::everyone() {
            return Err(Error::invalid(format!(
                "{text:?} cannot be a member: the server refuses groups and `system.Everyone`"
            )));
        }
        self.check_meaning(|_| String::new())
    }

    /// Rejects what the server cannot store, and what matches neither a user nor a group; for a name without a prefix,
    /// `or_group` adds to the message how a group of that name is written.
    pub(crate) fn check_meaning(&self, or_group: impl FnOnce(&str) -> String) -> Result<()> {
        self.check_text()?;
        let text = self.as_str();
        let has_policy = text.split_once(':').is_some_and(|(policy, id)| !policy.is_empty() && !id.is_empty());
        if has_policy || text.starts_with("/buckets/") || *self == Self::everyone() || *self == Self::authenticated() {
            return Ok(());
        }
        let meant = if text.starts_with("system.") {
            "it can be `system.Everyone` or `system.Authenticated`".to_owned()
        } else if text.contains(':') {
            "a user is written as `account:alexis`".to_owned()
        } else {
            format!("did you mean `account:{text}`{}?", or_group(text))
        };
        Err(Error::invalid(format!("{text:?} is nobody, since principals begin with how they log in: {meant}")))
    }

    /// Rejects what the server cannot store.
    pub(crate) fn check_text(&self) -> Result<()> {
        let offence = match self.as_str() {
            "" => "it is empty",
            text if text.contains('\0') => "it contains a NUL character",
            // The server does not resolve `default` in principals, so that such a group never has a member.
            text if text.starts_with("/buckets/default/") => {
                "`default` cannot be part of a principal; use the bucket's own id, which `client.user()` returns"
            }
            text if text.starts_with("/buckets/") => match text.split('/').collect::<Vec<_>>()[..] {
                ["", "buckets", bucket, "groups", group] => {
                    id::check("bucket", bucket)?;
                    return id::check("group", group);
                }
                _ => "in a bucket, only a group is a principal: `/buckets/…/groups/…`",
            },
            _ => return Ok(()),
        };
        Err(Error::invalid(format!("{:?} cannot be a principal: {offence}", self.0)))
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Borrow<str> for Principal {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Principal {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Principal {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for Principal {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl From<&str> for Principal {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Principal {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&String> for Principal {
    fn from(text: &String) -> Self {
        Self(text.clone())
    }
}

impl From<&Self> for Principal {
    fn from(principal: &Self) -> Self {
        principal.clone()
    }
}

/// One or several principals, as the permission methods accept them.
///
/// It is implemented for every type that is [`Into<Principal>`], and for arrays, slices and vectors of it.
pub trait IntoPrincipals {
    /// Returns the principals.
    fn into_principals(self) -> Vec<Principal>;
}

impl<P: Into<Principal>> IntoPrincipals for P {
    fn into_principals(self) -> Vec<Principal> {
        vec![self.into()]
    }
}

impl<P: Into<Principal>, const N: usize> IntoPrincipals for [P; N] {
    fn into_principals(self) -> Vec<Principal> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<P: Into<Principal>> IntoPrincipals for Vec<P> {
    fn into_principals(self) -> Vec<Principal> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<P> IntoPrincipals for &[P]
where
    for<'a> &'a P: Into<Principal>,
{
    fn into_principals(self) -> Vec<Principal> {
        self.iter().map(Into::into).collect()
    }
}
