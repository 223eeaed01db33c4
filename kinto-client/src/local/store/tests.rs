use std::time::Duration;

use super::{
    collections::{Names, find_or_add},
    connection::{Database, Place},
    failure::Failure,
    indexes,
    rows::{CollectionNumber, Rows, load, next_number},
};
use crate::{
    json::merge::three_way::RecordType,
    local::row::{Ancestors, Conflict, Entry, Guard, Policy, Problem, Row, Rules, Version, apply, write},
    wire::timestamp::Timestamp,
};

async fn memory() -> Database {
    Database::open(Place::Memory, Duration::from_secs(1), 100).await.unwrap()
}

fn names(id: &str) -> Names {
    Names { server: "https://k.test/v1".into(), user: "a".into(), bucket: "b".into(), id: id.into() }
}

async fn collection(database: &Database) -> CollectionNumber {
    database.write(|transaction| find_or_add(transaction, &names("c"))).await.unwrap()
}

fn version(body: &str, millis: u64) -> Version {
    Version { body: Some(body.into()), last_modified: Timestamp::from_millis(millis) }
}

fn rules(revision: u64) -> Rules {
    Rules { policy: Policy::Manual, record_type: RecordType::ANY, revision, now: Timestamp::from_millis(revision) }
}

fn save(transaction: &rusqlite::Transaction<'_>, of: CollectionNumber, id: &str, row: &Row) -> Result<(), Failure> {
    let rows = Rows::new(transaction, of)?;
    let before = rows.load(id)?;
    rows.save(id, &before, row)
}

