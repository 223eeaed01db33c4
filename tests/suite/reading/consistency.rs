//! Nothing that is there all the time is missed, and a consistent reading is of one moment, whatever is written meanwhile.

use futures_util::TryStreamExt as _;
use http::header;
use kinto_client::{Filter, Sort, Value, json};
use kinto_server::Backend;
use kinto_tests::{Fault, Fixture, Gate, Outcome, Proxy, on_each_backend, server_on};

use super::{Numbered, busy::Busy, fill, numbers};
use crate::predicates;

/// Before each page but the first, a record of a later page is changed: it moves to the front of the server's own order.
async fn nothing_that_is_there_all_the_time_is_missed(backend: Backend) -> Outcome {
    const RECORDS: u32 = 24;
    let server = server_on(backend);
    for page_size in [1, 3, 5] {
        for way in ["all", "lenient", "select", "stream", "fresh", "parallel"] {
            let fixture = Fixture::on(server.url()).await;
            fill(&fixture, RECORDS).await;
            let records = fixture.records.clone();
            let moving = move |place: usize| {
                let n = [2, 0, 5, 1, 9, 20, 3, 13][place % 8];
                vec![(format!("{records}/r{n:03}"), Some(json!({"n": n})))]
            };
            let busy = Busy::new(&fixture, move |place| if (1..12).contains(&place) { moving(place) } else { vec![] });
            let get = || busy.todos(&fixture).get_records::<Numbered>().page_size(page_size);
            let mut read = match way {
                "all" => numbers(&get().await?),
                "lenient" => {
                    numbers(&get().lenient().await?.into_iter().collect::<Result<Vec<_>, _>>().expect("they fit"))
                }
                "select" => get().select_as::<Numbered>().await?.iter().map(|record| record.data.n).collect(),
                "stream" => numbers(&get().stream().try_collect::<Vec<_>>().await?),
                "fresh" => {
                    let changed = get().if_changed_since(kinto_client::Timestamp::from_millis(1)).await?;
                    numbers(&changed.changed().expect("it changed"))
                }
                _ => numbers(&get().parallel().await?),
            };
            read.sort_unstable();
            assert_eq!(read, (0..RECORDS).collect::<Vec<_>>(), "{way} on pages of {page_size}");
        }
    }
    Ok(())
}

async fn what_is_collected_is_in_the_order_of_the_server(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    fill(&fixture, 9).await;
    for id in ["r004", "r002"] {
        fixture.plain.put_data(&fixture.record(id), &json!({"n": 100})).await;
    }
    let plain = fixture.plain.get(&fixture.records).await.json();
    let expected: Vec<&str> =
        plain["data"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect();
    let get = || fixture.todos.get_records::<Numbered>();
    for read in [get().await?, get().page_size(2).await?, get().page_size(2).parallel().await?, get().limit(9).await?] {
        assert_eq!(read.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), expected);
    }
    let lenient = get().page_size(2).lenient().await?;
    assert_eq!(lenient.iter().map(|read| read.as_ref().unwrap().id.as_str()).collect::<Vec<_>>(), expected);
    let selected = get().page_size(2).select_as::<Numbered>().await?;
    assert_eq!(selected.iter().map(|read| read.id.as_str()).collect::<Vec<_>>(), expected);
    assert_eq!(get().first().await?.expect("one").id.as_str(), expected[0]);
    let two = get().limit(2).page_size(1).await?;
    assert_eq!(two.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), expected[..2]);
    let first = get().page_size(3).pages().try_next().await?.expect("a page");
    assert_eq!(first.items.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), expected[..3]);
    let streamed: Vec<_> = get().page_size(2).stream().try_collect().await?;
    let rising: Vec<&str> = expected.iter().rev().copied().collect();
    assert_eq!(streamed.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), rising, "the oldest first");
    Ok(())
}

/// A write between any two requests, or after the last one before the last question: it is noticed each time.
async fn parallel_read_returns_conflict_when_consistent_and_changed(backend: Backend) -> Outcome {
    const RECORDS: u32 = 6;
    let server = server_on(backend);
    for page_size in [2, 6, 100] {
        let pages = RECORDS.div_ceil(page_size) as usize;
        for place in 0..=pages {
            // The server tests `If-Match` before it queries; and a proxy with a cache drops it.
            for strips_conditions in [false, true] {
                for way in ["all", "stream", "pages", "parallel", "limit"] {
                    let fixture = Fixture::on(server.url()).await;
                    fill(&fixture, RECORDS).await;
                    let changed = fixture.record("r001");
                    let mut busy = Busy::new(&fixture, move |at| {
                        if at == place { vec![(changed.clone(), Some(json!({"n": 1})))] } else { vec![] }
                    });
                    busy.strips_conditions = strips_conditions;
                    let get = busy.todos(&fixture).get_records::<Numbered>().page_size(page_size).consistent();
                    let read = match way {
                        "all" => get.await.map(|read| read.len()),
                        "stream" => get.stream().try_collect::<Vec<_>>().await.map(|read| read.len()),
                        "pages" => {
                            let pages = get.pages().try_collect::<Vec<_>>().await;
                            pages.map(|pages| pages.iter().map(|page| page.items.len()).sum())
                        }
                        "limit" => get.limit(RECORDS as usize).await.map(|read| read.len()),
                        _ => get.parallel().await.map(|read| read.len()),
                    };
                    let case = format!("{way} on pages of {page_size}, a write before request {place}");
                    match read {
                        Ok(read) => {
                            // Before the first page it is part of all; of two readings, either may come first.
                            assert!(place == 0 || way == "parallel", "{case}");
                            assert_eq!(read, RECORDS as usize, "{case}");
                        }
                        Err(error) => {
                            assert!(place > 0 || way == "parallel", "{case}: {error}");
                            assert_eq!(predicates(&error), ["conflict"], "{case}: {error}");
                            assert!(error.to_string().contains("changed while it was being read"), "{error}");
                        }
                    }
                }
            }
        }
    }
    Ok(())
}

