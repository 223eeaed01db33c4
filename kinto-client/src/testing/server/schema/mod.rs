//! JSON Schemas of collections and buckets.

use serde_json::{Map, Value};

#[cfg(feature = "schema")]
use super::database::Kind;
#[cfg(feature = "schema")]
mod order;
#[cfg(feature = "schema")]
mod words;

use super::{Bound, Server, answer::Outcome, object::Context};

/// Checks a schema as draft 7 has it, whatever it says that it is.
#[cfg(feature = "schema")]
pub(super) fn check(schema: &Map<String, Value>) -> Result<(), String> {
    jsonschema::draft7::meta::validate(&Value::Object(schema.clone())).map_err(|error| {
        // Python puts the last part of the place before the message.
        let place = error.instance_path().to_string();
        let message = error
            .to_string()
            .replace('"', "'")
            .replace("any of the schemas listed in the 'anyOf' keyword", "any of the given schemas")
            .replace("is not of types", "is not of type")
            .replace("true is", "True is")
            .replace("false is", "False is");
        format!("{}{message}", place.rsplit('/').next().unwrap_or_default())
    })
}

/// Without the feature `schema`, schemas are stored as they are.
#[cfg(not(feature = "schema"))]
#[allow(clippy::unnecessary_wraps, reason = "with the feature it fails")]
pub(super) fn check(_schema: &Map<String, Value>) -> Result<(), String> {
    Ok(())
}

#[cfg(not(feature = "schema"))]
#[allow(clippy::unnecessary_wraps, clippy::unused_self, reason = "with the feature it fails, and reads the server")]
impl Server {
    pub(super) fn validate(&mut self, _: &Context<'_>, _: &mut Map<String, Value>, _: &mut Bound) -> Outcome<()> {
        Ok(())
    }
}

#[cfg(feature = "schema")]
impl Server {
    /// Checks an object against the schemas of its collection and its bucket, and stamps a record that was checked.
    pub(super) fn validate(
        &mut self,
        context: &Context<'_>,
        data: &mut Map<String, Value>,
        bound: &mut Bound,
    ) -> Outcome<()> {
        use super::{answer::missing_object, object::whole};

        let place = context.place;
        if !self.settings.schema || !matches!(place.kind, Kind::Collection | Kind::Group | Kind::Record) {
            return Ok(());
        }
        if place.kind == Kind::Record
            && let Some(collection) = bound.collections.get(place.parent())
            && let Some(Value::Object(schema)) = collection.get("schema")
        {
            Self::fits(data, schema, place.kind)?;
            let stamp = collection.get("last_modified").cloned().unwrap_or_default();
            data.insert("schema".to_owned(), stamp);
        }
        let Some(id) = &place.bucket else { return Ok(()) };
        let uri = format!("/buckets/{id}");
        if !bound.buckets.contains_key(&uri) {
            let row = self.database.get(&(String::new(), Kind::Bucket), id);
            let bucket = row.map(|row| whole(id, row)).ok_or_else(|| missing_object(111, "bucket", id))?;
            bound.buckets.insert(uri.clone(), bucket);
        }
        match bound.buckets.get(&uri).and_then(|bucket| bucket.get(&format!("{}:schema", place.kind.name()))) {
            Some(Value::Object(schema)) => Self::fits(data, schema, place.kind),
            _ => Ok(()),
        }
    }

    fn fits(data: &Map<String, Value>, schema: &Map<String, Value>, kind: Kind) -> Outcome<()> {
        use super::answer::{Invalid, invalid, refused_later, server_error};

        let whole = Value::Object(schema.clone());
        if !jsonschema::meta::is_valid(&whole) {
            return Err(server_error());
        }
        let left_out = if kind == Kind::Record { crate::schema::OF_RECORDS } else { crate::schema::OF_OTHERS };
        let found = |lost: bool| {
            let mut schema = whole.clone();
            replace_lost(&mut schema, &whole, &Value::Bool(lost));
            let compiled = crate::schema::Schema::leaving_out(&schema, left_out).map_err(|_| server_error())?;
            Ok(compiled.sorted_violations(data.clone(), |errors| errors.sort_by_cached_key(order::of)))
        };
        // Python fails at a reference that leads nowhere once it follows it.
        let violations = found(true)?;
        if violations != found(false)? {
            let description = "PointerToNowhere: a reference does not exist within the schema";
            return Err(invalid("body", Some("schema"), description));
        }
        let Some(violation) = violations.into_iter().next() else { return Ok(()) };
        let field = violation.field.as_deref().unwrap_or_default();
        // These are about an object, and name what is missing or too much in it.
        let names_member = matches!(violation.rule.as_str(), "required" | "additionalProperties" | "dependentRequired");
        let path = if names_member { field.rsplit_once('.').map_or("", |(parent, _)| parent) } else { field };
        let last = path.rsplit('.').next().unwrap_or(path);
        let name = match (last, schema.get(&violation.rule)) {
            ("", Some(Value::Array(values))) => values.last().cloned().unwrap_or_default(),
            ("", Some(Value::String(text))) => text.chars().last().map(String::from).into(),
            ("", Some(value)) if super::filter::is_true(value) => return Err(server_error()),
            ("", _) => violation.rule.clone().into(),
            (last, _) => match last.strip_suffix(']').and_then(|last| last.rsplit('[').next()?.parse::<u64>().ok()) {
                Some(index) => index.into(),
                None => last.into(),
            },
        };
        let description = words::in_python(&violation.rule, &violation.message);
        Err(refused_later(Invalid { location: "body", name, description }))
    }
}

/// Replaces the schemas whose references lead nowhere.
#[cfg(feature = "schema")]
fn replace_lost(schema: &mut Value, whole: &Value, by: &Value) {
    let is_lost = |reference: &str| reference.strip_prefix('#').is_some_and(|pointer| whole.pointer(pointer).is_none());
    match schema {
        Value::Object(object) if object.get("$ref").and_then(Value::as_str).is_some_and(is_lost) => {
            *schema = by.clone();
        }
        Value::Object(object) => object.values_mut().for_each(|value| replace_lost(value, whole, by)),
        Value::Array(list) => list.iter_mut().for_each(|value| replace_lost(value, whole, by)),
        _ => {}
    }
}
