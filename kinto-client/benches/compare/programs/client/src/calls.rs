//! Single calls, and how long each took.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use kinto_client::TypedCollection;

use crate::book::{Book, id};

/// The number of tasks that call at once.
const TASKS: u64 = 64;

/// The calls that were made.
#[derive(Default)]
pub(crate) struct Calls {
    pub(crate) sum: u64,
    pub(crate) durations: Vec<Duration>,
}

/// Makes so many calls.
pub(crate) async fn make(work: &str, books: &TypedCollection<Book>, count: u64) -> Result<Calls, Box<dyn Error>> {
    match work {
        "gets" => Ok(get(books.clone(), 0..count).await?),
        "gets-at-once" => get_at_once(books, count).await,
        _ => Ok(save(books, count).await?),
    }
}

/// Gets one record after the other.
async fn get(books: TypedCollection<Book>, numbers: impl Iterator<Item = u64>) -> kinto_client::Result<Calls> {
    let mut calls = Calls::default();
    for number in numbers {
        let start = Instant::now();
        let book = books.get_record(id(number)).await?;
        calls.durations.push(start.elapsed());
        calls.sum += book.data.pages;
    }
    Ok(calls)
}

/// Gets so many records by several tasks at once.
async fn get_at_once(books: &TypedCollection<Book>, count: u64) -> Result<Calls, Box<dyn Error>> {
    let tasks = (0..TASKS).map(|task| {
        let numbers = (task..count).step_by(usize::try_from(TASKS).unwrap_or(usize::MAX));
        tokio::spawn(get(books.clone(), numbers))
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
async fn save(books: &TypedCollection<Book>, count: u64) -> kinto_client::Result<Calls> {
    let mut calls = Calls::default();
    let mut book = books.get_record(id(0)).await?;
    for number in 0..count {
        book.data.pages = number;
        let start = Instant::now();
        books.save_record(&mut book).await?;
        calls.durations.push(start.elapsed());
        calls.sum += book.data.pages;
    }
    Ok(calls)
}
