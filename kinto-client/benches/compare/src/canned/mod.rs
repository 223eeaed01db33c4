//! A server of canned answers, in a process of its own: what it costs is nobody's who is measured.
//!
//! Its answers are in the form of those of Kinto 26.5 to the same requests: the same headers, and the same JSON.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use serde_json::{Value, json};

use crate::Outcome;

mod list;
mod write;

use list::List;

/// The time of the list.
const TIMESTAMP: u64 = 1_795_550_740_811;
const RECORDS: &str = "/v1/buckets/bench/collections/books/records";
const COLLECTION: &str = "/v1/buckets/bench/collections/books";
const USER: &str = "basicauth:4a0532c236256d3691f764aebb16df62d55e3c54bfe4c75541096e32e259fdcf";
const HEADERS: &str = "Access-Control-Expose-Headers: Next-Page, Last-Modified, Alert, Retry-After, Content-Type, \
    Pragma, Cache-Control, Expires, ETag, Content-Length, Backoff\r\nCache-Control: no-cache, no-store\r\n\
    Content-Security-Policy: default-src 'none'; frame-ancestors 'none'; base-uri 'none'; \r\n\
    Content-Type: application/json\r\nDate: Tue, 24 Nov 2026 20:05:40 GMT\r\n\
    Last-Modified: Tue, 24 Nov 2026 20:05:40 GMT\r\nServer: gunicorn\r\nX-Content-Type-Options: nosniff\r\n";

/// Such a server, running.
pub(crate) struct Canned {
    child: Child,
    pub(crate) url: String,
}

impl Canned {
    /// Starts one with a collection of so many records, in pages of so many.
    pub(crate) fn start(records: u64, page: u64) -> Outcome<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["serve", &records.to_string(), &page.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut url = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut url)?;
        Ok(Self { child, url: url.trim().to_owned() })
    }

    /// Returns the number of requests of each kind since the last call.
    pub(crate) fn requests(&self) -> Outcome<BTreeMap<String, u64>> {
        let mut connection = TcpStream::connect(authority(&self.url))?;
        connection.write_all(b"GET /requests HTTP/1.1\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer)?;
        let (_, body) = answer.split_once("\r\n\r\n").ok_or("no body")?;
        Ok(serde_json::from_str(body)?)
    }
}

impl Drop for Canned {
    fn drop(&mut self) {
        // It ends with its input.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Returns the address and the port in the URL of a server.
pub(crate) fn authority(url: &str) -> &str {
    url.trim_start_matches("http://").trim_end_matches("/v1")
}

struct Collection {
    list: List,
    requests: Mutex<BTreeMap<String, u64>>,
}

/// The parts of a request that decide about its response.
#[derive(Default)]
struct Request {
    method: String,
    target: String,
    /// The address that it was sent to, which is also that of the next page: a proxy may be in between.
    host: String,
    if_match: Option<String>,
    if_none_match: Option<String>,
    is_last: bool,
    body: Vec<u8>,
}

/// Serves until the input ends.
pub(crate) fn serve(records: u64, page: u64) -> Outcome {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let host = listener.local_addr()?.to_string();
    let collection = Arc::new(Collection { list: List::new(records, page), requests: Mutex::default() });
    println!("http://{host}/v1");
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let collection = Arc::clone(&collection);
            thread::spawn(move || collection.converse(&connection));
        }
    });
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}

impl Request {
    /// Reads the next request of a connection; there is none when it was closed.
    fn read(from: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut line = String::new();
        if from.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut words = line.split(' ').map(str::to_owned);
        let mut request = Self {
            method: words.next().unwrap_or_default(),
            target: words.next().unwrap_or_default(),
            ..Self::default()
        };
        loop {
            line.clear();
            from.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => request.body = vec![0; value.parse().unwrap_or(0)],
                "connection" => request.is_last = value == "close",
                "host" => value.clone_into(&mut request.host),
                "if-match" => request.if_match = Some(value.trim_matches('"').to_owned()),
                "if-none-match" => request.if_none_match = Some(value.trim_matches('"').to_owned()),
                _ => {}
            }
        }
        from.read_exact(&mut request.body)?;
        Ok(Some(request))
    }

    /// Returns the id of the record that it is about.
    fn record(&self) -> Option<&str> {
        self.target.strip_prefix(RECORDS)?.strip_prefix('/')
    }
}

