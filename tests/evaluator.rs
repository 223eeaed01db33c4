//! Queries as the documentation describes them, answered from records in memory: what a server's answers, and those of
//! any other storage, are held against. It does no I/O and shares no code with the library.
//!
//! Where the storage backends differ, this is what PostgreSQL does with a collation by code points.

use std::cmp::Ordering;

use serde_json::{Map, Value};

/// A record of a collection.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its id.
    pub id: String,
    /// When it was last changed, in milliseconds.
    pub last_modified: u64,
    /// Its data, a JSON object without `id` and `last_modified`.
    pub data: Value,
}

/// One condition on the field at a path, whose names are separated by dots.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The path of the field.
    pub field: String,
    /// What is asked of it.
    pub test: Test,
}

/// What is asked of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// It is this value, of this type. Null is a value.
    Eq(Value),
    /// It is anything else, or missing.
    Ne(Value),
    /// It is one of these.
    IsIn(Vec<Value>),
    /// It is none of these, or missing.
    NotIn(Vec<Value>),
    /// It is of the same type, a number or text, and less.
    Lt(Value),
    /// It is of the same type, and less or equal.
    Le(Value),
    /// It is of the same type, and greater.
    Gt(Value),
    /// It is of the same type, and greater or equal.
    Ge(Value),
    /// It is text like this pattern, in which `*` stands for anything; without one, the pattern is a part of it.
    Like(String),
    /// It is there, be it null.
    HasKey,
    /// It is not there.
    IsMissing,
    /// It is a list that has all of these in it.
    ContainsAll(Vec<Value>),
    /// It is a list that has one of these in it.
    ContainsAny(Vec<Value>),
}

/// An order by the field at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The path of the field.
    pub field: String,
    /// The greatest first.
    pub descending: bool,
}

/// Answers a query: the ids of the records that match all conditions, in the order of the keys. What is equal in all of
/// them comes by the time of its last change, the latest first.
#[must_use]
pub fn evaluate<'a>(records: &'a [Stored], filter: &[Condition], sort: &[Key]) -> Vec<&'a str> {
    let mut found: Vec<&Stored> = records.iter().filter(|record| filter.iter().all(|c| matches(record, c))).collect();
    found.sort_by(|one, other| {
        let by_keys = sort.iter().map(|key| {
            let ordering = in_order(value_of(one, &key.field).as_ref(), value_of(other, &key.field).as_ref());
            if key.descending { ordering.reverse() } else { ordering }
        });
        let by_keys = by_keys.fold(Ordering::Equal, Ordering::then);
        by_keys.then_with(|| other.last_modified.cmp(&one.last_modified))
    });
    found.into_iter().map(|record| record.id.as_str()).collect()
}

/// Tells whether a record matches a condition.
#[must_use]
pub fn matches(record: &Stored, condition: &Condition) -> bool {
    let found = value_of(record, &condition.field);
    let is = |test: &dyn Fn(&Value) -> bool| found.as_ref().is_some_and(test);
    match &condition.test {
        Test::Eq(wanted) => is(&|value| is_equal(value, wanted)),
        Test::Ne(other) => !is(&|value| is_equal(value, other)),
        Test::IsIn(wanted) => is(&|value| holds(wanted, value)),
        Test::NotIn(others) => !is(&|value| holds(others, value)),
        Test::Lt(bound) => is(&|value| within_type(value, bound).is_some_and(Ordering::is_lt)),
        Test::Le(bound) => is(&|value| within_type(value, bound).is_some_and(Ordering::is_le)),
        Test::Gt(bound) => is(&|value| within_type(value, bound).is_some_and(Ordering::is_gt)),
        Test::Ge(bound) => is(&|value| within_type(value, bound).is_some_and(Ordering::is_ge)),
        Test::Like(pattern) => is(&|value| value.as_str().is_some_and(|text| is_like(text, pattern))),
        Test::HasKey => found.is_some(),
        Test::IsMissing => found.is_none(),
        Test::ContainsAll(wanted) => {
            is(&|value| value.as_array().is_some_and(|list| wanted.iter().all(|wanted| holds(list, wanted))))
        }
        Test::ContainsAny(wanted) => {
            is(&|value| value.as_array().is_some_and(|list| wanted.iter().any(|wanted| holds(list, wanted))))
        }
    }
}

