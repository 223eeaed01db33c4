//! The differences between Python's jsonschema, the server's validator, and the one used here.

use jsonschema::{Keyword, ValidationError, ValidationOptions, error::ValidationErrorKind, paths::Location};
use serde_json::Value;

use super::adapt::Patterns;
use crate::error::schema_violation::Violation;

/// Returns the options of the validator of a schema: no `format` and similar checks, and Python's types and division.
pub(super) fn options(schema: &Value) -> ValidationOptions<'static> {
    let draft = schema.get("$schema").and_then(Value::as_str).unwrap_or_default();
    let options = jsonschema::options()
        .should_validate_formats(false)
        .with_keyword("contentEncoding", |_, _, _| Ok(Box::new(Anything)))
        .with_keyword("contentMediaType", |_, _, _| Ok(Box::new(Anything)))
        .with_keyword("multipleOf", |_, divisor, _| Ok(Box::new(MultipleOf(divisor.clone()))))
        .offline();
    if draft.contains("draft-04") || draft.contains("draft-03") {
        return options.with_keyword("type", |_, types, _| Ok(Box::new(EarlyType(types.clone()))));
    }
    // Two other keywords took its place, and the latest draft is the default.
    if draft.is_empty() || draft.contains("2019-09") || draft.contains("2020-12") {
        return options.with_keyword("dependencies", |_, _, _| Ok(Box::new(Anything)));
    }
    options
}

/// The keyword `type` of the drafts before 6, in which no float is an integer, not even in a list of types.
struct EarlyType(Value);

impl<'i> Keyword<'i> for EarlyType {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        if self.is_valid(instance) {
            return Ok(());
        }
        Err(ValidationError::custom(format!("{instance} is not of type {}", self.0)))
    }

    fn is_valid(&self, instance: &Value) -> bool {
        let is_of = |name: &Value| match name.as_str() {
            Some("integer") => instance.is_i64() || instance.is_u64(),
            Some("number") => instance.is_number(),
            Some("string") => instance.is_string(),
            Some("boolean") => instance.is_boolean(),
            Some("array") => instance.is_array(),
            Some("object") => instance.is_object(),
            Some("null") => instance.is_null(),
            Some("any") => true,
            _ => false,
        };
        self.0.as_array().map_or_else(|| is_of(&self.0), |names| names.iter().any(is_of))
    }
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

/// The keyword `multipleOf` as Python evaluates it: it divides floats, by which `0.3` is no multiple of `0.1`.
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

/// Creates a violation, with the keywords of the schema as it was given.
pub(super) fn violation(error: &ValidationError<'_>, data: &Value, schema: &Value, patterns: &Patterns) -> Violation {
    let mut field = path(error.instance_path(), data);
    let error = of_name(error);
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
        ValidationErrorKind::Required { .. } if is_dependency(error.schema_path()) => "dependencies",
        kind => kind.keyword(),
    };
    Violation {
        field: (!field.is_empty()).then_some(field),
        rule: rule.to_owned(),
        message: message.unwrap_or_else(|| patterns.restored(error.to_string())),
    }
}

/// Returns the defect of a field's name, if it has one: Python reports it of the object, not of the name.
fn of_name<'e, 'i>(error: &'e ValidationError<'i>) -> &'e ValidationError<'i> {
    match error.kind() {
        ValidationErrorKind::PropertyNames { error } => of_name(error),
        _ => error,
    }
}

/// Returns true if what is required is so because another field is there, by the place of the rule in the schema. Of
/// `dependentRequired` Python says the same.
fn is_dependency(rule: &Location) -> bool {
    matches!(rule.as_str().rsplit('/').next(), Some("dependencies" | "dependentRequired"))
}

/// Formats a path: `address.lines[2]`.
fn path(location: &Location, data: &Value) -> String {
    let (mut path, mut inside) = (String::new(), Some(data));
    for token in location.as_str().split('/').skip(1) {
        let name = token.replace("~1", "/").replace("~0", "~");
        // A key may be all digits, too.
        if let Some(Value::Array(items)) = inside {
            path = format!("{path}[{name}]");
            inside = name.parse::<usize>().ok().and_then(|index| items.get(index));
        } else {
            path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            inside = inside.and_then(|object| object.get(&name));
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Schema;

    #[test]
    fn float_is_an_integer_from_draft_6_on() {
        for (draft, is_one) in [("draft-04", false), ("draft-07", true)] {
            let schema = Schema::new(&json!({
                "$schema": format!("http://json-schema.org/{draft}/schema#"),
                "properties": {"one": {"type": "integer"}, "many": {"type": ["integer", "boolean"]}},
            }))
            .unwrap();
            for field in ["one", "many"] {
                for float in [3.0, 1e30] {
                    let violations = schema.violations(&json!({field: float})).unwrap();
                    let said: Vec<_> = violations.iter().map(|v| (v.field.as_deref(), v.rule.as_str())).collect();
                    let expected = if is_one { vec![] } else { vec![(Some(field), "type")] };
                    assert_eq!(said, expected, "{draft} {field} {float}");
                }
                assert_eq!(schema.violations(&json!({field: 3})).unwrap(), []);
                assert_eq!(schema.violations(&json!({field: "3"})).unwrap().len(), 1);
            }
        }
    }
}
