//! Schemas of types: the server takes what the type writes, and the type reads what the server takes.

use std::collections::BTreeMap;

use kinto_client::{
    KintoRecord, Value, json,
    schema::{self, JsonSchema, Schema, compare},
};
use kinto_server::Backend;
use kinto_tests::{Fixture, Outcome, on_each_backend, server_on};
use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use serde::{Deserialize, Serialize};

use super::{give_schema, scene_of};

on_each_backend!(what_the_server_takes_is_read, bounds_of_every_size_are_kept_and_have_not_drifted);

macro_rules! numbers {
    ($($field:ident: $type:ty),+) => {
        /// An integer of every size.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KintoRecord, JsonSchema)]
        #[schemars(crate = "kinto_client::schema::schemars")]
        #[serde(default)]
        struct Numbers {
            $($field: $type,)+
            maybe: Option<i32>,
            many: Vec<u32>,
            named: BTreeMap<String, i64>,
            float: f64,
            of: Kind,
        }

        const FIELDS: &[&str] = &[$(stringify!($field)),+, "maybe", "float"];
    };
}

numbers!(i8_: i8, u8_: u8, i16_: i16, u16_: u16, i32_: i32, u32_: u32, i64_: i64, u64_: u64, isize_: isize, usize_: usize);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "kinto_client::schema::schemars")]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Kind {
    One {
        size: u16,
    },
    Two {
        name: Option<String>,
    },
    #[default]
    Three,
}

/// Numbers on both sides of all bounds.
fn number() -> impl Strategy<Value = Value> {
    let edges: Vec<Value> = json!([
        0,
        1,
        -1,
        3.0,
        -3.0,
        1.5,
        1e3,
        1e16,
        1e19,
        1e30,
        -1e19,
        127,
        128,
        -128,
        -129,
        255,
        256,
        32_767,
        32_768,
        -32_768,
        -32_769,
        65_535,
        65_536,
        i32::MAX,
        2_147_483_648_u64,
        i32::MIN,
        -2_147_483_649_i64,
        u32::MAX,
        4_294_967_296_u64,
        5_000_000_000_u64,
        i64::MAX,
        9_223_372_036_854_775_808_u64,
        i64::MIN,
        u64::MAX,
        null,
        "3",
        true
    ])
    .as_array()
    .cloned()
    .unwrap_or_default();
    prop::sample::select(edges)
}

fn record() -> impl Strategy<Value = Value> {
    let of = prop_oneof![
        number().prop_map(|size| json!({"kind": "one", "size": size})),
        number().prop_map(|name| json!({"kind": "two", "name": name})),
        Just(json!({"kind": "three"})),
        Just(json!({"kind": "four"})),
    ];
    let field = prop_oneof![
        8 => (prop::sample::select(FIELDS), number()).prop_map(|(name, value)| (name, value)),
        1 => number().prop_map(|value| ("many", json!([1, value]))),
        1 => number().prop_map(|value| ("named", json!({"a": value}))),
        1 => of.prop_map(|value| ("of", value)),
    ];
    field.prop_map(|(name, value)| json!({name: value}))
}

async fn what_the_server_takes_is_read(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    give_schema::<Numbers>(&fixture).await;
    let checked = Schema::of::<Numbers>()?;
    let mut runner = TestRunner::deterministic();
    let rounds = if std::env::var_os("KINTO_TEST_LONG").is_some() { 1000 } else { 30 };
    let (mut taken, mut refused) = (0, 0);
    for round in 0..rounds {
        let records: Vec<Value> =
            (0..25).map(|_| record().new_tree(&mut runner).expect("a record").current()).collect();
        let put =
            |(at, data): (usize, &Value)| json!({"path": fixture.record(&format!("r{at}")), "body": {"data": data}});
        let requests: Vec<Value> = records.iter().enumerate().map(put).collect();
        let answer = fixture.plain.post("/batch", &json!({"defaults": {"method": "PUT"}, "requests": requests})).await;
        for (data, response) in records.iter().zip(answer["responses"].as_array().expect("responses")) {
            let is_taken = response["status"] != 400;
            assert_eq!(checked.check(data).is_ok(), is_taken, "{data}: {response} {:?}", checked.violations(data));
            if is_taken { taken += 1 } else { refused += 1 }
        }
        // All that it holds.
        let held = fixture.todos.get_records::<Numbers>().await.map_err(|error| format!("round {round}: {error}"))?;
        for record in &held {
            // And what the type writes is taken.
            assert!(checked.check(&record.data).is_ok(), "{:?}", record.data);
        }
    }
    assert!(taken > rounds && refused > rounds, "{taken} were taken, and {refused} refused");
    Ok(())
}

