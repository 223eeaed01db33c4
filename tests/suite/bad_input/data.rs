//! Data that the server would refuse, misread, or answer with a failure.

use std::collections::BTreeMap;

use kinto_client::{KintoRecord, Value, json};
use kinto_tests::{Outcome, Scene};
use serde::{Deserialize, Serialize};

use super::assert_refused;
use crate::Todo;

#[tokio::test]
async fn records_that_are_no_objects() -> Outcome {
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

    let scene = Scene::new().await;
    let text = Text { text: "Milk".to_owned() };
    for error in [
        scene.todos.create_record(text.clone()).await.unwrap_err(),
        scene.todos.create_record(text.clone()).server_id().await.unwrap_err(),
        scene.todos.create_record(text.clone()).id("milk").if_not_exists().await.unwrap_err(),
        scene.todos.overwrite_record("milk", text).await.unwrap_err(),
        scene.todos.create_record(json!("Milk")).await.unwrap_err(),
        scene.todos.patch_record::<Todo>("milk", "Milk").await.unwrap_err(),
    ] {
        assert_refused(&scene, &error, &["a JSON object", "a string"]);
    }
    for (data, what) in
        [(json!([1]), "an array"), (json!(null), "null"), (json!(1), "a number"), (json!(true), "boolean")]
    {
        let error = scene.todos.create_record(data).await.unwrap_err();
        assert_refused(&scene, &error, &["a JSON object", what]);
    }
    assert_eq!(scene.plain.ids(&scene.records).await, [""; 0]);
    Ok(())
}

/// Asserts that data with a mistake in it is refused by every verb that sends data, and that it can be saved once the
/// mistake is mended.
async fn assert_data_refused(mistake: impl Fn(&mut Value) + Sync, named: &[&str]) -> Outcome {
    let scene = Scene::new().await;
    let good = json!({"title": "Milk", "deep": {"list": [0, {"x": 1}]}});
    let mut bad = good.clone();
    mistake(&mut bad);
    let todos = &scene.todos;
    for error in [
        todos.create_record(bad.clone()).await.unwrap_err(),
        todos.create_record(bad.clone()).server_id().await.unwrap_err(),
        todos.create_record(bad.clone()).id("milk").if_not_exists().await.unwrap_err(),
        todos.overwrite_record("milk", bad.clone()).await.unwrap_err(),
        todos.patch_record::<Value>("milk", &bad).await.unwrap_err(),
    ] {
        assert_refused(&scene, &error, named);
    }

    let mut record = todos.create_record(good.clone()).id("milk").await?;
    let (time, held) = (record.last_modified, scene.plain.object(&scene.record("milk")).await);
    scene.sent.forget();
    mistake(&mut record.data);
    assert_refused(&scene, &todos.save_record(&mut record).await.unwrap_err(), named);
    let update = todos.update_record("milk", |data: &mut Value| mistake(data)).await.unwrap_err();
    assert_eq!(scene.sent.take_one().method, http::Method::GET);
    assert_refused(&scene, &update, named);
    assert_eq!((record.last_modified, &record.data), (time, &bad), "the object in hand is as it was");
    assert_eq!(scene.plain.object(&scene.record("milk")).await, held);

    record.data = good;
    record.data["mended"] = true.into();
    todos.save_record(&mut record).await?;
    assert_eq!(scene.plain.held(&scene.record("milk")).await, record.data);
    Ok(())
}

#[tokio::test]
async fn the_key_that_the_server_takes_for_permissions() -> Outcome {
    assert_data_refused(|data| data["__permissions__"] = json!({"read": []}), &["`__permissions__`"]).await?;
    // Only where the server would read it.
    let scene = Scene::new().await;
    scene.todos.create_record(json!({"deep": {"__permissions__": 1}})).id("milk").await?;
    assert_eq!(scene.plain.held(&scene.record("milk")).await, json!({"deep": {"__permissions__": 1}}));
    Ok(())
}

#[tokio::test]
async fn nul_in_text() -> Outcome {
    assert_data_refused(|data| data["title"] = "a\0b".into(), &["U+0000", "`title`"]).await
}

#[tokio::test]
async fn nul_in_deeper_text() -> Outcome {
    assert_data_refused(|data| data["deep"]["list"][1]["x"] = "\0".into(), &["U+0000", "`deep.list[1].x`"]).await
}

#[tokio::test]
async fn nul_in_a_key() -> Outcome {
    assert_data_refused(|data| data["deep"]["a\0b"] = 1.into(), &["U+0000", "`deep"]).await
}

#[tokio::test]
async fn more_levels_than_can_be_read_again() -> Outcome {
    let nested = |levels| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    assert_data_refused(|data| data["deep"] = nested(200), &["nested deeper", "`deep[0][0]"]).await?;

    // What is let through can be read.
    let scene = Scene::new().await;
    scene.todos.create_record(json!({"deep": nested(125)})).id("deep").await?;
    assert_eq!(scene.todos.get_record::<Value>("deep").await?.data["deep"], nested(125));
    assert_eq!(scene.todos.get_records::<Value>().await?[0].data["deep"], nested(125));
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
async fn numbers_that_json_does_not_have() -> Outcome {
    let scene = Scene::new().await;
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
            scene.todos.create_record(data.clone()).await.unwrap_err(),
            scene.todos.overwrite_record("new", data.clone()).await.unwrap_err(),
            scene.todos.patch_record::<Numbers>("new", &data).await.unwrap_err(),
        ] {
            assert_refused(&scene, &error, &[number, place]);
        }

        let mut record = scene.todos.create_record(Numbers::default()).id(&id).await?;
        let time = record.last_modified;
        scene.sent.forget();
        record.data = data;
        assert_refused(&scene, &scene.todos.save_record(&mut record).await.unwrap_err(), &[number, place, &id]);
        assert_eq!(record.last_modified, time);

        record.data = Numbers { float: 1.5, large: Some(u64::MAX.into()), ..Numbers::default() };
        scene.todos.save_record(&mut record).await?;
        let held = json!({"float": 1.5, "short": 0.0, "map": {}, "large": u64::MAX});
        assert_eq!(scene.plain.held(&scene.record(&id)).await, held);
        scene.sent.forget();
    }
    assert_eq!(scene.plain.ids(&scene.records).await, ["n0", "n1", "n2", "n3", "n4", "n5"]);
    Ok(())
}

#[tokio::test]
async fn types_that_do_not_serialise() -> Outcome {
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

    let scene = Scene::new().await;
    let error = scene.todos.create_record(Failing { field: 0, keys: BTreeMap::new() }).await.unwrap_err();
    assert_refused(&scene, &error, &["none of that", "`field`"]);
    let keys = BTreeMap::from([((1, 2), 3)]);
    let error = scene.todos.create_record(Failing { field: 1, keys }).await.unwrap_err();
    assert_refused(&scene, &error, &["key", "`keys`"]);
    Ok(())
}
