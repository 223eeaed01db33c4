//! Waits for places, turns and the server's `Backoff` have an end, which is the call's own; and a pause of the caller is
//! not one of the server.

use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, future::join_all};
use kinto_client::{Client, Value, json, retry::NeverRetry};
use kinto_tests::{Fault, Gate, Outcome, Proxy, in_order};
use tokio::time::Instant;

use super::{ends, with_records};
use crate::{Todo, predicates};

#[tokio::test]
async fn pause_of_the_caller_is_not_one_of_the_server() -> Outcome {
    const RECORDS: usize = 24;
    let page = |ids: std::ops::Range<usize>, next: &str, text: &str| {
        let record = |n: usize| json!({"id": format!("n{n}"), "last_modified": n + 1, "text": text});
        let body = json!({"data": ids.map(record).collect::<Vec<_>>()}).to_string();
        Fault::answer(200, &["Content-Type: application/json", "ETag: \"4000\"", next], &body)
    };
    let next = "Next-Page: http://localhost/v1/buckets/b/collections/c/records?_token=2";
    let taken = Gate::default();
    // More than fits into the buffers between.
    let Fault::Answer(second) = page(2..RECORDS, "X: x", &"x".repeat(1_000_000)) else { panic!("it is an answer") };
    let mut pages = [page(0..2, next, ""), Fault::AnswerWhole(second, taken.clone())].into_iter();
    let proxy = Proxy::instead(move |_| pages.next().expect("two pages")).await;
    let client = Client::builder(proxy.url()).read_timeout(Duration::from_secs(2)).retry(NeverRetry).build()?;
    let mut records = client.bucket("b").collection("c").get_records::<Value>().stream();
    assert!(records.try_next().await?.is_some());
    // Nobody polls the stream. What the server sends is taken all the same, so that no time limit is the consumer's.
    ends("the second page", taken.arrival()).await;
    let rest: Vec<_> = ends("the rest", records.try_collect()).await?;
    let ids: Vec<String> = rest.iter().map(|record| record.id.to_string()).collect();
    assert_eq!(ids, (1..RECORDS).map(|n| format!("n{n}")).collect::<Vec<_>>());
    Ok(())
}

#[tokio::test]
async fn waits_for_a_turn_end() -> Outcome {
    const CALLS: usize = 40;
    let fixture = with_records(1).await;
    let gate = Gate::default();
    let hold = gate.clone();
    let proxy = Proxy::start(fixture.url(), move |_| Fault::Hold(hold.clone())).await;
    let client = fixture.client_at(proxy.url()).retry(NeverRetry).timeout(Duration::from_millis(300)).build()?;
    let todos = fixture.todos_of(&client);
    let start = Instant::now();
    let update = || todos.update_record("n0", |todo: &mut Todo| todo.done = true).into_future();
    for result in ends("the updates", join_all((0..CALLS).map(|_| update()))).await {
        let error = result.unwrap_err();
        assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["timed out"], false), "{error}");
    }
    // One after the other they would take 12 seconds.
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    let patches = join_all((0..CALLS).map(|n| todos.patch_record::<Value>("n0", json!({"n": n})).into_future()));
    let mut in_doubt = 0;
    for result in ends("the patches", patches).await {
        let error = result.unwrap_err();
        assert_eq!(predicates(&error), ["timed out"], "{error}");
        in_doubt += usize::from(error.may_have_been_applied());
        assert_eq!(error.may_have_been_applied(), !error.to_string().contains("was not sent"), "{error}");
    }
    let sent = proxy.lines().iter().filter(|line| line.starts_with("PATCH")).count();
    assert!((1..CALLS).contains(&in_doubt) && sent <= in_doubt, "{sent} sent, {in_doubt} in doubt");
    assert!(start.elapsed() < Duration::from_secs(16), "{:?}", start.elapsed());
    gate.open();
    Ok(())
}

