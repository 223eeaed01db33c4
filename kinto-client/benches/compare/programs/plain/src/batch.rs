//! Records created in batches.

use std::error::Error;

use reqwest::Client;
use serde::{Deserialize, Serialize};

use crate::{
    RECORDS,
    book::{Book, Data, Envelope, book, scattered_id},
};

const BATCH: usize = 25;

#[derive(Serialize)]
struct Batch<'a> {
    requests: Vec<Request<'a>>,
}

#[derive(Serialize)]
struct Request<'a> {
    method: &'static str,
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<Guard>,
    body: Data<&'a Book>,
}

/// The precondition of a create that must find nothing.
#[derive(Serialize)]
struct Guard {
    #[serde(rename = "If-None-Match")]
    if_none_match: &'static str,
}

#[derive(Deserialize)]
struct Answers {
    responses: Vec<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    status: u16,
    body: Data<Envelope<Book>>,
}

pub(crate) async fn create(client: &Client, url: &str, books: &[Book]) -> Result<Vec<Envelope<Book>>, Box<dyn Error>> {
    let mut created = Vec::with_capacity(books.len());
    for chunk in books.chunks(BATCH) {
        let request = |book| Request { method: "POST", path: RECORDS, headers: None, body: Data { data: book } };
        created.extend(send(client, url, chunk.iter().map(request).collect()).await?);
    }
    Ok(created)
}

/// Creates so many records, each by a `PUT` that must find nothing, and keeps only those of one request at a time.
pub(crate) async fn create_guarded(client: &Client, url: &str, count: u64) -> Result<usize, Box<dyn Error>> {
    let mut created = 0;
    let mut numbers = 0..count;
    loop {
        let chunk: Vec<_> = numbers.by_ref().take(BATCH).collect();
        if chunk.is_empty() {
            return Ok(created);
        }
        let books: Vec<_> =
            chunk.iter().map(|number| (format!("{RECORDS}/{}", scattered_id(*number)), book(*number))).collect();
        let request = |(path, book)| Request {
            method: "PUT",
            path,
            headers: Some(Guard { if_none_match: "*" }),
            body: Data { data: book },
        };
        let requests = books.iter().map(|(path, book)| request((path, book))).collect();
        created += send(client, url, requests).await?.len();
    }
}

async fn send(client: &Client, url: &str, requests: Vec<Request<'_>>) -> Result<Vec<Envelope<Book>>, Box<dyn Error>> {
    let mut created = Vec::with_capacity(requests.len());
    let request = client.post(format!("{url}/batch")).basic_auth("bench", Some("bench")).json(&Batch { requests });
    for answer in request.send().await?.error_for_status()?.json::<Answers>().await?.responses {
        if answer.status != 201 {
            return Err(format!("the server answered {}", answer.status).into());
        }
        created.push(answer.body.data);
    }
    Ok(created)
}
