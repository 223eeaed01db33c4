use std::{marker::PhantomData, time::Duration};

use super::{
    Subject, attempt,
    create::operation,
    get::Get,
    save::{Save, Saved},
    sealed,
};
use crate::{
    client::Client,
    error::{Error, ErrorKind, Result},
    transport::retry::Exponential,
    wire::{
        kind::Kind,
        object::{Data, Object},
        path::Place,
        preview::RequestPreview,
        request::{Precondition, Request},
        timestamp::Timestamp,
    },
};

/// How often an update is tried when others keep changing the object.
pub(super) const MAX_TRIES: u32 = 20;

/// The waits between those tries: short, for whoever was ahead is done after some milliseconds, and not the same for all
/// who were behind.
pub(super) fn waits() -> impl Iterator<Item = Duration> + Send {
    let (first, longest) = (Duration::from_millis(1), Duration::from_millis(100));
    Exponential::default().max_tries(MAX_TRIES).first_delay(first).max_delay(longest).delays()
}

/// Waits before the next try, if it was a conflict and there is one.
pub(super) async fn again(error: Error, waits: &mut (impl Iterator<Item = Duration> + Send)) -> Result<()> {
    let Some(wait) = waits.next().filter(|_| error.kind() == ErrorKind::Conflict) else { return Err(error) };
    tokio::time::sleep(wait).await;
    Ok(())
}

/// Reads an object, changes it and saves it, again from the start if somebody else changed it in between.
pub struct Update<K: Kind, T, F> {
    place: Place<K>,
    change: F,
    redo: Redo,
    of: PhantomData<fn() -> T>,
}

impl<K: Kind, T, F> Update<K, T, F> {
    fn subject(&self) -> Subject {
        Subject::new(operation::<K>("update"), &self.place)
    }
}

impl<K: Kind, T: Data, F: FnMut(&mut T) + Send> Update<K, T, F> {
    pub(crate) fn new(place: Place<K>, change: F) -> Self {
        Self { place, change, redo: Redo::Harmful, of: PhantomData }
    }

    /// For a change of which it is known that making it twice is making it once.
    pub(crate) fn idempotent(place: Place<K>, change: F) -> Self {
        Self { redo: Redo::Harmless, ..Self::new(place, change) }
    }
}

/// What it does to make a change twice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Redo {
    /// The same as making it once.
    Harmless,
    /// Something else: one is added twice, or a condition within the change no longer holds.
    Harmful,
}

/// Reads an object, changes it and saves it, again from the start after a conflict, unless it must be of a certain time.
pub(super) async fn change<K: Kind, T: Data>(
    client: &Client,
    place: &Place<K>,
    if_match: Option<Timestamp>,
    redo: Redo,
    mut change: impl FnMut(&mut Object<K, T>) -> Result<()>,
) -> Result<(Object<K, T>, Saved)> {
    let mut waits = waits().take_while(|_| if_match.is_none());
    let path = place.checked()?;
    let mut doubt = false;
    loop {
        // Asked of the reading, the precondition holds whatever the change comes to; the save is of what was read.
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
fn unchanged_since<K: Kind, T: Data>(if_match: Option<Timestamp>, object: Object<K, T>) -> Result<Object<K, T>> {
    match if_match {
        Some(expected) if object.last_modified != expected => Err(Error::changed(object.received_json())),
        _ => Ok(object),
    }
}

impl<K: Kind, T: Data, F: FnMut(&mut T) + Send> sealed::Run for Update<K, T, F> {
    type Output = Object<K, T>;

    async fn run(mut self, client: Client) -> Result<Object<K, T>> {
        let subject = self.subject();
        let changed = change(&client, &self.place, None, self.redo, |object: &mut Object<K, T>| {
            (self.change)(&mut object.data);
            Ok(())
        });
        changed.await.map(|(object, _)| object).map_err(|error| subject.blame(error))
    }
}

/// What follows the GET of a call that reads, changes and saves.
pub(super) const READ_FIRST: &str = "then a PUT of the object as it was read and changed, with its `If-Match`, unless nothing was changed; after a \
                                     conflict both again";

impl<K: Kind, T: Data, F> sealed::Preview for Update<K, T, F> {
    fn preview(&self) -> Result<RequestPreview> {
        let path = self.place.checked().map_err(|error| self.subject().blame(error))?;
        RequestPreview::first(Request::get(path), READ_FIRST)
    }
}

debug_as_place!(Update [K: Kind, T, F] [K, T, F] place);
