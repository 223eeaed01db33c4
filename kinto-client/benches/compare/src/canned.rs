//! A server of canned answers, in a process of its own: what it costs is nobody's who is measured.
//!
//! Its answers are in the form of those of Kinto 26.5 to the same requests: the same headers, and the same JSON.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::Outcome;

/// The time of the list.
const TIMESTAMP: u64 = 1_795_550_740_811;
const RECORDS: &str = "/v1/buckets/bench/collections/books/records";
/// The number of different records; a longer list repeats them with other ids.
const DIFFERENT: u64 = 100_000;
/// The number of digits of a timestamp.
const DIGITS: usize = 13;
/// The offset of the timestamp from the beginning of the id.
const ID_TO_TIME: usize = "00000000-6b97-4fb1-a1ff-67b68f4e258d\",\"last_modified\":".len();
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
        let authority = self.url.trim_start_matches("http://").trim_end_matches("/v1");
        let mut connection = TcpStream::connect(authority)?;
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

/// The parts of the response for one page.
struct Page {
    body: String,
    /// Where in it each record has its id, and its time.
    stamps: Vec<(usize, usize)>,
    /// The number of the record after it.
    next: u64,
}

struct Collection {
    host: String,
    records: u64,
    page: u64,
    pages: Vec<Page>,
    requests: Mutex<BTreeMap<String, u64>>,
}

/// Serves until the input ends.
pub(crate) fn serve(records: u64, page: u64) -> Outcome {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let host = listener.local_addr()?.to_string();
    let starts = (0..records.min(DIFFERENT)).step_by(usize::try_from(page)?);
    let pages = starts.map(|first| {
        let (body, stamps) = list(first, records.min(first + page));
        Page { body, stamps, next: first + page }
    });
    let pages = pages.collect();
    println!("http://{host}/v1");
    let collection = Arc::new(Collection { host, records, page, pages, requests: Mutex::default() });
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let collection = Arc::clone(&collection);
            thread::spawn(move || collection.converse(&connection));
        }
    });
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}

/// The keys in the order in which PostgreSQL keeps them, and then what Kinto adds.
fn list(first: u64, end: u64) -> (String, Vec<(usize, usize)>) {
    let (mut body, mut stamps) = ("{\"data\":[".to_owned(), Vec::new());
    for number in first..end {
        let comma = if number == first { "" } else { "," };
        let _ = write!(
            body,
            "{comma}{{\"lent\":{lent},\"tags\":[\"fiction\",\"shelf-{shelf}\"],\"pages\":{pages},\"price\":{price:?},\
             \"title\":\"The book with the number {number}, in two volumes\",\"author\":\"Author {author}\",\
             \"id\":\"{number:08x}-6b97-4fb1-a1ff-67b68f4e258d\",\"last_modified\":{last_modified}}}",
            lent = number.is_multiple_of(3),
            shelf = number % 50,
            pages = 100 + number % 900,
            price = f64::from(u32::try_from(number % 10_000).unwrap_or_default()) / 100.0,
            author = number % 1000,
            last_modified = TIMESTAMP - number,
        );
        let time = body.len() - 1 - DIGITS;
        stamps.push((time - ID_TO_TIME, time));
    }
    body.push_str("]}");
    (body, stamps)
}

impl Collection {
    fn converse(&self, connection: &TcpStream) -> io::Result<()> {
        connection.set_nodelay(true)?;
        let mut requests = BufReader::new(connection);
        loop {
            let mut line = String::new();
            if requests.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let (mut length, mut known, mut last) = (0, false, false);
            loop {
                let mut header = String::new();
                requests.read_line(&mut header)?;
                let Some((name, value)) = header.trim_end().split_once(':') else { break };
                match name.to_ascii_lowercase().as_str() {
                    "content-length" => length = value.trim().parse().unwrap_or(0),
                    "connection" => last = value.trim() == "close",
                    "if-none-match" => known = value.trim() == format!("\"{TIMESTAMP}\""),
                    _ => {}
                }
            }
            let mut body = vec![0; length];
            requests.read_exact(&mut body)?;
            let mut words = line.split(' ');
            let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let answer = self.answer(method, target, &body, known);
            (&mut &*connection).write_all(answer.as_bytes())?;
            if last {
                return Ok(());
            }
        }
    }

