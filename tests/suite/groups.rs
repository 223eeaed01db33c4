//! Groups are lists of members, which several programs change without undoing each other's changes.

use kinto_client::{Group, Principal, Saved, json};
use kinto_tests::{Fault, Gate, Outcome, Proxy, Scene, in_order};

use crate::predicates;

/// The group `friends` of the scene, with these members, and its path.
async fn friends(scene: &Scene, members: &[&str]) -> (Group, String) {
    let path = format!("/buckets/{}/groups/friends", scene.bucket.id());
    scene.plain.put_data(&path, &json!({"members": members})).await;
    (scene.bucket.group("friends"), path)
}

#[tokio::test]
async fn members_are_a_list() -> Outcome {
    let scene = Scene::new().await;
    let (_, path) = friends(&scene, &["account:b", "account:a", "account:c", "account:a"]).await;
    let mut group = scene.bucket.get_group("friends").await?;
    assert_eq!(group.members(), ["account:b", "account:a", "account:c", "account:a"], "as the server has them");
    assert!(group.contains("account:a") && group.contains(Principal::account("a")));
    assert!(!group.contains("account:d") && !group.contains("a"));

    assert!(group.add("account:d"));
    assert!(!group.add(Principal::account("b")), "it is one already");
    assert!(group.remove("account:a"), "however often it is there");
    assert!(!group.remove("account:e"));
    assert_eq!(group.members(), ["account:b", "account:c", "account:d"]);
    assert_eq!(scene.bucket.save_group(&mut group).await?, Saved::Stored);
    assert_eq!(scene.plain.held(&path).await, json!({"members": ["account:b", "account:c", "account:d"]}));

    group.clear();
    assert!(group.members().is_empty() && !group.contains("account:b"));
    scene.bucket.save_group(&mut group).await?;
    assert_eq!(scene.plain.held(&path).await, json!({"members": []}));
    Ok(())
}

#[tokio::test]
async fn what_changes_nothing_is_not_sent() -> Outcome {
    let scene = Scene::new().await;
    let (group, path) = friends(&scene, &["account:a"]).await;
    let before = scene.plain.object(&path).await;
    let mut object = group.get().await?;
    scene.sent.forget();
    object.add("account:a");
    object.add("account:b");
    object.remove("account:b");
    assert_eq!(group.save(&mut object).await?, Saved::Unchanged);
    assert!(scene.sent.take().is_empty());
    group.add_members(["account:a"]).await?;
    group.remove_members(["account:b"]).await?;
    group.add_members([""; 0]).await?;
    assert_eq!(scene.sent.take_lines(), [(); 3].map(|()| format!("GET {path}")));
    assert_eq!(scene.plain.object(&path).await, before);
    Ok(())
}

#[tokio::test]
async fn a_save_over_a_change_of_others_is_a_conflict() -> Outcome {
    let scene = Scene::new().await;
    let (group, path) = friends(&scene, &["account:a"]).await;
    let mut object = group.get().await?;
    let read = object.last_modified;
    scene.plain.put_data(&path, &json!({"members": ["account:first"]})).await;
    scene.sent.forget();

    object.add("account:second");
    let error = scene.bucket.save_group(&mut object).await.unwrap_err();
    assert_eq!(predicates(&error), ["conflict"], "{error}");
    assert_eq!(scene.sent.take_one().header("if-match"), Some(format!("\"{read}\"").as_str()));
    assert_eq!(scene.plain.held(&path).await, json!({"members": ["account:first"]}));
    assert_eq!(object.members(), ["account:a", "account:second"], "what was wanted is not lost");
    Ok(())
}

