//! Blocking calls on a store in a file, which work on the thread of their caller, beside async ones.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
    thread,
};

use kinto_client::{
    Value, json,
    local::{LocalCollection, Resolution, Store},
    testing::Kinto,
};
use kinto_tests::Outcome;
use tokio::runtime::{Builder, Runtime};

use crate::{device::server, file::folder};

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn open(path: &Path, kinto: &Kinto) -> LocalCollection<Value> {
    let store = Store::open(path).call().unwrap();
    store.bind(&kinto.client().bucket("app").collection("notes")).call().unwrap()
}

/// A patch with a field of its own.
fn field(name: &str) -> Value {
    json!({ name: true })
}

/// Many of both kinds at once, and a second connection: each change is made once.
#[test]
fn blocking_and_async_calls_share_a_store_and_nothing_is_lost() -> Outcome {
    let (runtime, folder) = (runtime(), folder());
    let kinto = runtime.block_on(server());
    let path = folder.join("notes.db");
    let (notes, other) = (open(&path, &kinto), open(&path, &kinto));
    notes.create_record(json!({})).id("a").call()?;
    let mut expected = Vec::new();
    let (mut threads, mut tasks) = (Vec::new(), Vec::new());
    for writer in 0..4 {
        let names = (0..20).map(move |n| format!("{writer}-{n}"));
        expected.extend(names.clone());
        if writer % 2 == 0 {
            let notes = if writer == 0 { notes.clone() } else { other.clone() };
            threads.push(thread::spawn(move || {
                for name in names {
                    notes.patch_record("a", field(&name)).call().unwrap();
                }
            }));
        } else {
            let notes = if writer == 1 { notes.clone() } else { other.clone() };
            tasks.push(runtime.spawn(async move {
                for name in names {
                    notes.patch_record("a", field(&name)).await.unwrap();
                }
            }));
        }
    }
    for thread in threads {
        thread.join().unwrap();
    }
    for task in tasks {
        runtime.block_on(task)?;
    }
    let record = other.get_record("a").call()?;
    let mut found: Vec<String> = record.data.as_object().unwrap().keys().cloned().collect();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
    fs::remove_dir_all(folder)?;
    Ok(())
}

/// The function of the program runs on the thread that its call blocks; that of an async call on the thread of the store.
#[test]
fn blocking_call_works_on_its_own_thread() -> Outcome {
    let (runtime, folder) = (runtime(), folder());
    let kinto = runtime.block_on(server());
    let remote = kinto.client().bucket("app").collection("notes");
    let notes = open(&folder.join("notes.db"), &kinto);
    notes.create_record(json!({"n": 0})).id("a").call()?;
    notes.sync().call()?;
    let threads = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&threads);
    let reader = notes.clone();
    let notes = notes.on_conflict_with(move |_| {
        let name = thread::current().name().map(str::to_owned);
        // The store waits for this function, which would wait for the store.
        let error = reader.get_record("a").call().unwrap_err();
        assert!(error.is_invalid() && error.to_string().contains("decides a conflict"), "{error}");
        seen.lock().unwrap().push((name, thread::current().id()));
        Resolution::PreferRemote
    });
    for n in 1..=2 {
        remote.patch_record::<Value>("a", json!({"n": n})).call()?;
        notes.patch_record("a", json!({"n": -n})).call()?;
        if n == 1 {
            notes.sync().call()?
        } else {
            runtime.block_on(notes.sync().into_future())?
        };
        assert_eq!(notes.get_record("a").call()?.data, json!({"n": n}));
    }
    let threads = threads.lock().unwrap();
    assert_eq!((threads.len(), threads[0].1), (2, thread::current().id()));
    assert_eq!(threads[1].0.as_deref(), Some("kinto-store"));
    fs::remove_dir_all(folder)?;
    Ok(())
}
