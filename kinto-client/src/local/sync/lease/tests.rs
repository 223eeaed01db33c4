use std::{
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
};

use futures_util::FutureExt as _;

use super::*;
use crate::{
    client::Client,
    json::merge::three_way::RecordType,
    local::store::{
        collections::{Names, find_or_add},
        connection::{Database, Place},
    },
};

/// One connection to a file, as another process has it.
async fn open(path: &Path) -> Arc<Inner> {
    connect(Place::File(path.to_owned())).await
}

async fn connect(place: Place) -> Arc<Inner> {
    let database = Database::open(place, Duration::from_secs(60), 100).await.unwrap();
    let names = Names { server: "https://k.test/v1".into(), user: "a".into(), bucket: "b".into(), id: "c".into() };
    let added = names.clone();
    let number = database.write(move |transaction| find_or_add(transaction, &added)).await.unwrap();
    let remote = Client::builder("https://k.test/v1").build().unwrap().bucket("b").collection("c");
    let (record_type, window) = (RecordType::ANY, Mutex::default());
    Arc::new(Inner { database, remote, number, names, record_type, window })
}

fn path() -> PathBuf {
    std::env::temp_dir().join(kinto_server::unique("lease"))
}

async fn set_term(inner: &Inner, held_until: i64) {
    let set = move |transaction: &Transaction<'_>| {
        Ok(transaction.execute("UPDATE collection SET held_until = ?", [held_until])?)
    };
    inner.database.write(set).await.unwrap();
}

/// Waits until all jobs before this one have been run.
async fn settle(inner: &Inner) {
    inner.database.read(|_| Ok(())).await.unwrap();
}

async fn is_syncing(inner: &Inner) -> bool {
    let (file, of) = (inner.database.file(), inner.number);
    let read = move |transaction: &Transaction<'_>| is_held(transaction, file.as_deref(), of);
    inner.database.read(read).await.unwrap()
}

async fn is_refused(inner: &Arc<Inner>) -> bool {
    Lease::take(inner).await.is_err_and(|error| error.is_unavailable() && error.retry_after().is_some())
}

/// The program that released it has not noticed yet.
#[tokio::test]
async fn lease_that_is_taken_at_the_moment_of_a_release_is_not_taken_over() {
    let path = path();
    let (a, b, c) = (open(&path).await, open(&path).await, open(&path).await);
    let first = Lease::take(&a).await.unwrap();
    let mut released = Box::pin(first.release());
    assert!(released.as_mut().now_or_never().is_none());
    settle(&a).await;
    let second = Lease::take(&b).await.unwrap();
    released.await.unwrap();
    assert!(is_refused(&c).await);
    assert!(is_refused(&a).await);
    second.write(|_| Ok(())).await.unwrap();
    second.release().await.unwrap();
    Lease::take(&c).await.unwrap().release().await.unwrap();
}

/// It was stalled for longer than its term, and gives its lock up while another one synchronizes.
#[tokio::test]
async fn lease_beside_a_stalled_holder_is_not_taken_over_when_that_one_wakes_up() {
    let path = path();
    let (a, b, c) = (open(&path).await, open(&path).await, open(&path).await);
    let stalled = Lease::take(&a).await.unwrap();
    set_term(&a, 1).await;
    let second = Lease::take(&b).await.unwrap();
    assert!(stalled.write(|_| Ok(())).await.is_err_and(|error| error.is_cancelled()));
    stalled.release().await.unwrap();
    assert!(is_refused(&c).await);
    assert!(is_syncing(&c).await);
    second.write(|_| Ok(())).await.unwrap();
    second.release().await.unwrap();
    assert!(!is_syncing(&c).await);
    Lease::take(&c).await.unwrap().release().await.unwrap();
}

#[tokio::test]
async fn lease_of_a_process_that_ended_is_taken_at_once() {
    let path = path();
    let (a, b, c) = (open(&path).await, open(&path).await, open(&path).await);
    for _ in 0..2 {
        let mut killed = Lease::take(&a).await.unwrap();
        assert!(is_syncing(&b).await);
        killed.is_released = true;
        drop(killed);
        assert!(!is_syncing(&b).await);
        let next = Lease::take(&b).await.unwrap();
        assert!(is_refused(&c).await);
        next.write(|_| Ok(())).await.unwrap();
        next.release().await.unwrap();
    }
}

/// Reading the status looks at the lock, and holds nothing.
#[tokio::test]
async fn lease_is_taken_while_others_look_at_its_lock() {
    let path = path();
    let (a, b) = (open(&path).await, open(&path).await);
    let mut killed = Lease::take(&a).await.unwrap();
    killed.is_released = true;
    drop(killed);
    let look = File::open(format!("{}-sync{}", path.display(), a.number.0)).unwrap();
    look.lock_shared().unwrap();
    let next = Lease::take(&a).await.unwrap();
    drop(look);
    assert!(is_syncing(&b).await);
    assert!(is_refused(&b).await);
    next.write(|_| Ok(())).await.unwrap();
}

#[tokio::test]
async fn lease_of_a_store_in_memory_is_held_until_it_is_released_or_dropped() {
    let inner = connect(Place::Memory).await;
    for is_dropped in [true, false] {
        let lease = Lease::take(&inner).await.unwrap();
        assert!(is_syncing(&inner).await && is_refused(&inner).await);
        lease.write(|_| Ok(())).await.unwrap();
        if is_dropped {
            drop(lease);
        } else {
            lease.release().await.unwrap();
        }
        assert!(!is_syncing(&inner).await);
    }
}

#[tokio::test]
async fn lease_whose_release_is_dropped_before_its_turn_is_free() {
    let path = path();
    let inner = open(&path).await;
    let lease = Lease::take(&inner).await.unwrap();
    let (begin, wait) = mpsc::channel::<()>();
    let held = inner.database.read(move |_| Ok(wait.recv().is_ok()));
    let mut held = Box::pin(held);
    assert!(held.as_mut().now_or_never().is_none());
    assert!(lease.release().now_or_never().is_none());
    begin.send(()).unwrap();
    held.await.unwrap();
    let read = |transaction: &Transaction<'_>| {
        Ok(transaction.query_row("SELECT held_until FROM collection", [], |row| row.get::<_, i64>(0))?)
    };
    assert_eq!(inner.database.read(read).await.unwrap(), 0);
}

/// Each connection is as one of another process. Whoever has the lease keeps it, and all others are refused.
#[test]
fn many_connections_never_hold_the_lease_at_once() {
    const ROUNDS: usize = 60;
    let (path, inside) = (path(), AtomicUsize::new(0));
    let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
    let work = || {
        runtime().block_on(async {
            let (inner, mut done, mut refused) = (open(&path).await, 0, 0);
            for _ in 0..ROUNDS {
                let lease = match Lease::take(&inner).await {
                    Ok(lease) => lease,
                    Err(error) => {
                        assert!(error.is_unavailable() && error.retry_after().is_some(), "{error}");
                        refused += 1;
                        continue;
                    }
                };
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                is_syncing(&inner).await;
                lease.write(|_| Ok(())).await.unwrap();
                inside.fetch_sub(1, Ordering::SeqCst);
                lease.release().await.unwrap();
                done += 1;
            }
            (done, refused)
        })
    };
    runtime().block_on(open(&path));
    let counts: Vec<(usize, usize)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(counts.iter().all(|(done, refused)| done + refused == ROUNDS), "{counts:?}");
    assert!(counts.iter().any(|(done, _)| *done > 0), "{counts:?}");
}
