//! Permissions: set with every write, saved without a loss, and never guessed.

use kinto_client::{
    Principal, Record, Value, json,
    object::{BucketObject, CollectionObject, GroupObject},
    operation::SaveOutcome,
    permissions::RecordPermissions,
};
use kinto_tests::{Fault, Fixture, Outcome, Proxy, SentRequest};

use crate::{Todo, predicates};

mod entries;
mod grants;
mod hidden;
mod writes;

/// Returns the principal of the fixture's user on the server.
async fn me(fixture: &Fixture) -> Principal {
    // Asked of a client of its own, so that the fixture's has sent nothing.
    let client = fixture.client_at(fixture.url()).build().expect("a client");
    client.user().await.expect("an answer").expect("I am known").id.clone()
}

/// Puts an object there that two others may read and two may write.
async fn put_shared(fixture: &Fixture, path: &str) {
    let lists = json!({"read": ["account:reader", "system.Authenticated"], "write": ["account:editor"]});
    fixture.plain.put(path, &json!({"permissions": lists})).await;
}

/// The paths of a bucket, and of a collection, a group and a record in it, all of which are [shared](put_shared).
async fn shared(fixture: &Fixture) -> [String; 4] {
    let bucket = format!("/buckets/{}", fixture.bucket.id());
    let paths =
        [bucket.clone(), format!("{bucket}/collections/todos"), format!("{bucket}/groups/team"), fixture.record("r")];
    for path in &paths {
        put_shared(fixture, path).await;
    }
    paths
}

async fn assert_all(fixture: &Fixture, paths: &[String], expected: &Value) {
    for path in paths {
        assert_eq!(fixture.plain.permissions(path).await, *expected, "{path}");
    }
}

#[tokio::test]
async fn save_permissions_sends_only_changed_lists() -> Outcome {
    let fixture = Fixture::new().await;
    let me = me(&fixture).await;
    let path = format!("/buckets/{}/collections/todos", fixture.bucket.id());
    let lists = json!({"read": ["account:reader"], "write": ["account:editor"], "record:create": ["account:a"]});
    fixture.plain.put(&path, &json!({"permissions": lists})).await;
    let mut collection = fixture.todos.get().await?;
    let read = collection.last_modified;
    fixture.sent.forget();

    let permissions = collection.permissions.edit()?;
    permissions.record_create.insert("account:b".into());
    permissions.read.clear();
    assert_eq!(fixture.todos.save_permissions(&mut collection).await?, SaveOutcome::Stored);
    let sent = fixture.sent.take_one();
    assert_eq!(sent.line(), format!("PATCH {path}"));
    assert_eq!(sent.header("if-match"), Some(format!("\"{read}\"").as_str()));
    let changes = json!({"read": [], "record:create": ["account:a", "account:b"]});
    assert_eq!(sent.json(), json!({"permissions": changes}));

    let expected = json!({"write": ["account:editor", me], "record:create": ["account:a", "account:b"]});
    assert_eq!(fixture.plain.permissions(&path).await, expected, "an emptied list is cleared");
    assert_eq!(fixture.todos.save_permissions(&mut collection).await?, SaveOutcome::Unchanged);
    assert_eq!(fixture.todos.save(&mut collection).await?, SaveOutcome::Unchanged);
    assert!(fixture.sent.take().is_empty());
    assert_eq!(fixture.plain.object(&path).await["last_modified"], json!(collection.last_modified));
    Ok(())
}

