use serde_json::Value;

/// Whether it is the same JSON to the server, whose storage may give 10 for 10.0, and for 1e16 its digits.
pub(crate) fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) if one.is_f64() || other.is_f64() => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| other.get(key).is_some_and(|other| is_same(value, other)))
        }
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_what_they_are_worth() {
        let stored = json!({"a": [{"b": 10_000_000_000_000_000_u64}], "c": 2});
        assert!(is_same(&json!({"a": [{"b": 1e16}], "c": 2.0}), &stored));
        for other in
            [json!({"a": [{"b": 1e16}], "c": 2.5}), json!({"a": [{"b": 1e16}]}), json!({"a": [], "c": 2}), json!("2")]
        {
            assert!(!is_same(&other, &stored) && !is_same(&stored, &other), "{other}");
        }
        assert!(!is_same(&json!(u64::MAX), &json!(u64::MAX - 1)), "integers are compared as such");
    }
}
