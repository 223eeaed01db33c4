use std::{fmt, time::Duration};

use super::{
    kinto::Kinto,
    server::settings::{EndOfService, Settings},
};
use crate::wire::{object::principal::Principal, timestamp::Timestamp};

/// The builder of a [`Kinto`], with the settings of the server; created by [`Kinto::builder`].
///
/// ```
/// use kinto_client::testing::Kinto;
///
/// let kinto = Kinto::builder().paginate_by(5).history(false).build();
/// ```
#[derive(Clone)]
#[must_use = "a builder makes nothing until `build` is called"]
pub struct KintoBuilder {
    settings: Settings,
    now: Option<Timestamp>,
    records: bool,
}

impl KintoBuilder {
    pub(super) fn new() -> Self {
        Self { settings: Settings::default(), now: None, records: true }
    }

    /// Creates the server.
    #[must_use]
    pub fn build(self) -> Kinto {
        Kinto::with(self.settings, self.now, self.records)
    }

    fn set(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Sets the largest number of objects in one page (`kinto.paginate_by`); by default a page has up to 10,000.
    pub fn paginate_by(self, objects: usize) -> Self {
        self.set(|settings| settings.paginate_by = Some(objects))
    }

    /// Sets the largest number of objects that are read at once whatever is asked for (`kinto.storage_max_fetch_size`);
    /// the default is 10,000.
    pub fn max_fetch_size(self, objects: usize) -> Self {
        self.set(|settings| settings.max_fetch_size = objects)
    }

    /// Sets the largest number of requests in a batch (`kinto.batch_max_requests`); the default is 25.
    pub fn batch_max_requests(self, requests: usize) -> Self {
        self.set(|settings| settings.batch_max_requests = requests)
    }

    /// Sets whether who creates or changes an object may write it from then on (`kinto.explicit_permissions`); on by default.
    pub fn explicit_permissions(self, on: bool) -> Self {
        self.set(|settings| settings.explicit_permissions = on)
    }

    /// Sets whether the server refuses all writes (`kinto.readonly`); off by default.
    pub fn readonly(self, on: bool) -> Self {
        self.set(|settings| settings.readonly = on)
    }

    /// Sets whether there are accounts; on by default. A user without an account is one of `basicauth`.
    pub fn accounts(self, on: bool) -> Self {
        self.set(|settings| settings.accounts = on)
    }

    /// Sets whether any user name with any password is accepted (`basicauth`); on by default.
    pub fn basic_auth(self, on: bool) -> Self {
        self.set(|settings| settings.basic_auth = on)
    }

    /// Sets whether each user has a bucket `default`; on by default.
    pub fn default_bucket(self, on: bool) -> Self {
        self.set(|settings| settings.default_bucket = on)
    }

    /// Sets whether changes are recorded in the history of their bucket; on by default.
    pub fn history(self, on: bool) -> Self {
        self.set(|settings| settings.history = on)
    }

    /// Sets whether there is a list of the caller's permissions, `/permissions`; on by default.
    pub fn permissions_endpoint(self, on: bool) -> Self {
        self.set(|settings| settings.permissions_endpoint = on)
    }

    /// Sets whether records are checked against the JSON Schema of their collection; on by default.
    #[cfg(feature = "schema")]
    pub fn schemas(self, on: bool) -> Self {
        self.set(|settings| settings.schema = on)
    }

    /// Sets the `Backoff` header of all responses, in whole seconds; by default there is none.
    pub fn backoff(self, delay: Duration) -> Self {
        self.set(|settings| settings.backoff = Some(delay.as_secs()))
    }

    /// Sets whether guarded writes of one object that are under way at the same time overwrite each other, as they do
    /// between the processes of a Kinto on PostgreSQL, which compares before it locks; off by default.
    ///
    /// Batches are exact: see [`fenced_by`](crate::TypedCollection::fenced_by).
    pub fn races(self, on: bool) -> Self {
        self.set(|settings| settings.races = on)
    }

    /// Sets the `Retry-After` header of 409 and 503, in whole seconds; the default is three.
    pub fn retry_after(self, delay: Duration) -> Self {
        self.set(|settings| settings.retry_after = delay.as_secs())
    }

    /// Announces the end of the service in the `Alert` header of all responses.
    pub fn soft_end_of_service(self, message: &str, url: &str) -> Self {
        self.end_of_service(false, message, url)
    }

    /// Refuses all requests with 410, since the service has ended.
    pub fn hard_end_of_service(self, message: &str, url: &str) -> Self {
        self.end_of_service(true, message, url)
    }

    fn end_of_service(self, reached: bool, message: &str, url: &str) -> Self {
        let end = EndOfService { reached, message: message.to_owned(), url: url.to_owned() };
        self.set(|settings| settings.end_of_service = Some(end))
    }

    /// Gives a permission to principals by the settings of the server, such as `bucket_create`, `bucket_write` or
    /// `collection_create`, instead of those that have it by default.
    ///
    /// By default, `bucket_create` is given to `system.Authenticated`, `account_create` to `system.Everyone`, and
    /// `account_read` and `account_write` to `account:admin`.
    pub fn allow(self, permission: &str, principals: impl IntoIterator<Item: Into<Principal>>) -> Self {
        let principals = principals.into_iter().map(|principal| principal.into().to_string()).collect();
        self.set(|settings| _ = settings.principals.insert(format!("{permission}_principals"), principals))
    }

    /// Sets whether requests are kept for [`Kinto::requests`]; on by default. A test of very many requests may not have the
    /// memory for them.
    pub fn record_requests(mut self, on: bool) -> Self {
        self.records = on;
        self
    }

    /// Sets the time of the server at its start, so that timestamps are the same in each run; by default it is the time of
    /// the system. From then on the time goes on with tokio's clock, which a test can pause.
    pub fn starting_at(mut self, time: Timestamp) -> Self {
        self.now = Some(time);
        self
    }
}

impl fmt::Debug for KintoBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KintoBuilder").finish_non_exhaustive()
    }
}
