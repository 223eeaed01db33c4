//! The order in which the server lists objects, as far as a client can tell two places in it apart.

use std::cmp::Ordering;

use serde_json::{Map, Number, Value};

use super::query::Query;
use crate::json::rank::rank;

/// The field that the server sorts by where it is asked for nothing else.
pub(crate) const LAST_MODIFIED: &str = "last_modified";

/// The keys that a list is sorted by. The server always adds `-last_modified` as the last one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order(Vec<Key>);

/// One field of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    field: String,
    descending: bool,
    /// The objects have it whole: it is not left out by a selection of fields.
    is_sent: bool,
}

/// The position of an object in an order: its values of the sort keys.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Position(Vec<Option<Value>>);

impl Default for Order {
    fn default() -> Self {
        Self::parse("", None)
    }
}

impl Order {
    /// Returns the order that the `_sort` parameter of a query asks for, in objects with the fields that it selects.
    pub(crate) fn of(query: &Query) -> Self {
        let selected = query.values("_fields").last();
        Self::parse(&query.values("_sort").last().unwrap_or_default(), selected.as_deref())
    }

    fn parse(sort: &str, selected: Option<&str>) -> Self {
        let mut keys: Vec<Key> =
            sort.split(',').filter(|key| !key.is_empty()).map(|key| Key::parse(key, selected)).collect();
        if keys.iter().all(|key| key.field != LAST_MODIFIED) {
            keys.push(Key { field: LAST_MODIFIED.to_owned(), descending: true, is_sent: true });
        }
        Self(keys)
    }

    /// Returns the position of an object as received, or `None` if it has no `last_modified`, or names with dots that may be
    /// what the server sorts by.
    pub(crate) fn position(&self, raw: &[u8]) -> Option<Position> {
        let object: Map<String, Value> = serde_json::from_slice(raw).ok()?;
        object.get(LAST_MODIFIED)?;
        if self.0.iter().any(|key| is_ambiguous(&object, &key.field)) {
            return None;
        }
        Some(Position(self.0.iter().map(|key| nested(&object, &key.field).cloned()).collect()))
    }

    /// Compares two positions, or returns `None` where only the server can: texts are sorted by its database's collation, and
    /// fields that are not selected are not known.
    pub(crate) fn compare(&self, one: &Position, other: &Position) -> Option<Ordering> {
        self.compare_where(one, other, None)
    }

    /// Compares two positions, where two values that a client cannot compare are like that.
    fn compare_where(&self, one: &Position, other: &Position, unknown: Option<Ordering>) -> Option<Ordering> {
        for (key, (one, other)) in self.0.iter().zip(one.0.iter().zip(&other.0)) {
            let known = if key.is_sent { compare(one.as_ref(), other.as_ref()) } else { None };
            match known.or(unknown)? {
                Ordering::Equal => {}
                ordering if key.descending => return Some(ordering.reverse()),
                ordering => return Some(ordering),
            }
        }
        Some(Ordering::Equal)
    }
}

impl Position {
    fn is_comparable(&self) -> bool {
        let comparable = |value: &Value| value.is_null() || value.is_boolean() || value.is_number();
        self.0.iter().flatten().all(comparable)
    }
}

impl Key {
    fn parse(key: &str, selected: Option<&str>) -> Self {
        let (field, descending) = match key.strip_prefix('-') {
            Some(field) => (field, true),
            None => (key.strip_prefix('+').unwrap_or(key), false),
        };
        let mut is_sent = selected.is_none() || matches!(field, "id" | LAST_MODIFIED);
        is_sent |= selected.into_iter().flat_map(|fields| fields.split(',')).any(|selected| begins(field, selected));
        Self { field: field.to_owned(), descending, is_sent }
    }
}

/// Returns `true` if a path with dots leads to what is at another one, or to a part of it.
fn begins(path: &str, with: &str) -> bool {
    path.strip_prefix(with).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Returns `true` if the object has names with dots in them on a path with dots: not each database takes these for a path.
fn is_ambiguous(object: &Map<String, Value>, path: &str) -> bool {
    let Some((first, rest)) = path.split_once('.') else { return false };
    object.keys().any(|name| name.contains('.') && begins(path, name))
        || object.get(first).and_then(Value::as_object).is_some_and(|inner| is_ambiguous(inner, rest))
}

/// Returns the value that a path with dots leads to.
fn nested<'a>(object: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let value = object.get(first)?;
    rest.map_or(Some(value), |rest| nested(value.as_object()?, rest))
}

/// Compares as the server does: null, text, numbers, booleans, lists, objects, and then what is missing.
fn compare(one: Option<&Value>, other: Option<&Value>) -> Option<Ordering> {
    const MISSING: u8 = 6;
    let rank = |value: Option<&Value>| value.map_or(MISSING, rank);
    let ranks = rank(one).cmp(&rank(other));
    if ranks.is_ne() {
        return Some(ranks);
    }
    let (Some(one), Some(other)) = (one, other) else { return Some(Ordering::Equal) };
    match (one, other) {
        (Value::Bool(one), Value::Bool(other)) => Some(one.cmp(other)),
        (Value::Number(one), Value::Number(other)) => numbers(one, other),
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        (one, other) => (one == other).then_some(Ordering::Equal),
    }
}

