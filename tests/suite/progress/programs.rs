//! Random programs of streams, buffers, selects, joins, pauses, drops and timeouts: each ends, and leaves nothing behind.

use std::{
    env,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Waker},
    time::{Duration, Instant},
};

use futures_util::{
    FutureExt as _, StreamExt as _,
    future::{BoxFuture, join_all, select_all},
    stream,
};
use kinto_client::{Client, Collection, Error, ErrorKind, Value, json, retry::ExponentialBackoff};
use kinto_tests::{Canned, Outcome};
use tokio::runtime::{Builder, Handle, Runtime};

/// How long one call may take, and how long a program.
const CALL: Duration = Duration::from_secs(20);
const PROGRAM: Duration = Duration::from_secs(90);

/// Numbers that are the same for the same seed.
#[derive(Clone)]
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::from((self.0 >> 48) as u16) % end
    }
}

#[derive(Clone, Debug)]
enum Step {
    Get(usize),
    Update(usize),
    Patch(usize),
    Save(usize),
    Grow(usize),
    SaveAll,
    Count,
    Settings,
    Clear,
    Pause(Duration),
    /// Reads the list as a stream, with this done after each record; stops after so many.
    Stream(usize, Vec<Step>, usize),
    /// Reads it from both ends.
    Parallel,
    /// So many of these at a time, with this done after each.
    Buffer(usize, Vec<Step>, Vec<Step>),
    Join(Vec<Step>),
    Select(Vec<Step>),
    Spawn(Box<Step>),
    Timeout(Duration, Box<Step>),
    /// Polls it so often, does the rest, and then ends it or drops it.
    Hold(Box<Step>, usize, Vec<Step>, bool),
}

fn milliseconds(number: usize) -> Duration {
    Duration::from_millis(u64::try_from(number).expect("a few"))
}

fn steps(chance: &mut Chance, depth: usize, most: usize) -> Vec<Step> {
    (0..=chance.below(most)).map(|_| step(chance, depth)).collect()
}

fn step(chance: &mut Chance, depth: usize) -> Step {
    let kinds = if depth == 0 { 10 } else { 20 };
    let record = chance.below(6);
    match chance.below(kinds) {
        0 => Step::Get(record),
        1 | 2 => Step::Update(record),
        3 => Step::Patch(record),
        4 => Step::Save(record),
        5 => Step::Grow(chance.below(4)),
        6 => Step::SaveAll,
        7 => Step::Count,
        8 => {
            if chance.below(4) == 0 {
                Step::Clear
            } else {
                Step::Settings
            }
        }
        9 => Step::Pause(milliseconds(if chance.below(12) == 0 { 130 } else { chance.below(4) })),
        10 | 11 => Step::Stream(1 + chance.below(3), steps(chance, depth - 1, 2), 1 + chance.below(8)),
        12 => Step::Parallel,
        13 | 14 => {
            let width = 1 + chance.below(4);
            Step::Buffer(width, steps(chance, depth - 1, 5), steps(chance, depth - 1, 2))
        }
        15 => Step::Join(steps(chance, depth - 1, 4)),
        16 => Step::Select(steps(chance, depth - 1, 3)),
        17 => Step::Spawn(step(chance, depth - 1).into()),
        18 => Step::Timeout(milliseconds(chance.below(6)), step(chance, depth - 1).into()),
        _ => {
            let held = step(chance, depth - 1).into();
            Step::Hold(held, 1 + chance.below(4), steps(chance, depth - 1, 2), chance.below(3) > 0)
        }
    }
}

/// Which record a number stands for: some are answered late, or not at all.
fn id(record: usize) -> String {
    match record {
        4 => "slow".to_owned(),
        5 => "cut".to_owned(),
        record => format!("r{record}"),
    }
}

/// What may go wrong, since others write and connections are cut; nothing waits for another step in vain.
fn check<T>(result: Result<T, Error>) -> Option<T> {
    match result {
        Ok(output) => Some(output),
        Err(error) => {
            let fine =
                |error: &Error| matches!(error.kind(), ErrorKind::Conflict | ErrorKind::NotFound | ErrorKind::Connect);
            let all_fine = error.is_partial() && error.failures().iter().all(|(_, error)| fine(error));
            assert!(fine(&error) || all_fine, "{error}");
            None
        }
    }
}

/// How many steps one program takes at most: loops in loops would be many.
const STEPS: usize = 150;

/// What a program has: a collection, and how many steps it may still take.
#[derive(Clone)]
struct Scope {
    todos: Collection,
    left: Arc<AtomicUsize>,
}

