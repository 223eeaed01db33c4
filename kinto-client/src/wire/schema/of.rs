use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;

/// What the server puts into every record, and never checks.
const STAMPS: [&str; 2] = ["last_modified", "schema"];

/// The JSON Schema of a type, as Kinto takes it for the records of a collection: draft 7, in one piece.
///
/// It says what the type *reads*: a field with `#[serde(default)]` need not be there. Documentation comments become
/// titles and descriptions; serde's attributes count, and so do those of [schemars](https://docs.rs/schemars), such as
/// `#[schemars(length(max = 80))]`.
///
/// A field `last_modified` or `schema` is left out: the server stamps both, and checks neither. A field `id` stays, and
/// the server checks it.
///
/// ```
/// use kinto_client::schema::{self, JsonSchema};
///
/// /// Something to do.
/// #[derive(JsonSchema)]
/// # #[schemars(crate = "kinto_client::schema::schemars")]
/// struct Todo {
///     #[schemars(length(min = 1))]
///     title: String,
///     /// Whether it is done.
///     #[serde(default)]
///     done: bool,
/// }
///
/// let schema = schema::of::<Todo>();
/// assert_eq!(schema["description"], "Something to do.");
/// assert_eq!(schema["properties"]["title"]["minLength"], 1);
/// assert_eq!(schema["properties"]["done"]["description"], "Whether it is done.");
/// assert_eq!(schema["required"], kinto_client::json!(["title"]));
/// ```
#[must_use]
pub fn of<T: JsonSchema + ?Sized>() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    for stamp in STAMPS {
        leave_out(&mut schema, stamp);
    }
    schema
}

fn leave_out(schema: &mut Value, name: &str) {
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.remove(name);
    }
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|required| required != name);
    }
}
