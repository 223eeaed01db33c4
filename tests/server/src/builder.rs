use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::launcher::{self, Plan};
use crate::lease::{Address, Lease};
use crate::venv::{self, Packages};
use crate::{Error, Server, admin, external, home, ini, postgres, signer};

/// The storage backend of a server.
///
/// ```
/// # fn main() -> Result<(), kinto_server::Error> {
/// use kinto_server::{Backend, Server};
///
/// let server = Server::builder().backend(Backend::Memory).shared()?;
/// assert_eq!(server.backend(), Backend::Memory);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Backend {
    /// The memory of one process.
    Memory,
    /// A private PostgreSQL with several server processes, the only setup with conflicts and rollbacks.
    PostgreSql,
    /// An unknown backend of a server that was running already (`KINTO_SERVER_URL`).
    External,
}

/// The settings of a server to start.
///
/// ```
/// # fn main() -> Result<(), kinto_server::Error> {
/// let server = kinto_server::Server::builder().paginate_by(10).start()?;
/// assert!(server.url().ends_with("/v1"));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Builder {
    settings: BTreeMap<String, String>,
    backend: Option<Backend>,
    workers: Option<u32>,
    admin: bool,
    attachments: bool,
    packages: Packages,
    /// The resources of the signer, if it is used.
    signer: Vec<String>,
}

const LINGER_SECONDS: u32 = 5;

impl Builder {
    /// Sets how many objects a page has.
    ///
    /// ```
    /// let builder = kinto_server::Server::builder().paginate_by(10);
    /// ```
    pub fn paginate_by(self, objects: u32) -> Self {
        self.setting("kinto.paginate_by", objects.to_string())
    }

    /// Sets how many requests a batch may have; Kinto's own default is 25.
    ///
    /// ```
    /// let builder = kinto_server::Server::builder().batch_max_requests(5);
    /// ```
    pub fn batch_max_requests(self, requests: u32) -> Self {
        self.setting("kinto.batch_max_requests", requests.to_string())
    }

    /// Sets anything else that can be in Kinto's ini file, over the default of this crate where it has one.
    ///
    /// ```
    /// let builder = kinto_server::Server::builder().setting("kinto.readonly", "true");
    /// ```
    pub fn setting(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.insert(key.into(), value.into());
        self
    }

    /// Serves Kinto Admin at `/v1/admin/`. It is installed the first time.
    ///
    /// ```
    /// let builder = kinto_server::Server::builder().admin();
    /// ```
    pub fn admin(mut self) -> Self {
        self.admin = true;
        self
    }

    /// Runs the server with the packages `kinto-attachment`, `kinto-signer` and `kinto-changes`, which are installed the
    /// first time. The setting `kinto.includes` says which of them are used.
    ///
    /// ```
    /// let builder = kinto_server::Server::builder()
    ///     .plugins()
    ///     .setting("kinto.includes", "kinto.plugins.accounts kinto_attachment")
    ///     .setting("kinto.attachment.base_path", "attachments");
    /// ```
    pub fn plugins(mut self) -> Self {
        self.packages = Packages::Plugins;
        self
    }

    /// Runs the server with `kinto-signer` and `kinto-changes`, for resources such as
    /// `/buckets/workspace -> /buckets/preview -> /buckets/published`, and a key that is made the first time. The monitor
    /// of changes has the published ones. Reviews and groups are off, as the signer has them: settings turn them on.
    ///
    /// ```
    /// let builder = kinto_server::Server::builder()
    ///     .signer(["/buckets/workspace -> /buckets/published"])
    ///     .setting("kinto.signer.to_review_enabled", "true")
    ///     .setting("kinto.signer.group_check_enabled", "true");
    /// ```
    pub fn signer<R: Into<String>>(mut self, resources: impl IntoIterator<Item = R>) -> Self {
        self.signer = resources.into_iter().map(Into::into).collect();
        self.plugins()
    }

