//! Permissions are said with every kind of write.

use kinto_client::{
    Permissions, Principal, Value, json,
    object::{BucketAttributes, CollectionAttributes, GroupAttributes},
    permissions::{BucketPermissions, RecordPermissions},
};
use kinto_server::unique;
use kinto_tests::{Fixture, Outcome};

use super::{assert_all, me, shared};
use crate::Todo;

#[tokio::test]
async fn create_stores_permissions() -> Outcome {
    let fixture = Fixture::new().await;
    let me = me(&fixture).await;
    let bucket = fixture.client.bucket(unique("new"));
    let (path, team) = (format!("/buckets/{}", bucket.id()), bucket.group("team"));
    let team_name = format!("{path}/groups/team");

    let create = bucket.create().permissions(|p| p.read("system.Everyone").write(&team));
    let created =
        create.permissions(|p| p.collection_create(["account:a", "account:b"]).group_create("idp:c@d")).await?;
    let expected = json!({
        "read": ["system.Everyone"],
        "write": [team_name, me],
        "collection:create": ["account:a", "account:b"],
        "group:create": ["idp:c@d"],
    });
    assert_eq!(fixture.plain.permissions(&path).await, expected);
    let given = BucketPermissions::default().read(Principal::everyone()).write([Principal::from(&team), me.clone()]);
    let given = given.collection_create(["account:b", "account:a"]).group_create(Principal::user("idp", "c@d"));
    assert_eq!(created.permissions, Permissions::Visible(given.into()), "with what the server adds");

    let collection =
        bucket.create_collection("c").permissions(|p| p.record_create(vec![&team]).read(&[me.clone()][..]));
    collection.await?;
    let expected = json!({"record:create": [team_name], "read": [me], "write": [me]});
    assert_eq!(fixture.plain.permissions(&format!("{path}/collections/c")).await, expected);

    bucket
        .create_group("team", ["account:a"])
        .permissions(|p| p.write(Principal::account("a")).read("account:b"))
        .await?;
    assert_eq!(fixture.plain.permissions(&team_name).await, json!({"read": ["account:b"], "write": ["account:a", me]}));

    let collection = bucket.collection("c").typed::<Todo>();
    let record =
        collection.create_record(Todo::new("Milk")).permissions(|p| p.read(Principal::authenticated())).await?;
    let record = format!("{path}/collections/c/records/{}", record.id);
    let expected = json!({"read": ["system.Authenticated"], "write": [me]});
    assert_eq!(fixture.plain.permissions(&record).await, expected);
    Ok(())
}

#[tokio::test]
async fn overwrite_replaces_all_lists_of_permissions() -> Outcome {
    let fixture = Fixture::new().await;
    let (me, paths) = (me(&fixture).await, shared(&fixture).await);
    let (bucket, collection) = (&fixture.bucket, &fixture.todos);
    let (group, record) = (bucket.group("team"), collection.record::<Value>("r"));

    bucket.overwrite(BucketAttributes::default()).await?;
    collection.overwrite(CollectionAttributes::default()).await?;
    group.overwrite(GroupAttributes::default()).await?;
    record.overwrite(json!({"a": 1})).await?;
    let expected = json!({"read": ["account:reader", "system.Authenticated"], "write": ["account:editor", me]});
    assert_all(&fixture, &paths, &expected).await;

    bucket.overwrite(BucketAttributes::default()).permissions(|p| p.read("account:new")).await?;
    collection.overwrite(CollectionAttributes::default()).permissions(|p| p.read("account:new")).await?;
    group.overwrite(GroupAttributes::default()).permissions(|p| p.read("account:new")).await?;
    record.overwrite(json!({"b": 1})).permissions(|p| p.read("account:new")).await?;
    assert_all(&fixture, &paths, &json!({"read": ["account:new"], "write": [me]})).await;
    assert_eq!(fixture.plain.held(&paths[3]).await, json!({"b": 1}));
    Ok(())
}

#[tokio::test]
async fn overwrite_can_empty_all_lists_of_permissions() -> Outcome {
    let fixture = Fixture::new().await;
    let (me, paths) = (me(&fixture).await, shared(&fixture).await);
    fixture.todos.record::<Value>("r").overwrite(json!({"a": 1})).permissions(|nobody| nobody).await?;
    assert_eq!(fixture.plain.permissions(&paths[3]).await, json!({"write": [me]}));
    Ok(())
}

#[tokio::test]
async fn patch_replaces_only_named_lists_of_permissions() -> Outcome {
    let fixture = Fixture::new().await;
    let (me, paths) = (me(&fixture).await, shared(&fixture).await);
    let change = json!({"colour": "blue"});
    fixture.bucket.patch(&change).permissions(|p| p.read("account:new")).await?;
    fixture.todos.patch(&change).permissions(|p| p.read("account:new")).await?;
    fixture.bucket.group("team").patch(&change).permissions(|p| p.read("account:new")).await?;
    fixture.todos.patch_record::<Value>("r", &change).permissions(|p| p.read("account:new")).await?;
    assert_all(&fixture, &paths, &json!({"read": ["account:new"], "write": ["account:editor", me]})).await;
    for path in &paths {
        assert_eq!(fixture.plain.held(path).await["colour"], "blue", "{path}");
    }
    Ok(())
}

/// Permissions shared by the responses of a batch are stored once, but each object can be changed on its own.
#[tokio::test]
async fn batch_objects_have_independent_permissions() -> Outcome {
    let fixture = Fixture::new().await;
    let me = me(&fixture).await;
    let mut batch = fixture.client.batch();
    let create = |id: &str| fixture.todos.create_record(Todo::new(id)).id(id);
    let tickets = [
        batch.add(create("a")),
        batch.add(create("b").permissions(|p| p.read("account:reader"))),
        batch.add(create("c")),
    ];
    let mut done = batch.execute().await?;
    let [mut a, b, mut c] = tickets.map(|ticket| done.take(ticket).expect("it was created"));
    let write = |others: &[&str]| {
        let all = others.iter().copied().map(Principal::from).chain([me.clone()]);
        RecordPermissions::default().write(all.collect::<Vec<_>>())
    };
    assert_eq!(a.permissions, Permissions::Visible(write(&[]).into()));
    assert_eq!(b.permissions, Permissions::Visible(write(&[]).read("account:reader").into()));
    assert_eq!(c.permissions, a.permissions);

    a.permissions.edit()?.write.insert("account:editor".into());
    assert_eq!(c.permissions, Permissions::Visible(write(&[]).into()), "only one was edited");
    fixture.sent.forget();
    fixture.todos.save_record(&mut c).await?;
    assert_eq!(fixture.sent.take_lines(), [""; 0], "nothing was changed in it");
    fixture.todos.save_record(&mut a).await?;
    let held = |id: &'static str| {
        let (record, plain) = (fixture.record(id), fixture.plain.clone());
        async move { plain.permissions(&record).await }
    };
    assert_eq!(held("a").await, json!({"write": ["account:editor", me]}));
    assert_eq!(held("b").await, json!({"read": ["account:reader"], "write": [me]}));
    assert_eq!(held("c").await, json!({"write": [me]}));
    Ok(())
}
