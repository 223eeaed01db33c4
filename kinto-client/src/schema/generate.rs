use schemars::{
    JsonSchema, Schema,
    generate::SchemaSettings,
    transform::{Transform, transform_subschemas},
};
use serde_json::{Value, json};

/// The fields that the server adds to every record and never checks.
const STAMPS: [&str; 2] = ["last_modified", "schema"];

/// Returns the JSON Schema of a type for the records of a collection, as draft 7 in one document.
///
/// It says what the type *reads*: a field with `#[serde(default)]` need not be there, and integers are within the bounds
/// of their type. Documentation comments become titles and descriptions; serde's attributes count, and so do those of
/// [schemars](https://docs.rs/schemars), such as `#[schemars(length(max = 80))]`.
///
/// Two of serde's attributes are unknown to schemars, so that for them the schema and the type differ:
///
/// - A field with an `alias` has only its name in the schema. A record that has a required field under its alias is refused.
///   Where the field need not be there, its alias is an unknown field to the server: it is accepted with any value, and beside the
///   name, and the type then fails to decode the record.
/// - A variant that is `other` has only its own name, and the names that it stands for are refused.
///
/// `#[schemars(transform = …)]` on the type says what it reads (for a variant, `#[schemars(schema_with = …)]` on the field):
///
/// ```
/// use kinto_client::{json, schema::{JsonSchema, self}};
/// use serde::Deserialize;
/// # use kinto_client::schema::schemars;
///
/// #[derive(Deserialize, JsonSchema)]
/// #[schemars(transform = either_name)]
/// # #[schemars(crate = "kinto_client::schema::schemars")]
/// struct Todo {
///     #[serde(alias = "name")]
///     title: String,
/// }
///
/// fn either_name(schema: &mut schemars::Schema) {
///     schema.remove("required");
///     schema.insert("oneOf".to_owned(), json!([{"required": ["title"]}, {"required": ["name"]}]));
///     if let Some(properties) = schema.get_mut("properties").and_then(|properties| properties.as_object_mut()) {
///         properties.insert("name".to_owned(), properties["title"].clone());
///     }
/// }
///
/// let checked = schema::Schema::of::<Todo>()?;
/// assert!(checked.check(&json!({"name": "Milk"})).is_ok());
/// assert!(checked.check(&json!({"title": "Milk", "name": "Oat milk"})).is_err());
/// # Ok::<(), kinto_client::Error>(())
/// ```
///
/// To JSON Schema `3.0` is an integer; it is read as one.
///
/// A field `last_modified` or `schema` is left out: the server sets both, and checks neither. A field `id` is
/// kept, since the server checks it.
///
/// ```
/// use kinto_client::schema::{JsonSchema, self};
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
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true).with_transform(Bounded);
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    for stamp in STAMPS {
        leave_out(&mut schema, stamp);
    }
    schema
}

/// Leaves a field out of an object, also where only some of its forms have it.
fn leave_out(schema: &mut Value, name: &str) {
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.remove(name);
    }
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|required| required != name);
    }
    for keyword in ["allOf", "anyOf", "oneOf", "if", "then", "else"] {
        match schema.get_mut(keyword) {
            Some(Value::Array(forms)) => forms.iter_mut().for_each(|form| leave_out(form, name)),
            Some(form) => leave_out(form, name),
            None => {}
        }
    }
}

/// Bounds integers by what their type holds. Those of 128 bits are read as far as 64 reach.
#[derive(Clone)]
struct Bounded;

impl Transform for Bounded {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let (least, greatest) = match schema.get("format").and_then(Value::as_str) {
            Some("int8") => (json!(i8::MIN), json!(i8::MAX)),
            Some("uint8") => (json!(u8::MIN), json!(u8::MAX)),
            Some("int16") => (json!(i16::MIN), json!(i16::MAX)),
            Some("uint16") => (json!(u16::MIN), json!(u16::MAX)),
            Some("int32") => (json!(i32::MIN), json!(i32::MAX)),
            Some("uint32") => (json!(u32::MIN), json!(u32::MAX)),
            Some("int64") => (json!(i64::MIN), json!(i64::MAX)),
            Some("uint64" | "uint128") => (json!(u64::MIN), json!(u64::MAX)),
            Some("int") => (json!(isize::MIN), json!(isize::MAX)),
            Some("uint") => (json!(usize::MIN), json!(usize::MAX)),
            Some("int128") => (json!(i64::MIN), json!(u64::MAX)),
            _ => return,
        };
        let is_integer = |kind: &Value| kind == "integer";
        let kind = schema.get("type");
        if !kind.is_some_and(|kind| is_integer(kind) || kind.as_array().is_some_and(|all| all.iter().any(is_integer))) {
            return;
        }
        // Narrower ones were asked for.
        for (keyword, narrower, bound) in
            [("minimum", "exclusiveMinimum", least), ("maximum", "exclusiveMaximum", greatest)]
        {
            if schema.get(keyword).is_none() && schema.get(narrower).is_none() {
                schema.insert(keyword.to_owned(), bound);
            }
        }
    }
}
