//! Several writers in one collection at the same time: what each is told is what the server holds.
//!
//! On PostgreSQL with two workers, where writers collide and the server rolls back what it has reported as done. Each test
//! has four writers, with a client, a thread and a runtime of their own, and 100 records for each; with
//! `KINTO_TEST_LONG=1` it is 500 records, ten times over. How long it took is shown with `-- --nocapture`.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    io::Write as _,
    sync::Barrier,
    thread,
    time::Instant,
};

use kinto_client::{Collection, Error, Record, Value, json};
use kinto_server::{Backend, Server};
use kinto_tests::{Fault, Fixture, Outcome, Proxy};
use tokio::runtime::Runtime;

use crate::{batch::cut_connections::cutting, predicates};

const WRITERS: usize = 4;

/// Runs a test as often as it is wanted, with so many records for each writer. Without PostgreSQL it says so instead.
fn rounds(name: &str, test: impl Fn(&Runtime, &Fixture, usize) -> Outcome) -> Outcome {
    let long = env::var("KINTO_TEST_LONG").is_ok_and(|value| value == "1");
    let (rounds, records) = if long { (10, 500) } else { (1, 100) };
    let server = match Server::builder().backend(Backend::PostgreSql).workers(2).shared() {
        Err(error) if error.to_string().starts_with("PostgreSQL is not installed") => {
            writeln!(std::io::stderr(), "SKIPPED: {error}")?;
            return Ok(());
        }
        server => server?,
    };
    for round in 1..=rounds {
        let runtime = Runtime::new()?;
        let fixture = runtime.block_on(Fixture::on(server.url()));
        let start = Instant::now();
        test(&runtime, &fixture, records)?;
        println!("{name}, round {round}: {WRITERS} x {records} records, {:.1} s", start.elapsed().as_secs_f64());
    }
    Ok(())
}

/// Returns the results of writers that start at the same time, each with a client of its own for its address.
fn at_once<T: Send>(
    fixture: &Fixture,
    urls: &[String],
    write: impl AsyncFn(usize, Collection, &Barrier) -> T + Sync,
) -> Vec<T> {
    let (ready, write) = (&Barrier::new(urls.len()), &write);
    thread::scope(|scope| {
        let writers = urls.iter().enumerate().map(|(writer, url)| {
            scope.spawn(move || {
                let todos = fixture.todos_of(&fixture.client_at(url).build().expect("a client"));
                Runtime::new().expect("a runtime").block_on(write(writer, todos, ready))
            })
        });
        let writers: Vec<_> = writers.collect();
        writers.into_iter().map(|writer| writer.join().expect("no panic")).collect()
    })
}

fn of_one_program(url: &str) -> Vec<String> {
    vec![url.to_owned(); WRITERS]
}

/// A way to the server on which every request of a batch is lost once: every second of them after the server has done it.
fn cut(runtime: &Runtime, fixture: &Fixture) -> Proxy {
    runtime.block_on(Proxy::start(fixture.url(), cutting()))
}

/// Reads the records on the server, by id.
fn held(runtime: &Runtime, fixture: &Fixture) -> BTreeMap<String, Value> {
    let answer = runtime.block_on(fixture.plain.get(&format!("{}?_limit=0", fixture.records))).json();
    let objects = answer["data"].as_array().expect("a list");
    let by_id = objects.iter().map(|object| (object["id"].as_str().expect("an id").to_owned(), object.clone()));
    let held: BTreeMap<_, _> = by_id.collect();
    assert_eq!(held.len(), objects.len(), "an id is there twice");
    held
}

/// The record as the server shows it.
fn shown(record: &Record<Value>) -> Value {
    serde_json::from_str(record.raw_json()).expect("JSON")
}

