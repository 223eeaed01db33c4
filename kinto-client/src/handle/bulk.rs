//! Many records in few requests.

use super::Collection;
use crate::{
    operation::{
        Call, CallContext,
        batch::bulk::Bulk,
        create::{Create, NewIds},
        delete::{Delete, DeleteTarget},
        save::Save,
    },
    wire::object::{Record, RecordData, kind},
};

/// Many records at once.
impl Collection {
    /// Creates many records, each as [`create_record`](Self::create_record) does, in as few requests as the server
    /// allows.
    ///
    /// Options: [`each`](crate::Call::each), [`stop_on_error`](crate::Call::stop_on_error),
    /// [`max_bytes`](crate::Call::max_bytes), [`on_progress`](crate::Call::on_progress).
    ///
    /// # Errors
    ///
    /// [`Error::is_partial`](crate::Error::is_partial) if some could not be created, while the others were. Use
    /// `.each()` to get a result for each instead.
    pub fn create_records<T: RecordData>(
        &self,
        data: impl IntoIterator<Item = T>,
    ) -> Call<'static, Bulk<'static, Create<kind::Record, T>>> {
        let records = self.records_of::<T>();
        let context = CallContext::new("create records in", &self.place);
        let mut ids = NewIds::default();
        let creates = data.into_iter().map(|data| Create::with_new_id(records.clone(), data, ids.one())).collect();
        Call::new(&self.client, Bulk::new(context, creates))
    }

    /// Saves the changes of many records that were read, each as [`save_record`](Self::save_record) does, in as
    /// few requests as the server allows.
    ///
    /// Unchanged records are not sent.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let todo = client.bucket("default").collection(kinto_server::unique("doc"));
    /// # todo.create_records((0..3).map(|i| kinto_client::json!({"title": format!("Todo #{i}")}))).await?;
    /// use kinto_client::Value;
    ///
    /// let mut records = todo.get_records::<Value>().await?;
    /// for record in &mut records {
    ///     record.data["done"] = true.into();
    /// }
    /// todo.save_records(&mut records).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// Options: [`each`](crate::Call::each), [`stop_on_error`](crate::Call::stop_on_error),
    /// [`max_bytes`](crate::Call::max_bytes), [`on_progress`](crate::Call::on_progress).
    ///
    /// # Errors
    ///
    /// [`Error::is_partial`](crate::Error::is_partial) if some could not be saved, while the others were and have
    /// their new timestamps. Use `.each()` to get a result for each instead.
    pub fn save_records<'a, T: RecordData>(
        &self,
        records: impl IntoIterator<Item = &'a mut Record<T>>,
    ) -> Call<'a, Bulk<'a, Save<'a, kind::Record, T>>> {
        let list = self.records_of::<T>();
        let context = CallContext::new("save records in", &self.place);
        let saves = records.into_iter().map(|record| Save::new(list.at(record.id.as_str()), record)).collect();
        Call::new(&self.client, Bulk::new(context, saves))
    }

    /// Deletes many records: each by its id, or as a record that was read, unless it was changed since.
    ///
    /// Options: [`each`](crate::Call::each), [`stop_on_error`](crate::Call::stop_on_error),
    /// [`max_bytes`](crate::Call::max_bytes), [`on_progress`](crate::Call::on_progress).
    ///
    /// # Errors
    ///
    /// [`Error::is_partial`](crate::Error::is_partial) if some could not be deleted, while the others were. Use
    /// `.each()` to get a result for each instead.
    pub fn delete_records<R: Into<DeleteTarget<kind::Record>>>(
        &self,
        records: impl IntoIterator<Item = R>,
    ) -> Call<'static, Bulk<'static, Delete<kind::Record>>> {
        let list = self.place.records();
        let context = CallContext::new("delete records in", &self.place);
        let delete = |record: R| {
            let DeleteTarget { id, if_match, .. } = record.into();
            Delete::new(list.at(id), if_match)
        };
        Call::new(&self.client, Bulk::new(context, records.into_iter().map(delete).collect()))
    }
}
