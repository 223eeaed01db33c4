//! Who chooses the id of what is created, and that nothing is ever replaced.

use kinto_client::{Ensured, Value, json};
use kinto_tests::{Outcome, Scene};
use uuid::Uuid;

use crate::{Todo, predicates};

#[tokio::test]
async fn the_client_makes_one_unless_told_otherwise() -> Outcome {
    let scene = Scene::new().await;
    let one = scene.todos.create_record(Todo::new("Milk")).await?;
    let other = scene.todos.create_record(json!({"title": "Eggs", "id": null})).await?;
    assert_ne!(one.id.as_str(), other.id.as_str());
    for id in [one.id.as_str(), other.id.as_str()] {
        let uuid = Uuid::parse_str(id)?;
        assert_eq!((uuid.get_version_num(), uuid.to_string().as_str()), (4, id));
    }
    let lines = [&*one.id, &*other.id].map(|id| format!("PUT {}", scene.record(id)));
    assert_eq!(scene.sent.take_lines(), lines, "the id is chosen before the request is sent");
    assert_eq!(scene.plain.held(&scene.record(&other.id)).await, json!({"title": "Eggs"}));
    Ok(())
}

#[tokio::test]
async fn it_can_be_chosen() -> Outcome {
    let scene = Scene::new().await;
    let by_call = scene.todos.create_record(Todo::new("Milk")).id("milk").await?;
    let in_data = scene.todos.create_record(json!({"id": "eggs", "title": "Eggs"})).await?;
    let in_both = scene.todos.create_record(json!({"id": "ham", "title": "Ham"})).id("ham").await?;
    assert_eq!((&*by_call.id, &*in_data.id, &*in_both.id), ("milk", "eggs", "ham"));
    assert_eq!(in_data.data, json!({"title": "Eggs"}), "the id is the record's, not part of its data");

    let sent = scene.sent.take();
    let lines = ["milk", "eggs", "ham"].map(|id| format!("PUT {}", scene.record(id)));
    assert_eq!(sent.iter().map(kinto_tests::Sent::line).collect::<Vec<_>>(), lines);
    assert!(sent.iter().all(|sent| sent.header("if-none-match") == Some("*")));
    assert_eq!(scene.plain.ids(&scene.records).await, ["eggs", "ham", "milk"]);
    assert_eq!(scene.plain.held(&scene.record("eggs")).await, json!({"title": "Eggs"}));
    Ok(())
}

#[tokio::test]
async fn every_id_that_the_server_takes_can_be_used() -> Outcome {
    let scene = Scene::new().await;
    let long = "x".repeat(300);
    for id in ["0", "A", "a-", "a_b-C", "batch", "records", &long] {
        scene.todos.create_record(Todo::new(id)).id(id).await?;
        let read = scene.todos.get_record::<Todo>(id).await?;
        assert_eq!((&*read.id, read.data.title.as_str()), (id, id));
        assert_eq!(scene.plain.held(&scene.record(id)).await["title"], id);
    }
    Ok(())
}

#[tokio::test]
async fn the_server_can_choose_it() -> Outcome {
    let scene = Scene::new().await;
    let record = scene.todos.create_record(Todo::new("Milk")).server_id().await?;
    let sent = scene.sent.take_one();
    assert_eq!(sent.line(), format!("POST {}", scene.records));
    assert_eq!(sent.json(), json!({"data": {"title": "Milk", "done": false}}));
    assert_eq!((sent.header("if-match"), sent.header("if-none-match")), (None, None));
    assert_eq!(scene.plain.ids(&scene.records).await, [record.id.as_str()]);
    Ok(())
}

#[tokio::test]
async fn a_create_never_replaces_a_record() -> Outcome {
    let scene = Scene::new().await;
    let first = scene.todos.create_record(Todo::new("first")).id("milk").await?;
    let by_call = scene.todos.create_record(Todo::new("second")).id("milk").await.unwrap_err();
    let in_data = scene.todos.create_record(json!({"id": "milk", "title": "third"})).await.unwrap_err();
    for error in [by_call, in_data] {
        assert_eq!(predicates(&error), ["conflict"], "{error}");
        assert_eq!((error.status().map(|status| status.as_u16()), error.errno()), (Some(412), Some(114)));
        assert_eq!(error.details().unwrap()["existing"]["title"], "first");
        assert!(!error.may_have_been_applied());
    }
    let held = scene.plain.object(&scene.record("milk")).await;
    assert_eq!(
        (&held["title"], held["last_modified"].as_u64()),
        (&"first".into(), Some(first.last_modified.as_millis()))
    );
    Ok(())
}

