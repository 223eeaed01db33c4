//! The check before sending and that of the server come to the same verdict.

use kinto_client::{Value, json, schema::Schema};
use kinto_tests::{Fixture, Outcome};
use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};

/// Returns whether the server accepts each of these records with that schema.
async fn verdicts(fixture: &Fixture, schema: &Value, records: &[Value]) -> Vec<bool> {
    let path = format!("/buckets/{}/collections/todos", fixture.bucket.id());
    fixture.plain.put(&path, &json!({"data": {"schema": schema}})).await;
    let mut verdicts = Vec::new();
    for records in records.chunks(25) {
        let put = |record: &Value| json!({"path": fixture.record("r"), "body": {"data": record}});
        let requests: Vec<Value> = records.iter().map(put).collect();
        let answer = fixture.plain.post("/batch", &json!({"defaults": {"method": "PUT"}, "requests": requests})).await;
        for response in answer["responses"].as_array().unwrap_or_else(|| panic!("{schema}: {answer}")) {
            let status = response["status"].as_u64().unwrap();
            assert!(matches!(status, 200 | 201 | 400), "{schema}: {response}");
            verdicts.push(status != 400);
        }
    }
    verdicts
}

async fn assert_agreement(fixture: &Fixture, rule: Value, values: &[Value]) {
    let definitions = json!({"x": {"type": "integer"}});
    let draft = "http://json-schema.org/draft-07/schema#";
    let schema = json!({"$schema": draft, "properties": {"a": rule}, "definitions": definitions});
    let records: Vec<Value> = values.iter().map(|value| json!({"a": value})).collect();
    let local = Schema::new(&schema).unwrap();
    let server = verdicts(fixture, &schema, &records).await;
    for (record, server) in records.iter().zip(server) {
        assert_eq!(local.check(record).is_ok(), server, "{schema} and {record}: {:?}", local.violations(record));
    }
}

/// Values on both sides of most rules.
fn values() -> Vec<Value> {
    json!([
        null, true, false, 0, 1, 1.0, 1.5, -1, 2, 3, 3.0, 0.3, 0.7, 1e30, 9_007_199_254_740_993_u64, "", "a", "ab", "abc", "1", "é",
        "👍", "👍👍", "a\n", "ab\n", "٣", "a b", "2024-01-01", "not a date", [], [1], [1, 2], [1, 1], [1, 1.0], [1, true], [0, false],
        ["a"], ["a", "b"], [[1], [1]], [null], {}, {"x": 1}, {"x": "1"}, {"x": 1, "y": 2}, {"xy": 1}, {"y": {"x": 1}},
        {"x": null}, "{\"x\":1}", "aGk=", "*"
    ])
    .as_array()
    .unwrap()
    .clone()
}

#[tokio::test]
async fn client_and_server_agree_on_every_keyword() -> Outcome {
    let fixture = Fixture::new().await;
    for rule in [
        json!({"type": "integer"}),
        json!({"type": ["number", "null"]}),
        json!({"enum": [1, "a", null, [1, 1], {"x": 1}]}),
        json!({"enum": [true, 0]}),
        json!({"const": 1}),
        json!({"const": false}),
        json!({"minimum": 1, "maximum": 3}),
        json!({"exclusiveMinimum": 1, "exclusiveMaximum": 3}),
        json!({"multipleOf": 2}),
        json!({"multipleOf": 0.1}),
        json!({"multipleOf": 1.5}),
        json!({"minLength": 1, "maxLength": 2}),
        json!({"pattern": "^a"}),
        json!({"pattern": "b$"}),
        json!({"pattern": "^\\d$"}),
        json!({"pattern": "^\\w+$"}),
        json!({"pattern": "^[\\w-]+$"}),
        json!({"pattern": "^\\W"}),
        json!({"pattern": "a\\s"}),
        json!({"pattern": "^(?=a).(b|$)"}),
        json!({"format": "date"}),
        json!({"format": "email"}),
        json!({"contentEncoding": "base64", "contentMediaType": "application/json"}),
        json!({"items": {"type": "integer"}}),
        json!({"items": [{"type": "integer"}], "additionalItems": false}),
        json!({"items": [{"type": "integer"}], "additionalItems": {"type": "string"}}),
        json!({"minItems": 1, "maxItems": 1}),
        json!({"uniqueItems": true}),
        json!({"contains": {"type": "string"}}),
        json!({"minProperties": 1, "maxProperties": 1}),
        json!({"required": ["x"]}),
        json!({"properties": {"x": {"type": "integer"}}, "additionalProperties": false}),
        json!({"patternProperties": {"^x$": {"type": "integer"}}, "additionalProperties": {"type": "integer"}}),
        json!({"propertyNames": {"maxLength": 1}}),
        json!({"dependencies": {"x": ["y"]}}),
        json!({"dependencies": {"x": {"required": ["y"]}}}),
        json!({"anyOf": [{"type": "string"}, {"minimum": 2}]}),
        json!({"oneOf": [{"type": "integer"}, {"minimum": 2}]}),
        json!({"allOf": [{"type": "number"}, {"minimum": 2}]}),
        json!({"not": {"type": "string"}}),
        json!({"if": {"type": "string"}, "then": {"minLength": 2}, "else": {"type": "array"}}),
        json!({"$ref": "#/definitions/x"}),
        json!({"$ref": "#/definitions/x", "type": "string"}),
    ] {
        assert_agreement(&fixture, rule, &values()).await;
    }
    Ok(())
}

