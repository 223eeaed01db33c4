use std::sync::Arc;

use schemars::JsonSchema;

use super::{check::CheckSchema, migrate::Migrate, schema::Schema, violations::FindInvalid};
use crate::handle::{Collection, typed::TypedCollection};
use crate::{
    operation::Call,
    wire::{object::RecordData, path::Check},
};

/// The schema of a collection (feature `schema`).
impl Collection {
    /// Returns this collection with a check of every record against `schema` before it is sent.
    ///
    /// It applies to `create_record`, `save_record`, `update_record`, `edit_record`, `overwrite_record`, and their
    /// bulk variants.
    ///
    /// Patches (`patch_record`) are checked by the server only, which alone knows the resulting record.
    #[must_use]
    pub fn with_schema_check(&self, schema: impl Into<Arc<Schema>>) -> Self {
        self.checked_by(schema.into())
    }

    fn checked_by(&self, check: Arc<dyn Check>) -> Self {
        self.client.expect_schema(&self.place);
        Self::new(&self.client, self.place.checked_by(check))
    }

    /// Finds the records that do not fit `schema`; use it before the collection gets the schema, which by itself
    /// neither changes nor checks any record.
    ///
    /// The records are counted, and the first 100 are listed; `.list_at_most(…)` lists more, and `.stream()`
    /// returns all of them as a stream. All records are read, with at most two pages in memory.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let todo = client.bucket("default").collection(kinto_server::unique("doc"));
    /// use kinto_client::{json, schema::Schema};
    ///
    /// todo.create_records([json!({"title": "Milk"}), json!({"title": 3})]).await?;
    /// let schema = Schema::new(&json!({"properties": {"title": {"type": "string"}}}))?;
    /// let report = todo.find_invalid(schema).await?;
    /// assert_eq!((report.checked, report.count), (2, 1));
    /// assert_eq!(report.listed[0].violations[0].rule, "type");
    /// # Ok(()) }
    /// ```
    pub fn find_invalid(&self, schema: impl Into<Arc<Schema>>) -> Call<'static, FindInvalid> {
        Call::new(&self.client, FindInvalid::new(self.place.clone(), Ok(schema.into())))
    }

    /// Compares the schema of the collection on the server with that of a type.
    ///
    /// # Errors
    ///
    /// [`Error::is_not_found`](crate::Error::is_not_found) if the collection does not exist.
    pub fn check_schema<T: JsonSchema>(&self) -> Call<'static, CheckSchema<T>> {
        Call::new(&self.client, CheckSchema::new(self.place.clone()))
    }

    /// Rewrites all records as a new type. It can be repeated: records in the new form are skipped.
    ///
    /// Set the new schema on the collection first, and then run the migration.
    ///
    /// A record decides its form itself. A type fits it exactly if all that the type writes for it is there already. A
    /// record that fits one of the two types exactly is in that form; one that fits both is in the form of the type that
    /// knows more of its fields. If neither decides, as for two types with the same fields, the server's stamp does: a
    /// record that the server has checked since the collection got the new schema is in the new form. The stamp is not
    /// needed if the types differ in a field that is always written.
    ///
    /// The records are read in the order of their last changes, so that records that others write meanwhile are read,
    /// too. If the migration is stopped, at whatever point, the next run continues there, and no record is rewritten
    /// twice. [`dry_run`](Call::dry_run) reports what a migration would do. There is no [`preview`](Call::preview),
    /// since the writes depend on the records that were read.
    ///
    /// Fields that only `Old` knows are removed; fields that neither type knows are kept. A record that another
    /// client changes in the meantime is read and rewritten again.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let todo = client.bucket("default").collection(kinto_server::unique("doc"));
    /// use kinto_client::{KintoRecord, json, schema::{JsonSchema, self}};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize, KintoRecord)]
    /// struct TodoV1 {
    ///     title: String,
    ///     done: bool,
    /// }
    ///
    /// #[derive(Serialize, Deserialize, KintoRecord, JsonSchema)]
    /// # #[schemars(crate = "kinto_client::schema::schemars")]
    /// struct Todo {
    ///     title: String,
    ///     percent: u8,
    /// }
    ///
    /// # todo.create_record(TodoV1 { title: "Milk".into(), done: true }).await?;
    /// todo.patch(json!({"schema": schema::of::<Todo>()})).await?;
    /// let migrated = todo
    ///     .migrate(|old: TodoV1| Todo { title: old.title, percent: if old.done { 100 } else { 0 } })
    ///     .on_progress(|progress| println!("{} of {}", progress.rewritten, progress.total))
    ///     .await?;
    /// assert!(migrated.is_complete());
    /// # assert_eq!(migrated.rewritten, 1);
    /// # assert_eq!(todo.get_records::<Todo>().await?[0].data.percent, 100);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid`](crate::Error::is_invalid) if the collection does not have the schema of `New`,
    /// [`Error::is_unsupported`](crate::Error::is_unsupported) if the server does not check schemas. Records that
    /// decode as neither type, or that the server refuses in their new form, are no error: [`Migrated`] lists them.
    ///
    /// [`Migrated`]: crate::schema::Migrated
    pub fn migrate<'a, Old: RecordData, New: RecordData + JsonSchema>(
        &self,
        change: impl FnMut(Old) -> New + Send + 'a,
    ) -> Call<'a, Migrate<'a, Old, New>> {
        Call::new(&self.client, Migrate::new(self.place.clone(), change))
    }
}

/// The schema of a typed collection, which is that of its type (feature `schema`).
impl<T: RecordData + JsonSchema> TypedCollection<T> {
    /// Returns this collection with a check of every record against the schema of its type before it is sent:
    /// [`Collection::with_schema_check`].
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let client = kinto_client::Client::builder("http://localhost:8888/v1").build()?;
    /// use kinto_client::{KintoRecord, schema::JsonSchema};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Debug, Serialize, Deserialize, KintoRecord, JsonSchema)]
    /// # #[schemars(crate = "kinto_client::schema::schemars")]
    /// struct Todo {
    ///     #[schemars(length(min = 1, max = 80))]
    ///     title: String,
    /// }
    ///
    /// let todos = client.typed::<Todo>().with_schema_check();
    /// let error = todos.create_record(Todo { title: String::new() }).await.unwrap_err(); // not sent
    /// assert!(error.is_schema_violation() && error.is_invalid());
    /// assert_eq!((error.field(), error.schema_keyword()), (Some("title"), Some("minLength")));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_schema_check(&self) -> Self {
        Self::new(&self.untyped().checked_by(Arc::new(Schema::of::<T>())))
    }

    /// Finds the records that do not fit the schema of the type: [`Collection::find_invalid`].
    pub fn find_invalid(&self) -> Call<'static, FindInvalid> {
        let Collection { client, place, .. } = self.untyped();
        Call::new(client, FindInvalid::new(place.clone(), Schema::of::<T>().map(Arc::new)))
    }

    /// Compares the schema of the collection on the server with that of its type: [`Collection::check_schema`].
    pub fn check_schema(&self) -> Call<'static, CheckSchema<T>> {
        self.untyped().check_schema()
    }

    /// Rewrites all records that are in an old form: [`Collection::migrate`].
    pub fn migrate<'a, Old: RecordData>(
        &self,
        change: impl FnMut(Old) -> T + Send + 'a,
    ) -> Call<'a, Migrate<'a, Old, T>> {
        self.untyped().migrate(change)
    }
}
