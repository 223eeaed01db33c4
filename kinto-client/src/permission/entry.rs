use std::fmt;

use serde::{Deserialize, Deserializer};

use crate::field::Field;

/// Your permissions on one object: an entry of the permissions endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct PermissionEntry {
    /// The path of the object: `/buckets/blog`; `/` is the server itself.
    pub uri: String,
    /// The kind of the object: `bucket`, `collection`, `group`, `record`, `account`; `root` is the server itself.
    pub resource_name: String,
    /// The id of the object; `None` for the server itself.
    pub id: Option<String>,
    /// The id of the bucket that the object is or is in.
    pub bucket_id: Option<String>,
    /// The id of the collection that the object is or is in.
    pub collection_id: Option<String>,
    /// The id of the group that the object is.
    pub group_id: Option<String>,
    /// The id of the record that the object is.
    pub record_id: Option<String>,
    /// Your permissions, including those that follow from others, such as `read` from `write`. The server sends them in no
    /// order.
    #[serde(default)]
    pub permissions: Vec<Permission>,
}

impl PermissionEntry {
    /// Returns the handles of the fields that the server can filter and sort by. The permissions are not among them:
    /// `having` of [`GetPermissions`](super::get::GetPermissions) selects entries by these.
    #[must_use]
    pub fn fields() -> PermissionFields {
        PermissionFields::default()
    }

    /// Returns `true` if this permission is one of the entry.
    #[must_use]
    pub fn has(&self, permission: &Permission) -> bool {
        self.permissions.contains(permission)
    }
}

/// The fields of a [`PermissionEntry`] that the server can filter and sort by.
///
/// `like` is possible on `uri` and `resource_name`, which every entry has. At most one field can be asked for with `has_key`
/// or `is_missing`.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PermissionFields {
    /// The path of the object.
    pub uri: Field<PermissionEntry, String>,
    /// The kind of the object.
    pub resource_name: Field<PermissionEntry, String>,
    /// The id of the object.
    pub id: Field<PermissionEntry, Option<String>>,
    /// The id of the bucket that the object is or is in.
    pub bucket_id: Field<PermissionEntry, Option<String>>,
    /// The id of the collection that the object is or is in.
    pub collection_id: Field<PermissionEntry, Option<String>>,
    /// The id of the group that the object is.
    pub group_id: Field<PermissionEntry, Option<String>>,
    /// The id of the record that the object is.
    pub record_id: Field<PermissionEntry, Option<String>>,
}

/// The names of the fields that the server knows, and those of them that every entry has.
pub(super) const FIELDS: [&str; 7] =
    ["uri", "resource_name", "id", "bucket_id", "collection_id", "group_id", "record_id"];
pub(super) const ALWAYS_THERE: [&str; 2] = ["uri", "resource_name"];

impl Default for PermissionFields {
    fn default() -> Self {
        Self {
            uri: Field::__new("uri"),
            resource_name: Field::__new("resource_name"),
            id: Field::__new("id"),
            bucket_id: Field::__new("bucket_id"),
            collection_id: Field::__new("collection_id"),
            group_id: Field::__new("group_id"),
            record_id: Field::__new("record_id"),
        }
    }
}

/// One permission, as the permissions endpoint names it.
///
/// To change the permissions of an object, use the [`PermissionSet`](crate::permissions::PermissionSet) of its kind: each has
/// the permissions that the server stores, of which [`ReadAttributes`](Self::ReadAttributes) is none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Permission {
    /// `read`: reading the object and all objects in it.
    Read,
    /// `write`: reading, changing and deleting the object and all objects in it.
    Write,
    /// `read:attributes`: reading the attributes of a bucket or collection, because of a permission to create objects in it.
    /// The server derives it, and refuses to store it.
    ReadAttributes,
    /// `bucket:create`, of the server itself.
    CreateBucket,
    /// `account:create`, of the server itself.
    CreateAccount,
    /// `collection:create`, of a bucket.
    CreateCollection,
    /// `group:create`, of a bucket.
    CreateGroup,
    /// `record:create`, of a collection.
    CreateRecord,
    /// Any other permission, of a plugin.
    Other(String),
}

impl Permission {
    /// Returns the permission as the server writes it: `collection:create`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::ReadAttributes => "read:attributes",
            Self::CreateBucket => "bucket:create",
            Self::CreateAccount => "account:create",
            Self::CreateCollection => "collection:create",
            Self::CreateGroup => "group:create",
            Self::CreateRecord => "record:create",
            Self::Other(name) => name,
        }
    }
}

impl From<&str> for Permission {
    fn from(text: &str) -> Self {
        match text {
            "read" => Self::Read,
            "write" => Self::Write,
            "read:attributes" => Self::ReadAttributes,
            "bucket:create" => Self::CreateBucket,
            "account:create" => Self::CreateAccount,
            "collection:create" => Self::CreateCollection,
            "group:create" => Self::CreateGroup,
            "record:create" => Self::CreateRecord,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialEq<str> for Permission {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Permission {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl<'de> Deserialize<'de> for Permission {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(Self::from(text.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permission_keeps_its_name() {
        let names = [
            "read",
            "write",
            "read:attributes",
            "bucket:create",
            "account:create",
            "collection:create",
            "group:create",
            "record:create",
            "review",
        ];
        for name in names {
            let permission: Permission = serde_json::from_value(name.into()).unwrap();
            assert_eq!((permission.as_str(), permission.to_string()), (name, name.to_owned()));
            assert_eq!(matches!(permission, Permission::Other(_)), name == "review", "{name}");
        }
    }

    #[test]
    fn fields_have_the_names_of_the_server() {
        let f = PermissionEntry::fields();
        let optional = [f.id, f.bucket_id, f.collection_id, f.group_id, f.record_id].map(|field| field.path());
        assert_eq!([f.uri.path(), f.resource_name.path()].into_iter().chain(optional).collect::<Vec<_>>(), FIELDS);
    }
}
