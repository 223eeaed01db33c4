//! Lists are read whole, in the server's order, and say when they last changed.

use kinto_client::{KintoRecord, Value, json};
use kinto_server::Server;
use kinto_tests::{Fault, Outcome, Proxy, Scene};
use serde::{Deserialize, Serialize};

use crate::{Todo, predicates};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
struct Numbered {
    n: u32,
}

/// Creates records that are numbered from 0 on, the last one last.
async fn fill(scene: &Scene, records: u32) {
    const BATCH: u32 = 250;
    let path = |n: u32| scene.record(&format!("r{n:05}"));
    for start in (0..records).step_by(BATCH as usize) {
        let one = |n: u32| json!({"path": path(n), "body": {"data": {"n": n}}});
        let requests: Vec<Value> = (start..records.min(start + BATCH)).map(one).collect();
        let answer = scene.plain.post("/batch", &json!({"defaults": {"method": "PUT"}, "requests": requests})).await;
        for response in answer["responses"].as_array().expect("responses") {
            assert_eq!(response["status"], 201, "{response}");
        }
    }
}

#[tokio::test]
async fn two_and_a_half_thousand_records_in_pages_of_ten() -> Outcome {
    let server = Server::builder().paginate_by(10).batch_max_requests(250).shared()?;
    let scene = Scene::on(server.url()).await;
    fill(&scene, 2_500).await;

    let records = scene.todos.get_records::<Numbered>().await?;
    let numbers: Vec<u32> = records.iter().map(|record| record.data.n).collect();
    assert_eq!(numbers, (0..2_500).rev().collect::<Vec<_>>(), "the last changed comes first");
    assert!(records.iter().all(|record| *record.id == format!("r{:05}", record.data.n)));
    assert!(records.windows(2).all(|pair| pair[0].last_modified > pair[1].last_modified));

    let lines = scene.sent.take_lines();
    assert_eq!(lines.len(), 250);
    assert_eq!(
        lines[0],
        format!("GET {}?_sort=last_modified", scene.records),
        "or one that is changed meanwhile is missed"
    );
    let next = format!("GET {}?", scene.records);
    assert!(lines[1..].iter().all(|line| line.starts_with(&next) && line.contains("_token=")));

    let etag = scene.plain.get(&format!("{}?_limit=1", scene.records)).await.headers["etag"].to_str()?.to_owned();
    assert_eq!(etag, format!("\"{}\"", records.last_modified));
    assert_eq!(records.last_modified, records[0].last_modified);
    Ok(())
}

