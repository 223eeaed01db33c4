//! Lists are read whole, in the server's order, and say when they last changed.

use kinto_client::{KintoRecord, Value, json};
use kinto_server::Server;
use kinto_tests::{Fault, Fixture, Outcome, Proxy};
use serde::{Deserialize, Serialize};

use crate::{Todo, predicates};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
struct Numbered {
    n: u32,
}

/// Creates records that are numbered from 0 on, the last one last.
async fn fill(fixture: &Fixture, records: u32) {
    const BATCH: u32 = 250;
    let path = |n: u32| fixture.record(&format!("r{n:05}"));
    for start in (0..records).step_by(BATCH as usize) {
        let one = |n: u32| json!({"path": path(n), "body": {"data": {"n": n}}});
        let requests: Vec<Value> = (start..records.min(start + BATCH)).map(one).collect();
        let answer = fixture.plain.post("/batch", &json!({"defaults": {"method": "PUT"}, "requests": requests})).await;
        for response in answer["responses"].as_array().expect("responses") {
            assert_eq!(response["status"], 201, "{response}");
        }
    }
}

#[tokio::test]
async fn list_returns_all_records_of_many_pages() -> Outcome {
    let server = Server::builder().paginate_by(10).batch_max_requests(250).shared()?;
    let fixture = Fixture::on(server.url()).await;
    fill(&fixture, 2_500).await;

    let records = fixture.todos.get_records::<Numbered>().await?;
    let numbers: Vec<u32> = records.iter().map(|record| record.data.n).collect();
    assert_eq!(numbers, (0..2_500).rev().collect::<Vec<_>>(), "the last changed comes first");
    assert!(records.iter().all(|record| *record.id == format!("r{:05}", record.data.n)));
    assert!(records.windows(2).all(|pair| pair[0].last_modified > pair[1].last_modified));

    let lines = fixture.sent.take_lines();
    assert_eq!(lines.len(), 250);
    assert_eq!(
        lines[0],
        format!("GET {}?_sort=last_modified", fixture.records),
        "or one that is changed meanwhile is missed"
    );
    let next = format!("GET {}?", fixture.records);
    assert!(lines[1..].iter().all(|line| line.starts_with(&next) && line.contains("_token=")));

    let etag = fixture.plain.get(&format!("{}?_limit=1", fixture.records)).await.headers["etag"].to_str()?.to_owned();
    assert_eq!(etag, format!("\"{}\"", records.last_modified));
    assert_eq!(records.last_modified, records[0].last_modified);
    Ok(())
}

/// A server that has pages without end would be asked for ever, so this one has an end: after as many pages as would
/// not fit on the stack if reading one page called for the next.
#[test]
fn list_of_many_pages_does_not_overflow_stack() -> Outcome {
    const PAGES: usize = 4_000;
    const STACK: usize = 512 << 10;
    let read = || -> Result<_, kinto_client::Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut page = 0;
            let proxy = Proxy::instead(move |sent| {
                page += 1;
                let next =
                    format!("Next-Page: http://localhost{}?_token={page}", sent.target.split('?').next().unwrap());
                let headers = ["ETag: \"9\"", &next];
                let data = json!({"data": [{"id": page.to_string(), "last_modified": page, "n": page}]}).to_string();
                Fault::answer(200, if page < PAGES { &headers } else { &headers[..1] }, &data)
            });
            let proxy = proxy.await;
            let client = kinto_client::Client::builder(proxy.url()).build()?;
            client.bucket("b").collection("c").get_records::<Numbered>().await
        })
    };
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(read)?;
    let records = thread.join().expect("no panic")?;
    assert!(records.iter().map(|record| record.data.n as usize).eq((1..=PAGES).rev()));
    Ok(())
}

#[tokio::test]
async fn page_size_sets_limit_of_request() -> Outcome {
    let fixture = Fixture::new().await;
    for n in 0..7 {
        fixture.plain.put_data(&fixture.record(&n.to_string()), &json!({"n": n})).await;
    }
    let records = fixture.todos.typed::<Numbered>().get_records().page_size(3).await?;
    let numbers: Vec<u32> = records.iter().map(|record| record.data.n).collect();
    assert_eq!(numbers, [6, 5, 4, 3, 2, 1, 0]);
    let lines = fixture.sent.take_lines();
    assert_eq!(
        (lines.len(), lines[0].as_str()),
        (3, format!("GET {}?_sort=last_modified&_limit=3", fixture.records).as_str())
    );
    assert!(lines[1..].iter().all(|line| line.contains("_limit=3") && line.contains("_token=")));

    let error = fixture.todos.get_records::<Value>().page_size(0).await.unwrap_err();
    assert_eq!(predicates(&error), ["invalid"]);
    assert!(fixture.sent.take().is_empty());
    Ok(())
}

