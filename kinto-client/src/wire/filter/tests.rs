use serde_json::{Value, json};

use super::*;

fn filter(field: &str, operator: Operator, value: Value) -> Filter<()> {
    Filter::new(field, operator, Ok(Operand::One(value)))
}

fn query(filter: &Filter<()>) -> String {
    let mut query = Query::default();
    filter.write(&mut query).map_or_else(|error| error.to_string(), |()| query.as_str().to_owned())
}

#[test]
fn filter_values_keep_their_type() {
    for (value, sent) in [
        (json!("42"), "eq_a=%2242%22"),
        (json!(42), "eq_a=42"),
        (json!("true"), "eq_a=%22true%22"),
        (json!(null), "eq_a=null"),
        (json!(""), "eq_a=%22%22"),
        (json!("x;y&\"é"), "eq_a=%22x%3By%26%5C%22%C3%A9%22"),
    ] {
        assert_eq!(query(&filter("a", Operator::Eq, value)), sent);
    }
}

#[test]
fn filter_escapes_commas_in_list_values() {
    let values = Ok(Operand::Many(vec![json!("a,b"), json!(1), json!("c")]));
    let sent = query(&Filter::new("a", Operator::In, values));
    assert_eq!(sent, "in_a=%22a%5Cu002cb%22%2C1%2C%22c%22&lt_a=false");
}

#[test]
fn range_filter_is_bounded_to_one_type() {
    let filter = |operator, value| filter("a", operator, value);
    assert_eq!(query(&filter(Operator::Gt, json!(1))), "gt_a=1&lt_a=false");
    assert_eq!(query(&filter(Operator::Max, json!("x"))), "max_a=%22x%22&min_a=%22%22");
    assert_eq!(query(&filter(Operator::Gt, json!(1)).or_missing()), "gt_a=1");
    let untyped = Filter::<()>::untyped("a", Operator::Gt, Ok(Operand::One(json!(1))));
    assert!(query(&untyped.or_missing()).contains("needs a typed field"));
    let both = filter(Operator::Min, json!(1)).and(filter(Operator::Lt, json!(5)));
    assert_eq!(query(&both), "lt_a=5&min_a=1");
    assert!(query(&filter(Operator::Lt, json!(1)).or_missing()).contains("or_missing"));
}

/// To the server text is less than numbers, and those less than booleans.
#[test]
fn bounds_of_two_types_leave_nothing() {
    let v = |operator, value| filter("v", operator, value);
    for (both, sent) in [
        (
            v(Operator::Gt, json!("a")).and(v(Operator::Lt, json!(5))),
            "gt_v=%22a%22&lt_v=-1.7976931348623157e%2B308&min_v=-1.7976931348623157e%2B308",
        ),
        (v(Operator::Min, json!(5)).and(v(Operator::Max, json!("a"))), "lt_v=false&max_v=%22a%22&min_v=5"),
        (
            v(Operator::Like, json!("4")).and(v(Operator::Lt, json!(100))),
            "lt_v=-1.7976931348623157e%2B308&min_v=-1.7976931348623157e%2B308&like_v=%224%22",
        ),
        (
            v(Operator::Contains, json!(["x"])).and(v(Operator::Gt, json!(1))),
            "gt_v=1&lt_v=false&min_v=%5B%5D&contains_v=%5B%22x%22%5D",
        ),
    ] {
        assert_eq!(query(&both), sent);
    }
}

/// The memory backend takes text for a list of its characters, and cannot compare two objects, which are asked for last.
#[test]
fn only_lists_contain_something() {
    let contains = |value| query(&filter("v", Operator::Contains, value));
    assert_eq!(contains(json!(["x"])), "min_v=%5B%5D&contains_v=%5B%22x%22%5D&lt_v=%7B%7D");
    assert_eq!(contains(json!([])), "min_v=%5B%5D&contains_v=%5B%5D&lt_v=%7B%7D");
    assert_eq!(contains(json!([1])), "contains_v=%5B1%5D");
}

