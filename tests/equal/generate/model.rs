//! The contents of the servers after the steps so far, if all went well.

use std::collections::BTreeMap;

use crate::step::Who;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bucket,
    Collection,
    Group,
    Record,
}

impl Kind {
    pub(crate) fn plural(self) -> &'static str {
        match self {
            Self::Bucket => "buckets",
            Self::Collection => "collections",
            Self::Group => "groups",
            Self::Record => "records",
        }
    }

    /// The names of its permissions.
    pub(crate) fn permissions(self) -> &'static [&'static str] {
        match self {
            Self::Bucket => &["read", "write", "collection:create", "group:create"],
            Self::Collection => &["read", "write", "record:create"],
            Self::Group | Self::Record => &["read", "write"],
        }
    }

    /// Ids that are given to it. In a pattern of SQL the underscore would stand for any letter.
    pub(crate) fn ids(self) -> &'static [&'static str] {
        match self {
            Self::Bucket => &["b1", "b2", "b_1", "bx1"],
            Self::Collection => &["c1", "c2", "c_1", "cx1"],
            Self::Group => &["g1", "g2", "g_1"],
            Self::Record => &["r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "R-1_a", "r_1", "rx1", "0"],
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) kind: Kind,
    /// Without the version.
    pub(crate) path: String,
    pub(crate) owner: Who,
    /// The step, and part of a batch, whose answer has its entity tag.
    pub(crate) seen: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct List {
    pub(crate) seen: Option<String>,
    /// Entity tags that something in it once had.
    pub(crate) past: Vec<String>,
    /// There are ids in it that the server has made: what depends on their order is left to chance.
    pub(crate) is_random: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) objects: Vec<Object>,
    pub(crate) lists: BTreeMap<String, List>,
}

impl Model {
    pub(crate) fn of(&self, kind: Kind) -> Vec<&Object> {
        self.objects.iter().filter(|object| object.kind == kind).collect()
    }

    /// An object was written.
    pub(crate) fn wrote(&mut self, kind: Kind, path: &str, owner: Who, seen: &str) {
        let list = self.lists.entry(parent(path).to_owned()).or_default();
        list.seen = Some(seen.to_owned());
        list.past.push(seen.to_owned());
        match self.objects.iter_mut().find(|object| object.path == path) {
            Some(object) => object.seen = Some(seen.to_owned()),
            None => self.objects.push(Object { kind, path: path.to_owned(), owner, seen: Some(seen.to_owned()) }),
        }
    }

    /// An object was deleted, with all below it.
    pub(crate) fn removed(&mut self, path: &str, seen: &str) {
        self.forget(path);
        let list = self.lists.entry(parent(path).to_owned()).or_default();
        list.seen = Some(seen.to_owned());
        list.past.push(seen.to_owned());
    }

    /// All objects of a list were deleted.
    pub(crate) fn emptied(&mut self, list: &str, seen: &str) {
        let paths: Vec<String> =
            self.objects.iter().filter(|o| parent(&o.path) == list).map(|o| o.path.clone()).collect();
        for path in &paths {
            self.forget(path);
        }
        self.lists.entry(list.to_owned()).or_default().seen = Some(seen.to_owned());
    }

    fn forget(&mut self, path: &str) {
        let below = format!("{path}/");
        self.objects.retain(|object| object.path != path && !object.path.starts_with(&below));
        let is_below = |list: &str| list.starts_with(&below);
        // The deletion may have been refused: the ids of the server's own may still be there.
        self.lists.retain(|list, entry| !is_below(list) || entry.is_random);
        for (_, entry) in self.lists.iter_mut().filter(|(list, _)| is_below(list)) {
            *entry = List { is_random: true, ..List::default() };
        }
    }

    /// Returns the person who may write there, most likely.
    pub(crate) fn owner(&self, path: &str) -> Option<Who> {
        let is_above = |object: &&Object| path == object.path || path.starts_with(&format!("{}/", object.path));
        self.objects.iter().filter(is_above).max_by_key(|object| object.path.len()).map(|object| object.owner)
    }

    pub(crate) fn is_random(&self, list: &str) -> bool {
        self.lists.get(list).is_some_and(|list| list.is_random)
    }
}

/// The path of the list that an object is in, or of the object that a list is in.
pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}
