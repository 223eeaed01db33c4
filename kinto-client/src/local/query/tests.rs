use std::time::Duration;

use rusqlite::{Transaction, params_from_iter};

use super::select::{Query, Statement};
use crate::{
    json::merge::three_way::RecordType,
    local::{
        row::{Policy, Row, Rules, write},
        store::{
            collections::{Names, find_or_add},
            connection::{Database, Place},
            failure::Failure,
            indexes,
            rows::{self, CollectionNumber, Rows},
        },
    },
    wire::{filter::Filter, list_query::Listing, sort::Sort, timestamp::Timestamp},
};

/// A collection of records with `n`, `m` and `half`, with indexes of the first two.
async fn records(number: u64) -> (Database, CollectionNumber) {
    let database = Database::open(Place::Memory, Duration::from_secs(1), 0).await.unwrap();
    let fill = move |transaction: &Transaction<'_>| {
        let names = Names { server: "s".into(), user: "u".into(), bucket: "b".into(), id: "c".into() };
        let of = find_or_add(transaction, &names)?;
        add(transaction, of, 0..number / 2)?;
        indexes::add(transaction, of, &["n".to_owned(), "m".to_owned()])?;
        // Again, with one more.
        indexes::add(transaction, of, &["m".to_owned(), "half".to_owned()])?;
        add(transaction, of, number / 2..number)?;
        Ok(of)
    };
    let of = database.write(fill).await.unwrap();
    (database, of)
}

fn add(transaction: &Transaction<'_>, of: CollectionNumber, numbers: std::ops::Range<u64>) -> Result<(), Failure> {
    for n in numbers {
        let body = format!(r#"{{"n":{n},"m":{},"half":{},"text":"t{n}"}}"#, n % 7, n % 2);
        save(transaction, of, n, Some(&body))?;
    }
    Ok(())
}

fn save(transaction: &Transaction<'_>, of: CollectionNumber, n: u64, body: Option<&str>) -> Result<(), Failure> {
    let id = format!("r{n}");
    let rules = Rules {
        policy: Policy::Manual,
        record_type: RecordType::ANY,
        revision: rows::next_number(transaction)?,
        now: Timestamp::from_millis(n),
    };
    let rows = Rows::new(transaction, of)?;
    let stored = rows.load(&id)?;
    let before = &stored.row;
    let row: Row = write(before.clone(), body.map(Into::into), &rules);
    rows.save(&id, &stored, &row)
}

fn listing(filter: Option<Filter<()>>, sort: Vec<Sort<()>>, limit: Option<usize>) -> Query {
    Query::new(&Listing { filter, sort, limit, ..Listing::default() }).unwrap()
}

/// Returns the ids, and how SQLite reads them.
async fn read(database: &Database, of: CollectionNumber, query: Query) -> (Vec<String>, String) {
    let read = move |transaction: &Transaction<'_>| {
        let Statement { sql, values } = query.select(transaction, of, "r.id")?;
        let mut statement = transaction.prepare(&sql)?;
        let ids = statement.query_map(params_from_iter(values.clone()), |row| row.get(0))?;
        let ids = ids.collect::<rusqlite::Result<Vec<String>>>()?;
        let mut plan = transaction.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
        let plan = plan.query_map(params_from_iter(values), |row| row.get::<_, String>(3))?;
        Ok((ids, plan.collect::<rusqlite::Result<Vec<_>>>()?.join("; ")))
    };
    database.read(read).await.unwrap()
}

fn field(name: &str) -> crate::field::JsonField {
    Filter::field(name)
}

