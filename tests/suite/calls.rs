//! A call is a value: it can be looked at, awaited, waited for, sent to another thread or dropped.

use kinto_client::{
    Bucket, Call, Client, Collection, Error, Group, Objects, Record, RecordHandle, Run, TypedCollection, Value, json,
    kind,
};
use kinto_tests::{Outcome, Scene};
use tokio::runtime::Runtime;

use crate::{Todo, predicates};

#[tokio::test]
async fn explain_shows_the_request_and_sends_none() -> Outcome {
    let scene = Scene::new().await;
    let mut record = scene.todos.create_record(Todo::new("Milk")).id("milk").await?;
    let (path, time) = (scene.record("milk"), record.last_modified);
    scene.sent.forget();

    let create = scene.todos.create_record(Todo::new("Eggs")).id("eggs").permissions(|p| p.read("account:remy"));
    let explanation = create.preview()?;
    assert_eq!(explanation.method(), Some(&http::Method::PUT));
    assert_eq!(explanation.target(), Some(scene.record("eggs")));
    let body: Value = serde_json::from_str(explanation.body().unwrap())?;
    let expected = json!({"data": {"title": "Eggs", "done": false}, "permissions": {"read": ["account:remy"]}});
    assert_eq!(body, expected);
    let text = explanation.to_string();
    assert!(text.starts_with(&format!("PUT {}\nIf-None-Match: *\n", scene.record("eggs"))), "{text}");

    let list = scene.todos.get_record::<Todo>("milk").preview()?;
    assert_eq!((list.to_string(), list.body()), (format!("GET {path}"), None));
    let delete = scene.todos.delete_record(&record).preview()?;
    assert_eq!(delete.to_string(), format!("DELETE {path}\nIf-Match: \"{time}\""));
    let nothing = scene.todos.save_record(&mut record).preview()?;
    assert_eq!((nothing.method(), nothing.target(), nothing.body()), (None, None, None));
    record.data.done = true;
    let save = scene.todos.save_record(&mut record).preview()?.to_string();
    assert!(save.starts_with(&format!("PUT {path}\nIf-Match: \"{time}\"\n")), "{save}");
    assert!(
        save.ends_with(r#"{"data":{"title":"Milk","done":true}}"#)
            || save.ends_with(r#"{"data":{"done":true,"title":"Milk"}}"#),
        "{save}"
    );
    let wrong = scene.todos.get_record::<Todo>("no/id").preview().unwrap_err();
    assert_eq!((predicates(&wrong), wrong.operation()), (vec!["invalid"], Some("get record")));
    assert!(scene.sent.take().is_empty());
    assert_eq!(scene.plain.ids(&scene.records).await, ["milk"]);
    Ok(())
}

#[tokio::test]
async fn what_is_explained_is_what_is_sent() -> Outcome {
    let scene = Scene::new().await;
    let create = scene.todos.create_record(Todo::new("Milk"));
    let explanation = create.preview()?;
    let created = create.await?;
    let sent = scene.sent.take_one();
    assert_eq!(explanation.target(), Some(scene.record(&created.id)), "the id has been made already");
    assert_eq!(format!("{} {}", explanation.method().unwrap(), explanation.target().unwrap()), sent.line());
    assert_eq!(explanation.body(), Some(sent.body.as_str()));

    let group = scene.bucket.create_group("friends", ["account:remy"]).if_not_exists();
    let explanation = group.preview()?;
    group.await?;
    let sent = scene.sent.take_one();
    assert_eq!(format!("{} {}", explanation.method().unwrap(), explanation.target().unwrap()), sent.line());
    assert_eq!(explanation.body(), Some(sent.body.as_str()));
    Ok(())
}

#[tokio::test]
async fn a_call_that_is_not_awaited_sends_nothing() -> Outcome {
    let scene = Scene::new().await;
    drop(scene.todos.create_record(Todo::new("Milk")));
    drop(scene.todos.create_record(Todo::new("Milk")).into_future());
    drop(scene.todos.delete_all_records().into_future());
    assert!(scene.sent.take().is_empty());
    Ok(())
}

#[test]
fn call_gives_what_await_gives() -> Outcome {
    let runtime = Runtime::new()?;
    let scene = runtime.block_on(Scene::new());
    let todos = scene.todos.typed::<Todo>();
    let mut record = todos.create_record(Todo::new("Milk")).id("milk").call()?;
    assert_eq!(runtime.block_on(scene.plain.held(&scene.record("milk"))), json!({"title": "Milk", "done": false}));
    let error = todos.create_record(Todo::new("Eggs")).id("milk").call().unwrap_err();
    assert_eq!(predicates(&error), ["conflict"], "{error}");
    record.data.done = true;
    todos.save_record(&mut record).call()?;
    todos.update_record("milk", |todo| todo.title.push('!')).call()?;
    todos.create_record(Todo::new("Eggs")).server_id().call()?;
    let records = todos.get_records().page_size(1).call()?;
    assert_eq!((records.len(), &records[1].data), (2, &Todo { title: "Milk!".to_owned(), done: true }));
    assert!(todos.get_record("none").or_none().call()?.is_none());
    assert_eq!(todos.delete_all_records().call()?.len(), 2);
    assert_eq!(runtime.block_on(scene.plain.ids(&scene.records)), [""; 0]);

    let methods: Vec<String> = scene.sent.take().iter().map(|sent| sent.method.to_string()).collect();
    assert_eq!(methods, ["PUT", "PUT", "PUT", "GET", "PUT", "POST", "GET", "GET", "GET", "DELETE"]);
    Ok(())
}

#[test]
fn call_works_from_many_threads() -> Outcome {
    let runtime = Runtime::new()?;
    let scene = runtime.block_on(Scene::new());
    let client = scene.client_at(scene.url()).build()?;
    let todos = scene.todos_of(&client);
    std::thread::scope(|scope| {
        let create = |n: usize| todos.create_record(Todo::new("Milk")).id(format!("n{n}")).call();
        let threads: Vec<_> = (0..8).map(|n| scope.spawn(move || create(n))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("no panic").map(drop))
    })?;
    assert_eq!(runtime.block_on(scene.plain.ids(&scene.records)).len(), 8);
    Ok(())
}

#[tokio::test]
async fn call_within_async_code_is_refused() -> Outcome {
    let scene = Scene::new().await;
    let error = scene.todos.create_record(Todo::new("Milk")).call().unwrap_err();
    assert_eq!(predicates(&error), ["invalid"], "{error}");
    assert!(error.to_string().contains(".await"), "{error}");
    assert!(scene.sent.take().is_empty());
    // Where blocking is allowed it works.
    let todos = scene.todos.clone();
    let created = tokio::task::spawn_blocking(move || {
        let _outside = tokio::runtime::Handle::try_current();
        std::thread::spawn(move || todos.create_record(Todo::new("Milk")).call()).join().expect("no panic")
    });
    let created = created.await??;
    assert_eq!(scene.plain.ids(&scene.records).await, [created.id.as_str()]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_can_be_spawned() -> Outcome {
    let scene = Scene::new().await;
    let (todos, client) = (scene.todos.clone(), scene.client.clone());
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

/// That this compiles is the test.
#[tokio::test]
async fn values_are_free_to_move() -> Outcome {
    fn everywhere<T: Clone + Send + Sync + 'static>() {}
    fn movable<T: Send + Sync>() {}
    fn sent<'a, O: Run + 'a>(_: &Call<'a, O>)
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

    let scene = Scene::new().await;
    let (todos, mut record) = (&scene.todos, scene.todos.create_record(Todo::new("Milk")).await?);
    sent(&todos.create_record(Todo::new("Milk")));
    sent(&todos.get_record::<Todo>("milk"));
    sent(&todos.get_records::<Todo>());
    sent(&todos.update_record("milk", |_: &mut Todo| {}));
    sent(&todos.delete_record(&record));
    sent(&todos.delete_all_records());
    sent(&todos.save_record(&mut record));
    sent(&scene.bucket.delete().if_exists());
    Ok(())
}

/// A type of record that can do as little as a type can.
#[derive(serde::Serialize, serde::Deserialize, kinto_client::KintoRecord)]
struct Bare {
    title: String,
}

#[tokio::test]
async fn handles_can_be_cloned_whatever_the_type() -> Outcome {
    let scene = Scene::new().await;
    let bare = scene.todos.typed::<Bare>();
    let clone = bare.clone();
    let created = clone.create_record(Bare { title: "Milk".to_owned() }).await?;
    let id = created.id.clone();
    let handle = bare.record(&id).clone();
    assert_eq!(handle.get().await?.data.title, "Milk");
    assert_eq!((handle.id(), &id), (id.as_str(), &created.id));
    assert_eq!(format!("{handle:?}"), format!("{}{}", scene.url(), scene.record(&id)));
    Ok(())
}
