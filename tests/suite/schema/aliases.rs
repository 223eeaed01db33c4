//! serde's `alias` and `other`, which schemars does not know: what follows from that, and how a type says them itself.

use kinto_client::{
    JsonObject, KintoRecord, Value, json,
    schema::{JsonSchema, Schema, schemars},
};
use kinto_tests::{Fixture, Outcome};
use serde::{Deserialize, Serialize};

use super::scene_of;

#[derive(Debug, Serialize, Deserialize, KintoRecord, JsonSchema)]
#[schemars(crate = "kinto_client::schema::schemars")]
struct RawClient {
    #[serde(alias = "name")]
    title: String,
    #[serde(default, alias = "n")]
    count: u32,
    #[serde(default)]
    state: State,
}

/// The same, and says so.
#[derive(Debug, Serialize, Deserialize, KintoRecord, JsonSchema)]
#[schemars(crate = "kinto_client::schema::schemars", transform = either_name)]
struct Told {
    #[serde(alias = "name")]
    title: String,
    #[serde(default, alias = "n")]
    count: u32,
    #[serde(default)]
    #[schemars(schema_with = "any_text")]
    state: State,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "kinto_client::schema::schemars")]
#[serde(rename_all = "lowercase")]
enum State {
    #[default]
    Open,
    #[serde(other)]
    Unknown,
}

fn any_text(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({"type": "string"})
}

fn either_name(schema: &mut schemars::Schema) {
    schema.remove("required");
    schema.insert("oneOf".to_owned(), json!([{"required": ["title"]}, {"required": ["name"]}]));
    // At the top of a schema, this server fails on `not`.
    let absent = |name| json!({"not": {"required": [name]}});
    schema.insert("anyOf".to_owned(), json!([absent("count"), absent("n")]));
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut).expect("properties");
    for (alias, name) in [("name", "title"), ("n", "count")] {
        properties.insert(alias.to_owned(), properties[name].clone());
    }
}

/// Returns true if the server takes the record, and whether the type reads it.
async fn verdicts<T: KintoRecord + JsonSchema>(fixture: &Fixture, record: &Value) -> (bool, bool) {
    let is_taken = match fixture.todos.overwrite_record("r", record.clone()).await {
        Ok(_) => true,
        Err(error) if error.is_schema_violation() => false,
        Err(error) => panic!("{record}: {error}"),
    };
    let here = Schema::of::<T>().expect("a schema").check(record);
    assert_eq!(here.is_ok(), is_taken, "{record}: {here:?}");
    // As the server would hold it.
    let reader = Fixture::new().await;
    let held = reader.todos.create_record(record.clone()).await.expect("it has no schema");
    let object = reader.todos.get_record::<JsonObject>(held.id.as_str()).await.expect("a record");
    (is_taken, object.parse::<T>().is_ok())
}

fn records() -> [Value; 10] {
    [
        json!({"title": "Milk"}),
        json!({"name": "Milk"}),
        json!({"title": "Milk", "name": "Oat milk"}),
        json!({"name": 3}),
        json!({"title": "Milk", "n": 3}),
        json!({"title": "Milk", "n": "many"}),
        json!({"title": "Milk", "count": 1, "n": 2}),
        json!({"title": "Milk", "state": "open"}),
        json!({"title": "Milk", "state": "late"}),
        json!({"title": "Milk", "state": 3}),
    ]
}

#[tokio::test]
async fn type_that_says_its_aliases_reads_what_the_server_takes() -> Outcome {
    let fixture = scene_of::<Told>().await;
    let mut taken = 0;
    for record in records() {
        let (is_taken, is_read) = verdicts::<Told>(&fixture, &record).await;
        assert_eq!(is_taken, is_read, "{record}");
        taken += usize::from(is_taken);
    }
    assert_eq!(taken, 5);
    Ok(())
}

#[tokio::test]
async fn without_a_word_an_alias_is_an_unknown_field_and_other_a_name() -> Outcome {
    let fixture = scene_of::<RawClient>().await;
    let (mut read_only, mut taken_only) = (Vec::new(), Vec::new());
    for record in records() {
        match verdicts::<RawClient>(&fixture, &record).await {
            (false, true) => read_only.push(record),
            (true, false) => taken_only.push(record),
            _ => {}
        }
    }
    assert_eq!(read_only, [json!({"name": "Milk"}), json!({"title": "Milk", "state": "late"})]);
    assert_eq!(
        taken_only,
        [
            json!({"title": "Milk", "name": "Oat milk"}),
            json!({"title": "Milk", "n": "many"}),
            json!({"title": "Milk", "count": 1, "n": 2})
        ]
    );
    Ok(())
}