#[tokio::test]
async fn filter_and_order_are_read_by_an_index() {
    let (database, of) = records(40).await;
    let by_index = "SEARCH e USING PRIMARY KEY";
    for (query, ids, plan) in [
        (listing(Some(field("n").eq(33)), vec![], None), vec!["r33"], "(field=? AND key=?)"),
        (listing(Some(field("n").ge(38)), vec![], None), vec!["r39", "r38"], "(field=? AND key>? AND key<?)"),
        (listing(Some(field("n").is_in([3, 5])), vec![], None), vec!["r5", "r3"], "(field=? AND key=?)"),
        (listing(None, vec![Sort::desc("n")], Some(2)), vec!["r39", "r38"], "(field=?)"),
        (listing(None, vec![Sort::asc("n")], Some(1)), vec!["r0"], "(field=?)"),
        (listing(Some(field("n").is_missing()), vec![], None), vec![], "(field=? AND key=?)"),
        (
            listing(Some(field("text").eq("t8").and(field("m").eq(1))), vec![Sort::asc("n")], None),
            vec!["r8"],
            "(field=? AND key=?)",
        ),
    ] {
        let shown = format!("{query:?}");
        let (found, read) = read(&database, of, query).await;
        assert_eq!(found, ids, "{shown}");
        assert!(read.contains(&format!("{by_index} {plan}")), "{shown}: {read}");
    }
    let (found, read) = read(&database, of, listing(Some(field("text").eq("t8")), vec![], None)).await;
    assert_eq!(found, ["r8"]);
    assert!(!read.contains(" e "), "{read}");
}

/// The first records of an order are not found by reading and sorting half of them.
#[tokio::test]
async fn short_list_is_read_in_its_order_if_many_records_match() {
    let (database, of) = records(2_400).await;
    let query = |limit| listing(Some(field("half").eq(0)), vec![Sort::desc("n")], limit);
    let (found, plan) = read(&database, of, query(Some(2))).await;
    assert_eq!(found, ["r2398", "r2396"]);
    assert!(plan.contains("PRIMARY KEY (field=?)") && !plan.contains("TEMP B-TREE FOR ORDER BY"), "{plan}");
    let (found, plan) = read(&database, of, query(None)).await;
    assert_eq!(found.len(), 1_200);
    assert!(plan.contains("(field=? AND key=?)"), "{plan}");
}

/// Of many records with one key, the newest are found without reading the others.
#[tokio::test]
async fn newest_of_equal_keys_come_first_and_only_they_are_read() {
    let (database, of) = records(2_400).await;
    for (sort, first) in [(Sort::asc("half"), "r2398"), (Sort::desc("half"), "r2399")] {
        let (found, plan) = read(&database, of, listing(None, vec![sort.clone()], Some(3))).await;
        let number: u64 = first[1..].parse().unwrap();
        assert_eq!(found, [first.to_owned(), format!("r{}", number - 2), format!("r{}", number - 4)]);
        let (entries, records) = plan.split_once("SCAN e").unwrap();
        assert!(entries.contains("SEARCH e USING PRIMARY KEY (field=?)") && records.contains("SEARCH r"), "{plan}");
        let (all, _) = read(&database, of, listing(None, vec![sort], None)).await;
        assert_eq!((all.len(), &all[..3]), (2_400, &found[..]));
    }
    // A change moves a record to the front, and so does a version alone.
    database.write(move |transaction| save(transaction, of, 4, Some(r#"{"half":0,"n":4}"#))).await.unwrap();
    let (found, _) = read(&database, of, listing(Some(field("half").eq(0)), vec![], Some(1))).await;
    assert_eq!(found, ["r2398"], "its time is that of its number");
}

#[tokio::test]
async fn index_follows_changes_and_deletions() {
    let (database, of) = records(4).await;
    let change = move |transaction: &Transaction<'_>| {
        save(transaction, of, 1, Some(r#"{"n":100,"m":0}"#))?;
        save(transaction, of, 2, None)?;
        let entries: i64 = transaction.query_row("SELECT count(*) FROM index_entry", [], |row| row.get(0))?;
        Ok(entries)
    };
    assert_eq!(database.write(change).await.unwrap(), 9, "three fields of three records");
    let (found, _) = read(&database, of, listing(Some(field("n").ge(0)), vec![Sort::desc("n")], None)).await;
    assert_eq!(found, ["r1", "r3", "r0"]);
    let (found, _) = read(&database, of, listing(Some(field("half").is_missing()), vec![], None)).await;
    assert_eq!(found, ["r1"]);
}
