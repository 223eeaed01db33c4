use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::lease::Lease;
use crate::{Backend, Builder, Error, launcher};

/// A lease on a running server; dropping it gives the lease back.
///
/// The account `admin` with the password `admin` exists. Any other name and password are accepted too, each pair as a
/// user of its own. The server can be emptied by whoever asks, with `POST /v1/__flush__`, which also removes `admin`:
/// only do that to a server of your own.
///
/// ```
/// # fn main() -> Result<(), kinto_server::Error> {
/// use kinto_server::Server;
///
/// let server = Server::shared()?;
/// println!("{}/buckets", server.url());
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Server {
    url: String,
    backend: Backend,
    log: Option<PathBuf>,
    lease: Option<Mutex<Lease>>,
    private: bool,
}

impl Server {
    /// The server that all tests of a run share, in this process and others. It is started by whoever asks first.
    ///
    /// With `KINTO_SERVER_URL` set it is the one at that address, and nothing is started.
    ///
    /// ```
    /// # fn main() -> Result<(), kinto_server::Error> {
    /// use kinto_server::Server;
    ///
    /// assert_eq!(Server::shared()?.url(), Server::shared()?.url());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// When there is no server to be had; the message says what to do about it.
    pub fn shared() -> Result<&'static Self, Error> {
        static SHARED: OnceLock<Server> = OnceLock::new();
        static STARTING: Mutex<()> = Mutex::new(());
        let _one_at_a_time = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        match SHARED.get() {
            Some(server) => Ok(server),
            None => Self::builder().shared().map(|server| SHARED.get_or_init(|| server)),
        }
    }

    /// Creates a builder for the settings of a server to start.
    ///
    /// ```
    /// # fn main() -> Result<(), kinto_server::Error> {
    /// let server = kinto_server::Server::builder().setting("kinto.readonly", "true").start()?;
    /// # Ok(()) }
    /// ```
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The address requests go to, with the version and without a slash at its end.
    ///
    /// ```
    /// # fn main() -> Result<(), kinto_server::Error> {
    /// let url = kinto_server::Server::shared()?.url();
    /// assert!(url.starts_with("http") && url.ends_with("/v1"));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the storage backend of the server.
    ///
    /// ```
    /// # fn main() -> Result<(), kinto_server::Error> {
    /// use kinto_server::{Backend, Server};
    ///
    /// let conflicts_happen = Server::shared()?.backend() == Backend::PostgreSql;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// Returns the log of the server so far, one line per request; it is empty for a server that was running
    /// already.
    ///
    /// ```
    /// # fn main() -> Result<(), kinto_server::Error> {
    /// let log = kinto_server::Server::builder().start()?.log();
    /// assert!(log.contains("path=/v1/__heartbeat__"), "{log}");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn log(&self) -> String {
        let bytes = self.log_path().and_then(|path| fs::read(path).ok());
        String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
    }

    /// The file of the log. It stays when the server has ended, until some tens of others were started.
    ///
    /// ```
    /// # fn main() -> Result<(), kinto_server::Error> {
    /// if let Some(path) = kinto_server::Server::shared()?.log_path() {
    ///     println!("more is in {}", path.display());
    /// }
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn log_path(&self) -> Option<&Path> {
        self.log.as_deref()
    }

    /// Kills the processes that serve, as a crash would: connections break off and new ones are refused.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = kinto_server::Server::builder().start()?;
    /// server.kill_server()?;
    /// let address = server.url().trim_start_matches("http://").trim_end_matches("/v1");
    /// assert!(std::net::TcpStream::connect(address).is_err());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// For a server that others use too.
    pub fn kill_server(&self) -> Result<(), Error> {
        self.command("kill").map(drop)
    }

    /// Starts the server again at the same address, and kills it before where it still runs.
    ///
    /// PostgreSQL runs on and keeps the data; what was in memory is lost.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = kinto_server::Server::builder().start()?;
    /// server.kill_server()?;
    /// server.restart_server()?;
    /// let address = server.url().trim_start_matches("http://").trim_end_matches("/v1");
    /// assert!(std::net::TcpStream::connect(address).is_ok());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// For a server that others use too, and when it does not come up again.
    pub fn restart_server(&self) -> Result<(), Error> {
        self.command("restart").map(drop)
    }

    /// Starts the server again at the same address, after it has ended what it had begun, as an operator renews one.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = kinto_server::Server::builder().start()?;
    /// server.renew_server()?;
    /// let address = server.url().trim_start_matches("http://").trim_end_matches("/v1");
    /// assert!(std::net::TcpStream::connect(address).is_ok());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// For a server that others use too, and when it does not come up again.
    pub fn renew_server(&self) -> Result<(), Error> {
        self.command("renew").map(drop)
    }

    /// Starts the server's PostgreSQL again, with all that is committed; whatever is under way there is cut off.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use kinto_server::{Backend, Server};
    ///
    /// let server = Server::builder().backend(Backend::PostgreSql).start()?;
    /// server.restart_database()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// For a server that others use too, and one without a PostgreSQL of its own.
    pub fn restart_database(&self) -> Result<(), Error> {
        self.command("restart-database").map(drop)
    }

    /// The address of the server's own PostgreSQL; empty on the memory backend.
    pub(crate) fn database(&self) -> Result<String, Error> {
        self.command("database")
    }

    fn command(&self, command: &str) -> Result<String, Error> {
        let Some(lease) = self.lease.as_ref().filter(|_| self.private) else {
            return Err(Error::new("others use this server; one that can be killed is made with Builder::start"));
        };
        lease.lock().unwrap_or_else(PoisonError::into_inner).command(command)
    }

    pub(crate) fn external(url: String) -> Self {
        Self { url, backend: Backend::External, log: None, lease: None, private: false }
    }

    pub(crate) fn leased(mut lease: Lease, backend: Backend, private: bool) -> Result<Self, Error> {
        let url = lease.url()?;
        let log = Some(launcher::log(&lease.directory));
        Ok(Self { url, backend, log, lease: Some(Mutex::new(lease)), private })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(lease) = &mut self.lease {
            lease.get_mut().unwrap_or_else(PoisonError::into_inner).give_back();
        }
    }
}
