use std::{marker::PhantomData, time::Duration};

use super::{
    CallContext, attempt,
    create::operation,
    get::Get,
    save::{Save, SaveOutcome},
    sealed,
};
use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    transport::retry::ExponentialBackoff,
    wire::{
        object::{Object, RecordData, kind::Kind},
        path::Place,
        preview::RequestPreview,
        request::{Precondition, Request},
        timestamp::Timestamp,
    },
};

/// The maximum number of tries of an update if other clients keep changing the object.
pub(crate) const MAX_TRIES: u32 = 20;

/// Returns the delays between the tries: short, because another write takes some milliseconds only, and
/// randomized, so that competing clients do not retry at the same time.
pub(crate) fn waits() -> impl Iterator<Item = Duration> + Send {
    let (first, longest) = (Duration::from_millis(1), Duration::from_millis(100));
    ExponentialBackoff::default().max_tries(MAX_TRIES).first_delay(first).max_delay(longest).delays()
}

/// Waits before the next try after a conflict; returns the error if it is another one, or if there is no try
/// left.
pub(crate) async fn again(error: Error, waits: &mut (impl Iterator<Item = Duration> + Send)) -> Result<()> {
    let Some(wait) = waits.next().filter(|_| error.kind() == ErrorKind::Conflict) else { return Err(error) };
    tokio::time::sleep(wait).await;
    Ok(())
}

/// Reads an object, changes it and saves it, and repeats that if another client changed it in between.
pub struct Update<K: Kind, T, F> {
    place: Place<K>,
    change: F,
    redo: Redo,
    of: PhantomData<fn() -> T>,
}

impl<K: Kind, T, F> Update<K, T, F> {
    fn context(&self) -> CallContext {
        CallContext::new(operation::<K>("update"), &self.place)
    }
}

impl<K: Kind, T: RecordData, F: FnMut(&mut T) + Send> Update<K, T, F> {
    pub(crate) fn new(place: Place<K>, change: F) -> Self {
        Self { place, change, redo: Redo::Harmful, of: PhantomData }
    }

    /// Creates an update whose change has the same effect when it is applied twice.
    pub(crate) fn idempotent(place: Place<K>, change: F) -> Self {
        Self { redo: Redo::Harmless, ..Self::new(place, change) }
    }
}

/// The effect of making a change twice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Redo {
    /// The same as making it once.
    Harmless,
    /// Something else: one is added twice, or a condition within the change no longer holds.
    Harmful,
}

/// Reads an object, changes it and saves it, again from the start after a conflict, unless it must be of a certain time.
pub(crate) async fn change<K: Kind, T: RecordData>(
    client: &Client,
    place: &Place<K>,
    if_match: Option<Timestamp>,
    redo: Redo,
    mut change: impl FnMut(&mut Object<K, T>) -> Result<()>,
) -> Result<(Object<K, T>, SaveOutcome)> {
    let mut waits = waits().take_while(|_| if_match.is_none());
    let path = place.checked()?;
    let mut doubt = false;
    loop {
        // The precondition is checked by the read, so that it holds even if the change has no effect; the save has
        // the timestamp of the read.
        let get = Get::<K, T>::new(place.clone()).provided(if_match.map(Precondition::Unchanged));
        let in_doubt = |error: Error| if doubt { error.maybe_applied() } else { error };
        let client = client.in_turn(path.clone()).await.map_err(in_doubt)?;
        let read = attempt(&client, get).await.and_then(|object| unchanged_since(if_match, object));
        let busy = client.busy();
        let changed = read.and_then(|mut object| change(&mut object).map(|()| object));
        drop(busy);
        let mut object = changed.map_err(in_doubt)?;
        match attempt(&client, Save::new(place.clone(), &mut object)).await.map_err(in_doubt) {
            Ok(saved) => return Ok((object, saved)),
            // The change may be in what was found. Made again it could be made twice, and what it tells its caller, such
            // as that there was nothing to take, would be about its own result.
            Err(error) if error.may_have_been_applied() && redo == Redo::Harmful => return Err(error),
            Err(error) => {
                doubt |= error.may_have_been_applied();
                again(error, &mut waits).await?;
            }
        }
    }
}

/// Compares the version that was read with the one that was asked for: a cache in between may have dropped `If-Match`.
fn unchanged_since<K: Kind, T: RecordData>(if_match: Option<Timestamp>, object: Object<K, T>) -> Result<Object<K, T>> {
    match if_match {
        Some(expected) if object.last_modified != expected => Err(Error::changed(object.raw_json())),
        _ => Ok(object),
    }
}

impl<K: Kind, T: RecordData, F: FnMut(&mut T) + Send> sealed::Action for Update<K, T, F> {
    const NAME: &'static str = "Update";

    type Output = Object<K, T>;

    async fn run(mut self, client: Client) -> Result<Object<K, T>> {
        let context = self.context();
        let changed = change(&client, &self.place, None, self.redo, |object: &mut Object<K, T>| {
            (self.change)(&mut object.data);
            Ok(())
        });
        changed.await.map(|(object, _)| object).map_err(|error| context.attach(error))
    }
}

/// The requests after the GET of a call that reads, changes and saves.
pub(crate) const READ_FIRST: &str = "then a PUT of the object as it was read and changed, with its `If-Match`, unless nothing was changed; after a \
                                     conflict both again";

impl<K: Kind, T: RecordData, F> sealed::Preview for Update<K, T, F> {
    fn preview(&self) -> Result<RequestPreview> {
        let path = self.place.checked().map_err(|error| self.context().attach(error))?;
        RequestPreview::first(Request::get(path), READ_FIRST)
    }
}

debug_as_place!(Update [K: Kind, T, F] [K, T, F] place);
