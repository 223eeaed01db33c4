use crate::json::RESERVED_KEYS;
use std::marker::PhantomData;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    Call, CallContext,
    create::operation,
    save::SaveOutcome,
    sealed,
    update::{READ_FIRST, Redo, change},
};
use crate::json::JsonObject;
use crate::{
    client::Client,
    error::{Error, Result},
    field::{Field, operand::Operand},
    json::encode,
    wire::{
        object::{
            Object, RecordData, file_field,
            kind::Kind,
            patch::{self, JsonPatch},
        },
        path::Place,
        preview::RequestPreview,
        request::{Precondition, Request},
        timestamp::Timestamp,
    },
};

/// Changes parts of an object and keeps the rest: single fields, a merge patch or a JSON patch.
///
/// The object is read, changed by the client and saved; if another client changed it in between, that is
/// repeated. The server's own patch formats are not used: it responds to some merge patches with an error, and
/// a JSON patch by a user who cannot see the permissions removes those of all other users.
pub struct Edit<K: Kind, T> {
    place: Place<K>,
    changes: Vec<Change>,
    pub(crate) if_match: Option<Timestamp>,
    of: PhantomData<fn() -> T>,
}

enum Change {
    /// The attributes to replace, each as a whole.
    #[cfg(feature = "local")]
    Attributes(Result<Map<String, Value>>),
    /// The names that the field, and those that it is in, may have.
    Field {
        path: Vec<Vec<&'static str>>,
        value: Result<Option<Value>>,
    },
    Merge(Result<Map<String, Value>>),
    Json(JsonPatch),
}

impl<K: Kind, T: RecordData> Edit<K, T> {
    pub(crate) fn new(place: Place<K>) -> Self {
        Self { place, changes: Vec::new(), if_match: None, of: PhantomData }
    }

    pub(crate) fn merge(mut self, patch: &impl Serialize) -> Self {
        self.changes.push(Change::Merge(encode::object(patch)));
        self
    }

    pub(crate) fn json(mut self, patch: JsonPatch) -> Self {
        self.changes.push(Change::Json(patch));
        self
    }

    async fn edit(&self, client: &Client) -> Result<Object<K, T>> {
        self.check()?;
        // Setting a field is idempotent; adding to a list by a JSON patch is not.
        let is_json = |change: &Change| matches!(change, Change::Json(_));
        let redo = if self.changes.iter().any(is_json) { Redo::Harmful } else { Redo::Harmless };
        let edited = change(client, &self.place, self.if_match, redo, |object: &mut Object<K, JsonObject>| {
            self.apply_to(&mut object.data)?;
            // What did not fit before may be repaired in steps.
            match object.parse::<T>() {
                Err(unfit) if unfit.is_decode() && object.was_received_as::<T>() => Err(no_longer_fits(unfit)),
                _ => Ok(()),
            }
        });
        let (object, saved) = edited.await?;
        object.parse().map_err(|error| if saved == SaveOutcome::Stored { error.maybe_applied() } else { error })
    }

    fn context(&self) -> CallContext {
        CallContext::new(operation::<K>("patch"), &self.place)
    }

    /// Checks the input of the caller, as far as that is possible before anything is sent.
    pub(crate) fn check(&self) -> Result<()> {
        if self.changes.is_empty() {
            return Err(Error::invalid("there is no change to make: add one with `.set(…)` or `.unset(…)`"));
        }
        for change in &self.changes {
            match change {
                Change::Field { path, value } => {
                    value.as_ref().map_err(Clone::clone)?;
                    check_names(path.first().into_iter().flatten())?;
                }
                Change::Merge(patch) => check_names(patch.as_ref().map_err(Clone::clone)?.keys())?,
                #[cfg(feature = "local")]
                Change::Attributes(attributes) => check_names(attributes.as_ref().map_err(Clone::clone)?.keys())?,
                Change::Json(patch) => patch.check()?,
            }
        }
        Ok(())
    }

