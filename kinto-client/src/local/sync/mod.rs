//! Synchronization: reading what changed on the server, merging it, and sending what changed here.

use std::{fmt, mem, sync::Arc};

use super::{
    collection::LocalCollection,
    inner::{self, Inner},
    policies::{LossPolicy, Policies},
};
use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    operation::{Call, CallContext, sealed},
    wire::object::RecordData,
};

mod all;
pub(crate) mod lease;
mod problems;
mod pull;
mod push;
mod reconcile;
mod reply;
pub(crate) mod rest;

pub use all::SyncAll;
use lease::Lease;
use pull::Pulled;
use push::Pushed;

/// The numbers of records that a synchronization changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SyncReport {
    /// Records that are here now as the server has them, or merged with a change of the server.
    pub received: usize,
    /// Records that were deleted here, since they were deleted on the server.
    pub deleted: usize,
    /// Changes of here that the server has stored, deletions included.
    pub sent: usize,
    /// Records with a new conflict: see [`LocalCollection::conflicts`].
    pub conflicts: usize,
    /// Changes of here that the server refused: see [`LocalCollection::problems`].
    pub refused: usize,
}

/// Synchronizes a collection in a store with the server.
pub struct Synchronize {
    inner: Arc<Inner>,
    policies: Policies,
    pulls: bool,
    pushes: bool,
}

impl<T: RecordData> LocalCollection<T> {
    /// Returns this collection with another decision about records that the server has lost.
    #[must_use]
    pub fn on_loss(mut self, policy: LossPolicy) -> Self {
        self.policies.loss = policy;
        self
    }

    fn synchronize(&self, pulls: bool, pushes: bool) -> Call<'static, Synchronize> {
        let sync = Synchronize { inner: Arc::clone(&self.inner), policies: self.policies.clone(), pulls, pushes };
        Call::new(self.inner.remote.client(), sync)
    }

    /// Reads what changed on the server, merges it with what changed here, and sends that.
    ///
    /// It may be stopped at any moment, also by dropping it or ending the program: what was read and sent is stored, and the
    /// next call goes on there. A change whose response was lost is recognized when it is met again. Records can be
    /// read and written meanwhile.
    ///
    /// Fields that only one side changed have that side's value. If both sides changed one, the record has a conflict, and
    /// [`on_conflict`](Self::on_conflict) says what becomes of it; others are synchronized all the same. A record that the server
    /// refuses has a problem, and does not hold up others either.
    ///
    /// If records have disappeared from the server without having been deleted, or are no longer shared with this user,
    /// [`on_loss`](Self::on_loss) says what becomes of them.
    ///
    /// Without a fence ([`Client::fenced_by`](crate::Client::fenced_by)), two devices that send the same record at the same
    /// moment can lose one of the two changes: Kinto compares versions before it locks the record.
    ///
    /// # Errors
    ///
    /// [`Error::is_connect`] and other errors of requests if the server cannot be reached; [`Error::is_unavailable`] if
    /// another synchronization of the collection is running, here or in another process, or if the server asked for time;
    /// [`Error::is_unauthorized`] if the credentials are another user's than the records; [`Error::is_conflict`] if the server has
    /// lost records, or does not show them to this user any more, and [`on_loss`](Self::on_loss) was not called.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let name = kinto_server::unique("doc");
    /// use kinto_client::{Value, json, local::Store};
    ///
    /// let remote = client.bucket("default").collection(&name);
    /// let notes = Store::in_memory().await?.bind::<Value>(&remote).await?;
    /// notes.create_record(json!({"text": "Milk"})).await?;
    ///
    /// let report = notes.sync().await?;
    /// assert_eq!((report.sent, remote.get_records::<Value>().count().await?), (1, 1));
    /// # Ok(()) }
    /// ```
    pub fn sync(&self) -> Call<'static, Synchronize> {
        self.synchronize(true, true)
    }

    /// Reads what changed on the server and merges it with what changed here, which is not sent: [`sync`](Self::sync) does both.
    ///
    /// # Errors
    ///
    /// As for [`sync`](Self::sync).
    pub fn pull(&self) -> Call<'static, Synchronize> {
        self.synchronize(true, false)
    }

    /// Sends what changed here, without reading what changed on the server: [`sync`](Self::sync) does both.
    ///
    /// # Errors
    ///
    /// As for [`sync`](Self::sync).
    pub fn push(&self) -> Call<'static, Synchronize> {
        self.synchronize(false, true)
    }
}

impl Synchronize {
    fn context(&self) -> CallContext {
        CallContext::new("synchronize", &self.inner.remote.records())
    }

    async fn run(&self, client: &Client) -> Result<SyncReport> {
        let lease = Lease::take(&self.inner).await?;
        let report = self.exchange(client, &lease).await;
        let kept = rest::keep(&self.inner, client, report.as_ref().err()).await;
        let released = lease.release().await;
        let report = report?;
        kept.and(released).map(|()| report)
    }

    async fn exchange(&self, client: &Client, lease: &Lease) -> Result<SyncReport> {
        check_user(&self.inner, client).await?;
        let (mut pulled, mut pushed) = (Vec::<Pulled>::new(), Pushed::default());
        let mut hidden = Vec::new();
        if self.pulls {
            let mut first = pull::pull(&self.inner, client, lease, &self.policies).await?;
            hidden = mem::take(&mut first.hidden);
            pulled.push(first);
        }
        if self.pushes {
            problems::recheck(&self.inner, client, lease).await?;
            push::push(&self.inner, client, lease, &self.policies, &hidden, &mut pushed).await?;
            if pushed.refused > 0 {
                problems::recheck(&self.inner, client, lease).await?;
            }
        }
        if hidden.is_empty() && self.pulls && pushed.stored > 0 {
            // What was written in between, and the position after what was sent.
            let mut second = pull::pull(&self.inner, client, lease, &self.policies).await?;
            hidden = mem::take(&mut second.hidden);
            pulled.push(second);
        }
        if !hidden.is_empty() {
            return Err(reconcile::hidden(hidden.len()));
        }
        let sum = |count: fn(&Pulled) -> usize| pulled.iter().map(count).sum::<usize>();
        Ok(SyncReport {
            received: sum(|pulled| pulled.changed),
            deleted: sum(|pulled| pulled.deleted),
            sent: pushed.stored,
            conflicts: sum(|pulled| pulled.conflicts) + pushed.conflicts,
            refused: pushed.refused,
        })
    }
}

/// Makes sure that the records of one user are not sent with the credentials of another.
async fn check_user(inner: &Inner, client: &Client) -> Result<()> {
    let user = inner::user(client).await?;
    if user == inner.names.user {
        return Ok(());
    }
    let show = |user: &str| if user.is_empty() { "nobody".to_owned() } else { format!("`{user}`") };
    let message = format!(
        "the records are those of {}, and the server takes the credentials for those of {}: nothing was sent",
        show(&inner.names.user),
        show(&user)
    );
    Err(Error::new(ErrorKind::Unauthorized, message))
}

impl sealed::Action for Synchronize {
    const NAME: &'static str = "Synchronize";

    type Output = SyncReport;

    async fn run(self, client: Client) -> Result<SyncReport> {
        let context = self.context();
        Self::run(&self, &client).await.map_err(|error| context.attach(error))
    }
}

impl fmt::Debug for Synchronize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Synchronize({})", self.inner.remote.path())
    }
}
