//! What a save of an object has to send, and what it leaves behind.

use serde_json::{Map, Value, value::RawValue};

use super::{Data, Object, STAMP};
use crate::{
    error::{Error, Result},
    wire::{
        decode, encode,
        kind::Kind,
        merge,
        permissions::{PermissionSet as _, Permissions},
    },
};

impl<K: Kind, T: Data> Object<K, T> {
    /// What a PUT of the object has to send as its data, or `None` if nothing was changed.
    pub(crate) fn changed_data(&self) -> Result<Option<Box<RawValue>>> {
        let base = self.changed.as_deref().unwrap_or(&self.received);
        let before = decode::object::<T>(base, T::DECLARES)?.data;
        let (mut before, mut after) = (encode::object(&before)?, encode::object(&self.data)?);
        self.check_id(&after)?;
        for stamp in STAMP {
            before.remove(stamp);
            after.remove(stamp);
        }
        if before == after && self.changed.is_none() {
            return Ok(None);
        }
        merged(base, &before, &after).map(Some)
    }

    /// The data as received, without what the server adds.
    pub(crate) fn received_data(&self) -> Result<Box<RawValue>> {
        merged(&self.received, &Map::new(), &Map::new())
    }

    fn check_id(&self, data: &Map<String, Value>) -> Result<()> {
        match data.get("id") {
            None | Some(Value::Null) => Ok(()),
            Some(Value::String(id)) if self.id == *id => Ok(()),
            Some(other) => Err(Error::invalid(format!(
                "the data's own `id` is {other}, and the object's is {:?}: an object keeps its id; create another instead",
                self.id
            ))),
        }
    }

    /// The permissions, if they are to be sent because they were changed.
    pub(crate) fn changed_permissions(&self) -> Result<Option<(&K::Permissions, &K::Permissions)>> {
        match (&self.received_permissions, &self.permissions) {
            (Some(before), Permissions::Visible(after)) if **before != **after => {
                after.check()?;
                Ok(Some((before, after)))
            }
            (None, Permissions::Visible(_)) => Err(Error::not_visible()),
            _ => Ok(None),
        }
    }

    /// Takes over what the server answered to a save; `data` stays the caller's, whose type may hold what is not sent.
    pub(crate) fn saved(&mut self, stored: Self) {
        self.last_modified = stored.last_modified;
        self.received = stored.received;
        self.changed = None;
        self.received_permissions = stored.received_permissions;
        self.permissions = stored.permissions;
    }
}

fn merged(base: &[u8], before: &Map<String, Value>, after: &Map<String, Value>) -> Result<Box<RawValue>> {
    let raw: &RawValue = serde_json::from_slice(base).map_err(|error| Error::not_kinto(&error, base))?;
    merge::apply(raw, before, after, &STAMP)
        .and_then(|merged| serde_json::from_slice(&merged))
        .map_err(|error| Error::not_kinto(&error, base))
}
