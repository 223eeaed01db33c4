//! An nginx before a server, which compresses what it passes on, or does not.

use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use socket2::{Domain, Socket, Type};

use crate::{Outcome, canned::authority, programs::target};

/// The time that nginx may take to start.
const START: Duration = Duration::from_secs(20);
/// Starts nginx and ends it when standard input does, so that it does not outlive this process.
const SCRIPT: &str = r#""$0" -p "$1" -c "$1/nginx.conf" </dev/null & read -r _; kill -KILL "$!"; wait"#;
/// The line of the configuration that compresses JSON, with everything else as it comes.
const GZIP: &str = "gzip on; gzip_types application/json;";

pub(crate) struct Nginx {
    pub(crate) url: String,
    directory: PathBuf,
    process: Child,
    /// Keeps the port: it is bound and does not listen, so that nginx can, and the system gives it to no other program.
    _port: Socket,
}

/// Returns the installed nginx, if there is one.
pub(crate) fn binary() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let places = env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    places.map(|place| place.join("nginx")).find(|binary| binary.is_file())
}

impl Nginx {
    /// Starts one before the server at this URL.
    pub(crate) fn start(url: &str, is_compressing: bool) -> Outcome<Self> {
        let server = authority(url);
        let port = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        port.set_reuse_address(true)?;
        port.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        let address = port.local_addr()?.as_socket().ok_or("no address")?;
        let directory = target()?.join("compare").join(format!("nginx-{}", address.port()));
        fs::create_dir_all(&directory)?;
        let here = directory.display();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("  {name}_temp_path {here}/{name};\n"))
            .concat();
        let gzip = if is_compressing { GZIP } else { "" };
        // `Host` is what the server makes the addresses of pages of.
        let configuration = format!(
            "daemon off;\nmaster_process off;\npid {here}/pid;\nerror_log {here}/error.log;\n\
             events {{ worker_connections 1024; }}\nhttp {{\n{temporary}  access_log off;\n  {gzip}\n\
             \x20 upstream server {{ server {server}; keepalive 8; }}\n  server {{\n    listen {address};\n\
             \x20   location / {{\n      proxy_pass http://server;\n      proxy_http_version 1.1;\n\
             \x20     proxy_set_header Connection '';\n      proxy_set_header Host $http_host;\n    }}\n  }}\n}}\n"
        );
        fs::write(directory.join("nginx.conf"), configuration)?;
        let process = Command::new("/bin/sh")
            .args(["-c", SCRIPT])
            .arg(binary().ok_or("nginx is not installed")?)
            .arg(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let nginx = Self { url: format!("http://{address}/v1"), directory, process, _port: port };
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            if started.elapsed() > START {
                let log = fs::read_to_string(nginx.directory.join("error.log")).unwrap_or_default();
                return Err(format!("nginx does not start: {}", log.trim()).into());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(nginx)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}
