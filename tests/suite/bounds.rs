//! What has an end: connecting, requests at a time, the time of a call, and whatever is no longer wanted.

use std::time::Duration;

use futures_util::{StreamExt as _, future::join_all};
use kinto_client::{Exponential, Never, Timestamp, Value, json};
use kinto_tests::{Fault, Gate, Outcome, Proxy, Scene};
use tokio::{net::TcpSocket, time::Instant};

use crate::{Todo, predicates};

#[tokio::test]
async fn connecting_ends() -> Outcome {
    let scene = Scene::new().await;
    // A queue of one that is full and never taken from: who comes after that gets no connection, and no refusal.
    let socket = TcpSocket::new_v4()?;
    socket.bind("127.0.0.1:0".parse()?)?;
    let listener = socket.listen(0)?;
    let address = listener.local_addr()?;
    let _waiting = [tokio::net::TcpStream::connect(address).await?];
    let client = scene.client_at(&format!("http://{address}/v1")).retry(Never);
    let client = client.connect_timeout(Duration::from_millis(300)).build()?;
    let error = scene.todos_of(&client).create_record(Todo::new("Milk")).await.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["connection"], false), "{error}");
    Ok(())
}

#[tokio::test]
async fn no_more_requests_at_a_time_than_allowed() -> Outcome {
    let scene = Scene::new().await;
    let gate = Gate::default();
    let hold = gate.clone();
    let proxy = Proxy::start(scene.url(), move |_| Fault::Hold(hold.clone())).await;
    let client = scene.client_at(proxy.url()).max_concurrent_requests(3).build()?;
    let clones = [client.clone(), client.with_retry(Never), client.with_auth((&scene.user, "p4ssw0rd"))?];
    // Reads, for writers would collide on PostgreSQL, and be sent again.
    let calls = (0..12).map(|n| scene.todos_of(&clones[n % 3]).get_records::<Todo>().into_future());
    let calls = tokio::spawn(join_all(calls.collect::<Vec<_>>()));
    for _ in 0..3 {
        gate.arrival().await;
    }
    // Whoever else wanted to be there has had the time to be.
    scene.todos.get_records::<Todo>().await?;
    assert_eq!(proxy.lines().len(), 3);
    gate.open();
    assert!(calls.await?.iter().all(Result::is_ok));
    assert_eq!(proxy.lines().len(), 12);
    Ok(())
}

#[tokio::test]
async fn a_place_is_given_back_by_what_fails_and_by_what_is_dropped() -> Outcome {
    let scene = Scene::new().await;
    let gate = Gate::default();
    let hold = gate.clone();
    let mut faults = vec![Fault::Hold(hold), Fault::CutBefore].into_iter();
    let proxy = Proxy::start(scene.url(), move |_| faults.next().unwrap_or(Fault::Pass)).await;
    let client = scene.client_at(proxy.url()).retry(Never).max_concurrent_requests(1).build()?;
    let todos = scene.todos_of(&client);
    let dropped = tokio::spawn(todos.get_records::<Todo>().into_future());
    gate.arrival().await;
    dropped.abort();
    assert!(dropped.await.unwrap_err().is_cancelled());
    assert_eq!(predicates(&todos.get_records::<Todo>().await.unwrap_err()), ["connection"]);
    assert_eq!(todos.get_records::<Todo>().await?.len(), 0);
    Ok(())
}

#[tokio::test]
async fn a_call_ends_with_its_last_try() -> Outcome {
    let scene = Scene::new().await;
    let proxy = Proxy::start(scene.url(), |_| Fault::answer(503, &["Retry-After: 3000000000"], "")).await;
    let todos = scene.todos_through(&proxy);
    let error = todos.get_record::<Todo>("milk").await.unwrap_err();
    assert_eq!(predicates(&error), ["unavailable"], "{error}");
    assert_eq!(error.retry_in(), Some(Duration::from_secs(3_000_000_000)), "a century is not waited for");
    assert_eq!(proxy.lines().len(), 1);

    let proxy = Proxy::start(scene.url(), |_| Fault::answer(503, &[], "")).await;
    let policy = Exponential::default().max_tries(u32::MAX).max_elapsed(Duration::from_millis(300));
    let start = Instant::now();
    let error = scene.todos_through(&proxy).get_record::<Todo>("milk").retry(policy).await.unwrap_err();
    assert_eq!(predicates(&error), ["unavailable"], "{error}");
    assert!(start.elapsed() < Duration::from_secs(20) && proxy.lines().len() < 6, "{:?}", proxy.lines());
    Ok(())
}

#[tokio::test]
async fn what_is_dropped_leaves_no_task_behind() -> Outcome {
    let scene = Scene::new().await;
    scene.fill((0..4).map(|n| (format!("n{n}"), json!({"n": n})))).await;
    let gate = Gate::default();
    let hold = gate.clone();
    let proxy = Proxy::start(scene.url(), move |_| Fault::Hold(hold.clone())).await;
    let url = proxy.url().to_owned();
    // On a runtime of its own, whose tasks are the client's alone.
    let (bucket, user) = (scene.bucket.id().to_owned(), scene.user.clone());
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
