//! The contents of a request that saves an object, and the state of the object after it.

use crate::json::RESERVED_KEYS;
use serde_json::{Value, value::RawValue};

use super::{Object, RecordData};
use super::{
    decode, file_field,
    kind::Kind,
    permissions::{PermissionSet as _, Permissions},
};
use crate::{
    error::{Error, Result},
    json::{
        encode,
        entries::Entries,
        merge::{Merge, keys::ListKeys},
    },
};

/// Returns a received object as the type serializes it.
pub(crate) fn recode<T: RecordData>(received: &str) -> Result<String> {
    let data = match decode::first::<T>(received, T::DECLARES) {
        Some((decoded, _)) => decoded.data,
        None => decode::object::<T>(received.as_bytes(), T::DECLARES)?.data,
    };
    encode::unchecked(&data)
}

/// An object as received, as text.
pub(crate) fn text(received: &[u8]) -> Result<&str> {
    std::str::from_utf8(received).map_err(|error| Error::not_kinto(&error, received))
}

impl<K: Kind, T: RecordData> Object<K, T> {
    /// Returns the data for a PUT of the object, or `None` if it was not changed.
    pub(crate) fn changed_data(&self) -> Result<Option<Box<RawValue>>> {
        let base = text(self.changed.as_deref().unwrap_or(&self.received))?;
        let before = recode::<T>(base)?;
        let after = encode::json(&self.data, &before)?;
        let merged = if before == after {
            None
        } else {
            self.check_id(&after)?;
            let merge = Merge {
                base,
                before: &before,
                after: &after,
                recode_before: &recode::<T>,
                recode_after: &recode::<T>,
                keys: ListKeys(T::LIST_KEYS),
                is_migration: false,
            };
            merge.run()?
        };
        let data = match merged {
            None if self.changed.is_some() => unstamped(base).map(Some)?,
            merged => merged,
        };
        if let Some(data) = data.as_deref().filter(|_| T::ATTACHMENT) {
            file_field::check_saved(text(&self.received)?, data)?;
        }
        Ok(data)
    }

    /// Returns the data as received, without the fields that the server adds.
    pub(crate) fn received_data(&self) -> Result<Box<RawValue>> {
        unstamped(text(&self.received)?)
    }

    fn check_id(&self, data: &str) -> Result<()> {
        // Most types have no such key.
        if !data.contains("\"id\"") {
            return Ok(());
        }
        let data = Entries::of(data).map_err(|error| Error::invalid(error.to_string()))?;
        match data.get("id").map(|id| serde_json::from_str::<Value>(id.get()).unwrap_or_default()) {
            None | Some(Value::Null) => Ok(()),
            Some(Value::String(id)) if self.id == *id => Ok(()),
            Some(other) => Err(Error::invalid(format!(
                "the data's own `id` is {other}, and the object's is {:?}: ids cannot change; create another instead",
                self.id
            ))),
        }
    }

    /// Returns the permissions before and after if they were changed.
    pub(crate) fn changed_permissions(&self) -> Result<Option<(&K::Permissions, &K::Permissions)>> {
        match (&self.received_permissions, &self.permissions) {
            (Some(before), Permissions::Visible(after)) if **before != **after => {
                // What was there already is the server's, and stays.
                after.as_ref().clone().without(before).check()?;
                Ok(Some((before, after)))
            }
            (None, Permissions::Visible(_)) => Err(Error::not_visible()),
            _ => Ok(None),
        }
    }

    /// Takes over the response to a save; `data` stays the caller's, whose type may have contents that are not
    /// sent.
    pub(crate) fn saved(&mut self, stored: Self) {
        self.last_modified = stored.last_modified;
        self.received = stored.received;
        self.changed = None;
        self.received_permissions = stored.received_permissions;
        self.permissions = stored.permissions;
    }

    /// Takes over the response to a save of the permissions alone; what was changed in the data is still to be saved.
    pub(crate) fn saved_permissions(&mut self, stored: Self) {
        let changed = self.changed.take();
        self.saved(stored);
        self.changed = changed;
    }
}

/// The data of an object as received, without what the server adds.
pub(crate) fn unstamped(base: &str) -> Result<Box<RawValue>> {
    let entries = Entries::of(base).map_err(|error| Error::not_kinto(&error, base.as_bytes()))?;
    entries.without(&RESERVED_KEYS).map_err(|error| Error::not_kinto(&error, base.as_bytes()))
}
