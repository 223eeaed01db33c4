use std::{collections::BTreeSet, fmt};

use serde_json::{Map, Value};

use crate::blueprint::observed::{Present, Writer};
use crate::{
    blueprint::{Lists, desired::Wanted},
    json::equal::is_same,
    wire::object::principal::Principal,
};

/// One change that a plan makes to an object.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Difference {
    /// An attribute, or a part of one, is set to another value.
    Attribute {
        /// The path of the attribute: `sort`, `schema.properties.title.type`.
        path: String,
        /// The current value, if there is one.
        before: Option<Value>,
        /// The new value, if there is one.
        after: Option<Value>,
    },
    /// A principal becomes a member of the group.
    Joins(Principal),
    /// A principal is removed from the group.
    Leaves(Principal),
    /// A permission is given to a principal.
    Granted {
        /// `read`, `record:create`, …
        permission: String,
        /// The principal.
        principal: Principal,
    },
    /// A permission is removed from a principal.
    Revoked {
        /// `read`, `record:create`, …
        permission: String,
        /// The principal.
        principal: Principal,
    },
    /// A member that the blueprint does not declare, and that stays: see [`Plan::prune`](crate::blueprint::Plan::prune).
    UnmanagedMember(Principal),
    /// A permission that the blueprint does not declare, and that stays: see [`Plan::prune`](crate::blueprint::Plan::prune).
    UnmanagedGrant {
        /// `read`, `record:create`, …
        permission: String,
        /// The principal.
        principal: Principal,
    },
    /// These principals are added to a list of permissions that is not visible to you; it may have them already.
    /// Others in it stay.
    Added {
        /// `read`, `record:create`, …
        permission: String,
        /// The principals that are certain to be in the list.
        principals: BTreeSet<Principal>,
    },
    /// A list of permissions is set that is not visible to you.
    ///
    /// It may already be as declared, or contain other principals, which are then removed.
    Replaced {
        /// `read`, `record:create`, …
        permission: String,
        /// All principals in the list afterwards.
        principals: BTreeSet<Principal>,
    },
}

/// The meaning of a declared list of permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MatchMode {
    /// The list contains exactly these principals.
    Exactly,
    /// The list contains at least these principals.
    AtLeast,
}

/// The contents of a request that changes an object, and its differences.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    pub(crate) differences: Vec<Difference>,
    pub(crate) data: Map<String, Value>,
    pub(crate) lists: Lists,
    /// There are lists to set, and they are not visible.
    pub(crate) is_hidden: bool,
    /// Lists of the blueprint that can neither be compared nor set.
    pub(crate) is_beyond: bool,
}

impl Changes {
    pub(crate) fn is_nothing(&self) -> bool {
        self.data.is_empty() && self.lists.is_empty()
    }
}

/// Returns the changes that make the object match the blueprint, written by that user.
pub(crate) fn changes(wanted: &Wanted, present: &Present, me: &Writer, mode: MatchMode) -> Changes {
    let mut changes = Changes::default();
    for (name, after) in &wanted.attributes {
        let before = present.data.get(name);
        if before.is_none_or(|before| !is_same(before, after)) {
            compare(name.clone(), before, Some(after), &mut changes.differences);
            changes.data.insert(name.clone(), after.clone());
        }
    }
    if let Some(members) = &wanted.members {
        changes.members(members, present, mode);
    }
    for (permission, list) in &wanted.permissions {
        match &present.permissions {
            Some(lists) if permission == "write" && mode == MatchMode::Exactly && !me.is_added => {
                // A user who is not in it sees no permissions, and could not compare them the next time.
                let list = list.iter().chain([&me.id]).cloned().collect();
                changes.list(permission, &list, lists.get(permission), me, mode);
            }
            Some(lists) => changes.list(permission, list, lists.get(permission), me, mode),
            None => changes.hidden_list(permission, list, me, mode),
        }
    }
    changes
}

impl Changes {
    fn members(&mut self, wanted: &BTreeSet<Principal>, present: &Present, mode: MatchMode) {
        let text = |member: &Value| member.as_str().map(Principal::from);
        let now = present.data.get("members").and_then(Value::as_array);
        let now: BTreeSet<Principal> = now.into_iter().flatten().filter_map(text).collect();
        self.differences.extend(wanted.difference(&now).cloned().map(Difference::Joins));
        let extra = if mode == MatchMode::Exactly { Difference::Leaves } else { Difference::UnmanagedMember };
        self.differences.extend(now.difference(wanted).cloned().map(extra));
        let then: BTreeSet<&Principal> = match mode {
            MatchMode::Exactly => wanted.iter().collect(),
            MatchMode::AtLeast => wanted.union(&now).collect(),
        };
        if !then.iter().copied().eq(&now) {
            self.data.insert("members".to_owned(), then.into_iter().map(Principal::as_str).collect());
        }
    }

