//! Deletions: of exactly the given objects, and of all of them.

use kinto_client::{Client, Value, json, object::Tombstone};
use kinto_server::{Backend, Server, unique};
use kinto_tests::{Fixture, Outcome, RawClient};

use crate::{Todo, predicates};

#[tokio::test]
async fn delete_by_id_ignores_changes() -> Outcome {
    let fixture = Fixture::new().await;
    let record = fixture.todos.create_record(Todo::new("Milk")).id("milk").await?;
    fixture.plain.put_data(&fixture.record("milk"), &json!({"title": "Eggs"})).await;
    fixture.plain.put_data(&fixture.record("ham"), &json!({"title": "Ham"})).await;
    fixture.sent.forget();

    let tombstone = fixture.todos.delete_record("milk").await?;
    assert_eq!(tombstone.id, "milk");
    assert!(tombstone.last_modified.is_some_and(|time| time > record.last_modified));
    let sent = fixture.sent.take_one();
    assert_eq!((sent.line(), sent.header("if-match")), (format!("DELETE {}", fixture.record("milk")), None));
    assert_eq!(fixture.plain.ids(&fixture.records).await, ["ham"]);

    let error = fixture.todos.delete_record("milk").await.unwrap_err();
    assert_eq!(predicates(&error), ["not found"]);
    assert_eq!(error.operation(), Some("delete record"));
    Ok(())
}

#[tokio::test]
async fn delete_of_read_object_returns_conflict_when_changed() -> Outcome {
    let fixture = Fixture::new().await;
    let stale = fixture.todos.create_record(Todo::new("Milk")).id("milk").await?;
    fixture.plain.put_data(&fixture.record("milk"), &json!({"title": "Eggs"})).await;
    fixture.sent.forget();

    let error = fixture.todos.delete_record(&stale).await.unwrap_err();
    assert_eq!(predicates(&error), ["conflict"], "{error}");
    let sent = fixture.sent.take_one();
    assert_eq!(sent.header("if-match"), Some(format!("\"{}\"", stale.last_modified).as_str()));
    assert_eq!(fixture.plain.held(&fixture.record("milk")).await, json!({"title": "Eggs"}));

    let fresh = fixture.todos.get_record::<Todo>("milk").await?;
    fixture.todos.delete_record(fresh).await?;
    assert_eq!(fixture.plain.status(&fixture.record("milk")).await, 404);

    let error = fixture.todos.delete_record(&stale).await.unwrap_err();
    // This program knows that it was its own other request that deleted the record.
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["conflict"], false), "{error}");
    assert!(fixture.todos.delete_record(&stale).if_exists().await?.is_none());
    let by_time = fixture.todos.create_record(Todo::new("Ham")).id("ham").await?;
    let delete = fixture.todos.record::<Todo>("ham").delete().if_match(stale.last_modified);
    assert_eq!(predicates(&delete.await.unwrap_err()), ["conflict"]);
    fixture.todos.record::<Todo>("ham").delete().if_match(by_time.last_modified).await?;
    assert_eq!(fixture.plain.ids(&fixture.records).await, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn delete_of_read_record_that_is_gone_returns_conflict_alone_and_with_others() -> Outcome {
    let fixture = Fixture::new().await;
    let names = ["a", "b", "c"];
    for id in names {
        fixture.todos.create_record(Todo::new("Milk")).id(id).await?;
    }
    let read = fixture.todos.get_records::<Todo>().await?;
    for id in names {
        fixture.plain.delete(&fixture.record(id)).await;
    }
    let alone = fixture.todos.delete_record(&read[0]).await.unwrap_err();
    let only = fixture.todos.delete_records(&read[..1]).each().await?;
    let all = fixture.todos.delete_records(&read[..]).each().await?;
    let mut batch = fixture.client.batch();
    let tickets = read.iter().map(|record| fixture.todos.delete_record(record));
    let tickets: Vec<_> = batch.extend(tickets);
    let results = batch.execute().await?;
    let batched = tickets.iter().map(|ticket| results.get(ticket).map(|_| ()).unwrap_err());
    let errors = only.into_iter().chain(all).map(|deleted| deleted.map(drop).unwrap_err()).chain(batched);
    for error in std::iter::once(alone).chain(errors) {
        assert_eq!(predicates(&error), ["conflict"], "{error}");
    }
    // Without the collection it is not the record that is missing.
    let path = format!("/buckets/{}/collections/todos", fixture.bucket.id());
    fixture.plain.delete(&path).await;
    let error = fixture.todos.delete_record(&read[0]).await.unwrap_err();
    assert_eq!(predicates(&error), ["not found"], "{error}");
    Ok(())
}

#[tokio::test]
async fn delete_of_stale_object_returns_conflict_for_all_kinds() -> Outcome {
    let fixture = Fixture::new().await;
    let path = format!("/buckets/{}", fixture.bucket.id());
    let group = fixture.bucket.create_group("friends", ["account:remy"]).await?;
    let (bucket, collection) = (fixture.bucket.get().await?, fixture.todos.get().await?);
    fixture.plain.put_data(&format!("{path}/groups/friends"), &json!({"members": []})).await;
    fixture.plain.put_data(&format!("{path}/collections/todos"), &json!({"sort": "a"})).await;
    fixture.plain.put_data(&path, &json!({"a": 1})).await;
    for error in [
        fixture.bucket.delete_group(&group).await.unwrap_err(),
        fixture.bucket.delete_collection(&collection).await.unwrap_err(),
        fixture.client.delete_bucket(&bucket).await.unwrap_err(),
    ] {
        assert_eq!(predicates(&error), ["conflict"], "{error}");
    }
    assert_eq!(fixture.plain.held(&path).await, json!({"a": 1}));
    assert_eq!(fixture.plain.ids(&format!("{path}/groups")).await, ["friends"]);
    assert_eq!(fixture.plain.ids(&format!("{path}/collections")).await, ["todos"]);
    Ok(())
}

#[tokio::test]
async fn delete_if_exists_returns_none_when_missing() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.todos.create_record(Todo::new("Milk")).id("milk").await?;
    fixture.bucket.create_group("friends", ["account:remy"]).await?;

    let there = fixture.todos.delete_record("milk").if_exists().await?;
    assert_eq!(there.map(|tombstone| tombstone.id).as_deref(), Some("milk"));
    assert_eq!(fixture.todos.delete_record("milk").if_exists().await?, None);
    assert!(fixture.bucket.delete_group("friends").if_exists().await?.is_some());
    assert_eq!(fixture.bucket.delete_group("friends").if_exists().await?, None);
    assert!(fixture.bucket.delete_collection("todos").if_exists().await?.is_some());
    assert_eq!(fixture.bucket.delete_collection("todos").if_exists().await?, None);
    assert!(fixture.bucket.delete().if_exists().await?.is_some());
    assert_eq!(fixture.bucket.delete().if_exists().await?, None, "although the server says 403");
    assert_eq!(fixture.plain.status(&format!("/buckets/{}", fixture.bucket.id())).await, 403);
    Ok(())
}

