//! `#[kinto(merge = "…")]`: sets, and sides that are preferred.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Copies, ListKey, ListKeys, Side, same};
use crate::json::{equal::is_same, merge::keys::MergeStrategy};

const RULES: &[ListKey] = &[
    ListKey::__field("tags").__merge(MergeStrategy::Set),
    ListKey::__field("here").__merge(MergeStrategy::Local),
    ListKey::__field("there").__merge(MergeStrategy::Remote).__inside(parts),
    ListKey::__field("lines").__key("id").__inside(parts),
    ListKey::__flattened(flattened),
];

fn parts() -> &'static [ListKey] {
    const { &[ListKey::__field("tags").__merge(MergeStrategy::Set), ListKey::__field("n").__merge(MergeStrategy::Local)] }
}

fn flattened() -> &'static [ListKey] {
    const { &[ListKey::__field("labels").__merge(MergeStrategy::Set), ListKey::__flattened(flattened)] }
}

fn outcome(bases: &[&str], local: &str, remote: &str) -> (String, Vec<String>) {
    let bases: Vec<Option<&str>> = bases.iter().copied().map(Some).collect();
    let sent = bases.len().saturating_sub(1);
    let copies = Copies { bases, sent, local: Some(local), remote: Some(remote) };
    let merged = super::super::merge(&copies, ListKeys(RULES), Side::Local).unwrap();
    (merged.json.unwrap(), merged.collisions.into_iter().map(|collision| collision.path).collect())
}

fn clean(json: &str) -> (String, Vec<String>) {
    (json.to_owned(), Vec::new())
}

