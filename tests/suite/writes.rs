//! Guarded writes: a save replaces only the version that was read, and unconditional writes are explicit.

use std::collections::BTreeSet;

use kinto_client::{Record, Value, json};
use kinto_tests::{Fault, Fixture, Gate, Outcome, Proxy, in_order};

use crate::{Todo, predicates};

#[tokio::test]
async fn save_returns_conflict_when_other_handle_saved() -> Outcome {
    let fixture = Fixture::new().await;
    let path = fixture.record("milk");
    fixture.plain.put_data(&path, &json!({"title": "Milk", "extra": 1})).await;
    let mut first: Record<Todo> = fixture.todos.get_record("milk").await?;
    let mut second: Record<Todo> = fixture.todos.get_record("milk").await?;
    let read = second.clone();

    first.data.title = "first".to_owned();
    fixture.todos.save_record(&mut first).await?;
    second.data.title = "second".to_owned();
    let error = fixture.todos.save_record(&mut second).await.unwrap_err();
    assert_eq!(predicates(&error), ["conflict"], "{error}");
    assert_eq!((error.operation(), error.object()), (Some("save record"), Some(path.as_str())));
    assert_eq!(error.details().unwrap()["existing"]["title"], "first");
    assert!(!error.may_have_been_applied());

    let held = fixture.plain.object(&path).await;
    let time = first.last_modified.as_millis();
    assert_eq!(held, json!({"id": "milk", "last_modified": time, "title": "first", "extra": 1}));
    assert_eq!((second.last_modified, second.data.title.as_str()), (read.last_modified, "second"), "nothing is lost");
    Ok(())
}

#[tokio::test]
async fn save_returns_conflict_when_record_was_deleted() -> Outcome {
    let fixture = Fixture::new().await;
    let mut record = fixture.todos.create_record(Todo::new("Milk")).await?;
    fixture.plain.delete(&fixture.record(&record.id)).await;
    record.data.done = true;
    let error = fixture.todos.save_record(&mut record).await.unwrap_err();
    assert_eq!(predicates(&error), ["conflict"], "{error}");
    assert_eq!(fixture.plain.status(&fixture.record(&record.id)).await, 404);
    Ok(())
}

#[tokio::test]
async fn save_returns_conflict_for_all_kinds_when_changed() -> Outcome {
    let fixture = Fixture::new().await;
    let bucket_path = format!("/buckets/{}", fixture.bucket.id());
    let [collection_path, group_path] = ["collections/todos", "groups/friends"].map(|at| format!("{bucket_path}/{at}"));
    let mut group = fixture.bucket.create_group("friends", ["account:remy"]).await?;
    let mut bucket = fixture.bucket.get().await?;
    let mut collection = fixture.todos.get().await?;
    fixture.plain.put_data(&group_path, &json!({"members": ["account:first"]})).await;
    fixture.plain.put_data(&collection_path, &json!({"sort": "first"})).await;
    fixture.plain.put_data(&bucket_path, &json!({"name": "first"})).await;

    group.add("account:second");
    bucket.data.other.insert("name".to_owned(), "second".into());
    collection.data.sort = Some("second".to_owned());
    for error in [
        fixture.bucket.save_group(&mut group).await.unwrap_err(),
        fixture.client.save_bucket(&mut bucket).await.unwrap_err(),
        fixture.bucket.save_collection(&mut collection).await.unwrap_err(),
    ] {
        assert_eq!(predicates(&error), ["conflict"], "{error}");
    }
    assert_eq!(fixture.plain.held(&group_path).await, json!({"members": ["account:first"]}));
    assert_eq!(fixture.plain.held(&collection_path).await, json!({"sort": "first"}));
    assert_eq!(fixture.plain.held(&bucket_path).await, json!({"name": "first"}));
    Ok(())
}

