//! The overview that the first Kinto client was designed from, in Rust: each of its headings is a test, with its lines
//! in their order, and what the server holds after them.

use futures_util::future::BoxFuture;
use http::HeaderValue;
use kinto_client::{Auth, Client, Principal, Result, Value, auth::CredentialProvider, json};
use kinto_server::unique;
use kinto_tests::{Fixture, Outcome};

use crate::{Todo, predicates};

#[tokio::test]
async fn usage() -> Outcome {
    let fixture = Fixture::new().await;
    let (url, user) = (fixture.url(), &fixture.user);
    let record = |id: &str| format!("/buckets/default/collections/todo/records/{id}");
    for id in ["a", "b", "c"] {
        fixture.plain.put_data(&record(id), &json!({"title": id, "done": true, "due": "monday"})).await;
    }

    let bucket = Client::builder(url).auth((user, "p4ssw0rd")).build()?.bucket("default");
    let todo = bucket.collection("todo");
    let mut records = todo.get_records::<Todo>().await?;
    for (i, record) in records.iter_mut().enumerate() {
        record.data.title = format!("Todo #{i}");
    }
    todo.save_records(&mut records).await?;

    assert_eq!(fixture.plain.ids("/buckets/default/collections/todo/records").await, ["a", "b", "c"]);
    for (id, title) in [("a", "Todo #2"), ("b", "Todo #1"), ("c", "Todo #0")] {
        let expected = json!({"title": title, "done": true, "due": "monday"});
        assert_eq!(fixture.plain.held(&record(id)).await, expected, "the last changed came first");
    }
    Ok(())
}

/// A provider of an `Authorization` header for each request.
struct Policy(HeaderValue);

impl CredentialProvider for Policy {
    fn authorization(&self) -> BoxFuture<'_, Result<HeaderValue>> {
        Box::pin(async { Ok(self.0.clone()) })
    }
}

#[tokio::test]
async fn overview_buckets() -> Outcome {
    let fixture = Fixture::new().await;
    let (url, payments) = (fixture.url(), unique("payments"));
    let path = format!("/buckets/{payments}");

    let credentials = (&fixture.user, "p4ssw0rd");
    let bucket = Client::builder(url).auth(credentials).build()?.bucket(&payments);
    assert_eq!(fixture.plain.status(&path).await, 403, "there is none yet: a name makes no request");

    assert!(bucket.create().if_not_exists().await?.is_created());
    assert_eq!(fixture.plain.held(&path).await, json!({}));
    assert!(!bucket.create().if_not_exists().await?.is_created());

    // Any policy: a pair, a token, a whole header, your own.
    let own = Policy(HeaderValue::from_static("Basic YWxleGlzOnA0c3N3MHJk"));
    for (auth, header) in [
        (Auth::basic("alexis", "p4ssw0rd"), "Basic YWxleGlzOnA0c3N3MHJk"),
        (Auth::bearer("t0ken"), "Bearer t0ken"),
        (Auth::header("Portier t0ken"), "Portier t0ken"),
        (Auth::custom(own), "Basic YWxleGlzOnA0c3N3MHJk"),
    ] {
        let client = Client::builder(url).auth(auth).transport(fixture.sent.clone()).build()?;
        let known = client.user().await?.is_some();
        assert_eq!(known, header.starts_with("Basic"), "this server has no other policy");
        assert_eq!(fixture.sent.take_one().header("authorization"), Some(header));
    }
    Ok(())
}

#[tokio::test]
async fn collections() -> Outcome {
    let fixture = Fixture::new().await;
    let bucket = &fixture.bucket;
    let list = format!("/buckets/{}/collections", bucket.id());

    let created = bucket.create_collection("receipts").await?;
    assert_eq!(fixture.plain.ids(&list).await, ["receipts", "todos"]);

    let collection = bucket.get_collection("receipts").await?;
    assert_eq!((&collection.id, collection.last_modified), (&created.id, created.last_modified));
    assert_eq!(
        fixture.plain.object(&format!("{list}/receipts")).await["last_modified"],
        created.last_modified.as_millis()
    );

    bucket.delete_collection("receipts").await?;
    assert_eq!(fixture.plain.ids(&list).await, ["todos"]);
    Ok(())
}

