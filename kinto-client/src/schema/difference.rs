use std::{collections::BTreeSet, fmt};

use serde_json::Value;

use crate::json::equal::is_same;

/// A place where two schemas differ.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Difference {
    /// The place in the schemas, as a JSON pointer: `/properties/title/maxLength`.
    pub place: String,
    /// The value on the server or in the file.
    pub stored: Option<Value>,
    /// The value in the schema of the type.
    pub of_type: Option<Value>,
}

/// Returns all differences of two schemas, the deepest places only.
pub(crate) fn differences(stored: Option<&Value>, of_type: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    walk(String::new(), stored, Some(of_type), &mut found);
    found
}

fn walk(place: String, stored: Option<&Value>, of_type: Option<&Value>, found: &mut Vec<Difference>) {
    match (stored, of_type) {
        (Some(stored), Some(of_type)) if is_same(stored, of_type) => {}
        (Some(Value::Object(stored)), Some(Value::Object(of_type))) => {
            let keys: BTreeSet<&String> = stored.keys().chain(of_type.keys()).collect();
            for key in keys {
                let token = key.replace('~', "~0").replace('/', "~1");
                walk(format!("{place}/{token}"), stored.get(key), of_type.get(key), found);
            }
        }
        (Some(Value::Array(stored)), Some(Value::Array(of_type))) if stored.len() == of_type.len() => {
            for (index, (stored, of_type)) in stored.iter().zip(of_type).enumerate() {
                walk(format!("{place}/{index}"), Some(stored), Some(of_type), found);
            }
        }
        _ => found.push(Difference { place, stored: stored.cloned(), of_type: of_type.cloned() }),
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.place.is_empty() { "(the whole schema)" } else { &self.place })?;
        for (sign, value) in [('-', &self.stored), ('+', &self.of_type)] {
            if let Some(value) = value {
                write!(f, "\n  {sign} {value}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn differences_name_deepest_places() {
        let stored = json!({"required": ["a"], "properties": {"a/b": {"type": "string", "maxLength": 80}}});
        let of_type =
            json!({"required": ["a", "b"], "properties": {"a/b": {"type": "string", "maxLength": 100}, "b": true}});
        let shown: Vec<String> = differences(Some(&stored), &of_type).iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "/properties/a~1b/maxLength\n  - 80\n  + 100",
                "/properties/b\n  + true",
                "/required\n  - [\"a\"]\n  + [\"a\",\"b\"]",
            ]
        );
        assert_eq!(differences(Some(&stored), &stored), []);
        assert_eq!(differences(None, &json!({}))[0].to_string(), "(the whole schema)\n  + {}");
    }
}