#[tokio::test]
async fn delete_if_exists_returns_forbidden_for_bucket_of_other_user() -> Outcome {
    let fixture = Fixture::new().await;
    let other = RawClient::new(fixture.url(), &unique("other"), "password");
    let bucket = unique("others");
    let path = format!("/buckets/{bucket}");
    other.put(&path, &json!({"permissions": {"read": ["system.Authenticated"]}})).await;

    let error = fixture.client.delete_bucket(&bucket).if_exists().await.unwrap_err();
    assert_eq!(predicates(&error), ["forbidden"], "{error}");
    assert_eq!(other.status(&path).await, 200);
    Ok(())
}

fn sorted_ids(tombstones: &[Tombstone]) -> Vec<&str> {
    let mut ids: Vec<&str> = tombstones.iter().map(|tombstone| tombstone.id.as_str()).collect();
    ids.sort_unstable();
    ids
}

/// Creates thirteen objects in a list, on a server whose pages have five.
async fn thirteen(fixture: &Fixture, list: &str, body: &Value) -> Vec<String> {
    for n in 0..13 {
        fixture.plain.put(&format!("{list}/{}", unique(&format!("n{n}"))), body).await;
    }
    fixture.plain.ids(list).await
}

#[tokio::test]
async fn delete_all_records_deletes_all_pages() -> Outcome {
    let server = Server::builder().paginate_by(5).shared()?;
    let fixture = Fixture::on(server.url()).await;
    let ids = thirteen(&fixture, &fixture.records, &json!({"data": {"title": "Milk"}})).await;
    assert_eq!(ids.len(), 13);

    let tombstones = fixture.todos.delete_all_records().await?;
    assert_eq!(sorted_ids(&tombstones), ids);
    assert!(tombstones.iter().all(|tombstone| tombstone.last_modified.is_some()));
    assert_eq!(fixture.plain.ids(&fixture.records).await, [""; 0]);
    let sent = fixture.sent.take();
    assert_eq!(sent.len(), 3);
    assert!(sent.iter().all(|sent| sent.method == http::Method::DELETE && !sent.target.contains("_sort")));

    assert_eq!(fixture.todos.delete_all_records().await?, []);
    assert_eq!(fixture.plain.status(&format!("/buckets/{}/collections/todos", fixture.bucket.id())).await, 200);
    Ok(())
}

