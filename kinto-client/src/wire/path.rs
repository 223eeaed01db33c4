use std::{fmt, marker::PhantomData, sync::Arc};

use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    id,
    kind::{self, Kind as _},
};
use crate::error::{Error, Result};

/// Where a list of objects lives: `/buckets/blog/collections/posts/records`.
///
/// Unchecked until a request is made of it, so that naming something never fails; [`List::checked`] is the way out.
pub(crate) struct List<K> {
    parents: Arc<[(&'static str, &'static str, Arc<str>)]>,
    check: Option<Arc<dyn Check>>,
    of: PhantomData<fn() -> K>,
}

/// What looks at the data of records before it is sent.
pub(crate) trait Check: Send + Sync {
    fn check(&self, id: Option<&str>, data: &RawValue) -> Result<()>;
}

/// Where one object lives: its list and its id.
pub(crate) struct Place<K> {
    pub(crate) list: List<K>,
    pub(crate) id: Arc<str>,
}

impl List<kind::Bucket> {
    pub(crate) fn buckets() -> Self {
        Self { parents: Arc::new([]), check: None, of: PhantomData }
    }
}

impl<K: kind::Kind> List<K> {
    pub(crate) fn at(&self, id: impl Into<Arc<str>>) -> Place<K> {
        Place { list: self.clone(), id: id.into() }
    }

    /// The path, once every id in it has been found to be one.
    pub(crate) fn checked(&self) -> Result<String> {
        for (name, _, id) in &*self.parents {
            id::check(name, id)?;
        }
        Ok(self.to_string())
    }

    /// The path with the kinds' names where the ids are: `/buckets/{bucket}/collections/{collection}/records`.
    pub(crate) fn template(&self) -> String {
        let mut template = String::new();
        for (name, plural, _) in &*self.parents {
            template.extend(["/", plural, "/{", name, "}"]);
        }
        template + "/" + K::PLURAL
    }

    /// Refuses the data of a record that is against what is to be looked at here, if anything is.
    pub(crate) fn check(&self, id: Option<&str>, data: &impl Serialize) -> Result<()> {
        let Some(check) = self.check.as_ref().filter(|_| K::NAME == kind::Record::NAME) else { return Ok(()) };
        let data = serde_json::value::to_raw_value(data).map_err(|error| Error::invalid(error.to_string()))?;
        check.check(id, &data)
    }

    /// The id of the bucket this list is in, if it is in one.
    pub(crate) fn bucket(&self) -> Option<&str> {
        self.parents.first().map(|(_, _, id)| &**id)
    }
}

impl<K: kind::Kind> Place<K> {
    pub(crate) fn checked(&self) -> Result<String> {
        let list = self.list.checked()?;
        id::check(K::NAME, &self.id)?;
        Ok(format!("{list}/{}", self.id))
    }

    pub(crate) fn template(&self) -> String {
        format!("{}/{{{}}}", self.list.template(), K::NAME)
    }

    /// The list of objects of another kind within this one.
    fn inner<C>(&self) -> List<C> {
        let own = (K::NAME, K::PLURAL, Arc::clone(&self.id));
        List {
            parents: self.list.parents.iter().cloned().chain([own]).collect(),
            check: self.list.check.clone(),
            of: PhantomData,
        }
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
    /// The same place, where the data of records is looked at before it is sent.
    #[cfg(feature = "schema")]
    pub(crate) fn checked_by(&self, check: Arc<dyn Check>) -> Self {
        let mut place = self.clone();
        place.list.check = Some(check);
        place
    }

    pub(crate) fn records(&self) -> List<kind::Record> {
        self.inner()
    }
}

impl<K: kind::Kind> fmt::Display for List<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (_, plural, id) in &*self.parents {
            write!(f, "/{plural}/{id}")?;
        }
        write!(f, "/{}", K::PLURAL)
    }
}

impl<K: kind::Kind> fmt::Display for Place<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.list, self.id)
    }
}

impl<K> Clone for List<K> {
    fn clone(&self) -> Self {
        Self { parents: Arc::clone(&self.parents), check: self.check.clone(), of: PhantomData }
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
    fn paths_nest() {
        let records = List::buckets().at("b").collections().at("c").records();
        assert_eq!(records.to_string(), "/buckets/b/collections/c/records");
        assert_eq!(records.at("r").to_string(), "/buckets/b/collections/c/records/r");
        assert_eq!(records.at("r").template(), "/buckets/{bucket}/collections/{collection}/records/{record}");
        assert_eq!(records.bucket(), Some("b"));
        assert_eq!(List::buckets().to_string(), "/buckets");
        assert_eq!(List::buckets().bucket(), None);
        assert_eq!(List::buckets().at("b").groups().at("g").to_string(), "/buckets/b/groups/g");
    }

    #[test]
    fn every_id_is_checked() {
        let wrong = List::buckets().at("b").collections().at("").records();
        let message = wrong.checked().unwrap_err().to_string();
        assert_eq!(message, "\"\" cannot be the id of a collection: it is empty");
        assert!(List::buckets().at("b").groups().at("a/../b").checked().is_err());
    }
}
