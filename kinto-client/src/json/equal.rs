use serde_json::Value;

/// Returns true if it is the same JSON to the server, whose storage may give 10 for 10.0, for 1e16 its digits, and
/// for one in ten random doubles a neighbour.
pub(crate) fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) if one.is_f64() || other.is_f64() => {
            one.as_f64().zip(other.as_f64()).is_some_and(|(one, other)| is_near(one, other))
        }
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

/// Returns true if the server's parser may have made one of the other: it is off by two at most in the last place,
/// and reads what is in a batch twice.
fn is_near(one: f64, other: f64) -> bool {
    const APART: u64 = 4;
    one.partial_cmp(&other).is_some_and(std::cmp::Ordering::is_eq)
        || (one.is_sign_negative() == other.is_sign_negative() && one.to_bits().abs_diff(other.to_bits()) <= APART)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// 123456789.12345679 comes back as 123456789.12345680.
    #[test]
    fn doubles_differ_in_the_last_place() {
        for (sent, stored, same) in [
            (123_456_789.123_456_79, 123_456_789.123_456_8, true),
            (0.1, f64::from_bits(0.1_f64.to_bits() + 4), true),
            (0.1, f64::from_bits(0.1_f64.to_bits() + 5), false),
            (-0.0, 0.0, true),
            (5e-324, -5e-324, false),
            (1.0, 1.000_000_000_001, false),
        ] {
            assert_eq!(is_same(&json!({"v": [sent]}), &json!({"v": [stored]})), same, "{sent} {stored}");
        }
    }

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
