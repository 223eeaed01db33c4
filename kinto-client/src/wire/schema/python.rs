//! What Python's jsonschema, the server's validator, does otherwise than the one used here.

use jsonschema::{
    Keyword, ValidationError, ValidationOptions,
    error::ValidationErrorKind,
    paths::{Location, LocationSegment},
};
use serde_json::Value;

use crate::wire::violation::Violation;

/// Without `format` and what is like it, and with Python's division.
pub(super) fn options() -> ValidationOptions<'static> {
    jsonschema::options()
        .should_validate_formats(false)
        .with_keyword("contentEncoding", |_, _, _| Ok(Box::new(Anything)))
        .with_keyword("contentMediaType", |_, _, _| Ok(Box::new(Anything)))
        .with_keyword("multipleOf", |_, divisor, _| Ok(Box::new(MultipleOf(divisor.clone()))))
        .offline()
}

struct Anything;

impl Keyword<'_> for Anything {
    fn validate(&self, _: &Value) -> Result<(), ValidationError<'static>> {
        Ok(())
    }

    fn is_valid(&self, _: &Value) -> bool {
        true
    }
}

/// `0.3` is no multiple of `0.1` to Python, which divides floats.
struct MultipleOf(Value);

impl<'i> Keyword<'i> for MultipleOf {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        if self.is_valid(instance) {
            return Ok(());
        }
        Err(ValidationError::custom(format!("{instance} is not a multiple of {}", self.0)))
    }

    fn is_valid(&self, instance: &Value) -> bool {
        let (Value::Number(number), Value::Number(divisor)) = (instance, &self.0) else { return true };
        match (number.as_i128(), divisor.as_i128()) {
            (Some(_), Some(0)) => true,
            (Some(number), Some(divisor)) => number % divisor == 0,
            (_, Some(_)) => {
                number.as_f64().zip(divisor.as_f64()).is_none_or(|(number, divisor)| number % divisor == 0.0)
            }
            (_, None) => number.as_f64().zip(divisor.as_f64()).is_none_or(|(number, divisor)| {
                let quotient = number / divisor;
                quotient.is_infinite() || quotient.fract() == 0.0
            }),
        }
    }
}

/// Rewrites the regular expressions of a schema, so that they mean here what they mean in Python.
pub(super) fn adapt(schema: &mut Value) {
    match schema {
        Value::Object(schema) => {
            for (keyword, value) in schema {
                match (keyword.as_str(), value) {
                    // Data, not schemas.
                    ("const" | "default" | "enum" | "examples", _) => {}
                    ("pattern", Value::String(pattern)) => *pattern = translated(pattern),
                    ("patternProperties", Value::Object(properties)) => {
                        let adapted = std::mem::take(properties).into_iter().map(|(pattern, mut schema)| {
                            adapt(&mut schema);
                            (translated(&pattern), schema)
                        });
                        *properties = adapted.collect();
                    }
                    (
                        "properties" | "definitions" | "$defs" | "dependencies" | "dependentSchemas",
                        Value::Object(named),
                    ) => {
                        named.values_mut().for_each(adapt);
                    }
                    (_, value) => adapt(value),
                }
            }
        }
        Value::Array(schemas) => schemas.iter_mut().for_each(adapt),
        _ => {}
    }
}

/// To Python `$` also matches before a final line feed, and classes are of all of Unicode.
fn translated(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut in_class = false;
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match (chars.next(), in_class) {
                (Some('d'), _) => out.push_str(r"\p{Nd}"),
                (Some('D'), _) => out.push_str(r"\P{Nd}"),
                (Some('w'), true) => out.push_str(r"\p{L}\p{N}_"),
                (Some('w'), false) => out.push_str(r"[\p{L}\p{N}_]"),
                (Some('W'), false) => out.push_str(r"[^\p{L}\p{N}_]"),
                (Some('Z'), false) => out.push_str(r"(?![\s\S])"),
                (Some(escaped), _) => out.extend(['\\', escaped]),
                (None, _) => out.push('\\'),
            },
            '$' if !in_class => out.push_str(r"(?=\n?(?![\s\S]))"),
            _ => {
                in_class = if in_class { c != ']' } else { c == '[' };
                out.push(c);
            }
        }
    }
    out
}

/// The violation, in the words of the schema as it was given.
pub(super) fn violation(error: &ValidationError<'_>, schema: &Value) -> Violation {
    let mut field = path(error.instance_path());
    let named = match error.kind() {
        ValidationErrorKind::Required { property } => property.as_str(),
        ValidationErrorKind::AdditionalProperties { unexpected } => unexpected.first().map(String::as_str),
        _ => None,
    };
    if let Some(name) = named {
        field = if field.is_empty() { name.to_owned() } else { format!("{field}.{name}") };
    }
    let message = match error.kind() {
        ValidationErrorKind::Pattern { .. } => {
            let pattern = schema.pointer(error.schema_path().as_str()).and_then(Value::as_str);
            pattern.map(|pattern| format!("{} does not match {pattern:?}", error.instance()))
        }
        _ => None,
    };
    let rule = match error.kind() {
        ValidationErrorKind::FalseSchema => "false",
        kind => kind.keyword(),
    };
    Violation {
        field: (!field.is_empty()).then_some(field),
        rule: rule.to_owned(),
        message: message.unwrap_or_else(|| error.to_string()),
    }
}

/// `address.lines[2]`
fn path(location: &Location) -> String {
    location.iter().fold(String::new(), |path, segment| match segment {
        LocationSegment::Index(index) => format!("{path}[{index}]"),
        LocationSegment::Property(name) if path.is_empty() => name.into_owned(),
        LocationSegment::Property(name) => format!("{path}.{name}"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_patterns_are_rewritten() {
        let mut schema = json!({
            "default": {"pattern": "a$"},
            "properties": {"pattern": {"pattern": "^[$\\d]\\w$"}, "default": {"items": [{"pattern": "\\$\\\\$"}]}},
            "patternProperties": {"x$": {"enum": [{"pattern": "a$"}]}},
        });
        adapt(&mut schema);
        let end = r"(?=\n?(?![\s\S]))";
        assert_eq!(
            schema,
            json!({
                "default": {"pattern": "a$"},
                "properties": {
                    "pattern": {"pattern": format!(r"^[$\p{{Nd}}][\p{{L}}\p{{N}}_]{end}")},
                    "default": {"items": [{"pattern": format!(r"\$\\{end}")}]},
                },
                "patternProperties": {format!("x{end}"): {"enum": [{"pattern": "a$"}]}},
            })
        );
    }
}
