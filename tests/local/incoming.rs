//! What a synchronization reads.

use std::time::Duration;

use kinto_client::{Value, json, testing::Kinto};
use kinto_tests::Outcome;

use crate::device::{device, requests, server};

async fn titles(notes: &kinto_client::local::LocalCollection<Value>) -> Vec<(String, Value)> {
    let mut all: Vec<(String, Value)> =
        notes.get_records().await.unwrap().into_iter().map(|record| (record.id.to_string(), record.data)).collect();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    all
}

/// A server with five records, two on a page.
async fn three_pages() -> kinto_client::Result<Kinto> {
    let kinto = Kinto::builder().paginate_by(2).build();
    let bucket = kinto.client().bucket("app");
    bucket.create().await?;
    bucket.create_collection("notes").await?;
    for id in ["a", "b", "c", "d", "e"] {
        bucket.collection("notes").create_record(json!({"id": id})).await?;
    }
    Ok(kinto)
}

#[tokio::test]
async fn sync_brings_what_the_server_has_and_follows_it() -> Outcome {
    let kinto = server().await;
    let remote = kinto.client().bucket("app").collection("notes");
    remote.create_record(json!({"id": "a", "text": "Milk", "gone": 1})).await?;
    remote.create_record(json!({"id": "b", "text": "Tea"})).await?;
    let notes = device(&kinto).await;
    requests(&kinto);
    let report = notes.sync().await?;
    assert_eq!((report.received, report.sent), (2, 0));
    let path = "/buckets/app/collections/notes/records";
    assert_eq!(requests(&kinto), [format!("GET {path}?_since=0&_sort=last_modified&_limit=1000")]);
    let a = notes.get_record("a").await?;
    assert_eq!(
        (a.data, a.last_modified),
        (json!({"text": "Milk", "gone": 1}), remote.get_record::<Value>("a").await?.last_modified)
    );

    // Fault 1 of kinto.js: a field that is removed on the server comes back.
    remote.overwrite_record("a", json!({"text": "Oats"})).await?;
    remote.delete_record("b").await?;
    remote.create_record(json!({"id": "c"})).await?;
    let report = notes.sync().await?;
    assert_eq!((report.received, report.deleted), (2, 1));
    assert_eq!(titles(&notes).await, [("a".to_owned(), json!({"text": "Oats"})), ("c".to_owned(), json!({}))]);
    Ok(())
}

/// Rule 5: what appears late is read again until the longest transaction has passed; then there is one conditional request.
#[tokio::test(start_paused = true)]
async fn nothing_new_is_one_request_once_nothing_can_appear_late() -> Outcome {
    let kinto = server().await;
    let remote = kinto.client().bucket("app").collection("notes");
    remote.create_record(json!({"id": "a"})).await?;
    let notes = device(&kinto).await;
    notes.sync().await?;
    for seconds in [0, 59] {
        tokio::time::advance(Duration::from_secs(seconds)).await;
        kinto.clear_requests();
        assert_eq!(notes.sync().await?.received, 0);
        let last = kinto.requests().pop().unwrap();
        assert!(last.headers.get("if-none-match").is_none(), "{}", last.line());
    }
    tokio::time::advance(Duration::from_secs(2)).await;
    notes.sync().await?;
    kinto.clear_requests();
    notes.sync().await?;
    let sent = kinto.requests();
    assert_eq!(sent.len(), 1);
    let version = remote.get_records_timestamp().await?;
    assert_eq!(sent[0].headers["if-none-match"], format!("\"{version}\""));
    Ok(())
}

/// Fault 8 of kinto.js: a record that is written between two pages is never fetched.
#[tokio::test]
async fn record_that_is_written_between_two_pages_is_read() -> Outcome {
    let kinto = Kinto::builder().paginate_by(2).build();
    let bucket = kinto.client().bucket("app");
    bucket.create().await?;
    bucket.create_collection("notes").await?;
    let remote = bucket.collection("notes");
    for id in ["a", "b", "c", "d", "e"] {
        remote.create_record(json!({"id": id})).await?;
    }
    let notes = device(&kinto).await;
    let other = kinto.other_program().client().bucket("app").collection("notes");
    let moved = other.overwrite_record("a", json!({"moved": true}));
    let (pulled, moved) = tokio::join!(async { notes.pull().await }, async { moved.await });
    pulled?;
    moved?;
    notes.pull().await?;
    assert_eq!(titles(&notes).await[0], ("a".to_owned(), json!({"moved": true})));
    assert_eq!(notes.get_records().count().await?, 5);
    Ok(())
}

/// A pull that ends early goes on where it was.
#[tokio::test]
async fn pull_that_was_cut_goes_on_after_the_last_page() -> Outcome {
    let kinto = three_pages().await?;
    let client = kinto.client().with_retry(kinto_client::retry::NeverRetry);
    let notes = crate::device::of_client(&client).await;
    client.server_info().await?;
    kinto.pass_next(1);
    kinto.fail_next(1, kinto_client::http::StatusCode::BAD_GATEWAY);
    assert!(notes.pull().await.is_err());
    assert_eq!(notes.get_records().count().await?, 2);
    notes.pull().await?;
    assert_eq!(notes.get_records().count().await?, 5);
    Ok(())
}

/// A caller whose patience ends before the next page comes has the pages before it.
#[tokio::test(start_paused = true)]
async fn pull_that_is_dropped_while_it_waits_has_stored_what_it_received() -> Outcome {
    let kinto = three_pages().await?;
    let client = kinto.client();
    let notes = crate::device::of_client(&client).await;
    client.server_info().await?;
    kinto.delay(Duration::from_millis(200));
    let pulled = tokio::time::timeout(Duration::from_millis(380), notes.pull()).await;
    assert_eq!((pulled.is_ok(), notes.get_records().count().await?), (false, 2));
    notes.pull().await?;
    assert_eq!(notes.get_records().count().await?, 5);
    Ok(())
}
