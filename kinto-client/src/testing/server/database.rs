//! The rows of PostgreSQL's tables: objects, permissions and memberships, with what is needed to roll a transaction
//! back.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::{Map, Value};

use crate::json::jsonb::is_like_exactly;

/// The fields of an object, without `id` and `last_modified`.
pub(in crate::testing) type Data = Arc<Map<String, Value>>;

/// The permissions of an object, by their names.
pub(in crate::testing) type Permissions = BTreeMap<String, BTreeSet<String>>;

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::testing) enum Kind {
    Account,
    Bucket,
    Collection,
    Group,
    History,
    Permissions,
    Record,
}

impl Kind {
    pub(in crate::testing) fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Bucket => "bucket",
            Self::Collection => "collection",
            Self::Group => "group",
            Self::History => "history",
            Self::Permissions => "permissions",
            Self::Record => "record",
        }
    }

    /// Returns the name of the permission to create one.
    pub(in crate::testing) fn creation(self) -> &'static str {
        match self {
            Self::Account => "account:create",
            Self::Bucket => "bucket:create",
            Self::Collection => "collection:create",
            Self::Group => "group:create",
            Self::History => "history:create",
            Self::Permissions => "permissions:create",
            Self::Record => "record:create",
        }
    }

    /// Returns the names of the permissions that an object of this kind can have.
    pub(in crate::testing) fn permissions(self) -> &'static [&'static str] {
        match self {
            Self::Bucket => &["read", "write", "collection:create", "group:create"],
            Self::Collection => &["read", "write", "record:create"],
            _ => &["read", "write"],
        }
    }
}

/// A list of objects: the URI of the parent, and their kind.
pub(in crate::testing) type ListKey = (String, Kind);

/// An object, or the tombstone of one.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::testing) struct Row {
    pub(in crate::testing) last_modified: i64,
    pub(in crate::testing) deleted: bool,
    pub(in crate::testing) data: Data,
}

/// The objects of one list.
#[derive(Default)]
pub(in crate::testing) struct List {
    pub(in crate::testing) rows: BTreeMap<String, Row>,
    /// The ids by their timestamps, which are unique within a list.
    pub(in crate::testing) by_time: BTreeMap<i64, String>,
    /// The timestamp that the list had when it was first asked for.
    first_seen: Option<i64>,
}

impl List {
    fn timestamp(&self) -> Option<i64> {
        self.by_time.last_key_value().map(|(time, _)| *time).max(self.first_seen)
    }
}

/// Another object of the list has the same timestamp.
#[derive(Debug)]
pub(in crate::testing) struct Collision;

/// A change of a transaction, as the state before it.
enum Undo {
    Row(ListKey, String, Option<Row>),
    FirstSeen(ListKey, Option<i64>),
    Permissions(String, Option<Permissions>),
    Memberships(String, Option<BTreeSet<String>>),
}

/// The tables.
#[derive(Default)]
pub(in crate::testing) struct Database {
    pub(in crate::testing) lists: BTreeMap<ListKey, List>,
    pub(in crate::testing) permissions: BTreeMap<String, Permissions>,
    /// The groups of each user.
    pub(in crate::testing) memberships: BTreeMap<String, BTreeSet<String>>,
    undo: Vec<Undo>,
    /// The time in milliseconds since 1970.
    pub(in crate::testing) now: i64,
    /// The last time that was given to an object or a list.
    latest: i64,
}

impl Database {
    pub(in crate::testing) fn commit(&mut self) {
        self.undo.clear();
    }

    pub(in crate::testing) fn roll_back(&mut self) {
        while let Some(undo) = self.undo.pop() {
            match undo {
                Undo::Row(key, id, row) => drop(self.put(&key, &id, row)),
                Undo::FirstSeen(key, time) => {
                    if let Some(list) = self.lists.get_mut(&key) {
                        list.first_seen = time;
                    }
                }
                Undo::Permissions(uri, before) => restore(&mut self.permissions, uri, before),
                Undo::Memberships(user, before) => restore(&mut self.memberships, user, before),
            }
        }
    }

    fn put(&mut self, key: &ListKey, id: &str, row: Option<Row>) -> Option<Row> {
        if !self.lists.contains_key(key) {
            self.lists.insert(key.clone(), List::default());
        }
        let list = self.lists.get_mut(key)?;
        let (time, before) = match row {
            Some(row) => (Some(row.last_modified), list.rows.insert(id.to_owned(), row)),
            None => (None, list.rows.remove(id)),
        };
        if let Some(before) = &before {
            list.by_time.remove(&before.last_modified);
        }
        list.by_time.extend(time.map(|time| (time, id.to_owned())));
        before
    }

    fn set(&mut self, key: &ListKey, id: &str, row: Option<Row>) {
        let before = self.put(key, id, row);
        self.undo.push(Undo::Row(key.clone(), id.to_owned(), before));
    }

    pub(in crate::testing) fn list(&self, key: &ListKey) -> Option<&List> {
        self.lists.get(key)
    }

    /// Returns the object, unless it is deleted.
    pub(in crate::testing) fn get(&self, key: &ListKey, id: &str) -> Option<&Row> {
        self.lists.get(key)?.rows.get(id).filter(|row| !row.deleted)
    }

    /// Returns the timestamp of a list, which it has from then on.
    pub(in crate::testing) fn timestamp(&mut self, key: &ListKey) -> i64 {
        let known = self.lists.get(key).and_then(List::timestamp);
        let time = known.unwrap_or_else(|| self.tick());
        let list = self.lists.entry(key.clone()).or_default();
        if list.first_seen.is_none() {
            list.first_seen = Some(time);
            self.undo.push(Undo::FirstSeen(key.clone(), None));
        }
        time
    }

