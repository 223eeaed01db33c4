//! In which order, and by which requests.

use std::{collections::BTreeSet, fmt};

use serde_json::{Map, Value};

use super::{Action, Piece, Step};
use crate::wire::{blueprint::Lists, timestamp::Timestamp};

/// One request of a plan.
#[derive(Debug)]
pub(crate) struct Write<'a> {
    pub(crate) step: &'a Step,
    pub(crate) guard: Guard,
    pub(crate) data: Map<String, Value>,
    pub(crate) lists: Lists,
}

/// What must hold for the request to be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    /// There is no such object.
    Absent,
    /// The object is as the plan saw it.
    Seen(Timestamp),
    /// The object is as an earlier request of this plan left it.
    Left,
    /// The same as for [`Seen`](Self::Seen), and it goes.
    Deleted(Timestamp),
}

/// Buckets, then groups, then collections; nobody is given a permission by way of a group that is not there yet: until it
/// is, whoever may create groups could make it their own.
pub(crate) fn writes<'a>(steps: &(impl Iterator<Item = &'a Step> + Clone)) -> Vec<Write<'a>> {
    let of = |piece: Piece, action: Action| {
        steps.clone().filter(move |step| step.spot.piece == piece && step.action == action)
    };
    // What the server calls a group among principals is its path.
    let mut missing: BTreeSet<&str> = of(Piece::Group, Action::Create).map(|step| step.spot.path.as_str()).collect();
    let (mut all, mut later) = (Vec::new(), Vec::new());
    for step in of(Piece::Bucket, Action::Create).chain(of(Piece::Group, Action::Create)) {
        missing.remove(step.spot.path.as_str());
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

/// The lists without groups that are missing, and whole those that had one in them.
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
        write!(f, "{what} {}", self.step.spot)
    }
}
