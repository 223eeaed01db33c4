//! Limits: connecting, concurrent requests, the time of a call, and calls that are dropped.

use std::time::Duration;

use futures_util::{StreamExt as _, future::join_all};
use kinto_client::{
    Timestamp, Value, json,
    retry::{ExponentialBackoff, NeverRetry},
};
use kinto_tests::{Fault, Fixture, Gate, Outcome, Proxy, in_order};
use tokio::{net::TcpSocket, time::Instant};

use crate::{Todo, predicates};

#[tokio::test]
async fn connect_timeout_ends_connecting() -> Outcome {
    let fixture = Fixture::new().await;
    // A queue of one that is full and never taken from: who comes after that gets no connection, and no refusal.
    let socket = TcpSocket::new_v4()?;
    socket.bind("127.0.0.1:0".parse()?)?;
    let listener = socket.listen(0)?;
    let address = listener.local_addr()?;
    let _waiting = [tokio::net::TcpStream::connect(address).await?];
    let client = fixture.client_at(&format!("http://{address}/v1")).retry(NeverRetry);
    let client = client.connect_timeout(Duration::from_millis(300)).build()?;
    let error = fixture.todos_of(&client).create_record(Todo::new("Milk")).await.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["connection"], false), "{error}");
    Ok(())
}

#[tokio::test]
async fn max_concurrent_requests_limits_requests() -> Outcome {
    let fixture = Fixture::new().await;
    let gate = Gate::default();
    let hold = gate.clone();
    let proxy = Proxy::start(fixture.url(), move |_| Fault::Hold(hold.clone())).await;
    let client = fixture.client_at(proxy.url()).max_concurrent_requests(3).build()?;
    let clones = [client.clone(), client.with_retry(NeverRetry), client.with_auth((&fixture.user, "p4ssw0rd"))?];
    // Reads, for writers would collide on PostgreSQL, and be sent again.
    let calls = (0..12).map(|n| fixture.todos_of(&clones[n % 3]).get_records::<Todo>().into_future());
    let calls = tokio::spawn(join_all(calls.collect::<Vec<_>>()));
    for _ in 0..3 {
        gate.arrival().await;
    }
    // Whoever else wanted to be there has had the time to be.
    fixture.todos.get_records::<Todo>().await?;
    assert_eq!(proxy.lines().len(), 3);
    gate.open();
    assert!(calls.await?.iter().all(Result::is_ok));
    assert_eq!(proxy.lines().len(), 12);
    Ok(())
}

#[tokio::test]
async fn permit_is_released_when_request_fails_or_is_dropped() -> Outcome {
    let fixture = Fixture::new().await;
    let gate = Gate::default();
    let hold = gate.clone();
    let mut faults = vec![Fault::Hold(hold), Fault::CutBefore].into_iter();
    let proxy = Proxy::start(fixture.url(), move |_| faults.next().unwrap_or(Fault::Pass)).await;
    let client = fixture.client_at(proxy.url()).retry(NeverRetry).max_concurrent_requests(1).build()?;
    let todos = fixture.todos_of(&client);
    let dropped = tokio::spawn(todos.get_records::<Todo>().into_future());
    gate.arrival().await;
    dropped.abort();
    assert!(dropped.await.unwrap_err().is_cancelled());
    assert_eq!(predicates(&todos.get_records::<Todo>().await.unwrap_err()), ["connection"]);
    assert_eq!(todos.get_records::<Todo>().await?.len(), 0);
    Ok(())
}

#[tokio::test]
async fn call_ends_when_max_elapsed_has_passed() -> Outcome {
    let fixture = Fixture::new().await;
    let proxy = Proxy::start(fixture.url(), |_| Fault::answer(503, &["Retry-After: 3000000000"], "")).await;
    let todos = fixture.todos_through(&proxy);
    let error = todos.get_record::<Todo>("milk").await.unwrap_err();
    assert_eq!(predicates(&error), ["unavailable"], "{error}");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3_000_000_000)), "a century is not waited for");
    assert_eq!(proxy.lines().len(), 1);

    let proxy = Proxy::start(fixture.url(), |_| Fault::answer(503, &[], "")).await;
    let policy = ExponentialBackoff::default().max_tries(u32::MAX).max_elapsed(Duration::from_millis(300));
    let start = Instant::now();
    let error = fixture.todos_through(&proxy).get_record::<Todo>("milk").retry(policy).await.unwrap_err();
    assert_eq!(predicates(&error), ["unavailable"], "{error}");
    assert!(start.elapsed() < Duration::from_secs(20) && proxy.lines().len() < 6, "{:?}", proxy.lines());
    Ok(())
}

