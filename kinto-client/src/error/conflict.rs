use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Error, Result};
use crate::wire::object::{Data, Record};

/// Two versions of a record, of which one stands in the way of the other.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Conflict<T> {
    /// What was to be written. Its timestamp is 0, for it is not on the server.
    pub ours: Record<T>,
    /// What the server holds, without its permissions; `None` if it holds nothing: the record was deleted.
    pub theirs: Option<Record<T>>,
}

/// What was sent in vain.
#[derive(Clone)]
pub(super) struct Sent {
    pub(super) path: String,
    pub(super) body: Bytes,
}

impl Sent {
    /// The record that it would have become.
    pub(super) fn record<T: Data>(&self) -> Result<Record<T>> {
        #[derive(Deserialize)]
        struct Write {
            data: Map<String, Value>,
        }
        let mut write: Write =
            serde_json::from_slice(&self.body).map_err(|error| Error::not_kinto(&error, &self.body))?;
        let id = self.path.rsplit('/').next().unwrap_or_default();
        write.data.insert("id".to_owned(), id.into());
        write.data.insert("last_modified".to_owned(), 0.into());
        Record::from_received(Value::Object(write.data).to_string().into())
    }
}
