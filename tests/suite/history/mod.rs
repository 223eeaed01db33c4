//! The history of a bucket: entries, purges, versions of records, and snapshots of collections.

use futures_util::TryStreamExt as _;
use kinto_client::{
    Client, KintoRecord as _, Sort, Value,
    history::{HistoryAction, HistoryEntry, ResourceKind},
    json,
};
use kinto_server::{Backend, Server, unique};
use kinto_tests::{Fixture, Outcome, RawClient, on_each_backend, server_on};

use crate::{Todo, predicates};

mod edits;
mod purge;
mod races;
mod snapshot;
mod snapshot_gaps;
mod versions;

const ENTRY: kinto_client::history::HistoryFields<Value> = HistoryEntry::<Value>::fields();

/// What entries say: the action, the kind of the object, and the last name of its path.
fn told<T>(entries: &[HistoryEntry<T>]) -> Vec<String> {
    let last = |entry: &HistoryEntry<T>| entry.uri.rsplit('/').next().unwrap_or_default().to_owned();
    entries.iter().map(|entry| format!("{} {} {}", entry.action, entry.resource_name, last(entry))).collect()
}

#[tokio::test]
async fn get_history_returns_changes_of_bucket() -> Outcome {
    let fixture = Fixture::new().await;
    let me = fixture.client.user().await?.expect("I am known").id.clone();
    let bucket = fixture.client.bucket(unique("history"));
    let path = format!("/buckets/{}", bucket.id());
    bucket.create().await?;
    let collection = bucket.collection("todos");
    collection.create().permissions(|p| p.read("system.Everyone")).await?;
    let mut milk = collection.create_record(Todo::new("Milk")).id("milk").await?;
    let created = milk.last_modified;
    milk.data.done = true;
    collection.save_record(&mut milk).await?;
    let deleted = collection.delete_record(&milk).await?;
    bucket.create_group("team", ["account:a"]).await?;

    let entries = bucket.get_history().await?;
    let expected = [
        "create group team",
        "delete record milk",
        "update record milk",
        "create record milk",
        "create collection todos",
        &format!("create bucket {}", bucket.id()),
    ];
    assert_eq!(told(&entries), expected, "the last first");
    assert_eq!(entries[2].uri, format!("{path}/collections/todos/records/milk"));
    assert!(entries.iter().all(|entry| entry.user_id == Some(me.clone()) && entry.date.is_some()));
    assert!(entries.windows(2).all(|pair| pair[0].last_modified > pair[1].last_modified && pair[0].id != pair[1].id));
    let ids: Vec<_> = entries.iter().map(|e| [&e.bucket_id, &e.collection_id, &e.group_id, &e.record_id]).collect();
    let (todos, milk_id) = (Some("todos".to_owned()), Some("milk".to_owned()));
    assert_eq!(ids[0], [&None, &None, &Some("team".to_owned()), &None]);
    assert_eq!(ids[1..4], [[&None, &todos, &None, &milk_id]; 3]);
    assert_eq!(ids[4..], [[&None, &todos, &None, &None], [&Some(bucket.id().to_owned()), &None, &None, &None]]);

    let target = |place: usize| &entries[place].target;
    assert_eq!(target(0).data.as_ref().unwrap()["members"], json!(["account:a"]));
    assert_eq!((target(1).last_modified, &target(1).data), (deleted.last_modified.unwrap(), &None));
    let stored = |done: bool| Some(json!({"title": "Milk", "done": done}));
    assert_eq!((target(2).last_modified, &target(2).data), (milk.last_modified, &stored(true)));
    assert_eq!((target(3).last_modified, &target(3).data), (created, &stored(false)));
    assert_eq!(json!(target(3).permissions), json!({"write": [me]}));
    assert_eq!(json!(target(4).permissions), json!({"read": ["system.Everyone"], "write": [me]}));
    let raw: Value = serde_json::from_str(entries[3].target_json())?;
    assert_eq!(raw, json!({"id": "milk", "last_modified": created, "title": "Milk", "done": false}));
    assert_eq!(fixture.plain.get(&format!("{path}/history")).await.json()["data"].as_array().map(Vec::len), Some(6));
    Ok(())
}

