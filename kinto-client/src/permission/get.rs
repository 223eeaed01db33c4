use std::future::ready;

use futures_core::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use http::Method;

use super::entry::{ALWAYS_THERE, FIELDS, Permission, PermissionEntry};
use crate::{
    client::{Client, span},
    error::{Error, Result},
    operation::{
        Call, CallContext,
        list::{entries::entry, items::Items, pages::Source},
        sealed,
    },
    wire::{
        filter::{Filter, Operator},
        list_query::Listing,
        preview::RequestPreview,
        request::{Capability, Request},
    },
};

const PATH: &str = "/permissions";

/// Reads the permissions of the current user.
///
/// | option | effect |
/// |---|---|
/// | [`filter`](Call::filter) | restricts it to entries whose fields match |
/// | `having` | restricts it to entries with a permission |
/// | [`sort`](Call::sort), [`limit`](Call::limit), `page_size` | sets the order and the numbers of entries |
/// | `first` | returns the first entry |
/// | `count` | returns the number of entries |
/// | `stream` | returns the entries as they arrive |
///
/// Filters and orders are of the fields that [`PermissionEntry::fields`] has. The call is
/// [`Error::is_invalid`](crate::Error::is_invalid) for a filter that the server would refuse, fail at or regard in part:
/// `like` on an id, and `has_key` or `is_missing` of more than one field.
///
/// ```
/// # fn main() -> kinto_client::Result<()> {
/// # let client = kinto_client::Client::builder("https://kinto.example.org/v1").build()?;
/// use kinto_client::permissions::PermissionEntry;
///
/// let f = PermissionEntry::fields();
/// let records = client.get_permissions().filter(f.resource_name.eq("record")).sort(f.uri.asc()).limit(5);
/// let target = records.preview()?.target().unwrap();
/// assert_eq!(target, "/permissions?eq_resource_name=%22record%22&_sort=uri&_limit=5");
/// # Ok(()) }
/// ```
#[derive(Default)]
pub struct GetPermissions {
    listing: Listing<PermissionEntry>,
    /// The permissions that an entry must have, which only the client can select by.
    having: Vec<Permission>,
}

/// Reads the first entry of the permissions of the current user.
pub struct GetFirstPermission(GetPermissions);

/// Counts the entries of the permissions of the current user.
pub struct CountPermissions(GetPermissions);

impl GetPermissions {
    fn context() -> CallContext {
        CallContext::new("get", PATH)
    }

    /// Rejects conditions on fields that the server does not know, or at which it would fail or err.
    fn check(&self) -> Result<()> {
        let unknown = |field: &str| {
            Err(Error::invalid(format!(
                "permissions cannot be filtered or sorted by {field:?}: the server knows {}",
                FIELDS.join(", ")
            )))
        };
        for sort in &self.listing.sort {
            let field = sort.field()?;
            if !FIELDS.contains(&field) {
                return unknown(field);
            }
        }
        let parameters = self.listing.filter.as_ref().map(Filter::parameters).transpose()?.unwrap_or_default();
        for parameter in &parameters {
            let field = parameter.field.as_str();
            if !FIELDS.contains(&field) {
                return unknown(field);
            }
            // It compares in its memory, whatever its storage is, and fails with 500 at what is not there.
            if parameter.operator == Operator::Like && !ALWAYS_THERE.contains(&field) {
                return Err(Error::invalid(format!(
                    "`like` is possible on `uri` and `resource_name` only: the server fails at entries that lack {field:?}"
                )));
            }
        }
        if parameters.iter().filter(|parameter| parameter.operator == Operator::Has).count() > 1 {
            return Err(Error::invalid(
                "`has_key` and `is_missing` can be asked for one field at a time: the server would regard the last only",
            ));
        }
        Ok(())
    }

    fn request(&self) -> Result<Request> {
        self.check()?;
        let mut listing = self.listing.clone();
        if !self.having.is_empty() && listing.limit != Some(0) {
            listing.limit = None;
        }
        let mut request = Request::get(PATH.to_owned()).needing(Capability("permissions_endpoint"));
        request.query = listing.query(PATH)?;
        listing.ask(request)
    }

    /// Returns the entries as they arrive.
    fn entries(self, client: &Client) -> BoxStream<'static, Result<PermissionEntry>> {
        let Self { listing, having, .. } = &self;
        let limit = listing.limit.unwrap_or(usize::MAX);
        // The client selects by permissions, so that the server cannot count.
        let pages_limit = listing.limit.filter(|_| having.is_empty());
        let source = Source::new(client.clone(), Self::context(), self.request()).wanted(pages_limit);
        Items::new(source, pages_limit, false)
            .map(|item| item.and_then(|raw| entry(&raw)).map_err(|error| Self::context().attach(error)))
            .try_filter(move |entry: &PermissionEntry| {
                ready(self.having.iter().all(|permission| entry.permissions.contains(permission)))
            })
            // An error is the last item; a limit of 0 is one.
            .take(limit.max(1))
            .boxed()
    }

    fn preview_with(&self, follows: &'static str) -> Result<RequestPreview> {
        let request = self.request().map_err(|error| Self::context().attach(error))?;
        RequestPreview::first(request, follows)
    }
}

