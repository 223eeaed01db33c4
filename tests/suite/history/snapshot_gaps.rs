//! Snapshots where the history does not show everything: they fail rather than be wrong.

use kinto_client::{
    Client, Collection, Error, Timestamp, Value,
    history::{HistoryAction, ResourceKind},
    json,
};
use kinto_server::{Backend, Server, unique};
use kinto_tests::{Fault, Fixture, Outcome, Proxy, SentRequest};

use super::ENTRY;
use crate::predicates;

/// Asserts that the snapshot is refused, both ways.
async fn assert_refused(todos: &Collection, at: Timestamp, words: &str) {
    let snapshot = || todos.snapshot::<Value>(at);
    let refused: [Error; 2] = [snapshot().await.unwrap_err(), snapshot().without_endpoint().await.unwrap_err()];
    for error in refused {
        assert_eq!(predicates(&error), ["unsupported"], "{error}");
        let message = error.to_string();
        assert!(message.contains(words) && message.contains("`.allow_incomplete()`"), "{message}");
    }
}

async fn ids(todos: &Collection, at: Timestamp) -> Vec<String> {
    let snapshot = todos.snapshot::<Value>(at).allow_incomplete().await.unwrap();
    let mut ids: Vec<String> = snapshot.iter().map(|record| record.id.to_string()).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn snapshot_is_refused_when_needed_entries_may_be_purged() -> Outcome {
    let fixture = Fixture::new().await;
    for n in 0..3 {
        fixture.plain.put_data(&fixture.record("r"), &json!({"n": n})).await;
    }
    let still = fixture.todos.create_record(json!({})).id("still").await?.last_modified;
    let middle = fixture.todos.record::<Value>("r").get_history().await?[1].target.last_modified;
    // The version of that time is purged, and the one before it is not.
    let purged = fixture.todos.purge_history().filter(ENTRY.version.eq(middle)).await?;
    assert_eq!(purged, 1);
    assert_refused(&fixture.todos, middle, "entries of it were purged").await;
    assert_eq!(
        fixture.todos.snapshot::<Value>(middle).allow_incomplete().await?[0].data,
        json!({"n": 0}),
        "as it says"
    );
    // What was not changed since needs no history, and neither does what was changed after the purge.
    assert_eq!(fixture.todos.snapshot::<Value>(still).await?.len(), 2);
    fixture.plain.put_data(&fixture.record("late"), &json!({"n": 1})).await;
    let late = fixture.todos.get_records_timestamp().await?;
    fixture.plain.put_data(&fixture.record("late"), &json!({"n": 2})).await;
    let snapshot = fixture.todos.snapshot::<Value>(late).await?;
    assert_eq!((snapshot.len(), &snapshot[0].data), (3, &json!({"n": 1})));
    Ok(())
}

#[tokio::test]
async fn snapshot_is_refused_when_old_entries_are_purged() -> Outcome {
    let fixture = Fixture::new().await;
    for id in ["a", "b", "c"] {
        fixture.plain.put_data(&fixture.record(id), &json!({"n": 1})).await;
    }
    let at = fixture.todos.get_records_timestamp().await?;
    fixture.plain.put_data(&fixture.record("b"), &json!({"n": 2})).await;
    let update = fixture.todos.get_history().filter(ENTRY.action.eq(HistoryAction::Update)).first().await?.unwrap();
    fixture.bucket.purge_history().before(update.last_modified).await?;
    assert_refused(&fixture.todos, at, "no version of the record `b` from before").await;
    assert_eq!(ids(&fixture.todos, at).await, ["a", "c"]);
    Ok(())
}

/// The plugin is switched on after there are records: what came before is known only as far as it is still there.
#[tokio::test]
async fn snapshot_is_refused_when_history_began_later() -> Outcome {
    let builder = Server::builder().backend(Backend::PostgreSql).workers(1);
    let without = builder.setting("kinto.includes", "kinto.plugins.default_bucket kinto.plugins.accounts").start()?;
    let with = Server::builder().node_of(&without)?.start()?;
    let fixture = Fixture::on(without.url()).await;
    let error = fixture.todos.snapshot::<Value>(Timestamp::from_millis(5)).await.unwrap_err();
    assert_eq!(predicates(&error), ["unsupported"], "{error}");
    assert!(error.to_string().contains("does not offer *history*"), "{error}");
    for id in ["a", "b", "c"] {
        fixture.plain.put_data(&fixture.record(id), &json!({"n": 1})).await;
    }
    let before = fixture.todos.get_records_timestamp().await?;
    fixture.plain.put_data(&fixture.record("b"), &json!({"n": 2})).await;
    let at = fixture.todos.get_records_timestamp().await?;

    let later = fixture.todos_of(&fixture.client_at(with.url()).build()?);
    assert_eq!(later.snapshot::<Value>(at).await?.len(), 3, "nothing was changed since");
    later.overwrite_record("a", json!({"n": 3})).await?;
    later.overwrite_record("d", json!({"n": 3})).await?;
    assert_refused(&later, at, "no version of the record `a` from before").await;
    assert_refused(&later, before, "no version of the record `b` from before").await;
    assert_eq!(ids(&later, at).await, ["b", "c"]);
    // From here on, the history has it all; the collection is another version now.
    let now = later.get_records_timestamp().await?;
    later.patch(json!({"colour": "blue"})).await?;
    later.overwrite_record("a", json!({"n": 4})).await?;
    let snapshot = later.snapshot::<Value>(now).await?;
    assert_eq!(snapshot.iter().find(|record| &*record.id == "a").unwrap().data, json!({"n": 3}));
    assert_refused(&later, before, "its oldest entry that you may read is of").await;
    Ok(())
}

#[tokio::test]
async fn snapshot_of_deleted_collection_is_refused_when_its_entries_are_purged() -> Outcome {
    let fixture = Fixture::new().await;
    for id in ["a", "b"] {
        fixture.plain.put_data(&fixture.record(id), &json!({"n": 1})).await;
    }
    let at = fixture.todos.get_records_timestamp().await?;
    fixture.plain.delete(&fixture.todos.path()).await;
    assert_eq!(fixture.todos.snapshot::<Value>(at).await?.len(), 2);
    fixture.todos.record::<Value>("a").purge_history().all().await?;
    assert_refused(&fixture.todos, at, "entries of it were purged").await;
    assert_eq!(ids(&fixture.todos, at).await, ["b"]);
    let creation = ENTRY.resource_name.eq(ResourceKind::Collection).and(ENTRY.action.eq(HistoryAction::Create));
    assert_eq!(fixture.bucket.purge_history().filter(creation).await?, 1);
    assert_refused(&fixture.todos, at, "when the collection was created").await;
    Ok(())
}

#[tokio::test]
async fn snapshot_is_refused_when_collection_is_excluded() -> Outcome {
    let server = Server::builder().backend(Backend::Memory);
    let server = server.setting("history.exclude_resources", "/buckets/half/collections/todos").shared()?;
    let client = Client::builder(server.url()).auth((unique("user"), "p4ssw0rd")).build()?;
    let bucket = client.bucket("half");
    bucket.create().permissions(|p| p.write("system.Authenticated")).if_not_exists().await?;
    let todos = bucket.collection("todos");
    todos.create().if_not_exists().await?;
    todos.overwrite_record("a", json!({"n": 1})).await?;
    let at = todos.get_records_timestamp().await?;
    assert!(!todos.snapshot::<Value>(at).await?.is_empty(), "nothing was changed since");
    todos.overwrite_record("a", json!({"n": 2})).await?;
    assert_refused(&todos, at, "is set to record no changes of it").await;
    Ok(())
}

/// The settings of servers that would have to be started: a proxy says them instead.
#[tokio::test]
async fn snapshot_is_refused_when_server_leaves_out_changes() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("a"), &json!({"n": 1})).await;
    let at = fixture.todos.get_records_timestamp().await?;
    fixture.plain.put_data(&fixture.record("a"), &json!({"n": 2})).await;
    let root = fixture.plain.get("/").await.json();
    for (pointer, value, words) in [
        ("/capabilities/history/auto_trim_user_ids", json!(["account:a"]), "is set to drop entries of some users"),
        ("/settings/explicit_permissions", json!(false), "`explicit_permissions` off"),
        ("/capabilities/history/excluded_resources", json!([{"bucket": "other"}]), ""),
        ("/capabilities/history/auto_trim_max_count", json!(5), ""),
    ] {
        let mut root = root.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        root.pointer_mut(parent).unwrap()[name] = value;
        let rule = move |sent: &SentRequest| match &*sent.target {
            "/v1/" => Fault::json(200, &root),
            _ => Fault::Pass,
        };
        let proxy = Proxy::start(fixture.url(), rule).await;
        let todos = fixture.todos_through(&proxy);
        if words.is_empty() {
            assert_eq!(todos.snapshot::<Value>(at).await?[0].data, json!({"n": 1}), "{pointer}");
        } else {
            assert_refused(&todos, at, words).await;
        }
    }
    Ok(())
}

