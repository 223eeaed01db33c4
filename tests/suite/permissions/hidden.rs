//! "Not visible to you" is not "none": it cannot be edited, and nothing that is saved erases it.

use kinto_client::{Client, Permissions, Principal, RecordPermissions, Saved, Value, json};
use kinto_server::unique;
use kinto_tests::{Outcome, Person, Scene};

use super::me;
use crate::{Todo, predicates};

/// A scene, and a record `milk` in it that somebody else has created and shared with others.
async fn with_a_record_of_others() -> (Scene, Person, String) {
    let scene = Scene::new().await;
    let creator = Person::new(scene.url(), "niko").await;
    let collection = format!("/buckets/{}/collections/todos", scene.bucket.id());
    scene.plain.put(&collection, &json!({"permissions": {"record:create": [creator.principal()]}})).await;
    let path = scene.record("milk");
    let lists = json!({"read": ["account:reader"], "write": ["account:editor"]});
    let data = json!({"title": "Milk", "done": false, "extra": 1});
    creator.plain.put(&path, &json!({"data": data, "permissions": lists})).await;
    (scene, creator, path)
}

/// The permissions of that record as its creator made them, with `more` writers.
fn lists(creator: &Person, more: &[&Principal]) -> Value {
    let mut write = vec!["account:editor".into(), creator.principal()];
    write.extend(more.iter().map(|&principal| principal.clone()));
    json!({"read": ["account:reader"], "write": write})
}

#[tokio::test]
async fn to_the_owner_of_the_bucket() -> Outcome {
    let (scene, creator, path) = with_a_record_of_others().await;
    let me = me(&scene).await;
    let mut record = scene.todos.get_record::<Todo>("milk").await?;
    assert_eq!(record.permissions, Permissions::NotVisible);
    assert_eq!(record.permissions.get(), None);
    let error = record.permissions.edit().unwrap_err();
    assert_eq!(predicates(&error), ["not visible"]);
    assert!(error.to_string().contains("`grant`"), "{error}");
    assert_eq!(creator.plain.permissions(&path).await, lists(&creator, &[]), "reading changes nothing");

    record.data.done = true;
    scene.sent.forget();
    scene.todos.save_record(&mut record).await?;
    assert!(scene.sent.take_one().json().get("permissions").is_none());
    assert_eq!(creator.plain.held(&path).await, json!({"title": "Milk", "done": true, "extra": 1}));
    assert_eq!(creator.plain.permissions(&path).await, lists(&creator, &[&me]), "who writes is added, by the server");
    let shown = RecordPermissions::default().read("account:reader");
    let shown = shown.write([Principal::account("editor"), creator.principal(), me]);
    assert_eq!(record.permissions, Permissions::Visible(shown.into()), "and is shown all there is from then on");
    Ok(())
}

#[tokio::test]
async fn what_is_made_up_for_them_is_not_saved() -> Outcome {
    let (scene, creator, path) = with_a_record_of_others().await;
    let mut record = scene.todos.get_record::<Todo>("milk").await?;
    let handle = scene.todos.record::<Todo>("milk");
    scene.sent.forget();
    assert_eq!(handle.save_permissions(&mut record).await?, Saved::Unchanged);
    record.permissions = Permissions::Visible(RecordPermissions::default().read("account:new").into());
    for error in [handle.save_permissions(&mut record).await.unwrap_err(), handle.save(&mut record).await.unwrap_err()]
    {
        assert_eq!(predicates(&error), ["not visible"], "{error}");
        assert_eq!(error.object(), Some(path.as_str()));
    }
    assert!(scene.sent.take().is_empty());
    assert_eq!(creator.plain.permissions(&path).await, lists(&creator, &[]));
    Ok(())
}

#[tokio::test]
async fn in_lists_and_they_stay_when_the_records_are_saved() -> Outcome {
    let (scene, creator, path) = with_a_record_of_others().await;
    let me = me(&scene).await;
    let own = scene.record("own");
    scene.plain.put(&own, &json!({"data": {"title": "Own"}, "permissions": {"read": ["account:reader"]}})).await;
    let mut records = scene.todos.get_records::<Todo>().await?;
    for record in &mut records {
        assert_eq!(record.permissions, Permissions::NotVisible);
        record.data.done = true;
    }
    scene.todos.save_records(&mut records).await?;
    assert_eq!(scene.plain.held(&own).await, json!({"title": "Own", "done": true}));
    assert_eq!(scene.plain.permissions(&own).await, json!({"read": ["account:reader"], "write": [me]}));
    assert_eq!(creator.plain.permissions(&path).await, lists(&creator, &[&me]));
    Ok(())
}

#[tokio::test]
async fn an_update_an_overwrite_and_a_patch_keep_them() -> Outcome {
    let (scene, creator, path) = with_a_record_of_others().await;
    let me = me(&scene).await;
    let record = scene.todos.record::<Value>("milk");
    record.update(|data| data["title"] = "updated".into()).await?;
    assert_eq!(creator.plain.permissions(&path).await, lists(&creator, &[&me]));

    creator
        .client
        .bucket(scene.bucket.id())
        .collection("todos")
        .record::<Value>("milk")
        .revoke(|p| p.write(&me))
        .await?;
    assert_eq!(record.get().await?.permissions, Permissions::NotVisible);
    record.patch(json!({"title": "patched"})).await?;
    assert_eq!(creator.plain.permissions(&path).await, lists(&creator, &[&me]));

    creator
        .client
        .bucket(scene.bucket.id())
        .collection("todos")
        .record::<Value>("milk")
        .revoke(|p| p.write(&me))
        .await?;
    record.overwrite(json!({"title": "overwritten"})).await?;
    assert_eq!(creator.plain.permissions(&path).await, lists(&creator, &[&me]));
    assert_eq!(creator.plain.held(&path).await, json!({"title": "overwritten"}));
    Ok(())
}

