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
fn values_keep_their_type() {
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
fn commas_in_lists_are_no_separators() {
    let values = Ok(Operand::Many(vec![json!("a,b"), json!(1), json!("c")]));
    let sent = query(&Filter::new("a", Operator::In, values));
    assert_eq!(sent, "in_a=%22a%5Cu002cb%22%2C1%2C%22c%22");
}

#[test]
fn ranges_are_of_one_type() {
    let filter = |operator, value| filter("a", operator, value);
    assert_eq!(query(&filter(Operator::Gt, json!(1))), "gt_a=1&lt_a=false");
    assert_eq!(query(&filter(Operator::Max, json!("x"))), "max_a=%22x%22&min_a=%22%22");
    assert_eq!(query(&filter(Operator::Gt, json!(1)).or_missing()), "gt_a=1");
    let both = filter(Operator::Min, json!(1)).and(filter(Operator::Lt, json!(5)));
    assert_eq!(query(&both), "lt_a=5&min_a=1");
    assert!(query(&filter(Operator::Lt, json!(1)).or_missing()).contains("or_missing"));
}

#[test]
fn what_the_server_would_misread_is_refused() {
    let refused = |field: &str, operator| query(&filter(field, operator, json!(1)));
    assert!(refused("", Operator::Eq).contains("empty"));
    assert!(refused("foo-bar", Operator::Min).contains("foo-bar"));
    assert!(refused("_private", Operator::Plain).contains("_private"));
    assert!(refused("last_modified", Operator::Like).contains("last_modified"));
    assert_eq!(refused("_private", Operator::Eq), "eq__private=1");
    assert_eq!(refused("min_age", Operator::Eq), "eq_min_age=1");
    assert_eq!(refused("foo-bar", Operator::Plain), "foo-bar=1");
    assert_eq!(refused("min_age", Operator::Plain), "eq_min_age=1");
    assert!(refused("in_foo-bar", Operator::Plain).contains("in_foo-bar"));
    let twice = filter("a", Operator::Eq, json!(1));
    assert!(query(&twice.clone().and(twice)).contains("`eq_a` twice"));
}

#[test]
fn presence_comes_first() {
    let filter = filter("a", Operator::Eq, json!(1)).and(filter("z", Operator::Has, json!(true)));
    assert_eq!(query(&filter), "has_z=true&eq_a=1");
}
