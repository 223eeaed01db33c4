use std::{marker::PhantomData, time::Duration};

use super::{
    Subject, attempt,
    create::operation,
    get::Get,
    save::{Save, Saved},
    sealed::{self, Operation as _},
};
use crate::{
    client::Client,
    error::{Error, ErrorKind, Result},
    transport::retry::Exponential,
    wire::{
        kind::Kind,
        object::{Data, Object},
        path::Place,
        request::{Precondition, Repeat},
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
    of: PhantomData<fn() -> T>,
}

impl<K: Kind, T: Data, F: FnMut(&mut T) + Send> Update<K, T, F> {
    pub(crate) fn new(place: Place<K>, change: F) -> Self {
        Self { place, change, of: PhantomData }
    }
}

/// Reads an object, changes it and saves it, again from the start after a conflict, unless it must be of a certain time.
/// `repeat` says what it does to make the change twice.
pub(super) async fn change<K: Kind, T: Data>(
    client: &Client,
    place: &Place<K>,
    if_match: Option<Timestamp>,
    repeat: Repeat,
    mut change: impl FnMut(&mut Object<K, T>) -> Result<()>,
) -> Result<(Object<K, T>, Saved)> {
    let mut waits = waits().take_while(|_| if_match.is_none());
    let path = place.checked()?;
    let mut doubt: Option<Error> = None;
    loop {
        // Asked of the reading, the precondition holds whatever the change comes to; the save is of what was read.
        let get = Get::<K, T>::new(place.clone()).provided(if_match.map(Precondition::Unchanged));
        let in_doubt = |error: Error| if doubt.is_some() { error.maybe_applied() } else { error };
        let client = client.in_turn(path.clone()).await.map_err(in_doubt)?;
        let read = attempt(&client, get).await;
        let busy = client.busy();
        let changed = read.and_then(|mut object| change(&mut object).map(|()| object));
        drop(busy);
        let mut object = changed.map_err(in_doubt)?;
        // What was saved, and refused when it was sent again, may be in what others have made of the object since. If the
        // change has nothing left to do, it is; otherwise it could be made twice.
        if let Some(doubt) = &doubt
            && repeat == Repeat::Untold
            && Save::new(place.clone(), &mut object).request()?.is_some()
        {
            return Err(doubt.clone());
        }
        let save = Save::new(place.clone(), &mut object).repeating(repeat);
        match attempt(&client, save).await.map_err(in_doubt) {
            Ok(saved) => return Ok((object, saved)),
            Err(error) => {
                doubt = Some(error.clone()).filter(Error::may_have_been_applied);
                again(error, &mut waits).await?;
            }
        }
    }
}

impl<K: Kind, T: Data, F: FnMut(&mut T) + Send> sealed::Run for Update<K, T, F> {
    type Output = Object<K, T>;

    async fn run(mut self, client: Client) -> Result<Object<K, T>> {
        let subject = Subject::new(operation::<K>("update"), &self.place);
        let changed = change(&client, &self.place, None, Repeat::Untold, |object: &mut Object<K, T>| {
            (self.change)(&mut object.data);
            Ok(())
        });
        changed.await.map(|(object, _)| object).map_err(|error| subject.blame(error))
    }
}

debug_as_place!(Update [K: Kind, T, F] [K, T, F] place);
