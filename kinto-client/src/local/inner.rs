//! The state that all handles of a collection share.

use std::{sync::Mutex, time::SystemTime};

use futures_core::stream::BoxStream;
use futures_util::{StreamExt as _, stream};
use rusqlite::Transaction;

use super::{
    row::{Policy, Row, Rules},
    store::{
        collections::Names,
        connection::Database,
        failure::Failure,
        rows::{self, CollectionNumber, Rows},
    },
    window::Window,
};
use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    handle::Collection,
    json::merge::three_way::RecordType,
    wire::timestamp::Timestamp,
};

/// The state that all handles of a collection share.
pub(crate) struct Inner {
    pub(crate) database: Database,
    pub(crate) remote: Collection,
    pub(crate) number: CollectionNumber,
    pub(crate) names: Names,
    pub(crate) record_type: RecordType,
    /// What this process knows of the list on the server.
    pub(crate) window: Mutex<Window>,
}

impl Inner {
    /// Returns a record as it is here.
    pub(crate) async fn row(&self, id: &str) -> Result<Row> {
        let (number, id) = (self.number, id.to_owned());
        self.database.read(move |transaction| rows::load(transaction, number, &id)).await
    }

    /// Changes a record by a rule, in one transaction, and returns it as it is then.
    pub(crate) async fn change<F>(&self, id: &str, change: F) -> Result<Row>
    where
        F: FnOnce(Row, &Rules) -> Result<Row> + Send + 'static,
    {
        let (number, record_type, id) = (self.number, self.record_type, id.to_owned());
        let change = move |transaction: &Transaction<'_>| {
            let rows = Rows::new(transaction, number)?;
            let stored = rows.load(&id)?;
            let before = &stored.row;
            let rules = rules(transaction, Policy::Manual, record_type)?;
            let row = change(before.clone(), &rules)?;
            rows.save(&id, &stored, &row)?;
            Ok(row)
        };
        self.database.write(change).await
    }

    /// Checks an id and data that are to be stored, as they are checked before they are sent.
    pub(crate) fn check(&self, id: &str, data: &str) -> Result<()> {
        let list = self.remote.records();
        list.checked_at(id)?;
        list.check(Some(id), data.as_bytes())
    }
}

/// Refuses options that are for requests, since a call on the records here sends none.
pub(crate) fn without_options(client: &Client) -> Result<()> {
    if client.is_for_one_call() {
        return Err(Error::invalid(
            "a call on the records in a store sends no request, so that `.retry(…)`, `.timeout(…)` and `.header(…)` have \
             nothing to act on: leave them out, or give them to `sync()`",
        ));
    }
    Ok(())
}

/// Returns a stream that reads the store, or one with an error alone for options that are for requests.
pub(crate) fn reading<'a, T: Send + 'a>(
    client: &Client,
    read: impl FnOnce() -> BoxStream<'a, Result<T>>,
) -> BoxStream<'a, Result<T>> {
    match without_options(client) {
        Ok(()) => read(),
        Err(error) => stream::once(std::future::ready(Err(error))).boxed(),
    }
}

/// Returns the circumstances of a change: its number, and the time.
pub(crate) fn rules(transaction: &Transaction<'_>, policy: Policy, record_type: RecordType) -> Result<Rules, Failure> {
    Ok(Rules { policy, record_type, revision: rows::next_number(transaction)?, now: now() })
}

/// Returns the id of the user that the server takes the credentials for; an empty one for a client without any.
///
/// # Errors
///
/// [`Error::is_unauthorized`] if the server does not accept the credentials: nothing may be kept as nobody's then.
pub(crate) async fn user(client: &Client) -> Result<String> {
    match client.identify().await? {
        Some(user) => Ok(user.to_string()),
        None if client.has_credentials() => Err(Error::new(
            ErrorKind::Unauthorized,
            "the server did not accept the credentials, so that it is not known whose records are meant: nothing was stored or \
             sent",
        )),
        None => Ok(String::new()),
    }
}

pub(crate) fn now() -> Timestamp {
    Timestamp::try_from(SystemTime::now()).unwrap_or(Timestamp::from_millis(0))
}
