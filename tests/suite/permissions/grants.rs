//! Single principals are given permissions, and lose them, while others do the same.

use kinto_client::{Principal, Value, json, object::BucketAttributes};
use kinto_server::{Server, unique};
use kinto_tests::{Fault, Fixture, Gate, Outcome, Proxy, SentRequest, TestUser, in_order};

use super::{assert_all, me, shared};
use crate::predicates;

#[tokio::test]
async fn grant_works_for_all_kinds() -> Outcome {
    let fixture = Fixture::new().await;
    let (me, paths) = (me(&fixture).await, shared(&fixture).await);
    let (bucket, collection) = (&fixture.bucket, &fixture.todos);
    let (group, record) = (bucket.group("team"), collection.record::<Value>("r"));
    let team = &paths[2];

    bucket.grant(|p| p.write(&group).read("account:new")).await?;
    collection.grant(|p| p.write(&group).read("account:new")).await?;
    group.grant(|p| p.write(&group).read("account:new")).await?;
    record.grant(|p| p.write(&group).read("account:new")).await?;
    let readers = json!(["account:new", "account:reader", "system.Authenticated"]);
    assert_all(&fixture, &paths, &json!({"read": readers, "write": [team, "account:editor", me]})).await;

    bucket.revoke(|p| p.write(["account:editor", "account:unknown"]).read("account:reader")).await?;
    collection.revoke(|p| p.write(["account:editor", "account:unknown"]).read("account:reader")).await?;
    group.revoke(|p| p.write(["account:editor", "account:unknown"]).read("account:reader")).await?;
    record.revoke(|p| p.write(["account:editor", "account:unknown"]).read("account:reader")).await?;
    let readers = json!(["account:new", "system.Authenticated"]);
    assert_all(&fixture, &paths, &json!({"read": readers, "write": [team, me]})).await;

    bucket.grant(|p| p.collection_create(&group).group_create(["account:a", "account:b"])).await?;
    collection.grant(|p| p.record_create(&group)).await?;
    let expected = json!({
        "read": readers, "write": [team, me], "collection:create": [team], "group:create": ["account:a", "account:b"],
    });
    assert_eq!(fixture.plain.permissions(&paths[0]).await, expected);
    let expected = json!({"read": readers, "write": [team, me], "record:create": [team]});
    assert_eq!(fixture.plain.permissions(&paths[1]).await, expected);

    bucket.revoke(|p| p.collection_create(&group).group_create("account:a").read(&group)).await?;
    let expected = json!({"read": readers, "write": [team, me], "group:create": ["account:b"]});
    assert_eq!(fixture.plain.permissions(&paths[0]).await, expected);
    Ok(())
}

#[tokio::test]
async fn grant_keeps_data() -> Outcome {
    let fixture = Fixture::new().await;
    let path = fixture.record("milk");
    let data = json!({"title": "Milk", "deep": {"a": [1, null]}, "null": null});
    fixture.plain.put_data(&path, &data).await;
    fixture.todos.record::<Value>("milk").grant(|p| p.read("account:reader")).await?;
    fixture.todos.record::<Value>("milk").revoke(|p| p.read("account:reader")).await?;
    assert_eq!(fixture.plain.held(&path).await, data);
    let sent = fixture.sent.take();
    let [grant, revoke] = [&sent[1], &sent[3]].map(SentRequest::json);
    assert_eq!(grant, json!({"permissions": {"read": ["account:reader"]}}), "the list that changes, and nothing else");
    assert_eq!(revoke, json!({"permissions": {"read": []}}));
    assert_eq!(sent.len(), 4);
    Ok(())
}

#[tokio::test]
async fn grant_sends_no_write_when_nothing_changes() -> Outcome {
    let fixture = Fixture::new().await;
    let paths = shared(&fixture).await;
    let before = fixture.plain.object(&paths[0]).await;
    fixture.bucket.grant(|p| p.read("account:reader")).await?;
    fixture.bucket.revoke(|p| p.read("account:unknown").collection_create("account:reader")).await?;
    fixture.bucket.grant(|nobody| nobody).await?;
    assert_eq!(fixture.plain.object(&paths[0]).await, before);
    assert!(fixture.sent.take().iter().all(|sent| sent.method == http::Method::GET));
    Ok(())
}

#[tokio::test]
async fn revoke_keeps_writer_in_write_list() -> Outcome {
    let fixture = Fixture::new().await;
    let (me, paths) = (me(&fixture).await, shared(&fixture).await);
    fixture.bucket.revoke(|p| p.write([me.clone(), "account:editor".into()])).await?;
    assert_eq!(fixture.plain.permissions(&paths[0]).await["write"], json!([me]));
    Ok(())
}

