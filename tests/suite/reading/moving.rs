//! Records that other clients change again and again while a stream reads them: they move behind its end, and are not left out.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, TryStreamExt as _};
use kinto_client::{Collection, Filter, Timestamp, Value, json, testing::Kinto};
use kinto_server::Backend;
use kinto_tests::{Chance, Fixture, Outcome, on_each_backend, server_on};

use super::{Numbered, busy::Busy, fill};
use crate::predicates;

/// The number of generated readings.
const ROUNDS: u64 = 6;

fn name(n: u32) -> String {
    format!("r{n:03}")
}

/// The ids that a stream, or an update of all records, returns, in their order.
async fn read(way: &str, todos: &Collection, page_size: u32) -> Vec<String> {
    let is_there = || Filter::field("n").ge(0);
    let results: Vec<_> = match way {
        "stream" => todos.get_records::<Value>().page_size(page_size).stream().collect().await,
        "filter" => todos.get_records::<Value>().filter(is_there()).page_size(page_size).stream().collect().await,
        "time" => {
            let now = todos.get_records_timestamp().await.expect("a time").as_millis();
            let (since, before) = (Timestamp::from_millis(1), Timestamp::from_millis(now + 3_600_000));
            todos.get_records::<Value>().since(since).before(before).page_size(page_size).stream().collect().await
        }
        _ => {
            let change = |todo: &mut Value| todo["seen"] = (todo["seen"].as_u64().unwrap_or_default() + 1).into();
            todos.update_records(change).filter(is_there()).page_size(page_size).stream().collect().await
        }
    };
    let id = |result: kinto_client::Result<kinto_client::Record<Value>>| match result {
        Ok(record) => record.id.to_string(),
        // It was changed by another client while the response to its update was under way, and was not left out.
        Err(error) if error.may_have_been_applied() => {
            error.object().and_then(|path| path.rsplit('/').next()).expect("a record").to_owned()
        }
        Err(error) => panic!("{error}"),
    };
    results.into_iter().map(id).collect()
}

fn names(records: u32) -> Vec<String> {
    (0..records).map(name).collect()
}

/// The requests for lists, without the path and with a name for each time and token.
fn lists(fixture: &Fixture) -> Vec<String> {
    let lines = fixture.sent.take_lines().into_iter().filter(|line| line.starts_with("GET"));
    let parameter = |parameter: &str| match parameter.split_once('=') {
        Some((name @ ("_since" | "_token"), _)) => name.to_owned(),
        _ => parameter.to_owned(),
    };
    lines
        .map(|line| line.split_once('?').map_or("", |(_, query)| query).split('&').map(parameter).collect::<Vec<_>>())
        .map(|parameters| parameters.join("&"))
        .collect()
}

/// All records of the last pages are changed before they are read, and one of them again when the reading has come there.
///
/// Without a second reading, by id, it has moved behind the end then.
async fn record_that_is_changed_twice_is_read(backend: Backend) -> Outcome {
    let server = server_on(backend);
    for way in ["stream", "filter", "update"] {
        for (moved, again_at) in [(20..40, 6), (12..40, 6), (4..40, 4)] {
            for again in [31, 39] {
                let fixture = Fixture::on(server.url()).await;
                fill(&fixture, 40).await;
                let touch = {
                    let records = fixture.records.clone();
                    move |n: u32| (format!("{records}/{}", name(n)), Some(json!({"n": n})))
                };
                let mut busy = Busy::new(&fixture, {
                    let moved = moved.clone();
                    move |place| match place {
                        1 => moved.clone().map(&touch).collect(),
                        place if place == again_at => vec![touch(again)],
                        _ => Vec::new(),
                    }
                });
                busy.counts_pages_only = true;
                let mut read = read(way, &busy.todos(&fixture), 5).await;
                read.sort_unstable();
                assert_eq!(read, names(40), "{way}: {moved:?} moved, and {again} again before request {again_at}");
            }
        }
    }
    Ok(())
}

/// Other clients change, create and delete records before any request.
async fn nothing_that_is_there_all_the_time_is_left_out(backend: Backend) -> Outcome {
    let server = server_on(backend);
    for round in 0..ROUNDS {
        let mut chance = Chance::new(7, round);
        let (records, page_size) = (chance.between(3, 60), chance.between(1, 12));
        let way = chance.pick(&["stream", "filter", "time", "update"]);
        let records = u32::try_from(records)?;
        let fixture = Fixture::on(server.url()).await;
        fill(&fixture, records).await;
        let (most, seed) = (chance.between(1, 9), chance.below(u64::MAX));
        let others = fixture.records.clone();
        let busy = Busy::new(&fixture, move |place| {
            let mut chance = Chance::new(seed, place as u64);
            // Once in a while there are many at once, and then nothing for some time.
            let writes = if place == 0 || place > 60 || chance.one_in(3) { 0 } else { chance.between(1, most) };
            let writes = if chance.one_in(6) { writes * 4 } else { writes };
            let mut write = |_| match chance.below(12) {
                0 => (format!("{others}/{}", chance.pick(&["a", "m", "s", "z"])), Some(json!({"n": 1000}))),
                1 => (format!("{others}/new-{}", chance.below(1_000_000)), Some(json!({"n": 1000}))),
                2 | 3 => (format!("{others}/{}", chance.pick(&["a", "m", "s", "z"])), None),
                _ => {
                    let n = u32::try_from(chance.below(u64::from(records))).expect("it is small");
                    (format!("{others}/{}", name(n)), Some(json!({"n": n})))
                }
            };
            (0..writes).map(&mut write).collect()
        });
        let read = read(way, &busy.todos(&fixture), u32::try_from(page_size)?).await;
        let case = format!("round {round}: {way} of {records} on pages of {page_size}");
        let once: BTreeSet<_> = read.iter().cloned().collect();
        assert_eq!(once.len(), read.len(), "{case}: each comes once: {read:?}");
        let missing: Vec<_> = names(records).into_iter().filter(|id| !once.contains(id)).collect();
        assert!(missing.is_empty(), "{case} left out {missing:?}");
    }
    Ok(())
}

