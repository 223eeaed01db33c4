use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{Copies, Merged, Side, same};
use crate::json::merge::keys::{ListKey, ListKeys};

mod readable;
mod strategies;
mod visible;

const LINES: &[ListKey] = &[ListKey::__field("lines").__key("id"), ListKey::__field("order").__inside(inside)];

fn inside() -> &'static [ListKey] {
    const { &[ListKey::__field("lines").__key("id")] }
}

fn merge(base: &str, local: &str, remote: &str, keys: ListKeys, prefer: Side) -> Merged {
    let copies = Copies { bases: vec![Some(base)], sent: 0, local: Some(local), remote: Some(remote) };
    super::merge(&copies, keys, prefer).unwrap()
}

fn merged(base: &str, local: &str, remote: &str) -> Merged {
    merge(base, local, remote, ListKeys(LINES), Side::Local)
}

/// The merged text and the paths that collide.
fn outcome(base: &str, local: &str, remote: &str) -> (String, Vec<String>) {
    let merged = merged(base, local, remote);
    (merged.json.unwrap(), merged.collisions.into_iter().map(|collision| collision.path).collect())
}

fn clean(json: &str) -> (String, Vec<String>) {
    (json.to_owned(), Vec::new())
}

#[test]
fn fields_that_one_side_touched_have_its_bytes() {
    let base = r#"{"a":1.50,"b":{"c":[1, 2],"d":"x"},"e":1e400,"f":1}"#;
    let local = r#"{"b":{"c":[1, 2],"d":"\u0079"},"a":1.50,"e":1e400,"g":2.0}"#;
    let remote = r#"{"e":12345678901234567890123,"a":1.5, "b":{"c":[3.00],"d":"x"},"f":1}"#;
    let expected = r#"{"e":12345678901234567890123,"a":1.5,"b":{"c":[3.00],"d":"\u0079"},"g":2.0}"#;
    assert_eq!(outcome(base, local, remote), clean(expected));
}

