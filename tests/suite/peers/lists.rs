//! Defects in reading and deleting lists.

use std::{sync::Arc, time::Duration};

use futures_util::TryStreamExt as _;
use kinto_client::{Filter, Value, json, list::Conditional, retry::ExponentialBackoff};
use kinto_server::Server;
use kinto_tests::{Fault, Fixture, Gate, Outcome, Proxy, SentRequest, in_order};

use crate::{Todo, predicates};

/// A fixture whose collection has thirteen records, on a server whose pages have five.
async fn thirteen() -> Fixture {
    let server = Server::builder().paginate_by(5).shared().expect("a server");
    let fixture = Fixture::on(server.url()).await;
    fixture.fill((0..13).map(|n| (format!("n{n}"), json!({"n": n})))).await;
    fixture
}

/// kinto-http.py deletes the first page, and returns as if that were all.
#[tokio::test]
async fn deleting_all_stops_after_a_page() -> Outcome {
    let fixture = thirteen().await;
    assert_eq!(fixture.todos.delete_all_records().await?.len(), 13);
    assert_eq!(fixture.plain.ids(&fixture.records).await, [""; 0]);
    Ok(())
}

/// kinto.js deletes the first page, and then GETs the others and counts them as deleted.
#[tokio::test]
async fn deleting_all_reads_the_other_pages_instead() -> Outcome {
    let fixture = thirteen().await;
    let collections = format!("/buckets/{}/collections", fixture.bucket.id());
    for n in 0..7 {
        fixture.plain.put(&format!("{collections}/c{n}"), &json!({})).await;
    }
    assert_eq!(fixture.bucket.delete_all_collections().await?.len(), 8, "with `todos`");
    assert_eq!(fixture.plain.ids(&collections).await, [""; 0]);
    let sent = fixture.sent.take();
    assert_eq!(sent.len(), 2);
    assert!(sent.iter().all(|sent| sent.method == http::Method::DELETE), "{sent:#?}");
    Ok(())
}

/// kinto-http.py's `delete_records` takes no filter.
#[tokio::test]
async fn deleting_many_takes_no_filter() -> Outcome {
    let fixture = thirteen().await;
    let deleted = fixture.todos.typed::<Value>().delete_all_records().filter(Filter::field("n").ge(4)).await?;
    assert_eq!(deleted.len(), 9);
    assert_eq!(fixture.plain.ids(&fixture.records).await, ["n0", "n1", "n2", "n3"]);
    Ok(())
}

/// kinto-http.py's `get_permissions` gives the first page.
#[tokio::test]
async fn my_permissions_are_those_of_a_page() -> Outcome {
    let fixture = thirteen().await;
    let entries = fixture.client.get_permissions().await?;
    let records = entries.iter().filter(|entry| entry.resource_name == "record").count();
    assert_eq!((records, fixture.sent.take().len() > 1), (13, true), "{entries:?}");
    Ok(())
}

/// kinto-http.py reads a page within the reading of the one before it, and reaches the end of its stack after 487.
#[tokio::test]
async fn pages_are_read_within_pages() -> Outcome {
    const RECORDS: usize = 490;
    let fixture = Fixture::new().await;
    fixture.fill((0..RECORDS).map(|n| (format!("n{n}"), json!({"n": n})))).await;
    let read = fixture.todos.get_records::<Value>().page_size(1).await?;
    assert_eq!((read.len(), fixture.sent.take().len()), (RECORDS, RECORDS));
    Ok(())
}

/// kinto-http.py tries again at each level of that: 124 requests for one page that is dead.
#[tokio::test]
async fn a_dead_page_is_tried_again_for_each_page_before_it() -> Outcome {
    let fixture = thirteen().await;
    let mut asked = 0;
    let rule = move |_: &SentRequest| {
        asked += 1;
        if asked <= 2 { Fault::Pass } else { Fault::json(503, &json!({"errno": 201, "error": "busy"})) }
    };
    let proxy = Proxy::start(fixture.url(), rule).await;
    let policy = ExponentialBackoff::default().max_tries(4).first_delay(Duration::from_millis(1));
    let error = fixture.todos_through(&proxy).get_records::<Value>().retry(policy).await.unwrap_err();
    assert_eq!(predicates(&error), ["unavailable"], "{error}");
    assert_eq!(proxy.lines().len(), 2 + 4, "two pages, and the third one four times");
    Ok(())
}