#[tokio::test]
async fn records() -> Outcome {
    let fixture = Fixture::new().await;
    let collection = &fixture.todos;

    let empty = collection.create_record(json!({})).await?;
    assert_eq!(fixture.plain.held(&fixture.record(&empty.id)).await, json!({}));

    let record = collection.create_record(json!({"id": "XXX", "status": "done", "title": "Todo #1"})).await?;
    let held = json!({"id": "XXX", "last_modified": record.last_modified, "status": "done", "title": "Todo #1"});
    assert_eq!(fixture.plain.object(&fixture.record("XXX")).await, held);

    let typed = collection.create_record(Todo::new("Todo #2")).id("YYY").await?;
    assert_eq!(fixture.plain.held(&fixture.record("YYY")).await, json!({"title": "Todo #2", "done": false}));

    let records = collection.get_records::<Value>().await?;
    let ids: Vec<&str> = records.iter().map(|record| record.id.as_str()).collect();
    assert_eq!(ids, ["YYY", "XXX", &empty.id]);
    let mut record = collection.get_record::<Value>("XXX").await?;
    assert_eq!(record.data, json!({"status": "done", "title": "Todo #1"}));

    record.data["status"] = "late".into();
    collection.save_record(&mut record).await?;
    assert_eq!(fixture.plain.held(&fixture.record("XXX")).await, json!({"status": "late", "title": "Todo #1"}));

    let [mut one, mut other] = [record, typed.parse::<Value>()?];
    one.data["status"] = "done".into();
    other.data["done"] = true.into();
    collection.save_records([&mut one, &mut other]).await?;
    assert_eq!(fixture.plain.held(&fixture.record("XXX")).await, json!({"status": "done", "title": "Todo #1"}));
    assert_eq!(fixture.plain.held(&fixture.record("YYY")).await, json!({"title": "Todo #2", "done": true}));

    collection.delete_record(&empty.id).await?;
    assert_eq!(fixture.plain.ids(&fixture.records).await, ["XXX", "YYY"]);
    collection.delete_records([&one, &other]).await?;
    assert_eq!(fixture.plain.ids(&fixture.records).await, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn permissions() -> Outcome {
    let fixture = Fixture::new().await;
    let (plain, collection) = (&fixture.plain, &fixture.todos);
    let me = fixture.client.user().await?.expect("I am known").id.clone();

    let group = fixture.bucket.group("groupid");
    let record = collection.create_record(json!({})).permissions(|p| p.read(&group)).await?;
    let expected = json!({"read": [Principal::from(&group)], "write": [me]});
    assert_eq!(plain.permissions(&fixture.record(&record.id)).await, expected);

    let bucket = Client::builder(fixture.url()).auth((&fixture.user, "p4ssw0rd")).build()?.bucket("default");
    let friends = ["natim", "niko", "mat", "tarek"].map(Principal::account);
    let mut settings = bucket.get().await?;
    let permissions = settings.permissions.edit()?;
    permissions.write.extend(friends.clone());
    permissions.collection_create.extend(friends);
    let nobody_yet = json!({"write": [me]});
    assert_eq!(plain.permissions("/buckets/default").await, nobody_yet, "changes are sent when they are saved");
    bucket.save_permissions(&mut settings).await?;

    let friends = json!(["account:mat", "account:natim", "account:niko", "account:tarek"]);
    let mut writers = friends.clone();
    writers.as_array_mut().unwrap().push(json!(me));
    let expected = json!({"write": writers, "collection:create": friends});
    assert_eq!(plain.permissions("/buckets/default").await, expected);

    // Or the whole bucket.
    settings.permissions.edit()?.collection_create.clear();
    settings.data.other.insert("colour".into(), "blue".into());
    bucket.save(&mut settings).await?;
    assert_eq!(plain.permissions("/buckets/default").await, json!({"write": writers}));
    assert_eq!(plain.held("/buckets/default").await, json!({"colour": "blue"}));
    Ok(())
}

#[tokio::test]
async fn groups() -> Outcome {
    let fixture = Fixture::new().await;
    let bucket = &fixture.bucket;
    let path = format!("/buckets/{}/groups/moderators", bucket.id());

    let mut group = bucket.create_group("moderators", ["alexis", "mathieu", "remy"].map(Principal::account)).await?;
    let members = json!(["account:alexis", "account:mathieu", "account:remy"]);
    assert_eq!(fixture.plain.held(&path).await, json!({"members": members}));

    group.add("account:niko");
    group.remove("account:remy");
    assert_eq!(fixture.plain.held(&path).await, json!({"members": members}), "changes are sent when they are saved");
    bucket.save_group(&mut group).await?;
    let members = json!(["account:alexis", "account:mathieu", "account:niko"]);
    assert_eq!(fixture.plain.held(&path).await, json!({"members": members}));

    group.clear();
    bucket.save_group(&mut group).await?;
    assert_eq!(fixture.plain.held(&path).await, json!({"members": []}));
    Ok(())
}

#[tokio::test]
async fn overview_batches() -> Outcome {
    let fixture = Fixture::new().await;
    let personal = unique("personal");
    let list = format!("/buckets/{personal}/collections");

    let mut batch = fixture.client.batch();
    let my_bucket = fixture.client.bucket(&personal);
    let bucket = batch.add(my_bucket.create().if_not_exists());
    let collections: Vec<_> = (0..5)
        .map(|collection| batch.add(my_bucket.create_collection(format!("toto-{collection}")).if_not_exists()))
        .collect();
    assert_eq!(fixture.plain.status(&list).await, 403, "nothing is sent before it is executed");
    let done = batch.execute().await?;

    assert!(done.get(&bucket)?.is_created());
    for (i, collection) in collections.iter().enumerate() {
        assert_eq!(done.get(collection)?.id, format!("toto-{i}"));
    }
    assert_eq!(fixture.plain.ids(&list).await, ["toto-0", "toto-1", "toto-2", "toto-3", "toto-4"]);
    let mut sent = fixture.sent.take_lines();
    // Others create buckets as well, and where two collide the batch is sent again.
    sent.dedup();
    assert_eq!(sent, ["GET /", "POST /batch"], "what the server allows, and all at once");

    let again = fixture.client.bucket(&personal).create_collection("toto-0").await.unwrap_err();
    assert_eq!(predicates(&again), ["conflict"], "without `.if_not_exists()`");
    Ok(())
}
