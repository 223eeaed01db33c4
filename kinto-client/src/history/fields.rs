//! Handles of the fields of entries, and filters of what entries are about.

use std::{fmt, marker::PhantomData};

use super::{
    entry::HistoryEntry,
    name::{HistoryAction, ResourceKind},
};
use crate::{
    error::{Error, Result},
    field::Field,
    wire::{filter::Filter, list_query::Listing, object::principal::Principal, sort::Sort, timestamp::Timestamp},
};

/// The path of the data of the object in an entry.
const DATA: &str = "target.data.";

/// The fields of entries that the server filters and sorts by.
const FIELDS: [&str; 12] = [
    "id",
    "last_modified",
    "date",
    "uri",
    "user_id",
    "action",
    "resource_name",
    "bucket_id",
    "collection_id",
    "group_id",
    "record_id",
    "target",
];

/// The handles of the fields of a [`HistoryEntry`], for filters and orders.
///
/// ```
/// use kinto_client::{
///     Principal, Value,
///     history::{HistoryAction, HistoryEntry},
/// };
///
/// let entry = HistoryEntry::<Value>::fields();
/// let filter = entry.action.eq(HistoryAction::Delete).and(entry.user_id.ne(Principal::account("alexis")));
/// assert_eq!(format!("{filter:?}"), "Filter(eq_action=%22delete%22&not_user_id=%22account%3Aalexis%22)");
/// ```
#[non_exhaustive]
pub struct HistoryFields<T: 'static> {
    /// The id of the entry.
    pub id: Field<HistoryEntry<T>, String>,
    /// The time of the entry.
    pub last_modified: Field<HistoryEntry<T>, Timestamp>,
    /// The time of the entry as text.
    pub date: Field<HistoryEntry<T>, String>,
    /// The path of the object.
    pub uri: Field<HistoryEntry<T>, String>,
    /// The principal that made the change.
    pub user_id: Field<HistoryEntry<T>, Principal>,
    /// The kind of the change.
    pub action: Field<HistoryEntry<T>, HistoryAction>,
    /// The kind of the object.
    pub resource_name: Field<HistoryEntry<T>, ResourceKind>,
    /// The id of the bucket, in entries about a bucket itself.
    pub bucket_id: Field<HistoryEntry<T>, String>,
    /// The id of the collection that the object is or is in.
    pub collection_id: Field<HistoryEntry<T>, String>,
    /// The id of the group.
    pub group_id: Field<HistoryEntry<T>, String>,
    /// The id of the record.
    pub record_id: Field<HistoryEntry<T>, String>,
    /// The version of the object: [`HistoryTarget::last_modified`](super::HistoryTarget::last_modified).
    pub version: Field<HistoryEntry<T>, Timestamp>,
    of: PhantomData<fn(T)>,
}

impl<T> HistoryEntry<T> {
    /// Returns the handles of the fields of an entry.
    ///
    /// A filter or an order by the data of the object is one of its type, [in the history](Filter::in_history).
    #[must_use]
    pub const fn fields() -> HistoryFields<T> {
        HistoryFields {
            id: Field::__new("id"),
            last_modified: Field::__new("last_modified"),
            date: Field::__new("date"),
            uri: Field::__new("uri"),
            user_id: Field::__new("user_id"),
            action: Field::__new("action"),
            resource_name: Field::__new("resource_name"),
            bucket_id: Field::__new("bucket_id"),
            collection_id: Field::__new("collection_id"),
            group_id: Field::__new("group_id"),
            record_id: Field::__new("record_id"),
            version: Field::__new("target.data.last_modified"),
            of: PhantomData,
        }
    }
}

impl<T> Clone for HistoryFields<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for HistoryFields<T> {}

impl<T> fmt::Debug for HistoryFields<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HistoryFields")
    }
}

/// Filters of histories.
impl<T> Filter<T> {
    /// Returns a filter of entries of a history: those about an object that matched this filter after the change.
    ///
    /// It names the fields below `target.data`. A deletion has no data, and therefore matches only filters that what lacks
    /// the field matches.
    ///
    /// ```
    /// use kinto_client::{Filter, history::HistoryEntry};
    ///
    /// let done: Filter<HistoryEntry> = Filter::field("done").eq(true).in_history();
    /// assert_eq!(format!("{done:?}"), "Filter(eq_target.data.done=true)");
    /// ```
    pub fn in_history(self) -> Filter<HistoryEntry<T>> {
        self.under(DATA)
    }
}

/// Orders of histories.
impl<T> Sort<T> {
    /// Returns an order of entries of a history: by the data of their objects after the change.
    ///
    /// ```
    /// use kinto_client::{Sort, Value};
    ///
    /// assert_eq!(format!("{:?}", Sort::<Value>::desc("title").in_history()), "Sort(-target.data.title)");
    /// ```
    pub fn in_history(self) -> Sort<HistoryEntry<T>> {
        self.under(DATA)
    }
}

/// Rejects fields that entries do not have: the server would respond with a 400.
pub(super) fn check<T>(listing: &Listing<HistoryEntry<T>>) -> Result<()> {
    let filtered = listing.filter.iter().flat_map(Filter::fields);
    let sorted = listing.sort.iter().map(Sort::field).collect::<Result<Vec<_>>>()?;
    for field in filtered.chain(sorted) {
        let root = field.split('.').next().unwrap_or_default();
        if !FIELDS.contains(&root) {
            return Err(Error::invalid(format!(
                "the entries of a history have no field {field:?}: they have {}; a filter or an order by the data of the \
                 object is made by `.in_history()`",
                FIELDS.join(", ")
            )));
        }
    }
    Ok(())
}