/// As a program that ends a call by a timeout, and then does something else on the thread of its runtime.
#[tokio::test]
async fn dropped_call_of_a_runtime_that_nobody_drives_holds_up_nobody() -> Outcome {
    let fixture = Fixture::new().await;
    let gate = Gate::default();
    let proxy = Proxy::start(fixture.url(), in_order([Fault::Hold(gate.clone())])).await;
    let todos = fixture.todos_of(&fixture.client_at(proxy.url()).build()?);
    let (dropped, is_dropped) = tokio::sync::oneshot::channel();
    let (end, is_over) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            tokio::select! {
                done = todos.overwrite_record("milk", json!({"title": "Milk"})) => panic!("{done:?}"),
                () = gate.arrival() => {}
            }
        });
        dropped.send(()).unwrap();
        is_over.recv().unwrap();
    });
    is_dropped.await?;
    let other = fixture.client_at(proxy.url()).timeout(Duration::from_secs(10)).retry(NeverRetry).build()?;
    fixture.todos_of(&other).overwrite_record("milk", json!({"title": "Oat milk"})).await?;
    assert_eq!(fixture.plain.held(&fixture.record("milk")).await, json!({"title": "Oat milk"}));
    end.send(())?;
    thread.join().unwrap();
    Ok(())
}

#[tokio::test]
async fn dropped_call_leaves_no_task() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.fill((0..4).map(|n| (format!("n{n}"), json!({"n": n})))).await;
    let gate = Gate::default();
    let hold = gate.clone();
    let proxy = Proxy::start(fixture.url(), move |_| Fault::Hold(hold.clone())).await;
    let url = proxy.url().to_owned();
    // On a runtime of its own, whose tasks are the client's alone.
    let (bucket, user) = (fixture.bucket.id().to_owned(), fixture.user.clone());
    let (started, mut hear) = tokio::sync::mpsc::unbounded_channel();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let client = kinto_client::Client::builder(url).auth((user, "p4ssw0rd")).build().unwrap();
        let todos = client.bucket(bucket).collection("todos");
        let idle = runtime.metrics().num_alive_tasks();
        let calls = [
            runtime.spawn({
                let todos = todos.clone();
                async move { drop(todos.get_records::<Value>().page_size(1).stream().next().await) }
            }),
            runtime.spawn({
                let call = todos.changes_since::<Value>(Timestamp::from_millis(1));
                async move { drop(call.watch(Duration::from_secs(60)).next().await) }
            }),
            runtime.spawn(async move { drop(todos.create_records((0..60).map(|n| json!({"n": n}))).await) }),
        ];
        started.send(()).unwrap();
        wait.recv().unwrap();
        calls.iter().for_each(tokio::task::JoinHandle::abort);
        for call in calls {
            assert!(runtime.block_on(call).unwrap_err().is_cancelled());
        }
        drop(client);
        // The connections end on the runtime's own thread, a little later.
        let ended = runtime.block_on(async {
            tokio::time::timeout(Duration::from_secs(20), async {
                while tokio::runtime::Handle::current().metrics().num_alive_tasks() > idle {
                    tokio::task::yield_now().await;
                }
            })
            .await
        });
        ended.is_ok()
    });
    hear.recv().await;
    for _ in 0..3 {
        gate.arrival().await;
    }
    go.send(())?;
    let ended = tokio::task::spawn_blocking(move || thread.join().expect("no panic")).await?;
    assert!(ended, "tasks of the client are still alive");
    assert_eq!(proxy.lines().len(), 3, "nothing more was sent");
    Ok(())
}
