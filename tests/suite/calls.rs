//! A call is a value: it can be looked at, awaited, waited for, sent to another thread or dropped.

use kinto_client::{
    Bucket, Call, Client, Collection, Error, Group, Record, TypedCollection, Value, handle::RecordHandle, json,
    list::Objects, object::kind, operation::Action,
};
use kinto_tests::{Fixture, Outcome};
use tokio::runtime::Runtime;

use crate::{Todo, predicates};

#[tokio::test]
async fn preview_returns_request_without_sending() -> Outcome {
    let fixture = Fixture::new().await;
    let mut record = fixture.todos.create_record(Todo::new("Milk")).id("milk").await?;
    let (path, time) = (fixture.record("milk"), record.last_modified);
    fixture.sent.forget();

    let create = fixture.todos.create_record(Todo::new("Eggs")).id("eggs").permissions(|p| p.read("account:remy"));
    let explanation = create.preview()?;
    assert_eq!(explanation.method(), Some(&http::Method::PUT));
    assert_eq!(explanation.target(), Some(fixture.record("eggs")));
    let body: Value = serde_json::from_str(explanation.body().unwrap())?;
    let expected = json!({"data": {"title": "Eggs", "done": false}, "permissions": {"read": ["account:remy"]}});
    assert_eq!(body, expected);
    let text = explanation.to_string();
    assert!(text.starts_with(&format!("PUT {}\nIf-None-Match: *\n", fixture.record("eggs"))), "{text}");

    let list = fixture.todos.get_record::<Todo>("milk").preview()?;
    assert_eq!((list.to_string(), list.body()), (format!("GET {path}"), None));
    let delete = fixture.todos.delete_record(&record).preview()?;
    assert_eq!(delete.to_string(), format!("DELETE {path}\nIf-Match: \"{time}\""));
    let nothing = fixture.todos.save_record(&mut record).preview()?;
    assert_eq!((nothing.method(), nothing.target(), nothing.body()), (None, None, None));
    record.data.done = true;
    let save = fixture.todos.save_record(&mut record).preview()?.to_string();
    assert!(save.starts_with(&format!("PUT {path}\nIf-Match: \"{time}\"\n")), "{save}");
    assert!(
        save.ends_with(r#"{"data":{"title":"Milk","done":true}}"#)
            || save.ends_with(r#"{"data":{"done":true,"title":"Milk"}}"#),
        "{save}"
    );
    let wrong = fixture.todos.get_record::<Todo>("no/id").preview().unwrap_err();
    assert_eq!((predicates(&wrong), wrong.operation()), (vec!["invalid"], Some("get record")));
    assert!(fixture.sent.take().is_empty());
    assert_eq!(fixture.plain.ids(&fixture.records).await, ["milk"]);
    Ok(())
}

#[tokio::test]
async fn preview_equals_request() -> Outcome {
    let fixture = Fixture::new().await;
    let create = fixture.todos.create_record(Todo::new("Milk"));
    let explanation = create.preview()?;
    let created = create.await?;
    let sent = fixture.sent.take_one();
    assert_eq!(explanation.target(), Some(fixture.record(&created.id)), "the id has been made already");
    assert_eq!(format!("{} {}", explanation.method().unwrap(), explanation.target().unwrap()), sent.line());
    assert_eq!(explanation.body(), Some(sent.body.as_str()));

    let group = fixture.bucket.create_group("friends", ["account:remy"]).if_not_exists();
    let explanation = group.preview()?;
    group.await?;
    let sent = fixture.sent.take_one();
    assert_eq!(format!("{} {}", explanation.method().unwrap(), explanation.target().unwrap()), sent.line());
    assert_eq!(explanation.body(), Some(sent.body.as_str()));
    Ok(())
}

#[tokio::test]
async fn call_sends_nothing_until_awaited() -> Outcome {
    let fixture = Fixture::new().await;
    drop(fixture.todos.create_record(Todo::new("Milk")));
    drop(fixture.todos.create_record(Todo::new("Milk")).into_future());
    drop(fixture.todos.delete_all_records().into_future());
    assert!(fixture.sent.take().is_empty());
    Ok(())
}

#[test]
fn blocking_call_returns_same_as_await() -> Outcome {
    let runtime = Runtime::new()?;
    let fixture = runtime.block_on(Fixture::new());
    let todos = fixture.todos.typed::<Todo>();
    let mut record = todos.create_record(Todo::new("Milk")).id("milk").call()?;
    assert_eq!(runtime.block_on(fixture.plain.held(&fixture.record("milk"))), json!({"title": "Milk", "done": false}));
    let error = todos.create_record(Todo::new("Eggs")).id("milk").call().unwrap_err();
    assert_eq!(predicates(&error), ["conflict"], "{error}");
    record.data.done = true;
    todos.save_record(&mut record).call()?;
    todos.update_record("milk", |todo| todo.title.push('!')).call()?;
    todos.create_record(Todo::new("Eggs")).server_id().call()?;
    let records = todos.get_records().page_size(1).call()?;
    assert_eq!((records.len(), &records[1].data), (2, &Todo { title: "Milk!".to_owned(), done: true }));
    assert!(todos.get_record("none").optional().call()?.is_none());
    assert_eq!(todos.delete_all_records().call()?.len(), 2);
    assert_eq!(runtime.block_on(fixture.plain.ids(&fixture.records)), [""; 0]);

    let methods: Vec<String> = fixture.sent.take().iter().map(|sent| sent.method.to_string()).collect();
    assert_eq!(methods, ["PUT", "PUT", "PUT", "GET", "PUT", "POST", "GET", "GET", "GET", "DELETE"]);
    Ok(())
}

#[test]
fn blocking_call_works_from_many_threads() -> Outcome {
    let runtime = Runtime::new()?;
    let fixture = runtime.block_on(Fixture::new());
    let client = fixture.client_at(fixture.url()).build()?;
    let todos = fixture.todos_of(&client);
    std::thread::scope(|scope| {
        let create = |n: usize| todos.create_record(Todo::new("Milk")).id(format!("n{n}")).call();
        let threads: Vec<_> = (0..8).map(|n| scope.spawn(move || create(n))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("no panic").map(drop))
    })?;
    assert_eq!(runtime.block_on(fixture.plain.ids(&fixture.records)).len(), 8);
    Ok(())
}

#[tokio::test]
async fn blocking_call_is_rejected_in_async_code() -> Outcome {
    let fixture = Fixture::new().await;
    let error = fixture.todos.create_record(Todo::new("Milk")).call().unwrap_err();
    assert_eq!(predicates(&error), ["invalid"], "{error}");
    assert!(error.to_string().contains(".await"), "{error}");
    assert!(fixture.sent.take().is_empty());
    // Where blocking is allowed it works.
    let todos = fixture.todos.clone();
    let created = tokio::task::spawn_blocking(move || {
        let _outside = tokio::runtime::Handle::try_current();
        std::thread::spawn(move || todos.create_record(Todo::new("Milk")).call()).join().expect("no panic")
    });
    let created = created.await??;
    assert_eq!(fixture.plain.ids(&fixture.records).await, [created.id.as_str()]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn call_futures_are_send() -> Outcome {
    let fixture = Fixture::new().await;
    let (todos, client) = (fixture.todos.clone(), fixture.client.clone());
    let created = tokio::spawn(todos.create_record(Todo::new("Milk")).id("milk").into_future()).await??;
    let listed = tokio::spawn(async move {
        let todos = todos.typed::<Todo>();
        let mut records = todos.get_records().await?;
        for record in &mut records {
            record.data.done = true;
            todos.save_record(record).await?;
        }
        client.user().await?;
        todos.get_records().await
    });
    let listed = listed.await??;
    assert_eq!((&listed[0].id, listed[0].data.done), (&created.id, true));
    Ok(())
}

/// The test passes if this compiles.
#[tokio::test]
async fn public_types_and_calls_are_send() -> Outcome {
    fn everywhere<T: Clone + Send + Sync + 'static>() {}
    fn movable<T: Send + Sync>() {}
    fn sent<'a, O: Action + 'a>(_: &Call<'a, O>)
    where
        Call<'a, O>: Send + IntoFuture<IntoFuture: Send>,
    {
    }

    everywhere::<Client>();
    everywhere::<Bucket>();
    everywhere::<Collection>();
    everywhere::<Group>();
    everywhere::<RecordHandle<Value>>();
    everywhere::<RecordHandle<Todo>>();
    everywhere::<TypedCollection<Todo>>();
    everywhere::<kinto_client::Auth>();
    everywhere::<kinto_client::RecordId<Todo>>();
    everywhere::<Record<Todo>>();
    everywhere::<Objects<kind::Record, Todo>>();
    movable::<Error>();
    movable::<kinto_client::ClientBuilder>();

    let fixture = Fixture::new().await;
    let (todos, mut record) = (&fixture.todos, fixture.todos.create_record(Todo::new("Milk")).await?);
    sent(&todos.create_record(Todo::new("Milk")));
    sent(&todos.get_record::<Todo>("milk"));
    sent(&todos.get_records::<Todo>());
    sent(&todos.update_record("milk", |_: &mut Todo| {}));
    sent(&todos.delete_record(&record));
    sent(&todos.delete_all_records());
    sent(&todos.save_record(&mut record));
    sent(&fixture.bucket.delete().if_exists());
    Ok(())
}

/// A type of record that can do as little as a type can.
#[derive(serde::Serialize, serde::Deserialize, kinto_client::KintoRecord)]
struct Bare {
    title: String,
}

#[tokio::test]
async fn handles_are_clone_for_any_type() -> Outcome {
    let fixture = Fixture::new().await;
    let bare = fixture.todos.typed::<Bare>();
    let clone = bare.clone();
    let created = clone.create_record(Bare { title: "Milk".to_owned() }).await?;
    let id = created.id.clone();
    let handle = bare.record(&id).clone();
    assert_eq!(handle.get().await?.data.title, "Milk");
    assert_eq!((handle.id(), &id), (id.as_str(), &created.id));
    assert_eq!(format!("{handle:?}"), format!("{}{}", fixture.url(), fixture.record(&id)));
    Ok(())
}
