//! Groups are lists of members, which several programs change without undoing each other's changes.

use kinto_client::{Group, Principal, json, object::GroupAttributes, operation::SaveOutcome};
use kinto_tests::{Fault, Fixture, Gate, Outcome, Proxy, in_order};

use crate::predicates;

/// The group `friends` of the fixture, with these members, and its path.
async fn friends(fixture: &Fixture, members: &[&str]) -> (Group, String) {
    let path = format!("/buckets/{}/groups/friends", fixture.bucket.id());
    fixture.plain.put_data(&path, &json!({"members": members})).await;
    (fixture.bucket.group("friends"), path)
}

#[tokio::test]
async fn group_members_keep_order() -> Outcome {
    let fixture = Fixture::new().await;
    let (_, path) = friends(&fixture, &["account:b", "account:a", "account:c", "account:a"]).await;
    let mut group = fixture.bucket.get_group("friends").await?;
    assert_eq!(group.members(), ["account:b", "account:a", "account:c", "account:a"], "as the server has them");
    assert!(group.contains("account:a") && group.contains(Principal::account("a")));
    assert!(!group.contains("account:d") && !group.contains("a"));

    assert!(group.add("account:d"));
    assert!(!group.add(Principal::account("b")), "it is one already");
    assert!(group.remove("account:a"), "however often it is there");
    assert!(!group.remove("account:e"));
    assert_eq!(group.members(), ["account:b", "account:c", "account:d"]);
    assert_eq!(fixture.bucket.save_group(&mut group).await?, SaveOutcome::Stored);
    assert_eq!(fixture.plain.held(&path).await, json!({"members": ["account:b", "account:c", "account:d"]}));

    group.clear();
    assert!(group.members().is_empty() && !group.contains("account:b"));
    fixture.bucket.save_group(&mut group).await?;
    assert_eq!(fixture.plain.held(&path).await, json!({"members": []}));
    Ok(())
}

#[tokio::test]
async fn patch_without_change_sends_nothing() -> Outcome {
    let fixture = Fixture::new().await;
    let (group, path) = friends(&fixture, &["account:a"]).await;
    let before = fixture.plain.object(&path).await;
    let mut object = group.get().await?;
    fixture.sent.forget();
    object.add("account:a");
    object.add("account:b");
    object.remove("account:b");
    assert_eq!(group.save(&mut object).await?, SaveOutcome::Unchanged);
    assert!(fixture.sent.take().is_empty());
    group.add_members(["account:a"]).await?;
    group.remove_members(["account:b"]).await?;
    group.add_members([""; 0]).await?;
    assert_eq!(fixture.sent.take_lines(), [(); 3].map(|()| format!("GET {path}")));
    assert_eq!(fixture.plain.object(&path).await, before);
    Ok(())
}

#[tokio::test]
async fn group_save_returns_conflict_when_changed() -> Outcome {
    let fixture = Fixture::new().await;
    let (group, path) = friends(&fixture, &["account:a"]).await;
    let mut object = group.get().await?;
    let read = object.last_modified;
    fixture.plain.put_data(&path, &json!({"members": ["account:first"]})).await;
    fixture.sent.forget();

    object.add("account:second");
    let error = fixture.bucket.save_group(&mut object).await.unwrap_err();
    assert_eq!(predicates(&error), ["conflict"], "{error}");
    assert_eq!(fixture.sent.take_one().header("if-match"), Some(format!("\"{read}\"").as_str()));
    assert_eq!(fixture.plain.held(&path).await, json!({"members": ["account:first"]}));
    assert_eq!(object.members(), ["account:a", "account:second"], "what was wanted is not lost");
    Ok(())
}