#[tokio::test]
async fn save_permissions_works_for_all_kinds() -> Outcome {
    let fixture = Fixture::new().await;
    let (me, paths) = (me(&fixture).await, shared(&fixture).await);
    let (group, record) = (fixture.bucket.group("team"), fixture.todos.record::<Value>("r"));
    let mut bucket_object = fixture.bucket.get().await?;
    let mut collection_object = fixture.todos.get().await?;
    let (mut group_object, mut record_object) = (group.get().await?, record.get().await?);

    bucket_object.permissions.edit()?.read.remove("system.Authenticated");
    collection_object.permissions.edit()?.read.remove("system.Authenticated");
    group_object.permissions.edit()?.read.remove("system.Authenticated");
    record_object.permissions.edit()?.read.remove("system.Authenticated");
    fixture.bucket.save_permissions(&mut bucket_object).await?;
    fixture.todos.save_permissions(&mut collection_object).await?;
    group.save_permissions(&mut group_object).await?;
    record.save_permissions(&mut record_object).await?;
    assert_all(&fixture, &paths, &json!({"read": ["account:reader"], "write": ["account:editor", me]})).await;

    bucket_object.permissions.edit()?.write.remove("account:editor");
    collection_object.permissions.edit()?.write.remove("account:editor");
    group_object.permissions.edit()?.write.remove("account:editor");
    record_object.permissions.edit()?.write.remove("account:editor");
    fixture.client.save_bucket(&mut bucket_object).await?;
    fixture.bucket.save_collection(&mut collection_object).await?;
    fixture.bucket.save_group(&mut group_object).await?;
    fixture.todos.save_record(&mut record_object).await?;
    assert_all(&fixture, &paths, &json!({"read": ["account:reader"], "write": [me]})).await;
    Ok(())
}

#[tokio::test]
async fn save_stores_data_and_permissions() -> Outcome {
    let fixture = Fixture::new().await;
    let me = me(&fixture).await;
    let path = fixture.record("milk");
    let lists = json!({"read": ["account:reader"], "write": ["account:editor"]});
    fixture.plain.put(&path, &json!({"data": {"title": "Milk", "extra": 1}, "permissions": lists})).await;
    let mut record = fixture.todos.get_record::<Todo>("milk").await?;
    fixture.sent.forget();

    record.data.done = true;
    record.permissions.edit()?.read.insert("account:second".into());
    record.permissions.edit()?.write.remove("account:editor");
    fixture.todos.save_record(&mut record).await?;
    let sent = fixture.sent.take_one();
    assert_eq!(sent.line(), format!("PUT {path}"));
    let lists = json!({"read": ["account:reader", "account:second"], "write": [me]});
    assert_eq!(sent.json(), json!({"data": {"title": "Milk", "done": true, "extra": 1}, "permissions": lists}));
    assert_eq!(fixture.plain.held(&path).await, json!({"title": "Milk", "done": true, "extra": 1}));
    assert_eq!(fixture.plain.permissions(&path).await, lists);

    record.data.done = false;
    fixture.todos.save_record(&mut record).await?;
    assert_eq!(fixture.sent.take_one().json(), json!({"data": {"title": "Milk", "done": false, "extra": 1}}));
    record.permissions.edit()?.read.clear();
    fixture.todos.save_record(&mut record).await?;
    assert_eq!(fixture.plain.held(&path).await, json!({"title": "Milk", "done": false, "extra": 1}));
    assert_eq!(fixture.plain.permissions(&path).await, json!({"write": [me]}));
    Ok(())
}

#[tokio::test]
async fn save_can_empty_all_lists_of_permissions() -> Outcome {
    let fixture = Fixture::new().await;
    let (me, paths) = (me(&fixture).await, shared(&fixture).await);
    let mut record = fixture.todos.get_record::<Value>("r").await?;
    *record.permissions.edit()? = RecordPermissions::default();
    record.data["a"] = 1.into();
    fixture.todos.save_record(&mut record).await?;
    assert_eq!(fixture.plain.held(&paths[3]).await, json!({"a": 1}));
    assert_eq!(fixture.plain.permissions(&paths[3]).await, json!({"write": [me]}), "the server adds who writes");
    Ok(())
}