/// A server that has pages without end would be asked for ever, so this one has an end: after as many pages as would
/// not fit on the stack if reading one page called for the next.
#[test]
fn pages_do_not_pile_up_on_the_stack() -> Outcome {
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
async fn a_page_size_can_be_asked_for() -> Outcome {
    let scene = Scene::new().await;
    for n in 0..7 {
        scene.plain.put_data(&scene.record(&n.to_string()), &json!({"n": n})).await;
    }
    let records = scene.todos.typed::<Numbered>().get_records().page_size(3).await?;
    let numbers: Vec<u32> = records.iter().map(|record| record.data.n).collect();
    assert_eq!(numbers, [6, 5, 4, 3, 2, 1, 0]);
    let lines = scene.sent.take_lines();
    assert_eq!(
        (lines.len(), lines[0].as_str()),
        (3, format!("GET {}?_sort=last_modified&_limit=3", scene.records).as_str())
    );
    assert!(lines[1..].iter().all(|line| line.contains("_limit=3") && line.contains("_token=")));

    let error = scene.todos.get_records::<Value>().page_size(0).await.unwrap_err();
    assert_eq!(predicates(&error), ["invalid"]);
    assert!(scene.sent.take().is_empty());
    Ok(())
}

#[tokio::test]
async fn an_empty_list_has_a_time_too() -> Outcome {
    let scene = Scene::new().await;
    let empty = scene.todos.get_records::<Todo>().await?;
    assert!(empty.is_empty());
    let etag = scene.plain.get(&scene.records).await.headers["etag"].to_str()?.to_owned();
    assert_eq!(etag, format!("\"{}\"", empty.last_modified));

    let record = scene.todos.create_record(Todo::new("Milk")).await?;
    scene.plain.delete(&scene.record(&record.id)).await;
    let emptied = scene.todos.get_records::<Todo>().await?;
    assert!(emptied.is_empty() && emptied.last_modified > record.last_modified, "a deletion is a change");
    Ok(())
}

#[tokio::test]
async fn the_time_is_that_of_the_first_page() -> Outcome {
    let scene = Scene::new().await;
    for n in 0..2 {
        scene.plain.put_data(&scene.record(&n.to_string()), &json!({"n": n})).await;
    }
    let before = scene.plain.get(&scene.records).await.headers["etag"].to_str()?.to_owned();
    let gate = kinto_tests::Gate::default();
    let faults = kinto_tests::in_order([Fault::Pass, Fault::Hold(gate.clone())]);
    let proxy = Proxy::start(scene.url(), faults).await;
    let todos = scene.todos_through(&proxy);
    let (records, ()) = tokio::join!(todos.get_records::<Numbered>().page_size(1).into_future(), async {
        gate.arrival().await;
        scene.plain.put_data(&scene.record("new"), &json!({"n": 2})).await;
        gate.open();
    });
    let records = records?;
    assert_eq!(format!("\"{}\"", records.last_modified), before, "or the new record would be missed for ever");
    assert_eq!(records.iter().map(|record| record.data.n).collect::<Vec<_>>(), [2, 1, 0]);
    Ok(())
}

#[tokio::test]
async fn a_list_is_a_slice_and_can_be_changed_and_taken_apart() -> Outcome {
    let scene = Scene::new().await;
    for n in 0..3 {
        scene.plain.put_data(&scene.record(&n.to_string()), &json!({"n": n, "extra": n})).await;
    }
    let mut records = scene.todos.get_records::<Numbered>().await?;
    for record in &mut records {
        record.data.n += 10;
        scene.todos.save_record(record).await?;
    }
    assert_eq!(records.first().map(|record| record.data.n), Some(12));
    assert_eq!((&records).into_iter().count(), 3);
    for n in 0..3 {
        assert_eq!(scene.plain.held(&scene.record(&n.to_string())).await, json!({"n": n + 10, "extra": n}));
    }
    assert_eq!(records.into_iter().map(|record| record.data.n).sum::<u32>(), 33);
    Ok(())
}

#[tokio::test]
async fn buckets_collections_and_groups_are_lists_too() -> Outcome {
    let scene = Scene::new().await;
    let path = format!("/buckets/{}", scene.bucket.id());
    scene.plain.put(&format!("{path}/collections/notes"), &json!({"data": {"sort": "title"}})).await;
    scene.plain.put(&format!("{path}/groups/friends"), &json!({"data": {"members": ["account:remy"]}})).await;

    let collections = scene.bucket.get_collections().await?;
    let names: Vec<&str> = collections.iter().map(|collection| &*collection.id).collect();
    assert_eq!(names, ["notes", "todos"]);
    assert_eq!(collections[0].data.sort.as_deref(), Some("title"));
    let groups = scene.bucket.get_groups().await?;
    assert_eq!((groups.len(), groups[0].members()), (1, &["account:remy".into()][..]));
    let buckets = scene.client.get_buckets().await?;
    assert!(buckets.iter().any(|bucket| *bucket.id == *scene.bucket.id()));
    assert_eq!(
        scene.sent.take_lines(),
        [format!("{path}/collections"), format!("{path}/groups"), "/buckets".to_owned()]
            .map(|list| format!("GET {list}?_sort=last_modified"))
    );
    Ok(())
}