#[tokio::test]
async fn a_grant_adds_to_what_is_hidden() -> Outcome {
    let (scene, creator, path) = with_a_record_of_others().await;
    let me = me(&scene).await;
    scene.todos.record::<Value>("milk").grant(|p| p.read("account:second")).await?;
    let mut expected = lists(&creator, &[&me]);
    expected["read"] = json!(["account:reader", "account:second"]);
    assert_eq!(creator.plain.permissions(&path).await, expected);
    assert_eq!(creator.plain.held(&path).await, json!({"title": "Milk", "done": false, "extra": 1}));
    for sent in scene.sent.take().iter().filter(|sent| sent.method != http::Method::GET) {
        assert!(sent.header("if-match").is_some(), "each step is guarded: {sent:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_revoke_takes_from_what_is_hidden() -> Outcome {
    let (scene, creator, path) = with_a_record_of_others().await;
    let me = me(&scene).await;
    let record = scene.todos.record::<Value>("milk");
    record.revoke(|p| p.read("account:reader").write("account:editor")).await?;
    assert_eq!(creator.plain.permissions(&path).await, json!({"write": [creator.principal(), me]}));
    Ok(())
}

#[tokio::test]
async fn a_grant_that_is_overtaken_while_it_looks_starts_again() -> Outcome {
    use kinto_tests::{Fault, Gate, Proxy, in_order};
    let (scene, creator, path) = with_a_record_of_others().await;
    let me = me(&scene).await;
    for step in 1..=2 {
        let gate = Gate::default();
        let faults = (0..step).map(|_| Fault::Pass).chain([Fault::Hold(gate.clone())]);
        let proxy = Proxy::start(scene.url(), in_order(faults.collect::<Vec<_>>())).await;
        let record = scene.todos_through(&proxy).record::<Value>("milk");
        let overtaking = async {
            let mut now = creator.plain.permissions(&path).await;
            now["read"].as_array_mut().unwrap().push(format!("account:other{step}").into());
            // Without the scene's user, so that the next step begins where this one did.
            now["write"] = json!(["account:editor"]);
            creator.plain.put(&path, &json!({"permissions": now})).await;
        };
        gate.overtake(record.grant(|p| p.read(format!("account:new{step}"))), overtaking).await?;
        let read = creator.plain.permissions(&path).await["read"].clone();
        for reader in ["account:reader".to_owned(), format!("account:new{step}"), format!("account:other{step}")] {
            assert!(read.as_array().unwrap().contains(&json!(reader)), "{reader} is lost: {read}");
        }
        let todos = creator.client.bucket(scene.bucket.id()).collection("todos");
        todos.record::<Value>("milk").revoke(|p| p.write(&me)).await?;
    }
    Ok(())
}

#[tokio::test]
async fn members_of_a_group_that_may_write_see_them() -> Outcome {
    let scene = Scene::new().await;
    let niko = Person::new(scene.url(), "niko").await;
    let team = scene.bucket.group("team");
    team.create().members([niko.principal()]).await?;
    let created = scene.todos.create_record(json!({})).id("milk").permissions(|p| p.write(&team)).await?;
    let seen = niko.client.bucket(scene.bucket.id()).collection("todos").get_record::<Value>("milk").await?;
    assert_eq!(seen.permissions, created.permissions);
    assert!(seen.permissions.get().is_some());

    let readable = scene.todos.create_record(json!({})).id("eggs").permissions(|p| p.read(&team));
    readable.await?;
    let seen = niko.client.bucket(scene.bucket.id()).collection("todos").get_record::<Value>("eggs").await?;
    assert_eq!(seen.permissions, Permissions::NotVisible, "who may only read is not told");
    Ok(())
}

#[tokio::test]
async fn what_nobody_in_particular_has_created_is_everyones() -> Outcome {
    let scene = Scene::new().await;
    let path = format!("/buckets/{}/collections/open", scene.bucket.id());
    scene.plain.put(&path, &json!({"permissions": {"record:create": ["system.Everyone"]}})).await;
    let nobody = Client::builder(scene.url()).build()?;
    let open = nobody.bucket(scene.bucket.id()).collection("open");
    let id = unique("note");
    let created = open.create_record(Todo::new("Milk")).id(&id).await?;
    let everyone = Permissions::Visible(RecordPermissions::default().write(Principal::everyone()).into());
    assert_eq!(created.permissions, everyone, "shown as it is: whoever comes may change it");
    assert_eq!(scene.plain.permissions(&format!("{path}/records/{id}")).await, json!({"write": ["system.Everyone"]}));
    assert_eq!(open.get_record::<Todo>(&*id).await?.permissions, everyone);
    Ok(())
}
