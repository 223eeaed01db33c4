//! Records that the server refuses for its schema, and what is said of them: by the server, and before they are sent.

use kinto_client::{Value, json, schema::Schema};
use kinto_tests::{Outcome, Scene};

use super::{Strict, scene_of};
use crate::predicates;

/// A wrong record, with the place and the rule that it is against; where the server tells less of the place, also that.
fn wrong() -> Vec<(Value, &'static str, &'static str, &'static str)> {
    let with = |name: &str, value: Value| {
        let mut record = json!({"title": "Milk"});
        record[name] = value;
        record
    };
    vec![
        (json!({}), "title", "title", "required"),
        (with("title", 3.into()), "title", "title", "type"),
        (with("title", "x".into()), "title", "title", "minLength"),
        (with("title", "x".repeat(9).into()), "title", "title", "maxLength"),
        (with("title", "a b".into()), "title", "title", "pattern"),
        (with("percent", 1.5.into()), "percent", "percent", "type"),
        (with("percent", (-1).into()), "percent", "percent", "minimum"),
        (with("percent", 101.into()), "percent", "percent", "maximum"),
        (with("tags", json!(["a", 3])), "tags[1]", "[1]", "type"),
        (with("tags", json!(["a", "b", "c"])), "tags", "tags", "maxItems"),
        (with("state", "late".into()), "state", "state", "enum"),
        (with("place", json!({"city": 3})), "place.city", "city", "type"),
        (with("colour", "red".into()), "colour", "colour", "additionalProperties"),
    ]
}

#[tokio::test]
async fn the_error_names_the_field_and_the_rule() -> Outcome {
    let scene = scene_of::<Strict>().await;
    let schema = Schema::of::<Strict>()?;
    for (data, place, last, rule) in wrong() {
        let error = scene.todos.create_record(data.clone()).await.unwrap_err();
        assert!(error.is_schema_violation(), "{data}: {error}");
        assert_eq!((error.field(), error.rule()), (Some(last), Some(rule)), "{data}: {error}");
        assert_eq!(predicates(&error), ["refused"], "{data}");
        assert_eq!((error.status().map(|status| status.as_u16()), error.errno()), (Some(400), Some(107)));

        let error = schema.check(&data).unwrap_err();
        assert!(error.is_schema_violation(), "{data}: {error}");
        assert_eq!((error.field(), error.rule()), (Some(place), Some(rule)), "{data}: {error}");
        assert_eq!(predicates(&error), ["invalid"], "{data}");
    }
    assert_eq!(scene.todos.get_records::<Value>().count().await?, 0);
    Ok(())
}

#[tokio::test]
async fn the_text_of_the_error_says_it() -> Outcome {
    let scene = scene_of::<Strict>().await;
    let error = scene.todos.create_record(json!({"id": "a", "title": "x"})).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "could not create record {}: 400 Bad Request: it does not fit the schema: `title`: 'x' is too short (`minLength`)",
            scene.records
        )
    );
    let error = Schema::of::<Strict>()?.check(&json!({"title": "a b c", "percent": 101})).unwrap_err();
    assert_eq!(
        error.to_string(),
        "it does not fit the schema: `percent`: 101 is greater than the maximum of 100 (`maximum`); \
         `title`: \"a b c\" does not match \"^\\\\w+$\" (`pattern`)"
    );
    Ok(())
}

#[tokio::test]
async fn of_many_each_has_its_own() -> Outcome {
    let scene = scene_of::<Strict>().await;
    let data = [json!({"title": "Milk"}), json!({"title": 3}), json!({"title": "Eggs"}), json!({})];
    let results = scene.todos.create_records(data).each().await?;
    let rules: Vec<Option<String>> =
        results.iter().map(|result| Some(result.as_ref().err()?.rule()?.to_owned())).collect();
    assert_eq!(rules, [None, Some("type".to_owned()), None, Some("required".to_owned())]);
    assert_eq!(scene.todos.get_records::<Value>().count().await?, 2);
    Ok(())
}

#[tokio::test]
async fn other_refusals_are_no_violations() -> Outcome {
    let scene = Scene::new().await;
    let wrong_schema = scene.todos.patch(json!({"schema": {"type": "strin"}})).await.unwrap_err();
    assert_eq!((wrong_schema.is_refused(), wrong_schema.is_schema_violation()), (true, false), "{wrong_schema}");
    let create = scene.todos.create_record(json!({}));
    let mut permissions = std::collections::BTreeMap::new();
    permissions.insert("reed".to_owned(), ["account:niko".into()].into());
    let unknown = create.permissions(|mut p| {
        p.other = permissions;
        p
    });
    let unknown = unknown.await.unwrap_err();
    assert_eq!((unknown.is_refused(), unknown.is_schema_violation()), (true, false), "{unknown}");
    Ok(())
}

#[tokio::test]
async fn a_schema_of_the_bucket_counts_as_well() -> Outcome {
    let scene = Scene::new().await;
    scene.bucket.patch(json!({"record:schema": {"required": ["a", "b"]}})).await?;
    let error = scene.todos.create_record(json!({"b": 1})).await.unwrap_err();
    assert_eq!((error.field(), error.rule()), (Some("a"), Some("required")));
    scene.todos.create_record(json!({"a": 1, "b": 1})).await?;
    Ok(())
}
