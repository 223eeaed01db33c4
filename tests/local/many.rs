//! Many collections in one synchronization.

use std::time::Duration;

use kinto_client::{
    Value, json,
    local::{LocalCollection, LossPolicy, Store, SyncReport},
    retry::NeverRetry,
    testing::Kinto,
};
use kinto_server::Backend;
use kinto_tests::{Fault, Fixture, Gate, Outcome, Proxy, on_each_backend, server_on};

use crate::{device::requests, world::all};

on_each_backend!(losses_of_two_collections_are_noticed_when_they_are_compared_at_once);

/// A server with this many collections, and a store with all of them of which everything is known.
async fn settled(count: usize) -> (Kinto, Store, Vec<LocalCollection<Value>>) {
    let kinto = Kinto::new();
    let bucket = kinto.client().bucket("app");
    bucket.create().await.unwrap();
    let store = Store::in_memory().await.unwrap();
    let mut collections = Vec::new();
    for n in 0..count {
        let remote = bucket.collection(format!("c{n:02}"));
        remote.create().await.unwrap();
        remote.create_record(json!({"n": n})).id("first").await.unwrap();
        collections.push(store.bind(&remote).await.unwrap());
    }
    for _ in 0..2 {
        for report in sync(&store, &collections).await {
            report.unwrap();
        }
        // After the longest transaction nothing older can appear.
        tokio::time::advance(Duration::from_secs(61)).await;
    }
    for report in sync(&store, &collections).await {
        report.unwrap();
    }
    kinto.clear_requests();
    (kinto, store, collections)
}

async fn sync(store: &Store, collections: &[LocalCollection<Value>]) -> Vec<kinto_client::Result<SyncReport>> {
    store.sync_all(collections.iter().map(LocalCollection::sync)).await
}