#[tokio::test]
async fn save_permissions_leaves_data_changes_unsaved() -> Outcome {
    let fixture = Fixture::new().await;
    let mut record = fixture.todos.create_record(Todo::new("Milk")).id("milk").await?;
    let handle = fixture.todos.record::<Todo>("milk");
    record.data.done = true;
    record.permissions.edit()?.read.insert("account:reader".into());
    handle.save_permissions(&mut record).await?;
    assert_eq!(fixture.plain.held(&fixture.record("milk")).await, json!({"title": "Milk", "done": false}));
    assert_eq!(handle.save(&mut record).await?, SaveOutcome::Stored);
    assert_eq!(fixture.plain.held(&fixture.record("milk")).await, json!({"title": "Milk", "done": true}));
    assert_eq!(fixture.plain.permissions(&fixture.record("milk")).await["read"], json!(["account:reader"]));
    Ok(())
}

#[tokio::test]
async fn save_permissions_returns_conflict_when_changed() -> Outcome {
    let fixture = Fixture::new().await;
    let handle = fixture.todos.record::<Todo>("milk");
    let mut record = fixture.todos.create_record(Todo::new("Milk")).id("milk").await?;
    let mut same = record.clone();
    same.permissions.edit()?.read.insert("account:first".into());
    handle.save_permissions(&mut same).await?;

    record.permissions.edit()?.read.insert("account:second".into());
    for error in [handle.save_permissions(&mut record).await.unwrap_err(), handle.save(&mut record).await.unwrap_err()]
    {
        assert_eq!(predicates(&error), ["conflict"], "{error}");
    }
    assert_eq!(fixture.plain.permissions(&fixture.record("milk")).await["read"], json!(["account:first"]));
    Ok(())
}

#[tokio::test]
async fn save_permissions_keeps_unknown_permission() -> Outcome {
    let fixture = Fixture::new().await;
    let path = fixture.record("milk");
    let body = json!({"data": {"title": "Milk"}, "permissions": {"read": ["account:reader"]}});
    fixture.plain.put(&path, &body).await;
    // A server of the future.
    let proxy = Proxy::start(fixture.url(), move |sent| match sent.method.as_str() {
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
    let todos = fixture.todos_through(&proxy);
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
    let bodies: Vec<Value> =
        proxy.arrived().iter().filter(|sent| sent.method != "GET").map(SentRequest::json).collect();
    assert_eq!(bodies[0], json!({"permissions": {"read": []}}));
    let write = bodies[1]["permissions"]["write"].clone();
    assert_eq!(bodies[1]["permissions"], json!({"share": ["account:friend"], "write": write}), "a PUT replaces all");
    assert_eq!(bodies[2], json!({"permissions": {"read": [], "share": []}}));
    assert_eq!(bodies[3], json!({"permissions": {"read": []}}));
    Ok(())
}

#[tokio::test]
async fn save_permissions_rejects_permission_of_other_kind() -> Outcome {
    let fixture = Fixture::new().await;
    let mut record = fixture.todos.create_record(Todo::new("Milk")).id("milk").await?;
    record.permissions.edit()?.other.insert("share".to_owned(), ["account:friend".into()].into());
    let error = fixture.todos.record("milk").save_permissions(&mut record).await.unwrap_err();
    assert_eq!(predicates(&error), ["refused"], "{error}");
    assert!(error.to_string().contains("share"), "{error}");
    Ok(())
}

#[tokio::test]
async fn if_not_exists_returns_existing_data_and_permissions() -> Outcome {
    let fixture = Fixture::new().await;
    let (me, paths) = (me(&fixture).await, shared(&fixture).await);
    let mut before = Vec::new();
    for path in &paths {
        fixture.plain.put_data(path, &json!({"colour": "blue", "members": ["account:a"]})).await;
        before.push(fixture.plain.object(path).await);
    }
    let (bucket, todos) = (&fixture.bucket, &fixture.todos);
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
            assert_eq!(fixture.plain.object(&paths[$index]).await, before[$index], "nothing is changed");
            assert_eq!(fixture.plain.permissions(&paths[$index]).await, expected);
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