    fn list(
        &mut self,
        permission: &str,
        wanted: &BTreeSet<Principal>,
        now: Option<&BTreeSet<Principal>>,
        me: &Writer,
        mode: MatchMode,
    ) {
        let none = BTreeSet::new();
        let now = now.unwrap_or(&none);
        // The server keeps the writer in the `write` list.
        let is_other = |principal: &&Principal| permission != "write" || **principal != me.id;
        let granted: Vec<_> = wanted.difference(now).cloned().collect();
        let extra: Vec<_> = now.difference(wanted).filter(is_other).cloned().collect();
        let revokes = mode == MatchMode::Exactly && !extra.is_empty();
        if !granted.is_empty() || revokes {
            let mut list = wanted.clone();
            if mode == MatchMode::AtLeast {
                list.extend(now.iter().cloned());
            }
            self.lists.insert(permission.to_owned(), list);
        }
        let permission = || permission.to_owned();
        let grant = |principal| Difference::Granted { permission: permission(), principal };
        self.differences.extend(granted.into_iter().map(grant));
        self.differences.extend(extra.into_iter().map(|principal| match mode {
            MatchMode::Exactly => Difference::Revoked { permission: permission(), principal },
            MatchMode::AtLeast => Difference::UnmanagedGrant { permission: permission(), principal },
        }));
    }

    fn hidden_list(&mut self, permission: &str, wanted: &BTreeSet<Principal>, me: &Writer, mode: MatchMode) {
        // To add to a list it has to be seen, which it is once the writer is in it. Where the server puts nobody there,
        // a list could only be replaced unseen.
        if !me.is_added {
            self.is_beyond = true;
            return;
        }
        let (permission, principals) = (permission.to_owned(), wanted.clone());
        if mode == MatchMode::AtLeast && wanted.is_empty() {
            return;
        }
        self.is_hidden = true;
        self.lists.insert(permission.clone(), wanted.clone());
        self.differences.push(match mode {
            MatchMode::Exactly => Difference::Replaced { permission, principals },
            MatchMode::AtLeast => Difference::Added { permission, principals },
        });
    }
}

/// Collects the differences between two values, comparing objects key by key.
fn compare(path: String, before: Option<&Value>, after: Option<&Value>, into: &mut Vec<Difference>) {
    match (before, after) {
        (Some(Value::Object(old)), Some(Value::Object(new))) if !old.is_empty() && !new.is_empty() => {
            let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for key in keys {
                compare(format!("{path}.{key}"), old.get(key), new.get(key), into);
            }
        }
        (Some(before), Some(after)) if is_same(before, after) => {}
        (before, after) => into.push(Difference::Attribute { path, before: before.cloned(), after: after.cloned() }),
    }
}

fn all(principals: &BTreeSet<Principal>) -> String {
    let all: Vec<&str> = principals.iter().map(Principal::as_str).collect();
    if all.is_empty() { "nobody".to_owned() } else { all.join(", ") }
}

/// Returns the JSON of a value, shortened if it is long.
fn brief(value: &Value) -> String {
    const ENOUGH: usize = 100;
    let text = value.to_string();
    match text.char_indices().nth(ENOUGH) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(&text)),
        None => text,
    }
}

impl Difference {
    /// Returns the sign of the difference in the text of a plan.
    pub(crate) fn sign(&self) -> char {
        match self {
            Self::Attribute { before: None, .. } | Self::Joins(_) | Self::Granted { .. } => '+',
            Self::Attribute { after: None, .. } | Self::Leaves(_) | Self::Revoked { .. } => '-',
            Self::UnmanagedMember(_) | Self::UnmanagedGrant { .. } => '?',
            Self::Attribute { .. } | Self::Added { .. } | Self::Replaced { .. } => '~',
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attribute { path, before: Some(before), after: Some(after) } => {
                write!(f, "{path}: {} -> {}", brief(before), brief(after))
            }
            Self::Attribute { path, before: Some(value), .. } | Self::Attribute { path, after: Some(value), .. } => {
                write!(f, "{path}: {}", brief(value))
            }
            Self::Attribute { path, .. } => f.write_str(path),
            Self::Joins(member) | Self::Leaves(member) => write!(f, "member {member}"),
            Self::UnmanagedMember(member) => write!(f, "member {member}, which the blueprint does not have"),
            Self::Granted { permission, principal } | Self::Revoked { permission, principal } => {
                write!(f, "{permission} {principal}")
            }
            Self::UnmanagedGrant { permission, principal } => {
                write!(f, "{permission} {principal}, which the blueprint does not have")
            }
            Self::Added { permission, principals } => {
                write!(f, "{permission}: not visible to you -> with {}", all(principals))
            }
            Self::Replaced { permission, principals } => {
                write!(f, "{permission}: not visible to you -> {}", all(principals))
            }
        }
    }
}
