//! Copies that a type reads, and what comes of them.

use super::{super::readable::*, *};

/// Reads objects in which at most one field of each pair is there.
fn reads(text: &str) -> bool {
    let fields: Map<String, Value> = serde_json::from_str(text).unwrap();
    ["a", "b"]
        .iter()
        .all(|name| !(fields.contains_key(&format!("{name}1")) && fields.contains_key(&format!("{name}2"))))
}

fn outcome(base: &str, local: &str, remote: &str, prefer: Side) -> (String, Vec<String>) {
    let record_type = RecordType { reads, ..RecordType::ANY };
    let copies = Copies { bases: vec![Some(base)], sent: 0, local: Some(local), remote: Some(remote) };
    let merged = merge_readable(&copies, record_type, prefer).unwrap();
    (merged.json.unwrap(), merged.collisions.into_iter().map(|collision| collision.path).collect())
}

#[test]
fn fields_that_cannot_be_read_together_collide_and_no_others() {
    let (local, remote) = (r#"{"a1":1,"b1":1,"c":1,"x":1}"#, r#"{"a2":2,"b2":2,"d":2,"x":2}"#);
    for (prefer, expected, paths) in [
        (Side::Local, r#"{"d":2,"x":1,"a1":1,"b1":1,"c":1}"#, ["x", "a2", "b2"]),
        (Side::Remote, r#"{"a2":2,"b2":2,"d":2,"x":2,"c":1}"#, ["x", "a1", "b1"]),
    ] {
        assert_eq!(outcome("{}", local, remote, prefer), (expected.to_owned(), paths.map(str::to_owned).to_vec()));
    }
}

#[test]
fn copies_that_are_not_read_themselves_are_merged_as_they_are() {
    let unread = r#"{"a1":1,"a2":1}"#;
    let merged = outcome("{}", unread, r#"{"c":2}"#, Side::Local);
    assert_eq!(merged, clean(r#"{"c":2,"a1":1,"a2":1}"#));
}

#[test]
fn collision_of_a_whole_field_stands_for_those_inside_it() {
    fn reads(text: &str) -> bool {
        !(text.contains("\"y\"") && text.contains("\"z\""))
    }
    let copies = Copies {
        bases: vec![Some(r#"{"o":{"v":0},"om":0}"#)],
        sent: 0,
        local: Some(r#"{"o":{"v":1,"y":1},"om":1}"#),
        remote: Some(r#"{"o":{"v":2,"z":2},"om":2}"#),
    };
    let merged = merge_readable(&copies, RecordType { reads, ..RecordType::ANY }, Side::Local).unwrap();
    let collisions: Vec<_> = merged.collisions.iter().map(|collision| collision.path.as_str()).collect();
    assert_eq!((merged.json.as_deref(), collisions), (Some(r#"{"o":{"v":1,"y":1},"om":1}"#), vec!["om", "o"]));
}
