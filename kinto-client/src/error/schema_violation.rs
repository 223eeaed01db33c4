//! Violations of a collection's schema, and the server's messages about them.

use serde_json::Value;

/// A violation of a schema by a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message} (`{rule}`)", .field.as_ref().map(|field| format!("`{field}`: ")).unwrap_or_default())]
#[non_exhaustive]
#[cfg_attr(not(feature = "schema"), expect(unreachable_pub, reason = "the module `schema` shows it"))]
pub struct Violation {
    /// The path in the record: `address.lines[2]`; empty for the record as a whole.
    ///
    /// The server reports only its last part (`lines`, `[2]`).
    pub field: Option<String>,
    /// The keyword of the schema that is violated: `required`, `type`, `maxLength`, … If no alternative fits, the
    /// server reports `anyOf` and `oneOf` alike; the keyword is `anyOf or oneOf` then.
    pub rule: String,
    /// The description of the violation.
    pub message: String,
}

impl Violation {
    /// Reads the violation from the `details` of a response, if it has one.
    pub(crate) fn read(details: &Value) -> Option<Self> {
        let detail = details.get(0).filter(|detail| detail.get("location").is_some_and(|at| at == "body"))?;
        // The server's messages about an invalid schema have the same form. The `schema` field of a record is
        // never checked.
        let name = detail.get("name").filter(|name| *name != "data.schema" && *name != "schema")?;
        let message = detail.get("description")?.as_str()?;
        let (rule, named) = rule(message)?;
        // For a missing field, the server names the last one of the required fields; for a field that is not
        // allowed, it names the keyword or the containing object.
        let field = match name {
            _ if named.is_some() => named.map(str::to_owned),
            // The keyword is missing where the schema of the field is `false`.
            _ if rule == "false" => None,
            Value::String(name) if name != rule => Some(name.clone()),
            Value::Number(index) => Some(format!("[{index}]")),
            _ => None,
        };
        Some(Self { field, rule: rule.to_owned(), message: message.to_owned() })
    }
}

/// Returns the violated keyword for a message of the server's validator (Python's jsonschema), and the field if
/// the message names it.
///
/// All messages begin with the offending value, which may contain any text, so that only their ends are
/// compared.
fn rule(message: &str) -> Option<(&'static str, Option<&str>)> {
    if let Some(name) = message.strip_suffix(" is a required property") {
        return Some(("required", unquoted(name)));
    }
    if let Some(names) = message.strip_prefix("Additional properties are not allowed (") {
        return Some(("additionalProperties", first_quoted(names)));
    }
    let size = |items, properties, text| match message.chars().next() {
        Some('[') => items,
        Some('{') => properties,
        _ => text,
    };
    let ends = |end: &str| message.ends_with(end);
    let says = |words: &str| message.contains(words);
    let rule = match () {
        () if message.starts_with("Additional items are not allowed (") => "additionalItems",
        () if message.starts_with("False schema does not allow ") => "false",
        () if ends(" is too short") || ends(" should be non-empty") => size("minItems", "minProperties", "minLength"),
        () if ends(" is too long") || ends(" is expected to be empty") => {
            size("maxItems", "maxProperties", "maxLength")
        }
        () if ends(" does not have enough properties") => "minProperties",
        () if ends(" has too many properties") => "maxProperties",
        () if ends(" has non-unique elements") => "uniqueItems",
        () if ends(" was expected") => "const",
        () if ends(" is not valid under any of the given schemas") => "anyOf or oneOf",
        () if ends(" are valid under the given schema") || says(" does not contain items matching ") => "contains",
        () if says(" is not of type '") => "type",
        () if says(" is not one of [") => "enum",
        () if says(" does not match any of the regexes: ") || says(" do not match any of the regexes: ") => {
            return Some(("additionalProperties", first_quoted(message)));
        }
        () if says(" does not match '") || says(" does not match \"") => "pattern",
        () if says(" is less than the minimum of ") => "minimum",
        () if says(" is less than or equal to the minimum of ") => "exclusiveMinimum",
        () if says(" is greater than the maximum of ") => "maximum",
        () if says(" is greater than or equal to the maximum of ") => "exclusiveMaximum",
        () if says(" is not a multiple of ") => "multipleOf",
        () if says(" is a dependency of ") => return Some(("dependencies", first_quoted(message))),
        () if says(" should not be valid under ") => "not",
        () if says(" is valid under each of ") => "oneOf",
        () => return None,
    };
    Some((rule, None))
}

