//! Records: created, changed, shared, copied and counted.

use kinto_client::{Record, Value, json, object::JsonPatch};
use kinto_tests::{Fixture, Outcome};

use super::number;
use crate::predicates;

#[tokio::test]
async fn record_keeps_its_fields_and_permissions_when_it_is_saved() -> Outcome {
    let fixture = Fixture::new().await;
    let create = fixture.todos.create_record(json!({"foo": "bar"})).permissions(|p| p.read("account:alexis"));
    let mut record: Record<Value> = create.await?;
    record.data["bar"] = "baz".into();
    fixture.todos.save_record(&mut record).await?;
    let read = fixture.todos.get_record::<Value>(record.id.as_str()).await?;
    assert_eq!((&read.data, read.last_modified), (&json!({"foo": "bar", "bar": "baz"}), record.last_modified));
    assert!(read.permissions.get().expect("mine").read.contains("account:alexis"));
    Ok(())
}

#[tokio::test]
async fn record_that_is_overwritten_is_created_where_it_is_missing() -> Outcome {
    let fixture = Fixture::new().await;
    let id = "2dcd0e65-468c-4655-8015-30c8b3a1c8f8";
    fixture.todos.overwrite_record(id, json!({"title": "blah"})).await?;
    assert_eq!(fixture.todos.get_record::<Value>(id).await?.data, json!({"title": "blah"}));
    let replaced = fixture.todos.overwrite_record(id, json!({"name": "mod"})).await?;
    assert_eq!(replaced.data, json!({"name": "mod"}));
    assert_eq!(fixture.plain.held(&fixture.record(id)).await, json!({"name": "mod"}));
    Ok(())
}

#[tokio::test]
async fn record_is_patched_and_keeps_its_other_fields() -> Outcome {
    let fixture = Fixture::new().await;
    let record = fixture.todos.create_record(json!({"title": "foo", "blah": 42})).await?;
    fixture.todos.patch_record::<Value>(record.id.as_str(), json!({"blah": 43})).await?;
    assert_eq!(fixture.plain.held(&fixture.record(&record.id)).await, json!({"title": "foo", "blah": 43}));
    let stale = fixture.todos.patch_record::<Value>(record.id.as_str(), json!({"blah": 44}));
    let error = stale.if_match(record.last_modified).await.unwrap_err();
    assert_eq!(predicates(&error), ["conflict"], "{error}");
    Ok(())
}

#[tokio::test]
async fn record_is_changed_by_a_json_patch_and_shared() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.todos.create_record(json!({"hello": "world"})).id("r1").await?;
    let record = fixture.todos.record::<Value>("r1");
    record.json_patch(JsonPatch::new().add(["goodnight"], "moon")).await?;
    record.grant(|p| p.read("account:alice")).await?;
    let read = record.get().await?;
    assert_eq!(read.data, json!({"hello": "world", "goodnight": "moon"}));
    assert_eq!(read.permissions.get().expect("mine").read, ["account:alice".into()].into());
    Ok(())
}

#[tokio::test]
async fn records_are_counted_before_and_after() -> Outcome {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.todos.get_records::<Value>().count().await?, 0);
    fixture.todos.create_records([json!({"a": 1}), json!({"a": 2})]).await?;
    assert_eq!(fixture.todos.get_records::<Value>().count().await?, 2);
    Ok(())
}

#[tokio::test]
async fn records_are_copied_to_another_collection() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.todos.create_records((0..10).map(|n| json!({"foo": "bar", "n": n}))).await?;
    let copy = fixture.bucket.collection("copy");
    copy.create().await?;
    let records = fixture.todos.get_records::<Value>().await?;
    let creates = records.iter().map(|record| {
        let mut data = record.data.clone();
        data["id"] = record.id.as_str().into();
        data
    });
    copy.create_records(creates).await?;
    let path = |collection: &str| format!("{}/collections/{collection}/records", fixture.bucket.path());
    assert_eq!(fixture.plain.ids(&path("copy")).await, fixture.plain.ids(&fixture.records).await);
    for record in &records {
        assert_eq!(fixture.plain.held(&format!("{}/{}", path("copy"), record.id)).await, record.data);
    }
    Ok(())
}

/// What holds in a bucket of one's own holds in the personal one.
#[tokio::test]
async fn records_of_the_default_bucket_are_like_any_others() -> Outcome {
    let fixture = Fixture::new().await;
    let plop = fixture.client.bucket("default").collection("plop");
    let record = plop.create_record(number(1)).await?;
    plop.update_record::<Value, _>(record.id.as_str(), |data| data["n"] = 2.into()).await?;
    assert_eq!(plop.get_records::<Value>().one().await?.data, number(2));
    plop.grant(|p| p.read("account:gabi")).await?;
    assert!(plop.get().await?.permissions.get().expect("mine").read.contains("account:gabi"));
    plop.revoke(|p| p.read("account:gabi")).await?;
    assert!(plop.get().await?.permissions.get().expect("mine").read.is_empty());
    let error = plop.delete_record(&record).await.unwrap_err();
    assert_eq!(predicates(&error), ["conflict"], "{error}");
    plop.delete_record(record.id.as_str()).await?;
    assert_eq!(plop.get_records::<Value>().count().await?, 0);
    Ok(())
}
