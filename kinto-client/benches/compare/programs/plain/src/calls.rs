//! Single calls, and how long each took: with the headers that kinto-client sends, and as many of its checks as who writes
//! this by hand would make.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use reqwest::{Client, header};

use crate::{
    RECORDS,
    book::{Data, Whole, id},
};

/// The number of tasks that call at once.
const TASKS: u64 = 64;

/// The calls that were made.
#[derive(Default)]
pub(crate) struct Calls {
    pub(crate) sum: u64,
    pub(crate) durations: Vec<Duration>,
}

async fn get_one(client: &Client, url: &str, number: u64) -> reqwest::Result<Whole> {
    let request = client.get(format!("{url}{RECORDS}/{}", id(number))).basic_auth("bench", Some("bench"));
    let request = request.header(header::ACCEPT, "application/json");
    Ok(request.send().await?.error_for_status()?.json::<Data<Whole>>().await?.data)
}

async fn save_one(client: &Client, url: &str, id: &str, book: &Whole) -> reqwest::Result<Whole> {
    let request = client.put(format!("{url}{RECORDS}/{id}")).basic_auth("bench", Some("bench"));
    let request = request
        .header(header::ACCEPT, "application/json")
        .header(header::IF_MATCH, format!("\"{}\"", book.last_modified))
        .json(&Data { data: book });
    Ok(request.send().await?.error_for_status()?.json::<Data<Whole>>().await?.data)
}

/// Makes so many calls.
pub(crate) async fn make(work: &str, client: &Client, url: &str, count: u64) -> Result<Calls, Box<dyn Error>> {
    match work {
        "gets" => Ok(get(client.clone(), url.to_owned(), 0..count).await?),
        "gets-at-once" => get_at_once(client, url, count).await,
        _ => Ok(save(client, url, count).await?),
    }
}

/// Gets one record after the other.
async fn get(client: Client, url: String, numbers: impl Iterator<Item = u64>) -> reqwest::Result<Calls> {
    let mut calls = Calls::default();
    for number in numbers {
        let start = Instant::now();
        let book = get_one(&client, &url, number).await?;
        calls.durations.push(start.elapsed());
        calls.sum += book.pages;
    }
    Ok(calls)
}

/// Gets so many records by several tasks at once.
async fn get_at_once(client: &Client, url: &str, count: u64) -> Result<Calls, Box<dyn Error>> {
    let tasks = (0..TASKS).map(|task| {
        let numbers = (task..count).step_by(usize::try_from(TASKS).unwrap_or(usize::MAX));
        tokio::spawn(get(client.clone(), url.to_owned(), numbers))
    });
    let tasks: Vec<_> = tasks.collect();
    let mut all = Calls::default();
    for task in tasks {
        let Calls { sum, durations } = task.await??;
        all.sum += sum;
        all.durations.extend(durations);
    }
    Ok(all)
}

/// Changes a record and saves it, so many times.
async fn save(client: &Client, url: &str, count: u64) -> reqwest::Result<Calls> {
    let mut calls = Calls::default();
    let id = id(0);
    let mut book = get_one(client, url, 0).await?;
    for number in 0..count {
        book.pages = number;
        let start = Instant::now();
        book = save_one(client, url, &id, &book).await?;
        calls.durations.push(start.elapsed());
        calls.sum += book.pages;
    }
    Ok(calls)
}
