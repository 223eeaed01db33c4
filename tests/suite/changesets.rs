//! Change sets of collections and of the monitor, from a real server with `kinto-changes`.

use std::collections::BTreeMap;

use kinto_client::{
    Client, KintoRecord, Timestamp, Value, json,
    list::{Change, InvalidObject},
};
use kinto_server::{Backend, Server, unique};
use kinto_tests::{Chance, Fault, Fixture, Outcome, Proxy, SentRequest, Signed, on_each_backend};
use serde::{Deserialize, Serialize};

use crate::predicates;

on_each_backend!(
    changeset_is_the_collection,
    changesets_since_add_up_to_the_whole,
    monitor_has_the_published_collections
);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
struct Region {
    name: String,
}

/// One line for each change.
fn lines<T: std::fmt::Debug>(changes: &[Change<T>]) -> Vec<String> {
    let line = |change: &Change<T>| match change {
        Change::Upserted(record) => format!("{} {:?}", record.id, record.data),
        Change::Deleted(id, _) => format!("{id} deleted"),
        _ => "reset".to_owned(),
    };
    changes.iter().map(line).collect()
}

async fn publish(signed: &Signed) -> kinto_client::Result<()> {
    signed.of(&signed.editor.client).review().request_review().await?;
    let review = signed.of(&signed.reviewer.client).review();
    review.approve(&review.get().await?).await?;
    Ok(())
}

async fn changeset_is_the_collection(backend: Backend) -> Outcome {
    let signed = Signed::new(backend).await;
    for n in 0..9 {
        signed.put(&format!("r{n}"), &json!({"name": format!("n{n}")})).await;
    }
    publish(&signed).await?;
    signed.outsider.sent.forget();
    let review = signed.of(&signed.outsider.client).review().get().await?;
    let published = review.destination(&signed.outsider.client).typed::<Region>();
    signed.outsider.sent.forget();
    let all = published.get_changeset().await?;
    assert_eq!(signed.outsider.sent.take_lines(), [format!("GET {}/changeset?_expected=0", signed.published)]);
    let held = signed.admin.object(&signed.published).await;
    let metadata = all.metadata.expect("a collection has attributes");
    assert_eq!(serde_json::from_str::<Value>(metadata.raw_json())?, held);
    assert!(held["signature"]["signature"].is_string());
    assert_eq!((metadata.id.as_str(), json!(metadata.last_modified)), (&*signed.id, held["last_modified"].clone()));
    assert_eq!(all.timestamp, published.get_records_timestamp().await?, "that of the records, not of the attributes");
    assert_eq!(all.since, None);
    let mut ids: Vec<_> = all.changes.iter().filter_map(Change::id).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8"], "there are no pages");
    assert!(all.changes.is_sorted_by(|one, other| one.last_modified() > other.last_modified()));

    signed.put("r0", &json!({"name": "new"})).await;
    signed.admin.delete(&format!("{}/records/r1", signed.path)).await;
    publish(&signed).await?;
    signed.outsider.sent.forget();
    let news = published.get_changeset().since(all.timestamp).expected(all.timestamp).await?;
    let (time, line) = (all.timestamp, signed.outsider.sent.take_lines());
    assert_eq!(line, [format!("GET {}/changeset?_expected={time}&_since=%22{time}%22", signed.published)]);
    let mut changes = lines(&news.changes);
    changes.sort_unstable();
    assert_eq!(changes, ["r0 Region { name: \"new\" }", "r1 deleted"]);
    assert_eq!((news.since, news.changes[0].last_modified()), (Some(all.timestamp), Some(news.timestamp)));
    let nothing = published.get_changeset().since(news.timestamp).bust_cache().await?;
    assert_eq!(
        (lines(&nothing.changes), nothing.timestamp, nothing.since),
        (vec![], news.timestamp, Some(news.timestamp))
    );
    Ok(())
}

/// What is kept of all change sets, each since the one before, is what the whole change set has.
async fn changesets_since_add_up_to_the_whole(backend: Backend) -> Outcome {
    let signed = Signed::within(backend, "plain").await;
    let workspace = signed.of(&signed.outsider.client);
    let mut chance = Chance::new(3, 2);
    let mut kept: BTreeMap<String, (Timestamp, Value)> = BTreeMap::new();
    let mut since = None;
    for _ in 0..8 {
        for _ in 0..chance.between(0, 4) {
            let id = format!("r{}", chance.below(6));
            if chance.percent(60) {
                workspace.overwrite_record(&*id, json!({"n": chance.below(100)})).await?;
            } else {
                workspace.delete_record(&*id).if_exists().await?;
            }
        }
        let changeset = workspace.get_changeset::<Value>();
        let changeset = match since {
            Some(since) => changeset.since(since).await?,
            None => changeset.await?,
        };
        since = Some(changeset.timestamp);
        for change in changeset.changes.into_iter().rev() {
            match change {
                Change::Upserted(record) => {
                    kept.insert(record.id.to_string(), (record.last_modified, record.data));
                }
                Change::Deleted(id, _) => {
                    kept.remove(&id);
                }
                _ => panic!("nothing was reset"),
            }
        }
        let whole = workspace.get_changeset::<Value>().await?.changes.into_iter().map(|change| match change {
            Change::Upserted(record) => (record.id.to_string(), (record.last_modified, record.data)),
            other => panic!("{other:?}"),
        });
        assert_eq!(kept, whole.collect());
    }
    Ok(())
}

