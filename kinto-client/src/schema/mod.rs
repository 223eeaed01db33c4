//! JSON Schemas of records: generating, comparing and checking them (feature `schema`).
//!
//! The server checks each record that is written against the schema of its collection, and never checks the
//! records that are stored already. [`of`] generates the schema of a type;
//! [`assert_schema!`](crate::assert_schema) detects a difference between the type and a committed file, and
//! [`check_schema`](crate::Collection::check_schema) one between the type and a server; [`compare`] tells which
//! effect a change has on records, [`find_invalid`](crate::Collection::find_invalid) lists the records it affects, and
//! [`migrate`](crate::Collection::migrate) rewrites them. [`with_schema_check`](crate::Collection::with_schema_check) rejects
//! invalid records before they are sent.
//!
//! ```
//! # #[tokio::main] async fn main() -> kinto_client::Result<()> {
//! # let server = kinto_server::Server::shared().expect("a server");
//! # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
//! # let bucket = client.bucket(kinto_server::unique("doc"));
//! # bucket.create().await?;
//! use kinto_client::{KintoRecord, json, schema::{JsonSchema, self}};
//! use serde::{Deserialize, Serialize};
//!
//! /// Something to do.
//! #[derive(Debug, Serialize, Deserialize, KintoRecord, JsonSchema)]
//! #[kinto(collection = "todo", sort = "-due", display_fields = ["title", "due"])]
//! # #[schemars(crate = "kinto_client::schema::schemars")]
//! struct Todo {
//!     /// What to do.
//!     #[schemars(length(min = 1, max = 80))]
//!     title: String,
//!     #[serde(default)]
//!     due: Option<u32>,
//! }
//!
//! let mut attributes = Todo::collection_attributes();
//! attributes.schema = Some(schema::of::<Todo>());
//! bucket.create_collection("todo").data(attributes).await?;
//!
//! let todos = bucket.collection("todo").typed::<Todo>();
//! assert!(todos.check_schema().await?.is_none());
//! let error = todos.create_record(Todo { title: String::new(), due: None }).await.unwrap_err();
//! assert_eq!((error.field(), error.schema_keyword()), (Some("title"), Some("minLength")));
//! let error = todos.untyped().create_record(json!({"due": 2038})).await.unwrap_err();
//! assert_eq!((error.field(), error.schema_keyword()), (Some("title"), Some("required")));
//! # Ok(()) }
//! ```
//!
//! To derive [`JsonSchema`], add `schemars` 1 to your dependencies, or use the re-exported one:
//! `#[schemars(crate = "kinto_client::schema::schemars")]`.

use std::{env, fmt::Write as _, fs, path::Path};

use serde_json::Value;

mod adapt;
mod alternatives;
pub(crate) mod check;
mod class;
#[cfg(feature = "schema")]
mod collection;
pub(crate) mod compare;
mod difference;
mod evolution;
mod form;
mod generate;
mod json_schema;
pub(crate) mod migrate;
mod pattern;
mod python;
mod report;
mod rewrite;
#[expect(clippy::module_inception, reason = "it holds the type `Schema`")]
mod schema;
mod since;
pub(crate) mod violations;

pub(crate) use difference::differences;

pub use compare::compare;
pub use difference::Difference;
pub use evolution::{Evolution, SchemaChange};
pub use generate::of;
pub use schema::Schema;
#[cfg(feature = "testing")]
pub(crate) use schema::{OF_OTHERS, OF_RECORDS};

pub use {check::CheckSchema, migrate::Migrate, violations::FindInvalid};

pub use crate::error::schema_violation::Violation;
pub use check::SchemaDrift;
pub use report::{Migrated, MigrationProgress};
pub use schemars::JsonSchema;
pub use violations::{InvalidRecord, InvalidRecords};
// Re-exported for `#[schemars(crate = "…")]`. The compiler shows this path for schemars in its messages
// otherwise.
#[doc(hidden)]
pub use schemars;

/// The environment variable that makes [`assert_schema!`](crate::assert_schema) overwrite the files.
const OVERWRITE: &str = "KINTO_SCHEMA";