/// Every record is acknowledged once and stored once, just as it was acknowledged.
fn creates(runtime: &Runtime, fixture: &Fixture, urls: &[String], records: usize, chosen: bool) {
    let created = at_once(fixture, urls, async |writer, todos, ready| {
        let id = |n| if chosen { json!(format!("w{writer}-{n}")) } else { Value::Null };
        let data = (0..records).map(|n| json!({"id": id(n), "writer": writer, "n": n}));
        ready.wait();
        todos.create_records(data).each().await
    });
    let mut acknowledged = BTreeMap::new();
    for (writer, created) in created.into_iter().enumerate() {
        let created = created.expect("the batch could be sent");
        assert_eq!(created.len(), records);
        for (n, created) in created.into_iter().enumerate() {
            let record = created.unwrap_or_else(|error| panic!("record {n} of writer {writer}: {error}"));
            assert_eq!((&record.data["writer"], &record.data["n"]), (&json!(writer), &json!(n)));
            assert!(!chosen || record.id == format!("w{writer}-{n}").as_str());
            assert!(acknowledged.insert(record.id.to_string(), shown(&record)).is_none());
        }
    }
    assert_eq!(acknowledged.len(), WRITERS * records);
    let held = held(runtime, fixture);
    assert_eq!(held.len(), acknowledged.len());
    for (id, object) in &acknowledged {
        assert_eq!(held.get(id), Some(object), "{id} is not as it was acknowledged");
    }
    let times: BTreeSet<u64> = held.values().map(|object| object["last_modified"].as_u64().unwrap()).collect();
    assert_eq!(times.len(), held.len(), "each write has a time of its own");
}

#[test]
fn concurrent_creates_of_different_records_are_all_stored() -> Outcome {
    rounds("different records", |runtime, fixture, records| {
        creates(runtime, fixture, &of_one_program(fixture.url()), records, true);
        Ok(())
    })
}

#[test]
fn concurrent_creates_are_all_stored_when_connections_are_cut() -> Outcome {
    rounds("different records over cut connections", |runtime, fixture, records| {
        let proxy = cut(runtime, fixture);
        creates(runtime, fixture, &of_one_program(proxy.url()), records, false);
        println!("in {} requests", proxy.lines().len());
        Ok(())
    })
}

/// Four programs, which cannot wait for each other, since each proxy is another server to the client.
#[test]
fn concurrent_creates_by_different_programs_are_all_stored() -> Outcome {
    rounds("different records by different programs", |runtime, fixture, records| {
        let proxies: Vec<Proxy> =
            (0..WRITERS).map(|_| runtime.block_on(Proxy::start(fixture.url(), |_| Fault::Pass))).collect();
        let urls: Vec<String> = proxies.iter().map(|proxy| proxy.url().to_owned()).collect();
        creates(runtime, fixture, &urls, records, true);
        let requests: usize = proxies.iter().map(|proxy| proxy.lines().len()).sum();
        println!("in {requests} requests, where {} could have been enough", WRITERS * (records.div_ceil(25) + 1));
        Ok(())
    })
}

/// What each writer got for each record, which all of them have written: asserts that one has won each, or is in doubt
/// about it, since its answer was lost.
fn assert_one_winner_each(
    held: &BTreeMap<String, Value>,
    records: usize,
    mut won: impl FnMut(usize, usize) -> Result<Value, Error>,
) -> Vec<usize> {
    assert_eq!(held.len(), records);
    let mut wins = vec![0; WRITERS];
    for n in 0..records {
        let object = &held[&format!("n{n}")];
        let (mut winners, mut losers) = (Vec::new(), Vec::new());
        for writer in 0..WRITERS {
            match won(writer, n) {
                Ok(acknowledged) => winners.push((writer, acknowledged)),
                Err(error) => losers.push((writer, error)),
            }
        }
        match &winners[..] {
            [(winner, acknowledged)] => {
                assert_eq!((&object["writer"], object), (&json!(winner), acknowledged));
                wins[*winner] += 1;
            }
            [] => {
                let in_doubt =
                    |(writer, error): &(usize, Error)| object["writer"] == *writer && error.may_have_been_applied();
                assert!(losers.iter().any(in_doubt), "of {object}: {losers:?}");
            }
            _ => panic!("of {object}: {winners:?}, {losers:?}"),
        }
        for (_, error) in losers {
            assert_eq!(predicates(&error), ["conflict"], "{error}");
            let theirs = error.theirs::<Value>().expect("what stands in the way");
            assert_eq!(&shown(&theirs), object);
        }
    }
    wins
}

