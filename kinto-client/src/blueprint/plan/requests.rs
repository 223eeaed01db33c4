//! The order and the contents of the requests of a plan.

use std::{collections::BTreeSet, fmt};

use serde_json::{Map, Value};

use super::step::{Action, Step};
use crate::blueprint::target::Piece;
use crate::{blueprint::Lists, wire::timestamp::Timestamp};

/// One request of a plan.
#[derive(Debug)]
pub(crate) struct Write<'a> {
    pub(crate) step: &'a Step,
    pub(crate) guard: Guard,
    pub(crate) data: Map<String, Value>,
    pub(crate) lists: Lists,
}

/// The precondition of a request of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    /// The object does not exist.
    Absent,
    /// The object is as it was when the plan was computed.
    Seen(Timestamp),
    /// The object is as an earlier request of this plan left it.
    Left,
    /// The object is as it was when the plan was computed, and is deleted.
    Deleted(Timestamp),
}

/// Returns the requests for buckets first, then groups, then collections.
///
/// Permissions for a group are given only after it exists: until then, any user who may create groups could
/// create it.
pub(crate) fn writes<'a>(steps: &(impl Iterator<Item = &'a Step> + Clone)) -> Vec<Write<'a>> {
    let of = |piece: Piece, action: Action| {
        steps.clone().filter(move |step| step.target.piece == piece && step.action == action)
    };
    // The principal of a group is its path.
    let mut missing: BTreeSet<&str> = of(Piece::Group, Action::Create).map(|step| step.target.path.as_str()).collect();
    let (mut all, mut later) = (Vec::new(), Vec::new());
    for step in of(Piece::Bucket, Action::Create).chain(of(Piece::Group, Action::Create)) {
        missing.remove(step.target.path.as_str());
        let (now, then) = split(&step.changes.lists, &missing);
        all.push(Write { step, guard: Guard::Absent, data: step.changes.data.clone(), lists: now });
        if !then.is_empty() {
            later.push(Write { step, guard: Guard::Left, data: Map::new(), lists: then });
        }
    }
    all.append(&mut later);
    for piece in [Piece::Group, Piece::Bucket] {
        all.extend(of(piece, Action::Change).filter_map(change));
    }
    for step in of(Piece::Collection, Action::Create) {
        let (data, lists) = (step.changes.data.clone(), step.changes.lists.clone());
        all.push(Write { step, guard: Guard::Absent, data, lists });
    }
    all.extend(of(Piece::Collection, Action::Change).filter_map(change));
    for piece in [Piece::Collection, Piece::Group] {
        let deletions = of(piece, Action::Delete).filter_map(|step| {
            let guard = Guard::Deleted(step.last_modified?);
            Some(Write { step, guard, data: Map::new(), lists: Lists::new() })
        });
        all.extend(deletions);
    }
    all
}

fn change(step: &Step) -> Option<Write<'_>> {
    let guard = Guard::Seen(step.last_modified?);
    Some(Write { step, guard, data: step.changes.data.clone(), lists: step.changes.lists.clone() })
}

/// Splits lists of permissions into those without the missing groups, and the complete ones of those that name
/// one.
fn split(lists: &Lists, missing: &BTreeSet<&str>) -> (Lists, Lists) {
    let (mut now, mut then) = (lists.clone(), lists.clone());
    for list in now.values_mut() {
        list.retain(|principal| !missing.contains(principal.as_str()));
    }
    then.retain(|name, list| now.get(name) != Some(list));
    (now, then)
}

impl fmt::Display for Write<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.guard {
            Guard::Absent => "create",
            Guard::Seen(_) => "change",
            Guard::Left => "let new groups into",
            Guard::Deleted(_) => "delete",
        };
        write!(f, "{what} {}", self.step.target)
    }
}