/// Returns the text between quotes in Python's notation.
fn unquoted(text: &str) -> Option<&str> {
    let quoted = |quote| text.strip_prefix(quote)?.strip_suffix(quote);
    quoted('\'').or_else(|| quoted('"'))
}

fn first_quoted(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    text.get(1..)?.split(quote).next()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(name: &Value, description: &str) -> Option<(Option<String>, String)> {
        let details = json!([{"location": "body", "name": name, "description": description}]);
        Violation::read(&details).map(|violation| (violation.field, violation.rule))
    }

    #[track_caller]
    fn assert_reads(name: impl Into<Value>, description: &str, field: Option<&str>, rule: &str) {
        assert_eq!(read(&name.into(), description), Some((field.map(str::to_owned), rule.to_owned())));
    }

    #[test]
    fn violation_parses_field_and_keyword() {
        assert_reads("place", "'title' is a required property", Some("title"), "required");
        assert_reads("place", "\"it's\" is a required property", Some("it's"), "required");
        assert_reads("title", "3 is not of type 'string'", Some("title"), "type");
        assert_reads("title", "3 is not of type 'string', 'null'", Some("title"), "type");
        assert_reads(1, "3 is not of type 'string'", Some("[1]"), "type");
        assert_reads("title", "'a' is too short", Some("title"), "minLength");
        assert_reads("tags", "['a'] is too short", Some("tags"), "minItems");
        assert_reads("tags", "[] should be non-empty", Some("tags"), "minItems");
        assert_reads("map", "{} should be non-empty", Some("map"), "minProperties");
        assert_reads("k", "'z' is not one of ['a', 'b']", Some("k"), "enum");
        let extra = "Additional properties are not allowed ('x', 'y' were unexpected)";
        assert_reads("additionalProperties", extra, Some("x"), "additionalProperties");
        assert_reads("place", extra, Some("x"), "additionalProperties");
        assert_reads("n", "1 is less than or equal to the minimum of 3", Some("n"), "exclusiveMinimum");
        assert_reads("o", "3 is not valid under any of the given schemas", Some("o"), "anyOf or oneOf");
        assert_reads("properties", "False schema does not allow 1", None, "false");
        assert_reads("not", "{'x': 1} should not be valid under {}", None, "not");
        assert_reads(
            json!({"type": "null"}),
            "{'a': 1} is not valid under any of the given schemas",
            None,
            "anyOf or oneOf",
        );
    }

    #[test]
    fn violation_ignores_message_text_inside_value() {
        let long = "'x is a required property, was expected' is too long";
        assert_reads("title", long, Some("title"), "maxLength");
    }

    #[test]
    fn violation_is_none_for_other_refusals() {
        assert_eq!(read(&"permissions".into(), "\"reed\" is not one of read, write"), None);
        assert_eq!(read(&"data.schema".into(), "minimum'x' is not of type 'number'"), None);
        assert_eq!(read(&"schema".into(), "type'strin' is not valid under any of the given schemas"), None);
        assert_eq!(read(&"id".into(), "Object id does not match existing object"), None);
        assert_eq!(Violation::read(&json!({"existing": {}})), None);
        assert_eq!(
            Violation::read(&json!([{"location": "querystring", "name": "a", "description": "1 was expected"}])),
            None
        );
    }
}
