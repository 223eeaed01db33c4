//! One user shares a collection with a group, another of that group adds to it, and a third is refused.

use kinto_client::{Client, Collection, Permissions, json};
use kinto_server::{Server, unique};
use kinto_tests::{Outcome, TestUser};

use crate::{Todo, predicates};

async fn three() -> (TestUser, TestUser, TestUser) {
    let url = Server::shared().expect("a server").url();
    (TestUser::new(url, "alexis").await, TestUser::new(url, "niko").await, TestUser::new(url, "remy").await)
}

/// The collection `shared` of the bucket, as another client reaches it.
fn shared(client: &Client, bucket: &str) -> Collection {
    client.bucket(bucket).collection("shared")
}

#[tokio::test]
async fn sharing_with_writing_group_works() -> Outcome {
    let (alexis, niko, remy) = three().await;
    let bucket = alexis.client.bucket(unique("sharing"));
    let path = format!("/buckets/{}/collections/shared", bucket.id());
    bucket.create().await?;
    bucket.create_group("writers", [niko.principal()]).await?;
    let collection = bucket.collection("shared");
    collection.create().await?;
    for refused in [&niko, &remy] {
        let error = shared(&refused.client, bucket.id()).create_record(Todo::new("early")).await.unwrap_err();
        assert_eq!(predicates(&error), ["forbidden"], "nobody may, before it is shared: {error}");
    }

    collection.grant(|p| p.write(bucket.group("writers"))).await?;
    let group = format!("/buckets/{}/groups/writers", bucket.id());
    assert_eq!(alexis.plain.permissions(&path).await, json!({"write": [group, alexis.principal()]}));

    let added = shared(&niko.client, bucket.id()).create_record(Todo::new("Milk")).await?;
    let error = shared(&remy.client, bucket.id()).create_record(Todo::new("Eggs")).await.unwrap_err();
    assert_eq!(predicates(&error), ["forbidden"]);
    for words in ["create record", &path, "`record:create`", "403"] {
        assert!(error.to_string().contains(words), "{words} is not said: {error}");
    }

    assert_eq!(alexis.plain.ids(&format!("{path}/records")).await, [added.id.as_str()]);
    let record = format!("{path}/records/{}", added.id);
    let held = json!({"id": added.id, "last_modified": added.last_modified, "title": "Milk", "done": false});
    assert_eq!(alexis.plain.object(&record).await, held);
    assert_eq!(niko.plain.permissions(&record).await, json!({"write": [niko.principal()]}));
    Ok(())
}

#[tokio::test]
async fn sharing_follows_group_membership() -> Outcome {
    let (alexis, niko, remy) = three().await;
    let bucket = alexis.client.bucket(unique("sharing"));
    bucket.create().await?;
    let group = bucket.group("writers");
    group.create().members([niko.principal()]).await?;
    bucket.create_collection("shared").permissions(|p| p.write(&group)).await?;
    let mut milk = shared(&niko.client, bucket.id()).create_record(Todo::new("Milk")).id("milk").await?;
    let known = niko.client.fetch_server_info().await?.user.expect("niko is known").principals;
    assert!(known.contains(&(&group).into()), "{known:?}");

    group.remove_members([niko.principal()]).await?;
    group.add_members([remy.principal()]).await?;
    let collection = shared(&niko.client, bucket.id());
    let error = collection.create_record(Todo::new("Eggs")).await.unwrap_err();
    assert_eq!(predicates(&error), ["forbidden"], "{error}");
    milk.data.done = true;
    collection.save_record(&mut milk).await?;
    shared(&remy.client, bucket.id()).create_record(Todo::new("Ham")).id("ham").await?;

    let records = format!("/buckets/{}/collections/shared/records", bucket.id());
    assert_eq!(alexis.plain.ids(&records).await, ["ham", "milk"]);
    let held = alexis.plain.held(&format!("{records}/milk")).await;
    assert_eq!(held, json!({"title": "Milk", "done": true}), "a record stays its creator's");
    Ok(())
}

#[tokio::test]
async fn sharing_with_everyone_lists_only_readable_records() -> Outcome {
    let (alexis, niko, remy) = three().await;
    let bucket = alexis.client.bucket(unique("sharing"));
    bucket.create().await?;
    bucket.create_collection("shared").permissions(|p| p.record_create("system.Authenticated")).await?;
    shared(&niko.client, bucket.id()).create_record(Todo::new("Milk")).id("milk").await?;
    let eggs = shared(&remy.client, bucket.id()).create_record(Todo::new("Eggs")).id("eggs");
    eggs.permissions(|p| p.read(niko.principal())).await?;

    for (person, sees) in [(&alexis, &["eggs", "milk"][..]), (&niko, &["eggs", "milk"]), (&remy, &["eggs"])] {
        let records = shared(&person.client, bucket.id()).get_records::<Todo>().await?;
        let ids: Vec<&str> = records.iter().map(|record| record.id.as_str()).collect();
        assert_eq!(ids, sees, "{}", person.id);
        assert!(records.iter().all(|record| record.permissions == Permissions::NotVisible), "lists have none");
    }
    let error = shared(&remy.client, bucket.id()).get_record::<Todo>("milk").await.unwrap_err();
    assert_eq!(predicates(&error), ["forbidden"]);
    assert!(error.to_string().contains("`read`"), "{error}");
    let error =
        shared(&niko.client, bucket.id()).patch_record::<Todo>("eggs", json!({"done": true})).await.unwrap_err();
    assert_eq!(predicates(&error), ["forbidden"]);
    assert!(error.to_string().contains("`write`"), "{error}");
    Ok(())
}

#[tokio::test]
async fn forbidden_error_names_missing_permission() -> Outcome {
    let (alexis, niko, _) = three().await;
    let bucket = alexis.client.bucket(unique("sharing"));
    bucket.create().permissions(|p| p.read(niko.principal())).await?;
    let mut collection = bucket.create_collection("shared").await?;
    collection.data.sort = Some("title".to_owned());
    let theirs = niko.client.bucket(bucket.id());
    for (permission, error) in [
        ("`collection:create`", theirs.create_collection("new").await.unwrap_err()),
        ("`collection:create`", theirs.create_collection("new").if_not_exists().await.unwrap_err()),
        ("`group:create`", theirs.create_group("new", [niko.principal()]).await.unwrap_err()),
        ("`record:create`", shared(&niko.client, bucket.id()).create_record(json!({})).await.unwrap_err()),
        ("`write`", theirs.save_collection(&mut collection).await.unwrap_err()),
        ("`write`", theirs.grant(|p| p.write(niko.principal())).await.unwrap_err()),
        ("`write`", theirs.delete_collection("shared").await.unwrap_err()),
        ("`write`", theirs.delete_all_collections().await.unwrap_err()),
        ("`write`", theirs.delete().await.unwrap_err()),
    ] {
        assert_eq!(predicates(&error), ["forbidden"], "{error}");
        assert!(error.to_string().contains(permission), "{permission} is not said: {error}");
    }
    assert_eq!(alexis.plain.ids(&format!("/buckets/{}/collections", bucket.id())).await, ["shared"]);
    let error = niko.client.bucket(unique("missing")).get().await.unwrap_err();
    assert!(error.to_string().contains("`read`") && error.to_string().contains("no such bucket"), "{error}");
    Ok(())
}