#[tokio::test]
async fn get_history_reads_pages_as_far_as_needed() -> Outcome {
    let server = Server::builder().paginate_by(5).shared()?;
    let fixture = Fixture::on(server.url()).await;
    for n in 0..11 {
        fixture.plain.put(&fixture.record(&format!("n{n}")), &json!({})).await;
    }
    let ids = |entries: &[HistoryEntry]| {
        entries.iter().map(|entry| entry.uri.rsplit('/').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let expected = ["n10", "n9", "n8", "n7", "n6", "n5", "n4", "n3", "n2", "n1", "n0", "todos", fixture.bucket.id()];
    assert_eq!(ids(&fixture.bucket.get_history().await?), expected);
    assert_eq!(fixture.sent.take().len(), 3);
    assert_eq!(fixture.bucket.get_history().count().await?, 13);
    assert!(fixture.sent.take_lines().iter().all(|line| line.contains("_fields=id")));
    assert_eq!(ids(&fixture.bucket.get_history().limit(7).await?), expected[..7]);
    assert_eq!(fixture.sent.take().len(), 2);
    let first = fixture.bucket.get_history().first().await?.unwrap();
    assert_eq!(first.record_id.as_deref(), Some("n10"));
    assert!(fixture.sent.take_one().line().ends_with("/history?_limit=1"));
    let error = fixture.bucket.get_history().page_size(2).max_pages(3).await.unwrap_err();
    assert_eq!(predicates(&error), ["too large"], "{error}");
    fixture.sent.forget();

    let mut stream = fixture.bucket.get_history().page_size(3).stream();
    let mut streamed = Vec::new();
    while let Some(entry) = stream.try_next().await? {
        streamed.push(entry);
    }
    assert_eq!(ids(&streamed), expected);
    assert_eq!(fixture.sent.take().len(), 5);
    for (error, words) in [
        (fixture.bucket.get_history().limit(0).await.unwrap_err(), "`limit` must be at least 1"),
        (fixture.bucket.get_history().limit(3).count().await.unwrap_err(), "remove `.limit(…)`"),
        (fixture.bucket.get_history().max_pages(0).await.unwrap_err(), "`max_pages` must be at least 1"),
    ] {
        assert_eq!(predicates(&error), ["invalid"], "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    assert!(fixture.sent.take().is_empty());
    Ok(())
}

on_each_backend!(get_history_filters_and_sorts);

async fn get_history_filters_and_sorts(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    let todos = fixture.todos.typed::<Todo>();
    let f = Todo::fields();
    let e = HistoryEntry::<Todo>::fields();
    for (id, title) in [("b", "Bread"), ("m", "Milk"), ("a", "Apples")] {
        todos.create_record(Todo::new(title)).id(id).await?;
    }
    let milk = todos.update_record("m", |todo| todo.done = true).await?;
    todos.delete_record("b").await?;
    fixture.bucket.create_group("team", ["account:a"]).await?;
    let list = || todos.get_history();

    let created = list().filter(e.action.eq(HistoryAction::Create)).sort(f.title.asc().in_history()).await?;
    assert_eq!(told(&created), ["create record a", "create record b", "create record m"]);
    assert_eq!(created[0].target.data.as_ref().unwrap().title, "Apples", "it is typed");
    let done = list().filter(f.done.eq(true).in_history().and(f.title.like("mil*").in_history())).await?;
    assert_eq!(told(&done), ["update record m"]);
    assert_eq!(done[0].to_record()?.unwrap().data, milk.data);
    let gone = list().filter(f.title.is_missing().in_history()).await?;
    assert_eq!(told(&gone), ["delete record b"]);
    let two = list().filter(e.record_id.is_in(["a", "b"]).and(e.action.ne(HistoryAction::Delete))).sort(e.uri.desc());
    assert_eq!(told(&two.await?), ["create record b", "create record a"]);
    let since = list().filter(e.version.ge(milk.last_modified)).sort(e.version.asc()).await?;
    assert_eq!(told(&since), ["update record m", "delete record b"]);
    let entries = list().await?;
    assert_eq!(told(&list().since(entries[1].last_modified).await?), ["delete record b"]);
    assert_eq!(told(&list().before(entries[2].last_modified).await?), ["create record m", "create record b"]);
    assert_eq!(list().since(entries[4].last_modified).before(entries[0].last_modified).count().await?, 3);
    let untyped = fixture.todos.get_history();
    let filter = kinto_client::Filter::field("title").eq("Milk").in_history();
    assert_eq!(untyped.filter(filter).sort(Sort::asc("done").in_history()).await?.len(), 2);

    // The parts of the bucket.
    assert_eq!(told(&fixture.todos.get_history().limit(1).await?), ["delete record b"]);
    assert_eq!(fixture.todos.get_history().await?.len(), 6, "with the collection itself");
    assert_eq!(list().await?.len(), 5);
    let group = fixture.bucket.group("team").get_history().await?;
    assert_eq!(told(&group), ["create group team"]);
    assert_eq!(group[0].target.data.as_ref().unwrap().members, ["account:a"]);
    assert_eq!(told(&todos.record("m").get_history().await?), ["update record m", "create record m"]);
    assert_eq!(fixture.bucket.get_history().filter(ENTRY.resource_name.eq(ResourceKind::Bucket)).await?.len(), 1);
    assert_eq!(todos.record("none").get_history().await?.len(), 0);
    Ok(())
}

#[tokio::test]
async fn get_history_refuses_unknown_fields() -> Outcome {
    let fixture = Fixture::new().await;
    let plain = |name: &str| kinto_client::Filter::plain(name, 1);
    let list = || fixture.bucket.get_history();
    for error in [
        list().filter(plain("nope")).await.unwrap_err(),
        list().filter(plain("timestamp")).count().await.unwrap_err(),
        list().sort(Sort::asc("title")).await.unwrap_err(),
        list().filter(plain("data.title")).first().await.unwrap_err(),
        fixture.bucket.purge_history().filter(plain("title")).await.unwrap_err(),
        list().filter(plain("title")).preview().unwrap_err(),
    ] {
        assert_eq!(predicates(&error), ["invalid"], "{error}");
        assert!(
            error.to_string().contains("have no field") && error.to_string().contains("`.in_history()`"),
            "{error}"
        );
    }
    assert!(fixture.sent.take().is_empty());
    Ok(())
}

#[tokio::test]
async fn get_history_names_entry_that_does_not_fit() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("good"), &json!({"title": "Milk"})).await;
    fixture.plain.put_data(&fixture.record("bad"), &json!({"title": 5})).await;
    let todos = fixture.todos.typed::<Todo>();
    let id = fixture.bucket.get_history().first().await?.unwrap().id;
    let error = todos.get_history().await.unwrap_err();
    assert_eq!(predicates(&error), ["decode"]);
    assert_eq!((error.record_id(), error.field()), (Some("bad"), Some("target.data.title")), "{error}");
    assert!(error.to_string().contains(&format!("the entry `{id}` of the history")), "{error}");

    let lenient = todos.get_history().lenient().await?;
    assert_eq!(lenient[1].as_ref().unwrap().target.data, Some(Todo::new("Milk")));
    let bad = lenient[0].as_ref().unwrap_err();
    assert_eq!((bad.id.as_deref(), bad.path.as_deref()), (Some("bad"), Some("target.data.title")));
    let raw: Value = serde_json::from_str(bad.json())?;
    assert_eq!(raw["target"]["data"]["title"], 5);
    Ok(())
}

#[tokio::test]
async fn get_history_reads_changes_of_anonymous_users() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.todos.grant(|p| p.write("system.Everyone")).await?;
    let nobody = RawClient::nobody(fixture.url());
    nobody.put_data(&fixture.record("milk"), &json!({"title": "Milk"})).await;
    let entry = fixture.todos.get_history().first().await?.unwrap();
    assert_eq!((entry.user_id, entry.record_id.as_deref()), (None, Some("milk")));
    let entries = fixture.todos.get_history().filter(ENTRY.user_id.has_key().and(ENTRY.record_id.eq("milk"))).await?;
    assert_eq!(entries.len(), 1);
    Ok(())
}

/// Kinto records the changes of a batch grouped by what was done, not in their order.
#[tokio::test]
async fn record_history_is_in_order_of_versions() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("r"), &json!({"v": 1})).await;
    let path = format!("/v1{}", fixture.record("r"));
    let put = |v: u8| json!({"method": "PUT", "path": path, "body": {"data": {"v": v}}});
    let other = json!({"method": "PUT", "path": format!("/v1{}", fixture.record("a")), "body": {"data": {}}});
    let delete = json!({"method": "DELETE", "path": path});
    fixture.plain.post("/batch", &json!({"requests": [other, delete, put(2), put(3)]})).await;
    let recorded = fixture.todos.get_history().filter(ENTRY.record_id.eq("r")).await?;
    let actions = |entries: &[HistoryEntry]| entries.iter().map(|e| e.action.to_string()).collect::<Vec<_>>();
    assert_eq!(actions(&recorded), ["update", "delete", "create", "create"], "the trap");
    let versions = fixture.todos.record::<Value>("r").get_history().await?;
    assert_eq!(actions(&versions), ["update", "create", "delete", "create"]);
    assert!(versions.windows(2).all(|pair| pair[0].target.last_modified > pair[1].target.last_modified));
    Ok(())
}

