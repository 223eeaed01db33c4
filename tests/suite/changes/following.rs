//! Whoever follows a collection has in the end what the server has: what becomes visible late is told, and what is void is said.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, future::BoxFuture, stream};
use kinto_client::{
    Client, Collection, Value, json,
    list::{Change, ChangeToken},
    transport::{Body, Transport, TransportError},
};
use kinto_server::{Backend, Server};
use kinto_tests::{Fixture, Outcome, on_each_backend, server_on};

use super::{INTERVAL, now, put, shape};

/// A row of a list: its id, its time, whether it is a tombstone, and the requests from and up to which it is there.
type Row = (&'static str, u64, bool, std::ops::Range<usize>);

/// A server of one list whose rows come and go with each request for it.
#[derive(Clone)]
struct Rows {
    listed: Arc<Vec<Row>>,
    asked: Arc<Mutex<Vec<String>>>,
    /// The version of the collection itself.
    collection: u64,
}

impl Rows {
    fn new(collection: u64, rows: Vec<Row>) -> Self {
        Self { listed: Arc::new(rows), asked: Arc::default(), collection }
    }

    fn todos(&self) -> Collection {
        let client = Client::builder("http://localhost/v1").transport(self.clone()).build().expect("a client");
        client.bucket("b").collection("todos")
    }
}

impl Transport for Rows {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>> {
        let mut asked = self.asked.lock().unwrap();
        let place = asked.iter().filter(|target| target.contains("/records")).count();
        asked.push(request.uri().to_string());
        let (body, version) = if request.uri().path().ends_with("/records") {
            let query = request.uri().query().unwrap_or_default();
            let since = query
                .split('&')
                .find_map(|pair| pair.strip_prefix("_since="))
                .map_or(0, |since| since.parse().unwrap());
            let mut there: Vec<&Row> = self.listed.iter().filter(|row| row.3.contains(&place)).collect();
            there.sort_by_key(|row| row.1);
            let version = there.last().map_or(1, |row| row.1);
            let item = |row: &&Row| {
                if row.2 {
                    json!({"id": row.0, "last_modified": row.1, "deleted": true})
                } else {
                    json!({"id": row.0, "last_modified": row.1, "n": 1})
                }
            };
            let data: Vec<Value> = there.iter().filter(|row| row.1 > since).map(item).collect();
            (json!({"data": data}), version)
        } else {
            (json!({"data": {"id": "todos", "last_modified": self.collection}}), self.collection)
        };
        let answer = http::Response::builder().header("etag", format!("\"{version}\"")).body(body.to_string()).unwrap();
        Box::pin(async move { Ok(answer.map(|body| -> Body { stream::iter([Ok(Bytes::from(body))]).boxed() })) })
    }
}

const ALWAYS: usize = usize::MAX;

/// What four readings tell, each from the text of the token of the one before.
async fn by_tokens(rows: &Rows, first: u64) -> Vec<Vec<String>> {
    let mut token = ChangeToken::from(kinto_client::Timestamp::from_millis(first)).to_string();
    let mut told = Vec::new();
    for _ in 0..4 {
        let changes =
            rows.todos().changes_since::<Value>(token.parse::<ChangeToken>().expect("a token")).await.expect("changes");
        told.push(shape(&changes.changes));
        token = changes.token.to_string();
    }
    told
}

#[tokio::test(start_paused = true)]
async fn change_visible_late_is_reported_once() -> Outcome {
    let rows = || {
        // `late` and `later` were stamped before what is seen first, and were committed after it.
        let rows = vec![
            ("first", 100_000, false, 0..ALWAYS),
            ("late", 100_001, false, 1..ALWAYS),
            ("second", 100_002, false, 0..ALWAYS),
            ("later", 100_001, true, 2..ALWAYS),
        ];
        Rows::new(1, rows)
    };
    assert_eq!(by_tokens(&rows(), 0).await, [vec!["+first", "+second"], vec!["+late"], vec!["-later"], vec![]]);

    let mut watch = rows().todos().changes_since::<Value>(kinto_client::Timestamp::from_millis(0)).watch(INTERVAL);
    let mut told = Vec::new();
    for _ in 0..4 {
        told.push(watch.try_next().await?.expect("a change"));
    }
    assert_eq!(shape(&told), ["+first", "+second", "+late", "-later"]);
    let quiet = tokio::time::timeout(Duration::from_secs(1), watch.next()).await;
    assert!(quiet.is_err(), "nothing is told twice");
    // Where the watch is, another program goes on.
    let text = watch.token().to_string();
    let again = rows();
    *again.asked.lock().unwrap() = vec!["/records".to_owned(); 9];
    assert!(again.todos().changes_since::<Value>(text.parse::<ChangeToken>()?).await?.changes.is_empty());
    Ok(())
}

#[tokio::test]
async fn moved_record_is_no_reset_and_removed_one_is() -> Outcome {
    let moved =
        Rows::new(1, vec![("a", 100_000, false, 0..1), ("a", 100_005, false, 1..2), ("a", 100_009, true, 2..ALWAYS)]);
    assert_eq!(by_tokens(&moved, 0).await, [vec!["+a"], vec!["+a"], vec!["-a"], vec![]]);
    let purged = Rows::new(
        1,
        vec![("a", 100_000, false, 0..ALWAYS), ("b", 100_005, true, 0..2), ("c", 100_009, false, 2..ALWAYS)],
    );
    assert_eq!(by_tokens(&purged, 0).await, [vec!["+a", "-b"], vec![], vec!["reset", "+a", "+c"], vec![]]);
    // The last change is another one, and the collection is younger than it was.
    let remade = Rows::new(100_006, vec![("a", 100_000, false, 0..1), ("a", 100_007, false, 1..ALWAYS)]);
    assert_eq!(by_tokens(&remade, 0).await, [vec!["+a"], vec!["reset", "+a"], vec![], vec![]]);
    // A list whose time has gone back, as after a restored backup.
    let restored = Rows::new(
        1,
        vec![("a", 100_000, false, 0..ALWAYS), ("b", 200_000, false, 0..1), ("c", 200_001, false, 2..ALWAYS)],
    );
    assert_eq!(by_tokens(&restored, 0).await, [vec!["+a", "+b"], vec![], vec!["reset", "+a", "+c"], vec![]]);
    Ok(())
}

async fn a_collection_that_was_made_again_is_a_reset(backend: Backend) -> Outcome {
    let server = server_on(backend);
    for same_ids in [true, false] {
        let fixture = Fixture::on(server.url()).await;
        for (n, id) in (0..).zip(["a", "b", "c"]) {
            put(&fixture, id, n).await;
        }
        let token = now(&fixture.todos).await?.to_string().parse::<ChangeToken>()?;
        let mut watch = fixture.todos.changes_since::<Value>(&token).watch(INTERVAL);
        let path = format!("/buckets/{}/collections/todos", fixture.bucket.id());
        fixture.plain.delete(&path).await;
        fixture.plain.put(&path, &json!({})).await;
        let ids = if same_ids { ["a", "b", "c"] } else { ["d", "e", "f"] };
        for id in ids {
            put(&fixture, id, 9).await;
        }
        let told = ["reset".to_owned()].into_iter().chain(ids.map(|id| format!("+{id}"))).collect::<Vec<_>>();
        let changes = fixture.todos.changes_since::<Value>(&token).await?;
        assert_eq!(shape(&changes.changes), told, "the same ids: {same_ids}");
        assert!(fixture.todos.changes_since::<Value>(changes.token).await?.changes.is_empty());
        let mut watched = Vec::new();
        while watched.len() < told.len() {
            watched.push(watch.try_next().await?.expect("a change"));
        }
        assert_eq!(shape(&watched), told, "the same ids: {same_ids}");

        // Other attributes of the collection are no reset, nor is it that all was changed since.
        fixture.plain.put(&path, &json!({"data": {"sort": "n"}})).await;
        for id in ids {
            put(&fixture, id, 10).await;
        }
        let changes = fixture.todos.changes_since::<Value>(watch.token()).await?;
        let same = changes.changes.len();
        assert!(same == 3 || shape(&changes.changes)[0] == "reset", "{changes:?}");
        for id in ids {
            put(&fixture, id, 11).await;
        }
        let changes = fixture.todos.changes_since::<Value>(changes.token).await?;
        assert_eq!(shape(&changes.changes), ids.map(|id| format!("+{id}")));
    }
    Ok(())
}

on_each_backend!(a_collection_that_was_made_again_is_a_reset);

/// A copy of a collection: what a follower makes of what it is told.
#[derive(Default)]
struct Copy {
    records: BTreeMap<String, (Value, u64)>,
    resets: usize,
    told: usize,
}

impl Copy {
    fn take(&mut self, change: Change<Value>) {
        self.told += 1;
        match change {
            Change::Upserted(record) => {
                self.records.insert(record.id.to_string(), (record.data, record.last_modified.as_millis()));
            }
            Change::Deleted(id, _) => drop(self.records.remove(&id)),
            _ => {
                self.resets += 1;
                self.records.clear();
            }
        }
    }
}

/// What the server has, as a copy has it.
async fn all(todos: &Collection) -> Result<BTreeMap<String, (Value, u64)>, kinto_client::Error> {
    let records = todos.get_records::<Value>().await?.into_iter();
    Ok(records.map(|record| (record.id.to_string(), (record.data, record.last_modified.as_millis()))).collect())
}

/// One writer of batches and three of single records, and a collection that is made again in between; 10 s, or 60 s with
/// `KINTO_TEST_LONG=1`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn followers_have_what_the_server_has() -> Outcome {
    let long = std::env::var_os("KINTO_TEST_LONG").is_some_and(|long| long == "1");
    let lasts = Duration::from_secs(if long { 60 } else { 10 });
    let server = Server::builder().backend(Backend::PostgreSql).workers(2).shared()?;
    let fixture = Fixture::on(server.url()).await;
    let start = now(&fixture.todos).await?;
    let until = tokio::time::Instant::now() + lasts;
    let client = fixture.client_at(fixture.url()).build()?;
    let todos = fixture.todos_of(&client);

    let writers = (0..4_usize).map(|writer| {
        let todos = todos.clone();
        tokio::spawn(async move {
            let mut written = 0;
            for n in 0_usize.. {
                if tokio::time::Instant::now() > until {
                    break;
                }
                let id = |n: usize| format!("w{writer}-{}", n % 40);
                // While the collection is away, there is nothing to write to.
                if writer == 0 {
                    let all = (0..25).map(|i| json!({"id": format!("w0-{n}-{i}"), "n": n}));
                    written += todos.create_records(all).each().await.map_or(0, |each| each.iter().flatten().count());
                } else if n % 3 == 2 {
                    written += usize::from(todos.delete_record(id(n / 2)).await.is_ok());
                } else {
                    written += usize::from(todos.overwrite_record(id(n), json!({"n": n})).await.is_ok());
                }
            }
            written
        })
    });
    let writers: Vec<_> = writers.collect();
    let remaker = {
        let (bucket, half) = (client.bucket(fixture.bucket.id()), lasts / 2);
        tokio::spawn(async move {
            tokio::time::sleep(half).await;
            bucket.delete_collection("todos").await.expect("it is there");
            bucket.create_collection("todos").await.expect("it is gone");
        })
    };
    // When all is written: what the server has.
    let (stop, stopped) = tokio::sync::watch::channel(None);
    let watching = {
        let (mut watch, mut stopped) =
            (todos.changes_since::<Value>(&start).watch(Duration::from_millis(200)), stopped.clone());
        tokio::spawn(async move {
            let mut copy = Copy::default();
            while stopped.borrow().as_ref() != Some(&copy.records) {
                tokio::select! {
                    // An error, while the collection is away, is no end.
                    change = watch.next() => if let Some(Ok(change)) = change { copy.take(change) },
                    _ = stopped.changed() => {}
                }
            }
            copy
        })
    };
    let polling = {
        let (todos, mut token) = (todos.clone(), start.to_string());
        tokio::spawn(async move {
            let (mut copy, mut sizes) = (Copy::default(), 0);
            loop {
                let last = stopped.borrow().is_some();
                match todos.changes_since::<Value>(token.parse::<ChangeToken>().expect("a token")).await {
                    Ok(changes) => {
                        changes.changes.into_iter().for_each(|change| copy.take(change));
                        token = changes.token.to_string();
                        sizes = sizes.max(token.len());
                    }
                    Err(_) if !last => {}
                    Err(error) => panic!("{error}"),
                }
                if last {
                    return (copy, sizes);
                }
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
        })
    };
    let mut written = 0;
    for writer in writers {
        written += writer.await?;
    }
    remaker.await?;
    let there = all(&todos).await?;
    stop.send_replace(Some(there.clone()));
    let (polled, size) = polling.await?;
    let watched = tokio::time::timeout(Duration::from_secs(100), watching).await;
    let watched = watched.expect("the one that watches comes to what is there")?;

    eprintln!(
        "{written} written, {} there; told {} and {}; resets {} and {}; the largest token {size} bytes",
        there.len(),
        watched.told,
        polled.told,
        watched.resets,
        polled.resets
    );
    assert!(written > 0);
    assert_eq!((watched.resets > 0, polled.resets > 0), (true, true));
    assert_eq!(polled.records, there, "the one that asks with tokens");
    Ok(())
}
