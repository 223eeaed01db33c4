//! Data that the server would refuse, misread, or answer with a failure.

use std::collections::BTreeMap;

use kinto_client::{KintoRecord, Value, json};
use kinto_tests::{Fixture, Outcome};
use serde::{Deserialize, Serialize};

use super::assert_refused;
use crate::Todo;

#[tokio::test]
async fn create_rejects_data_that_is_no_object() -> Outcome {
    #[derive(Clone, Debug, Serialize, Deserialize, KintoRecord)]
    #[serde(into = "String", from = "String")]
    struct Text {
        text: String,
    }
    impl From<Text> for String {
        fn from(text: Text) -> Self {
            text.text
        }
    }
    impl From<String> for Text {
        fn from(text: String) -> Self {
            Self { text }
        }
    }

    let fixture = Fixture::new().await;
    let text = Text { text: "Milk".to_owned() };
    for error in [
        fixture.todos.create_record(text.clone()).await.unwrap_err(),
        fixture.todos.create_record(text.clone()).server_id().await.unwrap_err(),
        fixture.todos.create_record(text.clone()).id("milk").if_not_exists().await.unwrap_err(),
        fixture.todos.overwrite_record("milk", text).await.unwrap_err(),
        fixture.todos.create_record(json!("Milk")).await.unwrap_err(),
        fixture.todos.patch_record::<Todo>("milk", "Milk").await.unwrap_err(),
    ] {
        assert_refused(&fixture, &error, &["a JSON object", "a string"]);
    }
    for (data, what) in
        [(json!([1]), "an array"), (json!(null), "null"), (json!(1), "a number"), (json!(true), "boolean")]
    {
        let error = fixture.todos.create_record(data).await.unwrap_err();
        assert_refused(&fixture, &error, &["a JSON object", what]);
    }
    assert_eq!(fixture.plain.ids(&fixture.records).await, [""; 0]);
    Ok(())
}

/// Asserts that data with a mistake in it is refused by every verb that sends data, and that it can be saved once the
/// mistake is mended.
async fn assert_data_refused(mistake: impl Fn(&mut Value) + Sync, named: &[&str]) -> Outcome {
    let fixture = Fixture::new().await;
    let good = json!({"title": "Milk", "deep": {"list": [0, {"x": 1}]}});
    let mut bad = good.clone();
    mistake(&mut bad);
    let todos = &fixture.todos;
    for error in [
        todos.create_record(bad.clone()).await.unwrap_err(),
        todos.create_record(bad.clone()).server_id().await.unwrap_err(),
        todos.create_record(bad.clone()).id("milk").if_not_exists().await.unwrap_err(),
        todos.overwrite_record("milk", bad.clone()).await.unwrap_err(),
        todos.patch_record::<Value>("milk", &bad).await.unwrap_err(),
    ] {
        assert_refused(&fixture, &error, named);
    }

    let mut record = todos.create_record(good.clone()).id("milk").await?;
    let (time, held) = (record.last_modified, fixture.plain.object(&fixture.record("milk")).await);
    fixture.sent.forget();
    mistake(&mut record.data);
    assert_refused(&fixture, &todos.save_record(&mut record).await.unwrap_err(), named);
    let update = todos.update_record("milk", |data: &mut Value| mistake(data)).await.unwrap_err();
    assert_eq!(fixture.sent.take_one().method, http::Method::GET);
    assert_refused(&fixture, &update, named);
    assert_eq!((record.last_modified, &record.data), (time, &bad), "the object in hand is as it was");
    assert_eq!(fixture.plain.object(&fixture.record("milk")).await, held);

    record.data = good;
    record.data["mended"] = true.into();
    todos.save_record(&mut record).await?;
    assert_eq!(fixture.plain.held(&fixture.record("milk")).await, record.data);
    Ok(())
}

#[tokio::test]
async fn create_rejects_permissions_key_in_data() -> Outcome {
    assert_data_refused(|data| data["__permissions__"] = json!({"read": []}), &["`__permissions__`"]).await?;
    // Only where the server would read it.
    let fixture = Fixture::new().await;
    fixture.todos.create_record(json!({"deep": {"__permissions__": 1}})).id("milk").await?;
    assert_eq!(fixture.plain.held(&fixture.record("milk")).await, json!({"deep": {"__permissions__": 1}}));
    Ok(())
}

#[tokio::test]
async fn create_rejects_nul_in_text() -> Outcome {
    assert_data_refused(|data| data["title"] = "a\0b".into(), &["U+0000", "`title`"]).await
}