fn creates_of_the_same(runtime: &Runtime, fixture: &Fixture, urls: &[String], records: usize) {
    let mut created = at_once(fixture, urls, async |writer, todos, ready| {
        // Each begins elsewhere, or the first to get a turn would win them all.
        let places = (0..records).map(|n| (n + writer * records / WRITERS) % records);
        let data = places.clone().map(|n| json!({"id": format!("n{n}"), "writer": writer}));
        ready.wait();
        let created = todos.create_records(data).each().await.expect("the batch could be sent");
        places.zip(created).collect::<BTreeMap<_, _>>()
    });
    let won = |writer: usize, n| created[writer].remove(&n).expect("a result for each").map(|record| shown(&record));
    let wins = assert_one_winner_each(&held(runtime, fixture), records, won);
    println!("won: {wins:?}");
}

#[test]
fn concurrent_creates_of_same_records_have_one_winner_each() -> Outcome {
    rounds("the same records", |runtime, fixture, records| {
        creates_of_the_same(runtime, fixture, &of_one_program(fixture.url()), records);
        Ok(())
    })
}

#[test]
fn concurrent_creates_of_same_records_have_one_winner_each_when_connections_are_cut() -> Outcome {
    rounds("the same records over cut connections", |runtime, fixture, records| {
        creates_of_the_same(runtime, fixture, &of_one_program(cut(runtime, fixture).url()), records);
        Ok(())
    })
}

fn saves_of_the_same(runtime: &Runtime, fixture: &Fixture, urls: &[String], records: usize) -> Outcome {
    let data = (0..records).map(|n| json!({"id": format!("n{n}"), "writer": null}));
    runtime.block_on(fixture.todos.create_records(data).into_future())?;
    let mut saved = at_once(fixture, urls, async |writer, todos, ready| {
        let mut all = todos.get_records::<Value>().await.expect("a list");
        // As in the test above.
        all.rotate_left(writer * records / WRITERS);
        for record in &mut all {
            record.data["writer"] = writer.into();
        }
        let read: Vec<_> = all.iter().map(|record| record.last_modified).collect();
        ready.wait();
        let saved = todos.save_records(all.iter_mut()).each().await.expect("the batch could be sent");
        let mut results = BTreeMap::new();
        for ((record, read), saved) in all.iter().zip(read).zip(saved) {
            let n: usize = record.id.as_str()[1..].parse().expect("a number");
            assert_eq!(saved.is_ok(), record.last_modified > read, "who lost keeps the time he read");
            results.insert(n, saved.map(|_| shown(record)));
        }
        results
    });
    let won = |writer: usize, n| saved[writer].remove(&n).expect("a result for each");
    let wins = assert_one_winner_each(&held(runtime, fixture), records, won);
    println!("won: {wins:?}");
    Ok(())
}

#[test]
fn concurrent_saves_of_same_records_have_one_winner_each() -> Outcome {
    rounds("saves of the same records", |runtime, fixture, records| {
        saves_of_the_same(runtime, fixture, &of_one_program(fixture.url()), records)
    })
}

#[test]
fn concurrent_saves_of_same_records_have_one_winner_each_when_connections_are_cut() -> Outcome {
    rounds("saves of the same records over cut connections", |runtime, fixture, records| {
        saves_of_the_same(runtime, fixture, &of_one_program(cut(runtime, fixture).url()), records)
    })
}