on_each_backend!(
    nothing_that_is_there_all_the_time_is_missed,
    what_is_collected_is_in_the_order_of_the_server,
    parallel_read_returns_conflict_when_consistent_and_changed,
);

#[tokio::test]
async fn consistent_reading_asks_once_more_and_past_every_cache() -> Outcome {
    let fixture = Fixture::new().await;
    fill(&fixture, 4).await;
    let mut questions = Vec::new();
    for _ in 0..2 {
        fixture.sent.forget();
        let read = fixture.todos.get_records::<Numbered>().page_size(3).consistent().await?;
        assert_eq!(read.len(), 4);
        let sent = fixture.sent.take();
        assert_eq!(sent.len(), 3, "{sent:?}");
        assert!(sent[2].target.contains("_limit=1&_fields=id&_at="), "{}", sent[2].target);
        assert_eq!(sent[2].header("if-match"), Some(format!("\"{}\"", read.last_modified).as_str()));
        questions.push(sent[2].target.clone());
    }
    assert_ne!(questions[0], questions[1], "an answer to the one is none to the other");
    Ok(())
}

/// A cache in front of the server that answers each address as it did the first time.
#[tokio::test]
async fn page_from_a_cache_is_noticed() -> Outcome {
    let fixture = Fixture::new().await;
    fill(&fixture, 6).await;
    let stale = fixture.plain.get(&format!("{}?_sort=last_modified&_limit=3", fixture.records)).await;
    let (etag, body) = (stale.headers[header::ETAG].to_str()?.to_owned(), stale.text.clone());
    let next = stale.headers["next-page"].to_str()?.to_owned();
    fixture.plain.put_data(&fixture.record("r005"), &json!({"n": 5})).await;
    let cached = Proxy::start(fixture.url(), move |sent| {
        if sent.target.contains("_token") || sent.target.contains("_at=") {
            return Fault::Pass;
        }
        let headers = [format!("ETag: {etag}"), format!("Next-Page: {next}")];
        Fault::answer(200, &headers.each_ref().map(String::as_str), &body)
    })
    .await;
    let error = fixture.todos_through(&cached).get_records::<Numbered>().page_size(3).consistent().await.unwrap_err();
    assert_eq!(predicates(&error), ["conflict"], "{error}");
    Ok(())
}

#[tokio::test]
async fn record_that_moves_meanwhile_is_read_once_as_it_is_now() -> Outcome {
    let fixture = Fixture::new().await;
    fill(&fixture, 9).await;
    let gate = Gate::default();
    let proxy = Proxy::start(fixture.url(), kinto_tests::in_order([Fault::Pass, Fault::Hold(gate.clone())])).await;
    let call = fixture.todos_through(&proxy).get_records::<Numbered>().page_size(3);
    let read = gate
        .overtake(call, async {
            // One that was read, and one that was not.
            for (id, n) in [("r001", 101), ("r007", 107)] {
                fixture.plain.put_data(&fixture.record(id), &json!({"n": n})).await;
            }
        })
        .await?;
    assert_eq!(numbers(&read), [107, 101, 8, 6, 5, 4, 3, 2, 0]);

    let gate = Gate::default();
    let proxy = Proxy::start(fixture.url(), kinto_tests::in_order([Fault::Pass, Fault::Hold(gate.clone())])).await;
    let f = Filter::field("n").ge(0);
    let call = fixture.todos_through(&proxy).get_records::<Value>().filter(f).sort(Sort::asc("n")).page_size(3);
    let read = gate
        .overtake(call, async {
            fixture.plain.put_data(&fixture.record("r000"), &json!({"n": 200})).await;
        })
        .await?;
    let ids: Vec<&str> = read.iter().map(|record| record.id.as_str()).collect();
    assert_eq!(ids.iter().filter(|id| **id == "r000").count(), 1, "in an order that was asked for, too: {ids:?}");
    Ok(())
}

/// A loop over a stream that changes, or copies, what it is given.
#[tokio::test]
async fn stream_ends_though_its_loop_writes() -> Outcome {
    let fixture = Fixture::new().await;
    fill(&fixture, 12).await;
    let mut seen = Vec::new();
    let mut stream = fixture.todos.get_records::<Numbered>().page_size(3).stream();
    while let Some(record) = stream.try_next().await? {
        seen.push(record.data.n);
        fixture.todos.update_record(&record.id, |record: &mut Numbered| record.n += 100).await?;
    }
    assert_eq!(seen, (0..12).collect::<Vec<_>>());
    let mut numbers: Vec<u32> = numbers(&fixture.todos.get_records::<Numbered>().await?);
    numbers.sort_unstable();
    assert_eq!(numbers, (100..112).collect::<Vec<_>>(), "each was changed once");

    let mut stream = fixture.todos.get_records::<Numbered>().page_size(3).stream();
    let mut read = 0;
    while let Some(record) = stream.try_next().await? {
        read += 1;
        assert!(read < 100, "it does not end");
        fixture.todos.create_record(record.data).await?;
    }
    assert!((12..=30).contains(&read), "{read}");
    Ok(())
}
