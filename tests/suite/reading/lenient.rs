//! One record that does not fit is named, and the others are read.

use futures_util::{StreamExt as _, TryStreamExt as _};
use kinto_client::{KintoRecord, Sort, Timestamp, Value, json};
use kinto_tests::{Fixture, Outcome};
use serde::{Deserialize, Serialize};

use crate::predicates;

#[tokio::test]
async fn lenient_list_returns_other_records_when_one_does_not_decode() -> Outcome {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
    struct Person {
        name: String,
        addresses: Vec<Address>,
    }
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Address {
        lines: Vec<String>,
    }
    let fixture = Fixture::new().await;
    let good = |name: &str| json!({"name": name, "addresses": [{"lines": ["a"]}]});
    let records = [
        good("first"),
        json!({"name": "deep", "addresses": [{"lines": []}, {"lines": ["a", "b", 3]}], "unknown": 1.5}),
        good("second"),
        json!({"addresses": []}),
        json!({"name": null, "addresses": []}),
        good("last"),
    ];
    fixture.fill((0..).zip(records.clone()).map(|(place, data)| (format!("r{place}"), data))).await;
    fixture.sent.forget();
    let get = || fixture.todos.get_records::<Person>().sort(Sort::asc("id"));
    let read = get().page_size(2).lenient().await?;
    assert_eq!(fixture.sent.take().len(), 3);
    let shape: Vec<_> = read
        .iter()
        .map(|item| match item {
            Ok(person) => (person.id.as_str(), person.data.name.as_str()),
            Err(bad) => (bad.id.as_deref().expect("an id"), bad.path.as_deref().unwrap_or("nowhere")),
        })
        .collect();
    let expected = [
        ("r0", "first"),
        ("r1", "addresses[1].lines[2]"),
        ("r2", "second"),
        ("r3", "nowhere"),
        ("r4", "name"),
        ("r5", "last"),
    ];
    assert_eq!(shape, expected);
    for (place, item) in read.iter().enumerate() {
        let Err(bad) = item else { continue };
        let mut raw: Value = serde_json::from_str(bad.json())?;
        let raw = raw.as_object_mut().expect("an object");
        assert_eq!(raw.remove("id"), bad.id.clone().map(Value::from));
        assert!(raw.remove("last_modified").is_some());
        assert_eq!(Value::from(raw.clone()), records[place]);
        assert_eq!(predicates(&bad.error), ["decode"]);
        assert_eq!(bad.error.object(), Some(fixture.records.as_str()));
    }
    let Err(missing) = &read[3] else { panic!("a name is missing") };
    assert!(missing.error.to_string().contains("name"), "{}", missing.error);

    // All others give up, and say with which record.
    let error = get().await.unwrap_err();
    assert_eq!((error.record_id(), error.field()), (Some("r1"), Some("addresses[1].lines[2]")), "{error}");
    assert_eq!(predicates(&error), ["decode"]);
    let says = error.to_string();
    assert!(
        says.contains("`r1`") && says.contains("addresses[1].lines[2]") && says.contains(&fixture.records),
        "{says}"
    );
    let mut stream = get().stream();
    assert_eq!(stream.try_next().await?.expect("the good one").data.name, "first");
    assert_eq!(stream.try_next().await.unwrap_err().record_id(), Some("r1"));
    let page = get().page_size(2).pages().next().await.expect("a page").unwrap_err();
    assert_eq!(page.record_id(), Some("r1"), "{page}");
    assert_eq!(page.object(), Some(fixture.records.as_str()));
    let fresh = get().if_changed_since(Timestamp::from_millis(1)).await.unwrap_err();
    assert_eq!(fresh.record_id(), Some("r1"), "{fresh}");
    let one = fixture.todos.get_record::<Person>("r4").await.unwrap_err();
    assert_eq!((one.record_id(), one.field()), (Some("r4"), Some("name")), "{one}");
    Ok(())
}
