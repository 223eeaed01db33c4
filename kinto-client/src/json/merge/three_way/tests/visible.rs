//! Changes that a type reads in the copies, and in what comes of them.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{super::readable::*, *};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Choice {
    Gift { to: u8 },
    Loan { until: u8 },
    Sale(u8),
}

/// Fields of which a type reads some only in the light of others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Item {
    #[serde(flatten)]
    choice: Option<Choice>,
    #[serde(default)]
    inside: Inside,
    #[serde(default)]
    n: u8,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Inside {
    #[serde(flatten)]
    choice: Option<Choice>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    m: Option<u8>,
}

/// Fields that a type reads one by one, in all the ways in which it may write other JSON than it reads.
#[derive(Debug, Serialize, Deserialize)]
struct Plain {
    #[serde(default)]
    a: u8,
    #[serde(default = "seven", skip_serializing_if = "is_seven")]
    b: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    c: Option<f64>,
    #[serde(default)]
    tags: HashSet<u8>,
    #[serde(default)]
    map: BTreeMap<String, Option<u8>>,
    #[serde(default, alias = "old")]
    new: Option<u8>,
    #[serde(rename(deserialize = "read"), default)]
    written: u8,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

/// A [`Plain`] that also writes a field which it works out of others and does not read.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
struct Derived(Plain);

impl Serialize for Derived {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut json = serde_json::to_value(&self.0).unwrap();
        json["most"] = self.0.a.max(self.0.b).into();
        json.serialize(to)
    }
}

fn seven() -> u8 {
    7
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_seven(n: &u8) -> bool {
    *n == 7
}

fn of<T: Serialize + DeserializeOwned>() -> RecordType {
    RecordType {
        reads: |text| serde_json::from_str::<T>(text).is_ok(),
        recode: |text| serde_json::to_string(&serde_json::from_str::<T>(text).ok()?).ok(),
        ..RecordType::ANY
    }
}

fn merge_as<T: Serialize + DeserializeOwned>(base: &str, local: &str, remote: &str, prefer: Side) -> Merged {
    let copies = Copies { bases: vec![Some(base)], sent: 0, local: Some(local), remote: Some(remote) };
    merge_readable(&copies, of::<T>(), prefer).unwrap()
}

fn paths(merged: &Merged) -> Vec<&str> {
    merged.collisions.iter().map(|collision| collision.path.as_str()).collect()
}

#[test]
fn choice_that_the_other_hides_collides_with_it() {
    let (gift, loan) = (r#"{"gift":{"to":1},"n":1,"x":1}"#, r#"{"loan":{"until":2},"n":0,"y":2}"#);
    for (prefer, expected, path) in [
        (Side::Local, r#"{"n":1,"y":2,"gift":{"to":1},"x":1}"#, "loan"),
        (Side::Remote, r#"{"loan":{"until":2},"n":1,"y":2,"x":1}"#, "gift"),
    ] {
        let merged = merge_as::<Item>(r#"{"n":0}"#, gift, loan, prefer);
        assert_eq!((merged.json.as_deref(), paths(&merged)), (Some(expected), vec![path]));
    }
    let within = [r#"{"inside":{"gift":{"to":1}}}"#, r#"{"inside":{"loan":{"until":2},"m":1}}"#];
    let merged = merge_as::<Item>(r#"{"inside":{}}"#, within[0], within[1], Side::Local);
    assert_eq!((merged.json.as_deref(), paths(&merged)), (Some(within[0]), vec!["inside"]));
}

fn item() -> impl Strategy<Value = Item> {
    let choice = || {
        prop_oneof![
            (0..2_u8).prop_map(|to| Choice::Gift { to }),
            (0..2_u8).prop_map(|until| Choice::Loan { until }),
            (0..2_u8).prop_map(Choice::Sale),
        ]
    };
    let inside = (proptest::option::of(choice()), proptest::option::of(0..2_u8));
    let inside = inside.prop_map(|(choice, m)| Inside { choice, m });
    (proptest::option::of(choice()), inside, 0..2_u8).prop_map(|(choice, inside, n)| Item { choice, inside, n })
}

/// JSON of a [`Plain`], written in any way that it reads, with fields that it does not know.
fn plain() -> impl Strategy<Value = String> {
    let field = |name: &'static str, values: &'static [&'static str]| {
        proptest::option::of(proptest::sample::select(values)).prop_map(move |value| (name, value))
    };
    let fields = vec![
        field("a", &["0", "1", "2", "9"]),
        field("b", &["7", "1", "8"]),
        field("c", &["null", "1", "1.0", "1.5"]),
        field("tags", &["[1,2,3]", "[3,2,1]", "[1]", "[1,2,3,4]", "[]"]),
        field("map", &["{}", r#"{"k":1}"#, r#"{"k":null,"l":2}"#, r#"{"l":1}"#]),
        field("old", &["1", "null", "2"]),
        field("read", &["0", "1", "2"]),
        field("written", &["0", "1", "2"]),
        field("most", &["0", "7", "9"]),
        field("z", &["[1,2]", "[2,1]", r#"{"q":1}"#, r#"{"p":1}"#]),
    ];
    fields.prop_map(|fields| {
        let written = fields.into_iter().filter_map(|(name, value)| value.map(|value| format!("{name:?}:{value}")));
        format!("{{{}}}", written.collect::<Vec<_>>().join(","))
    })
}

fn json(item: &Item) -> String {
    serde_json::to_string(item).unwrap()
}

/// Returns true if what this side chose is what is read.
fn is_seen(base: &Item, side: &Item, merged: &Item) -> bool {
    let is_seen =
        |of: fn(&Item) -> &Option<Choice>| of(side) == of(base) || of(side).is_none() || of(merged) == of(side);
    is_seen(|item| &item.choice) && is_seen(|item| &item.inside.choice)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    /// Reads what either side chose, where nothing collides.
    #[test]
    fn choices_of_both_sides_are_seen_or_collide(base in item(), local in item(), remote in item()) {
        let merged = merge_as::<Item>(&json(&base), &json(&local), &json(&remote), Side::Local);
        let read: Item = serde_json::from_str(merged.json.as_deref().unwrap()).unwrap();
        if merged.collisions.is_empty() {
            prop_assert!(is_seen(&base, &local, &read), "{:?}", read);
            prop_assert!(is_seen(&base, &remote, &read), "{:?}", read);
        }
    }

    /// Compares with the merge of JSON: a type that reads its fields one by one adds no collision, and changes no byte.
    #[test]
    fn fields_that_are_read_one_by_one_collide_as_json_does(base in plain(), local in plain(), remote in plain()) {
        for prefer in [Side::Local, Side::Remote] {
            let as_json = merge(&base, &local, &remote, ListKeys::default(), prefer);
            for merged in [
                merge_as::<Plain>(&base, &local, &remote, prefer),
                merge_as::<Derived>(&base, &local, &remote, prefer),
            ] {
                prop_assert_eq!(paths(&merged), paths(&as_json));
                prop_assert_eq!(&merged.json, &as_json.json);
            }
        }
    }
}
