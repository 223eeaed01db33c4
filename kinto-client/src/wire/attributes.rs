use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    kind,
    object::{Data, Object},
    principal::Principal,
};

/// A bucket as it is on the server.
pub type BucketObject = Object<kind::Bucket, BucketAttributes>;

/// A collection as it is on the server.
pub type CollectionObject = Object<kind::Collection, CollectionAttributes>;

/// A group as it is on the server.
pub type GroupObject = Object<kind::Group, GroupAttributes>;

/// What a bucket holds besides its collections and groups.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BucketAttributes {
    /// The JSON schema of every record in the bucket.
    #[serde(rename = "record:schema", default, skip_serializing_if = "Option::is_none")]
    pub record_schema: Option<Value>,
    /// The JSON schema of the attributes of every collection in the bucket.
    #[serde(rename = "collection:schema", default, skip_serializing_if = "Option::is_none")]
    pub collection_schema: Option<Value>,
    /// The JSON schema of the attributes of every group in the bucket.
    #[serde(rename = "group:schema", default, skip_serializing_if = "Option::is_none")]
    pub group_schema: Option<Value>,
    /// Every other attribute: Kinto lets you add what you like.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// What a collection holds besides its records.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CollectionAttributes {
    /// The JSON schema (draft 7) of the records. Records that are there already are not checked until they are changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
    /// How many seconds answers to anonymous readers may be cached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_expires: Option<u64>,
    /// How Kinto Admin sorts the records: a field, with `-` before it from the last to the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
    /// The fields that Kinto Admin shows as columns.
    #[serde(rename = "displayFields", default, skip_serializing_if = "Option::is_none")]
    pub display_fields: Option<Vec<String>>,
    /// How Kinto Admin lays out the form of a record.
    #[serde(rename = "uiSchema", default, skip_serializing_if = "Option::is_none")]
    pub ui_schema: Option<Value>,
    /// Whether Kinto Admin offers, or asks for, a file with each record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachment: Option<AttachmentAttributes>,
    /// Every other attribute: Kinto lets you add what you like.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Whether the records of a collection have files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AttachmentAttributes {
    /// A record can have a file.
    #[serde(default)]
    pub enabled: bool,
    /// A record must have a file.
    #[serde(default)]
    pub required: bool,
    /// What else is said of files.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// What a group holds: its members, and what you like.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GroupAttributes {
    /// The members, in the server's order. Groups and `system.Everyone` cannot be members; the server refuses them.
    #[serde(default)]
    pub members: Vec<Principal>,
    /// Every other attribute: Kinto lets you add what you like.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Data for BucketAttributes {}
impl Data for CollectionAttributes {}
impl Data for GroupAttributes {}

impl GroupAttributes {
    /// Adds a member, unless it is one already. Tells whether that changed anything.
    pub fn add(&mut self, member: impl Into<Principal>) -> bool {
        let member = member.into();
        let new = !self.members.contains(&member);
        if new {
            self.members.push(member);
        }
        new
    }

    /// Removes a member, however often it is in the list. Tells whether that changed anything.
    pub fn remove(&mut self, member: impl AsRef<str>) -> bool {
        let before = self.members.len();
        self.members.retain(|known| known != member.as_ref());
        self.members.len() != before
    }
}

impl GroupObject {
    /// The members, in the server's order.
    #[must_use]
    pub fn members(&self) -> &[Principal] {
        &self.data.members
    }

    /// Whether it is a member.
    #[must_use]
    pub fn contains(&self, member: impl AsRef<str>) -> bool {
        self.data.members.iter().any(|known| known == member.as_ref())
    }

    /// Adds a member here, unless it is one already; [`Bucket::save_group`](crate::Bucket::save_group) stores it.
    /// Tells whether that changed anything.
    pub fn add(&mut self, member: impl Into<Principal>) -> bool {
        self.data.add(member)
    }

    /// Removes a member here; [`Bucket::save_group`](crate::Bucket::save_group) stores it. Tells whether that changed
    /// anything.
    pub fn remove(&mut self, member: impl AsRef<str>) -> bool {
        self.data.remove(member)
    }

    /// Removes all members here; [`Bucket::save_group`](crate::Bucket::save_group) stores it.
    pub fn clear(&mut self) {
        self.data.members.clear();
    }
}