#[test]
fn set_has_what_one_side_added_and_not_what_one_side_removed() {
    for (base, local, remote, expected) in [
        // The bytes and the order of the server, and then what was added here.
        (
            r#"{"tags":["a","b"]}"#,
            r#"{"tags":["x","b","a"]}"#,
            r#"{"tags":["\u0062", 1.50]}"#,
            r#"{"tags":["\u0062",1.50,"x"]}"#,
        ),
        // The same addition on both sides, as the server has it.
        (
            r#"{"tags":[1]}"#,
            r#"{"tags":[1,{"a":1,"b":2}]}"#,
            r#"{"tags":[1,{"b":2,"a":1.0},3]}"#,
            r#"{"tags":[1,{"b":2,"a":1.0},3]}"#,
        ),
        // Numbers that the server's storage may make of each other.
        (
            r#"{"tags":[0.1]}"#,
            r#"{"tags":[0.1,2]}"#,
            r#"{"tags":[0.10000000000000002,3]}"#,
            r#"{"tags":[0.10000000000000002,3,2]}"#,
        ),
        // An item that stands there twice is one.
        (r#"{"tags":[1]}"#, r#"{"tags":[1,2,2]}"#, r#"{"tags":[1,3,3]}"#, r#"{"tags":[1,3,2]}"#),
        // Nothing, null and the empty list are the empty set.
        (r"{}", r#"{"tags":[1]}"#, r#"{"tags":[2]}"#, r#"{"tags":[2,1]}"#),
        (r#"{"tags":[1]}"#, r"{}", r#"{"tags":[1,2]}"#, r#"{"tags":[2]}"#),
        (r#"{"tags":[1,2]}"#, r"{}", r#"{"tags":[2]}"#, r"{}"),
        (r#"{"tags":[1,2]}"#, r#"{"tags":[2]}"#, r#"{"tags":null}"#, r#"{"tags":null}"#),
        (r#"{"tags":[1,2]}"#, r#"{"tags":[1]}"#, r#"{"tags":[2]}"#, r#"{"tags":[]}"#),
    ] {
        assert_eq!(outcome(&[base], local, remote), clean(expected), "{base} {local} {remote}");
    }
}

#[test]
fn set_that_is_no_list_or_cannot_be_read_collides() {
    let deep = |inner: u8| format!(r#"{{"tags":[{}{inner}{}]}}"#, "[".repeat(200), "]".repeat(200));
    for (base, local, remote) in [
        (r#"{"tags":[1]}"#.to_owned(), r#"{"tags":[2]}"#.to_owned(), r#"{"tags":"x"}"#.to_owned()),
        (deep(1), deep(2), deep(3)),
    ] {
        assert_eq!(outcome(&[&base], &local, &remote), (local.clone(), vec!["tags".to_owned()]));
    }
}

/// Only the items that depend on whether what was sent has arrived make the set a conflict.
#[test]
fn set_in_doubt_collides_only_where_the_doubt_matters() {
    let (before, sent) = (r#"{"tags":[1]}"#, r#"{"tags":[1,2]}"#);
    for (local, remote, expected, paths) in [
        (r#"{"tags":[1,2,3]}"#, r#"{"tags":[1,2,4]}"#, r#"{"tags":[1,2,4,3]}"#, vec![]),
        (r#"{"tags":[2]}"#, r#"{"tags":[1,2,4]}"#, r#"{"tags":[2,4]}"#, vec![]),
        // 2 has arrived and was removed there, or has not arrived.
        (r#"{"tags":[1,2,3]}"#, r#"{"tags":[1,4]}"#, r#"{"tags":[1,2,3]}"#, vec!["tags"]),
    ] {
        let paths: Vec<String> = paths.into_iter().map(str::to_owned).collect();
        assert_eq!(outcome(&[before, sent], local, remote), (expected.to_owned(), paths), "{local} {remote}");
    }
}

#[test]
fn preferred_side_decides_what_both_changed_and_nothing_else() {
    for (base, local, remote, expected) in [
        (r#"{"here":1,"there":1}"#, r#"{"here":2,"there":2}"#, r#"{"here":3,"there":3}"#, r#"{"here":2,"there":3}"#),
        (r#"{"here":1,"there":1}"#, r#"{"here":1,"there":2}"#, r#"{"here":3,"there":1}"#, r#"{"here":3,"there":2}"#),
        (r#"{"here":1,"there":1}"#, r#"{"there":2}"#, r#"{"here":3}"#, r"{}"),
        // Objects are still merged field by field, and the side is that of all fields inside, unless they have their own.
        (
            r#"{"there":{"a":1,"b":1,"c":{"d":1},"n":1}}"#,
            r#"{"there":{"a":2,"b":2,"c":{"d":2},"n":2}}"#,
            r#"{"there":{"a":1,"b":3,"c":{"d":3,"e":1},"n":3}}"#,
            r#"{"there":{"a":2,"b":3,"c":{"d":3,"e":1},"n":2}}"#,
        ),
    ] {
        assert_eq!(outcome(&[base], local, remote), clean(expected), "{base} {local} {remote}");
    }
}

#[test]
fn preferred_side_is_no_guess_about_what_has_arrived() {
    let (before, sent) = (r#"{"here":1,"there":1}"#, r#"{"here":2,"there":2}"#);
    // Either nothing has arrived and only this side changed, or another client set it back.
    let doubt = (r#"{"here":2,"there":2}"#.to_owned(), vec!["here".to_owned(), "there".to_owned()]);
    assert_eq!(outcome(&[before, sent], sent, before), doubt);
    let decided = clean(r#"{"here":3,"there":4}"#);
    assert_eq!(outcome(&[before, sent], r#"{"here":3,"there":3}"#, r#"{"here":4,"there":4}"#), decided);
}

#[test]
fn strategies_hold_in_items_and_in_structs_whose_fields_take_their_place() {
    let base = r#"{"lines":[{"id":1,"tags":["a"]}],"labels":["a"]}"#;
    let local = r#"{"lines":[{"id":1,"tags":["a","b"]}],"labels":["b"]}"#;
    let remote = r#"{"lines":[{"id":1,"tags":["c"]}],"labels":["a","c"]}"#;
    assert_eq!(outcome(&[base], local, remote), clean(r#"{"lines":[{"id":1,"tags":["c","b"]}],"labels":["c","b"]}"#));
}

/// Items of all kinds, some of which are the same to the server in two forms.
fn item() -> impl Strategy<Value = Value> {
    prop_oneof![
        (0..6_i64).prop_map(Value::from),
        Just(json!(2.0)),
        "[ab]".prop_map(Value::from),
        Just(json!({"a": 1, "b": [0.5]})),
        Just(json!({"b": [0.5], "a": 1.0})),
        Just(Value::Null),
    ]
}

/// Sets without an item that is there twice.
fn set() -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(item(), 0..6).prop_map(|items| {
        let mut set: Vec<Value> = Vec::new();
        for item in items {
            if !has(&set, &item) {
                set.push(item);
            }
        }
        set
    })
}

fn has(set: &[Value], item: &Value) -> bool {
    set.iter().any(|known| is_same(known, item))
}

fn merged(base: &[Value], local: &[Value], remote: &[Value]) -> Vec<Value> {
    let text = |set: &[Value]| json!({ "tags": set }).to_string();
    let (json, collisions) = outcome(&[&text(base)], &text(local), &text(remote));
    assert!(collisions.is_empty(), "{json}");
    let merged: Value = serde_json::from_str(&json).unwrap();
    merged["tags"].as_array().unwrap().clone()
}

proptest! {
    /// Copies are compared as their values are, whatever the order of their fields.
    #[test]
    fn copies_are_compared_by_value(
        one in prop::collection::vec(("[ab]", item()), 0..4),
        other in prop::collection::vec(("[ab]", item()), 0..4),
    ) {
        let text = |fields: &[(String, Value)]| {
            let fields: Vec<String> = fields.iter().map(|(key, value)| format!("{key:?}:{value}")).collect();
            format!("{{{}}}", fields.join(","))
        };
        let (one, other) = (text(&one), text(&other));
        let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        prop_assert_eq!(same(&one, &other), is_same(&value(&one), &value(&other)), "{} {}", one, other);
    }

    #[test]
    fn set_that_one_side_changed_is_that_of_this_side(base in set(), other in set()) {
        prop_assert_eq!(merged(&base, &base, &other), other.clone());
        prop_assert_eq!(merged(&base, &other, &base), other.clone());
        prop_assert_eq!(merged(&base, &other, &other), other);
    }

    /// An item is there if both sides have it, or if one has it that was not there before.
    #[test]
    fn set_loses_nothing_and_invents_nothing(base in set(), local in set(), remote in set()) {
        let result = merged(&base, &local, &remote);
        for item in base.iter().chain(&local).chain(&remote) {
            let (here, there) = (has(&local, item), has(&remote, item));
            let expected = (here && there) || ((here || there) && !has(&base, item));
            prop_assert_eq!(has(&result, item), expected, "{}", item);
        }
        for (place, item) in result.iter().enumerate() {
            prop_assert!(!has(&result[..place], item), "{} is there twice", item);
            prop_assert!(has(&local, item) || has(&remote, item));
        }
    }

    /// Both sides have the same items, whichever of the two merges, and those of the server stand first in its order.
    #[test]
    fn sides_of_a_set_can_be_exchanged(base in set(), local in set(), remote in set()) {
        let (here, there) = (merged(&base, &local, &remote), merged(&base, &remote, &local));
        prop_assert_eq!(here.len(), there.len());
        prop_assert!(here.iter().all(|item| has(&there, item)));
        let alike = |one: &[Value], other: &[Value]| is_same(&json!(one), &json!(other));
        if !alike(&local, &base) && !alike(&remote, &base) && !alike(&local, &remote) {
            let place = |item: &Value| remote.iter().position(|known| is_same(known, item));
            let places: Vec<usize> = here.iter().map_while(place).collect();
            prop_assert!(places.is_sorted());
            prop_assert!(here[places.len()..].iter().all(|item| place(item).is_none()));
        }
    }

    /// Several devices add and remove items of their own and merge one after the other: the order does not matter.
    #[test]
    fn edits_of_other_items_commute(
        base in prop::collection::btree_set(0..8_i64, 0..6),
        removed in prop::collection::btree_set(0..4_i64, 0..4),
        added in prop::collection::btree_set(10..14_i64, 0..3),
        others_removed in prop::collection::btree_set(4..8_i64, 0..4),
        others_added in prop::collection::btree_set(14..18_i64, 0..3),
    ) {
        let values = |set: &BTreeSet<i64>| set.iter().map(|n| json!(n)).collect::<Vec<_>>();
        let edit = |removed: &BTreeSet<i64>, added: &BTreeSet<i64>| &(&base - removed) | added;
        let (one, other) = (edit(&removed, &added), edit(&others_removed, &others_added));
        let both = edit(&(&removed | &others_removed), &(&added | &others_added));
        let numbers =
            |set: Vec<Value>| set.iter().map(|item| item.as_i64().unwrap()).collect::<BTreeSet<_>>();
        let base_values = values(&base);
        prop_assert_eq!(numbers(merged(&base_values, &values(&one), &values(&other))), both.clone());
        prop_assert_eq!(numbers(merged(&base_values, &values(&other), &values(&one))), both);
    }
}