#[tokio::test]
async fn create_rejects_nul_in_nested_text() -> Outcome {
    assert_data_refused(|data| data["deep"]["list"][1]["x"] = "\0".into(), &["U+0000", "`deep.list[1].x`"]).await
}

#[tokio::test]
async fn create_rejects_nul_in_key() -> Outcome {
    assert_data_refused(|data| data["deep"]["a\0b"] = 1.into(), &["U+0000", "`deep"]).await
}

#[tokio::test]
async fn create_rejects_data_that_is_too_deep() -> Outcome {
    let nested = |levels| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    assert_data_refused(|data| data["deep"] = nested(200), &["nested deeper", "`deep[0][0]"]).await?;

    // What is let through can be read.
    let fixture = Fixture::new().await;
    fixture.todos.create_record(json!({"deep": nested(125)})).id("deep").await?;
    assert_eq!(fixture.todos.get_record::<Value>("deep").await?.data["deep"], nested(125));
    assert_eq!(fixture.todos.get_records::<Value>().await?[0].data["deep"], nested(125));
    Ok(())
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, KintoRecord)]
struct Numbers {
    float: f64,
    short: f32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    large: Option<i128>,
    #[serde(default)]
    map: BTreeMap<String, Vec<f64>>,
}

#[tokio::test]
async fn create_rejects_numbers_without_json_form() -> Outcome {
    let fixture = Fixture::new().await;
    let map = |number| BTreeMap::from([("a".to_owned(), vec![0.0, number])]);
    let cases = [
        (Numbers { float: f64::NAN, ..Numbers::default() }, "NaN", "`float`"),
        (Numbers { float: f64::INFINITY, ..Numbers::default() }, "inf", "`float`"),
        (Numbers { short: f32::NEG_INFINITY, ..Numbers::default() }, "-inf", "`short`"),
        (Numbers { map: map(f64::NAN), ..Numbers::default() }, "NaN", "`map.a[1]`"),
        (Numbers { large: Some(1 << 64), ..Numbers::default() }, "18446744073709551616", "`large`"),
        (Numbers { large: Some(i128::from(i64::MIN) - 1), ..Numbers::default() }, "-9223372036854775809", "`large`"),
    ];
    for (index, (data, number, place)) in cases.into_iter().enumerate() {
        let id = format!("n{index}");
        for error in [
            fixture.todos.create_record(data.clone()).await.unwrap_err(),
            fixture.todos.overwrite_record("new", data.clone()).await.unwrap_err(),
            fixture.todos.patch_record::<Numbers>("new", &data).await.unwrap_err(),
        ] {
            assert_refused(&fixture, &error, &[number, place]);
        }

        let mut record = fixture.todos.create_record(Numbers::default()).id(&id).await?;
        let time = record.last_modified;
        fixture.sent.forget();
        record.data = data;
        assert_refused(&fixture, &fixture.todos.save_record(&mut record).await.unwrap_err(), &[number, place, &id]);
        assert_eq!(record.last_modified, time);

        record.data = Numbers { float: 1.5, large: Some(u64::MAX.into()), ..Numbers::default() };
        fixture.todos.save_record(&mut record).await?;
        let held = json!({"float": 1.5, "short": 0.0, "map": {}, "large": u64::MAX});
        assert_eq!(fixture.plain.held(&fixture.record(&id)).await, held);
        fixture.sent.forget();
    }
    assert_eq!(fixture.plain.ids(&fixture.records).await, ["n0", "n1", "n2", "n3", "n4", "n5"]);
    Ok(())
}

#[tokio::test]
async fn create_rejects_types_that_fail_to_serialize() -> Outcome {
    #[derive(Debug, Serialize, Deserialize, KintoRecord)]
    struct Failing {
        #[serde(serialize_with = "fail")]
        field: u8,
        #[serde(default)]
        keys: BTreeMap<(u8, u8), u8>,
    }
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
    fn fail<S: serde::Serializer>(field: &u8, serializer: S) -> Result<S::Ok, S::Error> {
        if *field == 0 { Err(serde::ser::Error::custom("none of that")) } else { serializer.serialize_u8(*field) }
    }

    let fixture = Fixture::new().await;
    let error = fixture.todos.create_record(Failing { field: 0, keys: BTreeMap::new() }).await.unwrap_err();
    assert_refused(&fixture, &error, &["none of that", "`field`"]);
    let keys = BTreeMap::from([((1, 2), 3)]);
    let error = fixture.todos.create_record(Failing { field: 1, keys }).await.unwrap_err();
    assert_refused(&fixture, &error, &["key", "`keys`"]);
    Ok(())
}
