use std::marker::PhantomData;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    Call, Subject,
    create::operation,
    save::Saved,
    sealed,
    update::{READ_FIRST, Redo, change},
};
use crate::{
    JsonObject,
    client::Client,
    error::{Error, Result},
    field::{Field, Operand},
    wire::{
        encode,
        kind::Kind,
        object::{Data, Object, STAMP},
        patch::{self, JsonPatch},
        path::Place,
        preview::RequestPreview,
        request::{Precondition, Request},
        timestamp::Timestamp,
    },
};

/// Changes parts of an object and leaves the rest as it is: fields, by a merge patch or by a JSON patch.
///
/// The object is read, changed here and saved, again from the start if somebody else changed it in between. The server
/// has patches of its own, and fails with some, and with a JSON patch by somebody to whom the permissions are not visible
/// it removes everybody else's.
pub struct Edit<K: Kind, T> {
    place: Place<K>,
    changes: Vec<Change>,
    if_match: Option<Timestamp>,
    of: PhantomData<fn() -> T>,
}

enum Change {
    /// The names that the field, and those that it is in, may have.
    Field {
        path: Vec<Vec<&'static str>>,
        value: Result<Option<Value>>,
    },
    Merge(Result<Map<String, Value>>),
    Json(JsonPatch),
}

impl<K: Kind, T: Data> Edit<K, T> {
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
        // To set a field twice is to set it once; to add to a list twice is not.
        let is_json = |change: &Change| matches!(change, Change::Json(_));
        let redo = if self.changes.iter().any(is_json) { Redo::Harmful } else { Redo::Harmless };
        let edited = change(client, &self.place, self.if_match, redo, |object: &mut Object<K, JsonObject>| {
            self.apply(&mut object.data)?;
            check_names(object.data.keys())
        });
        let (object, saved) = edited.await?;
        object.parse().map_err(|error| if saved == Saved::Stored { error.maybe_applied() } else { error })
    }

    /// Looks at what the caller gave, as far as that can be done before anything is sent.
    fn subject(&self) -> Subject {
        Subject::new(operation::<K>("patch"), &self.place)
    }

    fn check(&self) -> Result<()> {
        if self.changes.is_empty() {
            return Err(Error::invalid("there is no change to make: `.set(…)` and `.unset(…)` add some"));
        }
        for change in &self.changes {
            match change {
                Change::Field { path, value } => {
                    value.as_ref().map_err(Clone::clone)?;
                    check_names(path.first().into_iter().flatten())?;
                }
                Change::Merge(patch) => check_names(patch.as_ref().map_err(Clone::clone)?.keys())?,
                Change::Json(patch) => patch.check()?,
            }
        }
        Ok(())
    }

    fn apply(&self, data: &mut Map<String, Value>) -> Result<()> {
        for change in &self.changes {
            match change {
                Change::Field { path, value } => {
                    let value = value.as_ref().map_err(Clone::clone)?;
                    patch::set(data, path, value.as_ref())?;
                }
                Change::Merge(merged) => patch::merge(data, merged.as_ref().map_err(Clone::clone)?),
                Change::Json(operations) => operations.apply(data)?,
            }
        }
        Ok(())
    }
}

/// Refuses what would be left out of the save.
fn check_names<N: AsRef<str>>(mut names: impl Iterator<Item = N>) -> Result<()> {
    match names.find(|name| STAMP.contains(&name.as_ref())) {
        Some(stamp) => Err(Error::invalid(format!("`{}` is the server's and cannot be patched", stamp.as_ref()))),
        None => Ok(()),
    }
}

impl<K: Kind, T: Data> sealed::Preview for Edit<K, T> {
    fn preview(&self) -> Result<RequestPreview> {
        let path = self.check().and_then(|()| self.place.checked()).map_err(|error| self.subject().blame(error))?;
        let request = Request::get(path).provided(self.if_match.map(Precondition::Unchanged));
        RequestPreview::first(request, READ_FIRST)
    }
}

impl<K: Kind, T: Data> sealed::Run for Edit<K, T> {
    type Output = Object<K, T>;

    async fn run(self, client: Client) -> Result<Object<K, T>> {
        let subject = self.subject();
        self.edit(&client).await.map_err(|error| subject.blame(error))
    }
}

/// Types that stand for something that may not be there.
#[diagnostic::on_unimplemented(
    message = "a field of type `{Self}` is always there, so it cannot be unset",
    label = "only `Option` fields can be unset",
    note = "make the field an `Option` in the struct if records without it are meant to be read"
)]
pub trait Optional {}

impl<V> Optional for Option<V> {}

impl<K: Kind, T: Data> Call<'_, Edit<K, T>> {
    /// Sets a field, under the name that it is stored by if it has several (`#[serde(alias = "…")]`).
    #[expect(clippy::needless_pass_by_value, reason = "a field is set to a value, not to a reference to one")]
    pub fn set<V, O: Operand<V>>(mut self, field: Field<T, V>, value: O) -> Self {
        let value = encode::value(&value).map(Some);
        self.op.changes.push(Change::Field { path: field.names(), value });
        self
    }

    /// Removes a field, under whichever of its names it is stored; it reads as `None` then.
    pub fn unset<V>(mut self, field: Field<T, V>) -> Self
    where
        V: Optional,
    {
        self.op.changes.push(Change::Field { path: field.names(), value: Ok(None) });
        self
    }

    /// Only if the object is still of that time; otherwise it is [`Error::is_conflict`], and nothing is tried again.
    /// That holds for changes that come to nothing too. What others have made of it is in [`Error::theirs`].
    pub fn if_match(mut self, last_modified: Timestamp) -> Self {
        self.op.if_match = Some(last_modified);
        self
    }
}

debug_as_place!(Edit [K: Kind, T] [K, T] place);
