//! Calls and streams without async code: on every thread that may wait, and on no other.

use std::time::Duration;

use kinto_client::{Collection, Error, Timestamp, Value, json};
use kinto_tests::{Fixture, Outcome};
use tokio::runtime::{Builder, Runtime};

use super::todos_with;
use crate::predicates;

/// All blocking forms once, in a collection with three records.
fn everything(todos: &Collection) -> Result<(), Error> {
    let records = || todos.get_records::<Value>().page_size(2);
    assert_eq!(records().call()?.len(), 3);
    assert_eq!(records().iter().collect::<Result<Vec<_>, _>>()?.len(), 3);
    let sizes = records().pages_iter().map(|page| Ok(page?.items.len())).collect::<Result<Vec<_>, Error>>()?;
    assert_eq!(sizes, [2, 1]);
    let changes = || todos.changes_since::<Value>(Timestamp::from_millis(1));
    assert_eq!(changes().iter().collect::<Result<Vec<_>, _>>()?.len(), 3);
    let watched = changes().watch_iter(Duration::from_millis(1)).take(3);
    assert_eq!(watched.collect::<Result<Vec<_>, _>>()?.len(), 3);
    let client = todos.client();
    assert_eq!(client.server_info().call()?.settings, client.fetch_server_info().call()?.settings);
    assert!(client.user().call()?.is_some());
    // A call within a call: the closure runs on the thread that waits.
    let updated =
        todos.update_record("n0", |data: &mut Value| data["count"] = records().count().call().unwrap().into());
    assert_eq!(updated.call()?.data["count"], 3);
    Ok(())
}

/// None of them works; each says so once.
fn nothing(todos: &Collection) {
    let records = || todos.get_records::<Value>();
    let changes = || todos.changes_since::<Value>(Timestamp::from_millis(1));
    let client = todos.client();
    let once = |mut items: Vec<Option<Error>>| {
        assert_eq!(items.len(), 1, "{items:?}");
        items.remove(0).expect("an error")
    };
    for error in [
        records().call().unwrap_err(),
        client.user().call().unwrap_err(),
        client.server_info().call().unwrap_err(),
        client.fetch_server_info().call().unwrap_err(),
        once(records().iter().map(Result::err).collect()),
        once(records().pages_iter().map(Result::err).collect()),
        once(changes().iter().map(Result::err).collect()),
        once(changes().watch_iter(Duration::from_millis(1)).map(Result::err).collect()),
    ] {
        assert_eq!(predicates(&error), ["invalid"], "{error}");
        assert!(error.to_string().contains(".await") && error.to_string().contains("spawn_blocking"), "{error}");
    }
}

/// On a runtime of its own, in which nothing else runs.
fn fixture() -> Result<(Runtime, Fixture, Collection), Box<dyn std::error::Error>> {
    let runtime = Runtime::new()?;
    let fixture = runtime.block_on(Fixture::new());
    runtime.block_on(fixture.fill((0..3).map(|n| (format!("n{n}"), json!({"n": n})))));
    let todos = todos_with(&fixture, 32);
    Ok((runtime, fixture, todos))
}

fn both_runtimes() -> Result<[Runtime; 2], std::io::Error> {
    Ok([Builder::new_current_thread().enable_all().build()?, Builder::new_multi_thread().enable_all().build()?])
}

#[test]
fn blocking_call_works_on_every_thread_that_may_wait() -> Outcome {
    let (_runtime, _scene, todos) = fixture()?;
    everything(&todos)?;
    for runtime in both_runtimes()? {
        {
            let _entered = runtime.enter();
            everything(&todos)?;
        }
        let on_blocking = todos.clone();
        runtime.block_on(async { tokio::task::spawn_blocking(move || everything(&on_blocking)).await })??;
    }
    let [_, multi_thread] = both_runtimes()?;
    // `block_in_place` directly below `block_on`, in a task, and within itself.
    multi_thread.block_on(async { tokio::task::block_in_place(|| everything(&todos)) })?;
    let in_task = todos.clone();
    let task = multi_thread.spawn(async move {
        tokio::task::block_in_place(|| everything(&in_task))?;
        nothing(&in_task);
        tokio::task::block_in_place(|| tokio::task::block_in_place(|| everything(&in_task)))
    });
    multi_thread.block_on(task)??;
    Ok(())
}

#[test]
fn blocking_call_is_refused_in_async_code() -> Outcome {
    let (_runtime, fixture, todos) = fixture()?;
    fixture.sent.forget();
    for runtime in both_runtimes()? {
        runtime.block_on(async { nothing(&todos) });
        let in_task = todos.clone();
        runtime.block_on(runtime.spawn(async move { nothing(&in_task) }))?;
        let in_local = todos.clone();
        let local = tokio::task::LocalSet::new();
        local.spawn_local(async move { nothing(&in_local) });
        runtime.block_on(local);
    }
    Ok(())
}
