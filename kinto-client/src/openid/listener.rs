//! The page of this process that the browser is sent back to.

use std::{
    future::poll_fn,
    net::{Ipv4Addr, SocketAddr},
    task::Poll,
    time::Duration,
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use super::answer;
use crate::{
    error::{Error, Result, kind::ErrorKind},
    wire::random,
};

/// The most connections that are served at the same time. Browsers open some in advance.
const MOST_CONNECTIONS: usize = 16;
/// The most bytes of a request. Its address has the provider's whole answer, which has up to three tokens.
const MOST_BYTES: usize = 256 * 1024;
/// The longest time for one request.
const SLOWEST_REQUEST: Duration = Duration::from_secs(20);

/// A listener for one answer, on 127.0.0.1.
pub(super) struct Listener {
    socket: TcpListener,
    path: String,
    callback: String,
}

impl Listener {
    /// Starts to listen on a port that the system chooses, under a random path.
    pub(super) async fn start() -> Result<Self> {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
        let port = socket.local_addr().map_err(failed)?.port();
        let mut bytes = [0_u8; 32];
        if !random::fill(&mut bytes) {
            return Err(Error::authentication("the system has no random numbers for a login"));
        }
        let path = bytes.iter().fold("/".to_owned(), |path, byte| format!("{path}{byte:02x}"));
        let callback = format!("http://127.0.0.1:{port}{path}?{}=", answer::PARAMETER);
        Ok(Self { socket, path, callback })
    }

    /// Returns the address that the server is to send the browser back to, to which it appends the answer.
    pub(super) fn callback(&self) -> &str {
        &self.callback
    }

    /// Waits for the answer, and returns the query of its address. `judge` says if it is a success, for the page that the
    /// user sees.
    pub(super) async fn answer<T>(self, judge: impl Fn(&str) -> Result<T>) -> Result<T> {
        let mut connections = FuturesUnordered::new();
        loop {
            let event = poll_fn(|context| {
                if connections.len() < MOST_CONNECTIONS
                    && let Poll::Ready(accepted) = self.socket.poll_accept(context)
                {
                    return Poll::Ready(Event::Accepted(accepted));
                }
                match connections.poll_next_unpin(context) {
                    Poll::Ready(Some(served)) => Poll::Ready(Event::Served(served)),
                    _ => Poll::Pending,
                }
            });
            match event.await {
                Event::Accepted(Ok((stream, _))) => {
                    connections.push(timeout(SLOWEST_REQUEST, self.serve(stream, &judge)));
                }
                Event::Accepted(Err(error)) if is_of_one_connection(&error) => {}
                Event::Accepted(Err(error)) => return Err(failed(error)),
                Event::Served(Ok(Some(outcome))) => return outcome,
                Event::Served(_) => {}
            }
        }
    }

    /// Serves one connection. Returns the outcome if it brought the answer.
    async fn serve<T>(&self, mut stream: TcpStream, judge: &impl Fn(&str) -> Result<T>) -> Option<Result<T>> {
        let head = head(&mut stream).await?;
        let mut words = head.split(|byte| *byte == b' ');
        let (method, target) = (words.next()?, std::str::from_utf8(words.next()?).ok()?);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if method != b"GET" || path != self.path {
            let _ = respond(&mut stream, "404 Not Found", "This address is not in use.").await;
            return None;
        }
        let outcome = judge(query);
        let text = if outcome.is_ok() {
            "You are logged in. You can close this page."
        } else {
            "The login failed. The program says why; you can close this page."
        };
        let _ = respond(&mut stream, "200 OK", text).await;
        Some(outcome)
    }
}

/// An event at the listener.
enum Event<S> {
    Accepted(std::io::Result<(TcpStream, SocketAddr)>),
    Served(S),
}

/// Returns true if the error is of a connection that was closed before it was accepted.
fn is_of_one_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind as Io;
    matches!(error.kind(), Io::ConnectionAborted | Io::ConnectionReset | Io::ConnectionRefused | Io::Interrupted)
}

fn failed(error: std::io::Error) -> Error {
    let message = "this machine does not let the program wait for the answer of the browser on 127.0.0.1";
    Error::new(ErrorKind::Connect, message).caused_by(error)
}

/// Reads the head of a request; `None` if it is no whole one.
async fn head(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    let mut chunk = [0; 4096];
    while !head.windows(4).rev().take(chunk.len() + 4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read(&mut chunk).await.ok().filter(|read| *read > 0)?;
        head.extend_from_slice(chunk.get(..read)?);
        if head.len() > MOST_BYTES {
            let _ = respond(stream, "431 Request Header Fields Too Large", "The request is too long.").await;
            return None;
        }
    }
    Some(head)
}

/// Sends a page. Its script takes the token out of the browser's address bar and history.
async fn respond(stream: &mut TcpStream, status: &str, text: &str) -> std::io::Result<()> {
    let body = format!(
        "<!DOCTYPE html><meta charset=\"utf-8\"><title>Login</title><p>{text}</p>\
         <script>history.replaceState(null, \"\", \"/\")</script>"
    );
    let page = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         Referrer-Policy: no-referrer\r\nContent-Security-Policy: default-src 'none'; script-src 'unsafe-inline'\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(page.as_bytes()).await?;
    stream.shutdown().await
}
