//! The same rows by rusqlite alone, as durable: records with an index of versions, the entries of the index of a field, the log of
//! changes with what was there before, and a number for each change.

use std::{error::Error, path::Path, time::Duration};

use futures_util::TryStreamExt as _;
use kinto_client::{Client, Record};
use rusqlite::{Connection, Transaction, params};

use crate::{
    book::{Book, book},
    timed,
};

/// The number of records that are stored in one transaction.
const STORED_AT_ONCE: usize = 10_000;

const TABLES: &str = "
    CREATE TABLE book (number INTEGER PRIMARY KEY, id TEXT UNIQUE, data TEXT, version INTEGER);
    CREATE INDEX version ON book (version);
    CREATE TABLE sequence (last INTEGER);
    INSERT INTO sequence VALUES (0);
    CREATE TABLE pages (pages INTEGER, age INTEGER, book INTEGER, PRIMARY KEY (pages, age, book)) WITHOUT ROWID;
    CREATE TABLE change (position INTEGER PRIMARY KEY, collection INTEGER, id TEXT, before TEXT, after TEXT);
    CREATE INDEX change_collection ON change (collection, position);";

fn open(file: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch(TABLES)?;
    Ok(connection)
}

/// Stores all records, as they are received.
pub(crate) async fn pull(file: &Path, client: &Client) -> Result<usize, Box<dyn Error>> {
    let mut connection = open(file)?;
    // As a store has them.
    connection.pragma_update(None, "cache_size", -8_000)?;
    connection.pragma_update(None, "wal_autocheckpoint", 4_000)?;
    let mut count = 0;
    let chunks = client.typed::<Book>().get_records().stream().try_chunks(STORED_AT_ONCE);
    let mut chunks = std::pin::pin!(chunks);
    while let Some(chunk) = chunks.try_next().await? {
        let all = connection.transaction()?;
        for record in &chunk {
            store(&all, record)?;
        }
        all.commit()?;
        count += chunk.len();
    }
    Ok(count)
}

fn store(transaction: &Transaction<'_>, record: &Record<Book>) -> rusqlite::Result<()> {
    let (id, json, version) = (record.id.as_str(), record.raw_json(), record.last_modified.as_millis().cast_signed());
    let insert = "INSERT INTO book (id, data, version) VALUES (?, ?, ?)";
    transaction.prepare_cached(insert)?.execute(params![id, json, version])?;
    let entry = params![record.data.pages.cast_signed(), -version, transaction.last_insert_rowid()];
    transaction.prepare_cached("INSERT INTO pages VALUES (?, ?, ?)")?.execute(entry)?;
    let log = "INSERT INTO change (collection, id, before, after) VALUES (1, ?, NULL, ?)";
    transaction.prepare_cached(log)?.execute(params![id, json])?;
    Ok(())
}

/// Changes one row after the other, a transaction each.
pub(crate) fn edit(file: &Path, records: u64) -> Result<Vec<Duration>, Box<dyn Error>> {
    let mut connection = open(file)?;
    let all = connection.transaction()?;
    for number in 0..records {
        let book = book(number);
        let data = kinto_client::json!(&book).to_string();
        all.execute("INSERT INTO book (id, data, version) VALUES (?, ?, 1)", params![format!("b{number}"), data])?;
        let entry = params![book.pages.cast_signed(), all.last_insert_rowid()];
        all.execute("INSERT INTO pages VALUES (?, -1, ?)", entry)?;
    }
    all.commit()?;
    let mut durations = Vec::new();
    for number in 0..records {
        timed(&mut durations, || {
            let id = format!("b{number}");
            let change = connection.transaction()?;
            let read = "SELECT number, version, data FROM book WHERE id = ?";
            let (book, version, before): (i64, i64, String) =
                change.prepare_cached(read)?.query_row([&id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            let data = before.replace("\"pages\":", "\"pages\":1");
            let update = "UPDATE book SET data = ?, version = ? WHERE number = ?";
            change.prepare_cached(update)?.execute(params![data, version + 1, book])?;
            others(&change, &id, (book, version), (&before, &data))?;
            change.commit()
        })?;
    }
    Ok(durations)
}

/// Writes what a store keeps beside the record.
fn others(
    change: &Transaction<'_>,
    id: &str,
    (book, version): (i64, i64),
    (before, data): (&str, &str),
) -> rusqlite::Result<()> {
    change.prepare_cached("UPDATE sequence SET last = last + 1")?.execute([])?;
    let delete = "DELETE FROM pages WHERE pages = ? ->> '$.pages' AND age = ? AND book = ?";
    change.prepare_cached(delete)?.execute(params![before, -version, book])?;
    let insert = "INSERT INTO pages VALUES (? ->> '$.pages', ?, ?)";
    change.prepare_cached(insert)?.execute(params![data, -version - 1, book])?;
    let log = "INSERT INTO change (collection, id, before, after) VALUES (1, ?, ?, ?)";
    change.prepare_cached(log)?.execute(params![id, before, data])?;
    Ok(())
}