/// A reader of the collection sees the entries that were readable when they were written.
#[tokio::test]
async fn snapshot_is_refused_when_bucket_is_not_readable() -> Outcome {
    let fixture = Fixture::new().await;
    let reader = fixture.client.with_auth(("reader", "p4ssw0rd"))?;
    let id = reader.user().await?.expect("it is known").id.clone();
    fixture.plain.put_data(&fixture.record("r"), &json!({"n": 0})).await;
    fixture.todos.grant(|p| p.read(id.clone())).await?;
    fixture.plain.put_data(&fixture.record("r"), &json!({"n": 1})).await;
    fixture.todos.revoke(|p| p.read(id.clone())).await?;
    fixture.plain.put_data(&fixture.record("r"), &json!({"n": 2})).await;
    fixture.todos.grant(|p| p.read(id)).await?;
    let at = fixture.todos.get_records_timestamp().await?;

    let todos = fixture.todos_of(&reader);
    let seen = todos.record::<Value>("r").get_history().await?;
    assert_eq!(seen.len(), 1, "the trap: of three versions");
    assert_eq!(todos.snapshot::<Value>(at).await?[0].data, json!({"n": 2}), "it was not changed since");
    fixture.plain.put_data(&fixture.record("r"), &json!({"n": 3})).await;
    assert_refused(&todos, at, "you may not read the bucket").await;
    assert_eq!(todos.snapshot::<Value>(at).allow_incomplete().await?[0].data, json!({"n": 1}), "what it can see");
    assert_eq!(fixture.todos.snapshot::<Value>(at).await?[0].data, json!({"n": 2}));
    Ok(())
}
