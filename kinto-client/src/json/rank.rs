use serde_json::Value;

/// Returns the place of a value's type in PostgreSQL's order of JSON, which is the server's. What is missing is greater than all
/// of them.
pub(crate) fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::String(_) => 1,
        Value::Number(_) => 2,
        Value::Bool(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
    }
}