#[tokio::test]
async fn wait_for_a_place_ends_and_says_that_nothing_was_sent() -> Outcome {
    let fixture = with_records(1).await;
    let gate = Gate::default();
    let hold = gate.clone();
    let mut faults = vec![Fault::Hold(hold)].into_iter();
    let proxy = Proxy::start(fixture.url(), move |_| faults.next().unwrap_or(Fault::Pass)).await;
    let client = fixture.client_at(proxy.url()).max_concurrent_requests(1).build()?;
    let todos = fixture.todos_of(&client);
    let first = tokio::spawn(todos.get_record::<Todo>("n0").into_future());
    gate.arrival().await;
    let short = Duration::from_millis(200);
    for error in [
        todos.get_record::<Todo>("n0").timeout(short).await.unwrap_err(),
        todos.patch_record::<Todo>("n0", json!({"done": true})).timeout(short).await.unwrap_err(),
        todos.update_record("n0", |todo: &mut Todo| todo.done = true).timeout(short).await.unwrap_err(),
    ] {
        assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["timed out"], false), "{error}");
        for words in ["was not sent within 0.2 s", "max_concurrent_requests", "timeout"] {
            assert!(error.to_string().contains(words), "{words}: {error}");
        }
    }
    let batch = todos.create_records([json!({}), json!({})]).timeout(short).each().await;
    assert!(batch.is_err_and(|error| predicates(&error) == ["timed out"] && !error.may_have_been_applied()));
    assert_eq!(proxy.lines().len(), 1, "nothing was sent");
    gate.open();
    assert!(first.await?.is_ok());
    assert!(todos.get_record::<Todo>("n0").await.is_ok(), "the place is free again");
    assert_eq!(proxy.lines().len(), 2);
    assert_eq!(fixture.plain.held(&fixture.record("n0")).await, json!({"title": "Todo #0", "n": 0}));
    Ok(())
}

#[tokio::test]
async fn wait_for_the_server_is_part_of_the_time() -> Outcome {
    let fixture = with_records(1).await;
    let backoff = Fault::replace("HTTP/1.1 200 OK", "HTTP/1.1 200 OK\r\nBackoff: 30");
    let proxy = Proxy::start(fixture.url(), in_order([backoff])).await;
    let todos = fixture.todos_of(&fixture.client_at(proxy.url()).build()?);
    todos.get_record::<Todo>("n0").await?;
    let start = Instant::now();
    let error =
        todos.patch_record::<Todo>("n0", json!({"done": true})).timeout(Duration::from_secs(5)).await.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["unavailable"], false), "{error}");
    assert!(error.retry_after().is_some_and(|rest| rest > Duration::from_secs(5)) && start.elapsed().as_secs() < 5);
    assert_eq!(proxy.lines().len(), 1);
    Ok(())
}

/// A page that nobody waits for yet takes no place from a request that somebody waits for.
#[tokio::test]
async fn pages_are_read_ahead_only_where_a_place_is_free() -> Outcome {
    let fixture = with_records(3).await;
    let gate = Gate::default();
    let hold = gate.clone();
    let rule = move |sent: &kinto_tests::SentRequest| {
        if sent.line().ends_with("/n0") { Fault::Hold(hold.clone()) } else { Fault::Pass }
    };
    let proxy = Proxy::start(fixture.url(), rule).await;
    let todos = fixture.todos_of(&fixture.client_at(proxy.url()).max_concurrent_requests(2).build()?);
    let readers: Vec<_> = (0..2).map(|_| tokio::spawn(todos.get_record::<Todo>("n0").into_future())).collect();
    gate.arrival().await;
    gate.arrival().await;
    // Both places are taken: the first page has to wait for one, and its second is not asked for.
    let mut records = todos.get_records::<Value>().page_size(2).stream();
    assert!(tokio::time::timeout(Duration::from_millis(100), records.next()).await.is_err());
    readers[0].abort();
    assert!(ends("the first page", records.try_next()).await?.is_some());
    gate.open();
    assert!(ends("the other", async { readers.into_iter().next_back().expect("two").await }).await?.is_ok());
    assert_eq!(ends("the rest", records.try_collect::<Vec<_>>()).await?.len(), 2);
    Ok(())
}