/// kinto.js gives up at the first failure of any page but the first, whatever `retry` says.
#[tokio::test]
async fn only_the_first_page_is_tried_again() -> Outcome {
    let fixture = thirteen().await;
    let busy = || Fault::json(503, &json!({"errno": 201, "error": "busy"}));
    let proxy = Proxy::start(fixture.url(), in_order([Fault::Pass, busy(), Fault::Pass, Fault::CutBefore])).await;
    assert_eq!(fixture.todos_through(&proxy).get_records::<Value>().await?.len(), 13);
    assert_eq!(proxy.lines().len(), 3 + 2);
    Ok(())
}

/// kinto-http.py returns an empty list for one that was not modified; kinto.js returns `undefined`.
#[tokio::test]
async fn not_modified_is_an_empty_list() -> Outcome {
    let fixture = thirteen().await;
    let read = fixture.todos.get_records::<Value>().await?;
    let again = || fixture.todos.get_records::<Value>().if_changed_since(read.last_modified);
    assert!(matches!(again().await?, Conditional::NotModified));
    fixture.plain.delete(&fixture.records).await;
    fixture.plain.delete(&fixture.records).await;
    fixture.plain.delete(&fixture.records).await;
    let Conditional::Modified(now) = again().await? else { panic!("it was changed") };
    assert_eq!(now.len(), 0);
    Ok(())
}

/// kinto-http.py asks for the time of a list once, and gives that for ever.
#[tokio::test]
async fn the_time_of_a_list_is_remembered_for_ever() -> Outcome {
    let fixture = Fixture::new().await;
    let before = fixture.todos.get_records::<Value>().await?.last_modified;
    let record = fixture.todos.create_record(json!({"n": 1})).await?;
    let after = fixture.todos.get_records::<Value>().await?.last_modified;
    assert!(before < after);
    assert_eq!(after, record.last_modified);
    Ok(())
}

/// kinto.js gives the time of a list with quotes in one place and without in the other, and -1 as the number of records.
#[tokio::test]
async fn times_and_totals_differ_from_place_to_place() -> Outcome {
    let fixture = thirteen().await;
    let list = fixture.todos.get_records::<Value>();
    let (count, all) = (fixture.todos.get_records::<Value>().count().await?, list.await?);
    assert_eq!((count, all.len()), (13, 13));
    let etag = fixture.plain.get(&format!("{}?_limit=1", fixture.records)).await.headers["etag"].to_str()?.to_owned();
    assert_eq!(all.last_modified.to_string(), etag.trim_matches('"'));
    let newest = all.iter().map(|record| record.last_modified).max();
    assert_eq!(newest, Some(all.last_modified), "one type for both");
    Ok(())
}

/// kinto-http.py's async client gives a generator that blocks the event loop while it waits for a page.
#[tokio::test]
async fn reading_pages_holds_up_all_else() -> Outcome {
    let fixture = thirteen().await;
    let gate = Gate::default();
    let hold = gate.clone();
    let rule =
        move |sent: &SentRequest| if sent.target.contains("_token") { Fault::Hold(hold.clone()) } else { Fault::Pass };
    let proxy = Proxy::start(fixture.url(), rule).await;
    let pages = fixture.todos_through(&proxy).get_records::<Value>().stream();
    let meanwhile = async {
        // On this one thread, while the second page is being waited for.
        fixture.todos.create_record(Todo::new("Milk")).id("milk").await.expect("it is created");
    };
    let read: Vec<_> = gate.overtake(pages.try_collect::<Vec<_>>(), meanwhile).await?;
    assert_eq!(read.len(), 14, "with the one that was created meanwhile");
    assert_eq!(fixture.plain.status(&fixture.record("milk")).await, 200);
    Ok(())
}

/// kinto.js's `listRecords` drops headers and retries that were given to the call.
#[tokio::test]
async fn options_of_the_call_are_lost_after_a_page() -> Outcome {
    let fixture = thirteen().await;
    let busy = || Fault::json(503, &json!({"errno": 201, "error": "busy"}));
    let proxy = Proxy::start(fixture.url(), in_order([Fault::Pass, Fault::Pass, busy()])).await;
    let asked = Arc::default();
    let client =
        fixture.client_at(proxy.url()).retry(kinto_client::retry::NeverRetry).header("x-tenant", "a").build()?;
    let list = fixture.todos_of(&client).get_records::<Value>().retry(super::Counting(Arc::clone(&asked)));
    assert_eq!(list.await?.len(), 13);
    assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 1, "the call's own policy, on the last page");
    assert!(proxy.arrived().iter().all(|sent| sent.header("x-tenant") == Some("a")));
    Ok(())
}
