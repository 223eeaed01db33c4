use std::{fmt, marker::PhantomData};

use schemars::JsonSchema;

use super::{difference::Difference, evolution::Evolution};
use crate::operation::debug_as_place;
use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    operation::{CallContext, attempt, get::Get, sealed},
    schema,
    wire::{
        object::{attributes::CollectionAttributes, kind},
        path::Place,
        preview::RequestPreview,
    },
};

/// The differences between the schema of a collection on the server and the schema of a type.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SchemaDrift {
    /// The places at which the two schemas differ; if the server has no schema, that is one difference.
    pub differences: Vec<Difference>,
    /// The effect on records of changing the server's schema to that of the type.
    pub evolution: Evolution,
}

impl SchemaDrift {
    /// Returns `true` if the schema on the server is exactly that of the type.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.differences.is_empty()
    }
}

/// Formats one difference after the other: `-` marks what the server has, `+` what the type has.
impl fmt::Display for SchemaDrift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, difference) in self.differences.iter().enumerate() {
            let line_break = if index == 0 { "" } else { "\n" };
            write!(f, "{line_break}{difference}")?;
        }
        Ok(())
    }
}

/// Compares the schema of a collection with that of a type.
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

impl<T: JsonSchema> sealed::Action for CheckSchema<T> {
    const NAME: &'static str = "CheckSchema";

    type Output = SchemaDrift;

    async fn run(self, client: Client) -> Result<SchemaDrift> {
        let context = CallContext::new("check schema of", &self.place);
        let read = async {
            let place = client.resolved(&self.place).await?;
            attempt(&client, Get::<kind::Collection, CollectionAttributes>::new(place)).await
        };
        let collection = read.await.map_err(|error| match error.kind() {
            // Without its bucket, the real id of the `default` one is nobody's.
            ErrorKind::Forbidden if self.place.list.bucket() == Some("default") => {
                context.attach(Error::new(ErrorKind::NotFound, "there is no such collection"))
            }
            _ => context.attach(error),
        })?;
        let (stored, of_type) = (collection.data.schema, schema::of::<T>());
        Ok(SchemaDrift {
            differences: schema::differences(stored.as_ref(), &of_type),
            evolution: schema::compare(&stored.unwrap_or(true.into()), &of_type),
        })
    }
}

debug_as_place!(CheckSchema [T] [T] place);
