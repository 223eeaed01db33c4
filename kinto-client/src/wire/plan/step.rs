use serde_json::{Map, Value};

use super::{
    Extra, Manner, Piece, Present, Records, Seen, Spot, Writer,
    difference::{Changes, Difference, changes},
};
use crate::wire::{
    blueprint::{Lists, Wanted},
    principal::Principal,
    timestamp::Timestamp,
};

/// What a [`Plan`](crate::Plan) does with one object.
#[derive(Clone, Debug)]
pub struct Step {
    pub(crate) spot: Spot,
    pub(crate) action: Action,
    pub(crate) last_modified: Option<Timestamp>,
    pub(crate) records: Option<Records>,
    pub(super) changes: Changes,
    pub(super) notes: Vec<String>,
    /// The object cannot be seen, if it is there at all.
    pub(crate) is_unseen: bool,
}

/// What is done with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// It is not there, and is created.
    Create,
    /// It is there, and changed.
    Change,
    /// It is as the blueprint says, or nothing can be said of it.
    LeaveAlone,
    /// The blueprint does not have it, and it is left alone: see [`Plan::prune`](crate::Plan::prune).
    Extra,
    /// The blueprint does not have it, and it is deleted, with everything in it.
    Delete,
}

impl Step {
    pub(crate) fn new(wanted: &Wanted, seen: &Seen, me: &Writer, manner: Manner) -> Self {
        let (action, last_modified, present) = match seen {
            Seen::Absent => (Action::Create, None, &Present::nothing()),
            Seen::Hidden => return Self::unseen(wanted),
            Seen::Present(present) => (Action::Change, Some(present.last_modified), present),
        };
        let changes = match action {
            // Where the server does not do it by itself: nobody could write a bucket with nobody among its writers, nor see
            // the permissions of what is in it.
            Action::Create if !me.is_added => changes(&writable_by(wanted, &me.id), present, me, manner),
            _ => changes(wanted, present, me, manner),
        };
        let idle = action == Action::Change && changes.is_nothing();
        let mut notes = Vec::new();
        if changes.is_hidden {
            notes.push("its permissions are not visible to you; they will be, for whoever writes may write".to_owned());
        }
        if changes.is_beyond {
            let note = "its permissions are not visible to you, since you are not among those who may write it: what the \
                        blueprint says of them is neither compared nor applied";
            notes.push(note.to_owned());
        }
        if action == Action::Change {
            notes.extend(meanings(present, &changes));
        }
        let action = if idle { Action::LeaveAlone } else { action };
        Self { spot: wanted.spot.clone(), action, last_modified, records: None, changes, notes, is_unseen: false }
    }

    fn unseen(wanted: &Wanted) -> Self {
        let nothing = wanted.attributes.is_empty() && wanted.permissions.is_empty() && wanted.members.is_none();
        let note = "it is hidden from you: what the blueprint says of it is neither compared nor applied".to_owned();
        Self {
            spot: wanted.spot.clone(),
            action: Action::LeaveAlone,
            last_modified: None,
            records: None,
            changes: Changes::default(),
            notes: if nothing && wanted.spot.piece == Piece::Bucket { Vec::new() } else { vec![note] },
            is_unseen: true,
        }
    }

    pub(crate) fn extra(extra: &Extra) -> Self {
        Self {
            spot: extra.spot.clone(),
            action: Action::Extra,
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

    /// Whether it takes a request.
    pub(crate) fn writes(&self) -> bool {
        matches!(self.action, Action::Create | Action::Change | Action::Delete)
    }

    /// Whether it sets lists of permissions that cannot be seen.
    pub(crate) fn is_hidden(&self) -> bool {
        self.changes.is_hidden
    }

    /// The attributes that have to be sent.
    pub(crate) fn data(&self) -> &Map<String, Value> {
        &self.changes.data
    }

    /// The lists of permissions that have to be sent.
    pub(crate) fn lists(&self) -> &Lists {
        &self.changes.lists
    }

    /// What kind of object it is: `bucket`, `group` or `collection`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.spot.piece.name()
    }

    /// What people call the object: `app` or `app/todo`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.spot.name
    }

    /// Where the object is: `/buckets/app/collections/todo`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.spot.path
    }

    /// What is done with it.
    #[must_use]
    pub fn action(&self) -> Action {
        self.action
    }

    /// What exactly is changed, or, of a new object, what it has.
    #[must_use]
    pub fn differences(&self) -> &[Difference] {
        &self.changes.differences
    }

    /// The version of the object that the step was made from, and that it must still have when the step is applied.
    /// `None` if there was none.
    #[must_use]
    pub fn last_modified(&self) -> Option<Timestamp> {
        self.last_modified
    }

    /// How many records a collection has that the blueprint does not have.
    #[must_use]
    pub fn records(&self) -> Option<usize> {
        self.records.map(|records| records.count)
    }

    /// What there is to know besides: what could not be seen, what a change of a schema means.
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

/// What changes of schemas mean for the records that are there, which were not looked at.
#[cfg(feature = "schema")]
fn meanings(present: &Present, changes: &Changes) -> Vec<String> {
    let mut meanings = Vec::new();
    for name in ["schema", "record:schema"] {
        let Some(new) = changes.data.get(name) else { continue };
        let Some(old) = present.data.get(name) else {
            meanings.push("whether records that are there fit the schema is not known: `misfits` tells".to_owned());
            continue;
        };
        let evolution = crate::wire::schema::compare(old, new);
        if evolution.is_breaking() {
            let breaking = evolution.changes.iter().filter(|change| change.breaking);
            meanings.extend(breaking.map(|change| format!("for records that are there, {change}")));
            meanings.push("`misfits` tells which of them no longer fit, and `migrate` rewrites them".to_owned());
        } else {
            let note =
                "records that fit the schema it has fit the new one, too; whether all do is not known: `misfits` tells";
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
    /// What an object is before it is created.
    fn nothing() -> Self {
        Self { last_modified: Timestamp::from_millis(0), data: Map::new(), permissions: Some(Lists::new()) }
    }
}
