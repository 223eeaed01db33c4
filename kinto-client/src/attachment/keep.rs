use http::Method;
use serde_json::{Value, value::RawValue};

use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    operation::{Call, CallContext, attempt, get::Get, overwrite::Overwrite, sealed, update},
    wire::{
        object::{Object, Record, RecordData, file_field, kind, permissions::PermissionSet as _},
        path::Place,
        preview::RequestPreview,
        request::{Precondition, Request, Write},
        request_path::RequestPath,
        response::Response,
    },
};

/// Replaces a record or creates it, and keeps the description of its file.
pub struct OverwriteKeepingAttachment<T>(Overwrite<kind::Record, T>);

impl<'a, T: RecordData> Call<'a, Overwrite<kind::Record, T>> {
    /// Reads the record first, and keeps the description of its file, if it has one, in place of that in the data. It is all
    /// done again if another client has changed the record in between.
    ///
    /// An overwrite without this drops the description of a file that the data does not have.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::builder().attachments().shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let bucket = client.bucket(kinto_server::unique("doc"));
    /// # bucket.create().await?;
    /// # let notes = bucket.collection("notes");
    /// # notes.create().await?;
    /// use kinto_client::json;
    ///
    /// notes.upload_attachment("list", "Milk").filename("list.txt").await?;
    /// let record = notes.overwrite_record("list", json!({"title": "To buy"})).keep_attachment().await?;
    /// assert_eq!(record.attachment()?.map(|file| file.filename).as_deref(), Some("list.txt"));
    /// # Ok(()) }
    /// ```
    pub fn keep_attachment(self) -> Call<'a, OverwriteKeepingAttachment<T>> {
        Call::new(&self.client, OverwriteKeepingAttachment(self.op))
    }
}

impl<T: RecordData> OverwriteKeepingAttachment<T> {
    async fn overwrite(&self, client: &Client) -> Result<Record<T>> {
        let parts = self.0.parts()?;
        let permissions = parts.permissions.map(|permissions| permissions.whole());
        let path = parts.place.checked()?;
        let mut waits = update::waits().take_while(|_| parts.if_match.is_none());
        loop {
            let client = client.in_turn(path.clone()).await?;
            let before = read(&client, &parts.place).await?;
            if let Some(expected) = parts.if_match
                && before.as_ref().map(|before| before.last_modified) != Some(expected)
            {
                return Err(Error::changed(before.as_ref().map_or("null", Object::raw_json)));
            }
            let precondition = match &before {
                Some(before) => Precondition::Unchanged(before.last_modified),
                None => Precondition::Absent,
            };
            let data = with_description(&parts.data, before.as_ref().map(Object::raw_json))?;
            let request = Request::new(Method::PUT, path.clone())
                .provided(precondition)
                .repeatable()
                .json(&Write { data: Some(&data), permissions: permissions.as_ref() })?;
            let put = Put { place: parts.place.clone(), request };
            match attempt(&client, put).await {
                Ok(response) => return Object::from_answer(&response),
                Err(error) if error.may_have_been_applied() => return Err(error),
                Err(error) => update::again(error, &mut waits).await?,
            }
        }
    }
}

async fn read(client: &Client, place: &Place<kind::Record>) -> Result<Option<Record<Value>>> {
    match attempt(client, Get::new(place.clone())).await {
        Ok(record) => Ok(Some(record)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the data with the description that the record has, if it has one.
fn with_description(data: &[u8], record: Option<&str>) -> Result<Box<RawValue>> {
    let data = std::str::from_utf8(data).map_err(|error| Error::invalid(error.to_string()))?;
    match record.map(file_field::of).transpose()?.flatten() {
        Some(described) => file_field::replaced(data, Some(&described)),
        None => RawValue::from_string(data.to_owned()).map_err(|error| Error::invalid(error.to_string())),
    }
}

/// A PUT whose response is decoded by its caller.
struct Put {
    place: Place<kind::Record>,
    request: Request,
}

impl sealed::Operation for Put {
    const NAME: &'static str = "OverwriteKeepingAttachment";

    type Output = Response;

    fn context(&self) -> CallContext {
        CallContext::new("overwrite record", &self.place)
    }

    fn request(&self) -> Result<Option<Request>> {
        Ok(Some(self.request.clone()))
    }

    fn response(self, response: Response) -> Result<Response> {
        response.success()
    }
}

impl<T: RecordData> sealed::Action for OverwriteKeepingAttachment<T> {
    const NAME: &'static str = "OverwriteKeepingAttachment";

    type Output = Record<T>;

    async fn run(self, client: Client) -> Result<Record<T>> {
        let context = sealed::Operation::context(&self.0);
        self.overwrite(&client).await.map_err(|error| context.attach(error))
    }
}

impl<T: RecordData> sealed::Preview for OverwriteKeepingAttachment<T> {
    fn preview(&self) -> Result<RequestPreview> {
        let path = self.0.parts().and_then(|parts| parts.place.checked());
        let path: RequestPath = path.map_err(|error| sealed::Operation::context(&self.0).attach(error))?;
        RequestPreview::first(
            Request::get(path),
            "then a PUT of the data with the `attachment` of the record, guarded by its version",
        )
    }
}

impl<T> std::fmt::Debug for OverwriteKeepingAttachment<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("OverwriteKeepingAttachment").field(&self.0).finish()
    }
}
