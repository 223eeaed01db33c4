//! The same rows by rusqlite alone, as durable.

use std::{error::Error, path::Path, time::Duration};

use rusqlite::{Connection, params};

use crate::{book::book, timed};

/// Changes one row after the other, a transaction each.
pub(crate) fn edit(file: &Path, records: u64) -> Result<Vec<Duration>, Box<dyn Error>> {
    let mut connection = Connection::open(file)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch(
        "CREATE TABLE book (number INTEGER PRIMARY KEY, id TEXT UNIQUE, data TEXT, version INTEGER);
         CREATE INDEX version ON book (version);",
    )?;
    let all = connection.transaction()?;
    for number in 0..records {
        let data = kinto_client::json!(book(number)).to_string();
        all.execute("INSERT INTO book (id, data, version) VALUES (?, ?, 1)", params![format!("b{number}"), data])?;
    }
    all.commit()?;
    let mut durations = Vec::new();
    for number in 0..records {
        timed(&mut durations, || {
            let id = format!("b{number}");
            let change = connection.transaction()?;
            let data: String =
                change.prepare_cached("SELECT data FROM book WHERE id = ?")?.query_row([&id], |row| row.get(0))?;
            let data = data.replace("\"pages\":", "\"pages\":1");
            change
                .prepare_cached("UPDATE book SET data = ?, version = version + 1 WHERE id = ?")?
                .execute(params![data, id])?;
            change.commit()
        })?;
    }
    Ok(durations)
}