/// Whenever a record is read, all that were not read yet are changed.
async fn assert_reads_what_keeps_moving(todos: &Collection, records: u32) -> Outcome {
    for page_size in [1, 3, 7] {
        let mut unread: BTreeSet<String> = names(records).into_iter().collect();
        let mut stream = todos.get_records::<Value>().page_size(page_size).stream();
        while let Some(record) = stream.try_next().await? {
            assert!(unread.remove(record.id.as_str()), "{} comes again", record.id);
            for id in &unread {
                todos.overwrite_record(id.as_str(), json!({"by": record.id})).await?;
            }
        }
        assert!(unread.is_empty(), "{unread:?} on pages of {page_size}");
    }
    Ok(())
}

async fn stream_reads_what_keeps_moving(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    fill(&fixture, 16).await;
    assert_reads_what_keeps_moving(&fixture.todos, 16).await
}

async fn stream_ends_though_its_loop_creates_records_ahead_of_it(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let mut last = 1_000_000;
    let ids: [&mut (dyn FnMut(&str) -> String + Send); 3] =
        [&mut |id| format!("a-{id}"), &mut |id| format!("{id}-a"), &mut |_| {
            last -= 1;
            format!("s{last}")
        }];
    for copy in ids {
        let fixture = Fixture::on(server.url()).await;
        fill(&fixture, 12).await;
        let mut read = BTreeSet::new();
        let mut stream = fixture.todos.get_records::<Value>().page_size(2).stream();
        while let Some(record) = stream.try_next().await? {
            assert!(read.len() < 100, "it does not end: {read:?}");
            fixture.todos.create_record(json!({})).id(copy(&record.id)).await?;
            fixture.todos.overwrite_record(record.id.as_str(), json!({})).await?;
            read.insert(record.id.to_string());
        }
        assert!(names(12).iter().all(|id| read.contains(id)), "{read:?}");
    }
    Ok(())
}

on_each_backend!(stream_reads_what_keeps_moving, stream_ends_though_its_loop_creates_records_ahead_of_it,);

on_each_backend!(record_that_is_changed_twice_is_read, nothing_that_is_there_all_the_time_is_left_out);

#[tokio::test]
async fn stream_reads_what_keeps_moving_in_memory() -> Outcome {
    let kinto = Kinto::new();
    let records: serde_json::Map<_, _> = names(16).into_iter().map(|id| (id, json!({}))).collect();
    kinto.preset(json!({"lists": {"collections": {"todos": {"records": records}}}}))?;
    assert_reads_what_keeps_moving(&kinto.client().bucket("lists").collection("todos"), 16).await
}

#[tokio::test]
async fn stream_sends_no_further_request_for_what_moves_to_its_last_page() -> Outcome {
    // Nothing moves, or as much as there is room for on the last of eight pages, or on one more, or not even there.
    let first = ["_sort=last_modified&_limit=5"];
    let pages = |further| {
        first.into_iter().map(str::to_owned).chain(vec!["_sort=last_modified&_limit=5&_token".into(); further])
    };
    let ids = "_since&_sort=-id&_limit=1000&_fields=id".to_owned();
    for (moved, expected) in [
        (0..0, pages(7).collect::<Vec<_>>()),
        (0..2, pages(7).collect()),
        (0..7, pages(8).collect()),
        (0..12, pages(8).chain([ids]).collect()),
    ] {
        let fixture = Fixture::new().await;
        fill(&fixture, 38).await;
        let records = fixture.records.clone();
        let change = move |n| (format!("{records}/{}", name(n)), Some(json!({"n": n})));
        let changed = moved.clone();
        let busy =
            Busy::new(&fixture, move |place| if place == 5 { changed.clone().map(&change).collect() } else { vec![] });
        fixture.sent.forget();
        assert_eq!(read("stream", &busy.todos(&fixture), 5).await, names(38));
        assert_eq!(lists(&fixture), expected, "{moved:?} moved");
    }
    Ok(())
}

/// A record that does not decode, and one that looks like a tombstone in part, are changed twice, and others once.
#[tokio::test]
async fn stream_reads_what_does_not_decode_once() -> Outcome {
    let fixture = Fixture::new().await;
    fill(&fixture, 40).await;
    let odd = |n: u32| match n {
        33 => json!({"n": "no number"}),
        35 => json!({"n": n, "deleted": true}),
        _ => json!({"n": n}),
    };
    for n in [33, 35] {
        fixture.plain.put_data(&fixture.record(&name(n)), &odd(n)).await;
    }
    let records = fixture.records.clone();
    let change = move |n: u32| (format!("{records}/{}", name(n)), Some(odd(n)));
    let busy = Busy::new(&fixture, move |place| match place {
        1 => (12..40).map(&change).collect(),
        4 | 6 => [33, 35].map(&change).into(),
        _ => Vec::new(),
    });
    let results: Vec<_> = busy.todos(&fixture).get_records::<Numbered>().page_size(5).stream().collect().await;
    let (records, errors): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    let mut read: Vec<_> = records.into_iter().flatten().map(|record| record.data.n).collect();
    read.sort_unstable();
    assert_eq!(read, (0..40).filter(|n| *n != 33).collect::<Vec<_>>());
    let errors: Vec<_> = errors.iter().filter_map(|result| result.as_ref().err()).map(predicates).collect();
    assert_eq!(errors, [["decode"]]);
    Ok(())
}
