//! Records that the server refuses for its schema, and what is said of them: by the server, and before they are sent.

use kinto_client::{Value, json, schema::Schema};
use kinto_tests::{Fixture, Outcome};

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
async fn schema_error_has_field_and_keyword() -> Outcome {
    let fixture = scene_of::<Strict>().await;
    let schema = Schema::of::<Strict>()?;
    for (data, place, last, rule) in wrong() {
        let error = fixture.todos.create_record(data.clone()).await.unwrap_err();
        assert!(error.is_schema_violation(), "{data}: {error}");
        assert_eq!((error.field(), error.schema_keyword()), (Some(last), Some(rule)), "{data}: {error}");
        assert_eq!(predicates(&error), ["refused"], "{data}");
        assert_eq!((error.status().map(|status| status.as_u16()), error.errno()), (Some(400), Some(107)));

        let error = schema.check(&data).unwrap_err();
        assert!(error.is_schema_violation(), "{data}: {error}");
        assert_eq!((error.field(), error.schema_keyword()), (Some(place), Some(rule)), "{data}: {error}");
        assert_eq!(predicates(&error), ["invalid"], "{data}");
    }
    assert_eq!(fixture.todos.get_records::<Value>().count().await?, 0);
    Ok(())
}

#[tokio::test]
async fn schema_error_displays_field_and_keyword() -> Outcome {
    let fixture = scene_of::<Strict>().await;
    let error = fixture.todos.create_record(json!({"id": "a", "title": "x"})).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "could not create record {}: 400 Bad Request: it does not fit the schema: `title`: 'x' is too short (`minLength`)",
            fixture.records
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
async fn bulk_schema_errors_belong_to_their_records() -> Outcome {
    let fixture = scene_of::<Strict>().await;
    let data = [json!({"title": "Milk"}), json!({"title": 3}), json!({"title": "Eggs"}), json!({})];
    let results = fixture.todos.create_records(data).each().await?;
    let rules: Vec<Option<String>> =
        results.iter().map(|result| Some(result.as_ref().err()?.schema_keyword()?.to_owned())).collect();
    assert_eq!(rules, [None, Some("type".to_owned()), None, Some("required".to_owned())]);
    assert_eq!(fixture.todos.get_records::<Value>().count().await?, 2);
    Ok(())
}

#[tokio::test]
async fn other_refusals_are_no_schema_violations() -> Outcome {
    let fixture = Fixture::new().await;
    let wrong_schema = fixture.todos.patch(json!({"schema": {"type": "strin"}})).await.unwrap_err();
    assert_eq!((wrong_schema.is_refused(), wrong_schema.is_schema_violation()), (true, false), "{wrong_schema}");
    let create = fixture.todos.create_record(json!({}));
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
async fn schema_of_bucket_is_enforced() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.bucket.patch(json!({"record:schema": {"required": ["a", "b"]}})).await?;
    let error = fixture.todos.create_record(json!({"b": 1})).await.unwrap_err();
    assert_eq!((error.field(), error.schema_keyword()), (Some("a"), Some("required")));
    fixture.todos.create_record(json!({"a": 1, "b": 1})).await?;
    Ok(())
}
