use serde::de::DeserializeOwned;

use super::{
    GetAll,
    whole::{self, Listed},
};
use crate::{
    client::Client,
    error::{Error, Result},
    field::{self, selection::Selection},
    operation::{Call, sealed},
    wire::{
        object::{
            RecordData,
            decode::{self, Decoded},
            id::Id,
            kind::Kind,
        },
        timestamp::Timestamp,
    },
};

/// Selected fields of an object.
///
/// It cannot be saved, since it is not the whole object.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Selected<K, T, S> {
    /// The id of the object.
    pub id: Id<K, T>,
    /// The time of the last change of the object.
    pub last_modified: Timestamp,
    /// The values of the selected fields.
    pub data: S,
}

/// Reads selected fields of the objects of a list.
pub struct GetSelected<K: Kind, T, S, O> {
    pub(super) get: GetAll<K, T>,
    /// The fields cannot be named.
    pub(super) wrong: Option<Error>,
    read: fn(&S, &[u8]) -> Result<Decoded<O>>,
    selection: S,
}

impl<K: Kind, T, S, O> GetSelected<K, T, S, O> {
    fn new(
        mut get: GetAll<K, T>,
        names: Result<Vec<String>>,
        read: fn(&S, &[u8]) -> Result<Decoded<O>>,
        selection: S,
    ) -> Self {
        let wrong = names.map(|names| get.listing.fields = Some(names)).err();
        Self { get, wrong, read, selection }
    }
}

impl<K: Kind, T: RecordData, S: Send + Sync, O: Send> sealed::Action for GetSelected<K, T, S, O> {
    const NAME: &'static str = "GetSelected";

    type Output = Vec<Selected<K, T, O>>;

    async fn run(self, client: Client) -> Result<Self::Output> {
        let context = self.get.context();
        if let Some(error) = self.wrong {
            return Err(context.attach(error));
        }
        let (read, selection) = (self.read, self.selection);
        let read = whole::read(self.get, &client, move |page, take| {
            let item = page.next_received()?;
            Some(item.and_then(|item| read(&selection, &item)).map(|read| {
                take(Selected { id: Id::new(read.id), last_modified: read.last_modified, data: read.data });
            }))
        });
        Ok(read.await.map_err(|error| context.attach(error))?.items)
    }
}

impl<K, T, S> Listed for Selected<K, T, S> {
    fn stamp(&self) -> Option<(&str, Timestamp)> {
        Some((&self.id, self.last_modified))
    }

    fn raw(&self) -> Option<&[u8]> {
        None
    }
}

impl<'a, K: Kind, T: RecordData> Call<'a, GetAll<K, T>> {
    /// Reads only these fields of each object: one field, or a tuple of up to eight.
    ///
    /// They decode as they do in the whole object, with serde's defaults for missing ones.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// use kinto_client::KintoRecord;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize, KintoRecord)]
    /// # #[kinto(collection = "select-doc")]
    /// struct Book {
    ///     title: String,
    ///     pages: u32,
    ///     text: String,
    /// }
    ///
    /// let books = client.typed::<Book>();
    /// # books.delete_all_records().await?;
    /// books.create_record(Book { title: "Emma".into(), pages: 448, text: "…".into() }).await?;
    /// let f = Book::fields();
    /// for book in books.get_records().select((f.title, f.pages)).await? {
    ///     let (title, pages) = book.data;
    ///     println!("{title}: {pages}");
    /// }
    /// # Ok(()) }
    /// ```
    pub fn select<S: Selection<T>>(self, fields: S) -> Call<'a, GetSelected<K, T, S, S::Output>> {
        let names = fields.paths();
        Call::new(&self.client, GetSelected::new(self.op, names, field::selected::<T, S>, fields))
    }

    /// Reads only the fields of the struct `S`, and decodes them as `S`.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let todo = client.bucket("default").collection(kinto_server::unique("doc"));
    /// # todo.create_record(kinto_client::json!({"title": "Milk", "note": "…"})).await?;
    /// #[derive(serde::Deserialize)]
    /// struct Title {
    ///     title: String,
    /// }
    ///
    /// for todo in todo.get_records::<kinto_client::Value>().select_as::<Title>().await? {
    ///     println!("{}: {}", todo.id, todo.data.title);
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid`](crate::Error::is_invalid) if `S` is not a struct that names all its fields: one with
    /// `#[serde(flatten)]` does not.
    pub fn select_as<S: DeserializeOwned + Send>(self) -> Call<'a, GetSelected<K, T, (), S>> {
        let read = |(): &(), item: &[u8]| decode::object::<S>(item, &[]);
        Call::new(&self.client, GetSelected::new(self.op, field::names_of::<S>(), read, ()))
    }
}

debug_as_place!(GetSelected [K: Kind, T, S, O] [K, T, S, O] get.list);
