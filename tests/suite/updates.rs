//! An update is made of what is there, whoever writes at the same time; and a conflict shows both versions.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use futures_util::future::{BoxFuture, try_join_all};
use http::Method;
use kinto_client::{
    Collection, KintoRecord, Timestamp, Value, json,
    transport::{Body, Transport, TransportError},
};
use kinto_server::{Backend, unique};
use kinto_tests::{Fixture, Outcome, RawClient, Recorder, server_on};
use serde::{Deserialize, Serialize};
use tokio::runtime::Builder;

use crate::{Todo, predicates};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
struct Counter {
    n: u32,
}

/// 50 tasks that count to 20 each, on several threads and by two clients.
fn everyone_counts(backend: Backend) -> Outcome {
    const TASKS: u32 = 50;
    const TIMES: u32 = 20;
    let server = server_on(backend);
    let runtime = Builder::new_multi_thread().worker_threads(4).enable_all().build()?;
    let fixture = runtime.block_on(Fixture::on(server.url()));
    runtime.block_on(fixture.plain.put_data(&fixture.record("counter"), &json!({"n": 0, "name": "votes"})));
    let another = fixture.todos_of(&fixture.client_at(fixture.url()).build()?);
    let count = async |todos: Collection| {
        for _ in 0..TIMES {
            let counted = todos.update_record("counter", |counter: &mut Counter| counter.n += 1).await?;
            assert!((1..=TASKS * TIMES).contains(&counted.data.n));
        }
        Ok::<_, kinto_client::Error>(())
    };
    let tasks = (0..TASKS).map(|n| if n % 2 == 0 { &fixture.todos } else { &another }.clone());
    let tasks: Vec<_> = tasks.map(|todos| runtime.spawn(count(todos))).collect();
    for counted in runtime.block_on(try_join_all(tasks))? {
        counted?;
    }
    let held = runtime.block_on(fixture.plain.held(&fixture.record("counter")));
    assert_eq!(held, json!({"n": TASKS * TIMES, "name": "votes"}));
    Ok(())
}

mod everyone_counts {
    use super::*;

    #[test]
    fn memory() -> Outcome {
        super::everyone_counts(Backend::Memory)
    }

    #[test]
    fn postgresql() -> Outcome {
        super::everyone_counts(Backend::PostgreSql)
    }
}

/// A transport that lets somebody else write right before a record is put.
#[derive(Clone)]
struct Meddler {
    recorder: Recorder,
    plain: RawClient,
    path: String,
    /// The number of times that it will still do so.
    times: Arc<AtomicUsize>,
}

impl Meddler {
    /// The collection of the fixture, where that happens so many times to the record `milk`.
    fn todos(fixture: &Fixture, times: usize) -> (Collection, Self) {
        let meddler = Self {
            recorder: Recorder::default(),
            plain: fixture.plain.clone(),
            path: fixture.record("milk"),
            times: Arc::new(AtomicUsize::new(times)),
        };
        let client = fixture.client_at(fixture.url()).transport(meddler.clone()).build().expect("a client");
        (fixture.todos_of(&client), meddler)
    }

    fn methods(&self) -> String {
        self.recorder.take().iter().map(|sent| if sent.method == Method::GET { 'r' } else { 'w' }).collect()
    }
}

impl Transport for Meddler {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>> {
        Box::pin(async move {
            let left = self.times.load(Ordering::Relaxed);
            if request.method() == Method::PUT && left > 0 {
                self.times.store(left - 1, Ordering::Relaxed);
                let mut data = self.plain.held(&self.path).await;
                data["others"] = (data["others"].as_u64().unwrap_or(0) + 1).into();
                self.plain.put_data(&self.path, &data).await;
            }
            self.recorder.send(request).await
        })
    }
}

#[tokio::test]
async fn concurrent_writes_are_kept() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("milk"), &json!({"title": "Milk", "others": 0})).await;
    let (todos, meddler) = Meddler::todos(&fixture, 3);
    let mut seen = Vec::new();
    let updated = todos.update_record("milk", |todo: &mut Value| {
        seen.push(todo["others"].clone());
        todo["title"] = "Oat milk".into();
    });
    let updated = updated.await?;
    assert_eq!(seen, [0, 1, 2, 3], "each try is of what is there then");
    assert_eq!(meddler.methods(), "rwrwrwrw");
    assert_eq!(updated.data, json!({"title": "Oat milk", "others": 3}));
    assert_eq!(fixture.plain.held(&fixture.record("milk")).await, updated.data);
    let stored = fixture.plain.object(&fixture.record("milk")).await;
    assert_eq!(stored["last_modified"], updated.last_modified.as_millis());
    Ok(())
}

