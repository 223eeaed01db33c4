//! JSON Schemas of records: made from types, compared, checked (feature `schema`).
//!
//! The schema of a collection is checked by the server with each record that is written, and by nobody with those that are
//! there already. [`of`] makes it from a type; [`assert_schema!`](crate::assert_schema) notices when the type and a
//! committed file drift apart, and [`check_schema`](crate::Collection::check_schema) when it and a server do;
//! [`compare`] tells what a change means, [`misfits`](crate::Collection::misfits) which records it concerns, and
//! [`migrate`](crate::Collection::migrate) rewrites them. [`checked`](crate::Collection::checked) refuses wrong records
//! before they are sent.
//!
//! ```
//! # #[tokio::main] async fn main() -> kinto_client::Result<()> {
//! # let server = kinto_server::Server::shared().expect("a server");
//! # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
//! # let bucket = client.bucket(kinto_server::unique("doc"));
//! # bucket.create().await?;
//! use kinto_client::{KintoRecord, json, schema::{self, JsonSchema}};
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
//! assert_eq!((error.field(), error.rule()), (Some("title"), Some("minLength")));
//! let error = todos.untyped().create_record(json!({"due": 2038})).await.unwrap_err();
//! assert_eq!((error.field(), error.rule()), (Some("title"), Some("required")));
//! # Ok(()) }
//! ```
//!
//! To derive [`JsonSchema`], have `schemars` 1 among your dependencies, or name the one that is here:
//! `#[schemars(crate = "kinto_client::schema::schemars")]`.

use std::{env, fmt::Write as _, fs, path::Path};

use serde_json::Value;

pub use crate::{
    call::schema::{
        drift::Drift,
        report::{Migrated, MigrationProgress},
        violations::{Misfit, Misfits},
    },
    wire::{
        schema::{Difference, Evolution, Schema, SchemaChange, compare, of},
        violation::Violation,
    },
};
pub use schemars::JsonSchema;
// For `#[schemars(crate = "…")]`. The compiler would otherwise call its own dependencies by this path, in messages.
#[doc(hidden)]
pub use schemars;

/// With this in the environment, [`assert_schema!`](crate::assert_schema) writes the files anew.
const OVERWRITE: &str = "KINTO_SCHEMA";

/// Fails if the schema of a type is not the one in a file, and shows the difference.
///
/// It is for tests: the file, which is committed, tells those who review a change what it means for the records. The path is
/// that of the file below the folder of your `Cargo.toml`. With `KINTO_SCHEMA=overwrite` in the environment the file is
/// written anew.
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
        return Err(format!("{OVERWRITE} can be `overwrite`, or not there at all"));
    }
    if asked.is_some() {
        let folder = file.parent().map_or(Ok(()), fs::create_dir_all);
        let written = folder.and_then(|()| fs::write(file, format!("{schema:#}\n")));
        return written.map_err(|error| format!("{shown} cannot be written: {error}"));
    }
    let hint = format!("{OVERWRITE}=overwrite in the environment of the test writes it");
    let text = fs::read_to_string(file).map_err(|error| format!("{shown} cannot be read: {error}\n{hint}."))?;
    let stored: Value = serde_json::from_str(&text).map_err(|error| format!("{shown} is not JSON: {error}"))?;
    let differences = crate::wire::schema::differences(Some(&stored), schema);
    if differences.is_empty() {
        return Ok(());
    }
    let mut complaint = format!("the schema of `{name}` (+) is not the one in {shown} (-):\n\n");
    for difference in &differences {
        let _ = writeln!(complaint, "{difference}");
    }
    let evolution = compare(&stored, schema);
    let _ = write!(complaint, "\nFor the records that are there already it means:\n\n{evolution}\n\n{hint} anew.");
    Err(complaint)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_file_is_written_when_asked_for_and_then_compared() {
        let folder = env::temp_dir().join(format!("kinto-client-{}", std::process::id()));
        let (file, shown) = (folder.join("schemas/todo.json"), Path::new("schemas/todo.json"));
        let schema = json!({"required": ["title"], "properties": {"title": {"maxLength": 80}}});
        let same = |schema: &Value, asked| same("Todo", &file, shown, schema, asked);

        let missing = same(&schema, None).unwrap_err();
        assert!(missing.starts_with("schemas/todo.json cannot be read: "), "{missing}");
        assert!(missing.ends_with("\nKINTO_SCHEMA=overwrite in the environment of the test writes it."), "{missing}");
        assert_eq!(same(&schema, Some("1")).unwrap_err(), "KINTO_SCHEMA can be `overwrite`, or not there at all");
        assert_eq!(same(&schema, Some("overwrite")), Ok(()));
        assert_eq!(same(&schema, None), Ok(()));

        let longer = json!({"required": ["title", "due"], "properties": {"title": {"maxLength": 100}, "due": {}}});
        assert_eq!(
            same(&longer, None).unwrap_err(),
            "the schema of `Todo` (+) is not the one in schemas/todo.json (-):\n\n\
             /properties/due\n  + {}\n\
             /properties/title/maxLength\n  - 80\n  + 100\n\
             /required\n  - [\"title\"]\n  + [\"title\",\"due\"]\n\n\
             For the records that are there already it means:\n\n\
             due: BREAKING: new, and required\n\
             title: `maxLength` is now 100\n\n\
             KINTO_SCHEMA=overwrite in the environment of the test writes it anew."
        );
        fs::remove_dir_all(folder).unwrap();
    }
}
