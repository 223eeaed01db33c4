use serde_json::{Map, Value, json};

use super::compare;

/// Compares in both directions: checks the text of one, and whether the other is breaking.
#[track_caller]
fn assert_change(old: &Value, new: &Value, said: &str) {
    let evolution = compare(old, new);
    assert_eq!(evolution.to_string(), said, "{old} to {new}");
    assert_eq!(evolution.is_breaking(), said.contains("BREAKING"));
    assert!(compare(old, old).is_empty() && compare(new, new).is_empty());
}

fn with(field: Value) -> Value {
    let fields = Map::from_iter([("a".to_owned(), field)]);
    json!({ "properties": fields })
}

#[test]
fn compare_reports_added_and_removed_fields() {
    let old = json!({"properties": {"a": {"type": "string"}}, "required": ["a"]});
    let optional = json!({"properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["a"]});
    let required = json!({"properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["a", "b"]});
    assert_change(&old, &optional, "b: new, optional");
    assert_change(&old, &required, "b: BREAKING: new, and required");
    assert_change(&optional, &required, "b: BREAKING: now required");
    assert_change(&required, &optional, "b: no longer required");
    assert_change(&optional, &old, "b: no longer described");
    assert_change(&required, &old, "b: no longer described\nb: no longer required");
    assert_change(&json!({}), &json!({"required": ["a"]}), "a: BREAKING: now required");
}

#[test]
fn compare_reports_additional_properties() {
    let closed = json!({"properties": {"a": {}}, "additionalProperties": false});
    let open = json!({"properties": {"a": {}}});
    assert_change(&open, &closed, "(the record): BREAKING: other fields are no longer allowed");
    assert_change(&closed, &open, "(the record): other fields are allowed now");
    let less = json!({"properties": {}, "additionalProperties": false});
    assert_change(&closed, &less, "a: BREAKING: removed, and no longer allowed");
    assert_change(&less, &closed, "a: new, optional");
    let texts = json!({"additionalProperties": {"type": "string"}});
    let numbers = json!({"additionalProperties": {"type": "integer"}});
    assert_change(&texts, &numbers, "*: BREAKING: the type was \"string\", and is \"integer\"");
    let described = json!({"properties": {"a": {"type": "integer"}}, "additionalProperties": {"type": "string"}});
    assert_change(&texts, &described, "a: BREAKING: new, optional");
    assert_change(&described, &texts, "a: BREAKING: now like every other field");
}

#[test]
fn types() {
    let of = |types: Value| with(json!({"type": types}));
    let change = |old: Value, new: Value, breaking| {
        let said = format!("a: {breaking}the type was {old}, and is {new}");
        assert_change(&of(old.clone()), &of(new.clone()), &said);
    };
    change("string".into(), "integer".into(), "BREAKING: ");
    change("integer".into(), "number".into(), "");
    change("number".into(), "integer".into(), "BREAKING: ");
    change("string".into(), json!(["string", "null"]), "");
    change(json!(["string", "null"]), "string".into(), "BREAKING: ");
    assert_change(&with(json!({})), &of("string".into()), "a: BREAKING: the type was any, and is \"string\"");
    assert_change(&of("string".into()), &with(json!({})), "a: the type was \"string\", and is any");
}

#[test]
fn values() {
    let of = |values: Value| with(json!({"enum": values}));
    assert_change(
        &of(json!(["x", "y"])),
        &of(json!(["x", "z"])),
        "a: BREAKING: no longer allowed: \"y\"\na: now allowed: \"z\"",
    );
    assert_change(&of(json!(["x"])), &of(json!(["x", "y", 3])), "a: now allowed: \"y\", 3");
    assert_change(&with(json!({})), &of(json!(["x"])), "a: BREAKING: only [\"x\"] is allowed now");
    assert_change(&of(json!(["x"])), &with(json!({})), "a: no `enum` any more");
    assert_change(
        &with(json!({"const": 1})),
        &with(json!({"const": 2})),
        "a: BREAKING: no longer allowed: 1\na: now allowed: 2",
    );
}

#[test]
fn bounds() {
    for (keyword, loose, strict) in [
        ("minimum", 1.5, 2.0),
        ("exclusiveMinimum", -1.0, 2.0),
        ("maximum", 2.0, 1.0),
        ("minLength", 0.0, 1.0),
        ("maxLength", 9.0, 8.0),
        ("minItems", 1.0, 2.0),
        ("maxItems", 3.0, 2.0),
        ("maxProperties", 3.0, 2.0),
    ] {
        let of = |bound: f64| with(json!({ keyword: bound }));
        assert_change(&of(loose), &of(strict), &format!("a: BREAKING: `{keyword}` is now {strict:?}"));
        assert_change(&of(strict), &of(loose), &format!("a: `{keyword}` is now {loose:?}"));
        assert_change(&with(json!({})), &of(loose), &format!("a: BREAKING: `{keyword}` is now {loose:?}"));
        assert_change(&of(loose), &with(json!({})), &format!("a: no `{keyword}` any more"));
    }
}

#[test]
fn compare_reports_items_and_nested_fields() {
    let old = json!({"properties": {"a": {"items": {"properties": {"b": {"maxLength": 3}}}}}});
    let new = json!({"properties": {"a": {"items": {"properties": {"b": {"maxLength": 2}}}}}});
    assert_change(&old, &new, "a[].b: BREAKING: `maxLength` is now 2");
    assert_change(
        &with(json!({})),
        &with(json!({"items": {"type": "null"}})),
        "a[]: BREAKING: the type was any, and is \"null\"",
    );
    let unique = with(json!({"uniqueItems": true}));
    assert_change(&with(json!({})), &unique, "a: BREAKING: items may no longer be equal");
    assert_change(&unique, &with(json!({})), "a: items may be equal");
    let closed = with(json!(false));
    assert_change(&with(json!({})), &closed, "a: BREAKING: is no longer allowed");
    assert_change(&closed, &with(json!({})), "a: is now allowed");
}

#[test]
fn annotations_are_not_breaking() {
    assert_change(
        &json!({"title": "A", "properties": {"a": {"format": "date"}}}),
        &json!({"title": "B", "properties": {"a": {"description": "When"}}}),
        "(the record): another `title`\na: another `description`\na: another `format`",
    );
}

#[test]
fn unknown_changes_are_breaking() {
    for (keyword, old, new) in [
        ("allOf", json!([{}]), json!([{"type": "string"}])),
        ("items", json!([{}]), json!([{}, {}])),
        ("$ref", json!("#/definitions/a"), json!("#/definitions/b")),
        ("patternProperties", json!({"^x": {}}), json!({})),
        ("anything", json!(1), json!(2)),
    ] {
        let said = format!("a: BREAKING: `{keyword}` has changed; what that means for the records is not known");
        assert_change(&with(json!({ keyword: old })), &with(json!({ keyword: new })), &said);
    }
    assert!(compare(&json!({"$schema": "http://json-schema.org/draft-07/schema#"}), &json!({})).is_breaking());
    assert_change(
        &with(json!({"pattern": "a"})),
        &with(json!({"pattern": "b"})),
        "a: BREAKING: `pattern` is now \"b\"",
    );
    assert_change(&with(json!({"pattern": "a"})), &with(json!({})), "a: no `pattern` any more");
}

#[test]
fn alternatives() {
    let place = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let longer =
        json!({"type": "object", "properties": {"city": {"type": "string", "maxLength": 3}}, "required": ["city"]});
    let option = |inner: &Value| with(json!({"anyOf": [inner, {"type": "null"}], "description": "Where"}));
    let more = "a: there are more alternatives";
    let other = "a: BREAKING: other alternatives; whether all records fit them is not known";
    assert_change(&with(place.clone()), &option(&place), more);
    assert_change(&option(&place), &with(place.clone()), other);
    assert_change(&option(&longer), &option(&place), "a: the alternatives allow as much as before, or more");
    assert_change(&option(&place), &option(&longer), other);

    // An enum with one new variant.
    let tagged = |kind: &str| json!({"type": "object", "properties": {"kind": {"const": kind}}, "required": ["kind"]});
    let variants = |kinds: &[&str]| with(json!({"oneOf": kinds.iter().map(|kind| tagged(kind)).collect::<Vec<_>>()}));
    assert_change(&variants(&["x", "y"]), &variants(&["x", "y", "z"]), more);
    assert_change(&variants(&["x", "y"]), &variants(&["x"]), other);
    let keyed = |key: &str| json!({"type": "object", "properties": {key: {}}, "required": [key], "additionalProperties": false});
    let variants = |keys: &[&str]| with(json!({"oneOf": keys.iter().map(|key| keyed(key)).collect::<Vec<_>>()}));
    assert_change(&variants(&["x"]), &variants(&["x", "y"]), more);
    // A value could now fit two alternatives of `oneOf`.
    let either = |alternatives: Value| with(json!({ "oneOf": alternatives }));
    assert_change(&either(json!([{"type": "string"}])), &either(json!([{"type": "string"}, {"maxLength": 3}])), other);
}
