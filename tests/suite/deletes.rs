//! What is deleted is what was meant, all of it, and nothing else.

use kinto_client::{Tombstone, Value, json};
use kinto_server::{Server, unique};
use kinto_tests::{Outcome, Plain, Scene};

use crate::{Todo, predicates};

#[tokio::test]
async fn by_id_whatever_it_holds() -> Outcome {
    let scene = Scene::new().await;
    let record = scene.todos.create_record(Todo::new("Milk")).id("milk").await?;
    scene.plain.put_data(&scene.record("milk"), &json!({"title": "Eggs"})).await;
    scene.plain.put_data(&scene.record("ham"), &json!({"title": "Ham"})).await;
    scene.sent.forget();

    let tombstone = scene.todos.delete_record("milk").await?;
    assert_eq!(tombstone.id, "milk");
    assert!(tombstone.last_modified.is_some_and(|time| time > record.last_modified));
    let sent = scene.sent.take_one();
    assert_eq!((sent.line(), sent.header("if-match")), (format!("DELETE {}", scene.record("milk")), None));
    assert_eq!(scene.plain.ids(&scene.records).await, ["ham"]);

    let error = scene.todos.delete_record("milk").await.unwrap_err();
    assert_eq!(predicates(&error), ["not found"]);
    assert_eq!(error.operation(), Some("delete record"));
    Ok(())
}