async fn monitor_has_the_published_collections(backend: Backend) -> Outcome {
    let signed = Signed::new(backend).await;
    signed.put("a", &json!({"name": "A"})).await;
    publish(&signed).await?;
    let nobody = Client::builder(signed.url()).build()?;
    let published = nobody.bucket("published").collection(&*signed.id);
    let all = nobody.get_monitor_changeset().await?;
    assert!(all.metadata.is_none() && all.since.is_none());
    let mine = all.changes.iter().find(|entry| entry.collection == signed.id).expect("it is among them");
    assert_eq!((&*mine.bucket, mine.last_modified), ("published", published.get_records_timestamp().await?));
    assert_eq!(mine.collection(&nobody).path(), signed.published);
    assert!(all.changes.iter().all(|entry| entry.last_modified <= all.timestamp));

    let one = nobody.get_monitor_changeset().collection(&published).await?;
    assert_eq!(one.changes, std::slice::from_ref(mine));
    let of_bucket = nobody.get_monitor_changeset().bucket("published").since(mine.last_modified).await?;
    assert!(
        of_bucket.changes.iter().all(|entry| entry.bucket == "published" && entry.last_modified > mine.last_modified)
    );
    assert_eq!(of_bucket.since, Some(mine.last_modified));
    let none = nobody.get_monitor_changeset().collection(&nobody.bucket("x").collection("y")).await?;
    assert_eq!(none.changes, []);

    // The same entries as an ordinary list.
    let list = nobody.bucket("monitor").collection("changes").get_records::<Value>().await?;
    let entry = list.iter().find(|entry| *entry.id == *mine.id).expect("it is among them");
    assert_eq!((&entry.data["collection"], entry.last_modified), (&json!(signed.id), mine.last_modified));
    Ok(())
}

#[tokio::test]
async fn lenient_changeset_returns_each_record() -> Outcome {
    let signed = Signed::within(Backend::Memory, "plain").await;
    let regions = signed.of(&signed.outsider.client).typed::<Region>();
    let start = regions.get_changeset().await?.timestamp;
    for (id, data) in [("gone", json!({})), ("odd", json!({"name": 1})), ("good", json!({"name": "A"}))] {
        signed.put(id, &data).await;
    }
    signed.admin.delete(&format!("{}/records/gone", signed.path)).await;
    let error = regions.get_changeset().await.unwrap_err();
    assert_eq!((predicates(&error), error.record_id(), error.field()), (vec!["decode"], Some("odd"), Some("name")));
    let changes = regions.get_changeset().since(start).lenient().await?.changes;
    let line = |change: &Result<Change<Region>, InvalidObject>| match change {
        Ok(change) => lines(std::slice::from_ref(change)).remove(0),
        Err(invalid) => {
            format!("{:?} at {:?} of {}", invalid.id, invalid.path, invalid.json().split(',').next().unwrap())
        }
    };
    let lines: Vec<_> = changes.iter().map(line).collect();
    assert_eq!(
        lines,
        ["gone deleted", "good Region { name: \"A\" }", "Some(\"odd\") at Some(\"name\") of {\"name\":1"]
    );
    Ok(())
}

#[tokio::test]
async fn changesets_that_are_not_there_are_errors() -> Outcome {
    let signed = Signed::within(Backend::Memory, "plain").await;
    let client = &signed.outsider.client;
    let missing = client.bucket("plain").collection("none").get_changeset::<Value>().await.unwrap_err();
    assert_eq!(predicates(&missing), ["not found"]);
    let hidden = client.bucket("nowhere").collection("none").get_changeset::<Value>().await.unwrap_err();
    assert_eq!(predicates(&hidden), ["forbidden"]);
    let without = Client::builder(Server::shared()?.url()).auth((unique("me"), "p4ssw0rd")).build()?;
    for error in [
        without.bucket("default").collection("c").get_changeset::<Value>().await.unwrap_err(),
        without.get_monitor_changeset().await.unwrap_err(),
    ] {
        assert_eq!(predicates(&error), ["unsupported"]);
        assert!(error.to_string().contains("the server does not offer *changes*"), "{error}");
    }
    client.server_info().await?;
    signed.outsider.sent.forget();
    let late = Timestamp::from_millis(1 << 63);
    let collection = signed.of(client);
    for error in [
        collection.get_changeset::<Value>().since(late).await.unwrap_err(),
        collection.get_changeset::<Value>().expected(late).await.unwrap_err(),
        client.get_monitor_changeset().since(late).await.unwrap_err(),
        client.bucket("plain").collection("no/id").get_changeset::<Value>().await.unwrap_err(),
    ] {
        assert_eq!(predicates(&error), ["invalid"]);
    }
    assert!(signed.outsider.sent.take().is_empty());
    let small = signed.outsider.client_at(signed.url()).max_response_size(40).build()?;
    assert_eq!(predicates(&signed.of(&small).get_changeset::<Value>().await.unwrap_err()), ["too large"]);

    // What `_since` looks like without quotes, and no `_expected`.
    for query in ["_expected=0&_since=5", ""] {
        let answer = signed.admin.send(http::Method::GET, &format!("{}/changeset?{query}", signed.path), None).await;
        assert_eq!(answer.status, 400, "{query}");
    }
    Ok(())
}