#[tokio::test]
async fn delete_all_collections_and_groups_deletes_all_pages() -> Outcome {
    let server = Server::builder().paginate_by(5).shared()?;
    let fixture = Fixture::on(server.url()).await;
    let [collections, groups] =
        ["collections", "groups"].map(|list| format!("/buckets/{}/{list}", fixture.bucket.id()));
    let group_ids = thirteen(&fixture, &groups, &json!({"data": {"members": ["account:remy"]}})).await;
    let collection_ids = thirteen(&fixture, &collections, &json!({})).await;
    assert_eq!((group_ids.len(), collection_ids.len()), (13, 14), "with `todos`");

    assert_eq!(sorted_ids(&fixture.bucket.delete_all_collections().await?), collection_ids);
    assert_eq!(fixture.plain.ids(&collections).await, [""; 0]);
    assert_eq!(fixture.plain.ids(&groups).await, group_ids, "they are no collections");
    assert_eq!(sorted_ids(&fixture.bucket.delete_all_groups().await?), group_ids);
    assert_eq!(fixture.plain.ids(&groups).await, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn delete_all_buckets_deletes_own_buckets_on_all_pages() -> Outcome {
    let server = Server::builder().paginate_by(5).shared()?;
    let fixture = Fixture::on(server.url()).await;
    let other = RawClient::new(fixture.url(), &unique("other"), "password");
    let others = format!("/buckets/{}", unique("others"));
    other.put(&others, &json!({"permissions": {"read": ["system.Authenticated"]}})).await;
    let own: Vec<String> = thirteen(&fixture, "/buckets", &json!({})).await;

    let deleted = fixture.client.delete_all_buckets().await?;
    assert_eq!(deleted.len(), 14, "with the fixture's own");
    assert!(deleted.iter().all(|tombstone| own.contains(&tombstone.id)));
    assert_eq!(other.status(&others).await, 200);
    for tombstone in deleted {
        assert_eq!(fixture.plain.status(&format!("/buckets/{}", tombstone.id)).await, 403);
    }
    Ok(())
}

#[tokio::test]
async fn delete_all_keeps_objects_of_other_users() -> Outcome {
    let fixture = Fixture::new().await;
    let other = RawClient::new(fixture.url(), &unique("other"), "password");
    let path = format!("/buckets/{}/collections/shared", fixture.bucket.id());
    fixture.plain.put(&path, &json!({"permissions": {"record:create": ["system.Authenticated"]}})).await;
    other.put_data(&format!("{path}/records/theirs"), &json!({"a": 1})).await;
    fixture.plain.put_data(&format!("{path}/records/mine"), &json!({"a": 1})).await;

    let client = kinto_client::Client::builder(fixture.url()).auth((unique("third"), "password")).build()?;
    let error = client.bucket(fixture.bucket.id()).collection("todos").delete_all_records().await.unwrap_err();
    assert_eq!(predicates(&error), ["forbidden"], "{error}");
    assert_eq!(client.bucket(fixture.bucket.id()).collection("shared").delete_all_records().await?, []);
    assert_eq!(fixture.plain.ids(&format!("{path}/records")).await, ["mine", "theirs"]);
    Ok(())
}

/// A defect of Kinto 26.5, of which the documentation of `delete` warns: on PostgreSQL it finds what is in a bucket, and the
/// permissions of what it deletes, by a pattern in which an `_` of the id stands for any character.
#[tokio::test]
async fn delete_of_id_with_underscore_reaches_similar_ids_on_postgresql() -> Outcome {
    // Whoever has lost the permissions can read the records all the same.
    let everybody = ("kinto.record_read_principals", "system.Everyone");
    let server = Server::builder().backend(Backend::PostgreSql).setting(everybody.0, everybody.1).start()?;
    let client = Client::builder(server.url()).auth(("underscore", "p4ssw0rd")).build()?;
    let [deleted, similar] = ["pair_1", "pair-1"].map(|id| client.bucket(id));
    for bucket in [&deleted, &similar] {
        bucket.create().await?;
        let records = bucket.collection("records");
        records.create().await?;
        records.create_record(json!({"kept": true})).id("r").await?;
    }
    let kept = similar.collection("records");
    assert_eq!(kept.get_records::<Value>().count().await?, 1);
    deleted.delete().await?;
    let error = similar.get().await.unwrap_err();
    assert_eq!(predicates(&error), ["forbidden"], "the server has mended its pattern: take the warning away");
    assert_eq!(kept.get_records::<Value>().count().await?, 0);
    Ok(())
}