#[tokio::test]
async fn as_it_was_read_or_not_at_all() -> Outcome {
    let scene = Scene::new().await;
    let stale = scene.todos.create_record(Todo::new("Milk")).id("milk").await?;
    scene.plain.put_data(&scene.record("milk"), &json!({"title": "Eggs"})).await;
    scene.sent.forget();

    let error = scene.todos.delete_record(&stale).await.unwrap_err();
    assert_eq!(predicates(&error), ["conflict"], "{error}");
    let sent = scene.sent.take_one();
    assert_eq!(sent.header("if-match"), Some(format!("\"{}\"", stale.last_modified).as_str()));
    assert_eq!(scene.plain.held(&scene.record("milk")).await, json!({"title": "Eggs"}));

    let fresh = scene.todos.get_record::<Todo>("milk").await?;
    scene.todos.delete_record(fresh).await?;
    assert_eq!(scene.plain.status(&scene.record("milk")).await, 404);

    let error = scene.todos.delete_record(&stale).await.unwrap_err();
    // This program knows that it was its own other request that deleted the record.
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["not found"], false), "{error}");
    assert!(scene.todos.delete_record(&stale).if_exists().await?.is_none());
    let by_time = scene.todos.create_record(Todo::new("Ham")).id("ham").await?;
    let delete = scene.todos.record::<Todo>("ham").delete().if_match(stale.last_modified);
    assert_eq!(predicates(&delete.await.unwrap_err()), ["conflict"]);
    scene.todos.record::<Todo>("ham").delete().if_match(by_time.last_modified).await?;
    assert_eq!(scene.plain.ids(&scene.records).await, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn stale_buckets_collections_and_groups_stay() -> Outcome {
    let scene = Scene::new().await;
    let path = format!("/buckets/{}", scene.bucket.id());
    let group = scene.bucket.create_group("friends", ["account:remy"]).await?;
    let (bucket, collection) = (scene.bucket.get().await?, scene.todos.get().await?);
    scene.plain.put_data(&format!("{path}/groups/friends"), &json!({"members": []})).await;
    scene.plain.put_data(&format!("{path}/collections/todos"), &json!({"sort": "a"})).await;
    scene.plain.put_data(&path, &json!({"a": 1})).await;
    for error in [
        scene.bucket.delete_group(&group).await.unwrap_err(),
        scene.bucket.delete_collection(&collection).await.unwrap_err(),
        scene.client.delete_bucket(&bucket).await.unwrap_err(),
    ] {
        assert_eq!(predicates(&error), ["conflict"], "{error}");
    }
    assert_eq!(scene.plain.held(&path).await, json!({"a": 1}));
    assert_eq!(scene.plain.ids(&format!("{path}/groups")).await, ["friends"]);
    assert_eq!(scene.plain.ids(&format!("{path}/collections")).await, ["todos"]);
    Ok(())
}

#[tokio::test]
async fn if_exists_makes_nothing_of_what_is_missing() -> Outcome {
    let scene = Scene::new().await;
    scene.todos.create_record(Todo::new("Milk")).id("milk").await?;
    scene.bucket.create_group("friends", ["account:remy"]).await?;

    let there = scene.todos.delete_record("milk").if_exists().await?;
    assert_eq!(there.map(|tombstone| tombstone.id).as_deref(), Some("milk"));
    assert_eq!(scene.todos.delete_record("milk").if_exists().await?, None);
    assert!(scene.bucket.delete_group("friends").if_exists().await?.is_some());
    assert_eq!(scene.bucket.delete_group("friends").if_exists().await?, None);
    assert!(scene.bucket.delete_collection("todos").if_exists().await?.is_some());
    assert_eq!(scene.bucket.delete_collection("todos").if_exists().await?, None);
    assert!(scene.bucket.delete().if_exists().await?.is_some());
    assert_eq!(scene.bucket.delete().if_exists().await?, None, "although the server says 403");
    assert_eq!(scene.plain.status(&format!("/buckets/{}", scene.bucket.id())).await, 403);
    Ok(())
}

#[tokio::test]
async fn a_bucket_of_others_is_no_missing_one() -> Outcome {
    let scene = Scene::new().await;
    let other = Plain::new(scene.url(), &unique("other"), "password");
    let bucket = unique("others");
    let path = format!("/buckets/{bucket}");
    other.put(&path, &json!({"permissions": {"read": ["system.Authenticated"]}})).await;

    let error = scene.client.delete_bucket(&bucket).if_exists().await.unwrap_err();
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
async fn thirteen(scene: &Scene, list: &str, body: &Value) -> Vec<String> {
    for n in 0..13 {
        scene.plain.put(&format!("{list}/{}", unique(&format!("n{n}"))), body).await;
    }
    scene.plain.ids(list).await
}

#[tokio::test]
async fn all_records_on_all_pages() -> Outcome {
    let server = Server::builder().paginate_by(5).shared()?;
    let scene = Scene::on(server.url()).await;
    let ids = thirteen(&scene, &scene.records, &json!({"data": {"title": "Milk"}})).await;
    assert_eq!(ids.len(), 13);

    let tombstones = scene.todos.delete_all_records().await?;
    assert_eq!(sorted_ids(&tombstones), ids);
    assert!(tombstones.iter().all(|tombstone| tombstone.last_modified.is_some()));
    assert_eq!(scene.plain.ids(&scene.records).await, [""; 0]);
    let sent = scene.sent.take();
    assert_eq!(sent.len(), 3);
    assert!(sent.iter().all(|sent| sent.method == http::Method::DELETE && !sent.target.contains("_sort")));

    assert_eq!(scene.todos.delete_all_records().await?, []);
    assert_eq!(scene.plain.status(&format!("/buckets/{}/collections/todos", scene.bucket.id())).await, 200);
    Ok(())
}

#[tokio::test]
async fn all_collections_and_all_groups_on_all_pages() -> Outcome {
    let server = Server::builder().paginate_by(5).shared()?;
    let scene = Scene::on(server.url()).await;
    let [collections, groups] = ["collections", "groups"].map(|list| format!("/buckets/{}/{list}", scene.bucket.id()));
    let group_ids = thirteen(&scene, &groups, &json!({"data": {"members": ["account:remy"]}})).await;
    let collection_ids = thirteen(&scene, &collections, &json!({})).await;
    assert_eq!((group_ids.len(), collection_ids.len()), (13, 14), "with `todos`");

    assert_eq!(sorted_ids(&scene.bucket.delete_all_collections().await?), collection_ids);
    assert_eq!(scene.plain.ids(&collections).await, [""; 0]);
    assert_eq!(scene.plain.ids(&groups).await, group_ids, "they are no collections");
    assert_eq!(sorted_ids(&scene.bucket.delete_all_groups().await?), group_ids);
    assert_eq!(scene.plain.ids(&groups).await, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn all_buckets_of_ones_own_on_all_pages() -> Outcome {
    let server = Server::builder().paginate_by(5).shared()?;
    let scene = Scene::on(server.url()).await;
    let other = Plain::new(scene.url(), &unique("other"), "password");
    let others = format!("/buckets/{}", unique("others"));
    other.put(&others, &json!({"permissions": {"read": ["system.Authenticated"]}})).await;
    let own: Vec<String> = thirteen(&scene, "/buckets", &json!({})).await;

    let deleted = scene.client.delete_all_buckets().await?;
    assert_eq!(deleted.len(), 14, "with the scene's own");
    assert!(deleted.iter().all(|tombstone| own.contains(&tombstone.id)));
    assert_eq!(other.status(&others).await, 200);
    for tombstone in deleted {
        assert_eq!(scene.plain.status(&format!("/buckets/{}", tombstone.id)).await, 403);
    }
    Ok(())
}

#[tokio::test]
async fn what_others_protect_stays() -> Outcome {
    let scene = Scene::new().await;
    let other = Plain::new(scene.url(), &unique("other"), "password");
    let path = format!("/buckets/{}/collections/shared", scene.bucket.id());
    scene.plain.put(&path, &json!({"permissions": {"record:create": ["system.Authenticated"]}})).await;
    other.put_data(&format!("{path}/records/theirs"), &json!({"a": 1})).await;
    scene.plain.put_data(&format!("{path}/records/mine"), &json!({"a": 1})).await;

    let client = kinto_client::Client::builder(scene.url()).auth((unique("third"), "password")).build()?;
    let error = client.bucket(scene.bucket.id()).collection("todos").delete_all_records().await.unwrap_err();
    assert_eq!(predicates(&error), ["forbidden"], "{error}");
    assert_eq!(client.bucket(scene.bucket.id()).collection("shared").delete_all_records().await?, []);
    assert_eq!(scene.plain.ids(&format!("{path}/records")).await, ["mine", "theirs"]);
    Ok(())
}