#[tokio::test]
async fn update_returns_conflict_after_maximum_tries() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("milk"), &json!({"title": "Milk", "others": 0})).await;
    let (todos, meddler) = Meddler::todos(&fixture, usize::MAX);
    let mut tries = 0;
    let error = todos.update_record("milk", |todo: &mut Todo| {
        tries += 1;
        todo.done = true;
    });
    let error = error.await.unwrap_err();
    assert_eq!(predicates(&error), ["conflict"], "{error}");
    assert_eq!((error.operation(), error.object()), (Some("update record"), Some(fixture.record("milk").as_str())));
    assert_eq!((tries, meddler.methods()), (20, "rw".repeat(20)));
    let conflict = error.conflict::<Todo>().expect("both versions");
    assert_eq!((conflict.ours.data.done, conflict.theirs.map(|theirs| theirs.data.done)), (true, Some(false)));
    assert_eq!(fixture.plain.held(&fixture.record("milk")).await, json!({"title": "Milk", "others": 20}));
    Ok(())
}

#[tokio::test]
async fn update_writes_nothing_when_unchanged() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("milk"), &json!({"title": "Milk", "extra": 1})).await;
    let before = fixture.plain.object(&fixture.record("milk")).await;
    let same = fixture.todos.update_record("milk", |todo: &mut Todo| todo.title = "Milk".to_owned()).await?;
    assert_eq!(same.data, Todo::new("Milk"));
    assert_eq!(fixture.sent.take_one().line(), format!("GET {}", fixture.record("milk")));
    assert_eq!(fixture.plain.object(&fixture.record("milk")).await, before);
    Ok(())
}

#[tokio::test]
async fn update_fails_when_record_does_not_decode() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("milk"), &json!({"title": 7})).await;
    let mut calls = 0;
    let decode = fixture.todos.update_record("milk", |_: &mut Todo| calls += 1).await.unwrap_err();
    assert_eq!((predicates(&decode), decode.record_id()), (vec!["decode"], Some("milk")), "{decode}");
    let none = fixture.todos.update_record("none", |_: &mut Todo| calls += 1).await.unwrap_err();
    assert_eq!(predicates(&none), ["not found"], "{none}");
    assert_eq!(none.operation(), Some("update record"));
    fixture.sent.forget();
    let invalid = fixture.todos.update_record("no/id", |_: &mut Todo| calls += 1).await.unwrap_err();
    assert_eq!(predicates(&invalid), ["invalid"], "{invalid}");
    assert!(fixture.sent.take().is_empty());
    assert_eq!(calls, 0);

    let stranger = kinto_client::Client::builder(fixture.url()).auth((unique("stranger"), "password")).build()?;
    fixture
        .plain
        .put(&fixture.record("milk"), &json!({"data": {"title": "Milk"}, "permissions": {"read": ["system.Everyone"]}}))
        .await;
    let forbidden = fixture.todos_of(&stranger).update_record("milk", |todo: &mut Todo| todo.done = true);
    let forbidden = forbidden.await.unwrap_err();
    assert_eq!(predicates(&forbidden), ["forbidden"], "{forbidden}");
    assert_eq!(fixture.plain.held(&fixture.record("milk")).await, json!({"title": "Milk"}));
    Ok(())
}

#[tokio::test]
async fn update_keeps_unknown_fields() -> Outcome {
    let fixture = Fixture::new().await;
    let data = json!({"title": "Milk", "extra": {"deep": [1, {"a": null}]}, "": 1.5});
    fixture.plain.put_data(&fixture.record("milk"), &data).await;
    let updated = fixture.todos.update_record("milk", |todo: &mut Todo| todo.done = true).await?;
    assert!(updated.data.done);
    let mut expected = data;
    expected["done"] = true.into();
    assert_eq!(fixture.plain.held(&fixture.record("milk")).await, expected);
    Ok(())
}

#[tokio::test]
async fn update_works_for_all_kinds() -> Outcome {
    let fixture = Fixture::new().await;
    let path = format!("/buckets/{}", fixture.bucket.id());
    fixture
        .plain
        .put(&format!("{path}/groups/friends"), &json!({"data": {"members": ["account:remy"], "colour": "red"}}))
        .await;
    fixture.bucket.update(|bucket| drop(bucket.other.insert("colour".to_owned(), "blue".into()))).await?;
    fixture.todos.update(|collection| collection.sort = Some("title".to_owned())).await?;
    fixture.bucket.group("friends").update(|group| group.members.clear()).await?;
    assert_eq!(fixture.plain.held(&path).await, json!({"colour": "blue"}));
    assert_eq!(fixture.plain.held(&format!("{path}/collections/todos")).await, json!({"sort": "title"}));
    let friends = fixture.plain.held(&format!("{path}/groups/friends")).await;
    assert_eq!(friends, json!({"members": [], "colour": "red"}));
    Ok(())
}

