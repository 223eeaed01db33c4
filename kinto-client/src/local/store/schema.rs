//! The tables, and how files of earlier versions are brought forward.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::failure::Failure;

/// The mark of a file of this library: `KiNt`.
const APPLICATION: i32 = 0x4b69_4e74;

/// The steps from each version of the tables to the next. A step that was released is never changed.
const STEPS: [&str; 1] = [include_str!("tables.sql")];

/// Refuses a file of a newer version, and one of another program, before anything is written to it.
///
/// It is one transaction, since another connection may make the tables meanwhile: without its marks, they would be those of
/// another program.
pub(super) fn check(transaction: &Transaction<'_>) -> Result<(), Failure> {
    // Reads the tables as well, so that a damaged file shows itself before it is written to.
    let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let (application, version) = marks(transaction)?;
    let newest = STEPS.len();
    if application == APPLICATION {
        return match usize::try_from(version) {
            Ok(version) if version <= newest => Ok(()),
            _ => Err(Failure::File(format!(
                "it was written by a newer version of kinto-client: its tables are of version {version}, and this one knows \
                 up to {newest}"
            ))),
        };
    }
    if (application, version, tables) == (0, 0, 0) {
        return Ok(());
    }
    Err(Failure::File("it is a SQLite database of another program".to_owned()))
}

/// Makes the tables, or brings them forward, in one transaction.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), Failure> {
    if marks(connection)? == (APPLICATION, current()) {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have done it while this one waited.
    check(&transaction)?;
    let (_, version) = marks(&transaction)?;
    for step in STEPS.iter().skip(usize::try_from(version).unwrap_or_default()) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", current())?;
    transaction.commit()?;
    Ok(())
}

fn current() -> i32 {
    i32::try_from(STEPS.len()).unwrap_or(i32::MAX)
}

fn marks(connection: &Connection) -> Result<(i32, i32), Failure> {
    let mark = |name| connection.pragma_query_value(None, name, |row| row.get(0));
    Ok((mark("application_id")?, mark("user_version")?))
}