#[tokio::test]
async fn client_and_server_agree_on_ignored_fields() -> Outcome {
    let fixture = Fixture::new().await;
    let records = [
        json!({"title": "a"}),
        json!({"title": "a", "schema": "x"}),
        json!({"title": "a", "id": "r"}),
        json!({"title": "a", "last_modified": 1_700_000_000_000_u64}),
        json!({}),
    ];
    for schema in [
        json!({"additionalProperties": false, "properties": {"title": {}}, "required": ["title", "schema", "last_modified"]}),
        json!({"additionalProperties": false, "properties": {"title": {}}, "required": ["id"]}),
        json!({"properties": {"schema": {"type": "null"}, "last_modified": {"type": "null"}}}),
        json!({"maxProperties": 1, "properties": {"title": {}}}),
        // Without `$schema` it is another draft, where a list of items means something else.
        json!({"properties": {"title": {"prefixItems": [{"type": "string"}]}}}),
    ] {
        let local = Schema::new(&schema)?;
        // A record that breaks a rule of the whole makes this server fail, so that only those are shown that do not.
        let records: Vec<Value> = records
            .iter()
            .filter(|record| schema.get("maxProperties").is_none() || record.get("title").is_some())
            .cloned()
            .collect();
        for (record, server) in records.iter().zip(verdicts(&fixture, &schema, &records).await) {
            let mut whole = record.clone();
            whole["id"] = "r".into();
            assert_eq!(local.check(&whole).is_ok(), server, "{schema} and {record}: {:?}", local.violations(&whole));
        }
    }
    Ok(())
}

/// Schemas of a few rules that act on one another.
fn any_rule() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(true)),
        prop::sample::subsequence(vec!["string", "integer", "null", "array", "object", "boolean", "number"], 1..3)
            .prop_map(|types| json!({"type": types})),
        (0..4_i32).prop_map(|n| json!({"minimum": n})),
        (0..3_u32).prop_map(|n| json!({"maxLength": n})),
        (0..3_u32).prop_map(|n| json!({"minItems": n})),
        prop::sample::subsequence(values(), 1..4).prop_map(|values| json!({"enum": values})),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..3).prop_map(|all| json!({"anyOf": all})),
            prop::collection::vec(inner.clone(), 1..3).prop_map(|all| json!({"oneOf": all})),
            prop::collection::vec(inner.clone(), 1..3).prop_map(|all| json!({"allOf": all})),
            inner.clone().prop_map(|one| json!({"not": one})),
            inner.clone().prop_map(|one| json!({"items": one})),
            inner
                .clone()
                .prop_map(|one| json!({"properties": {"x": one}, "additionalProperties": {"type": "integer"}})),
            (inner.clone(), inner).prop_map(|(one, other)| json!({"if": one, "then": other})),
        ]
    })
}

#[tokio::test]
async fn client_and_server_agree_on_random_schemas() -> Outcome {
    let fixture = Fixture::new().await;
    let mut runner = TestRunner::deterministic();
    for _ in 0..60 {
        let rule = any_rule().new_tree(&mut runner).unwrap().current();
        assert_agreement(&fixture, rule, &values()).await;
    }
    Ok(())
}