/// Compares two numbers exactly, or returns `None` for two large ones that the server may tell apart and `f64` cannot.
fn numbers(one: &Number, other: &Number) -> Option<Ordering> {
    /// From here on, integers are received as the nearest `f64`.
    const INEXACT: f64 = 18_446_744_073_709_551_616.0;
    let whole = |number: &Number| number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    #[expect(clippy::cast_possible_truncation, reason = "it saturates, where both are the same `f64` anyway")]
    let exact = |number: &Number, float: f64| whole(number).unwrap_or(float as i128);
    let (first, second) = (one.as_f64()?, other.as_f64()?);
    let ordering = first.partial_cmp(&second)?.then_with(|| exact(one, first).cmp(&exact(other, second)));
    (ordering.is_ne() || first.abs() < INEXACT).then_some(ordering)
}

/// Sorts what was read in another order, or returns `false` where only the server can: some values are texts, lists or
/// objects.
pub(crate) fn sort_by<T>(items: &mut Vec<T>, order: &Order, raw: impl Fn(&T) -> &[u8]) -> bool {
    if !order.0.iter().all(|key| key.is_sent) {
        return false;
    }
    let placed: Option<Vec<(Position, T)>> =
        items.drain(..).map(|item| Some((order.position(raw(&item))?, item))).collect();
    let Some(mut placed) = placed.filter(|placed| placed.iter().all(|(position, _)| position.is_comparable())) else {
        return false;
    };
    placed.sort_by(|(one, _), (other, _)| {
        order.compare_where(one, other, Some(Ordering::Equal)).unwrap_or(Ordering::Equal)
    });
    items.extend(placed.into_iter().map(|(_, item)| item));
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn order(sort: &str) -> Order {
        let mut query = Query::default();
        query.push("_sort", sort);
        Order::of(&query)
    }

    fn position(order: &Order, object: &Value) -> Position {
        order.position(object.to_string().as_bytes()).expect("an object")
    }

    #[test]
    fn compare_follows_the_order_of_the_server() {
        let order = order("a.b");
        let rising = [
            json!({"a": {"b": null}, "last_modified": 1}),
            json!({"a": {"b": "text"}, "last_modified": 1}),
            json!({"a": {"b": -1e10}, "last_modified": 1}),
            json!({"a": {"b": 1}, "last_modified": 2}),
            json!({"a": {"b": 1.0}, "last_modified": 1}),
            json!({"a": {"b": 9_007_199_254_740_993_u64}, "last_modified": 1}),
            json!({"a": {"b": false}, "last_modified": 1}),
            json!({"a": {"b": true}, "last_modified": 1}),
            json!({"a": 1, "last_modified": 2}),
            json!({"last_modified": 1}),
        ];
        for pair in rising.windows(2) {
            let (one, other) = (position(&order, &pair[0]), position(&order, &pair[1]));
            assert_eq!(order.compare(&one, &other), Some(Ordering::Less), "{pair:?}");
            assert_eq!(order.compare(&other, &one), Some(Ordering::Greater), "{pair:?}");
            assert_eq!(order.compare(&one, &one), Some(Ordering::Equal), "{pair:?}");
        }
    }

    #[test]
    fn compare_leaves_texts_to_the_server() {
        let order = order("-a,last_modified");
        let at = |a: &str, time: u64| position(&order, &json!({"a": a, "last_modified": time}));
        assert_eq!(order.compare(&at("a", 1), &at("B", 1)), None);
        assert_eq!(order.compare(&at("a", 1), &at("a", 2)), Some(Ordering::Less));
        assert_eq!(order.position(br#"{"a": "x"}"#), None);
        assert_eq!(Order::of(&Query::default()), super::Order::parse("-last_modified", None));
    }

    #[test]
    fn compare_knows_nothing_of_fields_that_are_not_selected() {
        let compared = |sort: &str, fields: &str, one: Value, other: Value| {
            let mut query = Query::default();
            query.push("_sort", sort);
            query.push("_fields", fields);
            let order = Order::of(&query);
            order.compare(&position(&order, &one), &position(&order, &other))
        };
        let (one, other) = (json!({"t": 1, "last_modified": 1}), json!({"t": 2, "last_modified": 2}));
        for (sort, fields, expected) in [
            ("n", "t", None),
            ("n,t", "t", None),
            ("t,n", "t", Some(Ordering::Less)),
            ("t.u", "t", Some(Ordering::Greater)),
            ("t", "t.u,to", None),
            ("last_modified,n", "t", Some(Ordering::Less)),
            ("-n,t", "t,n", Some(Ordering::Less)),
        ] {
            assert_eq!(compared(sort, fields, one.clone(), other.clone()), expected, "{sort} of {fields}");
        }
    }

    #[test]
    fn position_leaves_names_with_dots_to_the_server() {
        let order = order("a.b.c");
        for object in [json!({"a.b": {"c": 1}}), json!({"a.b.c": 1}), json!({"a": {"b.c": 1}})] {
            let mut object = object;
            object["last_modified"] = 1.into();
            assert_eq!(order.position(object.to_string().as_bytes()), None, "{object}");
        }
        assert!(order.position(br#"{"a.d": 1, "last_modified": 1}"#).is_some());
    }

    #[test]
    fn sort_by_refuses_what_only_the_server_can_sort() {
        let sorted = |items: &[Value]| {
            let mut items: Vec<String> = items.iter().map(Value::to_string).collect();
            sort_by(&mut items, &order("-v"), |item| item.as_bytes()).then_some(items)
        };
        let (one, two) = (json!({"v": 1e-9, "last_modified": 1}), json!({"v": 2, "last_modified": 2}));
        let three = json!({"v": 2, "last_modified": 3});
        let texts = [&three, &two, &one].map(Value::to_string).to_vec();
        assert_eq!(sorted(&[one.clone(), two, three]), Some(texts));
        assert_eq!(sorted(&[one, json!({"v": "x", "last_modified": 1})]), None);
    }
}
