//! The `default` bucket: schemas count there too.

use kinto_client::{
    KintoRecord, Value, blueprint::EnsureOutcome, json, object::CollectionAttributes, schema::JsonSchema,
};
use kinto_server::{Backend, unique};
use kinto_tests::{Outcome, TestUser, on_each_backend, server_on};
use serde::{Deserialize, Serialize};

on_each_backend!(
    records_of_a_type_with_a_schema_are_checked_and_stamped,
    a_migration_runs_the_closure_once_for_each_record,
    a_batch_that_names_the_collection_both_ways_is_checked,
    a_collection_that_is_deleted_is_created_again,
    a_batch_creates_a_deleted_default_bucket_under_its_own_name
);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord, JsonSchema)]
#[schemars(crate = "kinto_client::schema::schemars")]
#[kinto(collection = "prices", schema)]
struct Price {
    #[schemars(length(max = 5))]
    name: String,
    cents: u64,
}

fn price(name: &str) -> Price {
    Price { name: name.to_owned(), cents: 5 }
}

/// Somebody, and the path of the records under the bucket's real id.
async fn fixture(url: &str) -> (TestUser, String) {
    let me = TestUser::new(url, "me").await;
    let bucket = me.client.user().await.unwrap().and_then(|user| user.bucket.clone()).expect("a bucket");
    me.sent.forget();
    (me, format!("/buckets/{bucket}/collections/prices/records"))
}

async fn records_of_a_type_with_a_schema_are_checked_and_stamped(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let (me, records) = fixture(server.url()).await;
    assert_eq!(me.client.ensure::<Price>().await?, EnsureOutcome::Created);
    me.sent.forget();

    let prices = me.client.typed::<Price>();
    let mut milk = prices.create_record(price("milk")).id("milk").await?;
    assert_eq!(
        me.sent.take_lines(),
        ["HEAD /buckets/default/collections/prices".to_owned(), format!("PUT {records}/milk")]
    );
    assert!(me.plain.object(&format!("{records}/milk")).await["schema"].is_u64());

    let refused = |error: kinto_client::Error| (error.is_refused(), error.schema_keyword().map(str::to_owned));
    let long = (true, Some("maxLength".to_owned()));
    let default = me.client.bucket("default").collection("prices");
    assert_eq!(prices.create_record(price("too long")).await.map(drop).map_err(refused), Err(long.clone()));
    assert_eq!(default.create_record(price("too long")).await.map(drop).map_err(refused), Err(long.clone()));
    "too long".clone_into(&mut milk.data.name);
    assert_eq!(prices.save_record(&mut milk).await.map(drop).map_err(refused), Err(long.clone()));
    let patched = prices.patch_record("milk", json!({"name": "too long"})).await;
    assert_eq!(patched.map(drop).map_err(refused), Err(long.clone()));
    let many = prices.create_records((0..3).map(|_| price("too long"))).each().await?;
    assert!(many.into_iter().all(|result| result.map_err(refused).map(drop) == Err(long.clone())));
    assert!(prices.check_schema().await?.is_none());
    assert_eq!(me.plain.ids(&records).await, ["milk"]);
    Ok(())
}

async fn a_migration_runs_the_closure_once_for_each_record(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let (me, records) = fixture(server.url()).await;
    // In the same fields, so that only the stamp tells.
    for n in 0..3 {
        me.plain.put_data(&format!("/buckets/default/collections/prices/records/r{n}"), &json!(price("a"))).await;
    }
    assert_eq!(me.client.ensure::<Price>().await?, EnsureOutcome::Updated);
    for run in 0..3 {
        let prices = me.client.typed::<Price>();
        let report = prices.migrate(|old: Price| Price { cents: old.cents * 100, ..old }).await?;
        assert_eq!((report.rewritten, report.is_complete()), (if run == 0 { 3 } else { 0 }, true), "{report:?}");
    }
    for n in 0..3 {
        assert_eq!(me.plain.object(&format!("{records}/r{n}")).await["cents"], 500);
    }
    Ok(())
}

async fn a_batch_that_names_the_collection_both_ways_is_checked(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let (me, records) = fixture(server.url()).await;
    me.client.ensure::<Price>().await?;
    let prices = me.client.typed::<Price>();
    let mut batch = me.client.batch();
    // Reading under `default` would make the server forget the schema for the rest of the batch.
    let read = batch.add(prices.get_record("missing"));
    let collection = batch.add(prices.untyped().get());
    let good = batch.add(prices.create_record(price("good")).id("good"));
    let bad = batch.add(prices.create_record(price("too long")).id("bad"));
    let done = batch.execute().await?;
    assert!(done.get(&read).is_err_and(|error| error.is_not_found()) && done.get(&collection).is_ok());
    assert!(done.get(&good).is_ok());
    assert!(done.get(&bad).is_err_and(|error| error.schema_keyword() == Some("maxLength")));
    assert_eq!(me.plain.ids(&records).await, ["good"]);
    assert!(me.plain.object(&format!("{records}/good")).await["schema"].is_u64());
    Ok(())
}

async fn a_collection_that_is_deleted_is_created_again(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let (me, records) = fixture(server.url()).await;
    let prices = me.client.typed::<Price>();
    // It was never declared, and is made by writing to it, as everything in that bucket.
    prices.create_record(price("a")).id("a").await?;
    me.plain.delete(records.trim_end_matches("/records")).await;
    prices.create_record(price("b")).id("b").await?;
    assert_eq!(me.plain.ids(&records).await, ["b"]);
    prices.untyped().delete().await?;
    prices.create_records([price("c"), price("d")]).await?;
    assert_eq!(me.plain.ids(&records).await.len(), 2);
    me.plain.delete(records.split("/collections").next().unwrap()).await;
    prices.create_record(price("e")).id("e").await?;
    assert_eq!(me.plain.ids(&records).await, ["e"]);
    Ok(())
}

#[tokio::test]
async fn types_without_a_schema_send_no_more_than_before() -> Outcome {
    let server = server_on(Backend::Memory);
    let (me, _) = fixture(server.url()).await;
    let id = unique("plain");
    me.client.bucket("default").collection(&id).create_record(json!({"id": "a"})).await?;
    me.client.bucket("default").collection(&id).get_records::<Value>().await?;
    let path = format!("/buckets/default/collections/{id}/records");
    assert_eq!(me.sent.take_lines(), [format!("PUT {path}/a"), format!("GET {path}?_sort=last_modified")]);
    Ok(())
}

/// The server creates that bucket under the name `default` only, so that a creation within it keeps that name.
async fn a_batch_creates_a_deleted_default_bucket_under_its_own_name(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let (me, records) = fixture(server.url()).await;
    let prices = me.client.typed::<Price>();
    // The client knows now that the collection is there, and does not ask again.
    prices.create_record(price("a")).id("a").await?;
    me.plain.delete(records.split("/collections").next().unwrap()).await;
    let mut batch = me.client.batch();
    let mut attributes = CollectionAttributes::default();
    attributes.sort = Some("name".to_owned());
    let create = me.client.bucket("default").create_collection("prices").data(attributes).if_not_exists();
    let collection = batch.add(create);
    let record = batch.add(prices.create_record(price("b")).id("b"));
    let done = batch.execute().await?;
    assert!(done.get(&collection)?.is_created());
    assert_eq!(done.get(&record)?.data, price("b"));
    assert_eq!(me.plain.ids(&records).await, ["b"]);
    assert_eq!(me.plain.held(records.trim_end_matches("/records")).await, json!({"sort": "name"}));
    Ok(())
}
