//! What a synchronization sends, and what it makes of the responses.

use kinto_client::{
    KintoRecord as _, Value, http::StatusCode, json, local::Store, retry::NeverRetry, testing::RecordedRequest,
};
use kinto_tests::Outcome;

use crate::device::{Note, device, note, of_client, requests, server, typed};

#[tokio::test]
async fn changes_are_sent_in_a_batch_and_guarded() -> Outcome {
    let kinto = server().await;
    let remote = kinto.client().bucket("app").collection("notes");
    let old = remote.create_record(json!({"id": "old", "text": "Milk"})).await?;
    let gone = remote.create_record(json!({"id": "gone"})).await?;
    let notes = device(&kinto).await;
    notes.sync().await?;
    notes.create_record(json!({"text": "Tea"})).id("new").await?;
    notes.patch_record("old", json!({"done": true})).await?;
    notes.delete_record("gone").await?;
    kinto.clear_requests();

    let report = notes.sync().await?;
    assert_eq!((report.sent, report.conflicts, report.refused), (3, 0, 0));
    let batches: Vec<Value> = kinto
        .requests()
        .iter()
        .filter(|sent| sent.line().starts_with("POST /batch"))
        .map(RecordedRequest::json)
        .collect();
    let record = |id: &str| format!("/buckets/app/collections/notes/records/{id}");
    assert_eq!(batches.len(), 1);
    let mut parts = batches[0]["requests"].as_array().unwrap().clone();
    parts.sort_by_key(|part| part["path"].as_str().unwrap().rsplit('/').next().unwrap().to_owned());
    assert_eq!(
        parts[0],
        json!({"method": "DELETE", "path": record("gone"), "headers": {"if-match": format!("\"{}\"", gone.last_modified)}})
    );
    assert_eq!(parts[1]["headers"], json!({"if-none-match": "*"}));
    assert_eq!(parts[1]["body"], json!({"data": {"text": "Tea"}}));
    assert_eq!(parts[2]["headers"], json!({"if-match": format!("\"{}\"", old.last_modified)}));
    assert_eq!(parts[2]["body"], json!({"data": {"text": "Milk", "done": true}}));

    let stored = remote.get_record::<Value>("old").await?;
    assert_eq!(stored.data, json!({"text": "Milk", "done": true}));
    assert_eq!(notes.get_record("old").await?.last_modified, stored.last_modified);
    assert!(remote.get_record::<Value>("gone").optional().await?.is_none());
    assert_eq!(notes.sync().await?.sent, 0);
    Ok(())
}

/// Rule 7: a proxy may send a PUT or a DELETE twice, and a POST not.
#[tokio::test]
async fn single_change_is_sent_in_a_batch_too() -> Outcome {
    let kinto = server().await;
    let notes = device(&kinto).await;
    notes.create_record(json!({"n": 1})).id("a").await?;
    requests(&kinto);
    notes.push().await?;
    assert_eq!(requests(&kinto), ["POST /batch"]);
    Ok(())
}

#[tokio::test]
async fn fenced_changes_go_behind_the_lock() -> Outcome {
    let kinto = server().await;
    let bucket = kinto.client().bucket("app");
    bucket.create_collection("locks").await?;
    let fenced = bucket.collection("notes").fenced_by(&bucket.collection("locks"));
    let notes = Store::in_memory().await?.bind::<Value>(&fenced).await?;
    notes.create_record(json!({"n": 1})).id("a").await?;
    notes.push().await?;
    let last = kinto.requests().pop().unwrap().json();
    assert_eq!(last["requests"][0]["path"], "/buckets/app/collections/locks/records/kinto-client-fence-v1");
    assert_eq!(bucket.collection("notes").get_record::<Value>("a").await?.data, json!({"n": 1}));
    Ok(())
}

/// Fault 2 of kinto.js: what was created and deleted offline stays for ever.
#[tokio::test]
async fn created_and_deleted_offline_sends_nothing() -> Outcome {
    let kinto = server().await;
    let notes = device(&kinto).await;
    notes.create_record(json!({})).id("a").await?;
    notes.delete_record("a").await?;
    requests(&kinto);
    assert_eq!(notes.push().await?.sent, 0);
    assert_eq!(requests(&kinto), Vec::<String>::new());
    Ok(())
}

/// Fault 18 of kinto.js: an edit during a push is overwritten by what was sent.
#[tokio::test]
async fn edit_during_a_push_is_kept_and_sent_next() -> Outcome {
    let kinto = server().await;
    let notes = device(&kinto).await;
    notes.create_record(json!({"n": 1})).id("a").await?;
    let editing = notes.clone();
    kinto.before_next_write(move |_| async move {
        editing.patch_record("a", json!({"n": 2})).await.unwrap();
    });
    notes.push().await?;
    assert_eq!(notes.get_record("a").await?.data, json!({"n": 2}));
    assert_eq!(notes.push().await?.sent, 1);
    let remote = kinto.client().bucket("app").collection("notes");
    assert_eq!(remote.get_record::<Value>("a").await?.data, json!({"n": 2}));
    Ok(())
}