#[tokio::test]
async fn history_of_default_bucket_is_read() -> Outcome {
    let fixture = Fixture::new().await;
    let collection = fixture.client.bucket("default").collection(unique("history"));
    let milk = collection.create_record(Todo::new("Milk")).await?;
    collection.update_record::<Todo, _>(&milk.id, |todo| todo.done = true).await?;
    let typed = collection.typed::<Todo>();
    assert_eq!(typed.get_history().await?.len(), 2);
    assert_eq!(collection.get_history().await?.len(), 3);
    assert_eq!(typed.record(&milk.id).get_history().count().await?, 2);
    assert_eq!(typed.snapshot(milk.last_modified).await?[0].data, milk.data);
    assert_eq!(typed.purge_history().all().await?, 2);
    Ok(())
}

#[tokio::test]
async fn history_is_not_found_in_invalid_places() -> Outcome {
    let fixture = Fixture::new().await;
    for error in [
        fixture.client.bucket("a/b").get_history().await.unwrap_err(),
        fixture.bucket.collection("").get_history().await.unwrap_err(),
        fixture.bucket.group("a b").purge_history().all().await.unwrap_err(),
        fixture.todos.record::<Value>("a/b").get_history().await.unwrap_err(),
        fixture.bucket.collection("a@b").snapshot::<Value>(kinto_client::Timestamp::from_millis(1)).await.unwrap_err(),
    ] {
        assert_eq!(predicates(&error), ["invalid"], "{error}");
    }
    assert!(fixture.sent.take().is_empty());
    let stranger = Client::builder(fixture.url()).auth(("stranger", "p4ssw0rd")).build()?;
    let bucket = stranger.bucket(fixture.bucket.id());
    let error = bucket.purge_history().all().await.unwrap_err();
    assert_eq!(predicates(&error), ["forbidden"], "{error}");
    let error =
        bucket.collection("todos").snapshot::<Value>(kinto_client::Timestamp::from_millis(1)).await.unwrap_err();
    assert_eq!(predicates(&error), ["forbidden"], "{error}");
    Ok(())
}