    /// Runs the server with `kinto-attachment`, which serves the files below its own `/v1/admin/`, in place of Kinto Admin.
    /// Their extensions are those of the plugin's group `default`: `txt`, `json`, `png`, …
    ///
    /// ```
    /// let builder = kinto_server::Server::builder().attachments();
    /// ```
    pub fn attachments(mut self) -> Self {
        self.attachments = true;
        self.plugins()
            .setting(
                "kinto.includes",
                "kinto.plugins.accounts kinto.plugins.default_bucket kinto.plugins.history kinto.plugins.admin \
                 kinto.plugins.flush kinto_attachment",
            )
            .setting("kinto.attachment.base_url", "/v1/admin/")
    }

    /// Chooses the backend; without it `KINTO_TEST_BACKEND` does (`memory` or `postgresql`), and else it is memory.
    ///
    /// ```
    /// use kinto_server::{Backend, Server};
    ///
    /// let builder = Server::builder().backend(Backend::PostgreSql);
    /// ```
    pub fn backend(mut self, backend: Backend) -> Self {
        self.backend = Some(backend);
        self
    }

    /// Sets how many processes serve; 2 unless said otherwise. The memory backend is always one process.
    ///
    /// ```
    /// use kinto_server::{Backend, Server};
    ///
    /// let builder = Server::builder().backend(Backend::PostgreSql).workers(4);
    /// ```
    pub fn workers(mut self, processes: u32) -> Self {
        self.workers = Some(processes);
        self
    }

    /// Serves what another server, on PostgreSQL, holds: both are nodes of one, with one cache. It is one process of
    /// `waitress`, where the other is several of gunicorn.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use kinto_server::{Backend, Server};
    ///
    /// let first = Server::builder().backend(Backend::PostgreSql).start()?;
    /// let second = Server::builder().node_of(&first)?.start()?;
    /// assert_ne!(first.url(), second.url());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// For a server that others use too, and one without a PostgreSQL of its own.
    pub fn node_of(self, other: &Server) -> Result<Self, Error> {
        let database = other.database()?;
        if database.is_empty() {
            return Err(Error::new("a server in memory has no other nodes"));
        }
        let settings = ["storage", "permission", "cache"].map(|part| {
            [
                (format!("kinto.{part}_backend"), format!("kinto.core.{part}.postgresql")),
                (format!("kinto.{part}_url"), database.clone()),
            ]
        });
        let node = self.backend(Backend::Memory);
        Ok(settings.into_iter().flatten().fold(node, |node, (key, value)| node.setting(key, value)))
    }

    /// Starts a server nobody else uses. It is stopped when it is dropped, and also when this process is killed.
    ///
    /// ```
    /// # fn main() -> Result<(), kinto_server::Error> {
    /// let server = kinto_server::Server::builder().batch_max_requests(5).start()?;
    /// assert_ne!(server.url(), kinto_server::Server::shared()?.url());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// When there is no server to be had: no Python, no network for the first installation, a setting Kinto refuses.
    pub fn start(self) -> Result<Server, Error> {
        let backend = self.checked()?;
        let home = home::home()?;
        let python = venv::python(&home, self.packages)?;
        let (_, lease) = self.furnished(&home, &python)?.launch(backend, &home, &python, 0)?;
        Server::leased(lease, backend, true)
    }