#[tokio::test]
async fn save_returns_conflict_when_overtaken() -> Outcome {
    let fixture = Fixture::new().await;
    let path = fixture.record("milk");
    let mut record = fixture.todos.create_record(Todo::new("Milk")).id("milk").await?;
    let gate = Gate::default();
    let proxy = Proxy::start(fixture.url(), in_order([Fault::Hold(gate.clone())])).await;
    let todos = fixture.todos_through(&proxy);

    record.data.title = "second".to_owned();
    let (saved, ()) = tokio::join!(todos.save_record(&mut record), async {
        gate.arrival().await;
        fixture.plain.put_data(&path, &json!({"title": "first"})).await;
        gate.open();
    });
    assert_eq!(predicates(&saved.unwrap_err()), ["conflict"]);
    assert_eq!(fixture.plain.held(&path).await, json!({"title": "first"}));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_saves_have_one_winner() -> Outcome {
    let fixture = Fixture::new().await;
    let path = fixture.record("milk");
    fixture.plain.put_data(&path, &json!({"title": "Milk"})).await;
    for round in 0..5 {
        let saves = (0..8).map(async |writer| {
            // Clients of their own, as if they knew nothing of each other.
            let todos = fixture.todos_of(&fixture.client_at(fixture.url()).build()?);
            let mut record = todos.get_record::<Todo>("milk").await?;
            let read = record.last_modified;
            record.data.title = format!("{round} {writer}");
            todos.save_record(&mut record).await.map(|_| (read, record.data.title))
        });
        let (mut over, mut titles) = (BTreeSet::new(), Vec::new());
        for result in futures_util::future::join_all(saves).await {
            match result {
                // Some may have read what another had saved; but over one state only one is saved.
                Ok((read, title)) => {
                    assert!(over.insert(read), "{title} was saved over what another had been saved over");
                    titles.push(title);
                }
                Err(error) => assert_eq!(predicates(&error), ["conflict"], "{error}"),
            }
        }
        let held = fixture.plain.held(&path).await;
        assert!(titles.iter().any(|title| held["title"] == **title), "{held} is held, and {titles:?} were stored");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_updates_are_all_counted() -> Outcome {
    let fixture = Fixture::new().await;
    let path = fixture.record("count");
    fixture.plain.put_data(&path, &json!({"count": 0, "extra": {"a": 1}})).await;
    let updates = (0..8).map(async |_| {
        let todos = fixture.todos_of(&fixture.client_at(fixture.url()).build()?);
        for _ in 0..4 {
            let add = |data: &mut Value| data["count"] = (data["count"].as_u64().unwrap() + 1).into();
            todos.update_record("count", add).await?;
        }
        Ok::<(), kinto_client::Error>(())
    });
    futures_util::future::try_join_all(updates).await?;
    assert_eq!(fixture.plain.held(&path).await, json!({"count": 32, "extra": {"a": 1}}));
    Ok(())
}

#[tokio::test]
async fn update_starts_over_after_conflict() -> Outcome {
    let fixture = Fixture::new().await;
    let path = fixture.record("milk");
    fixture.plain.put_data(&path, &json!({"title": "Milk", "done": false})).await;
    let gate = Gate::default();
    // The GET passes, the PUT waits.
    let proxy = Proxy::start(fixture.url(), in_order([Fault::Pass, Fault::Hold(gate.clone())])).await;
    let todos = fixture.todos_through(&proxy).typed::<Todo>();
    let mut seen = Vec::new();

    let update = todos.update_record("milk", |todo| {
        seen.push(todo.title.clone());
        todo.done = true;
    });
    let (updated, ()) = tokio::join!(update, async {
        gate.arrival().await;
        fixture.plain.put_data(&path, &json!({"title": "Eggs", "done": false, "extra": 1})).await;
        gate.open();
    });
    let updated = updated?;
    assert_eq!(seen, ["Milk", "Eggs"]);
    assert_eq!(updated.data, Todo { title: "Eggs".to_owned(), done: true });
    assert_eq!(fixture.plain.held(&path).await, json!({"title": "Eggs", "done": true, "extra": 1}));
    let [get, put] = ["GET", "PUT"].map(|method| format!("{method} {path}"));
    assert_eq!(proxy.lines(), [&get, &put, &get, &put].map(String::as_str));
    Ok(())
}

#[tokio::test]
async fn update_only_reads_when_unchanged() -> Outcome {
    let fixture = Fixture::new().await;
    let created = fixture.todos.create_record(Todo::new("Milk")).id("milk").await?;
    fixture.sent.forget();
    let updated = fixture.todos.update_record("milk", |todo: &mut Todo| todo.done = false).await?;
    assert_eq!((updated.data, updated.last_modified), (created.data, created.last_modified));
    assert_eq!(fixture.sent.take_lines(), [format!("GET {}", fixture.record("milk"))]);
    let error = fixture.todos.update_record("none", |_: &mut Todo| panic!("there is nothing to change")).await;
    assert_eq!(predicates(&error.unwrap_err()), ["not found"]);
    Ok(())
}

#[tokio::test]
async fn overwrite_ignores_changes() -> Outcome {
    let fixture = Fixture::new().await;
    let path = fixture.record("milk");
    let body = json!({"data": {"title": "Milk", "extra": 1}, "permissions": {"read": ["account:remy"]}});
    fixture.plain.put(&path, &body).await;

    let written = fixture.todos.overwrite_record("milk", Todo::new("Eggs")).await?;
    let sent = fixture.sent.take_one();
    assert_eq!(sent.line(), format!("PUT {path}"));
    assert_eq!((sent.header("if-match"), sent.header("if-none-match")), (None, None));
    let held = fixture.plain.get(&path).await.json();
    let time = written.last_modified.as_millis();
    assert_eq!(held["data"], json!({"id": "milk", "last_modified": time, "title": "Eggs", "done": false}));
    assert_eq!(held["permissions"]["read"], json!(["account:remy"]), "they stay as they are");

    let new = fixture.todos.record::<Todo>("new").overwrite(Todo::new("new")).await?;
    assert_eq!(&*new.id, "new");
    assert_eq!(fixture.plain.held(&fixture.record("new")).await, json!({"title": "new", "done": false}));
    Ok(())
}

#[tokio::test]
async fn patch_sets_given_attributes() -> Outcome {
    let fixture = Fixture::new().await;
    let path = fixture.record("milk");
    fixture.plain.put_data(&path, &json!({"title": "Milk", "keep": {"a": 1}, "replace": {"a": 1}})).await;
    let patched =
        fixture.todos.patch_record::<Todo>("milk", json!({"done": true, "replace": {"b": 2}, "x": null})).await?;
    assert_eq!(patched.data, Todo { title: "Milk".to_owned(), done: true });
    let sent = fixture.sent.take_one();
    assert_eq!(sent.line(), format!("PATCH {path}"));
    assert_eq!(sent.json(), json!({"data": {"done": true, "replace": {"b": 2}, "x": null}}));
    assert_eq!(sent.header("if-match"), None);
    let expected = json!({"title": "Milk", "keep": {"a": 1}, "done": true, "replace": {"b": 2}, "x": null});
    assert_eq!(fixture.plain.held(&path).await, expected);

    let time = patched.last_modified;
    let again = fixture.todos.patch_record::<Todo>("milk", json!({"title": "Eggs"})).if_match(time).await?;
    assert_eq!(again.data.title, "Eggs");
    assert_eq!(fixture.sent.take_one().header("if-match"), Some(format!("\"{time}\"").as_str()));
    let stale = fixture.todos.patch_record::<Todo>("milk", json!({"title": "Ham"})).if_match(time).await.unwrap_err();
    assert_eq!(predicates(&stale), ["conflict"]);
    assert_eq!(fixture.plain.held(&path).await["title"], "Eggs");
    let none = fixture.todos.patch_record::<Todo>("none", json!({"title": "Ham"})).await.unwrap_err();
    assert_eq!(predicates(&none), ["not found"]);
    assert_eq!(fixture.plain.ids(&fixture.records).await, ["milk"]);
    Ok(())
}

#[tokio::test]
async fn dropped_save_releases_write_lock() -> Outcome {
    let fixture = Fixture::new().await;
    let mut record = fixture.todos.create_record(Todo::new("Milk")).id("milk").await?;
    let mut same = record.clone();
    let gate = Gate::default();
    let hold = gate.clone();
    let proxy = Proxy::start(fixture.url(), move |_| Fault::Hold(hold.clone())).await;
    record.data.title = "dropped".to_owned();
    let todos = fixture.todos_through(&proxy);
    tokio::select! {
        _ = todos.save_record(&mut record).into_future() => panic!("the gate is shut"),
        () = gate.arrival() => {}
    }
    same.data.title = "Eggs".to_owned();
    fixture.todos.save_record(&mut same).await?;
    assert_eq!(fixture.plain.held(&fixture.record("milk")).await["title"], "Eggs");
    Ok(())
}