const PAGES: &str = "then a GET of each further page, as its `Next-Page` says";

impl sealed::Preview for GetPermissions {
    fn preview(&self) -> Result<RequestPreview> {
        self.preview_with(PAGES)
    }
}

impl sealed::Action for GetPermissions {
    const NAME: &'static str = "GetPermissions";

    type Output = Vec<PermissionEntry>;

    async fn run(self, client: Client) -> Result<Vec<PermissionEntry>> {
        self.entries(&client).try_collect().await
    }
}

impl sealed::Preview for GetFirstPermission {
    fn preview(&self) -> Result<RequestPreview> {
        self.0.preview_with(PAGES)
    }
}

impl sealed::Action for GetFirstPermission {
    const NAME: &'static str = "GetFirstPermission";

    type Output = Option<PermissionEntry>;

    async fn run(self, client: Client) -> Result<Option<PermissionEntry>> {
        self.0.entries(&client).try_next().await
    }
}

impl CountPermissions {
    fn context() -> CallContext {
        CallContext::new("count", PATH)
    }

    fn request(&self) -> Result<Request> {
        if self.0.listing.limit.is_some() {
            return Err(Error::invalid("`count` counts all matching entries: remove `.limit(…)`"));
        }
        let request = self.0.request()?;
        if !self.0.having.is_empty() {
            return Ok(request);
        }
        let listing = Listing { sort: Vec::new(), page_size: None, ..self.0.listing.clone() };
        Ok(Request { method: Method::HEAD, query: listing.conditions()?, ..request })
    }

    async fn count(self, client: &Client) -> Result<usize> {
        let request = self.request()?;
        if !self.0.having.is_empty() {
            return self.0.entries(client).try_fold(0, |count, _| ready(Ok(count + 1))).await;
        }
        match client.send(&request).await?.success() {
            Ok(response) => response.total(),
            Err(error) => Err(client.name_missing_capability(request.needs, error).await),
        }
    }
}

impl sealed::Preview for CountPermissions {
    fn preview(&self) -> Result<RequestPreview> {
        let request = self.request().map_err(|error| Self::context().attach(error))?;
        if self.0.having.is_empty() {
            return RequestPreview::only(Some(request));
        }
        RequestPreview::first(request, PAGES)
    }
}

impl sealed::Action for CountPermissions {
    const NAME: &'static str = "CountPermissions";

    type Output = usize;

    async fn run(self, client: Client) -> Result<usize> {
        self.count(&client).await.map_err(|error| Self::context().attach(error))
    }
}

impl sealed::Filters for GetPermissions {
    type Of = PermissionEntry;

    fn listing(&mut self) -> &mut Listing<PermissionEntry> {
        &mut self.listing
    }
}

impl sealed::Sorts for GetPermissions {}

impl<'a> Call<'a, GetPermissions> {
    /// Restricts the call to entries with this permission. If it is called more than once, entries must have all of them.
    ///
    /// The server has no filter for it: all entries that match the filters are read, and those without the permission are
    /// dropped.
    pub fn having(mut self, permission: Permission) -> Self {
        self.op.having.push(permission);
        self
    }

    /// Sets the number of entries per page; the server may send fewer, and chooses the number if it is not set.
    pub fn page_size(mut self, entries: u32) -> Self {
        self.op.listing.page_size = Some(entries);
        self
    }

    /// Returns the first entry, or `None` if there is none.
    pub fn first(mut self) -> Call<'a, GetFirstPermission> {
        self.op.listing.limit = Some(1);
        Call::new(&self.client, GetFirstPermission(self.op))
    }

    /// Returns the number of entries, without reading them unless they are selected with [`having`](Self::having).
    pub fn count(self) -> Call<'a, CountPermissions> {
        Call::new(&self.client, CountPermissions(self.op))
    }

    /// Returns the entries as a stream, as they arrive. At most two pages are in memory.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// use futures_util::TryStreamExt as _;
    ///
    /// let mut entries = client.get_permissions().page_size(100).stream();
    /// while let Some(entry) = entries.try_next().await? {
    ///     println!("{}: {:?}", entry.uri, entry.permissions);
    /// }
    /// # Ok(()) }
    /// ```
    #[must_use = "a stream reads nothing until it is polled"]
    pub fn stream(self) -> BoxStream<'static, Result<PermissionEntry>> {
        let client = self.client;
        span::open("GetPermissions").in_scope(|| self.op.entries(&client))
    }
}

macro_rules! debug {
    ($($call:ident),+) => {$(
        impl std::fmt::Debug for $call {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({PATH})", stringify!($call))
            }
        }
    )+};
}

debug!(GetPermissions, GetFirstPermission, CountPermissions);
