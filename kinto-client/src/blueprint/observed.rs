//! The state of a server, as it was observed for a blueprint.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Lists;
use crate::wire::{object::principal::Principal, timestamp::Timestamp};

pub(crate) use super::target::Target;

/// The state of a declared object on the server.
#[derive(Clone, Debug)]
pub(crate) enum Seen {
    /// The object does not exist, or is not visible.
    Absent,
    /// The object exists, but is not visible; objects inside it are.
    Hidden,
    Present(Present),
}

/// The user who applies a plan.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    pub(crate) id: Principal,
    /// `true` if the server adds the writer to the `write` list of an object: its setting `explicit_permissions`.
    pub(crate) is_added: bool,
}

/// An object on the server.
#[derive(Clone, Debug)]
pub(crate) struct Present {
    pub(crate) last_modified: Timestamp,
    pub(crate) data: Map<String, Value>,
    /// The permissions, or `None` if the server did not show them.
    pub(crate) permissions: Option<Lists>,
}

/// An object that no blueprint declares.
#[derive(Clone, Debug)]
pub(crate) struct Extra {
    pub(crate) target: Target,
    pub(crate) last_modified: Timestamp,
    /// The records of the object, if it is a collection.
    pub(crate) records: Option<Records>,
}

/// The number of records of a collection, and the time of its last change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Records {
    pub(crate) count: usize,
    pub(crate) last_modified: Timestamp,
}

/// The state of the server that a plan is computed from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Survey {
    /// The states of the declared objects by path.
    pub(crate) seen: BTreeMap<String, Seen>,
    pub(crate) extras: Vec<Extra>,
    /// Notes about objects that could not be read.
    pub(crate) notes: Vec<String>,
}

impl Survey {
    pub(crate) fn at(&self, target: &Target) -> &Seen {
        self.seen.get(&target.path).unwrap_or(&Seen::Absent)
    }
}

impl Present {
    /// Decodes the response to a request for one object.
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
        // An empty object means "not visible", not "none": a user to whom the permissions are visible is in the
        // `write` list.
        Ok(Self { last_modified, data, permissions: Some(permissions).filter(|lists| !lists.is_empty()) })
    }
}
