//! A list that is read from both ends at once is the same list.

use kinto_client::{Filter, KintoRecord, Record, Sort, Timestamp, Value, json, list::PageToken};
use kinto_server::Backend;
use kinto_tests::{Fault, Fixture, Gate, Outcome, Proxy, SentRequest, on_each_backend, server_on};
use serde::{Deserialize, Serialize};

use crate::predicates;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
struct Numbered {
    n: u32,
}

async fn fill(fixture: &Fixture, records: std::ops::Range<u32>) {
    fixture.fill(records.map(|n| (format!("r{n:03}"), json!({"n": n})))).await;
}

/// The comparable parts of each record.
fn shape<'a>(records: impl IntoIterator<Item = &'a Record<Numbered>>) -> Vec<(String, Timestamp, u32, String)> {
    let shape = |record: &Record<Numbered>| {
        (record.id.to_string(), record.last_modified, record.data.n, record.raw_json().to_owned())
    };
    records.into_iter().map(shape).collect()
}

/// Returns `true` if a request reads in ascending order.
fn is_ascending(sent: &SentRequest) -> bool {
    sent.target.contains("_sort=last_modified")
}

async fn parallel_read_returns_lists_of_every_length(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    let mut filled = 0;
    for length in [0, 1, 2, 4, 5, 6, 9, 10, 11, 37] {
        fill(&fixture, filled..length).await;
        filled = length;
        for page_size in [1, 5, 100] {
            let read = || fixture.todos.get_records::<Numbered>().page_size(page_size);
            let (one, both) = (read().await?, read().parallel().await?);
            assert_eq!(shape(&*both), shape(&*one), "{length} on pages of {page_size}");
            assert_eq!(both.last_modified, one.last_modified);
        }
    }
    Ok(())
}

async fn parallel_read_returns_filtered_lists(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    fill(&fixture, 0..30).await;
    let all = fixture.todos.get_records::<Numbered>().await?;
    let (since, before) = (all[25].last_modified, all[3].last_modified);
    // Tombstones are between the others, and one is at an end of the pages.
    for id in ["r008", "r010", "r011", "r025", "r029"] {
        fixture.plain.delete(&fixture.record(id)).await;
    }
    let f = Numbered::fields();
    let read = || fixture.todos.get_records::<Numbered>().page_size(3);
    let parts = [
        (read().filter(f.n.lt(20)), read().filter(f.n.lt(20))),
        (read().filter(f.n.gt(1000)), read().filter(f.n.gt(1000))),
        (read().since(since), read().since(since)),
        (read().before(before), read().before(before)),
        (read().since(since).before(before), read().since(since).before(before)),
    ];
    for (place, (one, both)) in parts.into_iter().enumerate() {
        assert_eq!(shape(&*both.parallel().await?), shape(&*one.await?), "{place}");
    }
    Ok(())
}

on_each_backend!(parallel_read_returns_lists_of_every_length, parallel_read_returns_filtered_lists);

#[tokio::test]
async fn parallel_read_takes_half_from_each_end() -> Outcome {
    let fixture = Fixture::new().await;
    fill(&fixture, 0..100).await;
    assert_eq!(fixture.todos.get_records::<Numbered>().page_size(5).parallel().await?.len(), 100);
    let sent = fixture.sent.take();
    let ascending = sent.iter().filter(|sent| is_ascending(sent)).count();
    // Each page is asked for by one of the two, and where they meet some by both: one that is read, one that is
    // under way, and one that was asked for meanwhile, from each end.
    assert!((20..=26).contains(&sent.len()), "{}", sent.len());
    assert!(ascending > 0 && ascending < sent.len(), "{ascending} of {}", sent.len());
    Ok(())
}

/// The moment when one of two readings has read its first page, and the other none.
struct Between {
    proxy: Proxy,
    latest: Gate,
    earliest: Gate,
}

impl Between {
    /// The reading from the latest on waits for its first page, the other one for its second.
    async fn start(fixture: &Fixture) -> Self {
        let (latest, earliest) = (Gate::default(), Gate::default());
        let (first, second) = (latest.clone(), earliest.clone());
        let mut ascending = 0;
        let proxy = Proxy::start(fixture.url(), move |sent: &SentRequest| {
            ascending += u32::from(is_ascending(sent));
            match (is_ascending(sent), ascending) {
                (false, _) => Fault::Hold(first.clone()),
                (true, 2) => Fault::Hold(second.clone()),
                (true, _) => Fault::Pass,
            }
        })
        .await;
        Self { proxy, latest, earliest }
    }

    /// Returns the result of a read during which `act` runs at that moment.
    async fn during<T>(&self, read: impl IntoFuture<Output = T>, act: impl Future<Output = ()>) -> T {
        let (read, ()) = tokio::join!(read.into_future(), async {
            self.latest.arrival().await;
            self.earliest.arrival().await;
            act.await;
            self.earliest.open();
            self.latest.open();
        });
        read
    }
}

#[tokio::test]
async fn parallel_read_returns_changed_record_once() -> Outcome {
    let fixture = Fixture::new().await;
    fill(&fixture, 0..20).await;
    let before = fixture.todos.get_records::<Numbered>().await?.last_modified;
    let between = Between::start(&fixture).await;
    let read = fixture.todos_through(&between.proxy).get_records::<Numbered>().page_size(5).parallel();
    let read = between
        .during(read, async {
            fixture.plain.put_data(&fixture.record("r000"), &json!({"n": 1000})).await;
        })
        .await?;
    let numbers: Vec<u32> = read.iter().map(|record| record.data.n).collect();
    assert_eq!(numbers, [1000].into_iter().chain((1..20).rev()).collect::<Vec<_>>());
    assert_eq!(read.last_modified, before, "so that nothing is missed from here on");
    Ok(())
}

#[tokio::test]
async fn parallel_read_returns_conflict_when_consistent_and_changed() -> Outcome {
    let fixture = Fixture::new().await;
    fill(&fixture, 0..20).await;
    let between = Between::start(&fixture).await;
    let read = || fixture.todos_through(&between.proxy).get_records::<Numbered>().page_size(5).consistent().parallel();
    let error = between
        .during(read(), async {
            fixture.plain.put_data(&fixture.record("r010"), &json!({"n": 1000})).await;
        })
        .await
        .unwrap_err();
    assert_eq!(predicates(&error), ["conflict"], "{error}");
    assert!(error.to_string().contains("changed while it was being read"), "{error}");
    assert_eq!(read().await?.len(), 20, "nobody writes now");
    Ok(())
}

#[tokio::test]
async fn parallel_read_rejects_incompatible_options() -> Outcome {
    let fixture = Fixture::new().await;
    let read = || fixture.todos.get_records::<Value>();
    let calls = [
        (read().sort(Sort::asc("n")), "an order"),
        (read().limit(5), "a limit"),
        (read().max_pages(5), "a number of pages"),
        (read().resume("1:/x?_token=a".parse::<PageToken>()?), "a page token"),
        (read().filter(Filter::field("a-b").lt(1)), "a-b"),
        (read().page_size(0), "page"),
    ];
    for (call, says) in calls {
        let error = call.parallel().await.unwrap_err();
        assert_eq!(predicates(&error), ["invalid"], "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
    assert_eq!(fixture.sent.take_lines(), [] as [&str; 0]);
    Ok(())
}
