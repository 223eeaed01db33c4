//! Authorization: inherited permissions, groups, and shared objects.

use std::collections::BTreeSet;

use super::{
    database::{Database, Kind},
    settings::Settings,
};
use crate::json::jsonb::is_like_exactly;

/// A permission on an object that gives the permission that is asked for.
type Granter<'a> = (&'a str, &'static str);

/// Returns the kind of object that a URI leads to, and whether it is a list below it.
fn endpoint(uri: &str) -> Option<(&str, bool)> {
    let is_list = !uri.matches('/').count().is_multiple_of(2);
    let object = if is_list { uri.rsplit_once('/')?.0 } else { uri };
    let mut parts = object.rsplit('/').skip(1);
    let kind = parts.next()?;
    parts.next().map(|_| (kind.trim_end_matches('s'), is_list))
}

/// Returns the permissions that give this one, on which kinds of objects.
fn inherited(kind: &str, permission: &str, is_list: bool) -> &'static [(&'static str, &'static [&'static str])] {
    match (kind, permission) {
        ("bucket", "read") if !is_list => &[("bucket", &["write", "read", "collection:create", "group:create"])],
        ("bucket", "read") => &[("bucket", &["write", "read"])],
        ("bucket", "write") => &[("bucket", &["write"])],
        ("bucket", "group:create") => &[("bucket", &["write", "group:create"])],
        ("bucket", "collection:create") => &[("bucket", &["write", "collection:create"])],
        ("group", "write") => &[("bucket", &["write"]), ("group", &["write"])],
        ("group", "read") => &[("bucket", &["write", "read"]), ("group", &["write", "read"])],
        ("collection", "write") => &[("bucket", &["write"]), ("collection", &["write"])],
        ("collection", "read") if !is_list => {
            &[("bucket", &["write", "read"]), ("collection", &["write", "read", "record:create"])]
        }
        ("collection", "read") => &[("bucket", &["write", "read"]), ("collection", &["write", "read"])],
        ("collection", "record:create") => &[("bucket", &["write"]), ("collection", &["write", "record:create"])],
        ("record", "write") => &[("bucket", &["write"]), ("collection", &["write"]), ("record", &["write"])],
        ("record", "read") => {
            &[("bucket", &["write", "read"]), ("collection", &["write", "read"]), ("record", &["write", "read"])]
        }
        ("history", "read") => &[("bucket", &["write", "read"]), ("history", &["write", "read"])],
        ("history", "write") => &[("bucket", &["write"]), ("history", &["write"])],
        ("account", "write") => &[("account", &["write"])],
        ("account", "read") => &[("account", &["write", "read"])],
        _ => &[],
    }
}

/// Returns the permissions on an object and those above it that give this one.
fn granters<'a>(uri: &'a str, permission: &str) -> Vec<Granter<'a>> {
    let Some((kind, is_list)) = endpoint(uri) else { return Vec::new() };
    let above = |kind: &str| {
        let slashes = match kind {
            "bucket" | "account" => 2,
            "collection" | "group" | "history" => 4,
            _ => 6,
        };
        uri.match_indices('/').nth(slashes).and_then(|(end, _)| uri.get(..end)).unwrap_or(uri)
    };
    let of = |(kind, permissions): &(&'static str, &'static [&'static str])| {
        let uri = above(kind);
        permissions.iter().map(move |permission| (uri, *permission))
    };
    inherited(kind, permission, is_list).iter().flat_map(of).collect()
}

/// An access to be authorized.
pub(super) struct Wanted<'a> {
    pub(super) kind: Kind,
    /// The object, or the list in which it is to be made.
    pub(super) uri: &'a str,
    /// `read`, `write` or `create`.
    pub(super) permission: &'static str,
    pub(super) on_list: bool,
    pub(super) exists: bool,
}

/// The visible part of a list.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Seen {
    All,
    /// The ids of what is shared.
    Shared(BTreeSet<String>),
}

/// Returns the visible part, or `None` if the request is not allowed.
pub(super) fn check(
    database: &Database,
    settings: &Settings,
    principals: &[String],
    wanted: &Wanted<'_>,
) -> Option<Seen> {
    let Wanted { kind, uri, permission, on_list, exists } = *wanted;
    let has = |granters: &[Granter<'_>]| has_one(database, settings, principals, kind, permission, granters);
    let create = kind.creation();
    let asked = if permission == "create" { create } else { permission };
    let bound = granters(uri, asked);
    let parent = uri.rsplit_once('/').map_or("", |(parent, _)| parent);
    let mut allowed = has(&bound);
    if permission == "write" && !on_list && !exists {
        // Whoever may read the parent is told that there is no such object.
        allowed = has(&granters(parent, "read"));
    }
    if allowed {
        return Some(Seen::All);
    }
    if !on_list || permission == "create" || exists {
        return None;
    }
    let shared = shared(database, principals, &format!("{uri}/*"), permission);
    if !shared.is_empty() {
        return Some(Seen::Shared(shared));
    }
    let may_create = if bound.is_empty() {
        has_setting(settings, principals, kind, "create") || has_entry(database, principals, "", "create")
    } else {
        has_setting(settings, principals, kind, create) || has_entry(database, principals, parent, create)
    };
    may_create.then_some(Seen::Shared(BTreeSet::new()))
}

fn has_one(
    database: &Database,
    settings: &Settings,
    principals: &[String],
    kind: Kind,
    permission: &str,
    granters: &[Granter<'_>],
) -> bool {
    if granters.is_empty() {
        return has_setting(settings, principals, kind, permission)
            || has_entry(database, principals, kind.name(), permission);
    }
    granters.iter().any(|(uri, permission)| has_entry(database, principals, uri, permission))
        || granters.iter().any(|(_, permission)| has_setting(settings, principals, kind, permission))
}

fn has_setting(settings: &Settings, principals: &[String], kind: Kind, permission: &str) -> bool {
    let setting = if permission.starts_with(kind.name()) {
        format!("{}_principals", permission.replace(':', "_"))
    } else {
        format!("{}_{permission}_principals", kind.name())
    };
    settings.give(&setting, principals)
}

/// Returns true if one of the principals has a permission on the object itself.
pub(super) fn has_entry(database: &Database, principals: &[String], uri: &str, permission: &str) -> bool {
    let entry = database.permissions.get(uri).and_then(|permissions| permissions.get(permission));
    entry.is_some_and(|allowed| principals.iter().any(|one| allowed.contains(one)))
}

/// Returns the ids of the objects of a list that are shared. They are found by patterns, in which an `_` in a name stands
/// for any character, also in the names of the parents.
fn shared(database: &Database, principals: &[String], pattern: &str, permission: &str) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for (uri, permission) in granters(pattern, permission) {
        let like = uri.replace('*', "%");
        let below = format!("{like}/%");
        let from = uri.split(['*', '_']).next().unwrap_or_default();
        let entries = database.permissions.range(from.to_owned()..).take_while(|(uri, _)| uri.starts_with(from));
        for (uri, _) in entries {
            let is_here = is_like_exactly(uri, &like) && !is_like_exactly(uri, &below);
            if is_here && has_entry(database, principals, uri, permission) {
                // The server stores permissions by quoted paths: a line break is `%0A` there, which is the id of no object.
                ids.extend(uri.rsplit('/').next().map(|id| id.replace('\n', "%0A")));
            }
        }
    }
    ids
}