/// Faults 13 and 22 of kinto.js: a lost response and a later edit conflict with each other.
#[tokio::test]
async fn lost_response_and_an_edit_are_no_conflict() -> Outcome {
    let kinto = server().await;
    let client = kinto.client().with_retry(NeverRetry);
    let notes = of_client(&client).await;
    for (id, is_known) in [("new", false), ("known", true)] {
        notes.create_record(json!({"n": 1})).id(id).await?;
        if is_known {
            notes.sync().await?;
            notes.patch_record(id, json!({"n": 2})).await?;
        }
        kinto.lose_responses(1);
        assert!(notes.push().await.is_err_and(|error| error.may_have_been_applied()));
        notes.patch_record(id, json!({"n": 3})).await?;
        let report = notes.sync().await?;
        assert_eq!((report.conflicts, report.sent), (0, 1), "{id}");
        let stored = client.bucket("app").collection("notes").get_record::<Value>(id).await?;
        assert_eq!(stored.data, json!({"n": 3}));
    }
    Ok(())
}

/// A creation that is deleted while its response is lost does not come back.
#[tokio::test]
async fn creation_with_a_lost_response_can_be_deleted() -> Outcome {
    let kinto = server().await;
    let client = kinto.client().with_retry(NeverRetry);
    let notes = of_client(&client).await;
    let created = notes.create_record(json!({"n": 1})).await?;
    kinto.lose_responses(1);
    assert!(notes.push().await.is_err());
    notes.delete_record(&created.id).await?;
    notes.push().await?;
    assert_eq!(client.bucket("app").collection("notes").get_records::<Value>().count().await?, 0);
    assert_eq!(notes.get_records().count().await?, 0);
    Ok(())
}

/// Fault 12 of kinto.js: what was sent is downloaded again. Here the overlap is read, and changes nothing.
#[tokio::test]
async fn what_was_sent_is_not_received_again() -> Outcome {
    let kinto = server().await;
    let notes = device(&kinto).await;
    for n in 0..60 {
        notes.create_record(json!({"n": n})).await?;
    }
    let report = notes.sync().await?;
    assert_eq!((report.sent, report.received), (60, 0));
    assert_eq!(notes.sync().await?, kinto_client::local::SyncReport::default());
    Ok(())
}

/// Fault 11 of kinto.js: one refused record holds up all others. Rule 9: it is sent again when it changes.
#[tokio::test]
async fn refused_record_has_a_problem_and_others_are_sent() -> Outcome {
    let kinto = server().await;
    let schema = json!({"properties": {"text": {"type": "string", "maxLength": 5}}});
    let remote = kinto.client().bucket("app").collection("notes");
    remote.patch(json!({"schema": schema})).await?;
    let notes = typed(&kinto).await;
    notes.create_record(note("far too long")).id("long").await?;
    notes.create_record(note("short")).id("short").await?;
    let report = notes.sync().await?;
    assert_eq!((report.sent, report.refused), (1, 1));
    let problems = notes.problems().await?;
    assert_eq!((problems.len(), problems[0].id.as_str()), (1, "long"));
    assert_eq!(problems[0].status, Some(StatusCode::BAD_REQUEST));
    assert!(problems[0].message.contains("far too long"), "{}", problems[0].message);

    requests(&kinto);
    assert_eq!(notes.push().await?.sent, 0, "it is not sent again as it is");
    assert_eq!(requests(&kinto), ["GET /buckets/app/collections/notes?_fields=id"]);
    notes.retry_problem("long").await?;
    assert_eq!(notes.push().await?.refused, 1);
    notes.edit_record("long").set(Note::fields().text, "ok").await?;
    assert_eq!(notes.push().await?.sent, 1);
    assert!(notes.problems().await?.is_empty());
    assert_eq!(remote.get_records::<Value>().count().await?, 2);

    notes.edit_record("long").set(Note::fields().text, "too long again").await?;
    assert_eq!(notes.push().await?.refused, 1);
    remote.patch(json!({"schema": {}})).await?;
    assert_eq!(notes.push().await?.sent, 1, "the schema of the collection has changed");
    Ok(())
}

#[tokio::test]
async fn server_that_is_unavailable_ends_the_push_and_keeps_the_changes() -> Outcome {
    let kinto = server().await;
    let notes = of_client(&kinto.client().with_retry(NeverRetry)).await;
    notes.create_record(json!({})).id("a").await?;
    kinto.fail_next(1, StatusCode::SERVICE_UNAVAILABLE);
    let error = notes.push().await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    assert_eq!((notes.problems().await?.len(), notes.sync().await?.sent), (0, 1));
    Ok(())
}

/// Fault 21 of kinto.js: two handles synchronize against each other. Rule 1: a response that comes after another
/// synchronization has begun is not stored.
#[tokio::test]
async fn one_synchronization_at_a_time() -> Outcome {
    let kinto = server().await;
    let notes = device(&kinto).await;
    notes.create_record(json!({})).id("a").await?;
    let second = notes.clone();
    kinto.before_next_write(move |_| async move {
        let error = second.sync().await.unwrap_err();
        assert!(error.is_unavailable() && error.retry_after().is_some(), "{error}");
    });
    assert_eq!(notes.sync().await?.sent, 1);
    assert_eq!(notes.sync().await?.sent, 0, "the end of one makes room for the next");
    let dropped = notes.sync();
    drop(std::future::IntoFuture::into_future(dropped));
    notes.sync().await?;
    Ok(())
}
