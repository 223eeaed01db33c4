//! Queries by the fields of a struct.

use kinto_client::{Filter, KintoRecord, Sort, Value, json};
use kinto_tests::evaluator::{Condition, Key, Stored, Test};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    Asker,
    generate::{Generator, differs_in_memory},
};

/// A field of every kind, with names that a server might take for operators.
#[derive(Clone, Debug, Serialize, Deserialize, KintoRecord)]
#[kinto(collection = "todos")]
pub(crate) struct Item {
    s: String,
    #[kinto(index)]
    #[serde(rename = "min_age")]
    age: i64,
    #[kinto(index)]
    #[serde(rename = "in_stock")]
    big: u64,
    #[kinto(index)]
    lent: bool,
    #[kinto(index)]
    #[serde(default)]
    note: Option<String>,
    #[serde(default, rename = "ключ")]
    key: Option<i32>,
    #[serde(default)]
    flag: Option<bool>,
    #[kinto(index)]
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default, rename = "has_numbers")]
    numbers: Option<Vec<i64>>,
    #[kinto(nested)]
    #[serde(default, rename = "o")]
    inner: Option<Inner>,
}

#[derive(Clone, Debug, Serialize, Deserialize, KintoRecord)]
#[kinto(nested)]
struct Inner {
    #[kinto(index)]
    #[serde(rename = "größe")]
    size: i64,
    #[serde(default)]
    title: Option<String>,
}

const FIELDS: [&str; 12] =
    ["s", "min_age", "in_stock", "lent", "note", "ключ", "flag", "tags", "has_numbers", "o", "o.größe", "o.title"];

pub(crate) struct ByField;

/// Small numbers other than 0 and 1, which are booleans to the memory backend in some places.
fn small(generator: &mut Generator) -> i64 {
    i64::try_from(generator.chance().place(9)).expect("a small number") - 10
}

fn value(generator: &mut Generator, field: &str) -> Value {
    const EDGES: [i64; 6] =
        [i64::MIN, -9_007_199_254_740_993, 9_007_199_254_740_993, i64::MAX - 1, i64::MAX, 1_000_000];
    const LARGE: [u64; 4] = [2, u64::MAX, u64::MAX - 1, 1 << 63];
    match field {
        "s" | "note" | "o.title" => generator.text().into(),
        "min_age" | "o.größe" if generator.chance().one_in(4) => generator.chance().pick(&EDGES).into(),
        "in_stock" if generator.chance().one_in(3) => generator.chance().pick(&LARGE).into(),
        "in_stock" => small(generator).unsigned_abs().into(),
        "min_age" | "o.größe" | "ключ" => small(generator).into(),
        "lent" | "flag" => generator.chance().one_in(2).into(),
        "tags" => (0..generator.chance().place(4)).map(|_| Value::from(generator.text())).collect(),
        "has_numbers" => (0..generator.chance().place(4)).map(|_| Value::from(small(generator))).collect(),
        "o" => json!({"größe": value(generator, "o.größe"), "title": value(generator, "o.title")}),
        _ => unreachable!("{field} is one of them"),
    }
}

fn is_option(field: &str) -> bool {
    matches!(field, "note" | "ключ" | "flag" | "has_numbers" | "o" | "o.title")
}

impl Asker for ByField {
    type Of = Item;

    fn record(generator: &mut Generator) -> Value {
        let mut data = json!({});
        for field in FIELDS.into_iter().filter(|field| !field.contains('.')) {
            data[field] = match generator.chance().place(5) {
                0 if is_option(field) => continue,
                1 if is_option(field) => Value::Null,
                _ => value(generator, field),
            };
        }
        data
    }

    fn filter(generator: &mut Generator, stored: &[Stored]) -> Vec<Condition> {
        loop {
            let filter: Vec<Condition> =
                (0..generator.chance().pick(&[1, 1, 2, 2, 3])).map(|_| condition(generator, stored)).collect();
            if !(generator.is_memory() && differs_in_memory(&filter)) {
                return filter;
            }
        }
    }

    fn sort(generator: &mut Generator) -> Vec<Key> {
        let mut keys: Vec<Key> = Vec::new();
        for _ in 0..generator.chance().place(3) {
            let field = generator.chance().pick(&["s", "lent", "note", "ключ", "flag", "o.title"]);
            if keys.iter().all(|key| key.field != field) {
                keys.push(Key { field: field.to_owned(), descending: generator.chance().one_in(2) });
            }
        }
        keys
    }

    fn asked(condition: &Condition) -> Filter<Item> {
        asked(condition)
    }

    fn sorted(key: &Key) -> Sort<Item> {
        let f = Item::fields();
        macro_rules! sorted {
            ($($name:literal => $field:expr),+ $(,)?) => {
                match key.field.as_str() {
                    $($name if key.descending => $field.desc(),
                    $name => $field.asc(),)+
                    other => unreachable!("{other} is no field to sort by"),
                }
            };
        }
        sorted!("s" => f.s, "lent" => f.lent, "note" => f.note, "ключ" => f.key, "flag" => f.flag, "o.title" => f.inner.title)
    }
}