/// To the memory backend 1 is `true` and 0 is `false` among several values.
#[test]
fn booleans_are_no_numbers() {
    let among = |operator, values: Value| {
        query(&Filter::new("v", operator, Ok(Operand::Many(values.as_array().unwrap().clone()))))
    };
    for (values, sent) in [
        (json!([2, "a"]), "in_v=2%2C%22a%22"),
        (json!([0, 1, 2]), "in_v=0%2C1%2C2&lt_v=false"),
        (json!([true]), "in_v=true&min_v=false"),
        (json!([true, "a"]), "in_v=true%2C%22a%22&not_v=1"),
        (json!([true, 1]), "in_v=true%2C1"),
    ] {
        assert_eq!(among(Operator::In, values), sent);
    }
    assert!(among(Operator::In, json!([true, 0])).contains("two calls"));
    for (values, sent) in [
        (json!([2, 3]), "exclude_v=2%2C3"),
        (json!([1]), "not_v=1"),
        (json!([1, 2]), "exclude_v=2&not_v=1"),
        (json!([1, true]), "exclude_v=1%2Ctrue"),
    ] {
        assert_eq!(among(Operator::Exclude, values), sent);
    }
}

#[test]
fn filter_of_one_backend_deletes_nothing() {
    let has = |name: &str, there: bool| filter(name, Operator::Has, json!(there));
    let refusal =
        |filter: &Filter<()>| filter.check_deletion().err().map(|error| error.to_string()).unwrap_or_default();
    assert_eq!(refusal(&has("a", false)), "");
    assert!(refusal(&has("a", false).and(has("b", false))).contains("more than one field"));
    // What is equal to something is there.
    assert_eq!(refusal(&has("a", true).and(has("b", false)).and(filter("a", Operator::Eq, json!(1)))), "");
    assert_eq!(refusal(&filter("a", Operator::Eq, json!(["x", 2]))), "");
    for value in [json!([1]), json!({"x": [false]}), json!({"x": 0.0})] {
        assert!(refusal(&filter("a", Operator::Eq, value.clone())).contains("\"a\""), "{value}");
    }
    assert!(refusal(&filter("a", Operator::Gt, json!(1)).or_missing()).contains("two calls"));
}

#[test]
fn ids_are_text_and_times_are_numbers() {
    for (field, value) in
        [("id", json!(5)), ("id", json!(null)), ("last_modified", json!("5")), ("last_modified", json!(-1))]
    {
        assert!(query(&filter(field, Operator::Gt, value)).contains(field));
    }
    assert_eq!(query(&filter("id", Operator::Gt, json!("a"))), "gt_id=%22a%22");
    assert_eq!(query(&filter("last_modified", Operator::Gt, json!(5))), "gt_last_modified=5");
}

#[test]
fn filter_rejects_ambiguous_names() {
    let refused = |field: &str, operator| query(&filter(field, operator, json!(1)));
    assert!(refused("", Operator::Eq).contains("empty"));
    assert!(refused("foo-bar", Operator::Min).contains("foo-bar"));
    assert!(refused("_private", Operator::Plain).contains("_private"));
    assert!(refused("last_modified", Operator::Like).contains("last_modified"));
    assert_eq!(refused("_private", Operator::Eq), "eq__private=1");
    assert_eq!(refused("min_age", Operator::Eq), "eq_min_age=1");
    assert_eq!(refused("foo-bar", Operator::Plain), "foo-bar=1");
    assert_eq!(refused("min_age", Operator::Plain), "eq_min_age=1");
    for name in ["in_foo-bar", "exclude_a-b", "contains_a-b", "contains_any_a-b", "contains_ä\u{301}"] {
        assert!(refused(name, Operator::Plain).contains("takes a list"), "{name}");
    }
    for name in ["min_a-b", "max_a-b", "gt_a-b", "lt_a-b", "eq_a-b", "not_a-b", "like_a-b", "has_a-b"] {
        assert_eq!(refused(name, Operator::Plain), format!("{name}=1"));
    }
    let twice = filter("a", Operator::Eq, json!(1));
    assert!(query(&twice.clone().and(twice)).contains("`eq_a` twice"));
}

#[test]
fn presence_parameters_come_first() {
    let filter = filter("a", Operator::Eq, json!(1)).and(filter("z", Operator::Has, json!(true)));
    assert_eq!(query(&filter), "has_z=true&eq_a=1");
}
