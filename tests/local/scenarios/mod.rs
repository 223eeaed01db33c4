//! The scenarios of the suite of kinto.js for synchronizations, generated, with the results that follow from the rules.
//!
//! That suite has 198 checks: incoming conflicts, outgoing ones, and outgoing ones against a deletion, with each strategy, the
//! next synchronization, and each list of the report. Here, each state of a record here is combined with each on the server, with
//! the place at which they meet and with each policy; after each of three synchronizations, the report, both sides, the
//! conflicts and the problems are compared with the rules.
//!
//! | kinto.js | here |
//! |---|---|
//! | incoming, outgoing | [`Meeting::Pull`], [`Meeting::Push`] |
//! | `MANUAL`, `CLIENT_WINS`, `SERVER_WINS` | [`ConflictPolicy`] |
//! | `PULL_ONLY` | [`Meeting::PullOnly`] |
//! | `ok`, `errors` | there are no conflicts, no problems |
//! | `created`, `updated`; `deleted`; `published` | `received`; `deleted`; `sent` |
//! | `conflicts`, `resolved` | [`LocalCollection::conflicts`], both sides |
//! | `lastModified` | the next synchronization changes nothing |
//!
//! # Differences that are ours on purpose
//!
//! - Edits of different fields are merged, in place of a conflict of the record. A policy decides about fields that both sides
//!   changed, and not about records.
//! - `PULL_ONLY` replaces what is here with what the server has. `pull` merges, keeps what was changed here, and applies the policy.
//! - A conflict is listed once by the report, and by `conflicts()` until it is resolved. The report of the next
//!   synchronization says nothing of it, and the position goes on.
//! - There is no `skipped` ("void"): a record that both sides deleted is gone, and both sides agree. A deletion that is sent
//!   and met by none is counted as sent.
//! - The kind of a conflict, incoming or outgoing, is not told: it is the same to a user.
//! - A conflict with a deletion keeps the body of the other side.
//! - A flush is an error before anything is sent, and not a conflict of each record.
//!
//! Transformers are not there yet. Dumps, and schemas for ids, have no counterpart. Chunks of batches, pages, refusals, flushes
//! and servers that ask for time have tests of their own: `faults.rs`, `outgoing.rs`, `reconcile.rs`.

mod rules;

use kinto_client::{
    Value,
    local::{ConflictPolicy, LocalCollection, SyncReport},
};
use kinto_tests::Outcome;

use crate::world::{World, all};
use rules::{BASE, Counts, FROM_BASE, FROM_NONE, State, Task, side};

const POLICIES: [ConflictPolicy; 3] =
    [ConflictPolicy::Manual, ConflictPolicy::PreferLocal, ConflictPolicy::PreferRemote];

/// The place at which the changes of both sides meet: the call that is made first. `sync` comes after it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Meeting {
    Pull,
    Push,
    PullOnly,
}

const MEETINGS: [Meeting; 3] = [Meeting::Pull, Meeting::Push, Meeting::PullOnly];

/// The records: each combination of what can become of it here and on the server.
fn states() -> Vec<State> {
    let mut states = Vec::new();
    for (base, changes) in [(Some(BASE), FROM_BASE.as_slice()), (None, &FROM_NONE)] {
        for local in changes {
            for remote in changes {
                let id = format!("record-{:02}", states.len());
                states.push(State { id, base, local: *local, remote: *remote, in_conflict: false });
            }
        }
    }
    states
}

async fn set(notes: &LocalCollection<Value>, id: &str, before: Option<Task>, after: Option<Task>) {
    match (before, after) {
        _ if before == after => {}
        (_, Some(task)) => drop(notes.overwrite_record(id, task.json()).await.unwrap()),
        (_, None) => drop(notes.delete_record(id).await.unwrap()),
    }
}

async fn set_remote(world: &World, id: &str, before: Option<Task>, after: Option<Task>) {
    match (before, after) {
        _ if before == after => {}
        (_, Some(task)) => drop(world.remote.overwrite_record(id, task.json()).await.unwrap()),
        (_, None) => drop(world.remote.delete_record(id).await.unwrap()),
    }
}

fn counts(report: SyncReport) -> Counts {
    assert_eq!(report.refused, 0);
    Counts { received: report.received, deleted: report.deleted, sent: report.sent, conflicts: report.conflicts }
}

