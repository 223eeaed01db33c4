//! Lists that are put together: all accounts, and the permissions of the caller.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Map, Value, json};

use super::{
    Server,
    database::{Kind, List, Row},
    object::Context,
};

/// The parent of the list that has the accounts of all users.
pub(super) const ALL: &str = "*";

impl Server {
    /// Returns the list that a request is about, if it is not stored as such.
    pub(super) fn put_together(&self, context: &Context<'_>) -> Option<List> {
        match context.place.kind {
            Kind::Permissions => Some(self.permission_entries(context)),
            Kind::Account if context.key.0 == ALL => Some(self.all_accounts()),
            _ => None,
        }
    }

    /// Returns all accounts, as an administrator sees them.
    fn all_accounts(&self) -> List {
        let mut all = List::default();
        for (_, list) in self.database.lists.iter().filter(|((_, kind), _)| *kind == Kind::Account) {
            all.rows.extend(list.rows.iter().map(|(id, row)| (id.clone(), row.clone())));
        }
        all.by_time = all.rows.iter().map(|(id, row)| (row.last_modified, id.clone())).collect();
        all
    }

    /// Returns the entries of `/permissions`: the objects on which the caller has permissions of their own.
    fn permission_entries(&self, context: &Context<'_>) -> List {
        let mut list = List::default();
        let mut add = |uri: &str, data: Map<String, Value>| {
            let data = Arc::new(data);
            list.rows.insert(uri.to_owned(), Row { last_modified: 0, deleted: false, data });
        };
        let creates = |kind: &str| {
            (kind != "account" || self.settings.accounts)
                && self.settings.give(&format!("{kind}_create_principals"), context.principals)
        };
        let root: Vec<&str> = [("account:create", "account"), ("bucket:create", "bucket")]
            .iter()
            .filter(|(_, kind)| creates(kind))
            .map(|(name, _)| *name)
            .collect();
        if !root.is_empty() {
            let data = json!({"uri": "/", "resource_name": "root", "permissions": root});
            add("/", data.as_object().cloned().unwrap_or_default());
        }
        for (uri, permissions) in &self.database.permissions {
            let own = permissions.iter().filter(|(_, who)| context.principals.iter().any(|one| who.contains(one)));
            let own: BTreeSet<&str> = own.map(|(name, _)| name.as_str()).collect();
            if let (false, Some(entry)) = (own.is_empty(), described(uri, &own)) {
                add(uri, entry);
            }
        }
        list
    }
}

/// Returns an entry of `/permissions`, with what its permissions imply on the object itself.
fn described(uri: &str, own: &BTreeSet<&str>) -> Option<Map<String, Value>> {
    let parts: Vec<&str> = uri.split('/').skip(1).collect();
    let (kind, bucket, collection, id) = match parts.as_slice() {
        ["accounts", id] => (Kind::Account, None, None, id),
        ["buckets", id] => (Kind::Bucket, None, None, id),
        ["buckets", bucket, "collections", id] => (Kind::Collection, Some(bucket), None, id),
        ["buckets", bucket, "groups", id] => (Kind::Group, Some(bucket), None, id),
        ["buckets", bucket, "collections", collection, "records", id] => {
            (Kind::Record, Some(bucket), Some(collection), id)
        }
        _ => return None,
    };
    let mut all = own.clone();
    if own.contains("write") {
        all.extend(kind.permissions());
    }
    let has_attributes = matches!(kind, Kind::Bucket | Kind::Collection);
    if has_attributes {
        all.insert("read:attributes");
    }
    let name = kind.name();
    let mut entry = Map::from_iter([
        ("uri".to_owned(), escaped(uri).into()),
        ("resource_name".to_owned(), name.into()),
        ("permissions".to_owned(), all.into_iter().map(Value::from).collect()),
        ("id".to_owned(), (*id).into()),
        (format!("{name}_id"), (*id).into()),
    ]);
    entry.extend(bucket.map(|id| ("bucket_id".to_owned(), (*id).into())));
    entry.extend(collection.map(|id| ("collection_id".to_owned(), (*id).into())));
    Some(entry)
}

/// Returns the path of an object as a URL has it: all that is escaped is the line break that may end an id.
pub(super) fn escaped(uri: &str) -> String {
    uri.replace('\n', "%0A")
}
