//! Changing parts of an object: attributes, fields, or by a function.

use serde::Serialize;

use super::Handle;
use crate::{
    operation::{Call, edit::Edit, patch::Patch, update::Update},
    wire::object::{RecordData, kind::Kind, patch::JsonPatch},
};

impl<K: Kind, T: RecordData> Handle<K, T> {
    /// Sets the given attributes and keeps the others.
    ///
    /// The patch is shallow: an attribute that is an object is replaced as a whole, and null is stored as null.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let bucket = client.bucket(kinto_server::unique("doc"));
    /// # bucket.create().await?;
    /// use kinto_client::json;
    ///
    /// let object = bucket.patch(json!({"colour": "blue"})).await?;
    /// assert_eq!(object.data.other["colour"], "blue");
    /// # Ok(()) }
    /// ```
    ///
    /// Options: [`permissions`](crate::Call::permissions), [`if_match`](crate::Call::if_match).
    ///
    /// # Errors
    ///
    /// [`Error::is_not_found`](crate::Error::is_not_found) if the object does not exist;
    /// [`Error::is_decode`](crate::Error::is_decode) if it does not decode as `T` after the patch, which has been stored then.
    /// [`merge_patch`](Self::merge_patch) reads the object first, and does not store that.
    pub fn patch(&self, attributes: impl Serialize) -> Call<'static, Patch<K, T>> {
        Call::new(&self.client, Patch::new(self.place.clone(), &attributes))
    }

    /// Sets and removes fields and keeps the others: `.set(f.done, true).unset(f.due)`.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// use kinto_client::KintoRecord;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize, KintoRecord)]
    /// # #[kinto(collection = "edit-doc")]
    /// struct Todo {
    ///     title: String,
    ///     due: Option<u64>,
    /// }
    ///
    /// let todos = client.typed::<Todo>();
    /// let todo = todos.create_record(Todo { title: "Milk".into(), due: Some(5) }).await?;
    /// let f = Todo::fields();
    /// let todo = todos.edit_record(&todo.id).set(f.title, "Oat milk").unset(f.due).await?;
    /// assert_eq!((todo.data.title.as_str(), todo.data.due), ("Oat milk", None));
    /// # Ok(()) }
    /// ```
    ///
    /// Options: [`set`](crate::Call::set), [`unset`](crate::Call::unset), [`if_match`](crate::Call::if_match).
    ///
    /// # Errors
    ///
    /// [`Error::is_not_found`](crate::Error::is_not_found) if the object does not exist;
    /// [`Error::is_decode`](crate::Error::is_decode) if it would not decode as `T` any more, and stays unchanged.
    pub fn edit(&self) -> Call<'static, Edit<K, T>> {
        Call::new(&self.client, Edit::new(self.place.clone()))
    }

    /// Changes the attributes by a merge patch (RFC 7396): objects are merged at any depth, and null removes an
    /// attribute.
    ///
    /// Options: [`set`](crate::Call::set), [`unset`](crate::Call::unset), [`if_match`](crate::Call::if_match).
    ///
    /// # Errors
    ///
    /// [`Error::is_not_found`](crate::Error::is_not_found) if the object does not exist;
    /// [`Error::is_decode`](crate::Error::is_decode) if it would not decode as `T` any more, and stays unchanged.
    pub fn merge_patch(&self, patch: impl Serialize) -> Call<'static, Edit<K, T>> {
        Call::new(&self.client, Edit::new(self.place.clone()).merge(&patch))
    }

    /// Changes the attributes by a JSON patch (RFC 6902).
    ///
    /// Options: [`set`](crate::Call::set), [`unset`](crate::Call::unset), [`if_match`](crate::Call::if_match).
    ///
    /// # Errors
    ///
    /// [`Error::is_not_found`](crate::Error::is_not_found) if the object does not exist;
    /// [`Error::is_invalid`](crate::Error::is_invalid) if the patch does not fit the object, and
    /// [`Error::is_decode`](crate::Error::is_decode) if the object would not decode as `T` any more: it stays unchanged then;
    /// and a conflict as for [`update`](Self::update).
    pub fn json_patch(&self, patch: JsonPatch) -> Call<'static, Edit<K, T>> {
        Call::new(&self.client, Edit::new(self.place.clone()).json(patch))
    }

    /// Reads the object, applies `change` to its data and saves it. If another client changed the object in between,
    /// all of this is repeated.
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get) and [`save`](Self::save); a conflict only after 20 tries, or if it is in doubt whether
    /// it was stored ([`Error::may_have_been_applied`](crate::Error::may_have_been_applied)): a response was lost,
    /// or the object is what was sent, because the request arrived twice or another client has made the same change.
    /// `change` is not run again then, since one that counts would count twice: read the object, and decide.
    pub fn update<F: FnMut(&mut T) + Send>(&self, change: F) -> Call<'static, Update<K, T, F>> {
        Call::new(&self.client, Update::new(self.place.clone(), change))
    }
}
