//! Shared helpers of the benchmarks: a client whose transport has one response to every request, and records to
//! ask for.

#![allow(dead_code, reason = "each benchmark uses some of it")]

use bytes::Bytes;
use futures_core::future::BoxFuture;
use futures_util::stream;
use http::{HeaderValue, Response, StatusCode, header};
use kinto_client::{
    Client, KintoRecord,
    transport::{Body, Transport, TransportError},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Clone, Debug, Serialize, Deserialize, KintoRecord)]
#[kinto(bucket = "bench", collection = "books")]
pub(crate) struct Book {
    pub(crate) title: String,
    pub(crate) author: String,
    pub(crate) pages: u64,
    pub(crate) price: f64,
    pub(crate) lent: bool,
    pub(crate) tags: Vec<String>,
}

/// Knows nothing of a record: only what the client keeps of it anyway is left.
#[derive(Clone, Debug, Serialize, Deserialize, KintoRecord)]
#[kinto(bucket = "bench", collection = "books")]
pub(crate) struct Nothing {}

pub(crate) fn book(number: u32) -> Book {
    Book {
        title: format!("The book with the number {number}, in two volumes"),
        author: format!("Author {}", number % 1000),
        pages: u64::from(100 + number % 900),
        price: f64::from(number % 10_000) / 100.0,
        lent: number.is_multiple_of(3),
        tags: vec!["fiction".to_owned(), format!("shelf-{}", number % 50)],
    }
}

pub(crate) fn id(number: u32) -> String {
    format!("{number:08x}-6b97-4fb1-a1ff-67b68f4e258d")
}

/// A record as the server answers with it.
pub(crate) fn stored(number: u32) -> Value {
    let Book { title, author, pages, price, lent, tags } = book(number);
    json!({
        "lent": lent, "tags": tags, "pages": pages, "price": price, "title": title, "author": author,
        "id": id(number), "last_modified": 1_795_550_740_811_u64 - u64::from(number),
    })
}

pub(crate) fn page(records: u32) -> Value {
    json!({ "data": (0..records).map(stored).collect::<Vec<_>>() })
}

/// The answers to a batch of so many requests, each of which made or changed a record.
pub(crate) fn answers(records: u32) -> Value {
    let answer = |number| {
        json!({
            "path": format!("/v1/buckets/bench/collections/books/records/{}", id(number)),
            "status": 201,
            "headers": {
                "Last-Modified": "Tue, 24 Nov 2026 20:05:40 GMT", "ETag": "\"1795550740811\"",
                "Content-Type": "application/json", "Content-Length": "165",
                "Access-Control-Expose-Headers": "Alert, Retry-After, Content-Type, Content-Length, Backoff",
            },
            "body": {"permissions": {"write": ["account:alexis"]}, "data": stored(number)},
        })
    };
    json!({ "responses": (0..records).map(answer).collect::<Vec<_>>() })
}

/// Answers to `GET /` and with this to everything else.
struct Canned(Bytes);

impl Transport for Canned {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<Response<Body>, TransportError>> {
        const ROOT: &[u8] = br#"{"settings": {"batch_max_requests": 25}, "capabilities": {}}"#;
        let body = if request.uri().path() == "/v1/" { Bytes::from_static(ROOT) } else { self.0.clone() };
        let body: Body = Box::pin(stream::iter([Ok(body)]));
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::OK;
        response.headers_mut().insert(header::ETAG, HeaderValue::from_static("\"1795550740811\""));
        Box::pin(std::future::ready(Ok(response)))
    }
}

/// A client that is always answered with this.
pub(crate) fn client(answer: &Value) -> Client {
    let transport = Canned(answer.to_string().into());
    Client::builder("http://localhost/v1").transport(transport).build().unwrap_or_else(|error| unreachable!("{error}"))
}
