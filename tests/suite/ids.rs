//! Ids of new objects, and the rule that a create never replaces an object.

use kinto_client::{Value, json, object::CreateOutcome};
use kinto_tests::{Fixture, Outcome};
use uuid::Uuid;

use crate::{Todo, predicates};

#[tokio::test]
async fn create_generates_random_id_by_default() -> Outcome {
    let fixture = Fixture::new().await;
    let one = fixture.todos.create_record(Todo::new("Milk")).await?;
    let other = fixture.todos.create_record(json!({"title": "Eggs", "id": null})).await?;
    assert_ne!(one.id.as_str(), other.id.as_str());
    for id in [one.id.as_str(), other.id.as_str()] {
        let uuid = Uuid::parse_str(id)?;
        assert_eq!((uuid.get_version_num(), uuid.to_string().as_str()), (4, id));
    }
    let lines = [&*one.id, &*other.id].map(|id| format!("PUT {}", fixture.record(id)));
    assert_eq!(fixture.sent.take_lines(), lines, "the id is chosen before the request is sent");
    assert_eq!(fixture.plain.held(&fixture.record(&other.id)).await, json!({"title": "Eggs"}));
    Ok(())
}

#[tokio::test]
async fn create_uses_chosen_id() -> Outcome {
    let fixture = Fixture::new().await;
    let by_call = fixture.todos.create_record(Todo::new("Milk")).id("milk").await?;
    let in_data = fixture.todos.create_record(json!({"id": "eggs", "title": "Eggs"})).await?;
    let in_both = fixture.todos.create_record(json!({"id": "ham", "title": "Ham"})).id("ham").await?;
    assert_eq!((&*by_call.id, &*in_data.id, &*in_both.id), ("milk", "eggs", "ham"));
    assert_eq!(in_data.data, json!({"title": "Eggs"}), "the id is the record's, not part of its data");

    let sent = fixture.sent.take();
    let lines = ["milk", "eggs", "ham"].map(|id| format!("PUT {}", fixture.record(id)));
    assert_eq!(sent.iter().map(kinto_tests::SentRequest::line).collect::<Vec<_>>(), lines);
    assert!(sent.iter().all(|sent| sent.header("if-none-match") == Some("*")));
    assert_eq!(fixture.plain.ids(&fixture.records).await, ["eggs", "ham", "milk"]);
    assert_eq!(fixture.plain.held(&fixture.record("eggs")).await, json!({"title": "Eggs"}));
    Ok(())
}

#[tokio::test]
async fn create_accepts_every_id_of_server() -> Outcome {
    let fixture = Fixture::new().await;
    let long = "x".repeat(300);
    for id in ["0", "A", "a-", "a_b-C", "batch", "records", &long] {
        fixture.todos.create_record(Todo::new(id)).id(id).await?;
        let read = fixture.todos.get_record::<Todo>(id).await?;
        assert_eq!((&*read.id, read.data.title.as_str()), (id, id));
        assert_eq!(fixture.plain.held(&fixture.record(id)).await["title"], id);
    }
    Ok(())
}

#[tokio::test]
async fn create_with_server_id_returns_chosen_id() -> Outcome {
    let fixture = Fixture::new().await;
    let record = fixture.todos.create_record(Todo::new("Milk")).server_id().await?;
    let sent = fixture.sent.take_one();
    assert_eq!(sent.line(), format!("POST {}", fixture.records));
    assert_eq!(sent.json(), json!({"data": {"title": "Milk", "done": false}}));
    assert_eq!((sent.header("if-match"), sent.header("if-none-match")), (None, None));
    assert_eq!(fixture.plain.ids(&fixture.records).await, [record.id.as_str()]);
    Ok(())
}

#[tokio::test]
async fn create_returns_conflict_when_record_exists() -> Outcome {
    let fixture = Fixture::new().await;
    let first = fixture.todos.create_record(Todo::new("first")).id("milk").await?;
    let by_call = fixture.todos.create_record(Todo::new("second")).id("milk").await.unwrap_err();
    let in_data = fixture.todos.create_record(json!({"id": "milk", "title": "third"})).await.unwrap_err();
    for error in [by_call, in_data] {
        assert_eq!(predicates(&error), ["conflict"], "{error}");
        assert_eq!((error.status().map(|status| status.as_u16()), error.errno()), (Some(412), Some(114)));
        assert_eq!(error.details().unwrap()["existing"]["title"], "first");
        assert!(!error.may_have_been_applied());
    }
    let held = fixture.plain.object(&fixture.record("milk")).await;
    assert_eq!(
        (&held["title"], held["last_modified"].as_u64()),
        (&"first".into(), Some(first.last_modified.as_millis()))
    );
    Ok(())
}

