//! Who may do what: said with every write, saved without loss, and never guessed.

use kinto_client::{
    BucketObject, CollectionObject, GroupObject, Principal, Record, RecordPermissions, Saved, Value, json,
};
use kinto_tests::{Fault, Outcome, Proxy, Scene, Sent};

use crate::{Todo, predicates};

mod grants;
mod hidden;
mod writes;

/// Whom the server takes the scene's user for.
async fn me(scene: &Scene) -> Principal {
    // Asked of a client of its own, so that the scene's has sent nothing.
    let client = scene.client_at(scene.url()).build().expect("a client");
    client.user().await.expect("an answer").expect("I am known").id.clone()
}

/// Puts an object there that two others may read and two may write.
async fn put_shared(scene: &Scene, path: &str) {
    let lists = json!({"read": ["account:reader", "system.Authenticated"], "write": ["account:editor"]});
    scene.plain.put(path, &json!({"permissions": lists})).await;
}

/// The paths of a bucket, and of a collection, a group and a record in it, all of which are [shared](put_shared).
async fn shared(scene: &Scene) -> [String; 4] {
    let bucket = format!("/buckets/{}", scene.bucket.id());
    let paths =
        [bucket.clone(), format!("{bucket}/collections/todos"), format!("{bucket}/groups/team"), scene.record("r")];
    for path in &paths {
        put_shared(scene, path).await;
    }
    paths
}

async fn assert_all(scene: &Scene, paths: &[String], expected: &Value) {
    for path in paths {
        assert_eq!(scene.plain.permissions(path).await, *expected, "{path}");
    }
}

#[tokio::test]
async fn only_lists_that_were_changed_are_sent() -> Outcome {
    let scene = Scene::new().await;
    let me = me(&scene).await;
    let path = format!("/buckets/{}/collections/todos", scene.bucket.id());
    let lists = json!({"read": ["account:reader"], "write": ["account:editor"], "record:create": ["account:a"]});
    scene.plain.put(&path, &json!({"permissions": lists})).await;
    let mut collection = scene.todos.get().await?;
    let read = collection.last_modified;
    scene.sent.forget();

    let permissions = collection.permissions.edit()?;
    permissions.record_create.insert("account:b".into());
    permissions.read.clear();
    assert_eq!(scene.todos.save_permissions(&mut collection).await?, Saved::Stored);
    let sent = scene.sent.take_one();
    assert_eq!(sent.line(), format!("PATCH {path}"));
    assert_eq!(sent.header("if-match"), Some(format!("\"{read}\"").as_str()));
    let changes = json!({"read": [], "record:create": ["account:a", "account:b"]});
    assert_eq!(sent.json(), json!({"permissions": changes}));

    let expected = json!({"write": ["account:editor", me], "record:create": ["account:a", "account:b"]});
    assert_eq!(scene.plain.permissions(&path).await, expected, "an emptied list is cleared");
    assert_eq!(scene.todos.save_permissions(&mut collection).await?, Saved::Unchanged);
    assert_eq!(scene.todos.save(&mut collection).await?, Saved::Unchanged);
    assert!(scene.sent.take().is_empty());
    assert_eq!(scene.plain.object(&path).await["last_modified"], json!(collection.last_modified));
    Ok(())
}

#[tokio::test]
async fn of_all_four_kinds_they_are_saved() -> Outcome {
    let scene = Scene::new().await;
    let (me, paths) = (me(&scene).await, shared(&scene).await);
    let (group, record) = (scene.bucket.group("team"), scene.todos.record::<Value>("r"));
    let mut bucket_object = scene.bucket.get().await?;
    let mut collection_object = scene.todos.get().await?;
    let (mut group_object, mut record_object) = (group.get().await?, record.get().await?);

    bucket_object.permissions.edit()?.read.remove("system.Authenticated");
    collection_object.permissions.edit()?.read.remove("system.Authenticated");
    group_object.permissions.edit()?.read.remove("system.Authenticated");
    record_object.permissions.edit()?.read.remove("system.Authenticated");
    scene.bucket.save_permissions(&mut bucket_object).await?;
    scene.todos.save_permissions(&mut collection_object).await?;
    group.save_permissions(&mut group_object).await?;
    record.save_permissions(&mut record_object).await?;
    assert_all(&scene, &paths, &json!({"read": ["account:reader"], "write": ["account:editor", me]})).await;

    bucket_object.permissions.edit()?.write.remove("account:editor");
    collection_object.permissions.edit()?.write.remove("account:editor");
    group_object.permissions.edit()?.write.remove("account:editor");
    record_object.permissions.edit()?.write.remove("account:editor");
    scene.client.save_bucket(&mut bucket_object).await?;
    scene.bucket.save_collection(&mut collection_object).await?;
    scene.bucket.save_group(&mut group_object).await?;
    scene.todos.save_record(&mut record_object).await?;
    assert_all(&scene, &paths, &json!({"read": ["account:reader"], "write": [me]})).await;
    Ok(())
}

