//! The four kinds of object, as types.

use std::fmt::Debug;

use super::permissions::{
    BucketPermissions, CollectionPermissions, GroupPermissions, PermissionSet, RecordPermissions,
};

/// One of the four kinds of object that Kinto stores.
///
/// Implemented by the four types of this module and by nothing else.
pub trait Kind: sealed::Sealed + Debug + Copy + Send + Sync + 'static {
    /// The permissions that this kind of object has.
    type Permissions: PermissionSet;
    /// As messages call it: `record`.
    const NAME: &'static str;
    /// As paths call it: `records`.
    const PLURAL: &'static str;
}

/// A bucket: holds collections and groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bucket;

/// A collection: holds records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Collection;

/// A group: a list of principals that permissions can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Group;

/// A record: the data.
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

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Bucket {}
    impl Sealed for super::Collection {}
    impl Sealed for super::Group {}
    impl Sealed for super::Record {}
}
