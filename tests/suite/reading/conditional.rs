//! Conditional reads, which do not read unmodified objects again.

use std::collections::BTreeSet;

use kinto_client::{json, list::Conditional};
use kinto_tests::{Fixture, Outcome};

use super::{Numbered, fill, numbers};
use crate::{Todo, predicates};

#[tokio::test]
async fn list_if_changed_since_returns_not_modified() -> Outcome {
    let fixture = Fixture::new().await;
    fill(&fixture, 5).await;
    let read = fixture.todos.get_records::<Numbered>().await?;
    fixture.sent.forget();
    let again = || fixture.todos.get_records::<Numbered>().page_size(2).if_changed_since(read.last_modified);

    assert!(matches!(again().await?, Conditional::NotModified));
    assert!(again().await?.changed().is_none());
    let sent = fixture.sent.take();
    assert_eq!(sent.len(), 2, "one request each");
    assert_eq!(sent[0].header("if-none-match"), Some(format!("\"{}\"", read.last_modified).as_str()));

    fixture.plain.put_data(&fixture.record("r000"), &json!({"n": 100})).await;
    let changed = again().await?.changed().expect("it was changed");
    assert_eq!(numbers(&changed), [100, 4, 3, 2, 1]);
    assert!(changed.last_modified > read.last_modified);
    let conditions: BTreeSet<bool> =
        fixture.sent.take()[1..].iter().map(|sent| sent.header("if-none-match").is_some()).collect();
    assert_eq!(conditions, BTreeSet::from([false]), "all pages or none");

    fixture.plain.delete(&fixture.record("r004")).await;
    let now = fixture.todos.get_records::<Numbered>().if_changed_since(changed.last_modified).await?;
    assert_eq!(now.changed().map(|records| records.len()), Some(4), "a deletion is a change");
    let groups = fixture.bucket.get_groups().await?;
    assert!(fixture.bucket.get_groups().if_changed_since(groups.last_modified).await?.changed().is_none());
    Ok(())
}

#[tokio::test]
async fn get_if_changed_since_returns_not_modified() -> Outcome {
    let fixture = Fixture::new().await;
    let milk = fixture.todos.create_record(Todo::new("Milk")).id("milk").await?;
    let (bucket, collection) = (fixture.bucket.get().await?, fixture.todos.get().await?);
    fixture.sent.forget();
    let again = || fixture.todos.get_record::<Todo>("milk").if_changed_since(milk.last_modified);
    assert!(matches!(again().await?, Conditional::NotModified));
    let sent = fixture.sent.take_one();
    assert_eq!(sent.header("if-none-match"), Some(format!("\"{}\"", milk.last_modified).as_str()));
    assert!(fixture.bucket.get().if_changed_since(bucket.last_modified).await?.changed().is_none());
    assert!(fixture.todos.get().if_changed_since(collection.last_modified).await?.changed().is_none());

    fixture.plain.put_data(&fixture.record("milk"), &json!({"title": "Oat milk"})).await;
    let changed = again().await?.changed().expect("it was changed");
    assert_eq!((changed.data.title.as_str(), changed.id.as_str()), ("Oat milk", "milk"));
    assert!(changed.permissions.get().is_some(), "as any reading of one record");
    fixture.plain.delete(&fixture.record("milk")).await;
    assert_eq!(predicates(&again().await.unwrap_err()), ["not found"]);
    Ok(())
}
