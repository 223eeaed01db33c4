//! Logs: a span for each call and for each request, without any data of users.

use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};
use kinto_client::{
    Filter, Timestamp, Value, json,
    retry::{Backoff, ExponentialBackoff},
};
use kinto_tests::{Fault, Fixture, Log, Outcome, Proxy, in_order};

use crate::Todo;

const RECORD: &str = "/buckets/{bucket}/collections/{collection}/records/{record}";
const RECORDS: &str = "/buckets/{bucket}/collections/{collection}/records";

fn request(operation: &str, method: &str, path: &str, tries: u32, status: u16) -> String {
    format!(
        "DEBUG kinto.call{{operation=\"{operation}\"}}:kinto.request{{method={method} path=\"{path}\" tries={tries} \
         milliseconds=… status={status}}}: response received"
    )
}

fn done(operation: &str) -> String {
    format!("DEBUG kinto.call{{operation=\"{operation}\" milliseconds=…}}: done")
}

fn failed(operation: &str, error: &str) -> String {
    format!("DEBUG kinto.call{{operation=\"{operation}\" milliseconds=… error={error}}}: failed")
}

#[tokio::test]
async fn log_has_span_for_each_call_and_request() -> Outcome {
    let fixture = Fixture::new().await;
    let log = Log::start();
    let mut record = fixture.todos.create_record(Todo::new("Milk")).await?;
    record.data.done = true;
    fixture.todos.save_record(&mut record).await?;
    fixture.todos.save_record(&mut record).await?;
    fixture.todos.delete_record(&record).await?;
    fixture.todos.get_record::<Todo>(&record.id).await.unwrap_err();
    fixture.todos.get_record::<Todo>("").await.unwrap_err();
    let expected = [
        request("Create", "PUT", RECORD, 1, 201),
        done("Create"),
        request("Save", "PUT", RECORD, 1, 200),
        done("Save"),
        done("Save"),
        request("Delete", "DELETE", RECORD, 1, 200),
        done("Delete"),
        request("Get", "GET", RECORD, 1, 404),
        failed("Get", "NotFound"),
        failed("Get", "Invalid"),
    ];
    assert_eq!(log.lines(), expected);
    Ok(())
}

#[tokio::test]
async fn log_has_each_try_and_delay() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("milk"), &json!({"title": "Milk"})).await;
    let busy = Fault::answer(503, &["Backoff: 1"], "");
    let proxy = Proxy::start(fixture.url(), in_order([busy, Fault::CutBefore])).await;
    let policy = ExponentialBackoff::default().first_delay(Duration::from_millis(1));
    let client = fixture.client_at(proxy.url()).retry(policy).backoff(Backoff::Wait(Duration::from_secs(5))).build()?;
    let log = Log::start();
    fixture.todos_of(&client).get_record::<Todo>("milk").await?;
    let call = "DEBUG kinto.call{operation=\"Get\"}";
    let expected = [
        request("Get", "GET", RECORD, 1, 503),
        format!("{call}: retrying tries=1 delay=…"),
        format!("{call}: waiting for `Backoff` remaining=…"),
        format!(
            "{call}:kinto.request{{method=GET path=\"{RECORD}\" tries=2 milliseconds=…}}: no response kind=Connect"
        ),
        format!("{call}: retrying tries=2 delay=…"),
        request("Get", "GET", RECORD, 3, 200),
        done("Get"),
    ];
    assert_eq!(log.lines(), expected);
    Ok(())
}

#[tokio::test]
async fn log_has_pages_within_span_of_call() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.fill((0..3).map(|n| (format!("n{n}"), json!({"n": n})))).await;
    let list = || fixture.todos.get_records::<Value>().page_size(2);
    let page = |operation| request(operation, "GET", RECORDS, 1, 200);
    let log = Log::start();
    list().await?;
    assert_eq!(log.lines(), [page("GetAll"), page("GetAll"), done("GetAll")]);

    let log = Log::start();
    let _: Vec<_> = list().stream().try_collect().await?;
    let _: Vec<_> = list().pages().try_collect().await?;
    assert_eq!(log.lines(), vec![page("GetAll"); 4], "a stream has no end of its own");

    let log = Log::start();
    let changes = fixture.todos.changes_since::<Value>(Timestamp::from_millis(1)).page_size(2);
    let _: Vec<_> = changes.watch(Duration::from_millis(1)).take(3).try_collect().await?;
    assert_eq!(log.lines()[..2], vec![page("GetChanges"); 2]);
    Ok(())
}

#[tokio::test]
async fn log_has_size_of_batch() -> Outcome {
    let fixture = Fixture::new().await;
    let log = Log::start();
    fixture.todos.create_records((0..3).map(|n| json!({"n": n}))).await?;
    let expected = [
        request("Bulk", "GET", "/", 1, 200)
            .replace("kinto.request", "kinto.call{operation=\"GetServerInfo\"}:kinto.request"),
        done("GetServerInfo").replace("DEBUG ", "DEBUG kinto.call{operation=\"Bulk\"}:"),
        "DEBUG kinto.call{operation=\"Bulk\"}: sending batch operations=3".to_owned(),
        request("Bulk", "POST", "/batch", 1, 200),
        done("Bulk"),
    ];
    assert_eq!(log.lines(), expected);
    Ok(())
}

#[tokio::test]
async fn log_has_no_user_data() -> Outcome {
    let fixture = Fixture::new().await;
    let log = Log::start();
    let private = "private-thing";
    let client = fixture.client_at(fixture.url()).header("x-private-thing", private).build()?;
    let todos = fixture.todos_of(&client);
    todos.create_record(json!({"private-thing": private})).id(private).await?;
    todos.create_record(json!({})).id(private).await.unwrap_err();
    todos.create_records([json!({"id": "private-thing-1"}), json!({"a": private})]).await?;
    todos.get_records::<Value>().filter(Filter::field("title").eq(private)).await?;
    todos.get_record::<Value>("private-thing-2").await.unwrap_err();
    let (text, lines) = (log.text(), log.lines());
    assert!(lines.len() > 10, "{text}");
    for secret in [private, fixture.bucket.id(), &fixture.user, "Basic", "authorization"] {
        assert!(!lines.iter().any(|line| line.contains(secret)), "{secret}: {text}");
    }
    Ok(())
}
