use serde_json::{Map, Value};

use super::difference::{Changes, Difference, MatchMode, changes};
use crate::blueprint::{
    observed::{Extra, Present, Records, Seen, Writer},
    target::{Piece, Target},
};
use crate::{
    blueprint::{Lists, desired::Wanted},
    wire::{object::principal::Principal, timestamp::Timestamp},
};

/// The step of a [`Plan`](crate::blueprint::Plan) for one object.
#[derive(Clone, Debug)]
pub struct Step {
    pub(crate) target: Target,
    pub(crate) action: Action,
    pub(crate) last_modified: Option<Timestamp>,
    pub(crate) records: Option<Records>,
    pub(crate) changes: Changes,
    pub(crate) notes: Vec<String>,
    /// The object cannot be seen, if it is there at all.
    pub(crate) is_unseen: bool,
}

/// The action of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// The object does not exist and is created.
    Create,
    /// The object exists and is changed.
    Change,
    /// The object is as the blueprint declares it, or is not visible.
    NoOp,
    /// The object is not in the blueprint and is left unchanged: see [`Plan::prune`](crate::blueprint::Plan::prune).
    Unmanaged,
    /// The object is not in the blueprint and is deleted, with everything in it.
    Delete,
}

impl Step {
    pub(crate) fn new(wanted: &Wanted, seen: &Seen, me: &Writer, mode: MatchMode) -> Self {
        let (action, last_modified, present) = match seen {
            Seen::Absent => (Action::Create, None, &Present::nothing()),
            Seen::Hidden => return Self::unseen(wanted),
            Seen::Present(present) => (Action::Change, Some(present.last_modified), present),
        };
        let changes = match action {
            // Where the server does not do it by itself: nobody could write a bucket with nobody among its writers, nor see
            // the permissions of what is in it.
            Action::Create if !me.is_added => changes(&writable_by(wanted, &me.id), present, me, mode),
            _ => changes(wanted, present, me, mode),
        };
        let idle = action == Action::Change && changes.is_nothing();
        let mut notes = Vec::new();
        if changes.is_hidden {
            notes
                .push("its permissions are not visible to you until the write adds you to its `write` list".to_owned());
        }
        if changes.is_beyond {
            let note = "its permissions are not visible to you, since you are not among those who may write it: what the \
                        blueprint says of them is neither compared nor applied";
            notes.push(note.to_owned());
        }
        if action == Action::Change {
            notes.extend(meanings(present, &changes));
        }
        let action = if idle { Action::NoOp } else { action };
        Self { target: wanted.target.clone(), action, last_modified, records: None, changes, notes, is_unseen: false }
    }

    fn unseen(wanted: &Wanted) -> Self {
        let nothing = wanted.attributes.is_empty() && wanted.permissions.is_empty() && wanted.members.is_none();
        let note = "it is not visible to you: its declaration is neither compared nor applied".to_owned();
        Self {
            target: wanted.target.clone(),
            action: Action::NoOp,
            last_modified: None,
            records: None,
            changes: Changes::default(),
            notes: if nothing && wanted.target.piece == Piece::Bucket { Vec::new() } else { vec![note] },
            is_unseen: true,
        }
    }

    pub(crate) fn extra(extra: &Extra) -> Self {
        Self {
            target: extra.target.clone(),
            action: Action::Unmanaged,
            last_modified: Some(extra.last_modified),
            records: extra.records,
            changes: Changes::default(),
            notes: Vec::new(),
            is_unseen: false,
        }
    }

    pub(crate) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// Returns `true` if the step takes a request.
    pub(crate) fn writes(&self) -> bool {
        matches!(self.action, Action::Create | Action::Change | Action::Delete)
    }

    /// Returns true if it sets lists of permissions that cannot be seen.
    pub(crate) fn is_hidden(&self) -> bool {
        self.changes.is_hidden
    }

    /// Returns the attributes to send.
    pub(crate) fn data(&self) -> &Map<String, Value> {
        &self.changes.data
    }

    /// Returns the lists of permissions to send.
    pub(crate) fn lists(&self) -> &Lists {
        &self.changes.lists
    }

    /// Returns the kind of the object: `bucket`, `group` or `collection`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.target.piece.name()
    }

    /// Returns the name of the object: `app` or `app/todo`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.target.name
    }

    /// Returns the path of the object: `/buckets/app/collections/todo`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.target.path
    }

    /// Returns the action of the step.
    #[must_use]
    pub fn action(&self) -> Action {
        self.action
    }

    /// Returns the exact differences of the object, or the contents of a new one.
    #[must_use]
    pub fn differences(&self) -> &[Difference] {
        &self.changes.differences
    }

    /// Returns the version of the object when the plan was computed, or `None` if it did not exist.
    ///
    /// The object must still have this version when the step is applied.
    #[must_use]
    pub fn last_modified(&self) -> Option<Timestamp> {
        self.last_modified
    }

    /// Returns the number of records in a collection that the blueprint does not have.
    #[must_use]
    pub fn records(&self) -> Option<usize> {
        self.records.map(|records| records.count)
    }

    /// Returns further notes, such as parts that are not visible, or the effect of a schema change.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

/// The same, with that principal among those who may write.
fn writable_by(wanted: &Wanted, me: &Principal) -> Wanted {
    let mut wanted = wanted.clone();
    wanted.permissions.entry("write".to_owned()).or_default().insert(me.clone());
    wanted
}

/// Returns the effects of schema changes on the stored records, which were not read.
#[cfg(feature = "schema")]
fn meanings(present: &Present, changes: &Changes) -> Vec<String> {
    let mut meanings = Vec::new();
    for name in ["schema", "record:schema"] {
        let Some(new) = changes.data.get(name) else { continue };
        let Some(old) = present.data.get(name) else {
            meanings
                .push("whether records that are there fit the schema is not known: `find_invalid` tells".to_owned());
            continue;
        };
        let evolution = crate::schema::compare(old, new);
        if evolution.is_breaking() {
            let breaking = evolution.changes.iter().filter(|change| change.breaking);
            meanings.extend(breaking.map(|change| format!("for existing records, {change}")));
            meanings.push("`find_invalid` tells which of them no longer fit, and `migrate` rewrites them".to_owned());
        } else {
            let note = "records that fit the schema it has fit the new one, too; whether all do is not known: `find_invalid` tells";
            meanings.push(note.to_owned());
        }
    }
    meanings
}

#[cfg(not(feature = "schema"))]
fn meanings(_: &Present, _: &Changes) -> Vec<String> {
    Vec::new()
}

impl Present {
    /// Returns the state of an object that does not exist yet.
    fn nothing() -> Self {
        Self { last_modified: Timestamp::from_millis(0), data: Map::new(), permissions: Some(Lists::new()) }
    }
}