/// Asserts that the schema of a type equals the one in a file, and panics with the difference.
///
/// Use it in tests: the committed file shows reviewers which effect a change of the type has on records. The
/// path is relative to the folder of your `Cargo.toml`. With `KINTO_SCHEMA=overwrite` in the environment, the
/// file is overwritten.
///
/// ```no_run
/// # use kinto_client::schema::JsonSchema;
/// # #[derive(JsonSchema)]
/// # #[schemars(crate = "kinto_client::schema::schemars")]
/// # struct Todo { title: String }
/// #[test]
/// fn schema_of_todo() {
///     kinto_client::assert_schema!(Todo, "schemas/todo.json");
/// }
/// ```
#[macro_export]
macro_rules! assert_schema {
    ($type:ty, $path:expr $(,)?) => {
        $crate::schema::__assert::<$type>(
            ::core::stringify!($type),
            ::core::env!("CARGO_MANIFEST_DIR"),
            ::core::convert::AsRef::<::std::path::Path>::as_ref($path),
        )
    };
}

#[doc(hidden)]
#[track_caller]
#[expect(clippy::panic, reason = "that is how a test fails")]
pub fn __assert<T: JsonSchema + ?Sized>(name: &str, folder: &str, path: &Path) {
    let asked = env::var(OVERWRITE).ok();
    if let Err(complaint) = same(name, &Path::new(folder).join(path), path, &of::<T>(), asked.as_deref()) {
        panic!("{complaint}");
    }
}

fn same(name: &str, file: &Path, shown: &Path, schema: &Value, asked: Option<&str>) -> Result<(), String> {
    let shown = shown.display();
    if asked.is_some_and(|asked| asked != "overwrite") {
        return Err(format!("{OVERWRITE} must be `overwrite` or unset"));
    }
    if asked.is_some() {
        let folder = file.parent().map_or(Ok(()), fs::create_dir_all);
        let written = folder.and_then(|()| fs::write(file, format!("{schema:#}\n")));
        return written.map_err(|error| format!("{shown} cannot be written: {error}"));
    }
    let hint = format!("{OVERWRITE}=overwrite in the environment of the test writes the file");
    let text = fs::read_to_string(file).map_err(|error| format!("{shown} cannot be read: {error}\n{hint}."))?;
    let stored: Value = serde_json::from_str(&text).map_err(|error| format!("{shown} is not JSON: {error}"))?;
    let differences = differences(Some(&stored), schema);
    if differences.is_empty() {
        return Ok(());
    }
    let mut complaint = format!("the schema of `{name}` (+) is not the one in {shown} (-):\n\n");
    for difference in &differences {
        let _ = writeln!(complaint, "{difference}");
    }
    let evolution = compare(&stored, schema);
    let _ = write!(complaint, "\nThe effect on existing records is:\n\n{evolution}\n\n{hint}.");
    Err(complaint)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn assert_schema_writes_file_when_overwriting_and_compares_otherwise() {
        let folder = env::temp_dir().join(format!("kinto-client-{}", std::process::id()));
        let (file, shown) = (folder.join("schemas/todo.json"), Path::new("schemas/todo.json"));
        let schema = json!({"required": ["title"], "properties": {"title": {"maxLength": 80}}});
        let same = |schema: &Value, asked| same("Todo", &file, shown, schema, asked);

        let missing = same(&schema, None).unwrap_err();
        assert!(missing.starts_with("schemas/todo.json cannot be read: "), "{missing}");
        assert!(
            missing.ends_with("\nKINTO_SCHEMA=overwrite in the environment of the test writes the file."),
            "{missing}"
        );
        assert_eq!(same(&schema, Some("1")).unwrap_err(), "KINTO_SCHEMA must be `overwrite` or unset");
        assert_eq!(same(&schema, Some("overwrite")), Ok(()));
        assert_eq!(same(&schema, None), Ok(()));

        let longer = json!({"required": ["title", "due"], "properties": {"title": {"maxLength": 100}, "due": {}}});
        assert_eq!(
            same(&longer, None).unwrap_err(),
            "the schema of `Todo` (+) is not the one in schemas/todo.json (-):\n\n\
             /properties/due\n  + {}\n\
             /properties/title/maxLength\n  - 80\n  + 100\n\
             /required\n  - [\"title\"]\n  + [\"title\",\"due\"]\n\n\
             The effect on existing records is:\n\n\
             due: BREAKING: new, and required\n\
             title: `maxLength` is now 100\n\n\
             KINTO_SCHEMA=overwrite in the environment of the test writes the file."
        );
        fs::remove_dir_all(folder).unwrap();
    }
}