    fn answer(&self, method: &str, target: &str, body: &[u8], known: bool) -> String {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if path != "/requests" {
            let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
            *requests.entry(format!("{method} {path}")).or_default() += 1;
        }
        match (method, path) {
            ("GET", "/requests") => {
                let requests = std::mem::take(&mut *self.requests.lock().unwrap_or_else(PoisonError::into_inner));
                response("200 OK", "", &json!(requests).to_string())
            }
            ("GET", "/v1/" | "/v1") => response("200 OK", "", &self.root().to_string()),
            ("GET", RECORDS) if known => response("304 Not Modified", "", ""),
            ("GET", RECORDS) => {
                let token = query.split('&').find_map(|pair| pair.strip_prefix("_token="));
                self.page(
                    token.and_then(|token| token.parse().ok()).unwrap_or(0),
                    query.contains("_sort=last_modified"),
                )
            }
            ("POST", "/v1/batch") => response("200 OK", "", &batch(body)),
            _ => response("404 Not Found", "", "{\"code\":404,\"errno\":111,\"error\":\"Not Found\"}"),
        }
    }

    fn page(&self, first: u64, rising: bool) -> String {
        let index = usize::try_from(first % DIFFERENT / self.page).unwrap_or_default();
        let Some(page) = self.pages.get(index) else { return response("400 Bad Request", "", "{}") };
        let mut headers = format!("Etag: \"{TIMESTAMP}\"\r\n");
        let next = first - first % DIFFERENT + page.next;
        if next < self.records {
            let sort = if rising { "_sort=last_modified&" } else { "" };
            let _ = write!(headers, "Next-Page: http://{}{RECORDS}?{sort}_token={next}\r\n", self.host);
        }
        let mut body = page.body.clone();
        for (number, (id, time)) in (first..).zip(&page.stamps) {
            let last_modified = if rising { TIMESTAMP + 1 + number - self.records } else { TIMESTAMP - number };
            body.replace_range(*id..id + 8, &format!("{number:08x}"));
            body.replace_range(*time..time + DIGITS, &last_modified.to_string());
        }
        response("200 OK", &headers, &body)
    }

    fn root(&self) -> Value {
        json!({
            "project_name": "kinto", "project_version": "26.5.0", "http_api_version": "1.23",
            "project_docs": "https://kinto.readthedocs.io/", "url": format!("http://{}/v1/", self.host),
            "settings": {"explicit_permissions": true, "readonly": false, "batch_max_requests": 25},
            "capabilities": {},
        })
    }
}

fn response(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{HEADERS}{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// Answers to a batch as if every request in it were carried out.
fn batch(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Batch {
        requests: Vec<Request>,
    }
    #[derive(Deserialize)]
    struct Request {
        method: Option<String>,
        path: String,
        body: Option<Write>,
    }
    #[derive(Deserialize)]
    struct Write {
        data: serde_json::Map<String, Value>,
    }
    let Ok(batch) = serde_json::from_slice::<Batch>(body) else { return "{}".to_owned() };
    let answer = |(place, request): (usize, Request)| {
        let mut data = request.body.map(|body| body.data).unwrap_or_default();
        let last_modified = TIMESTAMP + u64::try_from(place).unwrap_or_default();
        let chosen = request.path.rsplit('/').next().filter(|_| request.method.as_deref() != Some("POST"));
        let id = chosen.map_or_else(|| format!("{place:08x}-6b97-4fb1-a1ff-67b68f4e258d"), str::to_owned);
        data.insert("id".to_owned(), id.into());
        data.insert("last_modified".to_owned(), last_modified.into());
        let user = "basicauth:4a0532c236256d3691f764aebb16df62d55e3c54bfe4c75541096e32e259fdcf";
        json!({
            "path": format!("/v1{}", request.path),
            "status": 201,
            "headers": {
                "Last-Modified": "Tue, 24 Nov 2026 20:05:40 GMT", "ETag": format!("\"{last_modified}\""),
                "Content-Type": "application/json", "Content-Length": "165",
                "Access-Control-Expose-Headers": "Alert, Retry-After, Content-Type, Content-Length, Backoff",
                "X-Content-Type-Options": "nosniff",
                "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; ",
            },
            "body": {"permissions": {"write": [user]}, "data": data},
        })
    };
    let answers: Vec<Value> = batch.requests.into_iter().enumerate().map(answer).collect();
    json!({ "responses": answers }).to_string()
}