#[tokio::test]
async fn grant_returns_not_found_when_object_is_missing() -> Outcome {
    let fixture = Fixture::new().await;
    let record = fixture.todos.record::<Value>("none");
    for (operation, error) in [
        ("grant record", record.grant(|p| p.read("account:a")).await.unwrap_err()),
        ("revoke record", record.revoke(|p| p.read("account:a")).await.unwrap_err()),
        ("grant collection", fixture.bucket.collection("none").grant(|p| p.read("account:a")).await.unwrap_err()),
        ("grant group", fixture.bucket.group("none").grant(|p| p.read("account:a")).await.unwrap_err()),
    ] {
        assert_eq!(predicates(&error), ["not found"], "{error}");
        assert_eq!(error.operation(), Some(operation));
    }
    assert_eq!(fixture.plain.ids(&fixture.records).await, [""; 0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_grants_are_all_stored() -> Outcome {
    let fixture = Fixture::new().await;
    let me = me(&fixture).await;
    let grants = (0..10).map(|n| {
        // Clients of their own, as if they knew nothing of each other.
        let bucket = fixture.client_at(fixture.url()).build().expect("a client").bucket(fixture.bucket.id());
        tokio::spawn(async move {
            bucket.grant(|p| p.write(format!("account:w{n}")).collection_create(format!("account:c{n}"))).await
        })
    });
    for grant in futures_util::future::try_join_all(grants).await? {
        grant?;
    }
    let [creators, mut writers] =
        ["c", "w"].map(|letter| (0..10).map(|n| format!("account:{letter}{n}")).collect::<Vec<_>>());
    writers.push(me.to_string());
    let path = format!("/buckets/{}", fixture.bucket.id());
    assert_eq!(fixture.plain.permissions(&path).await, json!({"write": writers, "collection:create": creators}));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_grants_and_revokes_are_all_stored() -> Outcome {
    let fixture = Fixture::new().await;
    let me = me(&fixture).await;
    let path = format!("/buckets/{}", fixture.bucket.id());
    let old: Vec<String> = (0..5).map(|n| format!("account:old{n}")).collect();
    fixture.plain.put(&path, &json!({"permissions": {"read": old}})).await;
    let changes = (0..10).map(|n| {
        let bucket = fixture.bucket.clone();
        tokio::spawn(async move {
            match n % 2 {
                0 => bucket.grant(|p| p.read(format!("account:new{}", n / 2))).await,
                _ => bucket.revoke(|p| p.read(format!("account:old{}", n / 2))).await,
            }
        })
    });
    for change in futures_util::future::try_join_all(changes).await? {
        change?;
    }
    let new: Vec<String> = (0..5).map(|n| format!("account:new{n}")).collect();
    assert_eq!(fixture.plain.permissions(&path).await, json!({"read": new, "write": [me]}));
    Ok(())
}

#[tokio::test]
async fn grant_starts_over_after_conflict() -> Outcome {
    let fixture = Fixture::new().await;
    let me = me(&fixture).await;
    let path = format!("/buckets/{}/collections/todos", fixture.bucket.id());
    let gate = Gate::default();
    // The GET passes, the PATCH waits.
    let proxy = Proxy::start(fixture.url(), in_order([Fault::Pass, Fault::Hold(gate.clone())])).await;
    let collection = fixture.todos_through(&proxy);
    let overtaking = async {
        let body = json!({"data": {"colour": "blue"}, "permissions": {"read": ["account:first"]}});
        fixture.plain.put(&path, &body).await;
    };
    gate.overtake(collection.grant(|p| p.read("account:second")), overtaking).await?;
    let expected = json!({"read": ["account:first", "account:second"], "write": [me]});
    assert_eq!(fixture.plain.permissions(&path).await, expected);
    assert_eq!(fixture.plain.held(&path).await, json!({"colour": "blue"}));
    let lines = ["GET", "PATCH", "GET", "PATCH"].map(|method| format!("{method} {path}"));
    assert_eq!(proxy.lines(), lines);
    Ok(())
}

#[tokio::test]
async fn grant_is_stored_once_when_response_is_lost() -> Outcome {
    let fixture = Fixture::new().await;
    let me = me(&fixture).await;
    let path = format!("/buckets/{}/collections/todos", fixture.bucket.id());
    let proxy = Proxy::start(fixture.url(), in_order([Fault::Pass, Fault::CutAfter])).await;
    let collection = fixture.todos_through(&proxy);
    collection.grant(|p| p.read("account:reader")).await?;
    assert_eq!(fixture.plain.permissions(&path).await, json!({"read": ["account:reader"], "write": [me]}));
    Ok(())
}

#[tokio::test]
async fn grant_rejects_invalid_principals() -> Outcome {
    let fixture = Fixture::new().await;
    let paths = shared(&fixture).await;
    let before = fixture.plain.permissions(&paths[0]).await;
    let mut settings = fixture.bucket.get().await?;
    fixture.sent.forget();
    let own = fixture.client.bucket("default").group("friends");
    for (principal, reason, can_be_there) in [
        ("".into(), "empty", false),
        ("a\0b".into(), "NUL", false),
        ((&own).into(), "`default`", false),
        ("niko".into(), r#"did you mean `account:niko`, or `bucket.group("niko")`?"#, true),
        ("account:".into(), "a user is written as `account:alexis`", true),
        ("system.everyone".into(), "it can be `system.Everyone` or `system.Authenticated`", true),
        ("group:editors".into(), r#"use `bucket.group("editors")`"#, true),
    ] {
        let principal: &Principal = &principal;
        let unchanged = settings.permissions.clone();
        settings.permissions.edit()?.read.insert(principal.clone());
        for error in [
            fixture.bucket.grant(|p| p.write(principal)).await.unwrap_err(),
            fixture.bucket.patch(json!({})).permissions(|p| p.read(principal)).await.unwrap_err(),
            fixture.bucket.overwrite(BucketAttributes::default()).permissions(|p| p.read(principal)).await.unwrap_err(),
            fixture.bucket.save_permissions(&mut settings).await.unwrap_err(),
            fixture.bucket.create_group("new", ["account:a"]).permissions(|p| p.read(principal)).await.unwrap_err(),
        ] {
            assert_eq!(predicates(&error), ["invalid"], "{error}");
            assert!(error.to_string().contains(reason), "{reason} is not said: {error}");
        }
        if !can_be_there {
            let error = fixture.bucket.revoke(|p| p.collection_create(principal)).await.unwrap_err();
            assert_eq!(predicates(&error), ["invalid"], "{error}");
        }
        settings.permissions = unchanged;
    }
    assert!(fixture.sent.take().is_empty());
    assert_eq!(fixture.plain.permissions(&paths[0]).await, before);
    Ok(())
}

/// Other clients store principals that match nobody; they can be taken away, and do not hinder other changes.
#[tokio::test]
async fn principals_that_match_nobody_are_kept_and_revoked() -> Outcome {
    let fixture = Fixture::new().await;
    let path = format!("/buckets/{}", fixture.bucket.id());
    fixture.plain.put(&path, &json!({"permissions": {"read": ["niko", "system.everyone"]}})).await;
    let read = async || fixture.plain.permissions(&path).await["read"].clone();
    let mut settings = fixture.bucket.get().await?;
    settings.permissions.edit()?.read.insert("account:a".into());
    fixture.bucket.save_permissions(&mut settings).await?;
    assert_eq!(read().await, json!(["account:a", "niko", "system.everyone"]));
    settings.permissions.edit()?.read.remove("system.everyone");
    fixture.bucket.save(&mut settings).await?;
    assert_eq!(read().await, json!(["account:a", "niko"]));
    fixture.bucket.grant(|p| p.read("account:b")).await?;
    fixture.bucket.revoke(|p| p.read(["niko", "account:a"])).await?;
    assert_eq!(read().await, json!(["account:b"]));
    Ok(())
}

#[tokio::test]
async fn grant_fails_without_loss_when_permissions_stay_hidden() -> Outcome {
    // There the server does not add who writes to the writers, so that it shows the permissions to those only who were
    // put there on purpose.
    let server = Server::builder().setting("kinto.explicit_permissions", "false").shared()?;
    let (owner, editor) = (TestUser::new(server.url(), "alexis").await, TestUser::new(server.url(), "niko").await);
    let bucket = owner.client.bucket(unique("explicit"));
    bucket.create().permissions(|p| p.write(owner.principal())).await?;
    let collection = bucket.collection("todos");
    collection.create().permissions(|p| p.read("account:reader").write(editor.principal())).await?;

    for error in [
        collection.grant(|p| p.read("account:new")).await.unwrap_err(),
        collection.revoke(|p| p.read("account:reader")).await.unwrap_err(),
    ] {
        assert_eq!(predicates(&error), ["not visible"], "{error}");
    }
    let path = format!("/buckets/{}/collections/todos", bucket.id());
    let lists = json!({"read": ["account:reader"], "write": [editor.principal()]});
    assert_eq!(editor.plain.permissions(&path).await, lists);
    editor.client.bucket(bucket.id()).collection("todos").grant(|p| p.read("account:new")).await?;
    assert_eq!(editor.plain.permissions(&path).await["read"], json!(["account:new", "account:reader"]));
    Ok(())
}
