use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Record, RecordData};
use crate::error::{Error, Result, Sent, kind::ErrorKind};

/// Two conflicting versions of a record.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Conflict<T> {
    /// The version that was to be written; its timestamp is 0, since it is not stored.
    pub ours: Record<T>,
    /// The stored version, without its permissions, or `None` if the record was deleted.
    pub theirs: Option<Record<T>>,
}

impl Error {
    /// Returns the two conflicting versions of a record: the one to be written, and the stored one.
    ///
    /// Returns `None` if this is no conflict of a write, or if a version does not decode as `T`.
    #[must_use]
    pub fn conflict<T: RecordData>(&self) -> Option<Conflict<T>> {
        if self.kind() != ErrorKind::Conflict {
            return None;
        }
        let theirs = match self.refusal()?.existing.clone() {
            Some(existing) => Some(Record::from_received(existing).ok()?),
            None => None,
        };
        Some(Conflict { ours: record(self.sent()?).ok()?, theirs })
    }

    /// Returns the stored version of a record that conflicted with a write.
    ///
    /// Returns `None` if this is no conflict, if the record was deleted, or if it does not decode as `T`. The
    /// record comes without permissions.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let todo = client.bucket("default").collection(kinto_server::unique("doc"));
    /// use kinto_client::{Value, json};
    ///
    /// todo.create_record(json!({"id": "milk", "title": "Milk"})).await?;
    /// let error = todo.create_record(json!({"id": "milk", "title": "Oat milk"})).await.unwrap_err();
    /// assert_eq!(error.theirs::<Value>().unwrap().data["title"], "Milk");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn theirs<T: RecordData>(&self) -> Option<Record<T>> {
        let existing = self.refusal().and_then(|refusal| refusal.existing.as_ref()).or(self.found());
        Record::from_received(existing?.clone()).ok()
    }
}

/// Returns the record that the request would have stored.
fn record<T: RecordData>(sent: &Sent) -> Result<Record<T>> {
    #[derive(Deserialize)]
    struct Write {
        data: Map<String, Value>,
    }
    let mut write: Write = serde_json::from_slice(&sent.body).map_err(|error| Error::not_kinto(&error, &sent.body))?;
    write.data.insert("id".to_owned(), sent.id.as_str().into());
    write.data.insert("last_modified".to_owned(), 0.into());
    Record::from_received(Value::Object(write.data).to_string().into())
}