/// Rows of all kinds.
fn rows() -> Vec<(&'static str, Row)> {
    let clean = apply(Row::default(), &version(r#"{"a":1.0}"#, 5), &rules(1)).unwrap();
    let changed = write(clean.clone(), Some(r#"{"a":2}"#.into()), &rules(9));
    let sent = Timestamp::from_millis(77);
    let entry =
        |attempt, body: Option<&str>, guard| Entry { attempt, revision: 9, body: body.map(Into::into), guard, sent };
    let known = Guard::Version(Timestamp::from_millis(5));
    let journal = vec![entry(11, Some(r#"{"a":2}"#), known), entry(12, None, Guard::Absent)];
    let ancestors = Ancestors { bodies: vec![Some(r#"{"a":1.0}"#.into()), None], sent: 1 };
    let conflict = Conflict { remote: version(r#"{"a":3}"#, 6), lost: None, ancestors };
    let gone = Conflict { remote: Version { body: None, ..version("", 6) }, ..conflict.clone() };
    let lost = Conflict { lost: Some(version(r#"{"a":4.0}"#, 9)), ..conflict.clone() };
    let lost_deletion = Conflict { lost: Some(Version { body: None, ..version("", 9) }), ..conflict.clone() };
    let problem = Problem {
        revision: 9,
        collection: Timestamp::from_millis(3),
        status: 400,
        errno: None,
        message: "\"no\"".into(),
        field: None,
    };
    let in_doubt = Row { journal: vec![entry(11, Some(r#"{"a":2}"#), known)], ..clean.clone() };
    vec![
        ("deleted", write(clean.clone(), None, &rules(10))),
        ("clean", clean),
        ("in doubt", in_doubt),
        ("sent", Row { journal, ..changed.clone() }),
        ("conflict", Row { conflict: Some(conflict), ..changed.clone() }),
        ("gone", Row { conflict: Some(gone), ..changed.clone() }),
        ("lost", Row { conflict: Some(lost), ..changed.clone() }),
        ("lost deletion", Row { conflict: Some(lost_deletion), ..changed.clone() }),
        ("problem", Row { problem: Some(problem), is_own_id: true, ..changed.clone() }),
        ("changed", changed),
        ("nothing", Row::default()),
    ]
}

/// Each row comes back as it was, whichever row it takes the place of, and its entry in an index with it.
#[tokio::test]
async fn rows_come_back_as_they_were() {
    let database = memory().await;
    let of = collection(&database).await;
    let index = move |transaction: &rusqlite::Transaction<'_>| indexes::add(transaction, of, &["a".to_owned()]);
    database.write(index).await.unwrap();
    for (before, earlier) in rows() {
        for (name, row) in rows() {
            let (earlier, stored) = (earlier.clone(), row.clone());
            let job = move |transaction: &rusqlite::Transaction<'_>| {
                save(transaction, of, "r", &earlier)?;
                save(transaction, of, "r", &stored)?;
                let entries = "SELECT count(*) FROM index_entry AS e JOIN record AS r ON r.number = e.record \
                               AND e.age = -r.version AND e.key = kinto_key(r.data, 'a')";
                let entries: [i64; 2] = [
                    transaction.query_row(entries, [], |row| row.get(0))?,
                    transaction.query_row("SELECT count(*) FROM index_entry", [], |row| row.get(0))?,
                ];
                Ok((load(transaction, of, "r")?, entries))
            };
            let (loaded, entries) = database.write(job).await.unwrap();
            assert_eq!(loaded.version(), row.version(), "{before}, {name}");
            assert_eq!(Row { modified: row.modified, ..loaded }, row, "{before}, {name}");
            assert_eq!(entries, [i64::from(row.local.is_some()); 2], "{before}, {name}");
        }
    }
}

/// Rule 1: a record that is deleted and made again has other numbers, and so has one after a restart.
#[tokio::test]
async fn numbers_are_never_given_again() {
    let path = std::env::temp_dir().join(kinto_server::unique("numbers"));
    let mut last = 0;
    for _ in 0..3 {
        let database = Database::open(Place::File(path.clone()), Duration::from_secs(1), 100).await.unwrap();
        let next = database.write(next_number).await.unwrap();
        assert!(next > last);
        last = next;
        let failed: Result<(), _> = database
            .write(|transaction| {
                next_number(transaction)?;
                Err(Failure::File("undone".into()))
            })
            .await;
        assert!(failed.is_err_and(|error| error.is_storage()));
    }
    assert_eq!(last, 3);
    std::fs::remove_file(path).unwrap();
}

/// A full disk is an error, nothing of the change is stored, and the next one is when there is room.
#[tokio::test]
async fn full_disk_stores_nothing_of_a_change() {
    let database = memory().await;
    let of = collection(&database).await;
    let limit = |pages: u32| {
        let job = move |transaction: &rusqlite::Transaction<'_>| {
            Ok(transaction.pragma_update_and_check(None, "max_page_count", pages, |row| row.get::<_, i64>(0))?)
        };
        database.read(job)
    };
    limit(1).await.unwrap();
    let long = format!(r#"{{"a":"{}"}}"#, "long".repeat(50_000));
    let add = || {
        let row = write(Row::default(), Some(long.as_str().into()), &rules(1));
        database.write(move |transaction| {
            next_number(transaction)?;
            save(transaction, of, "a", &row)
        })
    };
    let error = add().await.unwrap_err();
    assert!(error.is_storage() && error.to_string().contains("the disk is full"), "{error}");
    assert_eq!(database.write(next_number).await.unwrap(), 1, "nothing of the change was stored");
    limit(1_000_000).await.unwrap();
    add().await.unwrap();
    let row = database.read(move |transaction| load(transaction, of, "a")).await.unwrap();
    assert_eq!(row.local.as_deref(), Some(long.as_str()));
}

/// A caller that is not polled holds up no other, and one that has gone before its turn changes nothing, unless it is said to.
#[tokio::test]
async fn dropped_call_before_its_turn_changes_nothing_that_can_be_had_again() {
    use futures_util::FutureExt as _;

    let path = std::env::temp_dir().join(kinto_server::unique("dropped"));
    let database = Database::open(Place::File(path.clone()), Duration::from_secs(1), 100).await.unwrap();
    let of = collection(&database).await;
    let (begin, wait) = std::sync::mpsc::channel::<()>();
    let held = database.write(move |_| {
        let _ = wait.recv();
        Ok(())
    });
    let mut held = Box::pin(held);
    assert!(held.as_mut().now_or_never().is_none(), "it has begun, and waits");
    let row = write(Row::default(), Some("{}".into()), &rules(1));
    let received = row.clone();
    let late = database.write(move |transaction| save(transaction, of, "a", &row));
    assert!(late.now_or_never().is_none(), "it is in the queue, and dropped");
    let needed = database.write_in_any_case(move |transaction| save(transaction, of, "b", &received));
    assert!(needed.now_or_never().is_none(), "and so is this one");
    begin.send(()).unwrap();
    let load = move |transaction: &rusqlite::Transaction<'_>| {
        Ok((load(transaction, of, "a")?, load(transaction, of, "b")?.local))
    };
    assert_eq!(database.read(load).await.unwrap(), (Row::default(), Some("{}".into())));
    held.await.unwrap();
    drop(database);
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn no_number_is_given_twice() {
    let database = memory().await;
    let next = async || database.write(next_number).await;
    assert_eq!((next().await.unwrap(), next().await.unwrap()), (1, 2));
    assert_eq!(next().await.unwrap(), 3);
    database.write(|transaction| Ok(transaction.execute("UPDATE sequence SET rowid = 2", [])?)).await.unwrap();
    let error = next().await.unwrap_err();
    assert!(error.is_storage() && error.to_string().contains("`sequence`"), "{error}");
}

/// A job that panics stores nothing, and the jobs after it are run.
#[tokio::test]
async fn panic_of_a_job_reaches_its_caller_and_ends_no_store() {
    let path = std::env::temp_dir().join(kinto_server::unique("panic"));
    for place in [Place::File(path.clone()), Place::Memory] {
        let is_file = matches!(place, Place::File(_));
        let database = Database::open(place, Duration::from_secs(1), 100).await.unwrap();
        let clone = database.clone();
        let panicking = tokio::spawn(async move {
            let job = |transaction: &rusqlite::Transaction<'_>| -> Result<(), Failure> {
                next_number(transaction)?;
                panic!("a job of a test")
            };
            drop(clone.write(job).await);
        });
        let panic = panicking.await.unwrap_err().into_panic();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"a job of a test"));
        if is_file {
            // Nobody waits for it.
            database.submit(|_| panic!("a submitted job of a test"));
        }
        assert_eq!(database.write(next_number).await.unwrap(), 1);
    }
    std::fs::remove_file(path).unwrap();
}