impl Collection {
    fn converse(&self, connection: &TcpStream) -> io::Result<()> {
        connection.set_nodelay(true)?;
        let mut requests = BufReader::new(connection);
        while let Some(request) = Request::read(&mut requests)? {
            let answer = self.answer(&request);
            (&mut &*connection).write_all(answer.as_bytes())?;
            if request.is_last {
                break;
            }
        }
        Ok(())
    }

    fn answer(&self, request: &Request) -> String {
        let method = request.method.as_str();
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        if path == "/requests" {
            let requests = std::mem::take(&mut *self.requests.lock().unwrap_or_else(PoisonError::into_inner));
            return response("200 OK", "", &json!(requests).to_string());
        }
        self.count(method, if request.record().is_some() { "a record" } else { path });
        let answer = match (method, path) {
            ("GET", "/v1/" | "/v1") => Some(response("200 OK", "", &root(&request.host).to_string())),
            ("GET", RECORDS) if request.if_none_match == Some(TIMESTAMP.to_string()) => {
                Some(response("304 Not Modified", "", ""))
            }
            ("GET", RECORDS) => {
                let token = query.split('&').find_map(|pair| pair.strip_prefix("_token="));
                let first = token.and_then(|token| token.parse().ok()).unwrap_or(0);
                Some(self.list.page(first, query.contains("_sort=last_modified"), &request.host))
            }
            ("HEAD", RECORDS) => Some(head(self.list.len())),
            ("GET", COLLECTION) => Some(response("200 OK", "", &json!({"data": {"id": "books"}}).to_string())),
            ("POST", "/v1/batch") => Some(response("200 OK", "", &write::batch(&request.body))),
            ("GET", _) => request.record().and_then(|id| self.get(id)),
            ("PUT", _) => request.record().and_then(|id| put(request, id)),
            _ => None,
        };
        answer.unwrap_or_else(|| response("404 Not Found", "", "{\"code\":404,\"errno\":111,\"error\":\"Not Found\"}"))
    }

    fn count(&self, method: &str, path: &str) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry(format!("{method} {path}")).or_default() += 1;
    }

    fn get(&self, id: &str) -> Option<String> {
        let (record, last_modified) = self.list.record(id)?;
        let body = format!("{{\"permissions\":{{\"write\":[\"{USER}\"]}},\"data\":{record}}}");
        Some(response("200 OK", &format!("Etag: \"{last_modified}\"\r\n"), &body))
    }
}

/// Stores the record of a request as if the condition of it were met, one millisecond after the version that it names.
fn put(request: &Request, id: &str) -> Option<String> {
    let condition = request.if_match.as_ref().map(|version| version.parse::<u64>().ok());
    let (status, last_modified) = match condition {
        Some(version) => ("200 OK", version? + 1),
        None => ("201 Created", TIMESTAMP),
    };
    let body = write::one(&request.body, id, last_modified)?;
    Some(response(status, &format!("Etag: \"{last_modified}\"\r\n"), &body))
}

fn root(host: &str) -> Value {
    json!({
        "project_name": "kinto", "project_version": "26.5.0", "http_api_version": "1.23",
        "project_docs": "https://kinto.readthedocs.io/", "url": format!("http://{host}/v1/"),
        "settings": {"explicit_permissions": true, "readonly": false, "batch_max_requests": 25},
        "capabilities": {},
    })
}

/// Returns the response to a request for the number of records.
fn head(records: u64) -> String {
    let headers = format!("Etag: \"{TIMESTAMP}\"\r\nTotal-Objects: {records}\r\nTotal-Records: {records}\r\n");
    response("200 OK", &headers, "")
}

fn response(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{HEADERS}{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}
