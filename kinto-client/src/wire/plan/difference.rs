use std::{collections::BTreeSet, fmt};

use serde_json::{Map, Value};

use super::Present;
use crate::wire::{
    blueprint::{Lists, Wanted},
    principal::Principal,
    same::is_same,
};

/// One thing that a plan changes in an object.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Difference {
    /// An attribute, or a part of one, is given another value.
    Attribute {
        /// Where it is: `sort`, `schema.properties.title.type`.
        path: String,
        /// What is there now, if anything.
        before: Option<Value>,
        /// What is to be there, if anything.
        after: Option<Value>,
    },
    /// Somebody becomes a member of the group.
    Joins(Principal),
    /// Somebody is no longer a member of the group.
    Leaves(Principal),
    /// Somebody is given a permission.
    Granted {
        /// `read`, `record:create`, …
        permission: String,
        /// Who.
        principal: Principal,
    },
    /// A permission is taken from somebody.
    Revoked {
        /// `read`, `record:create`, …
        permission: String,
        /// Who.
        principal: Principal,
    },
    /// A list of permissions is set that is not visible to you now: it may be so already, or have others in it, who are
    /// then no longer.
    Replaced {
        /// `read`, `record:create`, …
        permission: String,
        /// All who will be in it.
        principals: BTreeSet<Principal>,
    },
}

/// What a declared list of permissions means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// These, and nobody else.
    Exactly,
    /// These, and whoever is in it.
    AtLeast,
}

/// What has to be sent to change an object, and what of it is a difference.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    pub(super) differences: Vec<Difference>,
    pub(super) data: Map<String, Value>,
    pub(super) lists: Lists,
}

/// What makes the object as it is wanted. `me` is whom the server adds to those who may write, whatever it is told.
pub(super) fn changes(wanted: &Wanted, present: &Present, me: &Principal, manner: Manner) -> Changes {
    let mut changes = Changes::default();
    for (name, after) in &wanted.attributes {
        let before = present.data.get(name);
        if before.is_none_or(|before| !is_same(before, after)) {
            compare(name.clone(), before, Some(after), &mut changes.differences);
            changes.data.insert(name.clone(), after.clone());
        }
    }
    if let Some(members) = &wanted.members {
        changes.members(members, present);
    }
    for (permission, list) in &wanted.permissions {
        match &present.permissions {
            Some(lists) => changes.list(permission, list, lists.get(permission), me, manner),
            None => changes.hidden_list(permission, list),
        }
    }
    changes
}

impl Changes {
    fn members(&mut self, wanted: &BTreeSet<Principal>, present: &Present) {
        let text = |member: &Value| member.as_str().map(Principal::from);
        let now = present.data.get("members").and_then(Value::as_array);
        let now: BTreeSet<Principal> = now.into_iter().flatten().filter_map(text).collect();
        if now == *wanted {
            return;
        }
        self.differences.extend(wanted.difference(&now).cloned().map(Difference::Joins));
        self.differences.extend(now.difference(wanted).cloned().map(Difference::Leaves));
        self.data.insert("members".to_owned(), wanted.iter().map(Principal::as_str).collect());
    }

    fn list(
        &mut self,
        permission: &str,
        wanted: &BTreeSet<Principal>,
        now: Option<&BTreeSet<Principal>>,
        me: &Principal,
        manner: Manner,
    ) {
        let none = BTreeSet::new();
        let now = now.unwrap_or(&none);
        // Whoever writes may write.
        let stays = |principal: &&Principal| permission != "write" || *principal != me;
        let granted: Vec<_> = wanted.difference(now).filter(stays).cloned().collect();
        let revoked: Vec<_> = match manner {
            Manner::Exactly => now.difference(wanted).filter(stays).cloned().collect(),
            Manner::AtLeast => Vec::new(),
        };
        if granted.is_empty() && revoked.is_empty() {
            return;
        }
        let mut list = wanted.clone();
        if manner == Manner::AtLeast {
            list.extend(now.iter().cloned());
        }
        self.lists.insert(permission.to_owned(), list);
        let permission = || permission.to_owned();
        let grant = |principal| Difference::Granted { permission: permission(), principal };
        let revoke = |principal| Difference::Revoked { permission: permission(), principal };
        self.differences.extend(granted.into_iter().map(grant));
        self.differences.extend(revoked.into_iter().map(revoke));
    }

    fn hidden_list(&mut self, permission: &str, wanted: &BTreeSet<Principal>) {
        self.lists.insert(permission.to_owned(), wanted.clone());
        self.differences.push(Difference::Replaced { permission: permission.to_owned(), principals: wanted.clone() });
    }
}

/// The places where two values differ; objects are looked into.
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

/// The JSON, or the beginning of it.
fn brief(value: &Value) -> String {
    const ENOUGH: usize = 100;
    let text = value.to_string();
    match text.char_indices().nth(ENOUGH) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(&text)),
        None => text,
    }
}

impl Difference {
    /// What it begins with in the text of a plan.
    pub(super) fn sign(&self) -> char {
        match self {
            Self::Attribute { before: None, .. } | Self::Joins(_) | Self::Granted { .. } => '+',
            Self::Attribute { after: None, .. } | Self::Leaves(_) | Self::Revoked { .. } => '-',
            Self::Attribute { .. } | Self::Replaced { .. } => '~',
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
            Self::Granted { permission, principal } | Self::Revoked { permission, principal } => {
                write!(f, "{permission} {principal}")
            }
            Self::Replaced { permission, principals } => {
                let all: Vec<&str> = principals.iter().map(Principal::as_str).collect();
                let all = if all.is_empty() { "nobody".to_owned() } else { all.join(", ") };
                write!(f, "{permission}: not visible to you -> {all}")
            }
        }
    }
}
