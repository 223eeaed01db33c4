use std::{cell::RefCell, fmt::Display};

use serde::{Serialize, ser};
use serde_json::Value;

use super::repeated::{self, Keys};
use crate::json::RESERVED_KEYS;

/// The key under which the server would look for permissions.
pub(super) const PERMISSIONS: &str = "__permissions__";
pub(super) const NO_DATA: &str = "the server would take the key `__permissions__` for permissions, not for data";

/// The state of encoding a value, beside its JSON: the first error, which a `Serialize` implementation may swallow, and the
/// id, which is sent elsewhere.
#[derive(Default)]
pub(super) struct EncodeContext {
    /// `true` if the first keys of the value are those of an object to be created.
    is_new_data: bool,
    id: RefCell<Option<Value>>,
    reason: RefCell<Option<String>>,
    /// The keys of the objects that are being written.
    pub(super) keys: Keys,
}

impl EncodeContext {
    pub(super) fn new(is_new_data: bool) -> Self {
        Self { is_new_data, ..Self::default() }
    }

    pub(super) fn is_new_data(&self) -> bool {
        self.is_new_data
    }

    /// Creates the error of a serializer for a value that cannot be sent.
    pub(super) fn refuse<E: ser::Error>(&self, reason: impl Into<String>) -> E {
        let reason = reason.into();
        let error = E::custom(&reason);
        *self.reason.borrow_mut() = Some(reason);
        error
    }

    /// Keeps the error of a value, unless its reason is known.
    pub(super) fn note<E: Display>(&self, error: E) -> E {
        self.reason.borrow_mut().get_or_insert_with(|| error.to_string());
        error
    }

    /// Removes the fields that the server adds from new data, and returns `true` if `key` is one of them.
    pub(super) fn takes<E: ser::Error>(&self, key: &str, value: &impl Serialize) -> Result<bool, E> {
        if key == PERMISSIONS {
            return Err(self.refuse(NO_DATA));
        }
        if !RESERVED_KEYS.contains(&key) {
            return Ok(false);
        }
        if key == "id" {
            let id = serde_json::to_value(value).map_err(|error| self.refuse(format!("{error} at `id`")))?;
            if self.id.replace(Some(id.clone())).is_some_and(|other| other != id) {
                return Err(self.refuse(repeated::reason("id")));
            }
        }
        Ok(true)
    }

    /// Rejects an enum variant that would be the only key of new data, if the server has another meaning for its
    /// name.
    pub(super) fn check_only_key<E: ser::Error>(&self, key: &str) -> Result<(), E> {
        if key == PERMISSIONS {
            return Err(self.refuse(NO_DATA));
        }
        if RESERVED_KEYS.contains(&key) {
            return Err(self.refuse(format!("a variant of an enum is called `{key}`, which the server sets")));
        }
        Ok(())
    }

    pub(super) fn into_id(self) -> Option<Value> {
        self.id.into_inner()
    }

    /// Returns the reason why the value cannot be sent, if there is one.
    pub(super) fn take_reason(&self) -> Option<String> {
        self.reason.take()
    }
}