fn condition(generator: &mut Generator, stored: &[Stored]) -> Condition {
    if generator.chance().one_in(20) {
        return Condition { field: "id".to_owned(), test: generator.ids(stored) };
    }
    let field = generator.chance().pick(&FIELDS);
    if field == "o" {
        let test = if generator.chance().one_in(2) { Test::HasKey } else { Test::IsMissing };
        return Condition { field: field.to_owned(), test };
    }
    let record = generator.chance().place(stored.len());
    let known = field.split('.').try_fold(&stored[record].data, |value, name| value.as_object()?.get(name));
    let one = match known {
        Some(known) if !generator.chance().one_in(3) && !known.is_null() => known.clone(),
        _ => value(generator, field),
    };
    let is_range = matches!(field, "s" | "min_age" | "in_stock" | "note" | "ключ" | "o.größe" | "o.title");
    let is_list = matches!(field, "tags" | "has_numbers");
    let is_simple = !is_list;
    let items = || one.as_array().cloned().unwrap_or_default();
    let equal = if is_option(field) && generator.chance().one_in(6) { Value::Null } else { one.clone() };
    let test = match generator.chance().place(13) {
        0 => Test::Ne(equal),
        1 if is_simple => {
            let more: Vec<Value> = (0..generator.chance().place(4)).map(|_| value(generator, field)).collect();
            Test::IsIn([vec![equal], more].concat())
        }
        2 if is_simple => {
            let more: Vec<Value> = (0..generator.chance().place(4)).map(|_| value(generator, field)).collect();
            Test::NotIn([vec![equal], more].concat())
        }
        3 if is_range => Test::Lt(one),
        4 if is_range => Test::Le(one),
        5 if is_range => Test::Gt(one),
        6 if is_range => Test::Ge(one),
        7 if one.is_string() => Test::Like(generator.pattern(&one)),
        3 | 4 if is_list && !items().is_empty() => Test::ContainsAll(items()),
        5 | 6 if is_list && !items().is_empty() => Test::ContainsAny(items()),
        8 => Test::HasKey,
        9 => Test::IsMissing,
        10 if matches!(field, "s" | "note") => {
            let many =
                (0..150 + generator.chance().place(50)).map(|n| Value::from(format!("no record has this text: {n}")));
            Test::IsIn(many.chain([one]).collect())
        }
        _ => Test::Eq(equal),
    };
    Condition { field: field.to_owned(), test }
}

fn read<V: DeserializeOwned>(value: &Value) -> V {
    serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{value}: {error}"))
}

fn read_all<V: DeserializeOwned>(values: &[Value]) -> Vec<V> {
    values.iter().map(read).collect()
}

/// The condition in terms of the fields; each value is read as the field's type.
fn asked(condition: &Condition) -> Filter<Item> {
    let (f, test) = (Item::fields(), &condition.test);
    macro_rules! equal {
        ($field:expr, $type:ty) => {
            match test {
                Test::Eq(value) => $field.eq(read::<$type>(value)),
                Test::Ne(value) => $field.ne(read::<$type>(value)),
                Test::IsIn(values) => $field.is_in(read_all::<$type>(values)),
                Test::NotIn(values) => $field.not_in(read_all::<$type>(values)),
                Test::HasKey => $field.has_key(),
                Test::IsMissing => $field.is_missing(),
                other => unreachable!("{other:?} is not asked of it"),
            }
        };
    }
    macro_rules! range {
        ($field:expr, $type:ty, $bound:ty) => {
            match test {
                Test::Lt(value) => $field.lt(read::<$bound>(value)),
                Test::Le(value) => $field.le(read::<$bound>(value)),
                Test::Gt(value) => $field.gt(read::<$bound>(value)),
                Test::Ge(value) => $field.ge(read::<$bound>(value)),
                _ => equal!($field, $type),
            }
        };
    }
    macro_rules! text {
        ($field:expr, $type:ty) => {
            match test {
                Test::Like(pattern) => $field.like(pattern),
                _ => range!($field, $type, String),
            }
        };
    }
    macro_rules! list {
        ($field:expr, $type:ty, $item:ty) => {
            match test {
                Test::ContainsAll(items) if items.len() == 1 => $field.contains(read::<$item>(&items[0])),
                Test::ContainsAll(items) => $field.contains_all(read_all::<$item>(items)),
                Test::ContainsAny(items) => $field.contains_any(read_all::<$item>(items)),
                _ => equal!($field, $type),
            }
        };
    }
    match condition.field.as_str() {
        "id" => match test {
            Test::IsIn(ids) => Filter::field("id").is_in(ids),
            Test::NotIn(ids) => Filter::field("id").not_in(ids),
            other => unreachable!("{other:?} is not asked of it"),
        },
        "s" => text!(f.s, String),
        "min_age" => range!(f.age, i64, i64),
        "in_stock" => range!(f.big, u64, u64),
        "lent" => equal!(f.lent, bool),
        "note" => text!(f.note, Option<String>),
        "ключ" => range!(f.key, Option<i32>, i32),
        "flag" => equal!(f.flag, Option<bool>),
        "tags" => list!(f.tags, Vec<String>, String),
        "has_numbers" => list!(f.numbers, Option<Vec<i64>>, i64),
        "o" => match test {
            Test::HasKey => f.inner.has_key(),
            _ => f.inner.is_missing(),
        },
        "o.größe" => range!(f.inner.size, i64, i64),
        "o.title" => text!(f.inner.title, Option<String>),
        other => unreachable!("{other} is no field"),
    }
}
