//! Buckets, collections and groups: their lives, their permissions, and who sees them.

use kinto_client::{Principal, Value, http::Method, json};
use kinto_server::{Server, unique};
use kinto_tests::{Fault, Fixture, Outcome, Proxy, in_order};

use super::{alice, attributes, me};
use crate::predicates;

#[tokio::test]
async fn bucket_is_created_read_changed_and_deleted() -> Outcome {
    let fixture = Fixture::new().await;
    let me = me(&fixture).await;
    let bucket = fixture.client.bucket(unique("mozilla"));
    let created = bucket.create().data(attributes(json!({"version": 1}))).await?;
    assert_eq!((&*created.id, &created.data.other["version"]), (bucket.id(), &json!(1)));
    assert!(created.last_modified.as_millis() > 1);
    let writers = &created.permissions.get().expect("they are mine").write;
    assert_eq!(writers.iter().map(Principal::as_str).collect::<Vec<_>>(), [me]);

    let patched = bucket.patch(json!({"author": "you"})).await?;
    assert_eq!(json!(patched.data.other), json!({"version": 1, "author": "you"}));
    let replaced = bucket.overwrite(attributes(json!({"date": "today"}))).await?;
    assert_eq!(json!(replaced.data.other), json!({"date": "today"}));
    let read = bucket.get().await?;
    assert_eq!((&read.data, read.last_modified), (&replaced.data, replaced.last_modified));
    assert_eq!(read.permissions, created.permissions, "changes of the data leave them");

    bucket.delete().await?;
    assert!(bucket.get().optional().await?.is_none());
    let all = fixture.client.get_buckets().await?;
    assert!(all.iter().all(|known| *known.id != *bucket.id()));
    Ok(())
}

#[tokio::test]
async fn default_bucket_has_data() -> Outcome {
    let fixture = Fixture::new().await;
    let patched = fixture.client.bucket("default").patch(json!({"a": 1})).await?;
    assert_eq!(patched.data.other["a"], json!(1));
    assert_eq!(fixture.plain.held("/buckets/default").await, json!({"a": 1}));
    Ok(())
}

/// A handle is a name, so that an object without one is created by a request of one's own.
#[tokio::test]
async fn server_names_what_is_created_without_a_name() -> Outcome {
    let fixture = Fixture::new().await;
    let path = fixture.bucket.path();
    for list in ["/buckets".to_owned(), format!("{path}/collections"), format!("{path}/groups")] {
        let body = json!({"data": {"a": 1}});
        let created = fixture.client.request(Method::POST, &list).json(body).await?.success()?;
        assert_eq!(created.status, 201);
        let id = created.json::<Value>()?["data"]["id"].as_str().expect("an id").to_owned();
        assert_eq!(fixture.plain.object(&format!("{list}/{id}")).await["a"], json!(1));
    }
    assert_eq!((fixture.bucket.get_collections().await?.len(), fixture.bucket.get_groups().await?.len()), (2, 1));
    Ok(())
}

#[tokio::test]
async fn collection_is_created_read_changed_and_deleted() -> Outcome {
    let fixture = Fixture::new().await;
    let collection = fixture.bucket.collection("payments");
    let create = collection.create().data(attributes(json!({"foo": "bar"})));
    let created = create.permissions(|p| p.write("account:alexis").read("account:n1k0")).await?;
    let permissions = created.permissions.get().expect("they are mine");
    assert!(permissions.write.contains("account:alexis") && permissions.write.len() == 2, "{permissions:?}");
    assert_eq!(permissions.read, ["account:n1k0".into()].into());
    let read = collection.get().await?;
    assert_eq!((&read.data.other["foo"], &read.permissions), (&json!("bar"), &created.permissions));

    let patched = collection.patch(json!({"secret": "psst"})).await?;
    assert_eq!(json!(patched.data.other), json!({"foo": "bar", "secret": "psst"}));
    assert_eq!(patched.permissions, created.permissions);
    let replaced = collection.overwrite(attributes(json!({"signed": true}))).await?;
    assert_eq!((json!(replaced.data.other), &replaced.permissions), (json!({"signed": true}), &created.permissions));
    collection.delete().await?;
    assert_eq!(fixture.plain.ids(&format!("{}/collections", fixture.bucket.path())).await, ["todos"]);
    assert_eq!(predicates(&collection.get().await.unwrap_err()), ["not found"]);
    Ok(())
}