    /// Returns true if the list has a timestamp.
    pub(in crate::testing) fn has_timestamp(&self, key: &ListKey) -> bool {
        self.lists.get(key).is_some_and(|list| list.timestamp().is_some())
    }

    /// Returns the time of a write, at least a millisecond after the one before it, also in another list: on a real server,
    /// each takes about as long.
    fn tick(&mut self) -> i64 {
        self.latest = self.now.max(self.latest + 1);
        self.latest
    }

    /// Returns the timestamp for a write: the one that was asked for, or a later one than all in the list.
    fn stamp(&mut self, key: &ListKey, id: &str, wanted: Option<i64>) -> Result<i64, Collision> {
        let previous = self.lists.get(key).and_then(List::timestamp);
        let time = match wanted.filter(|wanted| previous != Some(*wanted)) {
            Some(wanted) => wanted,
            None => previous.map_or(i64::MIN, |previous| previous + 1).max(self.tick()),
        };
        match self.lists.get(key).and_then(|list| list.by_time.get(&time)) {
            Some(other) if other != id => Err(Collision),
            _ => Ok(time),
        }
    }

    /// Stores an object, new or in the place of another one, and returns its timestamp.
    pub(in crate::testing) fn store(
        &mut self,
        key: &ListKey,
        id: &str,
        data: Data,
        wanted: Option<i64>,
    ) -> Result<i64, Collision> {
        let last_modified = self.stamp(key, id, wanted)?;
        self.set(key, id, Some(Row { last_modified, deleted: false, data }));
        Ok(last_modified)
    }

    /// Deletes an object, and returns the timestamp of its tombstone.
    pub(in crate::testing) fn delete(
        &mut self,
        key: &ListKey,
        id: &str,
        wanted: Option<i64>,
    ) -> Result<i64, Collision> {
        let last_modified = self.stamp(key, id, wanted)?;
        let data = Arc::new(Map::from_iter([("deleted".to_owned(), Value::Bool(true))]));
        self.set(key, id, Some(Row { last_modified, deleted: true, data }));
        Ok(last_modified)
    }

    /// Removes everything whose parent is this URI, or also what is below it: objects, tombstones and timestamps. What is
    /// below is found by a pattern, in which an `_` in a name stands for any character.
    pub(in crate::testing) fn purge_children(&mut self, parent: &str, below: bool) {
        let from = parent.split('_').next().unwrap_or_default().to_owned();
        let pattern = format!("{parent}/%");
        let keys: Vec<ListKey> = self
            .lists
            .range((from.clone(), Kind::Account)..)
            .map(|(key, _)| key)
            .take_while(|(uri, _)| uri.starts_with(&from))
            .filter(|(uri, _)| uri == parent || below && is_like_exactly(uri, &pattern))
            .cloned()
            .collect();
        for key in keys {
            let list = self.lists.get(&key);
            let ids: Vec<String> = list.map(|list| list.rows.keys().cloned().collect()).unwrap_or_default();
            for id in ids {
                self.set(&key, &id, None);
            }
            if let Some(list) = self.lists.get_mut(&key)
                && let Some(time) = list.first_seen.take()
            {
                self.undo.push(Undo::FirstSeen(key, Some(time)));
            }
        }
    }

    pub(in crate::testing) fn set_permissions(&mut self, uri: &str, permissions: Option<Permissions>) {
        let before = match permissions {
            Some(permissions) => self.permissions.insert(uri.to_owned(), permissions),
            None => self.permissions.remove(uri),
        };
        self.undo.push(Undo::Permissions(uri.to_owned(), before));
    }

    /// Removes the permissions of the objects whose URIs are like a pattern. An `_` in a name stands for any character there,
    /// so that the permissions of others go with them.
    pub(in crate::testing) fn remove_permissions(&mut self, pattern: &str) {
        let from = pattern.split(['_', '%']).next().unwrap_or_default().to_owned();
        let alike = self.permissions.range(from.clone()..).take_while(|(uri, _)| uri.starts_with(&from));
        let alike = alike.filter(|(uri, _)| is_like_exactly(uri, pattern)).map(|(uri, _)| uri.clone());
        let alike: Vec<String> = alike.collect();
        for uri in alike {
            self.set_permissions(&uri, None);
        }
    }

    fn change_memberships(&mut self, user: &str, change: impl FnOnce(&mut BTreeSet<String>)) {
        let before = self.memberships.get(user).cloned();
        let mut groups = before.clone().unwrap_or_default();
        change(&mut groups);
        self.memberships.insert(user.to_owned(), groups);
        self.undo.push(Undo::Memberships(user.to_owned(), before));
    }

    pub(in crate::testing) fn join(&mut self, user: &str, group: &str) {
        self.change_memberships(user, |groups| _ = groups.insert(group.to_owned()));
    }

    pub(in crate::testing) fn leave(&mut self, user: &str, group: &str) {
        self.change_memberships(user, |groups| _ = groups.remove(group));
    }

    /// Removes a group from all its members.
    pub(in crate::testing) fn disband(&mut self, group: &str) {
        let members: Vec<String> = self
            .memberships
            .iter()
            .filter(|(_, groups)| groups.contains(group))
            .map(|(user, _)| user.clone())
            .collect();
        for user in members {
            self.leave(&user, group);
        }
    }
}

fn restore<T>(map: &mut BTreeMap<String, T>, key: String, before: Option<T>) {
    match before {
        Some(before) => _ = map.insert(key, before),
        None => _ = map.remove(&key),
    }
}