#[tokio::test]
async fn conflict_returns_both_versions() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("milk"), &json!({"title": "Milk", "extra": 1})).await;
    let mut mine = fixture.todos.get_record::<Todo>("milk").await?;
    let theirs = fixture.plain.put_data(&fixture.record("milk"), &json!({"title": "Oat milk", "extra": 2})).await;
    let their_time = theirs["last_modified"].as_u64().map(Timestamp::from_millis);
    mine.data.done = true;

    let error = fixture.todos.save_record(&mut mine).await.unwrap_err();
    let conflict = error.conflict::<Todo>().expect("both versions");
    assert_eq!(conflict.ours.data, Todo { title: "Milk".to_owned(), done: true });
    assert_eq!((conflict.ours.id.as_str(), conflict.ours.last_modified.as_millis()), ("milk", 0));
    let found = conflict.theirs.expect("it is still there");
    assert_eq!((found.id.as_str(), &found.data), ("milk", &Todo::new("Oat milk")));
    assert_eq!(Some(found.last_modified), their_time);
    let untyped = error.conflict::<Value>().expect("the same without a type");
    assert_eq!(untyped.ours.data, json!({"title": "Milk", "done": true, "extra": 1}));
    assert_eq!(untyped.theirs.map(|theirs| theirs.data), Some(json!({"title": "Oat milk", "extra": 2})));
    assert!(error.conflict::<Counter>().is_none(), "they are no such records");

    // What they have made of it can be gone on with.
    let mut merged = found;
    merged.data.done = conflict.ours.data.done;
    fixture.todos.save_record(&mut merged).await?;
    let held = fixture.plain.held(&fixture.record("milk")).await;
    assert_eq!(held, json!({"title": "Oat milk", "done": true, "extra": 2}));
    Ok(())
}

#[tokio::test]
async fn conflict_has_stored_version_only_when_record_exists() -> Outcome {
    let fixture = Fixture::new().await;
    let mut mine = fixture.todos.create_record(Todo::new("Milk")).id("milk").await?;
    fixture.plain.delete(&fixture.record("milk")).await;
    mine.data.done = true;
    let gone = fixture.todos.save_record(&mut mine).await.unwrap_err();
    assert_eq!(predicates(&gone), ["conflict"], "{gone}");
    let conflict = gone.conflict::<Todo>().expect("our version");
    assert!(conflict.ours.data.done && conflict.theirs.is_none());
    assert!(gone.theirs::<Todo>().is_none());

    fixture.plain.put_data(&fixture.record("milk"), &json!({"title": "Oat milk"})).await;
    let taken = fixture.todos.create_record(Todo::new("Soy milk")).id("milk").await.unwrap_err();
    let conflict = taken.conflict::<Todo>().expect("both versions");
    assert_eq!((conflict.ours.data.title.as_str(), conflict.ours.id.as_str()), ("Soy milk", "milk"));
    assert_eq!(conflict.theirs.map(|theirs| theirs.data.title).as_deref(), Some("Oat milk"));

    let no_conflict = fixture.todos.get_record::<Todo>("none").await.unwrap_err();
    assert!(no_conflict.conflict::<Todo>().is_none() && no_conflict.theirs::<Todo>().is_none());
    Ok(())
}

#[tokio::test]
async fn bulk_conflicts_return_both_versions_each() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.fill(["a", "b", "c"].map(|id| (id.to_owned(), json!({"title": id})))).await;
    let mut records = fixture.todos.get_records::<Todo>().sort(Todo::fields().title.asc()).await?;
    fixture.plain.put_data(&fixture.record("b"), &json!({"title": "B"})).await;
    for record in &mut records {
        record.data.done = true;
    }
    let error = fixture.todos.save_records(&mut records).await.unwrap_err();
    let [(1, conflict)] = error.failures() else { panic!("one failed: {error}") };
    let conflict = conflict.conflict::<Todo>().expect("both versions");
    assert_eq!(conflict.ours.data, Todo { title: "b".to_owned(), done: true });
    assert_eq!((conflict.ours.id.as_str(), conflict.theirs.map(|theirs| theirs.data)), ("b", Some(Todo::new("B"))));
    Ok(())
}
