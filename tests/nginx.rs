use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use kinto_server::unique;
use tokio::net::{TcpSocket, TcpStream};

/// An nginx of a test's own in front of one or several servers, which ends when it is dropped, and also when the test is
/// killed.
#[derive(Debug)]
pub struct Nginx {
    url: String,
    directory: PathBuf,
    process: Child,
    /// Keeps the port: it is bound and does not listen, so that nginx can, and the system gives it to nobody else.
    _port: TcpSocket,
}

/// Sets up an [`Nginx`]. Without any of these it passes on all requests as Debian's default configuration does.
#[derive(Clone, Debug)]
#[must_use]
pub struct NginxBuilder {
    servers: Vec<String>,
    http: String,
    location: String,
}

/// How long nginx may take to start.
const START: Duration = Duration::from_secs(20);

/// Starts nginx and ends it when standard input does, so that it does not outlive the test.
const SCRIPT: &str = r#""$0" -p "$1" -c "$1/nginx.conf" </dev/null & read -r _; kill -KILL "$!"; wait"#;

impl Nginx {
    /// An nginx in front of the servers at these addresses, of which each gets a request in turn. The same address can be
    /// there twice: a request that is sent to the next server is sent to the same one then.
    pub fn before<'a>(upstreams: impl IntoIterator<Item = &'a str>) -> NginxBuilder {
        let authority = |url: &str| {
            let rest = url.strip_prefix("http://").and_then(|rest| rest.split('/').next());
            rest.expect("a server without TLS").to_owned()
        };
        let servers = upstreams.into_iter().map(authority).collect();
        NginxBuilder { servers, http: String::new(), location: String::new() }
    }

    /// Its address, with the version prefix, which is that of the servers.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The requests that it has answered, with the statuses of its answers: `GET /v1/buckets 200`. Waits until there are so
    /// many, since a line is written after the answer was sent.
    ///
    /// # Panics
    ///
    /// When there are fewer for a long time.
    pub async fn answered(&self, at_least: usize) -> Vec<String> {
        let started = Instant::now();
        loop {
            let log = fs::read_to_string(self.directory.join("access.log")).expect("a log");
            let lines: Vec<_> = log.lines().map(str::to_owned).collect();
            if lines.len() >= at_least {
                return lines;
            }
            assert!(started.elapsed() < START, "{at_least} requests were expected: {lines:#?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl NginxBuilder {
    /// Adds lines where they count for every server of the configuration.
    pub fn http(mut self, lines: &str) -> Self {
        let _ = writeln!(self.http, "  {lines}");
        self
    }

    /// Adds lines where they count for the requests that are passed on.
    pub fn location(mut self, lines: &str) -> Self {
        let _ = writeln!(self.location, "      {lines}");
        self
    }

    /// Sends a request again to the next server also after these statuses, beside errors and timeouts, which is what
    /// nginx does with PUT and DELETE unless it is told otherwise. With `non_idempotent` it does so with POST and PATCH.
    pub fn resending(self, conditions: &str) -> Self {
        self.location(&format!("proxy_next_upstream error timeout {conditions};"))
    }

    /// Has a cache, for which nginx takes the preconditions off each GET. It keeps no response that forbids it, and all
    /// of Kinto's do, unless `keeping`.
    pub fn caching(self, keeping: bool) -> Self {
        let this = self
            .http("proxy_cache_path DIRECTORY/cache keys_zone=kinto:1m;")
            .location("proxy_cache kinto; proxy_cache_key $request_uri$http_authorization;");
        if keeping {
            this.location("proxy_ignore_headers Cache-Control Expires; proxy_cache_valid 200 1h;")
        } else {
            this
        }
    }

    /// Compresses all responses, of whatever size, for those who ask for it.
    pub fn compressing(self) -> Self {
        self.http("gzip on; gzip_types *; gzip_min_length 1; gzip_proxied any;")
    }

    /// Passes on no requests longer than this: it answers them with 413.
    pub fn max_body(self, size: &str) -> Self {
        self.http(&format!("client_max_body_size {size};"))
    }

    /// Takes so many requests a second and no more: it answers the others with 429, and a `Retry-After` of a second.
    pub fn limiting(self, rate: &str) -> Self {
        self.http(&format!("limit_req_zone $server_addr zone=limit:1m rate={rate};"))
            .location("limit_req zone=limit; limit_req_status 429;")
            .http("map $status $retry_after { 429 1; }")
            .location("add_header Retry-After $retry_after always;")
    }

    /// Starts it. Where there is no nginx, it says so on standard error, and there is none: the test is skipped.
    ///
    /// # Panics
    ///
    /// When nginx does not take the configuration.
    pub async fn start(self) -> Option<Nginx> {
        let Some(binary) = binary() else {
            // The harness shows what a test prints only if that fails; this is to be seen.
            let _ = writeln!(std::io::stderr(), "SKIPPED: nginx is not installed (Debian: apt-get install nginx)");
            return None;
        };
        let port = TcpSocket::new_v4().expect("a socket");
        port.set_reuseaddr(true).expect("an option of sockets");
        port.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a port");
        let address = port.local_addr().expect("an address");
        let directory = std::env::temp_dir().join(unique("nginx"));
        fs::create_dir(&directory).expect("a directory");
        let configuration = self.configuration(&directory, address);
        fs::write(directory.join("nginx.conf"), configuration).expect("a file");
        let process = Command::new("/bin/sh")
            .args(["-c", SCRIPT])
            .arg(binary)
            .arg(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        let nginx = Nginx { url: format!("http://{address}/v1"), directory, process, _port: port };
        let started = Instant::now();
        while TcpStream::connect(address).await.is_err() {
            let log = || fs::read_to_string(nginx.directory.join("error.log")).unwrap_or_default();
            assert!(!log().contains("[emerg]") && started.elapsed() < START, "nginx does not start: {}", log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Some(nginx)
    }

    fn configuration(&self, directory: &Path, address: SocketAddr) -> String {
        let directory = directory.display().to_string();
        let servers: String = self
            .servers
            .iter()
            .map(|server| format!("    server {server} max_fails=0;\n"))
            .collect::<Vec<_>>()
            .concat();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("  {name}_temp_path {directory}/{name};\n"))
            .concat();
        let (http, location) = (self.http.replace("DIRECTORY", &directory), &self.location);
        // One process, which can be ended for sure. `Host` is what the server makes the addresses of pages of.
        format!(
            "daemon off;\nmaster_process off;\npid {directory}/pid;\nerror_log {directory}/error.log;\n\
             events {{ worker_connections 1024; }}\nhttp {{\n{temporary}\
             \x20 log_format lines '$request_method $request_uri $status';\n  access_log {directory}/access.log lines;\n\
             {http}  upstream servers {{\n{servers}  }}\n  server {{\n    listen {address};\n    location / {{\n\
             \x20     proxy_pass http://servers;\n      proxy_http_version 1.1;\n      proxy_set_header Connection '';\n\
             \x20     proxy_set_header Host $http_host;\n{location}    }}\n  }}\n}}\n"
        )
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn binary() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    places.map(|place| place.join("nginx")).find(|binary| binary.is_file())
}
