use std::{fmt, marker::PhantomData};

use schemars::JsonSchema;

use crate::{
    call::{Subject, attempt, get::Get, sealed},
    client::Client,
    error::{Error, ErrorKind, Result},
    wire::{
        attributes::CollectionAttributes,
        kind,
        path::Place,
        preview::RequestPreview,
        schema::{self, Difference, Evolution},
    },
};

/// How a collection's schema on the server and a type's differ.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Drift {
    /// The places in which the two schemas differ. If the server has none, that is one difference.
    pub differences: Vec<Difference>,
    /// What it would mean for the records if the server had the type's schema.
    pub evolution: Evolution,
}

impl Drift {
    /// Whether the server has the schema of the type, to the letter.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.differences.is_empty()
    }
}

/// The differences one after the other: with `-` what the server has, with `+` what the type has.
impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, difference) in self.differences.iter().enumerate() {
            let line_break = if index == 0 { "" } else { "\n" };
            write!(f, "{line_break}{difference}")?;
        }
        Ok(())
    }
}

/// Compares the schema that a collection has with that of a type.
pub struct CheckSchema<T> {
    place: Place<kind::Collection>,
    of: PhantomData<fn() -> T>,
}

impl<T: JsonSchema> CheckSchema<T> {
    pub(crate) fn new(place: Place<kind::Collection>) -> Self {
        Self { place, of: PhantomData }
    }
}

impl<T> sealed::Preview for CheckSchema<T> {
    fn preview(&self) -> Result<RequestPreview> {
        sealed::Preview::preview(&Get::<kind::Collection, CollectionAttributes>::new(self.place.clone()))
    }
}

impl<T: JsonSchema> sealed::Run for CheckSchema<T> {
    type Output = Drift;

    async fn run(self, client: Client) -> Result<Drift> {
        let subject = Subject::new("check schema of", &self.place);
        let read = async {
            let place = client.resolved(&self.place).await?;
            attempt(&client, Get::<kind::Collection, CollectionAttributes>::new(place)).await
        };
        let collection = read.await.map_err(|error| match error.kind() {
            // Without its bucket, the real id of the `default` one is nobody's.
            ErrorKind::Forbidden if self.place.list.bucket() == Some("default") => {
                subject.blame(Error::new(ErrorKind::NotFound, "there is no such collection"))
            }
            _ => subject.blame(error),
        })?;
        let (stored, of_type) = (collection.data.schema, schema::of::<T>());
        Ok(Drift {
            differences: schema::differences(stored.as_ref(), &of_type),
            evolution: schema::compare(&stored.unwrap_or(true.into()), &of_type),
        })
    }
}

debug_as_place!(CheckSchema [T] [T] place);