    /// Uses the server of everybody who asks for the same, in this process and others; starts it where there is none.
    ///
    /// Without settings of its own that is the server [`Server::shared`] has, so also the one in `KINTO_SERVER_URL`.
    ///
    /// ```
    /// # fn main() -> Result<(), kinto_server::Error> {
    /// let [one, other] = [7, 7].map(|n| kinto_server::Server::builder().paginate_by(n).shared());
    /// assert_eq!(one?.url(), other?.url());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start), or when nothing answers at `KINTO_SERVER_URL`.
    pub fn shared(self) -> Result<Server, Error> {
        let plain = self.settings.is_empty()
            && self.backend.is_none()
            && self.workers.is_none()
            && !self.admin
            && self.packages == Packages::Kinto;
        if let Some(url) = external::asked_for().filter(|_| plain) {
            external::check(&url)?;
            return Ok(Server::external(url));
        }
        let backend = self.checked()?;
        let home = home::home()?;
        let python = venv::python(&home, self.packages)?;
        let this = self.furnished(&home, &python)?;
        let parts = [launcher::key(), this.packages.key(), this.ini(backend), this.processes(backend).to_string()];
        let key = home::key(parts.iter().map(String::as_str));
        let shared = home::directory(home.join("shared"))?;
        let state = shared.join(format!("{key}.json"));
        let lock = home::lock(&shared.join(format!("{key}.lock")), "starting Kinto")?;
        let found = fs::read_to_string(&state).ok().and_then(|text| Address::parse(&text, &home));
        let lease = if let Some(lease) = found.and_then(|address| Lease::take(&address)) {
            lease
        } else {
            let (address, lease) = this.launch(backend, &home, &python, LINGER_SECONDS)?;
            home::write(&state, &address.text())?;
            lease
        };
        // The others take their leases now and wait with this one.
        drop(lock);
        Server::leased(lease, backend, false)
    }

    fn checked(&self) -> Result<Backend, Error> {
        if cfg!(not(unix)) {
            let problem = "A server cannot be started on this system: processes and sockets are handled as on Unix.";
            return Err(Error::with_ways_out(problem, "use Linux, macOS or WSL"));
        }
        ini::check(&self.settings)?;
        match self.backend {
            Some(Backend::External) => {
                Err(Error::new("a server that exists already is asked for with KINTO_SERVER_URL and Server::shared()"))
            }
            Some(backend) => Ok(backend),
            None => match std::env::var("KINTO_TEST_BACKEND").unwrap_or_default().as_str() {
                "" | "memory" => Ok(Backend::Memory),
                "postgresql" => Ok(Backend::PostgreSql),
                other => Err(Error::new(format!("KINTO_TEST_BACKEND is {other:?}; it can be memory or postgresql"))),
            },
        }
    }

    /// With the settings that depend on what has to be installed first.
    fn furnished(self, home: &Path, python: &Path) -> Result<Self, Error> {
        let mut this = if self.signer.is_empty() { self } else { self.with_signer(&signer::key(home, python)?) };
        if this.attachments {
            let files = home::directory(home.join("attachments"))?;
            home::write(&files.join("VERSION"), "files")?;
            let files = files.to_string_lossy().into_owned();
            this = this.setting("kinto.attachment.base_path", &*files).setting("kinto.admin_assets_path", &*files);
        } else if this.admin {
            let assets = admin::assets(home, python)?;
            this = this.setting("kinto.admin_assets_path", assets.to_string_lossy());
        }
        Ok(this)
    }

    /// With the settings of the signer, over which the test's own go.
    fn with_signer(mut self, key: &Path) -> Self {
        for (name, value) in signer::settings(&self.signer, key) {
            self.settings.entry(name).or_insert(value);
        }
        self
    }

    fn ini(&self, backend: Backend) -> String {
        ini::text(backend, &self.settings)
    }

    fn processes(&self, backend: Backend) -> u32 {
        if backend == Backend::PostgreSql { self.workers.unwrap_or(2).max(1) } else { 1 }
    }

    fn launch(&self, backend: Backend, home: &Path, python: &Path, linger: u32) -> Result<(Address, Lease), Error> {
        let binaries = match backend {
            Backend::PostgreSql => Some(postgres::binaries(home, python)?),
            _ => None,
        };
        let ini = self.ini(backend);
        let plan = Plan { postgres: binaries.as_deref(), workers: self.processes(backend), linger, ini: &ini };
        let address = launcher::start(home, python, &plan)?;
        match Lease::take(&address) {
            Some(lease) => Ok((address, lease)),
            None => Err(launcher::failed("the launcher does not answer", &address.directory)),
        }
    }
}
