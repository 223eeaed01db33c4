use serde_json::{Map, Value, json};

use super::*;

const RAW: &[u8] = br#"{"title":"Milk","id":"r1","n":{"id":"inner"},"last_modified":42}"#;

#[test]
fn untyped_json_decodes_without_stamp() {
    let decoded = object::<Value>(RAW, &[]).unwrap();
    assert_eq!(decoded.data, json!({"title": "Milk", "n": {"id": "inner"}}));
    assert_eq!((&*decoded.id, decoded.last_modified.as_millis()), ("r1", 42));
    assert_eq!(object::<Map<String, Value>>(RAW, &[]).unwrap().data.len(), 2);
}

#[test]
fn strict_struct_decodes_without_stamp() {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Strict {
        title: String,
        n: Value,
    }
    let strict = object::<Strict>(RAW, &[]).unwrap().data;
    assert_eq!((strict.title.as_str(), strict.n), ("Milk", json!({"id": "inner"})));

    let checked = br#"{"title":"Milk","schema":7,"id":"r1","n":{"schema":3},"last_modified":42}"#;
    assert_eq!(object::<Strict>(checked, &[]).unwrap().data.n, json!({"schema": 3}));
    assert_eq!(object::<Value>(checked, &[]).unwrap().data["schema"], 7);
}

#[test]
fn struct_with_optional_stamp_decodes_it() {
    #[derive(Deserialize)]
    struct Own {
        id: Option<String>,
        last_modified: Option<Timestamp>,
    }
    let own = object::<Own>(RAW, &["id", "last_modified"]).unwrap().data;
    assert_eq!((own.id.as_deref(), own.last_modified), (Some("r1"), Some(Timestamp::from_millis(42))));
}

#[test]
fn struct_with_schema_field_decodes_schema_version() {
    #[derive(Deserialize)]
    struct Own {
        schema: u64,
    }
    let raw = br#"{"schema":7,"id":"r1","last_modified":42}"#;
    assert_eq!(object::<Own>(raw, &[]).unwrap().data.schema, 7);
}

#[test]
fn struct_with_stamp_fields_decodes_them() {
    #[derive(Deserialize)]
    struct Own {
        id: String,
        last_modified: u64,
    }
    #[derive(Deserialize)]
    struct Flat {
        id: String,
        #[serde(flatten)]
        rest: Map<String, Value>,
    }
    let own = object::<Own>(RAW, &[]).unwrap().data;
    assert_eq!((own.id.as_str(), own.last_modified), ("r1", 42));
    let flat = object::<Flat>(RAW, &["id"]).unwrap().data;
    assert_eq!(flat.id, "r1");
    assert!(!flat.rest.contains_key("last_modified") && flat.rest.contains_key("title"));
}

#[test]
fn struct_that_cannot_be_read_without_the_stamp_is_shown_it() {
    #[derive(Deserialize)]
    struct Outer {
        title: String,
        #[serde(flatten)]
        inner: Inner,
    }
    #[derive(Deserialize)]
    struct Inner {
        id: String,
    }
    let outer = object::<Outer>(RAW, &[]).unwrap().data;
    assert_eq!((outer.title.as_str(), outer.inner.id.as_str()), ("Milk", "r1"));
    let text = std::str::from_utf8(RAW).unwrap();
    assert_eq!(first::<Outer>(&format!("{text}, {text}]"), &[]).unwrap().1, RAW.len());
}

#[test]
fn decode_error_names_record_and_path() {
    #[derive(Debug, Deserialize)]
    struct InvalidRecord {
        #[serde(rename = "n")]
        _n: Inner,
    }
    #[derive(Debug, Deserialize)]
    struct Inner {
        #[serde(rename = "id")]
        _id: u8,
    }
    let error = object::<InvalidRecord>(RAW, &[]).unwrap_err();
    assert!(error.is_decode());
    assert_eq!(
        error.to_string(),
        "the object `r1` does not fit: invalid type: string \"inner\", expected u8 at `n.id`"
    );
}

#[test]
fn decode_fails_without_stamp() {
    for raw in [&br#"{"id":"a"}"#[..], br#"{"last_modified":1}"#, br"[]", br"null", br#"{"id":1}"#, b"{"] {
        assert!(object::<Value>(raw, &[]).unwrap_err().is_decode());
    }
}
