//! Conditions and orders of lists, as Kinto's SQL has them.

use std::cmp::Ordering;

use serde_json::Value;

use super::database::Row;
use crate::json::jsonb::{self, compare, is_like, like_pattern};

/// An operator of a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Lt,
    Min,
    Max,
    Not,
    Eq,
    Gt,
    In,
    Exclude,
    Like,
    Has,
    ContainsAny,
    Contains,
}

/// The operators by the prefixes of their parameters, in the order in which the server tries them.
pub(super) const OPERATORS: [(&str, Operator); 12] = [
    ("lt_", Operator::Lt),
    ("min_", Operator::Min),
    ("max_", Operator::Max),
    ("not_", Operator::Not),
    ("eq_", Operator::Eq),
    ("gt_", Operator::Gt),
    ("in_", Operator::In),
    ("exclude_", Operator::Exclude),
    ("like_", Operator::Like),
    ("has_", Operator::Has),
    ("contains_any_", Operator::ContainsAny),
    ("contains_", Operator::Contains),
];

/// A condition on one field. Pages go on after objects that lack a field, which no request can express: `None`.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    pub(super) field: String,
    pub(super) operator: Operator,
    pub(super) value: Option<Value>,
}

impl Condition {
    pub(super) fn new(field: &str, operator: Operator, value: Option<Value>) -> Self {
        Self { field: field.to_owned(), operator, value }
    }

    /// Returns true if an object fits. Entries without an id have `id` among their fields.
    pub(super) fn holds(&self, id: Option<&str>, row: &Row) -> bool {
        match (self.field.as_str(), id) {
            ("id", Some(id)) => self.holds_for_text(id),
            ("last_modified", Some(_)) => self.holds_for_time(row.last_modified),
            (field, _) => match &self.value {
                Some(value) => holds_for_json(self.operator, find(row, field), value),
                None => holds_for_missing(self.operator, find(row, field)),
            },
        }
    }

    /// Returns true for an exclusion of no values, which no object of a list in the database passes.
    pub(super) fn excludes_nothing(&self) -> bool {
        self.operator == Operator::Exclude
            && self.value.as_ref().is_some_and(|value| value == &Value::Array(Vec::new()))
    }

    /// Returns true for a pattern that ends with a backslash.
    pub(super) fn may_fail(&self) -> bool {
        self.operator == Operator::Like
            && self.value.as_ref().and_then(Value::as_str).is_some_and(|like| like_pattern(like).ends_with('\\'))
    }

    /// Returns true if the database fails to compare an object with a pattern.
    pub(super) fn fails(&self, id: &str, row: &Row) -> bool {
        let (true, Some(Value::String(like))) = (self.may_fail(), &self.value) else { return false };
        let pattern = like_pattern(like);
        let text = if self.field == "id" { Some(id.to_owned()) } else { find(row, &self.field).and_then(jsonb::text) };
        text.is_some_and(|text| is_like(&text, &pattern).is_none())
    }

    fn holds_for_text(&self, id: &str) -> bool {
        let Some(value) = &self.value else { return false };
        let text = |value: &Value| match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        let texts = || value.as_array().into_iter().flatten().filter_map(text);
        match self.operator {
            Operator::In => texts().any(|one| one == id),
            Operator::Exclude => value.as_array().is_some_and(|list| !list.is_empty()) && texts().all(|one| one != id),
            Operator::Has => is_true(value),
            operator => text(value).is_some_and(|value| match operator {
                Operator::Like => is_like(id, &like_pattern(&value)) == Some(true),
                operator => ordered(operator, id.as_bytes().cmp(value.as_bytes())),
            }),
        }
    }

    fn holds_for_time(&self, time: i64) -> bool {
        let value = match &self.value {
            Some(Value::String(text)) => text.trim_matches('"').parse().ok(),
            Some(value) => value.as_i64(),
            None => None,
        };
        value.is_some_and(|value| ordered(self.operator, time.cmp(&value)))
    }
}

fn ordered(operator: Operator, order: Ordering) -> bool {
    match operator {
        Operator::Lt => order.is_lt(),
        Operator::Min => order.is_ge(),
        Operator::Max => order.is_le(),
        Operator::Gt => order.is_gt(),
        Operator::Not => order.is_ne(),
        _ => order.is_eq(),
    }
}

fn holds_for_json(operator: Operator, field: Option<&Value>, value: &Value) -> bool {
    let values = || value.as_array().into_iter().flatten();
    let elements = || field.and_then(Value::as_array).into_iter().flatten();
    match operator {
        Operator::Eq => field.is_some_and(|field| jsonb::same(field, value)),
        Operator::Not => field.is_none_or(|field| !jsonb::same(field, value)),
        Operator::Lt | Operator::Max => field.is_some_and(|field| ordered(operator, compare(field, value))),
        Operator::Gt | Operator::Min => field.is_none_or(|field| ordered(operator, compare(field, value))),
        Operator::In => field.is_some_and(|field| values().any(|value| jsonb::same(field, value))),
        Operator::Exclude => {
            field.is_none_or(|field| values().next().is_some() && values().all(|value| !jsonb::same(field, value)))
        }
        Operator::Like => {
            let text = field.and_then(jsonb::text);
            text.is_some_and(|text| {
                value.as_str().is_some_and(|like| is_like(&text, &like_pattern(like)) == Some(true))
            })
        }
        Operator::Has => field.is_some() == is_true(value),
        Operator::Contains => field.is_some_and(|field| field.is_array() && jsonb::contains(field, value)),
        Operator::ContainsAny => elements().any(|element| values().any(|value| jsonb::same(element, value))),
    }
}

fn holds_for_missing(operator: Operator, field: Option<&Value>) -> bool {
    match operator {
        Operator::Eq | Operator::Min => field.is_none(),
        Operator::Lt => field.is_some(),
        Operator::Max => true,
        _ => false,
    }
}

/// Returns true for what Python takes for true.
pub(super) fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(object) => !object.is_empty(),
    }
}

/// Returns the value of a field; dots lead into objects.
fn find<'a>(row: &'a Row, field: &str) -> Option<&'a Value> {
    let mut names = field.split('.');
    let mut value = row.data.get(names.next()?)?;
    for name in names {
        value = value.as_object()?.get(name)?;
    }
    Some(value)
}

/// A field to sort by.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) field: String,
    pub(super) descending: bool,
}

/// Compares two objects. What lacks a field comes after everything else, and before it in a descending order.
pub(super) fn in_order(orders: &[Order], one: (&str, &Row), other: (&str, &Row)) -> Ordering {
    let by = |order: &Order| {
        let ordering = match order.field.as_str() {
            "id" => one.0.as_bytes().cmp(other.0.as_bytes()),
            "last_modified" => one.1.last_modified.cmp(&other.1.last_modified),
            field => match (find(one.1, field), find(other.1, field)) {
                (Some(one), Some(other)) => compare(one, other),
                (one, other) => one.is_none().cmp(&other.is_none()),
            },
        };
        if order.descending { ordering.reverse() } else { ordering }
    };
    orders.iter().map(by).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}