#[tokio::test]
async fn members_come_and_go_and_the_rest_stays() -> Outcome {
    let scene = Scene::new().await;
    let path = format!("/buckets/{}/groups/friends", scene.bucket.id());
    let data = json!({"members": ["account:a", "account:b", "account:a"], "colour": "blue", "deep": {"n": 1.0}});
    scene.plain.put(&path, &json!({"data": data, "permissions": {"read": ["account:reader"]}})).await;
    let before = scene.plain.permissions(&path).await;
    let group = scene.bucket.group("friends");

    let added = group.add_members([Principal::account("c"), "account:b".into()]).await?;
    assert_eq!(added.members(), ["account:a", "account:b", "account:a", "account:c"]);
    let removed = group.remove_members(["account:a", "account:unknown"]).await?;
    assert_eq!(removed.members(), ["account:b", "account:c"]);
    let held = json!({"members": ["account:b", "account:c"], "colour": "blue", "deep": {"n": 1.0}});
    assert_eq!(scene.plain.held(&path).await, held);
    assert_eq!(scene.plain.permissions(&path).await, before);
    assert_eq!(scene.plain.object(&path).await["last_modified"], json!(removed.last_modified));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_at_once_are_all_added() -> Outcome {
    let scene = Scene::new().await;
    let (_, path) = friends(&scene, &["account:first"]).await;
    let adds = (0..10).map(|n| {
        // Clients of their own, as if they knew nothing of each other.
        let bucket = scene.client_at(scene.url()).build().expect("a client").bucket(scene.bucket.id());
        tokio::spawn(async move { bucket.group("friends").add_members([format!("account:{n}")]).await })
    });
    for add in futures_util::future::try_join_all(adds).await? {
        add?;
    }
    let mut group = scene.bucket.get_group("friends").await?;
    assert_eq!(group.members()[0], "account:first");
    group.data.members.sort();
    let mut expected: Vec<String> = (0..10).map(|n| format!("account:{n}")).collect();
    expected.push("account:first".to_owned());
    assert_eq!(json!(group.members()), json!(expected));

    let removes = (0..10).map(|n| {
        let group = scene.bucket.group("friends");
        tokio::spawn(async move { group.remove_members([format!("account:{n}")]).await })
    });
    for remove in futures_util::future::try_join_all(removes).await? {
        remove?;
    }
    assert_eq!(scene.plain.held(&path).await, json!({"members": ["account:first"]}));
    Ok(())
}

#[tokio::test]
async fn one_that_is_overtaken_by_another_program_starts_again() -> Outcome {
    let scene = Scene::new().await;
    let (_, path) = friends(&scene, &["account:a"]).await;
    let gate = Gate::default();
    // The GET passes, the PUT waits.
    let proxy = Proxy::start(scene.url(), in_order([Fault::Pass, Fault::Hold(gate.clone())])).await;
    let group = scene.client_at(proxy.url()).build()?.bucket(scene.bucket.id()).group("friends");
    let overtaking = async {
        scene.plain.put_data(&path, &json!({"members": ["account:first"], "colour": "blue"})).await;
    };
    let added = gate.overtake(group.add_members(["account:second"]), overtaking).await?;
    assert_eq!(added.members(), ["account:first", "account:second"]);
    let held = json!({"members": ["account:first", "account:second"], "colour": "blue"});
    assert_eq!(scene.plain.held(&path).await, held);
    Ok(())
}

#[tokio::test]
async fn one_without_a_list_of_members_is_empty() -> Outcome {
    let scene = Scene::new().await;
    let path = format!("/buckets/{}/groups/friends", scene.bucket.id());
    scene.plain.put(&path, &json!({})).await;
    assert_eq!(scene.plain.held(&path).await, json!({}), "what the server makes of a PUT without data");

    let group = scene.bucket.group("friends");
    let mut object = group.get().await?;
    assert!(object.members().is_empty() && !object.contains("account:a"));
    assert!(scene.bucket.get_groups().await?[0].members().is_empty());
    assert_eq!(group.save(&mut object).await?, Saved::Unchanged);
    object.add("account:a");
    group.save(&mut object).await?;
    assert_eq!(scene.plain.held(&path).await, json!({"members": ["account:a"]}));

    scene.plain.put(&format!("{path}-2"), &json!({})).await;
    scene.bucket.group("friends-2").add_members(["account:b"]).await?;
    assert_eq!(scene.plain.held(&format!("{path}-2")).await, json!({"members": ["account:b"]}));
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_a_member_is_refused() -> Outcome {
    let scene = Scene::new().await;
    let (group, path) = friends(&scene, &["account:a"]).await;
    scene.bucket.create_group("others", ["system.Authenticated"]).await?;
    for member in [Principal::from(&scene.bucket.group("others")), Principal::everyone()] {
        for error in [
            group.add_members([&member]).await.unwrap_err(),
            scene.bucket.create_group("new", [&member]).await.unwrap_err(),
        ] {
            assert_eq!(predicates(&error), ["refused"], "{error}");
        }
    }
    assert_eq!(scene.plain.held(&path).await, json!({"members": ["account:a"]}));
    assert_eq!(scene.plain.ids(&format!("/buckets/{}/groups", scene.bucket.id())).await, ["friends", "others"]);
    Ok(())
}

#[tokio::test]
async fn a_group_that_is_not_there() -> Outcome {
    let scene = Scene::new().await;
    let group = scene.bucket.group("none");
    for error in
        [group.add_members(["account:a"]).await.unwrap_err(), group.remove_members(["account:a"]).await.unwrap_err()]
    {
        assert_eq!(predicates(&error), ["not found"], "{error}");
        assert_eq!(error.operation(), Some("update group"));
    }
    assert_eq!(scene.plain.ids(&format!("/buckets/{}/groups", scene.bucket.id())).await, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn one_of_the_default_bucket_is_no_principal() -> Outcome {
    let scene = Scene::new().await;
    let own = scene.client.user().await?.expect("I am known").bucket.clone().expect("my own bucket");
    let group = scene.client.bucket("default").group("friends");
    group.create().members(["account:a"]).await?;
    scene.sent.forget();
    let error = scene.bucket.grant(|p| p.read(&group)).await.unwrap_err();
    assert_eq!(predicates(&error), ["invalid"]);
    assert!(scene.sent.take().is_empty());

    // By the id that the server knows it by, it is one.
    let group = scene.client.bucket(&own).group("friends");
    scene.bucket.grant(|p| p.read(&group)).await?;
    let path = format!("/buckets/{}", scene.bucket.id());
    assert_eq!(scene.plain.permissions(&path).await["read"], json!([format!("/buckets/{own}/groups/friends")]));
    assert_eq!(scene.plain.held(&format!("/buckets/{own}/groups/friends")).await, json!({"members": ["account:a"]}));
    Ok(())
}

#[tokio::test]
async fn one_that_cannot_be_is_no_principal_either() -> Outcome {
    let scene = Scene::new().await;
    let path = format!("/buckets/{}", scene.bucket.id());
    let before = scene.plain.permissions(&path).await;
    for id in ["", "a/b", "no spaces", "é"] {
        let error = scene.bucket.grant(|p| p.read(scene.bucket.group(id))).await.unwrap_err();
        assert_eq!(predicates(&error), ["invalid"], "{error}");
    }
    let error = scene.bucket.grant(|p| p.read(scene.client.bucket("").group("friends"))).await.unwrap_err();
    assert_eq!(predicates(&error), ["invalid"], "{error}");
    assert!(scene.sent.take().is_empty());
    assert_eq!(scene.plain.permissions(&path).await, before, "the server would take it, and nobody would be in it");
    Ok(())
}
