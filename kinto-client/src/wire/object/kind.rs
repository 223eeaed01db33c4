//! The four kinds of object, as types.

use std::fmt::Debug;

use super::permissions::{
    BucketPermissions, CollectionPermissions, GroupPermissions, PermissionSet, RecordPermissions,
};

/// One of the four kinds of object that Kinto stores.
///
/// It is a sealed trait, implemented by the four types of this module only.
pub trait Kind: sealed::Sealed + Debug + Copy + Send + Sync + 'static {
    /// The type of the permissions of this kind of object.
    type Permissions: PermissionSet;
    /// The singular name, for messages: `record`.
    const NAME: &'static str;
    /// The plural name, for paths: `records`.
    const PLURAL: &'static str;
}

/// The kind of buckets, which hold collections and groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bucket;

/// The kind of collections, which hold records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Collection;

/// The kind of groups, which are lists of principals that permissions can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Group;

/// The kind of records, which hold the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Record;

impl Kind for Bucket {
    type Permissions = BucketPermissions;
    const NAME: &'static str = "bucket";
    const PLURAL: &'static str = "buckets";
}

impl Kind for Collection {
    type Permissions = CollectionPermissions;
    const NAME: &'static str = "collection";
    const PLURAL: &'static str = "collections";
}

impl Kind for Group {
    type Permissions = GroupPermissions;
    const NAME: &'static str = "group";
    const PLURAL: &'static str = "groups";
}

impl Kind for Record {
    type Permissions = RecordPermissions;
    const NAME: &'static str = "record";
    const PLURAL: &'static str = "records";
}

/// A [`Kind`] of objects inside a bucket. The server responds to a missing one with 404, and to a missing bucket with 403.
pub trait InBucket: Kind {}

impl InBucket for Collection {}
impl InBucket for Group {}
impl InBucket for Record {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Bucket {}
    impl Sealed for super::Collection {}
    impl Sealed for super::Group {}
    impl Sealed for super::Record {}
}
