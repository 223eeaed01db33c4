//! The differences between Python's jsonschema, the server's validator, and the one used here.

use jsonschema::{Keyword, ValidationError, ValidationOptions, error::ValidationErrorKind, paths::Location};
use serde_json::Value;

use super::adapt::Patterns;
use crate::error::schema_violation::Violation;

/// Returns the options of the validator: no `format` and similar checks, and Python's division.
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