fn run(scope: Scope, step: Step) -> BoxFuture<'static, ()> {
    async move {
        if scope.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_err() {
            return;
        }
        let todos = &scope.todos;
        match step {
            Step::Get(record) => drop(check(todos.get_record::<Value>(id(record)).await)),
            Step::Update(record) => {
                let change = |data: &mut Value| data["n"] = (data["n"].as_u64().unwrap_or(0) + 1).into();
                let updated = todos.update_record(id(record), change).await;
                let contended = |error: &Error| error.is_conflict() && record != 5 && !error.may_have_been_applied();
                // They may be deleted or saved by others meanwhile, but never come too late twenty times. A request that
                // was dropped on its way can have made the same change, which is in doubt.
                assert!(!updated.as_ref().is_err_and(contended), "{updated:?}");
                check(updated);
            }
            Step::Patch(record) => drop(check(todos.patch_record::<Value>(id(record), json!({"p": 1})).await)),
            Step::Save(record) => {
                if let Some(mut found) = check(todos.get_record::<Value>(id(record)).await) {
                    found.data["saved"] = (found.data["saved"].as_u64().unwrap_or(0) + 1).into();
                    check(todos.save_record(&mut found).await);
                }
            }
            Step::Grow(records) => drop(check(todos.create_records((0..=records).map(|n| json!({"grown": n}))).await)),
            Step::SaveAll => {
                if let Some(all) = check(todos.get_records::<Value>().limit(3).await) {
                    let mut all: Vec<_> = all.into_iter().collect();
                    for record in &mut all {
                        record.data["all"] = 1.into();
                    }
                    check(todos.save_records(&mut all).await);
                }
            }
            Step::Count => drop(check(todos.get_records::<Value>().count().await)),
            Step::Settings => drop(check(todos.client().server_info().await)),
            Step::Clear => drop(check(todos.delete_all_records().await)),
            Step::Pause(pause) => tokio::time::sleep(pause).await,
            Step::Parallel => drop(check(todos.get_records::<Value>().page_size(2).parallel().await)),
            Step::Stream(page, body, most) => {
                let mut records =
                    todos.get_records::<Value>().page_size(u32::try_from(page).expect("a few")).stream().take(most);
                while let Some(record) = records.next().await {
                    check(record);
                    all(&scope, body.clone()).await;
                }
            }
            Step::Buffer(width, calls, body) => {
                let mut calls = stream::iter(calls).map(|call| run(scope.clone(), call)).buffer_unordered(width);
                while calls.next().await.is_some() {
                    all(&scope, body.clone()).await;
                }
            }
            Step::Join(steps) => drop(join_all(steps.into_iter().map(|step| run(scope.clone(), step))).await),
            Step::Select(steps) => drop(select_all(steps.into_iter().map(|step| run(scope.clone(), step))).await),
            Step::Spawn(step) => tokio::spawn(run(scope, *step)).await.expect("no panic"),
            Step::Timeout(limit, step) => {
                let _ = tokio::time::timeout(limit, run(scope, *step)).await;
            }
            Step::Hold(held, polls, body, ends) => {
                let mut held = pin!(run(scope.clone(), *held));
                let mut over = false;
                for _ in 0..polls {
                    over = over || held.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
                    tokio::task::yield_now().await;
                }
                all(&scope, body).await;
                if ends && !over {
                    held.await;
                }
            }
        }
    }
    .boxed()
}

async fn all(scope: &Scope, steps: Vec<Step>) {
    for step in steps {
        run(scope.clone(), step).await;
    }
}

fn runtime(chance: usize) -> Runtime {
    let mut builder = if chance == 0 { Builder::new_multi_thread() } else { Builder::new_current_thread() };
    builder.worker_threads(2).enable_all().build().expect("a runtime")
}

fn program(server: &Canned, seed: u64) {
    let mut chance = Chance(seed ^ 0x9e37_79b9_7f4a_7c15);
    let places = match seed % 3 {
        0 => 1,
        1 => 2,
        _ => 32,
    };
    let program = steps(&mut chance, 3, 5);
    let runtime = runtime(chance.below(3));
    server.clear();
    let ended = runtime.block_on(async {
        let short = Duration::from_millis(1);
        let retry = ExponentialBackoff::default().first_delay(short).max_delay(short);
        let client = Client::builder(server.url()).timeout(CALL).retry(retry).max_concurrent_requests(places);
        let client = client.build().expect("a client");
        let todos = client.bucket("b").collection("c");
        for record in 0..5 {
            todos.overwrite_record(id(record), json!({"n": 0})).await.expect("a record");
        }
        let scope = Scope { todos: todos.clone(), left: Arc::new(STEPS.into()) };
        let start = Instant::now();
        let ended = tokio::time::timeout(PROGRAM, all(&scope, program.clone())).await.is_ok();
        assert!(ended, "{places} places, seed {seed}, after {:?}: {program:#?}", start.elapsed());
        // All places are free: so many requests can be there at the same time.
        server.meet(places);
        let meeting = (0..places).map(|_| todos.get_record::<Value>("meeting").optional().timeout(CALL).into_future());
        let met = join_all(meeting).await;
        assert!(met.iter().all(Result::is_ok), "{places} places, seed {seed}: {met:?} {program:#?}");
        // No turn is taken: nothing is being written in the bucket that is deleted.
        let deleted = client.bucket("b").delete().if_exists().timeout(CALL).await;
        assert!(deleted.is_ok(), "{places} places, seed {seed}: {deleted:?} {program:#?}");
        drop((client, todos, scope));
        let clean = async {
            while Handle::current().metrics().num_alive_tasks() > 0 || server.connections() > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(CALL, clean).await.is_ok()
    });
    let (tasks, connections) = (runtime.metrics().num_alive_tasks(), server.connections());
    assert!(ended, "{places} places, seed {seed}: {tasks} tasks, {connections} connections left of {program:#?}");
}

/// `KINTO_TEST_PROGRAMS` says how many instead of 200; `KINTO_TEST_SEED` is the first of them.
#[test]
fn every_program_ends_and_leaves_nothing_behind() -> Outcome {
    let number = |name: &str, otherwise: u64| match env::var(name) {
        Ok(number) if !number.is_empty() => number.parse(),
        _ => Ok(otherwise),
    };
    let (programs, first) = (number("KINTO_TEST_PROGRAMS", 200)?, number("KINTO_TEST_SEED", 0)?);
    let next = AtomicU64::new(first);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let server = Canned::start();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + programs {
                        return;
                    }
                    program(&server, seed);
                }
            });
        }
    });
    Ok(())
}
