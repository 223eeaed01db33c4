//! Lists of several pages whose way breaks in the middle.

use futures_util::TryStreamExt as _;
use kinto_client::{Result, Timestamp, Value, json, list::Change};
use kinto_server::Server;
use kinto_tests::{Fault, Fixture, Outcome, in_order};

use super::{of_writes, through};
use crate::predicates;

const PASSING: [fn() -> Fault; 6] = [
    || Fault::CutBefore,
    || Fault::CutAfter,
    || Fault::Truncate(20),
    || Fault::answer(502, &["Content-Type: text/html"], "<h1>Bad Gateway</h1>"),
    || Fault::answer(503, &["Retry-After: 0"], ""),
    || Fault::answer(429, &[], ""),
];

async fn five() -> Fixture {
    let fixture = Fixture::new().await;
    fixture.fill((1..=5).map(|n| (format!("n{n}"), json!({"n": n})))).await;
    fixture
}

fn by_number() -> kinto_client::Sort<Value> {
    kinto_client::Sort::asc("n")
}

#[tokio::test]
async fn list_retries_page_without_missing_any() -> Outcome {
    let fixture = five().await;
    for fault in PASSING {
        let (proxy, todos) = through(&fixture, in_order([Fault::Pass, fault()])).await;
        let all = todos.get_records::<Value>().sort(by_number()).page_size(2).await?;
        assert_eq!(all.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), ["n1", "n2", "n3", "n4", "n5"]);
        let lines = proxy.lines();
        assert_eq!((lines.len(), &lines[1]), (4, &lines[2]), "the same page again");

        let (proxy, todos) = through(&fixture, in_order([Fault::Pass, fault()])).await;
        let stream = todos.get_records::<Value>().sort(by_number()).page_size(2).stream();
        let streamed: Vec<_> = stream.map_ok(|record| record.data["n"].clone()).try_collect().await?;
        assert_eq!(streamed, [1, 2, 3, 4, 5]);
        assert_eq!(proxy.lines().len(), 4);

        let (proxy, todos) = through(&fixture, in_order([Fault::Pass, fault()])).await;
        let changes = todos.changes_since::<Value>(Timestamp::from_millis(1)).page_size(2).await?.changes;
        assert_eq!(changes.iter().map(Change::id).collect::<Vec<_>>(), ["n1", "n2", "n3", "n4", "n5"].map(Some));
        assert_eq!(proxy.lines().len(), 4);
    }
    Ok(())
}

#[tokio::test]
async fn list_fails_when_page_stays_unavailable() -> Outcome {
    let fixture = five().await;
    let faults = || in_order([Fault::Pass, Fault::CutAfter, Fault::CutAfter, Fault::CutAfter]);
    let (proxy, todos) = through(&fixture, faults()).await;
    let error = todos.get_records::<Value>().page_size(2).await.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["connection"], false), "{error}");
    assert_eq!(proxy.lines().len(), 4);

    let (_proxy, todos) = through(&fixture, faults()).await;
    let mut stream = todos.get_records::<Value>().sort(by_number()).page_size(2).stream();
    let mut seen = Vec::new();
    let ended: Result<()> = async {
        while let Some(record) = stream.try_next().await? {
            seen.push(record.data["n"].clone());
        }
        Ok(())
    }
    .await;
    assert_eq!(predicates(&ended.unwrap_err()), ["connection"]);
    assert_eq!(seen, [1, 2], "what had arrived before it is given");
    Ok(())
}

#[tokio::test]
async fn delete_all_does_not_repeat_page_that_may_be_deleted() -> Outcome {
    let server = Server::builder().paginate_by(2).shared()?;
    for (fault, left) in [
        (Fault::CutBefore, 3),
        (Fault::CutAfter, 1),
        (Fault::Truncate(9), 1),
        (Fault::answer(502, &[], "<h1>Bad Gateway</h1>"), 3),
        (Fault::answer_instead(504, &[], ""), 1),
        (Fault::answer_instead(200, &[], "<html>"), 1),
        (Fault::json(500, &json!({"code": 500, "errno": 999})), 3),
        (Fault::json(403, &json!({"code": 403, "errno": 121, "error": "Forbidden"})), 3),
    ] {
        let fixture = Fixture::on(server.url()).await;
        fixture.fill((1..=5).map(|n| (format!("n{n}"), json!({"n": n})))).await;
        let (proxy, todos) = through(&fixture, of_writes([Fault::Pass, fault])).await;
        let error = todos.delete_all_records().await.unwrap_err();
        assert!(error.may_have_been_applied(), "the first page is gone: {error}");
        assert_eq!(proxy.lines(), vec![format!("DELETE {}", fixture.records); 2]);
        assert_eq!(fixture.plain.ids(&fixture.records).await.len(), left, "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn delete_all_retries_page_that_was_not_deleted() -> Outcome {
    let server = Server::builder().paginate_by(2).shared()?;
    let fixture = Fixture::on(server.url()).await;
    fixture.fill((1..=5).map(|n| (format!("n{n}"), json!({"n": n})))).await;
    let (proxy, todos) = through(&fixture, of_writes([Fault::Pass, Fault::answer(429, &[], "")])).await;
    assert_eq!(todos.delete_all_records().await?.len(), 5);
    assert_eq!(proxy.lines().len(), 4);
    assert!(fixture.plain.ids(&fixture.records).await.is_empty());
    Ok(())
}
