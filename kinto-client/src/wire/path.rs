//! Typed paths of lists and objects.

use std::{fmt, marker::PhantomData, sync::Arc};

use super::{
    object::{
        id,
        kind::{self, Kind as _},
        members,
    },
    request_path::RequestPath,
};
use crate::error::{Error, Result};

/// The path of a list of objects: `/buckets/blog/collections/posts/records`.
///
/// Creating it never fails: an invalid id is reported when the path is requested, by [`List::checked`] and
/// [`List::checked_at`].
pub(crate) struct List<K> {
    way: Arc<ListPath>,
    check: Option<Arc<dyn Check>>,
    of: PhantomData<fn() -> K>,
}

/// The text of a path and its bucket.
struct ListPath {
    path: Arc<str>,
    /// The error of an invalid id in the path.
    offence: Option<Error>,
    /// The id of the bucket in the path.
    bucket: Option<Arc<str>>,
}

/// A check of the data of records before it is sent.
pub(crate) trait Check: Send + Sync {
    fn check(&self, id: Option<&str>, data: &[u8]) -> Result<()>;
}

/// The path of one object: its list and its id.
pub(crate) struct Place<K> {
    pub(crate) list: List<K>,
    pub(crate) id: Arc<str>,
}

/// The path of a list or an object of any kind, which is formatted on demand.
#[derive(Clone)]
pub(crate) struct Address {
    path: Arc<str>,
    id: Option<Arc<str>>,
}

impl List<kind::Bucket> {
    pub(crate) fn buckets() -> Self {
        let way = ListPath { path: "/buckets".into(), offence: None, bucket: None };
        Self { way: Arc::new(way), check: None, of: PhantomData }
    }
}

impl<K: kind::Kind> List<K> {
    pub(crate) fn at(&self, id: impl Into<Arc<str>>) -> Place<K> {
        Place { list: self.clone(), id: id.into() }
    }

    /// Returns the path if every id in it is valid.
    pub(crate) fn checked(&self) -> Result<RequestPath> {
        self.checked_way().map(RequestPath::of_list)
    }

    /// Returns the path of an object in the list if every id is valid.
    pub(crate) fn checked_at(&self, id: &str) -> Result<RequestPath> {
        let list = self.checked_way()?;
        id::check(K::NAME, id)?;
        Ok(RequestPath::of_object(list, id))
    }

    fn checked_way(&self) -> Result<&str> {
        match &self.way.offence {
            None => Ok(&self.way.path),
            Some(offence) => Err(offence.clone()),
        }
    }

    /// Checks the data of a new object.
    pub(crate) fn check(&self, id: Option<&str>, data: &[u8]) -> Result<()> {
        self.check_change(id, data, None)
    }

    /// Checks the data of an object that replaces `before`: the members of a group, and that of a record if there is a
    /// check for this list.
    pub(crate) fn check_change(&self, id: Option<&str>, data: &[u8], before: Option<&[u8]>) -> Result<()> {
        match &self.check {
            Some(check) if K::NAME == kind::Record::NAME => check.check(id, data),
            _ if K::NAME == kind::Group::NAME => members::check(data, before),
            _ => Ok(()),
        }
    }

    /// Returns the id of the bucket that contains this list, if there is one.
    pub(crate) fn bucket(&self) -> Option<&str> {
        self.way.bucket.as_deref()
    }
}

impl<K: kind::Kind> Place<K> {
    pub(crate) fn checked(&self) -> Result<RequestPath> {
        self.list.checked_at(&self.id)
    }

    /// Returns the list of objects of another kind within this one.
    fn inner<C: kind::Kind>(&self) -> List<C> {
        let above = &self.list.way;
        let way = ListPath {
            path: format!("{self}/{}", C::PLURAL).into(),
            offence: above.offence.clone().or_else(|| id::check(K::NAME, &self.id).err()),
            bucket: above.bucket.clone().or_else(|| Some(Arc::clone(&self.id))),
        };
        List { way: Arc::new(way), check: self.list.check.clone(), of: PhantomData }
    }
}

impl Place<kind::Bucket> {
    pub(crate) fn collections(&self) -> List<kind::Collection> {
        self.inner()
    }

    pub(crate) fn groups(&self) -> List<kind::Group> {
        self.inner()
    }
}

impl Place<kind::Collection> {
    /// Returns this path with a check of the data of records before it is sent.
    #[cfg(feature = "schema")]
    pub(crate) fn checked_by(&self, check: Arc<dyn Check>) -> Self {
        let mut place = self.clone();
        place.list.check = Some(check);
        place
    }

    /// The collection of the same id in another bucket.
    #[cfg(feature = "schema")]
    pub(crate) fn in_bucket(&self, bucket: &str) -> Self {
        let mut place = List::buckets().at(bucket).collections().at(Arc::clone(&self.id));
        place.list.check.clone_from(&self.list.check);
        place
    }

    pub(crate) fn records(&self) -> List<kind::Record> {
        self.inner()
    }
}

impl<K: kind::Kind> fmt::Display for List<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.way.path)
    }
}

impl<K: kind::Kind> fmt::Display for Place<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.list, self.id)
    }
}

impl<K> From<&List<K>> for Address {
    fn from(list: &List<K>) -> Self {
        Self { path: Arc::clone(&list.way.path), id: None }
    }
}

impl<K> From<&Place<K>> for Address {
    fn from(place: &Place<K>) -> Self {
        Self { id: Some(Arc::clone(&place.id)), ..Self::from(&place.list) }
    }
}

impl From<String> for Address {
    fn from(path: String) -> Self {
        Self { path: path.into(), id: None }
    }
}

impl From<&str> for Address {
    fn from(path: &str) -> Self {
        Self { path: path.into(), id: None }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        self.id.iter().try_for_each(|id| write!(f, "/{id}"))
    }
}

impl<K> Clone for List<K> {
    fn clone(&self) -> Self {
        Self { way: Arc::clone(&self.way), check: self.check.clone(), of: PhantomData }
    }
}

impl<K> Clone for Place<K> {
    fn clone(&self) -> Self {
        Self { list: self.list.clone(), id: Arc::clone(&self.id) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_paths_nest() {
        let records = List::buckets().at("b").collections().at("c").records();
        assert_eq!(records.to_string(), "/buckets/b/collections/c/records");
        assert_eq!(records.at("r").to_string(), "/buckets/b/collections/c/records/r");
        assert_eq!(records.bucket(), Some("b"));
        assert_eq!(List::buckets().to_string(), "/buckets");
        assert_eq!(List::buckets().bucket(), None);
        assert_eq!(List::buckets().at("b").groups().at("g").to_string(), "/buckets/b/groups/g");
    }

    #[test]
    fn checked_path_checks_every_id() {
        let wrong = List::buckets().at("b").collections().at("").records();
        let message = wrong.checked().unwrap_err().to_string();
        assert_eq!(message, "\"\" cannot be the id of a collection: it is empty");
        assert!(List::buckets().at("b").groups().at("a/../b").checked().is_err());
    }
}