#[tokio::test]
async fn create_returns_conflict_when_object_of_any_kind_exists() -> Outcome {
    let fixture = Fixture::new().await;
    let group = fixture.bucket.create_group("friends", ["account:remy"]).await?;
    assert_eq!(group.members(), ["account:remy"]);
    fixture.plain.put(&format!("/buckets/{}", fixture.bucket.id()), &json!({"data": {"colour": "blue"}})).await;

    for error in [
        fixture.bucket.create().await.unwrap_err(),
        fixture.client.create_bucket(fixture.bucket.id()).await.unwrap_err(),
        fixture.bucket.create_collection("todos").await.unwrap_err(),
        fixture.bucket.create_group("friends", ["account:niko"]).await.unwrap_err(),
    ] {
        assert_eq!(predicates(&error), ["conflict"], "{error}");
    }
    let path = format!("/buckets/{}", fixture.bucket.id());
    assert_eq!(fixture.plain.held(&path).await, json!({"colour": "blue"}));
    assert_eq!(fixture.plain.held(&format!("{path}/groups/friends")).await, json!({"members": ["account:remy"]}));
    Ok(())
}

#[tokio::test]
async fn if_not_exists_creates_once_and_then_returns_existing() -> Outcome {
    let fixture = Fixture::new().await;
    let first = fixture.todos.create_record(Todo::new("first")).id("milk").if_not_exists().await?;
    let CreateOutcome::Created(first) = first else { panic!("there was none: {first:?}") };
    assert_eq!((&*first.id, first.data.title.as_str()), ("milk", "first"));
    assert_eq!(fixture.plain.held(&fixture.record("milk")).await, json!({"title": "first", "done": false}));

    let again = fixture.todos.create_record(Todo::new("second")).id("milk").if_not_exists().await?;
    let CreateOutcome::Existing(again) = again else { panic!("there was one: {again:?}") };
    assert_eq!((&again.data, again.last_modified), (&first.data, first.last_modified));
    assert_eq!(again.permissions, first.permissions);
    assert!(again.permissions.get().is_some(), "the answer shows them");
    let held = fixture.plain.object(&fixture.record("milk")).await;
    assert_eq!(
        (&held["title"], held["last_modified"].as_u64()),
        (&"first".into(), Some(first.last_modified.as_millis()))
    );

    let lines = fixture.sent.take_lines();
    assert_eq!(lines, [format!("POST {}", fixture.records), format!("POST {}", fixture.records)]);
    Ok(())
}

#[tokio::test]
async fn if_not_exists_works_for_all_kinds() -> Outcome {
    let fixture = Fixture::new().await;
    let path = format!("/buckets/{}", fixture.bucket.id());
    assert!(!fixture.bucket.create().if_not_exists().await?.is_created());
    assert!(!fixture.bucket.create_collection("todos").if_not_exists().await?.is_created());
    assert!(fixture.bucket.create_collection("notes").if_not_exists().await?.is_created());
    assert!(fixture.bucket.create_group("friends", ["account:remy"]).if_not_exists().await?.is_created());
    let friends = fixture.bucket.create_group("friends", ["account:niko"]).if_not_exists().await?;
    assert!(!friends.is_created());
    assert_eq!(friends.members(), ["account:remy"]);
    assert_eq!(fixture.plain.ids(&format!("{path}/collections")).await, ["notes", "todos"]);
    assert_eq!(fixture.plain.held(&format!("{path}/groups/friends")).await, json!({"members": ["account:remy"]}));
    Ok(())
}

#[tokio::test]
async fn create_succeeds_with_id_of_deleted_record() -> Outcome {
    let fixture = Fixture::new().await;
    let path = fixture.record("milk");
    fixture.plain.put_data(&path, &json!({"title": "old", "extra": 1})).await;
    fixture.plain.delete(&path).await;
    let created = fixture.todos.create_record::<Value>(json!({"title": "new"})).id("milk").await?;
    assert_eq!(created.data, json!({"title": "new"}));
    assert_eq!(fixture.plain.held(&path).await, json!({"title": "new"}));
    Ok(())
}