#[tokio::test]
async fn a_create_never_replaces_a_bucket_collection_or_group() -> Outcome {
    let scene = Scene::new().await;
    let group = scene.bucket.create_group("friends", ["account:remy"]).await?;
    assert_eq!(group.members(), ["account:remy"]);
    scene.plain.put(&format!("/buckets/{}", scene.bucket.id()), &json!({"data": {"colour": "blue"}})).await;

    for error in [
        scene.bucket.create().await.unwrap_err(),
        scene.client.create_bucket(scene.bucket.id()).await.unwrap_err(),
        scene.bucket.create_collection("todos").await.unwrap_err(),
        scene.bucket.create_group("friends", ["account:niko"]).await.unwrap_err(),
    ] {
        assert_eq!(predicates(&error), ["conflict"], "{error}");
    }
    let path = format!("/buckets/{}", scene.bucket.id());
    assert_eq!(scene.plain.held(&path).await, json!({"colour": "blue"}));
    assert_eq!(scene.plain.held(&format!("{path}/groups/friends")).await, json!({"members": ["account:remy"]}));
    Ok(())
}

#[tokio::test]
async fn if_not_exists_creates_once_and_then_gives_what_is_there() -> Outcome {
    let scene = Scene::new().await;
    let first = scene.todos.create_record(Todo::new("first")).id("milk").if_not_exists().await?;
    let Ensured::Created(first) = first else { panic!("there was none: {first:?}") };
    assert_eq!((&*first.id, first.data.title.as_str()), ("milk", "first"));
    assert_eq!(scene.plain.held(&scene.record("milk")).await, json!({"title": "first", "done": false}));

    let again = scene.todos.create_record(Todo::new("second")).id("milk").if_not_exists().await?;
    let Ensured::Existing(again) = again else { panic!("there was one: {again:?}") };
    assert_eq!((&again.data, again.last_modified), (&first.data, first.last_modified));
    assert_eq!(again.permissions, first.permissions);
    assert!(again.permissions.get().is_some(), "the answer shows them");
    let held = scene.plain.object(&scene.record("milk")).await;
    assert_eq!(
        (&held["title"], held["last_modified"].as_u64()),
        (&"first".into(), Some(first.last_modified.as_millis()))
    );

    let lines = scene.sent.take_lines();
    assert_eq!(lines, [format!("POST {}", scene.records), format!("POST {}", scene.records)]);
    Ok(())
}

#[tokio::test]
async fn if_not_exists_for_buckets_collections_and_groups() -> Outcome {
    let scene = Scene::new().await;
    let path = format!("/buckets/{}", scene.bucket.id());
    assert!(!scene.bucket.create().if_not_exists().await?.is_created());
    assert!(!scene.bucket.create_collection("todos").if_not_exists().await?.is_created());
    assert!(scene.bucket.create_collection("notes").if_not_exists().await?.is_created());
    assert!(scene.bucket.create_group("friends", ["account:remy"]).if_not_exists().await?.is_created());
    let friends = scene.bucket.create_group("friends", ["account:niko"]).if_not_exists().await?;
    assert!(!friends.is_created());
    assert_eq!(friends.members(), ["account:remy"]);
    assert_eq!(scene.plain.ids(&format!("{path}/collections")).await, ["notes", "todos"]);
    assert_eq!(scene.plain.held(&format!("{path}/groups/friends")).await, json!({"members": ["account:remy"]}));
    Ok(())
}

#[tokio::test]
async fn the_id_of_a_deleted_record_is_free_again() -> Outcome {
    let scene = Scene::new().await;
    let path = scene.record("milk");
    scene.plain.put_data(&path, &json!({"title": "old", "extra": 1})).await;
    scene.plain.delete(&path).await;
    let created = scene.todos.create_record::<Value>(json!({"title": "new"})).id("milk").await?;
    assert_eq!(created.data, json!({"title": "new"}));
    assert_eq!(scene.plain.held(&path).await, json!({"title": "new"}));
    Ok(())
}
