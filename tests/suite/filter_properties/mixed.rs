use std::cmp::Ordering;

use kinto_client::{Filter, Value, json};
use proptest::{collection::vec, prelude::*, sample::select};

use super::{
    case::{Case, Held},
    source::{Source, World},
    values::{stored_or, text},
};

/// Values of any type in one field, filtered by its name.
pub(super) fn mixed(mut source: Source) {
    let number = prop_oneof![(2_i64..20).prop_map(Value::from), (2_i32..9).prop_map(|n| json!(f64::from(n) + 0.5))];
    let scalar = prop_oneof![
        text().prop_map(Value::from),
        number,
        "[2-9]|1[0-9]|true|false|null".prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ];
    let item = scalar.clone().boxed();
    let value = prop_oneof![
        6 => scalar.clone(),
        1 => vec(item.clone(), 0..3).prop_map(Value::from),
        1 => (item.clone(), item).prop_map(|(a, b)| json!({"a": a, "b": [b]})),
    ]
    .boxed();
    let held = source.held(&value, 80);
    let world = World::with(source.backend, held.iter().map(Held::record));
    // Null as a value is null.
    let held: Vec<Held<Value>> =
        held.into_iter().map(|held| if held == Held::Null { Held::Is(Value::Null) } else { held }).collect();
    let any = stored_or(&held, &value);
    let ordered = scalar.clone().prop_filter("nothing else has an order", |v| v.is_number() || v.is_string());
    let cases = prop_oneof![
        (select(vec!["eq", "ne"]), any.prop_map(|v| vec![v])),
        (select(vec!["is_in", "not_in"]), vec(scalar, 1..5).prop_filter("it is refused", |v| can_be_listed(v))),
        (select(vec!["lt", "le", "gt", "ge"]), ordered.prop_map(|v| vec![v])),
    ]
    .prop_map(|(operator, values)| json_case(operator, values));
    source.check(&world, &world.fixture.todos.typed(), &held, &cases.boxed());
}

/// Returns false for values of which the server cannot be asked at once: both booleans and something else, since to the
/// memory backend they are 0 and 1.
fn can_be_listed(values: &[Value]) -> bool {
    let has = |value: bool| values.contains(&Value::Bool(value));
    values.iter().all(Value::is_boolean) || !(has(true) && has(false))
}

fn json_case(operator: &'static str, values: Vec<Value>) -> Case<Value, Held<Value>> {
    let (f, v) = (Filter::field("v"), &values[0]);
    let filter = match operator {
        "eq" => f.eq(v),
        "ne" => f.ne(v),
        "is_in" => f.is_in(&values),
        "not_in" => f.not_in(&values),
        "lt" => f.lt(v),
        "le" => f.le(v),
        "gt" => f.gt(v),
        _ => f.ge(v),
    };
    let shown = format!("{operator}({values:?})");
    Case::new(shown, filter, move |held: &Held<Value>| match operator {
        "eq" | "is_in" => held.is(|held| values.contains(held)),
        "ne" | "not_in" => !held.is(|held| values.contains(held)),
        _ => held.is(|held| {
            ordering(held, &values[0]).is_some_and(|ordering| match operator {
                "lt" => ordering.is_lt(),
                "le" => ordering.is_le(),
                "gt" => ordering.is_gt(),
                _ => ordering.is_ge(),
            })
        }),
    })
}

/// The order of two numbers or two texts.
fn ordering(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64()?.partial_cmp(&other.as_f64()?),
        (Value::String(one), Value::String(other)) => Some(one.cmp(other)),
        _ => None,
    }
}
