//! The versions of a record: their differences, and storing one again.

use kinto_client::{
    KintoRecord, Value,
    history::{FieldDifference, HistoryEntry},
    json,
    object::Conflict,
};
use kinto_tests::{Fault, Fixture, Gate, Outcome, Proxy};
use serde::{Deserialize, Serialize};

use crate::predicates;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
#[kinto(collection = "todos")]
struct Note {
    title: String,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    #[kinto(nested)]
    place: Option<Place>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
#[kinto(nested)]
struct Place {
    city: String,
    zip: u32,
}

/// Writes three versions and returns them, the newest first.
async fn three(fixture: &Fixture) -> Vec<HistoryEntry<Note>> {
    let path = fixture.record("r");
    let place = |zip: u32| json!({"city": "Paris", "zip": zip});
    fixture.plain.put_data(&path, &json!({"title": "a", "tags": ["x"], "place": place(1), "by": "hand"})).await;
    fixture.plain.put_data(&path, &json!({"title": "a", "tags": ["x", "y"], "place": place(2), "n": 1.0})).await;
    fixture.plain.put_data(&path, &json!({"title": "b", "tags": ["x", "y"], "n": 1})).await;
    fixture.todos.record::<Note>("r").get_history().await.unwrap()
}

fn difference(path: &str, before: Option<Value>, after: Option<Value>) -> (String, Option<Value>, Option<Value>) {
    (path.to_owned(), before, after)
}

fn plain(fields: &[FieldDifference]) -> Vec<(String, Option<Value>, Option<Value>)> {
    fields.iter().map(|field| difference(&field.path, field.before.clone(), field.after.clone())).collect()
}

#[tokio::test]
async fn differences_name_the_fields_that_changed() -> Outcome {
    let fixture = Fixture::new().await;
    let versions = three(&fixture).await;
    let [third, second, first] = &versions[..] else { panic!("three versions: {versions:#?}") };
    let changes = first.differences(second)?;
    let expected = [
        difference("by", Some(json!("hand")), None),
        difference("n", None, Some(json!(1.0))),
        difference("place.zip", Some(json!(1)), Some(json!(2))),
        difference("tags", Some(json!(["x"])), Some(json!(["x", "y"]))),
    ];
    assert_eq!(plain(&changes.fields), expected, "also what the type does not know");
    let f = Note::fields();
    let tags = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
    assert_eq!(changes.values(f.tags)?, [Some(tags(&["x"])), Some(tags(&["x", "y"]))]);
    assert_eq!(changes.values((f.title, f.place.zip))?, [Some(("a".into(), 1)), Some(("a".into(), 2))]);

    let changes = second.differences(third)?;
    let place = json!({"city": "Paris", "zip": 2});
    let expected = [difference("place", Some(place), None), difference("title", Some(json!("a")), Some(json!("b")))];
    assert_eq!(plain(&changes.fields), expected, "1 and 1.0 are the same");
    assert!(third.differences(third)?.is_empty());

    fixture.plain.delete(&fixture.record("r")).await;
    let deletion = fixture.todos.record::<Note>("r").get_history().first().await?.unwrap();
    let changes = third.differences(&deletion)?;
    assert_eq!(changes.values(f.title)?, [Some("b".to_owned()), None]);
    assert_eq!(changes.fields.iter().map(|field| &*field.path).collect::<Vec<_>>(), ["n", "tags", "title"]);
    assert!(changes.fields.iter().all(|field| field.before.is_some() && field.after.is_none()));
    Ok(())
}

#[tokio::test]
async fn restore_stores_version_with_unknown_fields() -> Outcome {
    let fixture = Fixture::new().await;
    let versions = three(&fixture).await;
    fixture.todos.record::<Value>("r").grant(|p| p.read("account:niko")).await?;
    let permissions = fixture.plain.permissions(&fixture.record("r")).await;
    let current = fixture.plain.object(&fixture.record("r")).await;
    fixture.sent.forget();
    let record = fixture.todos.record::<Note>("r");
    let restored = record.restore(&versions[2]).await?;
    let sent = fixture.sent.take();
    assert_eq!(sent.iter().map(|sent| sent.method.as_str()).collect::<Vec<_>>(), ["GET", "PUT"]);
    assert_eq!(sent[1].header("if-match"), Some(&*format!("\"{}\"", current["last_modified"])));
    assert_eq!((&*restored.data.title, restored.data.place.as_ref().unwrap().zip), ("a", 1));
    let expected = json!({"title": "a", "tags": ["x"], "place": {"city": "Paris", "zip": 1}, "by": "hand"});
    assert_eq!(fixture.plain.held(&fixture.record("r")).await, expected);
    assert_eq!(fixture.plain.permissions(&fixture.record("r")).await, permissions, "they are kept");

    // The record is like that already.
    let again = record.restore(&versions[2]).if_match(restored.last_modified).await?;
    assert_eq!(again.last_modified, restored.last_modified);
    assert_eq!(fixture.sent.take_lines(), [format!("GET {}", fixture.record("r"))]);

    record.restore(&versions[2]).with_permissions().await?;
    let me = fixture.client.user().await?.unwrap().id.clone();
    assert_eq!(fixture.plain.permissions(&fixture.record("r")).await, json!({"write": [me]}));
    Ok(())
}

#[tokio::test]
async fn restore_creates_deleted_record_again() -> Outcome {
    let fixture = Fixture::new().await;
    let mut versions = three(&fixture).await;
    fixture.plain.delete(&fixture.record("r")).await;
    let record = fixture.todos.record::<Note>("r");
    versions.insert(0, record.get_history().first().await?.unwrap());
    fixture.sent.forget();
    let deletion = versions[0].target.last_modified;
    let restored = record.restore(&versions[1]).if_match(deletion).await?;
    let sent = fixture.sent.take();
    assert_eq!(sent.iter().map(|sent| sent.method.as_str()).collect::<Vec<_>>(), ["GET", "GET", "PUT"]);
    assert_eq!(sent[2].header("if-none-match"), Some("*"));
    assert_eq!(restored.data.title, "b");
    assert_eq!(fixture.plain.held(&fixture.record("r")).await["n"], 1);

    // It was deleted again, which is another version than the one that was looked at.
    fixture.plain.delete(&fixture.record("r")).await;
    let error = record.restore(&versions[1]).if_match(deletion).await.unwrap_err();
    assert_eq!(predicates(&error), ["conflict"], "{error}");
    assert_eq!(fixture.plain.status(&fixture.record("r")).await, 404);
    record.restore(&versions[1]).await?;
    assert_eq!(fixture.plain.held(&fixture.record("r")).await["title"], "b");
    Ok(())
}

#[tokio::test]
async fn restore_returns_conflict_with_both_when_record_changed() -> Outcome {
    let fixture = Fixture::new().await;
    let versions = three(&fixture).await;
    let path = fixture.record("r");
    fixture.plain.put_data(&path, &json!({"title": "c"})).await;
    let assert_both = |error: kinto_client::Error| {
        assert_eq!(predicates(&error), ["conflict"], "{error}");
        assert!(!error.may_have_been_applied(), "{error}");
        let Conflict { ours, theirs, .. } = error.conflict::<Note>().expect("both versions");
        (ours.data.title, theirs.map(|record| record.data.title))
    };
    let record = fixture.todos.record::<Note>("r");
    let error = record.restore(&versions[1]).if_match(versions[0].target.last_modified).await.unwrap_err();
    assert_eq!(assert_both(error), ("a".to_owned(), Some("c".to_owned())));

    // It changes after it was read and before it is written.
    let gate = Gate::default();
    let proxy = Proxy::start(fixture.url(), kinto_tests::in_order([Fault::Pass, Fault::Hold(gate.clone())])).await;
    let through = fixture.todos_through(&proxy).record::<Note>("r");
    let meanwhile = async {
        fixture.plain.put_data(&path, &json!({"title": "d"})).await;
    };
    let error = gate.overtake(through.restore(&versions[1]), meanwhile).await.unwrap_err();
    assert_eq!(assert_both(error), ("a".to_owned(), Some("d".to_owned())));
    assert_eq!(fixture.plain.held(&path).await, json!({"title": "d"}));
    Ok(())
}

#[tokio::test]
async fn restore_is_done_once_when_response_is_lost() -> Outcome {
    let fixture = Fixture::new().await;
    let versions = three(&fixture).await;
    for deleted in [false, true] {
        if deleted {
            fixture.plain.delete(&fixture.record("r")).await;
        }
        let version = &versions[if deleted { 1 } else { 2 }];
        let before = fixture.todos.record::<Note>("r").get_history().count().await?;
        let proxy = Proxy::start(fixture.url(), kinto_tests::in_order([Fault::Pass, Fault::CutAfter])).await;
        let restored = fixture.todos_through(&proxy).record::<Note>("r").restore(version).await;
        match restored {
            Ok(record) => assert_eq!(Some(&record.data), version.target.data.as_ref()),
            Err(error) => assert!(error.may_have_been_applied(), "{error}"),
        }
        assert_eq!(fixture.todos.record::<Note>("r").get_history().count().await?, before + 1);
        let data = fixture.todos.get_record::<Note>("r").await?.data;
        assert_eq!(Some(&data), version.target.data.as_ref());
    }
    Ok(())
}

#[tokio::test]
async fn restore_refuses_deletions_and_versions_of_others() -> Outcome {
    let fixture = Fixture::new().await;
    let versions = three(&fixture).await;
    fixture.plain.delete(&fixture.record("r")).await;
    let deletion = fixture.todos.record::<Note>("r").get_history().first().await?.unwrap();
    fixture.sent.forget();
    let other = fixture.bucket.collection("other").record::<Note>("r");
    for (error, words) in [
        (fixture.todos.record::<Note>("r").restore(&deletion).await.unwrap_err(), "the version is a deletion"),
        (fixture.todos.record::<Note>("q").restore(&versions[0]).await.unwrap_err(), "no version of"),
        (other.restore(&versions[0]).await.unwrap_err(), "no version of"),
        (other.restore(&versions[0]).preview().unwrap_err(), "no version of"),
    ] {
        assert_eq!(predicates(&error), ["invalid"], "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    assert!(fixture.sent.take().is_empty());
    Ok(())
}

#[tokio::test]
async fn restore_refuses_versions_of_other_buckets() -> Outcome {
    let fixture = Fixture::new().await;
    let other = Fixture::on(fixture.url()).await;
    let versions = three(&fixture).await;
    other.plain.put_data(&other.record("r"), &json!({"title": "own"})).await;
    let there = other.todos.record::<Note>("r");
    for error in [
        there.restore(&versions[0]).await.unwrap_err(),
        there.restore(&versions[0]).with_permissions().await.unwrap_err(),
        there.restore(&versions[0]).preview().unwrap_err(),
    ] {
        assert_eq!(predicates(&error), ["invalid"], "{error}");
        let uri = fixture.record("r");
        assert!(
            error.to_string().contains(&format!("one of {uri}, and no version of {}", other.record("r"))),
            "{error}"
        );
    }
    assert!(other.sent.take().is_empty());
    assert_eq!(other.plain.held(&other.record("r")).await, json!({"title": "own"}));

    // Histories name the user's own bucket by its real id.
    let mine = fixture.client.bucket("default").collection("todos").record::<Note>("r");
    let path = "/buckets/default/collections/todos/records/r";
    fixture.plain.put_data(path, &json!({"title": "mine"})).await;
    let error = mine.restore(&versions[0]).await.unwrap_err();
    assert_eq!(predicates(&error), ["invalid"], "{error}");
    assert!(error.to_string().contains(&format!("no version of {path}")), "{error}");
    assert_eq!(fixture.plain.held(path).await, json!({"title": "mine"}));
    fixture.plain.put_data(path, &json!({"title": "changed"})).await;
    let own = mine.get_history().await?;
    assert_eq!(mine.restore(&own[1]).await?.data.title, "mine");
    let bucket = own[1].uri.split('/').nth(2).expect("a bucket").to_owned();
    let by_id = fixture.client.bucket(bucket).collection("todos").record::<Note>("r");
    assert_eq!(by_id.restore(&own[0]).await?.data.title, "changed");
    Ok(())
}