#[tokio::test]
async fn a_save_stores_data_and_permissions_together() -> Outcome {
    let scene = Scene::new().await;
    let me = me(&scene).await;
    let path = scene.record("milk");
    let lists = json!({"read": ["account:reader"], "write": ["account:editor"]});
    scene.plain.put(&path, &json!({"data": {"title": "Milk", "extra": 1}, "permissions": lists})).await;
    let mut record = scene.todos.get_record::<Todo>("milk").await?;
    scene.sent.forget();

    record.data.done = true;
    record.permissions.edit()?.read.insert("account:second".into());
    record.permissions.edit()?.write.remove("account:editor");
    scene.todos.save_record(&mut record).await?;
    let sent = scene.sent.take_one();
    assert_eq!(sent.line(), format!("PUT {path}"));
    let lists = json!({"read": ["account:reader", "account:second"], "write": [me]});
    assert_eq!(sent.json(), json!({"data": {"title": "Milk", "done": true, "extra": 1}, "permissions": lists}));
    assert_eq!(scene.plain.held(&path).await, json!({"title": "Milk", "done": true, "extra": 1}));
    assert_eq!(scene.plain.permissions(&path).await, lists);

    record.data.done = false;
    scene.todos.save_record(&mut record).await?;
    assert_eq!(scene.sent.take_one().json(), json!({"data": {"title": "Milk", "done": false, "extra": 1}}));
    record.permissions.edit()?.read.clear();
    scene.todos.save_record(&mut record).await?;
    assert_eq!(scene.plain.held(&path).await, json!({"title": "Milk", "done": false, "extra": 1}));
    assert_eq!(scene.plain.permissions(&path).await, json!({"write": [me]}));
    Ok(())
}

#[tokio::test]
async fn a_save_can_empty_all_lists() -> Outcome {
    let scene = Scene::new().await;
    let (me, paths) = (me(&scene).await, shared(&scene).await);
    let mut record = scene.todos.get_record::<Value>("r").await?;
    *record.permissions.edit()? = RecordPermissions::default();
    record.data["a"] = 1.into();
    scene.todos.save_record(&mut record).await?;
    assert_eq!(scene.plain.held(&paths[3]).await, json!({"a": 1}));
    assert_eq!(scene.plain.permissions(&paths[3]).await, json!({"write": [me]}), "the server adds who writes");
    Ok(())
}

#[tokio::test]
async fn saved_alone_they_leave_changes_of_the_data_for_later() -> Outcome {
    let scene = Scene::new().await;
    let mut record = scene.todos.create_record(Todo::new("Milk")).id("milk").await?;
    let handle = scene.todos.record::<Todo>("milk");
    record.data.done = true;
    record.permissions.edit()?.read.insert("account:reader".into());
    handle.save_permissions(&mut record).await?;
    assert_eq!(scene.plain.held(&scene.record("milk")).await, json!({"title": "Milk", "done": false}));
    assert_eq!(handle.save(&mut record).await?, Saved::Stored);
    assert_eq!(scene.plain.held(&scene.record("milk")).await, json!({"title": "Milk", "done": true}));
    assert_eq!(scene.plain.permissions(&scene.record("milk")).await["read"], json!(["account:reader"]));
    Ok(())
}

#[tokio::test]
async fn over_a_change_of_others_they_are_a_conflict() -> Outcome {
    let scene = Scene::new().await;
    let handle = scene.todos.record::<Todo>("milk");
    let mut record = scene.todos.create_record(Todo::new("Milk")).id("milk").await?;
    let mut same = record.clone();
    same.permissions.edit()?.read.insert("account:first".into());
    handle.save_permissions(&mut same).await?;

    record.permissions.edit()?.read.insert("account:second".into());
    for error in [handle.save_permissions(&mut record).await.unwrap_err(), handle.save(&mut record).await.unwrap_err()]
    {
        assert_eq!(predicates(&error), ["conflict"], "{error}");
    }
    assert_eq!(scene.plain.permissions(&scene.record("milk")).await["read"], json!(["account:first"]));
    Ok(())
}