async fn bounds_of_every_size_are_kept_and_have_not_drifted(backend: Backend) -> Outcome {
    #[derive(Serialize, Deserialize, KintoRecord, JsonSchema)]
    #[schemars(crate = "kinto_client::schema::schemars")]
    struct Huge {
        #[schemars(range(min = -1e300, max = 1e16))]
        far: f64,
    }
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    give_schema::<Numbers>(&fixture).await;
    let drift = fixture.todos.typed::<Numbers>().check_schema().await?;
    assert!(drift.is_none() && drift.evolution.is_empty(), "{drift}");
    give_schema::<Huge>(&fixture).await;
    let drift = fixture.todos.typed::<Huge>().check_schema().await?;
    assert!(drift.is_none() && drift.evolution.is_empty(), "{drift}");
    assert_eq!(fixture.todos.migrate(|old: Huge| old).await?.rewritten, 0);
    Ok(())
}

#[tokio::test]
async fn integers_are_bounded_and_floats_that_are_whole_are_read() -> Outcome {
    let fixture = scene_of::<Numbers>().await;
    let error = fixture.todos.create_record(json!({"i32_": 5_000_000_000_u64})).await.unwrap_err();
    assert_eq!((error.field(), error.schema_keyword()), (Some("i32_"), Some("maximum")));
    fixture
        .plain
        .send_text("PUT".parse()?, &fixture.record("a"), Some(r#"{"data": {"i32_": 3.0, "many": [1e2]}}"#.to_owned()))
        .await;
    let mut read = fixture.todos.get_record::<Numbers>("a").await?;
    assert_eq!((read.data.i32_, read.data.many.as_slice()), (3, [100].as_slice()));
    assert_eq!(fixture.todos.get_records::<Numbers>().await?[0].data, read.data);
    fixture.sent.forget();
    fixture.todos.save_record(&mut read).await?;
    assert_eq!(fixture.sent.take_lines(), [""; 0], "nothing was changed");
    Ok(())
}

#[test]
fn narrower_integer_is_breaking() {
    #[derive(JsonSchema)]
    #[schemars(crate = "kinto_client::schema::schemars")]
    #[expect(dead_code, reason = "its schema alone counts")]
    struct Wide {
        n: i64,
    }
    #[derive(JsonSchema)]
    #[schemars(crate = "kinto_client::schema::schemars")]
    #[expect(dead_code, reason = "its schema alone counts")]
    struct Narrow {
        n: i32,
    }
    let of = |schema: Value| json!({"properties": {"n": schema["properties"]["n"].clone()}});
    let (wide, narrow) = (of(schema::of::<Wide>()), of(schema::of::<Narrow>()));
    assert!(compare(&wide, &narrow).is_breaking());
    assert!(!compare(&narrow, &wide).is_breaking(), "{}", compare(&narrow, &wide));
}

#[tokio::test]
async fn stamps_in_the_variants_of_a_flattened_enum_are_left_out() -> Outcome {
    #[derive(JsonSchema)]
    #[schemars(crate = "kinto_client::schema::schemars")]
    #[expect(dead_code, reason = "its schema alone counts")]
    struct Flat {
        title: String,
        #[serde(flatten)]
        state: State,
    }
    #[derive(JsonSchema)]
    #[schemars(crate = "kinto_client::schema::schemars")]
    #[serde(untagged)]
    #[expect(dead_code, reason = "its schema alone counts")]
    enum State {
        Done { last_modified: u64, schema: u64, done: bool },
        Due { last_modified: u64, schema: u64, due: u64 },
    }
    let of = schema::of::<Flat>().to_string();
    assert!(!of.contains("last_modified") && !of.contains("\"schema\""), "{of}");
    let fixture = scene_of::<Flat>().await;
    for data in [json!({"title": "t", "done": true}), json!({"title": "t", "due": 3})] {
        fixture.plain.put_data(&fixture.record("a"), &data).await;
    }
    let error = fixture.todos.create_record(json!({"title": "t"})).await.unwrap_err();
    assert_eq!(error.schema_keyword(), Some("anyOf or oneOf"));
    Ok(())
}

#[tokio::test]
async fn key_of_digits_is_a_key() -> Outcome {
    let rule = json!({"properties": {"a": {"additionalProperties": {"type": "string"}}}});
    let error = Schema::new(&rule)?.check(&json!({"a": {"1": 2}})).unwrap_err();
    assert_eq!((error.field(), error.schema_keyword()), (Some("a.1"), Some("type")));
    let rule = json!({"properties": {"a": {"items": {"type": "string"}}}});
    assert_eq!(Schema::new(&rule)?.check(&json!({"a": ["", 2]})).unwrap_err().field(), Some("a[1]"));
    Ok(())
}