    /// Makes the changes, which cannot be of the description of a file.
    pub(crate) fn apply_to(&self, data: &mut JsonObject) -> Result<()> {
        let described = |data: &JsonObject| data.get(file_field::FIELD).cloned().unwrap_or_default();
        let before = T::ATTACHMENT.then(|| described(data));
        for change in &self.changes {
            match change {
                Change::Field { path, value } => {
                    let value = value.as_ref().map_err(Clone::clone)?;
                    patch::set(data, path, value.as_ref())?;
                }
                Change::Merge(merged) => patch::merge(data, merged.as_ref().map_err(Clone::clone)?),
                #[cfg(feature = "local")]
                Change::Attributes(attributes) => data.extend(attributes.clone()?),
                Change::Json(operations) => operations.apply(data)?,
            }
        }
        check_names(data.keys())?;
        before.map_or(Ok(()), |before| file_field::check_edited(&before, &described(data)))
    }

    /// Adds attributes to replace, each as a whole.
    #[cfg(feature = "local")]
    pub(crate) fn set_attributes(&mut self, attributes: &impl Serialize) {
        self.changes.push(Change::Attributes(encode::object(attributes)));
    }

    pub(crate) fn set_field<V>(&mut self, field: Field<T, V>, value: &impl Operand<V>) {
        let value = encode::value(value).map(Some);
        self.changes.push(Change::Field { path: field.names(), value });
    }

    pub(crate) fn unset_field<V>(&mut self, field: Field<T, V>) {
        self.changes.push(Change::Field { path: field.names(), value: Ok(None) });
    }
}

/// The error of an edit that would make a record that does not decode any more.
pub(crate) fn no_longer_fits(unfit: Error) -> Error {
    unfit.noting(
        "the edit would leave it like that, so nothing was saved: set what is missing in the same edit".to_owned(),
    )
}

/// Rejects keys that a save would leave out.
fn check_names<N: AsRef<str>>(mut names: impl Iterator<Item = N>) -> Result<()> {
    match names.find(|name| RESERVED_KEYS.contains(&name.as_ref())) {
        Some(stamp) => Err(Error::invalid(format!("`{}` is set by the server and cannot be patched", stamp.as_ref()))),
        None => Ok(()),
    }
}

impl<K: Kind, T: RecordData> sealed::Preview for Edit<K, T> {
    fn preview(&self) -> Result<RequestPreview> {
        let path = self.check().and_then(|()| self.place.checked()).map_err(|error| self.context().attach(error))?;
        let request = Request::get(path).provided(self.if_match.map(Precondition::Unchanged));
        RequestPreview::first(request, READ_FIRST)
    }
}

impl<K: Kind, T: RecordData> sealed::Action for Edit<K, T> {
    const NAME: &'static str = "Edit";

    type Output = Object<K, T>;

    async fn run(self, client: Client) -> Result<Object<K, T>> {
        let context = self.context();
        self.edit(&client).await.map_err(|error| context.attach(error))
    }
}

/// Types of fields that may be missing, such as `Option`.
#[diagnostic::on_unimplemented(
    message = "a field of type `{Self}` is always there, so it cannot be unset",
    label = "only `Option` fields can be unset",
    note = "make the field an `Option` in the struct if records without it are meant to be read"
)]
pub trait Nullable {}

impl<V> Nullable for Option<V> {}

impl<K: Kind, T: RecordData> Call<'_, Edit<K, T>> {
    /// Sets a field. A field with aliases (`#[serde(alias = "…")]`) is set under the name by which it is stored.
    #[expect(clippy::needless_pass_by_value, reason = "a field is set to a value, not to a reference to one")]
    pub fn set<V, O: Operand<V>>(mut self, field: Field<T, V>, value: O) -> Self {
        self.op.set_field(field, &value);
        self
    }

    /// Removes a field, under its name and its aliases; it then reads as `None`.
    pub fn unset<V>(mut self, field: Field<T, V>) -> Self
    where
        V: Nullable,
    {
        self.op.unset_field(field);
        self
    }

    /// Changes the object only if its timestamp is still `last_modified`; otherwise fails with
    /// [`Error::is_conflict`], without a retry.
    ///
    /// The check also applies if the changes have no effect. [`Error::theirs`] has the current version of the
    /// record.
    pub fn if_match(mut self, last_modified: Timestamp) -> Self {
        self.op.if_match = Some(last_modified);
        self
    }
}

debug_as_place!(Edit [K: Kind, T] [K, T] place);
