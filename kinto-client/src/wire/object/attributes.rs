use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Object, RecordData, kind, principal::Principal};

/// A bucket as it is on the server.
pub type BucketObject = Object<kind::Bucket, BucketAttributes>;

/// A collection as it is on the server.
pub type CollectionObject = Object<kind::Collection, CollectionAttributes>;

/// A group as it is on the server.
pub type GroupObject = Object<kind::Group, GroupAttributes>;

/// The attributes of a bucket.
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
    /// All other attributes, which Kinto allows in any number.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// The attributes of a collection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CollectionAttributes {
    /// The JSON schema (draft 7) of the records.
    ///
    /// Existing records are checked only when they are changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
    /// The time in seconds for which responses to anonymous readers may be cached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_expires: Option<u64>,
    /// The field by which Kinto Admin sorts the records, with `-` in front for descending order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
    /// The fields that Kinto Admin shows as columns.
    #[serde(rename = "displayFields", default, skip_serializing_if = "Option::is_none")]
    pub display_fields: Option<Vec<String>>,
    /// The layout of a record's form in Kinto Admin.
    #[serde(rename = "uiSchema", default, skip_serializing_if = "Option::is_none")]
    pub ui_schema: Option<Value>,
    /// The settings for a file with each record, as Kinto Admin offers or requires it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachment: Option<AttachmentAttributes>,
    /// All other attributes, which Kinto allows in any number.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// The settings for files of the records of a collection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AttachmentAttributes {
    /// `true` if a record can have a file.
    #[serde(default)]
    pub enabled: bool,
    /// `true` if a record must have a file.
    #[serde(default)]
    pub required: bool,
    /// All other settings for files.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// The attributes of a group: its members, and any others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GroupAttributes {
    /// The members, in the server's order.
    ///
    /// Groups and `system.Everyone` cannot be members; a call with one is an error before anything is sent.
    #[serde(default)]
    pub members: Vec<Principal>,
    /// All other attributes, which Kinto allows in any number.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl RecordData for BucketAttributes {}
impl RecordData for CollectionAttributes {}
impl RecordData for GroupAttributes {}

impl GroupAttributes {
    /// Adds a member, and returns `true` unless it was one already.
    pub fn add(&mut self, member: impl Into<Principal>) -> bool {
        let member = member.into();
        let new = !self.members.contains(&member);
        if new {
            self.members.push(member);
        }
        new
    }

    /// Removes a member, including duplicates, and returns `true` if it was one.
    pub fn remove(&mut self, member: impl AsRef<str>) -> bool {
        let before = self.members.len();
        self.members.retain(|known| known != member.as_ref());
        self.members.len() != before
    }
}

impl GroupObject {
    /// Returns the members, in the server's order.
    #[must_use]
    pub fn members(&self) -> &[Principal] {
        &self.data.members
    }

    /// Returns `true` if the principal is a member.
    #[must_use]
    pub fn contains(&self, member: impl AsRef<str>) -> bool {
        self.data.members.iter().any(|known| known == member.as_ref())
    }

    /// Adds a member locally, and returns `true` unless it was one already.
    ///
    /// [`Bucket::save_group`](crate::Bucket::save_group) stores the change.
    pub fn add(&mut self, member: impl Into<Principal>) -> bool {
        self.data.add(member)
    }

    /// Removes a member locally, and returns `true` if it was one.
    ///
    /// [`Bucket::save_group`](crate::Bucket::save_group) stores the change.
    pub fn remove(&mut self, member: impl AsRef<str>) -> bool {
        self.data.remove(member)
    }

    /// Removes all members locally.
    ///
    /// [`Bucket::save_group`](crate::Bucket::save_group) stores the change.
    pub fn clear(&mut self) {
        self.data.members.clear();
    }
}
