//! The names that the server uses in a history.

use crate::wire::names::names;

names! {
    /// The kind of a change in a history.
    HistoryAction {
        /// The object was created, or created again after a deletion.
        Create = "create",
        /// The object was changed.
        Update = "update",
        /// The object was deleted. What was deleted with a bucket or a collection has no entries of its own.
        Delete = "delete"
    }
}

names! {
    /// The kind of an object in a history.
    ResourceKind {
        /// The bucket itself.
        Bucket = "bucket",
        /// A collection.
        Collection = "collection",
        /// A group.
        Group = "group",
        /// A record.
        Record = "record"
    }
}
