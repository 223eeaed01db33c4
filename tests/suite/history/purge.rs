//! Deleting entries of a history.

use kinto_client::{Value, history::HistoryAction, json};
use kinto_server::{Backend, Server};
use kinto_tests::{Fault, Fixture, Outcome, Proxy, on_each_backend};

use super::{ENTRY, told};
use crate::predicates;

on_each_backend!(purge_history_deletes_matches_of_all_pages);

async fn purge_history_deletes_matches_of_all_pages(backend: Backend) -> Outcome {
    let server = Server::builder().backend(backend).paginate_by(5).shared()?;
    let fixture = Fixture::on(server.url()).await;
    fixture.fill((0..12).map(|n| (format!("n{n}"), json!({"n": n})))).await;
    fixture.plain.delete(&fixture.record("n0")).await;
    let filter =
        kinto_client::Filter::<Value>::field("n").ge(2).in_history().and(ENTRY.action.eq(HistoryAction::Create));
    assert_eq!(fixture.todos.purge_history().filter(filter).await?, 10);
    let sent = fixture.sent.take_lines();
    assert_eq!(sent.len(), 2, "{sent:#?}");
    assert!(sent.iter().all(|line| line.starts_with("DELETE ") && line.contains("min_target.data.n=2")), "{sent:#?}");
    assert!(!sent[0].contains("_before=") && sent[1].contains("_before="), "{sent:#?}");
    let left = fixture.bucket.get_history().await?;
    let bucket = format!("create bucket {}", fixture.bucket.id());
    let expected = ["delete record n0", "create record n1", "create record n0", "create collection todos", &bucket];
    assert_eq!(told(&left), expected);
    assert_eq!(fixture.plain.ids(&fixture.records).await.len(), 11, "the records are there");

    assert_eq!(fixture.bucket.purge_history().since(left[3].last_modified).before(left[0].last_modified).await?, 2);
    assert_eq!(fixture.todos.record::<Value>("n0").purge_history().all().await?, 1);
    assert_eq!(fixture.bucket.purge_history().all().await?, 2);
    assert_eq!(fixture.bucket.purge_history().all().await?, 0);
    assert_eq!(fixture.bucket.get_history().count().await?, 0);
    Ok(())
}

#[tokio::test]
async fn purge_history_needs_a_condition() -> Outcome {
    let fixture = Fixture::new().await;
    let purge = || fixture.todos.purge_history();
    let ambiguous = ENTRY.record_id.has_key().and(ENTRY.group_id.is_missing());
    for (error, words) in [
        (purge().await.unwrap_err(), "`.all()`"),
        (fixture.bucket.purge_history().preview().unwrap_err(), "a purge needs a condition"),
        (purge().all().before(kinto_client::Timestamp::from_millis(5)).await.unwrap_err(), "remove it"),
        (purge().filter(ambiguous).await.unwrap_err(), "more than one field"),
    ] {
        assert_eq!(predicates(&error), ["invalid"], "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    assert!(fixture.sent.take().is_empty());
    assert_eq!(fixture.todos.get_history().count().await?, 1);
    Ok(())
}

#[tokio::test]
async fn purge_history_is_in_doubt_when_response_is_lost() -> Outcome {
    let server = Server::builder().paginate_by(5).shared()?;
    let fixture = Fixture::on(server.url()).await;
    fixture.fill((0..12).map(|n| (format!("n{n}"), json!({})))).await;
    let faults = [Fault::Pass, Fault::CutAfter];
    let proxy = Proxy::start(fixture.url(), kinto_tests::in_order(faults)).await;
    let todos = fixture.todos_through(&proxy);
    let error = todos.purge_history().all().await.unwrap_err();
    assert!(error.may_have_been_applied() && error.to_string().contains("after 5 entries had been purged"), "{error}");
    assert_eq!(proxy.lines().len(), 2, "a deletion is not repeated");
    assert_eq!(fixture.todos.get_history().count().await?, 3, "what was done");
    assert_eq!(todos.purge_history().all().await?, 3);
    Ok(())
}

#[tokio::test]
async fn purge_history_is_in_doubt_when_server_fails() -> Outcome {
    for status in [500, 502, 503, 504] {
        let fixture = Fixture::new().await;
        let faults = [Fault::answer_instead(status, &[], "<html>")];
        let proxy = Proxy::start(fixture.url(), kinto_tests::in_order(faults)).await;
        let todos = fixture.todos_through(&proxy);
        let error = todos.purge_history().all().await.unwrap_err();
        assert!(error.may_have_been_applied(), "{status}: {error}");
        assert_eq!(fixture.todos.get_history().count().await?, 0, "{status}: what was done");
        assert_eq!(proxy.lines().len(), 1, "{status}: a deletion is not repeated");
    }
    Ok(())
}

/// Each request of the purge is followed by as many new entries as a page has.
#[tokio::test]
async fn purge_history_ends_while_others_write() -> Outcome {
    let server = Server::builder().paginate_by(5).shared()?;
    let fixture = Fixture::on(server.url()).await;
    fixture.fill((0..12).map(|n| (format!("n{n}"), json!({})))).await;
    let gates: Vec<_> = (0..3).map(|_| kinto_tests::Gate::default()).collect();
    let faults: Vec<_> = gates.iter().map(|gate| Fault::HoldAnswer(gate.clone())).collect();
    let proxy = Proxy::start(fixture.url(), kinto_tests::in_order(faults)).await;
    let todos = fixture.todos_through(&proxy);
    let purge = tokio::spawn(async move { todos.purge_history().all().await });
    for (round, gate) in gates.iter().enumerate() {
        gate.arrival().await;
        fixture.fill((0..5).map(|n| (format!("n{n}"), json!({"round": round})))).await;
        gate.open();
    }
    assert_eq!(purge.await??, 13);
    assert_eq!(proxy.lines().len(), 3);
    assert_eq!(fixture.todos.get_history().count().await?, 15);
    Ok(())
}
