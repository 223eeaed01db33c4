//! Records that are written while a stream yields them.

use std::{error::Error, future::ready};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use kinto_client::{Client, Result, TypedCollection};

use crate::book::{Book, book, id};

/// Writes so many records, and returns their number.
pub(crate) async fn write(work: &str, books: &TypedCollection<Book>, count: u64) -> Result<usize> {
    let numbers = 0..count;
    match work {
        "create-from" => books.create_records_from(stream::iter(numbers.map(book))).await,
        "overwrite-from" => {
            books.overwrite_records_from(stream::iter(numbers.map(|number| (id(number), book(number))))).await
        }
        "delete-from" => books.delete_records_from(stream::iter(numbers.map(id))).await,
        _ => save(books).await,
    }
}

/// Reads all records, changes each, and saves it.
async fn save(books: &TypedCollection<Book>) -> Result<usize> {
    let mut failure = None;
    let changed = books.get_records().stream().filter_map(|book| {
        let book = book.map(|mut book| {
            book.data.lent = !book.data.lent;
            book
        });
        ready(book.map_err(|error| failure = Some(error)).ok())
    });
    let saved = books.save_records_from(changed).await?;
    failure.map_or(Ok(saved), Err)
}

/// Returns the number of the records from 0 to `count` that are stored, each once and as it was created.
pub(crate) async fn check(books: &TypedCollection<Book>, count: u64) -> std::result::Result<usize, Box<dyn Error>> {
    let mut is_stored = vec![false; usize::try_from(count)?];
    let mut all = books.get_records().stream();
    while let Some(record) = all.try_next().await? {
        let number = record.data.title.split(' ').find_map(|word| word.trim_end_matches(',').parse().ok());
        let number: u64 = number.ok_or("a record without a number")?;
        let is_stored = is_stored.get_mut(usize::try_from(number)?).ok_or("a record that was not created")?;
        if std::mem::replace(is_stored, true) || record.data != book(number) {
            return Err(format!("record {number} is there twice, or is another than the one that was created").into());
        }
    }
    Ok(is_stored.into_iter().filter(|is_stored| *is_stored).count())
}

/// Deletes the collection, so that nothing is left of what was created.
pub(crate) async fn clear(client: &Client) -> Result<()> {
    client.bucket("bench").delete_collection("books").await?;
    client.bucket("bench").create_collection("books").await?;
    Ok(())
}
