//! Whole numbers that are written as floats.

use serde_json::Value;

/// The same JSON with `3` for `3.0`, if there is any such number in it: to JSON Schema, and so to the server, both are
/// integers, and JavaScript knows one kind of number only.
pub(super) fn with_whole_numbers(raw: &[u8]) -> Option<Vec<u8>> {
    let mut value: Value = serde_json::from_slice(raw).ok()?;
    if !is_changed(&mut value) {
        return None;
    }
    serde_json::to_vec(&value).ok()
}

fn is_changed(value: &mut Value) -> bool {
    match value {
        Value::Number(number) if number.is_f64() => {
            let Some(whole) = number.as_f64().and_then(whole) else { return false };
            *value = whole;
            true
        }
        Value::Array(items) => changed(items.iter_mut()),
        Value::Object(fields) => changed(fields.values_mut()),
        _ => false,
    }
}

/// Changes all of them, and gives whether any was.
fn changed<'a>(values: impl Iterator<Item = &'a mut Value>) -> bool {
    values.filter_map(|value| is_changed(value).then_some(())).count() > 0
}

/// The integer, if it is one that 64 bits hold.
fn whole(float: f64) -> Option<Value> {
    // 2 to the power of 63, and of 64.
    const SIGNED: f64 = 9_223_372_036_854_775_808.0;
    const UNSIGNED: f64 = 18_446_744_073_709_551_616.0;
    if float.fract() != 0.0 {
        return None;
    }
    let digits = format!("{float:.0}");
    if (-SIGNED..SIGNED).contains(&float) {
        return digits.parse::<i64>().ok().map(Value::from);
    }
    (SIGNED..UNSIGNED).contains(&float).then(|| digits.parse::<u64>().ok().map(Value::from))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_numbers_change() {
        let text = |raw: &str| with_whole_numbers(raw.as_bytes()).map(|raw| String::from_utf8(raw).unwrap());
        assert_eq!(text(r#"{"a":[3.0,-0.0,1e3],"b":1.5}"#).as_deref(), Some(r#"{"a":[3,0,1000],"b":1.5}"#));
        assert_eq!(text("18446744073709549568.0").as_deref(), Some("18446744073709549568"));
        assert_eq!(text("-9223372036854775808.0").as_deref(), Some("-9223372036854775808"));
        for unchanged in ["1e30", "1.5", "3", "{}", "\"3.0\""] {
            assert_eq!(text(unchanged), None, "{unchanged}");
        }
    }
}
