//! What comes of a call that is not just an object.

use super::timestamp::Timestamp;

/// That an object is no more: what the server answers to a deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tombstone {
    /// The id of the object that was deleted.
    pub id: String,
    /// When it was deleted, if the server says so.
    pub last_modified: Option<Timestamp>,
}

/// What `.if_not_exists()` found or made. It dereferences to the object.
#[derive(Clone, Debug)]
pub enum Ensured<O> {
    /// There was none, and now there is this.
    Created(O),
    /// There was this, and it is unchanged: what the call would have created was not stored.
    Existing(O),
    /// There is this now, and nobody can tell whether an earlier try of this call, whose response was lost, or another
    /// client created it.
    InDoubt(O),
}

impl<O> Ensured<O> {
    /// The object, whichever way it came.
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

impl<O> std::ops::Deref for Ensured<O> {
    type Target = O;

    fn deref(&self) -> &O {
        match self {
            Self::Created(object) | Self::Existing(object) | Self::InDoubt(object) => object,
        }
    }
}