async fn compare(world: &World, notes: &LocalCollection<Value>, states: &[State], of: &str) {
    assert_eq!(all(notes).await, side(states, |state| state.local), "here, {of}");
    assert_eq!(world.stored().await, side(states, |state| state.remote), "on the server, {of}");
    assert_eq!(notes.problems().await.unwrap(), [], "{of}");
    let expected: Vec<&State> = states.iter().filter(|state| state.in_conflict).collect();
    let conflicts = notes.conflicts().await.unwrap();
    assert_eq!(conflicts.len(), expected.len(), "{of}");
    for (conflict, state) in conflicts.iter().zip(expected) {
        let json = |task: Option<Task>| task.map(Task::json);
        let paths: Vec<&str> = conflict.fields.iter().map(|field| field.path.as_str()).collect();
        assert_eq!((conflict.id.as_str(), paths), (state.id.as_str(), state.collisions()), "{of}");
        for (version, task) in
            [(&conflict.base, state.base), (&conflict.local, state.local), (&conflict.remote, state.remote)]
        {
            assert_eq!(version.as_ref().map(|record| record.data.clone()), json(task), "{of}");
        }
    }
}

/// Runs one scenario: these records, met by this call, under this policy. Returns the number of synchronizations that were
/// compared.
async fn run(world: &World, states: &mut [State], meeting: Meeting, policy: ConflictPolicy) -> usize {
    let of = format!("{meeting:?}, {policy:?}, {states:?}");
    let notes = world.device().await.on_conflict(policy);
    for state in &*states {
        set(&notes, &state.id, None, state.base).await;
    }
    notes.sync().await.unwrap();
    for state in &*states {
        set(&notes, &state.id, state.base, state.local).await;
        set_remote(world, &state.id, state.base, state.remote).await;
    }

    let mut expected = Counts::default();
    let report = match meeting {
        Meeting::Pull => {
            rules::sync(states, policy, &mut expected);
            notes.sync().await.unwrap()
        }
        Meeting::Push => {
            for state in states.iter_mut() {
                state.push(policy, &mut expected);
            }
            notes.push().await.unwrap()
        }
        Meeting::PullOnly => {
            for state in states.iter_mut() {
                state.pull(policy, &mut expected);
            }
            notes.pull().await.unwrap()
        }
    };
    assert_eq!(counts(report), expected, "first, {of}");
    compare(world, &notes, states, &of).await;
    for time in ["second", "third"] {
        let mut expected = Counts::default();
        rules::sync(states, policy, &mut expected);
        assert_eq!(counts(notes.sync().await.unwrap()), expected, "{time}, {of}");
        compare(world, &notes, states, &of).await;
        assert!(time == "second" || expected == Counts::default());
    }
    3 + resolve(world, &notes, states, policy, &of).await
}

/// Resolves one conflict by what is here, which is sent then, and leaves the others.
async fn resolve(
    world: &World,
    notes: &LocalCollection<Value>,
    states: &mut [State],
    policy: ConflictPolicy,
    of: &str,
) -> usize {
    let Some(state) = states.iter_mut().find(|state| state.in_conflict) else { return 0 };
    notes.resolve_conflict(state.id.as_str(), state.local.map(Task::json)).await.unwrap();
    (state.base, state.in_conflict) = (state.remote, false);
    let mut expected = Counts::default();
    rules::sync(states, policy, &mut expected);
    assert_eq!((expected.sent, expected.received), (1, 0));
    assert_eq!(counts(notes.sync().await.unwrap()), expected, "resolved, {of}");
    compare(world, notes, states, of).await;
    1
}

#[tokio::test]
async fn each_scenario_has_the_result_of_the_rules() -> Outcome {
    let (mut scenarios, mut synchronizations) = (0, 0);
    let world = World::testing().await;
    for meeting in MEETINGS {
        for policy in POLICIES {
            for state in states() {
                world.flush().await;
                synchronizations += run(&world, &mut [state], meeting, policy).await;
                scenarios += 1;
            }
        }
    }
    println!("{scenarios} scenarios, {synchronizations} synchronizations");
    assert_eq!(scenarios, 405);
    Ok(())
}

/// All records at once, which must not disturb each other; with each policy if `KINTO_TEST_LONG=1`.
async fn all_at_once(world: World) -> Outcome {
    let is_long = std::env::var("KINTO_TEST_LONG").is_ok_and(|value| value == "1");
    for meeting in MEETINGS {
        for policy in POLICIES.into_iter().take(if is_long { POLICIES.len() } else { 1 }) {
            world.flush().await;
            run(&world, &mut states(), meeting, policy).await;
        }
    }
    Ok(())
}

crate::world::on_each_server!(all_at_once);
