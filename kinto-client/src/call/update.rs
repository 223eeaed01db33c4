use std::marker::PhantomData;

use super::{Subject, attempt, create::operation, get::Get, save::Save, sealed};
use crate::{
    client::Client,
    error::{ErrorKind, Result},
    wire::{
        kind::Kind,
        object::{Data, Object},
        path::Place,
    },
};

/// How often an update is tried when others keep changing the object.
pub(super) const MAX_TRIES: u32 = 20;

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

    async fn update(&mut self, client: &Client) -> Result<Object<K, T>> {
        let _turn = client.turn(&self.place.checked()?).await;
        let mut tries = 1;
        loop {
            let mut object = attempt(client, Get::<K, T>::new(self.place.clone())).await?;
            (self.change)(&mut object.data);
            match attempt(client, Save::new(self.place.clone(), &mut object)).await {
                Ok(_) => return Ok(object),
                Err(error) if error.kind() == ErrorKind::Conflict && tries < MAX_TRIES => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

impl<K: Kind, T: Data, F: FnMut(&mut T) + Send> sealed::Run for Update<K, T, F> {
    type Output = Object<K, T>;

    async fn run(mut self, client: Client) -> Result<Object<K, T>> {
        let subject = Subject::new(operation::<K>("update"), &self.place);
        self.update(&client).await.map_err(|error| subject.blame(error))
    }
}

debug_as_place!(Update [K: Kind, T, F] [K, T, F] place);