#[tokio::test]
async fn group_is_created_read_changed_and_deleted() -> Outcome {
    let fixture = Fixture::new().await;
    let group = fixture.bucket.group("payments");
    let create = fixture.bucket.create_group("payments", ["account:blah"]);
    let created = create.permissions(|p| p.write("account:blah").read("account:n1k0")).await?;
    assert!(created.permissions.get().expect("mine").write.contains("account:blah"));
    let read = group.get().await?;
    assert_eq!((read.members(), &read.permissions), (&["account:blah".into()][..], &created.permissions));

    let patched = group.patch(json!({"title": "foo", "blah": 42})).await?;
    assert_eq!((patched.members(), &patched.data.other["blah"]), (&["account:blah".into()][..], &json!(42)));
    let patched = group.patch(json!({"blah": 43, "members": ["account:blah", "account:foo"]})).await?;
    assert_eq!((&patched.data.other["title"], &patched.data.other["blah"]), (&json!("foo"), &json!(43)));
    assert_eq!(patched.members(), ["account:blah", "account:foo"]);
    let replaced = group.overwrite(attributes(json!({"members": [], "title": "mod"}))).await?;
    assert_eq!((replaced.members().len(), json!(replaced.data.other)), (0, json!({"title": "mod"})));
    group.delete().await?;
    assert!(fixture.bucket.get_groups().await?.is_empty());
    // What is written without asking for a version is created where it is missing.
    let again = group.overwrite(attributes(json!({"members": ["account:all"]}))).await?;
    assert_eq!(again.members(), ["account:all"]);
    Ok(())
}

#[tokio::test]
async fn group_in_a_missing_bucket_says_what_to_check() -> Outcome {
    let fixture = Fixture::new().await;
    let bucket = fixture.client.bucket(unique("missing"));
    let error = bucket.create_group("payments", ["account:blah"]).await.unwrap_err();
    assert_eq!((predicates(&error), error.status().map(|status| status.as_u16())), (vec!["forbidden"], Some(403)));
    let said = error.to_string();
    assert!(said.contains("/groups/payments") && said.contains("group:create") && said.contains("bucket"), "{said}");
    Ok(())
}

#[tokio::test]
async fn deleting_all_of_nothing_deletes_nothing() -> Outcome {
    let fixture = Fixture::new().await;
    let own = fixture.client.with_auth((unique("nobody"), "p4ssw0rd"))?;
    assert!(own.delete_all_buckets().await?.is_empty());
    assert!(fixture.bucket.delete_all_groups().await?.is_empty());
    assert!(fixture.todos.delete_all_records().await?.is_empty());
    fixture.todos.delete().await?;
    assert!(fixture.bucket.delete_all_collections().await?.is_empty());
    assert_eq!(fixture.plain.status(&fixture.bucket.path()).await, 200);
    Ok(())
}

#[tokio::test]
async fn deleting_what_may_exist_still_fails_for_other_reasons() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.bucket.create_group("team", ["account:a"]).await?;
    let broken = || Fault::json(500, &json!({"code": 500, "errno": 999, "error": "An error occurred"}));
    let proxy = Proxy::start(fixture.url(), in_order([broken(), broken()])).await;
    let bucket = fixture.client_at(proxy.url()).build()?.bucket(fixture.bucket.id());
    for error in [
        bucket.delete_group("team").if_exists().await.unwrap_err(),
        bucket.delete_collection("todos").if_exists().await.unwrap_err(),
    ] {
        assert_eq!(predicates(&error), ["server"], "{error}");
    }
    assert_eq!(fixture.plain.ids(&format!("{}/groups", fixture.bucket.path())).await, ["team"]);
    Ok(())
}

#[tokio::test]
async fn bucket_collection_and_record_are_shared_with_a_user() -> Outcome {
    let fixture = Fixture::new().await;
    let (alice, id) = alice(&fixture).await;
    let shared = fixture.client.bucket(unique("shared"));
    shared.create().permissions(|p| p.read(&id)).await?;
    assert_eq!(&*alice.bucket(shared.id()).get().await?.id, shared.id());

    fixture.bucket.create_collection("shared").permissions(|p| p.read(&id)).await?;
    let hers = alice.bucket(fixture.bucket.id());
    assert_eq!(&*hers.get_collection("shared").await?.id, "shared");
    assert_eq!(predicates(&hers.get_collection("todos").await.unwrap_err()), ["forbidden"]);

    let record = fixture.todos.create_record(json!({"foo": "bar"})).permissions(|p| p.read(&id)).await?;
    fixture.todos.create_record(json!({"foo": "hidden"})).id("hidden").await?;
    let read = hers.collection("todos").get_record::<Value>(record.id.as_str()).await?;
    assert_eq!(read.data, json!({"foo": "bar"}));
    let hidden = hers.collection("todos").get_record::<Value>("hidden").await.unwrap_err();
    assert_eq!(predicates(&hidden), ["forbidden"]);
    Ok(())
}

#[tokio::test]
async fn account_is_created_and_logs_in() -> Outcome {
    let anyone = kinto_client::Client::builder(Server::shared()?.url()).build()?;
    let id = unique("testuser");
    anyone.account(&id).create("p4ssw0rd").await?;
    let user = anyone.with_auth((&*id, "p4ssw0rd"))?.fetch_server_info().await?.user.expect("known");
    assert_eq!(user.id, Principal::account(&id));
    Ok(())
}
