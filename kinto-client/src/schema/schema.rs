use std::fmt;

use jsonschema::{ValidationError, Validator};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{adapt::Patterns, generate::of, python};
use crate::{
    error::{Error, Result, schema_violation::Violation},
    json::encode,
    wire::path::Check,
};

/// A JSON Schema that checks records as the server would.
///
/// ```
/// use kinto_client::{json, schema::Schema};
///
/// let schema = Schema::new(&json!({
///     "$schema": "http://json-schema.org/draft-07/schema#",
///     "required": ["title"],
///     "properties": {"title": {"maxLength": 5}},
/// }))?;
/// schema.check(&json!({"title": "Milk"}))?;
///
/// let error = schema.check(&json!({"title": "Oat milk"})).unwrap_err();
/// assert_eq!((error.field(), error.schema_keyword()), (Some("title"), Some("maxLength")));
/// # Ok::<(), kinto_client::Error>(())
/// ```
///
/// The server's rules that other validators do not share are kept: `format` and `contentEncoding` are not checked,
/// `last_modified` and `schema` are left out of the record and of `required`, and so is `id` unless it is among the
/// `properties`. A schema that names no `$schema` is read as draft 2020-12. Regular expressions are those of Python; what
/// cannot be checked here is left to the server ([`patterns_left_to_server`](Self::patterns_left_to_server)). A `$ref` to
/// another document is an error.
pub struct Schema {
    json: Value,
    validator: Validator,
    patterns: Patterns,
    has_id: bool,
    left_out: &'static [&'static str],
}

/// The fields that the server removes from a record, and from `required`, before it validates.
pub(crate) const OF_RECORDS: &[&str] = &["last_modified", "schema", "__permissions__"];

/// The fields that it removes from buckets, collections and groups.
#[cfg(feature = "testing")]
pub(crate) const OF_OTHERS: &[&str] = &["last_modified", "__permissions__"];

impl Schema {
    /// Creates a schema from the `schema` attribute of a collection.
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid`](crate::Error::is_invalid) if it is no valid schema, or refers to another document.
    pub fn new(schema: &Value) -> Result<Self> {
        Self::leaving_out(schema, OF_RECORDS)
    }

    /// Creates a schema of objects of which the server leaves these fields out.
    pub(crate) fn leaving_out(schema: &Value, left_out: &'static [&'static str]) -> Result<Self> {
        let wrong = |reason: &dyn fmt::Display| Error::invalid(format!("this is no JSON Schema: {reason}"));
        let Some(object) = schema.as_object() else {
            return Err(wrong(&format_args!("{} is not an object", encode::name_of(schema))));
        };
        let has_id = object.get("properties").is_some_and(|properties| properties.get("id").is_some());
        let mut effective = schema.clone();
        if let Some(required) = effective.get_mut("required").and_then(Value::as_array_mut) {
            required.retain(|name| !is_left_out(name.as_str().unwrap_or_default(), has_id, left_out));
        }
        let patterns = Patterns::of(&mut effective).map_err(|error| wrong(&error))?;
        let validator = python::options(&effective).build(&effective).map_err(|error| wrong(&error))?;
        Ok(Self { json: schema.clone(), validator, patterns, has_id, left_out })
    }

    /// Creates the schema of a type: [`of`](super::of).
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid`](crate::Error::is_invalid) if it is no valid schema, for example with a wrong regular
    /// expression.
    pub fn of<T: JsonSchema + ?Sized>() -> Result<Self> {
        Self::new(&of::<T>())
    }

    /// Returns the schema as it was given.
    #[must_use]
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// Returns the patterns that only the server can check, because only Python gives them their exact
    /// meaning: with backreferences, conditions, atomic groups, possessive repetitions, look-behind of more than
    /// characters, or other than ASCII letters where case is ignored. A record that breaks one of these is refused by the
    /// server.
    ///
    /// ```
    /// use kinto_client::{json, schema::Schema};
    ///
    /// let schema = Schema::new(&json!({"properties": {"code": {"pattern": r"^(.)\1$", "maxLength": 2}}}))?;
    /// assert_eq!(schema.patterns_left_to_server(), [r"^(.)\1$"]);
    /// assert!(schema.check(&json!({"code": "ab"})).is_ok(), "the server will say");
    /// assert!(schema.check(&json!({"code": "abc"})).is_err());
    /// # Ok::<(), kinto_client::Error>(())
    /// ```
    #[must_use]
    pub fn patterns_left_to_server(&self) -> &[String] {
        &self.patterns.left
    }

    /// Checks the data of a record.
    ///
    /// # Errors
    ///
    /// [`Error::is_schema_violation`](crate::Error::is_schema_violation) if it does not fit; if there are several
    /// violations, [`field`](crate::Error::field) and [`schema_keyword`](crate::Error::schema_keyword) have the first.
    pub fn check<T: Serialize + ?Sized>(&self, data: &T) -> Result<()> {
        fits(&self.violations(data)?)
    }

    /// Returns all violations of the schema by the data of a record.
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid`](crate::Error::is_invalid) if `data` is no JSON object that Kinto could store.
    pub fn violations<T: Serialize + ?Sized>(&self, data: &T) -> Result<Vec<Violation>> {
        Ok(self.violations_of(encode::object(data)?))
    }

    pub(crate) fn violations_of(&self, data: Map<String, Value>) -> Vec<Violation> {
        self.sorted_violations(data, |_| {})
    }

    /// Returns the violations in the order that `sort` gives them.
    pub(crate) fn sorted_violations(
        &self,
        mut data: Map<String, Value>,
        sort: impl FnOnce(&mut Vec<ValidationError<'_>>),
    ) -> Vec<Violation> {
        data.retain(|name, _| !is_left_out(name, self.has_id, self.left_out));
        let data = Value::Object(data);
        let mut errors: Vec<_> = self.validator.iter_errors(&data).collect();
        sort(&mut errors);
        errors.iter().map(|error| python::violation(error, &data, &self.json, &self.patterns)).collect()
    }
}

impl Check for Schema {
    fn check(&self, id: Option<&str>, data: &[u8]) -> Result<()> {
        let mut data: Map<String, Value> =
            serde_json::from_slice(data).map_err(|error| Error::invalid(error.to_string()))?;
        data.extend(id.map(|id| ("id".to_owned(), id.into())));
        fits(&self.violations_of(data))
    }
}

/// Rejects every record if the schema itself is invalid.
impl Check for Result<Schema> {
    fn check(&self, id: Option<&str>, data: &[u8]) -> Result<()> {
        Check::check(self.as_ref().map_err(Clone::clone)?, id, data)
    }
}

fn fits(violations: &[Violation]) -> Result<()> {
    if violations.is_empty() { Ok(()) } else { Err(Error::violations(violations)) }
}

fn is_left_out(name: &str, has_id: bool, left_out: &[&str]) -> bool {
    left_out.contains(&name) || (name == "id" && !has_id)
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schema({})", self.json)
    }
}
