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
    /// They are devices with stores of their own; the server has one process.
    Devices,
    /// They are devices with stores of their own, whose writes are fenced.
    FencedDevices,
}

impl World {
    pub(crate) fn has_devices(self) -> bool {
        matches!(self, Self::Devices | Self::FencedDevices)
    }
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
    /// Of a device: a change of what it has.
    EditLocally,
    Synchronize,
    SynchronizeTwice,
    EditMeanwhile,
    Stop,
    Disconnect,
    Connect,
    Pause,
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

const DEVICE_ACTIONS: [Action; 16] = [
    Action::EditLocally,
    Action::EditLocally,
    Action::EditLocally,
    Action::EditLocally,
    Action::EditLocally,
    Action::EditLocally,
    Action::Synchronize,
    Action::Synchronize,
    Action::SynchronizeTwice,
    Action::EditMeanwhile,
    Action::EditMeanwhile,
    Action::Stop,
    Action::Disconnect,
    Action::Connect,
    Action::Connect,
    Action::Pause,
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
        let world = chance.pick(&[
            World::OneProgram,
            World::OneProgram,
            World::TwoPrograms,
            World::Fenced,
            World::Devices,
            World::FencedDevices,
        ]);
        let actions = if world.has_devices() { &DEVICE_ACTIONS[..] } else { &ACTIONS[..] };
        let faults = [4, 10, 30, u64::MAX][chance.place(4)];
        let steps = 10 + chance.below(90);
        let step = |_| Step {
            task: chance.below(TASKS),
            action: chance.pick(actions),
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
