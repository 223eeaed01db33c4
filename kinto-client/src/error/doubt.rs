//! The reasons why it can be unknown if a request was executed.

/// The reason why it is unknown if a refused request was executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// An earlier try may have been carried out, and the last response does not tell.
    Earlier,
    /// The object is as it was sent.
    AsSent,
    /// The object that was to be deleted is gone.
    Gone { guarded: bool },
    /// The object that was to be deleted is not there, or hidden from the user: the server refuses both alike.
    Hidden,
    /// The lock of the fence could not be written, and the server went on with what was behind it. A lock that collided
    /// with another writer has rolled back what was before it.
    Unfenced { rolled_back: bool },
    /// The server has replaced an object, or made another, where the request was to create one: its `If-None-Match` was
    /// lost on the way.
    Replaced,
    /// A follow-up request resolves the doubt.
    Open,
}

impl Doubt {
    /// Returns what there is to say of it, and to do about it, beyond what is said of every request in doubt.
    pub(crate) fn hint(self) -> Option<&'static str> {
        match self {
            Self::AsSent => Some(
                "the object now is what was sent, and nobody can tell whether this request or another client did that, \
                 since a request can arrive twice: read the object before you write again",
            ),
            Self::Gone { guarded: true } => Some(
                "the object is gone, and nobody can tell whether this request or another client deleted it, since a \
                 request can arrive twice: `.if_exists()` takes both for done",
            ),
            Self::Gone { guarded: false } => Some(
                "it was not there, or this request arrived twice and the first deleted it: `.if_exists()` takes both for \
                 done",
            ),
            Self::Unfenced { .. } => Some(
                "the lock of the fence could not be written, and the server may have gone on to this request without it: \
                 another client may have written at the same time, so read the object before you write again",
            ),
            Self::Earlier | Self::Replaced | Self::Open | Self::Hidden => None,
        }
    }

    /// Returns what there is to add to the hint of an error of its kind.
    pub(crate) fn addition(self) -> Option<&'static str> {
        match self {
            Self::Hidden => {
                Some("or this request arrived twice, and the first deleted the object together with your permission")
            }
            _ => None,
        }
    }
}
