//! The rules as a table: what becomes of a record that both sides may have changed.

use std::collections::BTreeMap;

use kinto_client::{Value, json, local::ConflictPolicy};

/// The data of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Task {
    pub(super) title: &'static str,
    pub(super) done: bool,
}

pub(super) const BASE: Task = Task { title: "base", done: false };

/// The states that a record comes to on either side, from one that both have and from none.
pub(super) const FROM_BASE: [Option<Task>; 6] = [
    Some(BASE),
    Some(Task { title: "one", ..BASE }),
    Some(Task { title: "other", ..BASE }),
    Some(Task { done: true, ..BASE }),
    Some(Task { title: "other", done: true }),
    None,
];
pub(super) const FROM_NONE: [Option<Task>; 3] = [None, Some(BASE), Some(Task { title: "other", done: true })];

impl Task {
    pub(super) fn json(self) -> Value {
        json!({"done": self.done, "title": self.title})
    }
}

/// The states of a record: as both sides had it, here, and on the server.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) id: String,
    pub(super) base: Option<Task>,
    pub(super) local: Option<Task>,
    pub(super) remote: Option<Task>,
    pub(super) in_conflict: bool,
}

/// The lists of a report, as numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) received: usize,
    pub(super) deleted: usize,
    pub(super) sent: usize,
    pub(super) conflicts: usize,
}

/// A result of merging: the data, and the paths of the fields that both sides changed differently.
type Merge = (Option<Task>, Vec<&'static str>);

impl State {
    /// A field that one side changed has its value; a record that one side deleted and the other changed, or that both
    /// created, is one value.
    fn merged(&self, prefers_remote: bool) -> Merge {
        let Self { base, local, remote, .. } = self;
        if local == remote || base == local {
            return (*remote, Vec::new());
        }
        if base == remote {
            return (*local, Vec::new());
        }
        let preferred = if prefers_remote { *remote } else { *local };
        let (Some(base), Some(local), Some(remote)) = (base, local, remote) else { return (preferred, vec![""]) };
        // Both sides changed it. A boolean cannot be changed to two values.
        let done = if base.done == local.done { remote.done } else { local.done };
        if base.title != local.title && base.title != remote.title && local.title != remote.title {
            return (preferred.map(|task| Task { done, ..task }), vec!["title"]);
        }
        let title = if base.title == local.title { remote.title } else { local.title };
        (Some(Task { title, done }), Vec::new())
    }

    /// The paths of the fields in conflict.
    pub(super) fn collisions(&self) -> Vec<&'static str> {
        self.merged(false).1
    }

    fn apply(&mut self, policy: ConflictPolicy, counts: &mut Counts) {
        if self.in_conflict {
            return;
        }
        let (merged, collisions) = self.merged(policy == ConflictPolicy::PreferRemote);
        if policy == ConflictPolicy::Manual && !collisions.is_empty() {
            self.in_conflict = true;
            counts.conflicts += 1;
            return;
        }
        if merged != self.local {
            match merged {
                Some(_) => counts.received += 1,
                None => counts.deleted += 1,
            }
        }
        (self.base, self.local) = (self.remote, merged);
    }

    pub(super) fn pull(&mut self, policy: ConflictPolicy, counts: &mut Counts) {
        if self.base != self.remote {
            self.apply(policy, counts);
        }
    }

    pub(super) fn push(&mut self, policy: ConflictPolicy, counts: &mut Counts) {
        if self.in_conflict || self.local == self.base {
            return;
        }
        let is_gone = self.local.is_none() && self.remote.is_none();
        if self.base != self.remote && !is_gone {
            // The precondition fails, and what the server has is applied. That is no part of what a push reports.
            let mut applied = Counts::default();
            self.apply(policy, &mut applied);
            counts.conflicts += applied.conflicts;
            if self.in_conflict || self.local == self.base {
                return;
            }
        }
        (self.base, self.remote) = (self.local, self.local);
        counts.sent += 1;
    }
}

/// A synchronization of all records.
pub(super) fn sync(states: &mut [State], policy: ConflictPolicy, counts: &mut Counts) {
    let before = counts.sent;
    for state in states.iter_mut() {
        state.pull(policy, counts);
    }
    for state in states.iter_mut() {
        state.push(policy, counts);
    }
    if counts.sent > before {
        for state in states.iter_mut() {
            state.pull(policy, counts);
        }
    }
}

/// All records on one side.
pub(super) fn side(states: &[State], of: fn(&State) -> Option<Task>) -> BTreeMap<String, Value> {
    states.iter().filter_map(|state| Some((state.id.clone(), of(state)?.json()))).collect()
}
