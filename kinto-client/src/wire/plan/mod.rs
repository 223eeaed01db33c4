//! What it takes to make a server match a blueprint.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{blueprint::Lists, principal::Principal, timestamp::Timestamp};

mod difference;
mod order;
mod show;
mod spot;
mod step;

pub use difference::Difference;
pub(crate) use difference::Manner;
pub(crate) use order::{Guard, Write, writes};
pub(crate) use show::Show;
pub(crate) use spot::{Piece, Spot};
pub use step::{Action, Step};

/// What was found at the place of an object.
#[derive(Clone, Debug)]
pub(crate) enum Seen {
    /// Nothing that these credentials can see.
    Absent,
    /// Nothing that they can see, but something is there: what lies in it can be seen.
    Hidden,
    Present(Present),
}

/// Who applies a plan.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    pub(crate) id: Principal,
    /// Whether the server puts whoever writes among those who may write: its setting `explicit_permissions`.
    pub(crate) is_added: bool,
}

/// An object as the server has it.
#[derive(Clone, Debug)]
pub(crate) struct Present {
    pub(crate) last_modified: Timestamp,
    pub(crate) data: Map<String, Value>,
    /// `None` if the server did not show them.
    pub(crate) permissions: Option<Lists>,
}

/// An object that no blueprint declares.
#[derive(Clone, Debug)]
pub(crate) struct Extra {
    pub(crate) spot: Spot,
    pub(crate) last_modified: Timestamp,
    /// Those in it, if it is a collection.
    pub(crate) records: Option<Records>,
}

/// The records of a collection: how many, and as of when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Records {
    pub(crate) count: usize,
    pub(crate) last_modified: Timestamp,
}

/// All that a plan is made from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Survey {
    /// By path.
    pub(crate) seen: BTreeMap<String, Seen>,
    pub(crate) extras: Vec<Extra>,
    /// What could not be looked at.
    pub(crate) notes: Vec<String>,
}

impl Survey {
    pub(crate) fn at(&self, spot: &Spot) -> &Seen {
        self.seen.get(&spot.path).unwrap_or(&Seen::Absent)
    }
}

impl Present {
    /// Reads the answer to a request for one object.
    pub(crate) fn from_answer(body: &[u8]) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        struct Envelope {
            data: Map<String, Value>,
            #[serde(default)]
            permissions: Lists,
        }
        #[derive(Deserialize)]
        struct Stamp {
            last_modified: Timestamp,
        }
        let Envelope { data, permissions } = serde_json::from_slice(body)?;
        let Stamp { last_modified } = serde_json::from_value(Value::Object(data.clone()))?;
        // An empty object means "you are not told", not "nobody": whoever is told is in the list himself.
        Ok(Self { last_modified, data, permissions: Some(permissions).filter(|lists| !lists.is_empty()) })
    }
}
