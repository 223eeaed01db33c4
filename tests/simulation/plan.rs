//! The plan of a run: the operations of each task, and the world that they run in.

use std::fmt;

use kinto_tests::Chance;

/// The number of tasks.
pub(crate) const TASKS: u64 = 5;
/// The number of records that all tasks share.
pub(crate) const SHARED: u64 = 3;

/// The way in which the tasks reach the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum World {
    /// They are in one program; the server's processes compare before they lock.
    OneProgram,
    /// They are in two programs; the server has one process.
    TwoPrograms,
    /// They are in two programs, and all that they write to shared records is fenced; the server's processes compare before
    /// they lock.
    Fenced,
}

/// One operation of one task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) task: u64,
    pub(crate) action: Action,
    /// The record or the object that it is about.
    pub(crate) on: u64,
    /// The number that decides everything else of it.
    pub(crate) chance: u64,
}

/// The operation of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Update,
    Save,
    Edit,
    Patch,
    MergePatch,
    JsonPatch,
    Create,
    Delete,
    CreateMany,
    SaveMany,
    Batch,
    Claim,
    Grant,
    Join,
    List,
    StreamAndSave,
    UpdateMany,
    CreateFrom,
    Abandon,
}

const ACTIONS: [Action; 19] = [
    Action::Update,
    Action::Save,
    Action::Edit,
    Action::Patch,
    Action::MergePatch,
    Action::JsonPatch,
    Action::Create,
    Action::Delete,
    Action::CreateMany,
    Action::SaveMany,
    Action::Batch,
    Action::Claim,
    Action::Grant,
    Action::Join,
    Action::List,
    Action::StreamAndSave,
    Action::UpdateMany,
    Action::CreateFrom,
    Action::Abandon,
];

/// A whole run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) world: World,
    /// One request in so many has a fault.
    pub(crate) faults: u64,
    pub(crate) steps: Vec<Step>,
}

impl Plan {
    pub(crate) fn of(seed: u64) -> Self {
        let mut chance = Chance::new(seed, 1);
        let world = [World::OneProgram, World::OneProgram, World::TwoPrograms, World::Fenced][chance.place(4)];
        let faults = [4, 10, 30, u64::MAX][chance.place(4)];
        let steps = 10 + chance.below(90);
        let step = |_| Step {
            task: chance.below(TASKS),
            action: ACTIONS[chance.place(ACTIONS.len())],
            on: chance.below(SHARED),
            chance: chance.below(u64::MAX),
        };
        Self { world, faults, steps: (0..steps).map(step).collect() }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}, one request in {} with a fault", self.world, self.faults)?;
        self.steps.iter().try_for_each(|step| writeln!(f, "  task {}: {:?} on {}", step.task, step.action, step.on))
    }
}