#[test]
fn values_that_both_changed_collide() {
    for (base, local, remote, json, path) in [
        (r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":3}"#, r#"{"a":2}"#, "a"),
        (r#"{"a":{"b":1}}"#, r#"{"a":{"b":2}}"#, r#"{"a":{"b":3,"c":4}}"#, r#"{"a":{"b":2,"c":4}}"#, "a.b"),
        (r#"{"a":[1]}"#, r#"{"a":[1,2]}"#, r#"{"a":[1,3]}"#, r#"{"a":[1,2]}"#, "a"),
        (r#"{"a":1}"#, "{}", r#"{"a":3}"#, "{}", "a"),
        (r#"{"a":1}"#, r#"{"a":2}"#, "{}", r#"{"a":2}"#, "a"),
        ("{}", r#"{"a":{"b":1}}"#, r#"{"a":{"c":1}}"#, r#"{"a":{"b":1}}"#, "a"),
        (r#"{"a":{"b":1}}"#, r#"{"a":[1]}"#, r#"{"a":{"b":2}}"#, r#"{"a":[1]}"#, "a"),
    ] {
        assert_eq!(outcome(base, local, remote), (json.to_owned(), vec![path.to_owned()]), "{base} {local} {remote}");
    }
}

#[test]
fn collision_holds_all_three_values_and_preference_chooses() {
    let merged = merge(r#"{"a":1.0}"#, "{}", r#"{"a":3.0}"#, ListKeys::default(), Side::Remote);
    assert_eq!(merged.json.as_deref(), Some(r#"{"a":3.0}"#));
    let collision = &merged.collisions[0];
    let text = |value: &Option<Box<serde_json::value::RawValue>>| value.as_ref().map(|value| value.get().to_owned());
    assert_eq!(text(&collision.base).as_deref(), Some("1.0"));
    assert_eq!(text(&collision.local), None);
    assert_eq!(text(&collision.remote).as_deref(), Some("3.0"));
}

#[test]
fn same_change_on_both_sides_is_no_collision() {
    assert_eq!(outcome(r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":2.0}"#), clean(r#"{"a":2.0}"#));
    assert_eq!(outcome(r#"{"a":1}"#, "{}", "{}"), clean("{}"));
}

#[test]
fn items_of_keyed_lists_are_merged_one_by_one() {
    let base = r#"{"lines":[{"id":1,"n":1},{"id":2,"n":1},{"id":3,"n":1}]}"#;
    for (local, remote, json, paths) in [
        // Fields of different items, an addition on each side, and a removal.
        (
            r#"{"lines":[{"id":1,"n":2},{"id":9,"n":1},{"id":2,"n":1},{"id":3,"n":1}]}"#,
            r#"{"lines":[{"id":1,"n":1},{"id":3,"n":5},{"id":8}]}"#,
            r#"{"lines":[{"id":1,"n":2},{"id":9,"n":1},{"id":3,"n":5},{"id":8}]}"#,
            vec![],
        ),
        // The order of one side, with the change of the other.
        (
            r#"{"lines":[{"id":3,"n":1},{"id":1,"n":1},{"id":2,"n":1}]}"#,
            r#"{"lines":[{"id":1,"n":7},{"id":2,"n":1},{"id":3,"n":1}]}"#,
            r#"{"lines":[{"id":3,"n":1},{"id":1,"n":7},{"id":2,"n":1}]}"#,
            vec![],
        ),
        // The same field of one item, and one that was removed here and changed there.
        (
            r#"{"lines":[{"id":1,"n":2},{"id":3,"n":1}]}"#,
            r#"{"lines":[{"id":1,"n":3},{"id":2,"n":4},{"id":3,"n":1}]}"#,
            r#"{"lines":[{"id":1,"n":2},{"id":3,"n":1}]}"#,
            vec!["lines[0].n", "lines[1]"],
        ),
        // Both changed the order: the list is one value.
        (
            r#"{"lines":[{"id":3,"n":1},{"id":1,"n":1},{"id":2,"n":1}]}"#,
            r#"{"lines":[{"id":2,"n":1},{"id":1,"n":1},{"id":3,"n":1}]}"#,
            r#"{"lines":[{"id":3,"n":1},{"id":1,"n":1},{"id":2,"n":1}]}"#,
            vec!["lines"],
        ),
        // A key that occurs twice tells nothing apart.
        (
            r#"{"lines":[{"id":1,"n":2}]}"#,
            r#"{"lines":[{"id":1,"n":1},{"id":1,"n":3}]}"#,
            r#"{"lines":[{"id":1,"n":2}]}"#,
            vec!["lines"],
        ),
    ] {
        let expected = (json.to_owned(), paths.into_iter().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(outcome(base, local, remote), expected, "{local} {remote}");
    }
}

#[test]
fn keys_of_lists_inside_of_a_field_count() {
    let (base, local, remote) = (
        r#"{"order":{"lines":[{"id":"a"},{"id":"b"}]}}"#,
        r#"{"order":{"lines":[{"id":"a","x":1},{"id":"b"}]}}"#,
        r#"{"order":{"lines":[{"id":"a"},{"id":"b","y":1}]}}"#,
    );
    assert_eq!(outcome(base, local, remote), clean(r#"{"order":{"lines":[{"id":"a","x":1},{"id":"b","y":1}]}}"#));
}

#[test]
fn text_that_is_too_deep_to_parse_is_compared_as_text() {
    let deep = |inner: &str| format!(r#"{{"a":{}{inner}{}}}"#, "[".repeat(200), "]".repeat(200));
    assert!(same(&deep("1"), &deep("1")) && !same(&deep("1"), &deep("2")));
    assert_eq!(outcome(&deep("1"), &deep("2"), &deep("3")).1, ["a"]);
}

#[test]
fn deletion_collides_with_a_change() {
    let (base, changed) = (r#"{"a":1}"#, r#"{"a":2}"#);
    for (bases, local, remote, json, collides) in [
        (vec![Some(base)], None, Some(changed), None, true),
        (vec![Some(base)], None, Some(base), None, false),
        (vec![Some(base)], Some(base), None, None, false),
        (vec![Some(base)], Some(changed), None, Some(changed), true),
        (vec![None], Some(base), Some(changed), Some(base), true),
        (vec![None], Some(base), Some(base), Some(base), false),
        (vec![None], None, Some(base), Some(base), false),
    ] {
        let copies = Copies { bases, sent: 0, local, remote };
        let merged = super::merge(&copies, ListKeys::default(), Side::Local).unwrap();
        assert_eq!((merged.json.as_deref(), merged.collisions.len()), (json, usize::from(collides)), "{copies:?}");
    }
}

/// With several possible bases, a value is taken only if all lead to it, or if it shows that what was sent arrived.
#[test]
fn bases_that_disagree_collide() {
    for (sent, local, remote, json, paths) in [
        // The other client changed what was sent, or what was there before: to the same result.
        (r#"{"a":2,"b":1}"#, r#"{"a":2,"b":1}"#, r#"{"a":2,"b":9}"#, r#"{"a":2,"b":9}"#, vec![]),
        (r#"{"a":2,"b":1}"#, r#"{"a":2,"b":1}"#, r#"{"a":1,"b":9}"#, r#"{"a":2,"b":9}"#, vec!["a"]),
        // The other side still has what was sent, and so it arrived, and was changed here since.
        (r#"{"a":2,"b":1}"#, r#"{"a":3,"b":1}"#, r#"{"a":2,"b":9}"#, r#"{"a":3,"b":9}"#, vec![]),
        (r#"{"a":2,"b":1}"#, r#"{"a":1,"b":1}"#, r#"{"a":2,"b":9}"#, r#"{"a":1,"b":9}"#, vec![]),
        (r#"{"a":2,"b":1}"#, r#"{"a":3,"b":1}"#, r#"{"a":4,"b":9}"#, r#"{"a":3,"b":9}"#, vec!["a"]),
    ] {
        let bases = vec![Some(r#"{"a":1,"b":1}"#), Some(sent)];
        let copies = Copies { bases, sent: 1, local: Some(local), remote: Some(remote) };
        let merged = super::merge(&copies, ListKeys::default(), Side::Local).unwrap();
        let found: Vec<&str> = merged.collisions.iter().map(|one| one.path.as_str()).collect();
        assert_eq!((merged.json.as_deref(), found), (Some(json), paths), "{sent} {local} {remote}");
    }
}

/// JSON objects of few keys and values, so that the three have much in common.
fn object() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..4_i64).prop_map(Value::from),
        Just(json!(0.5)),
        "[xy]?".prop_map(Value::from),
    ];
    let value = scalar.prop_recursive(3, 24, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[ab]", inner, 0..3).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    let line = |id: i64, n: i64| json!({"id": id, "n": n});
    let ids = Just((0..4_i64).collect::<Vec<_>>()).prop_shuffle();
    let lines = (ids, prop::collection::vec(0..3_i64, 0..4))
        .prop_map(move |(ids, ns)| ids.into_iter().zip(ns).map(|(id, n)| line(id, n)).collect::<Value>());
    (prop::collection::btree_map("[abcd]", value, 0..4), prop::option::of(lines)).prop_map(|(fields, lines)| {
        let mut object: Map<String, Value> = fields.into_iter().collect();
        object.extend(lines.map(|lines| ("lines".to_owned(), lines)));
        Value::Object(object)
    })
}

fn keys(values: &[&Value]) -> Vec<String> {
    values.iter().flat_map(|value| value.as_object().unwrap().keys().cloned()).collect()
}

proptest! {
    #[test]
    fn nothing_changed_on_one_side_gives_the_other(base in object(), other in object()) {
        let (base, other) = (base.to_string(), other.to_string());
        prop_assert_eq!(outcome(&base, &base, &other), clean(&other));
        prop_assert_eq!(outcome(&base, &other, &base), clean(&other));
        prop_assert_eq!(outcome(&base, &other, &other), clean(&other));
    }

    /// A field that at most one side touched is in the result as that side has it, and collides in no case.
    #[test]
    fn no_field_is_lost_that_one_side_touched(base in object(), local in object(), remote in object()) {
        let merged = merged(&base.to_string(), &local.to_string(), &remote.to_string());
        let result: Value = serde_json::from_str(merged.json.as_ref().unwrap()).unwrap();
        for key in keys(&[&base, &local, &remote]) {
            let (b, l, r) = (base.get(&key), local.get(&key), remote.get(&key));
            let expected = if l == b { r } else if r == b || l == r { l } else { continue };
            prop_assert_eq!(result.get(&key), expected, "{}", key);
            let inside = |path: &str| path.split(['.', '[']).next() == Some(key.as_str());
            prop_assert!(!merged.collisions.iter().any(|collision| inside(&collision.path)), "{}", key);
        }
        for key in keys(&[&result]) {
            prop_assert!(local.get(&key).is_some() || remote.get(&key).is_some(), "{} came from nowhere", key);
        }
    }

    /// The same fields collide from both points of view, and the preferred values are those of the same side.
    #[test]
    fn sides_can_be_exchanged(base in object(), local in object(), remote in object()) {
        let texts = [base.to_string(), local.to_string(), remote.to_string()];
        let here = merge(&texts[0], &texts[1], &texts[2], ListKeys::default(), Side::Local);
        let there = merge(&texts[0], &texts[2], &texts[1], ListKeys::default(), Side::Remote);
        let value = |merged: &Merged| serde_json::from_str::<Value>(merged.json.as_ref().unwrap()).unwrap();
        prop_assert_eq!(value(&here), value(&there));
        let paths = |merged: &Merged| {
            let mut paths: Vec<String> = merged.collisions.iter().map(|one| one.path.clone()).collect();
            paths.sort();
            paths
        };
        prop_assert_eq!(paths(&here), paths(&there));
    }
}
