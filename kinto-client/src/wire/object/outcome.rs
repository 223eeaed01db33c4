//! Results of calls that are not just an object.

use crate::wire::timestamp::Timestamp;

/// A deleted object, as the server returns it from a deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tombstone {
    /// The id of the object that was deleted.
    pub id: String,
    /// The time of the deletion, if the server reports it.
    pub last_modified: Option<Timestamp>,
}

/// The result of `.if_not_exists()`, which dereferences to the object.
#[derive(Clone, Debug)]
pub enum CreateOutcome<O> {
    /// The object did not exist and was created.
    Created(O),
    /// The object existed and is unchanged; the data of the call was not stored.
    Existing(O),
    /// The object exists, and it is unknown whether an earlier try of this call, whose response was lost, or another
    /// client created it.
    InDoubt(O),
}

impl<O> CreateOutcome<O> {
    /// Returns the object in any case.
    pub fn into_inner(self) -> O {
        match self {
            Self::Created(object) | Self::Existing(object) | Self::InDoubt(object) => object,
        }
    }

    /// Returns true if it is certain that this call created the object.
    pub fn is_created(&self) -> bool {
        matches!(self, Self::Created(_))
    }
}

impl<O> std::ops::Deref for CreateOutcome<O> {
    type Target = O;

    fn deref(&self) -> &O {
        match self {
            Self::Created(object) | Self::Existing(object) | Self::InDoubt(object) => object,
        }
    }
}
