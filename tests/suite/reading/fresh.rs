//! What was not changed is not read again.

use std::collections::BTreeSet;

use kinto_client::{Fresh, json};
use kinto_tests::{Outcome, Scene};

use super::{Numbered, fill, numbers};
use crate::{Todo, predicates};

#[tokio::test]
async fn a_list_is_read_if_it_was_changed() -> Outcome {
    let scene = Scene::new().await;
    fill(&scene, 5).await;
    let read = scene.todos.get_records::<Numbered>().await?;
    scene.sent.forget();
    let again = || scene.todos.get_records::<Numbered>().page_size(2).if_changed_since(read.last_modified);

    assert!(matches!(again().await?, Fresh::Unchanged));
    assert!(again().await?.changed().is_none());
    let sent = scene.sent.take();
    assert_eq!(sent.len(), 2, "one request each");
    assert_eq!(sent[0].header("if-none-match"), Some(format!("\"{}\"", read.last_modified).as_str()));

    scene.plain.put_data(&scene.record("r000"), &json!({"n": 100})).await;
    let changed = again().await?.changed().expect("it was changed");
    assert_eq!(numbers(&changed), [100, 4, 3, 2, 1]);
    assert!(changed.last_modified > read.last_modified);
    let conditions: BTreeSet<bool> =
        scene.sent.take()[1..].iter().map(|sent| sent.header("if-none-match").is_some()).collect();
    assert_eq!(conditions, BTreeSet::from([false]), "all pages or none");

    scene.plain.delete(&scene.record("r004")).await;
    let now = scene.todos.get_records::<Numbered>().if_changed_since(changed.last_modified).await?;
    assert_eq!(now.changed().map(|records| records.len()), Some(4), "a deletion is a change");
    let groups = scene.bucket.get_groups().await?;
    assert!(scene.bucket.get_groups().if_changed_since(groups.last_modified).await?.changed().is_none());
    Ok(())
}

#[tokio::test]
async fn an_object_is_read_if_it_was_changed() -> Outcome {
    let scene = Scene::new().await;
    let milk = scene.todos.create_record(Todo::new("Milk")).id("milk").await?;
    let (bucket, collection) = (scene.bucket.get().await?, scene.todos.get().await?);
    scene.sent.forget();
    let again = || scene.todos.get_record::<Todo>("milk").if_changed_since(milk.last_modified);
    assert!(matches!(again().await?, Fresh::Unchanged));
    let sent = scene.sent.take_one();
    assert_eq!(sent.header("if-none-match"), Some(format!("\"{}\"", milk.last_modified).as_str()));
    assert!(scene.bucket.get().if_changed_since(bucket.last_modified).await?.changed().is_none());
    assert!(scene.todos.get().if_changed_since(collection.last_modified).await?.changed().is_none());

    scene.plain.put_data(&scene.record("milk"), &json!({"title": "Oat milk"})).await;
    let changed = again().await?.changed().expect("it was changed");
    assert_eq!((changed.data.title.as_str(), changed.id.as_str()), ("Oat milk", "milk"));
    assert!(changed.permissions.get().is_some(), "as any reading of one record");
    scene.plain.delete(&scene.record("milk")).await;
    assert_eq!(predicates(&again().await.unwrap_err()), ["not found"]);
    Ok(())
}
