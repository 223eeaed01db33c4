//! A server that somebody else runs.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::Error;

const TIMEOUT: Duration = Duration::from_secs(10);

/// `KINTO_SERVER_URL` without slashes at its end, where it is set and not empty.
pub(crate) fn asked_for() -> Option<String> {
    std::env::var("KINTO_SERVER_URL")
        .ok()
        .map(|url| url.trim().trim_end_matches('/').to_owned())
        .filter(|url| !url.is_empty())
}

/// Asks the heartbeat, so that a wrong address is one clear error and not one per test.
pub(crate) fn check(url: &str) -> Result<(), Error> {
    let failed = |why: String| Error::new(format!("KINTO_SERVER_URL is {url}, but no Kinto answers there: {why}"));
    if url.starts_with("https://") {
        // TLS needs more than `std`; the first test shows what is wrong.
        return Ok(());
    }
    let rest = url.strip_prefix("http://").ok_or_else(|| failed("it has to begin with http:// or https://".into()))?;
    let (host, path) =
        rest.split_once('/').ok_or_else(|| failed("it has to end with the version, as in /v1".into()))?;
    let status = status(host, &format!("/{path}/__heartbeat__")).map_err(|error| failed(error.to_string()))?;
    if status == "200" { Ok(()) } else { Err(failed(format!("{url}/__heartbeat__ answered with status {status:?}"))) }
}

fn status(host: &str, path: &str) -> std::io::Result<String> {
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let address = if has_port { host.to_owned() } else { format!("{host}:80") };
    let mut last = std::io::Error::from(std::io::ErrorKind::NotFound);
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, TIMEOUT) {
            Ok(stream) => return ask(stream, host, path),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn ask(mut stream: TcpStream, host: &str, path: &str) -> std::io::Result<String> {
    stream.set_read_timeout(Some(TIMEOUT))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut head = Vec::new();
    stream.take(64).read_to_end(&mut head)?;
    Ok(String::from_utf8_lossy(&head).split_whitespace().nth(1).unwrap_or_default().to_owned())
}