#[tokio::test]
async fn a_permission_that_is_not_known_here_is_kept() -> Outcome {
    let scene = Scene::new().await;
    let path = scene.record("milk");
    let body = json!({"data": {"title": "Milk"}, "permissions": {"read": ["account:reader"]}});
    scene.plain.put(&path, &body).await;
    // A server of the future.
    let proxy = Proxy::start(scene.url(), move |sent| match sent.method.as_str() {
        "GET" => Fault::Edit(Box::new(|answer| {
            let (more, length) = (r#""share":["account:friend"],"read":"#, "Content-Length: ");
            let (before, rest) = answer.split_once(length).expect("it has a length");
            let (old, after) = rest.split_once('\r').expect("a line");
            let new = old.parse::<usize>().expect("a number") + more.len() - r#""read":"#.len();
            format!("{before}{length}{new}\r{}", after.replacen(r#""read":"#, more, 1))
        })),
        _ => Fault::json(200, &json!({"data": {"id": "milk", "last_modified": 9, "title": "Milk"}, "permissions": {}})),
    });
    let proxy = proxy.await;
    let todos = scene.todos_through(&proxy);
    let mut record: Record<Value> = todos.get_record("milk").await?;
    assert_eq!(record.permissions.edit()?.other["share"].iter().collect::<Vec<_>>(), ["account:friend"]);

    record.permissions.edit()?.read.clear();
    let mut again = record.clone();
    let mut third = record.clone();
    todos.record("milk").save_permissions(&mut record).await?;
    todos.save_record(&mut again).await?;
    third.permissions.edit()?.other.clear();
    todos.record("milk").save_permissions(&mut third).await?;
    todos.record::<Value>("milk").revoke(|p| p.read("account:reader")).await.unwrap_err();
    let bodies: Vec<Value> = proxy.arrived().iter().filter(|sent| sent.method != "GET").map(Sent::json).collect();
    assert_eq!(bodies[0], json!({"permissions": {"read": []}}));
    let write = bodies[1]["permissions"]["write"].clone();
    assert_eq!(bodies[1]["permissions"], json!({"share": ["account:friend"], "write": write}), "a PUT replaces all");
    assert_eq!(bodies[2], json!({"permissions": {"read": [], "share": []}}));
    assert_eq!(bodies[3], json!({"permissions": {"read": []}}));
    Ok(())
}

#[tokio::test]
async fn a_permission_that_a_kind_does_not_have_is_refused() -> Outcome {
    let scene = Scene::new().await;
    let mut record = scene.todos.create_record(Todo::new("Milk")).id("milk").await?;
    record.permissions.edit()?.other.insert("share".to_owned(), ["account:friend".into()].into());
    let error = scene.todos.record("milk").save_permissions(&mut record).await.unwrap_err();
    assert_eq!(predicates(&error), ["refused"], "{error}");
    assert!(error.to_string().contains("share"), "{error}");
    Ok(())
}

#[tokio::test]
async fn what_is_there_already_is_given_with_its_data_and_permissions() -> Outcome {
    let scene = Scene::new().await;
    let (me, paths) = (me(&scene).await, shared(&scene).await);
    let mut before = Vec::new();
    for path in &paths {
        scene.plain.put_data(path, &json!({"colour": "blue", "members": ["account:a"]})).await;
        before.push(scene.plain.object(path).await);
    }
    let (bucket, todos) = (&scene.bucket, &scene.todos);
    macro_rules! assert_existing {
        ($($index:literal: $create:expr => $colour:expr),+ $(,)?) => {$(
            let given = $create.permissions(|p| p.read("account:new")).if_not_exists().await?;
            assert!(!given.is_created());
            assert_eq!(given.id.as_str(), before[$index]["id"]);
            assert_eq!(json!(given.last_modified), before[$index]["last_modified"]);
            assert_eq!($colour(&given), "blue");
            let lists = json!(given.permissions.get().expect("they are shown"));
            let readers = ["account:reader", "system.Authenticated"];
            let expected = json!({"read": readers, "write": ["account:editor", me]});
            assert_eq!(lists, expected);
            assert_eq!(scene.plain.object(&paths[$index]).await, before[$index], "nothing is changed");
            assert_eq!(scene.plain.permissions(&paths[$index]).await, expected);
        )+};
    }
    assert_existing!(
        0: bucket.create() => |given: &BucketObject| given.data.other["colour"].clone(),
        1: bucket.create_collection("todos") => |given: &CollectionObject| given.data.other["colour"].clone(),
        2: bucket.create_group("team", ["account:z"]) => |given: &GroupObject| {
            assert_eq!(given.members(), ["account:a"]);
            given.data.other["colour"].clone()
        },
        3: todos.create_record(json!({"id": "r", "colour": "red"})) => |given: &Record<Value>| {
            given.data["colour"].clone()
        },
    );
    Ok(())
}
