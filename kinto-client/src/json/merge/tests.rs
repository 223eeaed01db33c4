use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use bytes::Bytes;
use proptest::prelude::*;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::object::RecordData;
use crate::wire::object::Record;

/// Returns the JSON that a save sends after a stored value was read and changed.
#[expect(clippy::needless_pass_by_value, reason = "each test makes its own")]
fn save<T: RecordData>(stored: Value, change: impl FnOnce(&mut T)) -> Result<Option<Value>, String> {
    let sent = save_text::<T>(&stored.to_string(), change)?;
    Ok(sent.map(|sent| serde_json::from_str(&sent).unwrap()))
}

fn save_text<T: RecordData>(stored: &str, change: impl FnOnce(&mut T)) -> Result<Option<String>, String> {
    let data = stored.strip_suffix('}').unwrap();
    let comma = if data == "{" { "" } else { "," };
    let received = format!(r#"{data}{comma}"id":"r","last_modified":7}}"#);
    let mut record: Record<T> = Record::from_received(Bytes::from(received)).unwrap();
    change(&mut record.data);
    let sent = record.changed_data().map_err(|error| error.to_string())?;
    Ok(sent.map(|sent| sent.get().to_owned()))
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Line {
    n: i64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Note {
    title: String,
    #[serde(default)]
    done: bool,
    #[serde(default)]
    lines: Vec<Line>,
}

#[derive(Serialize, Deserialize)]
struct Sets {
    title: String,
    #[serde(default)]
    hash: HashSet<String>,
    #[serde(default)]
    tree: BTreeSet<String>,
}

#[derive(Serialize, Deserialize)]
struct Ids {
    by_id: HashMap<Uuid, Line>,
}

#[derive(Serialize, Deserialize)]
struct Renamed {
    #[serde(alias = "titel", alias = "Title")]
    title: Line,
    #[serde(default)]
    other: u8,
}

#[derive(Serialize, Deserialize)]
struct Split {
    #[serde(rename(serialize = "written", deserialize = "read"))]
    text: String,
    #[serde(default)]
    other: u8,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "Either", into = "New")]
struct Name {
    first: String,
    last: String,
}

#[derive(Clone, Serialize, Deserialize)]
struct New {
    first: String,
    last: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Either {
    Old { name: String },
    New(New),
}

impl From<Either> for Name {
    fn from(either: Either) -> Self {
        match either {
            Either::Old { name } => {
                let (first, last) = name.split_once(' ').unwrap_or((&name, ""));
                Self { first: first.to_owned(), last: last.to_owned() }
            }
            Either::New(New { first, last }) => Self { first, last },
        }
    }
}

impl From<Name> for New {
    fn from(Name { first, last }: Name) -> Self {
        Self { first, last }
    }
}

#[derive(Serialize, Deserialize)]
struct Price {
    #[serde(deserialize_with = "normalised")]
    price: Money,
    #[serde(default, deserialize_with = "sorted")]
    sizes: Vec<u8>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Money {
    units: u64,
    cents: u64,
}

fn normalised<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Money, D::Error> {
    let Money { units, cents } = Money::deserialize(deserializer)?;
    Ok(Money { units: units + cents / 100, cents: cents % 100 })
}

fn sorted<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let mut sizes = Vec::deserialize(deserializer)?;
    sizes.sort_unstable();
    Ok(sizes)
}

#[derive(Serialize, Deserialize)]
struct Skipping {
    #[serde(deserialize_with = "those_that_fit")]
    lines: Vec<Line>,
}

fn those_that_fit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Line>, D::Error> {
    let all: Vec<Value> = Vec::deserialize(deserializer)?;
    Ok(all.into_iter().filter_map(|value| serde_json::from_value(value).ok()).collect())
}

#[derive(Serialize, Deserialize)]
struct StampedObject {
    title: String,
    #[serde(default = "counted")]
    at: u64,
    #[serde(default = "now", skip_serializing_if = "is_zero")]
    now: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    items: Vec<StampedItem>,
}

#[derive(Serialize, Deserialize)]
struct StampedItem {
    n: u64,
    #[serde(default = "counted")]
    at: u64,
}

#[derive(Serialize, Deserialize)]
struct Unread {
    n: u64,
    #[serde(skip_deserializing, default = "counted")]
    at: u64,
    #[serde(skip_deserializing, default = "now")]
    now: u64,
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn counted() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNT: AtomicU64 = AtomicU64::new(1);
    COUNT.fetch_add(1, Ordering::Relaxed)
}

impl RecordData for Note {}
impl RecordData for Sets {}
impl RecordData for Ids {}
impl RecordData for Renamed {}
impl RecordData for Split {}
impl RecordData for Name {}
impl RecordData for Price {}
impl RecordData for Skipping {}
impl RecordData for StampedObject {}
impl RecordData for Unread {}

#[test]
fn sets_are_saved_as_they_are() {
    for _ in 0..50 {
        let stored = || json!({"title": "t", "hash": ["red", "green", "blue"], "tree": ["c", "a", "b"]});
        assert_eq!(save::<Sets>(stored(), |_| {}), Ok(None));
        let titled = save::<Sets>(stored(), |sets| sets.title = "u".into()).unwrap().unwrap();
        assert_eq!(titled, json!({"title": "u", "hash": ["red", "green", "blue"], "tree": ["c", "a", "b"]}));
        let removed = save::<Sets>(stored(), |sets| assert!(sets.tree.remove("a"))).unwrap().unwrap();
        assert_eq!(removed["tree"], json!(["b", "c"]));
        let two = || json!({"title": "t", "hash": ["red", "green"]});
        assert_eq!(save::<Sets>(two(), |_| {}), Ok(None));
        assert_eq!(save::<Sets>(two(), |sets| sets.title = "u".into()).unwrap().unwrap()["hash"], two()["hash"]);
    }
    let twice = json!({"title": "t", "tree": ["a", "a", "b"]});
    assert_eq!(save::<Sets>(twice.clone(), |_| {}), Ok(None));
    let removed = save::<Sets>(twice, |sets| assert!(sets.tree.remove("a"))).unwrap().unwrap();
    assert_eq!(removed["tree"], json!(["b"]));
}

#[test]
fn typed_keys() {
    let id = "67E55044-10B1-426F-9247-BB680E5FE0C8";
    let uuid: Uuid = id.parse().unwrap();
    let stored = || json!({"by_id": {id: {"n": 1, "u": 9}}, "x": 1});
    assert_eq!(save::<Ids>(stored(), |_| {}), Ok(None));
    assert_eq!(save::<Ids>(stored(), |ids| drop(ids.by_id.remove(&uuid))), Ok(Some(json!({"by_id": {}, "x": 1}))));
    let changed = save::<Ids>(stored(), |ids| ids.by_id.get_mut(&uuid).unwrap().n = 2);
    assert_eq!(changed, Ok(Some(json!({"by_id": {id: {"n": 2, "u": 9}}, "x": 1}))));
}

#[test]
fn other_names() {
    let stored = || json!({"titel": {"n": 1, "u": 9}, "x": 1});
    assert_eq!(save::<Renamed>(stored(), |_| {}), Ok(None));
    let other = save::<Renamed>(stored(), |renamed| renamed.other = 2);
    assert_eq!(other, Ok(Some(json!({"titel": {"n": 1, "u": 9}, "x": 1, "other": 2}))));
    let title = save::<Renamed>(stored(), |renamed| renamed.title.n = 2);
    assert_eq!(title, Ok(Some(json!({"titel": {"n": 2, "u": 9}, "x": 1}))));
    let split = || json!({"read": "a", "x": 1});
    assert_eq!(save::<Split>(split(), |_| {}), Ok(None));
    assert_eq!(save::<Split>(split(), |split| split.other = 2), Ok(Some(json!({"read": "a", "x": 1, "other": 2}))));
    assert_eq!(save::<Split>(split(), |split| split.text = "b".into()), Ok(Some(json!({"read": "b", "x": 1}))));
}

#[test]
fn other_forms() {
    let stored = || json!({"name": "Ada Lovelace", "x": 1});
    assert_eq!(save::<Name>(stored(), |_| {}), Ok(None));
    let changed = save::<Name>(stored(), |name| name.first = "Augusta".into());
    assert_eq!(changed, Ok(Some(json!({"first": "Augusta", "last": "Lovelace", "x": 1}))));

    let stored = || json!({"price": {"units": 1, "cents": 250, "u": 9}, "sizes": [3, 1, 2], "x": 1});
    assert_eq!(save::<Price>(stored(), |_| {}), Ok(None));
    let changed = save::<Price>(stored(), |price| price.price.units = 4).unwrap().unwrap();
    assert_eq!(changed, json!({"price": {"units": 4, "cents": 50, "u": 9}, "sizes": [3, 1, 2], "x": 1}));
    let changed = save::<Price>(stored(), |price| price.sizes.push(0)).unwrap().unwrap();
    assert_eq!(changed["sizes"], json!([1, 2, 3, 0]));
    assert_eq!(changed["price"], stored()["price"]);
}

#[test]
fn skipped_items_stay() {
    let bad = json!({"n": "bad"});
    let stored = || json!({"lines": [{"n": 1, "u": 1}, {"n": "bad"}, {"n": 2, "u": 2}]});
    assert_eq!(save::<Skipping>(stored(), |_| {}), Ok(None));
    let changed = save::<Skipping>(stored(), |list| list.lines[1].n = 3).unwrap().unwrap();
    assert_eq!(changed, json!({"lines": [{"n": 1, "u": 1}, bad, {"n": 3, "u": 2}]}));
    let changed = save::<Skipping>(stored(), |list| list.lines.clear()).unwrap().unwrap();
    assert_eq!(changed, json!({"lines": [bad]}));
    let changed = save::<Skipping>(stored(), |list| list.lines.reverse()).unwrap().unwrap();
    assert_eq!(changed, json!({"lines": [{"n": 2, "u": 2}, {"n": 1, "u": 1}, bad]}));
}

#[test]
fn value_that_a_type_fills_in_anew_is_saved_as_the_caller_holds_it() {
    let stored = || json!({"title": "t", "x": 1, "at": 7, "items": [{"n": 1}]});
    let filled = save::<StampedObject>(stored(), |_| {}).unwrap().unwrap();
    assert_eq!((&filled["title"], &filled["x"], &filled["at"]), (&json!("t"), &json!(1), &json!(7)));
    for edit in [0_u64, 5, u64::MAX] {
        let changed = save::<StampedObject>(stored(), |stamped| stamped.items[0].at = edit).unwrap().unwrap();
        assert_eq!(changed["items"], json!([{"n": 1, "at": edit}]));
    }
    let changed = save::<StampedObject>(json!({"title": "t", "x": 1}), |stamped| {
        stamped.title = "u".into();
        stamped.at = 0;
        stamped.now = 5;
    });
    assert_eq!(changed, Ok(Some(json!({"title": "u", "x": 1, "at": 0, "now": 5}))));
    let whole = || json!({"title": "t", "at": 1, "now": 2, "items": [{"n": 1, "at": 3}]});
    assert_eq!(save::<StampedObject>(whole(), |_| {}), Ok(None));
}

#[test]
fn value_that_a_type_never_reads_is_no_change() {
    for stored in [json!({"n": 1}), json!({"n": 1, "at": 5}), json!({"n": 1, "now": 5, "x": 2})] {
        assert_eq!(save::<Unread>(stored.clone(), |_| {}), Ok(None));
        assert_eq!(save::<Unread>(stored.clone(), |unread| unread.now -= 9), Ok(None));
        assert_eq!(save::<Unread>(stored, |unread| unread.n = 2).unwrap().unwrap()["n"], 2);
    }
}

fn lines(stored: &[(i64, &str, i64)]) -> Value {
    let line = |(n, name, u): &(i64, &str, i64)| json!({"n": n, "name": name, "u": u});
    json!(stored.iter().map(line).collect::<Vec<_>>())
}

#[test]
fn items_keep_what_is_theirs() {
    let stored = || json!({"title": "t", "lines": lines(&[(1, "a", 11), (2, "b", 12), (3, "c", 13)])});
    let change = |change: fn(&mut Vec<Line>)| {
        save::<Note>(stored(), |note| change(&mut note.lines)).map(|sent| sent.map(|mut sent| sent["lines"].take()))
    };
    let is = |expected: &[(i64, &str, i64)]| Ok(Some(lines(expected)));
    assert_eq!(change(|lines| lines.swap(0, 2)), is(&[(3, "c", 13), (2, "b", 12), (1, "a", 11)]));
    assert_eq!(change(|lines| lines.rotate_left(1)), is(&[(2, "b", 12), (3, "c", 13), (1, "a", 11)]));
    assert_eq!(
        change(|lines| {
            lines.remove(0);
            lines[0].n = 9;
        }),
        is(&[(9, "b", 12), (3, "c", 13)])
    );
    assert_eq!(
        change(|lines| {
            lines.remove(0);
            lines[0].name = "z".into();
            lines.push(Line { n: 7, name: "d".into() });
        }),
        Ok(Some(json!([{"n": 2, "name": "z", "u": 12}, {"n": 3, "name": "c", "u": 13}, {"n": 7, "name": "d"}])))
    );
    assert_eq!(
        change(|lines| {
            for line in &mut *lines {
                line.n += 1;
            }
            lines.sort_by_key(|line| -line.n);
        }),
        is(&[(4, "c", 13), (3, "b", 12), (2, "a", 11)])
    );
    let refused = change(|lines| {
        lines.remove(0);
        lines[0] = Line { n: 20, name: "q".into() };
    })
    .unwrap_err();
    assert!(refused.contains("`lines` cannot be saved like this"), "{refused}");
}

#[test]
fn merge_keeps_unknown_fields_byte_for_byte() {
    let stored = r#"{"z":1.10,"lines":[{"n":1,"big":12345678901234567890123,"y":{"k":"\u00e9","t":1}}],"title":"t","title":"t"}"#;
    // Of a key given twice the last counts; a type would refuse it.
    let stored = stored.replacen(r#","title":"t""#, "", 1);
    let sent = save_text::<Note>(&stored, |note| note.lines[0].n = 2).unwrap().unwrap();
    assert_eq!(sent, stored.replace(r#""n":1"#, r#""n":2"#));
    assert_eq!(save_text::<Value>(r#"{"a":1,"a":2,"b":[ 3 ]}"#, |_| {}), Ok(None));
    let sent = save_text::<Value>(r#"{"a":1,"a":2,"b":[ 3 ]}"#, |value| value["c"] = 4.into()).unwrap().unwrap();
    assert_eq!(sent, r#"{"a":2,"b":[ 3 ],"c":4}"#);
    assert_eq!(save_text::<Value>(r#"{"a":1}"#, |value| *value = json!({})).unwrap().unwrap(), "{}");
}

#[test]
fn default_is_written_once_it_was_changed() {
    let stored = || json!({"title": "t", "x": 1});
    assert_eq!(save::<Note>(stored(), |_| {}), Ok(None));
    let titled = save::<Note>(stored(), |note| note.title = "u".into());
    assert_eq!(titled, Ok(Some(json!({"title": "u", "x": 1}))));
    assert_eq!(save::<Note>(stored(), |note| note.done = true), Ok(Some(json!({"title": "t", "x": 1, "done": true}))));
}

#[test]
fn large_objects_and_lists_take_linear_time() {
    let map: BTreeMap<String, u32> = (0..20_000).map(|n| (format!("key {n}"), n)).collect();
    let changed = save::<Value>(json!(map), |value| value["key 7"] = 0.into()).unwrap().unwrap();
    assert_eq!(changed["key 7"], 0);
    let numbers = save::<Value>(json!({"l": (0..20_000).collect::<Vec<u32>>()}), |value| {
        for number in value["l"].as_array_mut().unwrap() {
            *number = (number.as_u64().unwrap() + 20_000).into();
        }
    });
    assert_eq!(numbers.unwrap().unwrap()["l"][19_999], 39_999);
}

/// JSON with numbers of the same worth in several forms, and few keys.
fn untyped() -> impl Strategy<Value = Value> {
    let numbers = [json!(0), json!(0.0), json!(-0.0), json!(1), json!(1.0), json!(10), json!(1e1), json!(1_u64 << 60)];
    let others = [json!(null), json!(""), json!("1"), json!(true), json!([]), json!({})];
    let leaf = prop::sample::select([&numbers[..], &others].concat());
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[ab]", inner, 0..3).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn untyped_object() -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[abc]", untyped(), 0..4).prop_map(|map| Value::Object(map.into_iter().collect()))
}

/// The same JSON with each number in another form.
fn respelled(value: &Value) -> Value {
    match value {
        Value::Number(number) => match (number.as_u64(), number.as_f64()) {
            #[expect(clippy::cast_precision_loss, reason = "they are powers of two, or small")]
            (Some(whole), _) => json!(whole as f64),
            #[expect(clippy::cast_possible_truncation, reason = "they are small")]
            (None, Some(float)) => json!(float as i64),
            _ => value.clone(),
        },
        Value::Array(items) => items.iter().map(respelled).collect(),
        Value::Object(object) => {
            Value::Object(object.iter().map(|(key, value)| (key.clone(), respelled(value))).collect())
        }
        _ => value.clone(),
    }
}

proptest! {
    #[test]
    fn save_of_untyped_data_sends_what_the_caller_holds(before in untyped_object(), other in untyped_object()) {
        for after in [respelled(&before), other] {
            let sent = save::<Value>(before.clone(), |data| *data = after.clone());
            let expected = (before != after).then_some(after);
            prop_assert_eq!(sent, Ok(expected));
        }
    }
}