#[tokio::test]
async fn add_and_remove_members_keep_other_members() -> Outcome {
    let fixture = Fixture::new().await;
    let path = format!("/buckets/{}/groups/friends", fixture.bucket.id());
    let data = json!({"members": ["account:a", "account:b", "account:a"], "colour": "blue", "deep": {"n": 1.0}});
    fixture.plain.put(&path, &json!({"data": data, "permissions": {"read": ["account:reader"]}})).await;
    let before = fixture.plain.permissions(&path).await;
    let group = fixture.bucket.group("friends");

    let added = group.add_members([Principal::account("c"), "account:b".into()]).await?;
    assert_eq!(added.members(), ["account:a", "account:b", "account:a", "account:c"]);
    let removed = group.remove_members(["account:a", "account:unknown"]).await?;
    assert_eq!(removed.members(), ["account:b", "account:c"]);
    let held = json!({"members": ["account:b", "account:c"], "colour": "blue", "deep": {"n": 1.0}});
    assert_eq!(fixture.plain.held(&path).await, held);
    assert_eq!(fixture.plain.permissions(&path).await, before);
    assert_eq!(fixture.plain.object(&path).await["last_modified"], json!(removed.last_modified));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_add_members_adds_all() -> Outcome {
    let fixture = Fixture::new().await;
    let (_, path) = friends(&fixture, &["account:first"]).await;
    let adds = (0..10).map(|n| {
        // Clients of their own, as if they knew nothing of each other.
        let bucket = fixture.client_at(fixture.url()).build().expect("a client").bucket(fixture.bucket.id());
        tokio::spawn(async move { bucket.group("friends").add_members([format!("account:{n}")]).await })
    });
    for add in futures_util::future::try_join_all(adds).await? {
        add?;
    }
    let mut group = fixture.bucket.get_group("friends").await?;
    assert_eq!(group.members()[0], "account:first");
    group.data.members.sort();
    let mut expected: Vec<String> = (0..10).map(|n| format!("account:{n}")).collect();
    expected.push("account:first".to_owned());
    assert_eq!(json!(group.members()), json!(expected));

    let removes = (0..10).map(|n| {
        let group = fixture.bucket.group("friends");
        tokio::spawn(async move { group.remove_members([format!("account:{n}")]).await })
    });
    for remove in futures_util::future::try_join_all(removes).await? {
        remove?;
    }
    assert_eq!(fixture.plain.held(&path).await, json!({"members": ["account:first"]}));
    Ok(())
}

#[tokio::test]
async fn add_members_starts_over_after_conflict() -> Outcome {
    let fixture = Fixture::new().await;
    let (_, path) = friends(&fixture, &["account:a"]).await;
    let gate = Gate::default();
    // The GET passes, the PUT waits.
    let proxy = Proxy::start(fixture.url(), in_order([Fault::Pass, Fault::Hold(gate.clone())])).await;
    let group = fixture.client_at(proxy.url()).build()?.bucket(fixture.bucket.id()).group("friends");
    let overtaking = async {
        fixture.plain.put_data(&path, &json!({"members": ["account:first"], "colour": "blue"})).await;
    };
    let added = gate.overtake(group.add_members(["account:second"]), overtaking).await?;
    assert_eq!(added.members(), ["account:first", "account:second"]);
    let held = json!({"members": ["account:first", "account:second"], "colour": "blue"});
    assert_eq!(fixture.plain.held(&path).await, held);
    Ok(())
}

#[tokio::test]
async fn group_without_members_is_empty() -> Outcome {
    let fixture = Fixture::new().await;
    let path = format!("/buckets/{}/groups/friends", fixture.bucket.id());
    fixture.plain.put(&path, &json!({})).await;
    assert_eq!(fixture.plain.held(&path).await, json!({}), "what the server makes of a PUT without data");

    let group = fixture.bucket.group("friends");
    let mut object = group.get().await?;
    assert!(object.members().is_empty() && !object.contains("account:a"));
    assert!(fixture.bucket.get_groups().await?[0].members().is_empty());
    assert_eq!(group.save(&mut object).await?, SaveOutcome::Unchanged);
    object.add("account:a");
    group.save(&mut object).await?;
    assert_eq!(fixture.plain.held(&path).await, json!({"members": ["account:a"]}));

    fixture.plain.put(&format!("{path}-2"), &json!({})).await;
    fixture.bucket.group("friends-2").add_members(["account:b"]).await?;
    assert_eq!(fixture.plain.held(&format!("{path}-2")).await, json!({"members": ["account:b"]}));
    Ok(())
}

#[tokio::test]
async fn group_rejects_invalid_members() -> Outcome {
    let fixture = Fixture::new().await;
    let (group, path) = friends(&fixture, &["account:a"]).await;
    let mut read = group.get().await?;
    fixture.sent.forget();
    for (member, said) in [
        (Principal::from(&fixture.bucket.group("others")), "cannot be a member: the server refuses groups"),
        (Principal::everyone(), "cannot be a member: the server refuses groups and `system.Everyone`"),
        ("group:others".into(), "cannot be a member: the server refuses groups"),
        ("niko".into(), "did you mean `account:niko`?"),
        ("".into(), "it is empty"),
    ] {
        read.add(&member);
        let mut data = GroupAttributes::default();
        data.add(&member);
        for error in [
            fixture.bucket.create_group("new", [&member]).await.unwrap_err(),
            group.overwrite(data).await.unwrap_err(),
            group.patch(json!({"members": [&member]})).await.unwrap_err(),
            group.save(&mut read).await.unwrap_err(),
        ] {
            assert_eq!(predicates(&error), ["invalid"], "{error}");
            assert!(error.to_string().contains(said), "{error}");
        }
        assert!(fixture.sent.take().is_empty());
        read.remove(&member);
        for error in [
            group.add_members([&member]).await.unwrap_err(),
            group.update(|group| group.members.push(member.clone())).await.unwrap_err(),
        ] {
            assert_eq!(predicates(&error), ["invalid"], "{error}");
        }
        let [first, second] = &fixture.sent.take_lines()[..] else { panic!("it is only read") };
        assert!(first.starts_with("GET ") && second.starts_with("GET "), "{first}, {second}");
    }
    assert_eq!(fixture.plain.held(&path).await, json!({"members": ["account:a"]}));
    assert_eq!(fixture.plain.ids(&format!("/buckets/{}/groups", fixture.bucket.id())).await, ["friends"]);

    // What other clients have stored stays, and can be removed.
    fixture.plain.put_data(&path, &json!({"members": ["niko", "account:a"]})).await;
    group.add_members(["account:b"]).await?;
    assert_eq!(fixture.plain.held(&path).await, json!({"members": ["niko", "account:a", "account:b"]}));
    group.remove_members(["niko"]).await?;
    assert_eq!(fixture.plain.held(&path).await, json!({"members": ["account:a", "account:b"]}));
    Ok(())
}

#[tokio::test]
async fn add_members_returns_not_found_when_group_is_missing() -> Outcome {
    let fixture = Fixture::new().await;
    let group = fixture.bucket.group("none");
    for error in
        [group.add_members(["account:a"]).await.unwrap_err(), group.remove_members(["account:a"]).await.unwrap_err()]
    {
        assert_eq!(predicates(&error), ["not found"], "{error}");
        assert_eq!(error.operation(), Some("update group"));
    }
    assert_eq!(fixture.plain.ids(&format!("/buckets/{}/groups", fixture.bucket.id())).await, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn group_of_default_bucket_is_rejected_as_principal() -> Outcome {
    let fixture = Fixture::new().await;
    let own = fixture.client.user().await?.expect("I am known").bucket.clone().expect("my own bucket");
    let group = fixture.client.bucket("default").group("friends");
    group.create().members(["account:a"]).await?;
    fixture.sent.forget();
    let error = fixture.bucket.grant(|p| p.read(&group)).await.unwrap_err();
    assert_eq!(predicates(&error), ["invalid"]);
    assert!(fixture.sent.take().is_empty());

    // By the id that the server knows it by, it is one.
    let group = fixture.client.bucket(&own).group("friends");
    fixture.bucket.grant(|p| p.read(&group)).await?;
    let path = format!("/buckets/{}", fixture.bucket.id());
    assert_eq!(fixture.plain.permissions(&path).await["read"], json!([format!("/buckets/{own}/groups/friends")]));
    assert_eq!(fixture.plain.held(&format!("/buckets/{own}/groups/friends")).await, json!({"members": ["account:a"]}));
    Ok(())
}

#[tokio::test]
async fn invalid_group_is_rejected_as_principal() -> Outcome {
    let fixture = Fixture::new().await;
    let path = format!("/buckets/{}", fixture.bucket.id());
    let before = fixture.plain.permissions(&path).await;
    for id in ["", "a/b", "no spaces", "é"] {
        let error = fixture.bucket.grant(|p| p.read(fixture.bucket.group(id))).await.unwrap_err();
        assert_eq!(predicates(&error), ["invalid"], "{error}");
    }
    let error = fixture.bucket.grant(|p| p.read(fixture.client.bucket("").group("friends"))).await.unwrap_err();
    assert_eq!(predicates(&error), ["invalid"], "{error}");
    assert!(fixture.sent.take().is_empty());
    assert_eq!(fixture.plain.permissions(&path).await, before, "the server would take it, and nobody would be in it");
    Ok(())
}
