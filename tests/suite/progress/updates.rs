//! Updates of one record at once are exact and fair, whether or not all of their callers are polled.

use std::{
    pin::pin,
    task::{Context, Waker},
    time::Duration,
};

use futures_util::future::{join_all, try_join_all};
use kinto_client::{Collection, Value, json};
use kinto_server::Backend;
use kinto_tests::{Fault, Fixture, Gate, Outcome, Proxy, in_order, on_each_backend, server_on};
use tokio::time::Instant;

use super::ends;

const UPDATES: usize = 200;

fn count(data: &mut Value) {
    data["n"] = (data["n"].as_u64().unwrap() + 1).into();
}

async fn counter(fixture: &Fixture) -> Collection {
    fixture.plain.put_data(&fixture.record("counter"), &json!({"n": 0})).await;
    fixture.todos_of(&fixture.client_at(fixture.url()).build().expect("a client"))
}

async fn two_hundred_updates_at_once_are_exact_and_fair(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    counter(&fixture).await;
    // The time limit of a call includes its wait for the others.
    let patient = fixture.client_at(fixture.url()).timeout(Duration::from_secs(600)).build()?;
    let todos = fixture.todos_of(&patient);
    let start = Instant::now();
    let update = async |_| {
        todos.update_record("counter", count).await?;
        Ok::<_, kinto_client::Error>(start.elapsed())
    };
    let mut times = ends("the updates", try_join_all((0..UPDATES).map(update))).await?;
    times.sort_unstable();
    assert_eq!(fixture.plain.held(&fixture.record("counter")).await["n"], UPDATES);
    let (median, slowest) = (times[UPDATES / 2], times[UPDATES - 1]);
    assert!(slowest <= median * 5, "the median is {median:?}, the slowest {slowest:?}");
    Ok(())
}

on_each_backend!(two_hundred_updates_at_once_are_exact_and_fair);

#[tokio::test]
async fn update_that_is_not_polled_after_it_began_holds_up_nobody() -> Outcome {
    let fixture = Fixture::new().await;
    let todos = counter(&fixture).await;
    let mut sleeper = pin!(todos.update_record("counter", count).into_future());
    let mut context = Context::from_waker(Waker::noop());
    assert!(sleeper.as_mut().poll(&mut context).is_pending());
    go_on_beside(&fixture, &todos).await?;
    ends("the one that was not polled", sleeper).await?;
    assert_eq!(fixture.plain.held(&fixture.record("counter")).await, json!({"n": 21, "patched": true}));
    Ok(())
}

#[tokio::test]
async fn update_that_is_not_polled_after_it_read_holds_up_nobody() -> Outcome {
    let fixture = Fixture::new().await;
    counter(&fixture).await;
    let gate = Gate::default();
    let proxy = Proxy::start(fixture.url(), in_order([Fault::HoldAnswer(gate.clone())])).await;
    let todos = fixture.todos_through(&proxy);
    let mut sleeper = pin!(todos.update_record("counter", count).into_future());
    tokio::select! {
        _ = &mut sleeper => panic!("it ended before it had read anything"),
        () = gate.arrival() => {}
    }
    gate.open();
    go_on_beside(&fixture, &todos).await?;
    ends("the one that was not polled", sleeper).await?;
    assert_eq!(fixture.plain.held(&fixture.record("counter")).await, json!({"n": 21, "patched": true}));
    let puts = proxy.lines().iter().filter(|line| line.starts_with("PUT")).count();
    assert!(puts >= 22, "one was too late, and tried again: {puts}");
    Ok(())
}

/// Others write the record meanwhile.
async fn go_on_beside(fixture: &Fixture, todos: &Collection) -> Outcome {
    let others = join_all((0..20).map(|_| todos.update_record("counter", count).into_future()));
    for updated in ends("the others", others).await {
        updated?;
    }
    ends("a patch", todos.patch_record::<Value>("counter", json!({"patched": true}))).await?;
    assert_eq!(fixture.plain.held(&fixture.record("counter")).await, json!({"n": 20, "patched": true}));
    Ok(())
}