/// The value at a path, if there is one.
fn value_of(record: &Stored, path: &str) -> Option<Value> {
    match path {
        "id" => Some(record.id.as_str().into()),
        "last_modified" => Some(record.last_modified.into()),
        _ => path.split('.').try_fold(&record.data, |value, name| value.as_object()?.get(name)).cloned(),
    }
}

/// Tells whether two values are the same JSON, in which a number is what it is worth and an object has no order.
#[must_use]
pub fn is_equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(_), Value::Number(_)) => by_worth(one, other).is_eq(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| other.get(name).is_some_and(|other| is_equal(value, other)))
        }
        _ => one == other,
    }
}

fn holds(values: &[Value], wanted: &Value) -> bool {
    values.iter().any(|value| is_equal(value, wanted))
}

/// The order of two numbers or of two texts; other values, and those of two types, have none.
fn within_type(value: &Value, bound: &Value) -> Option<Ordering> {
    match (value, bound) {
        (Value::Number(_), Value::Number(_)) => Some(by_worth(value, bound)),
        (Value::String(value), Value::String(bound)) => Some(value.cmp(bound)),
        _ => None,
    }
}

/// The order of two numbers, exact for integers.
fn by_worth(one: &Value, other: &Value) -> Ordering {
    let integer = |value: &Value| value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from));
    if let (Some(one), Some(other)) = (integer(one), integer(other)) {
        return one.cmp(&other);
    }
    let float = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    float(one).partial_cmp(&float(other)).expect("JSON has no NaN")
}

/// The order that lists are sorted by: null, text, numbers, booleans, lists, objects, and last what is missing.
fn in_order(one: Option<&Value>, other: Option<&Value>) -> Ordering {
    let place = |value: Option<&Value>| match value {
        // To PostgreSQL an empty list comes before everything.
        Some(Value::Array(list)) if list.is_empty() => 0,
        Some(Value::Null) => 1,
        Some(Value::String(_)) => 2,
        Some(Value::Number(_)) => 3,
        Some(Value::Bool(_)) => 4,
        Some(Value::Array(_)) => 5,
        Some(Value::Object(_)) => 6,
        None => 7,
    };
    let (Some(left), Some(right)) = (one, other) else { return place(one).cmp(&place(other)) };
    place(one).cmp(&place(other)).then_with(|| match (left, right) {
        (Value::String(left), Value::String(right)) => left.cmp(right),
        (Value::Number(_), Value::Number(_)) => by_worth(left, right),
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        (Value::Array(left), Value::Array(right)) => lists_in_order(left, right),
        (Value::Object(left), Value::Object(right)) => objects_in_order(left, right),
        _ => Ordering::Equal,
    })
}

/// The shorter list is the lesser.
fn lists_in_order(one: &[Value], other: &[Value]) -> Ordering {
    let items = || one.iter().zip(other).map(|(one, other)| in_order(Some(one), Some(other)));
    one.len().cmp(&other.len()).then_with(|| items().fold(Ordering::Equal, Ordering::then))
}

/// The smaller object is the lesser; names of the same number are compared by length first, each before its value.
fn objects_in_order(one: &Map<String, Value>, other: &Map<String, Value>) -> Ordering {
    let fields = |object: &Map<String, Value>| {
        let mut fields: Vec<(String, Value)> =
            object.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        fields.sort_by(|(one, _), (other, _)| one.len().cmp(&other.len()).then_with(|| one.cmp(other)));
        fields
    };
    one.len().cmp(&other.len()).then_with(|| {
        let pairs = fields(one).into_iter().zip(fields(other));
        pairs.fold(Ordering::Equal, |ordering, ((one, left), (other, right))| {
            ordering
                .then_with(|| one.len().cmp(&other.len()))
                .then_with(|| one.cmp(&other))
                .then_with(|| in_order(Some(&left), Some(&right)))
        })
    })
}

/// Tells whether a text is like a pattern, whatever the case of ASCII letters.
#[must_use]
pub fn is_like(text: &str, pattern: &str) -> bool {
    fn from_here(text: &[u8], pattern: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|skipped| from_here(&text[skipped..], rest)),
            Some((wanted, rest)) => text.first() == Some(wanted) && from_here(&text[1..], rest),
        }
    }
    let [text, pattern] = [text, pattern].map(str::to_ascii_lowercase);
    if pattern.contains('*') { from_here(text.as_bytes(), pattern.as_bytes()) } else { text.contains(&pattern) }
}