#[tokio::test]
async fn empty_list_has_timestamp() -> Outcome {
    let fixture = Fixture::new().await;
    let empty = fixture.todos.get_records::<Todo>().await?;
    assert!(empty.is_empty());
    let etag = fixture.plain.get(&fixture.records).await.headers["etag"].to_str()?.to_owned();
    assert_eq!(etag, format!("\"{}\"", empty.last_modified));

    let record = fixture.todos.create_record(Todo::new("Milk")).await?;
    fixture.plain.delete(&fixture.record(&record.id)).await;
    let emptied = fixture.todos.get_records::<Todo>().await?;
    assert!(emptied.is_empty() && emptied.last_modified > record.last_modified, "a deletion is a change");
    Ok(())
}

#[tokio::test]
async fn list_timestamp_is_that_of_first_page() -> Outcome {
    let fixture = Fixture::new().await;
    for n in 0..2 {
        fixture.plain.put_data(&fixture.record(&n.to_string()), &json!({"n": n})).await;
    }
    let before = fixture.plain.get(&fixture.records).await.headers["etag"].to_str()?.to_owned();
    let gate = kinto_tests::Gate::default();
    let faults = kinto_tests::in_order([Fault::Pass, Fault::Hold(gate.clone())]);
    let proxy = Proxy::start(fixture.url(), faults).await;
    let todos = fixture.todos_through(&proxy);
    let (records, ()) = tokio::join!(todos.get_records::<Numbered>().page_size(1).into_future(), async {
        gate.arrival().await;
        fixture.plain.put_data(&fixture.record("new"), &json!({"n": 2})).await;
        gate.open();
    });
    let records = records?;
    assert_eq!(format!("\"{}\"", records.last_modified), before, "or the new record would be missed for ever");
    assert_eq!(records.iter().map(|record| record.data.n).collect::<Vec<_>>(), [2, 1, 0]);
    Ok(())
}

#[tokio::test]
async fn list_dereferences_to_slice_and_converts_to_vec() -> Outcome {
    let fixture = Fixture::new().await;
    for n in 0..3 {
        fixture.plain.put_data(&fixture.record(&n.to_string()), &json!({"n": n, "extra": n})).await;
    }
    let mut records = fixture.todos.get_records::<Numbered>().await?;
    for record in &mut records {
        record.data.n += 10;
        fixture.todos.save_record(record).await?;
    }
    assert_eq!(records.first().map(|record| record.data.n), Some(12));
    assert_eq!((&records).into_iter().count(), 3);
    for n in 0..3 {
        assert_eq!(fixture.plain.held(&fixture.record(&n.to_string())).await, json!({"n": n + 10, "extra": n}));
    }
    assert_eq!(records.into_iter().map(|record| record.data.n).sum::<u32>(), 33);
    Ok(())
}

#[tokio::test]
async fn list_works_for_all_kinds() -> Outcome {
    let fixture = Fixture::new().await;
    let path = format!("/buckets/{}", fixture.bucket.id());
    fixture.plain.put(&format!("{path}/collections/notes"), &json!({"data": {"sort": "title"}})).await;
    fixture.plain.put(&format!("{path}/groups/friends"), &json!({"data": {"members": ["account:remy"]}})).await;

    let collections = fixture.bucket.get_collections().await?;
    let names: Vec<&str> = collections.iter().map(|collection| &*collection.id).collect();
    assert_eq!(names, ["notes", "todos"]);
    assert_eq!(collections[0].data.sort.as_deref(), Some("title"));
    let groups = fixture.bucket.get_groups().await?;
    assert_eq!((groups.len(), groups[0].members()), (1, &["account:remy".into()][..]));
    let buckets = fixture.client.get_buckets().await?;
    assert!(buckets.iter().any(|bucket| *bucket.id == *fixture.bucket.id()));
    assert_eq!(
        fixture.sent.take_lines(),
        [format!("{path}/collections"), format!("{path}/groups"), "/buckets".to_owned()]
            .map(|list| format!("GET {list}?_sort=last_modified"))
    );
    Ok(())
}