#[tokio::test]
async fn changeset_can_be_a_part_of_a_batch() -> Outcome {
    let signed = Signed::within(Backend::Memory, "plain").await;
    let collection = signed.of(&signed.outsider.client);
    signed.put("a", &json!({"n": 1})).await;
    let start = Timestamp::from_millis(1);
    let (changeset, record) = signed
        .outsider
        .client
        .batch_of((collection.get_changeset::<Value>().since(start), collection.get_record::<Value>("a")))
        .await?;
    let changeset = changeset?;
    assert_eq!((changeset.changes.len(), changeset.timestamp), (1, record?.last_modified));
    Ok(())
}

/// The real server redirects a time of three weeks ago to the address in its settings, without the time.
#[tokio::test]
async fn old_time_is_redirected_within_the_origin_only() -> Outcome {
    let server = Signed::server(Backend::Memory);
    let signed = Signed::new(Backend::Memory).await;
    let old = Timestamp::from_millis(1_000_000_000_000);
    let nobody = Client::builder(server.url()).build()?;
    let error = nobody.get_monitor_changeset().since(old).await.unwrap_err();
    assert_eq!(predicates(&error), ["unexpected"]);
    assert!(error.to_string().contains("redirects to another one"), "{error}");

    // The same redirect where the settings are right.
    let proxy = Proxy::start(server.url(), |sent: &SentRequest| {
        if sent.target.contains("_since") {
            let location = sent.target.split("&_since").next().expect("a part").to_owned();
            Fault::redirect(307, &location)
        } else {
            Fault::Pass
        }
    })
    .await;
    let nobody = Client::builder(proxy.url()).build()?;
    let all = nobody.get_monitor_changeset().since(old).await?;
    assert_eq!(all.since, None, "everything was sent");
    assert!(all.changes.iter().any(|entry| entry.collection == signed.id));
    let path = "GET /buckets/monitor/collections/changes/changeset?_expected=0";
    assert_eq!(proxy.lines(), [format!("{path}&_since=%22{old}%22"), path.to_owned()]);
    Ok(())
}

/// Servers of another make.
#[tokio::test]
async fn changeset_of_other_servers_is_read() -> Outcome {
    let fixture = Fixture::new().await;
    let read = async |fault: fn() -> Fault| {
        let proxy = Proxy::instead(move |_: &SentRequest| fault()).await;
        let client = fixture.client_at(proxy.url()).build()?;
        client.bucket("b").collection("c").get_changeset::<Region>().since(Timestamp::from_millis(7)).await
    };
    let nothing = read(|| Fault::answer(204, &[], "")).await?;
    assert_eq!((nothing.metadata.is_none(), nothing.timestamp.as_millis(), nothing.changes.len()), (true, 7, 0));

    let undated = read(|| {
        let changes = json!([
            {"id": "a", "deleted": true}, {"id": "b", "deleted": true, "last_modified": 8},
            {"id": "c", "deleted": true, "name": "a record", "last_modified": 8},
        ]);
        let metadata = json!({"id": "c", "last_modified": 5, "bucket": "b", "signatures": []});
        Fault::json(200, &json!({"changes": changes, "metadata": metadata, "timestamp": 9, "more": [1]}))
    })
    .await?;
    assert_eq!(lines(&undated.changes), ["a deleted", "b deleted", "c Region { name: \"a record\" }"]);
    let times: Vec<_> = undated.changes.iter().filter_map(Change::last_modified).map(Timestamp::as_millis).collect();
    assert_eq!(times, [9, 8, 8]);
    assert_eq!(undated.metadata.expect("a collection").data.other["bucket"], "b");

    let malformed: [fn() -> Fault; 5] = [
        || Fault::json(200, &json!({"metadata": {}, "changes": []})),
        || Fault::json(200, &json!({"timestamp": "9", "changes": []})),
        || Fault::json(200, &json!({"timestamp": 9, "changes": {}})),
        || Fault::json(200, &json!([])),
        || Fault::answer(200, &["Content-Type: text/html"], "<html>"),
    ];
    for fault in malformed {
        assert_eq!(predicates(&read(fault).await.unwrap_err()), ["unexpected"]);
    }
    let without_id = read(|| Fault::json(200, &json!({"timestamp": 9, "changes": [{"name": "a"}]}))).await.unwrap_err();
    assert_eq!(predicates(&without_id), ["decode"]);
    Ok(())
}
