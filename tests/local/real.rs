//! The same against a real Kinto, on each of its backends.

use kinto_client::{
    Collection, Value, json,
    local::{LocalCollection, Store},
};
use kinto_server::Backend;
use kinto_tests::{Fixture, Outcome, on_each_backend, server_on};

on_each_backend!(two_devices_meet, refusals_name_their_field);

async fn device(collection: &Collection) -> LocalCollection<Value> {
    Store::in_memory().await.unwrap().bind(collection).await.unwrap()
}

async fn two_devices_meet(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    fixture.bucket.create_collection("locks").await?;
    let todos = fixture.todos.fenced_by(&fixture.bucket.collection("locks"));
    let (one, other) = (device(&todos).await, device(&todos).await);
    for n in 0..60 {
        one.create_record(json!({"n": n, "price": 1.5})).id(format!("r{n}")).await?;
    }
    assert_eq!(one.sync().await?.sent, 60);
    assert_eq!(other.sync().await?.received, 60);

    one.patch_record("r1", json!({"text": "Milk"})).await?;
    one.delete_record("r2").await?;
    one.patch_record("r3", json!({"n": "here"})).await?;
    other.patch_record("r1", json!({"done": true})).await?;
    other.patch_record("r3", json!({"n": "there"})).await?;
    other.patch_record("r4", json!({"text": "Tea"})).await?;
    assert_eq!(one.sync().await?.sent, 3);
    let report = other.sync().await?;
    assert_eq!((report.sent, report.deleted, report.conflicts), (2, 1, 1));
    other.resolve_conflict("r3", Some(json!({"n": "both"}))).await?;
    other.sync().await?;
    one.sync().await?;
    for device in [&one, &other] {
        assert_eq!(device.get_records().count().await?, 59);
        assert!(device.conflicts().await?.is_empty());
    }
    for (id, data) in [
        ("r1", json!({"n": 1, "price": 1.5, "text": "Milk", "done": true})),
        ("r3", json!({"n": "both"})),
        ("r4", json!({"n": 4, "price": 1.5, "text": "Tea"})),
    ] {
        assert_eq!(one.get_record(id).await?.data, data);
        assert_eq!(other.get_record(id).await?.data, data);
        assert_eq!(fixture.todos.get_record::<Value>(id).await?.data, data);
    }
    assert_eq!(fixture.plain.ids(&fixture.records).await.len(), 59);
    Ok(())
}

async fn refusals_name_their_field(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    let schema = json!({"properties": {"text": {"type": "string", "maxLength": 5}}});
    fixture.todos.patch(json!({"schema": schema})).await?;
    let notes = device(&fixture.todos).await;
    notes.create_record(json!({"text": "far too long"})).id("long").await?;
    notes.create_record(json!({"text": "short"})).id("short").await?;
    let report = notes.sync().await?;
    assert_eq!((report.sent, report.refused), (1, 1));
    assert_eq!(notes.problems().await?[0].field.as_deref(), Some("text"));
    notes.patch_record("long", json!({"text": "ok"})).await?;
    assert_eq!(notes.sync().await?.sent, 1);
    assert_eq!(fixture.plain.ids(&fixture.records).await, ["long", "short"]);
    assert_eq!(notes.sync().await?.received, 0);
    Ok(())
}