#[tokio::test(start_paused = true)]
async fn twenty_collections_with_nothing_new_are_one_request() -> Outcome {
    let (kinto, store, collections) = settled(20).await;
    let reports = sync(&store, &collections).await;
    assert_eq!(reports.len(), 20);
    for report in reports {
        assert_eq!(report?, SyncReport::default());
    }
    let sent = kinto.requests();
    assert_eq!(sent.len(), 1, "{:?}", requests(&kinto));
    let parts = sent[0].json()["requests"].as_array().unwrap().clone();
    assert_eq!((sent[0].line(), parts.len()), ("POST /batch".to_owned(), 20));
    for (n, part) in parts.iter().enumerate() {
        let path = part["path"].as_str().unwrap();
        assert!(path.ends_with(&format!("/buckets/app/collections/c{n:02}/records")), "{part}");
        assert!(part["method"] == "HEAD" || sent[0].json()["defaults"]["method"] == "HEAD", "{part}");
        assert!(part.get("headers").is_none_or(|headers| headers.get("If-None-Match").is_none()), "{part}");
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn only_collections_that_changed_on_a_side_are_synchronized() -> Outcome {
    let (kinto, store, collections) = settled(5).await;
    let bucket = kinto.client().bucket("app");
    bucket.collection("c01").create_record(json!({"new": true})).id("new").await?;
    collections[3].create_record(json!({"mine": true})).id("mine").await?;
    kinto.clear_requests();
    let reports: Vec<SyncReport> = sync(&store, &collections).await.into_iter().collect::<Result<_, _>>()?;
    let counts: Vec<(usize, usize)> = reports.iter().map(|report| (report.received, report.sent)).collect();
    assert_eq!(counts, [(0, 0), (1, 0), (0, 0), (0, 1), (0, 0)]);
    let lines = requests(&kinto);
    for unchanged in ["c00", "c02", "c04"] {
        assert!(!lines.iter().any(|line| line.contains(unchanged)), "{lines:?}");
    }
    assert_eq!(collections[1].get_record("new").await?.data, json!({"new": true}));
    assert_eq!(bucket.collection("c03").get_record::<Value>("mine").await?.data, json!({"mine": true}));
    Ok(())
}

/// Each has its own result; the records of the others arrive all the same.
#[tokio::test(start_paused = true)]
async fn error_of_one_collection_holds_up_no_other() -> Outcome {
    let (kinto, store, collections) = settled(4).await;
    let bucket = kinto.client().bucket("app");
    bucket.collection("c00").delete().await?;
    bucket.collection("c02").create_record(json!({})).id("new").await?;
    let foreign = Store::in_memory().await?.bind::<Value>(&bucket.collection("c03")).await?;
    let calls = [collections[0].sync(), foreign.sync(), collections[2].sync(), collections[3].pull()];
    let reports = store.sync_all(calls).await;
    let said: Vec<String> = reports
        .iter()
        .map(|report| match report {
            Ok(report) => format!("{} received", report.received),
            Err(error) => format!("{:?}", error.kind()),
        })
        .collect();
    assert_eq!(said[1..], ["Invalid", "1 received", "0 received"], "{reports:?}");
    assert!(reports[0].is_err(), "{reports:?}");
    assert!(reports[1].as_ref().is_err_and(|error| error.to_string().contains("another store")));
    let dropping = collections[0].clone().on_loss(LossPolicy::DropLocal);
    assert!(store.sync_all([dropping.sync()]).await.len() == 1, "the policies are those of the call");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn server_that_asks_for_rest_is_left_alone_by_all() -> Outcome {
    let (kinto, store, collections) = settled(3).await;
    kinto.overload_next(9);
    let reports = sync(&store, &collections).await;
    assert_eq!(kinto.requests().len(), 5, "{:?}", requests(&kinto));
    for report in reports {
        let error = report.unwrap_err();
        assert!(error.is_unavailable(), "{error:?}");
    }
    kinto.clear_requests();
    for report in sync(&store, &collections).await {
        assert!(report.unwrap_err().retry_after().is_some());
    }
    assert!(kinto.requests().is_empty());
    Ok(())
}

#[tokio::test]
async fn no_collections_are_no_request() -> Outcome {
    let reports = Store::in_memory().await?.sync_all([]).await;
    assert!(reports.is_empty());
    Ok(())
}

/// Two handles of one collection: the second finds it being synchronized, or nothing left to do.
#[tokio::test(start_paused = true)]
async fn collection_that_is_named_twice_is_synchronized_once() -> Outcome {
    let (kinto, store, collections) = settled(2).await;
    collections[0].create_record(json!({})).id("mine").await?;
    let reports = store.sync_all([collections[0].sync(), collections[0].sync(), collections[1].sync()]).await;
    let sent: usize = reports.iter().flatten().map(|report| report.sent).sum();
    assert_eq!(sent, 1, "{reports:?}");
    assert!(kinto.client().bucket("app").collection("c00").get_record::<Value>("mine").optional().await?.is_some());
    Ok(())
}

/// What one collection meets on the server is not taken for what another one has there.
async fn losses_of_two_collections_are_noticed_when_they_are_compared_at_once(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    let gate = Gate::default();
    let (held, mut lists) = (gate.clone(), 0);
    let proxy = Proxy::start(server.url(), move |sent| {
        // The first one after the records were sent finds that some are missing, and the second one compares all.
        let is_list = sent.method == "GET" && sent.target.contains("/collections/two/records");
        lists += usize::from(is_list);
        if is_list && lists == 4 { Fault::Hold(held.clone()) } else { Fault::Pass }
    });
    let proxy = proxy.await;
    let client = fixture.client_at(proxy.url()).retry(NeverRetry).build()?;
    let store = Store::in_memory().await?;
    let mut devices = Vec::new();
    for (name, kept) in [("one", "a"), ("two", "b")] {
        fixture.bucket.create_collection(name).await?;
        let remote = fixture.bucket.collection(name);
        let device = store.bind::<Value>(&client.bucket(fixture.bucket.id()).collection(name)).await?;
        for id in ["a", "b"] {
            device.create_record(json!({"of": name})).id(id).await?;
        }
        assert_eq!(device.sync().await?.sent, 2);
        fixture.bucket.delete_collection(name).await?;
        fixture.bucket.create_collection(name).await?;
        remote.create_record(json!({"id": kept, "of": name})).await?;
        devices.push(device);
    }
    let mut meanwhile = Ok(SyncReport::default());
    let result = gate.overtake(devices[1].sync(), async { meanwhile = devices[0].sync().await }).await;
    for lost in [meanwhile, result] {
        let error = lost.unwrap_err();
        assert!(error.to_string().contains("1 records are gone"), "{error}");
    }
    for device in devices {
        device.clone().on_loss(LossPolicy::DropLocal).sync().await?;
        assert_eq!(all(&device).await, on_the_server(&device).await);
    }
    Ok(())
}

/// Returns what the server has of the records of a device.
async fn on_the_server(device: &LocalCollection<Value>) -> std::collections::BTreeMap<String, Value> {
    let records = device.remote().get_records::<Value>().await.unwrap();
    records.into_iter().map(|record| (record.id.to_string(), record.data)).collect()
}
