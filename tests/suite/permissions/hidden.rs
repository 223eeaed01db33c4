//! "Not visible to you" is not "none": it cannot be edited, and nothing that is saved erases it.

use kinto_client::{
    Client, Permissions, Principal, Value, json, operation::SaveOutcome, permissions::RecordPermissions,
};
use kinto_server::unique;
use kinto_tests::{Fixture, Outcome, TestUser};

use super::me;
use crate::{Todo, predicates};

/// A fixture, and a record `milk` in it that somebody else has created and shared with others.
async fn with_a_record_of_others() -> (Fixture, TestUser, String) {
    let fixture = Fixture::new().await;
    let creator = TestUser::new(fixture.url(), "niko").await;
    let collection = format!("/buckets/{}/collections/todos", fixture.bucket.id());
    fixture.plain.put(&collection, &json!({"permissions": {"record:create": [creator.principal()]}})).await;
    let path = fixture.record("milk");
    let lists = json!({"read": ["account:reader"], "write": ["account:editor"]});
    let data = json!({"title": "Milk", "done": false, "extra": 1});
    creator.plain.put(&path, &json!({"data": data, "permissions": lists})).await;
    (fixture, creator, path)
}

/// The permissions of that record as its creator made them, with `more` writers.
fn lists(creator: &TestUser, more: &[&Principal]) -> Value {
    let mut write = vec!["account:editor".into(), creator.principal()];
    write.extend(more.iter().map(|&principal| principal.clone()));
    json!({"read": ["account:reader"], "write": write})
}

#[tokio::test]
async fn permissions_are_hidden_from_owner_of_bucket() -> Outcome {
    let (fixture, creator, path) = with_a_record_of_others().await;
    let me = me(&fixture).await;
    let mut record = fixture.todos.get_record::<Todo>("milk").await?;
    assert_eq!(record.permissions, Permissions::NotVisible);
    assert_eq!(record.permissions.get(), None);
    let error = record.permissions.edit().unwrap_err();
    assert_eq!(predicates(&error), ["not visible"]);
    assert!(error.to_string().contains("`grant`"), "{error}");
    assert_eq!(creator.plain.permissions(&path).await, lists(&creator, &[]), "reading changes nothing");

    record.data.done = true;
    fixture.sent.forget();
    fixture.todos.save_record(&mut record).await?;
    assert!(fixture.sent.take_one().json().get("permissions").is_none());
    assert_eq!(creator.plain.held(&path).await, json!({"title": "Milk", "done": true, "extra": 1}));
    assert_eq!(creator.plain.permissions(&path).await, lists(&creator, &[&me]), "who writes is added, by the server");
    let shown = RecordPermissions::default().read("account:reader");
    let shown = shown.write([Principal::account("editor"), creator.principal(), me]);
    assert_eq!(record.permissions, Permissions::Visible(shown.into()), "and is shown all there is from then on");
    Ok(())
}

#[tokio::test]
async fn save_rejects_invented_permissions_when_hidden() -> Outcome {
    let (fixture, creator, path) = with_a_record_of_others().await;
    let mut record = fixture.todos.get_record::<Todo>("milk").await?;
    let handle = fixture.todos.record::<Todo>("milk");
    fixture.sent.forget();
    assert_eq!(handle.save_permissions(&mut record).await?, SaveOutcome::Unchanged);
    record.permissions = Permissions::Visible(RecordPermissions::default().read("account:new").into());
    for error in [handle.save_permissions(&mut record).await.unwrap_err(), handle.save(&mut record).await.unwrap_err()]
    {
        assert_eq!(predicates(&error), ["not visible"], "{error}");
        assert_eq!(error.object(), Some(path.as_str()));
    }
    assert!(fixture.sent.take().is_empty());
    assert_eq!(creator.plain.permissions(&path).await, lists(&creator, &[]));
    Ok(())
}

#[tokio::test]
async fn save_of_listed_record_keeps_hidden_permissions() -> Outcome {
    let (fixture, creator, path) = with_a_record_of_others().await;
    let me = me(&fixture).await;
    let own = fixture.record("own");
    fixture.plain.put(&own, &json!({"data": {"title": "Own"}, "permissions": {"read": ["account:reader"]}})).await;
    let mut records = fixture.todos.get_records::<Todo>().await?;
    for record in &mut records {
        assert_eq!(record.permissions, Permissions::NotVisible);
        record.data.done = true;
    }
    fixture.todos.save_records(&mut records).await?;
    assert_eq!(fixture.plain.held(&own).await, json!({"title": "Own", "done": true}));
    assert_eq!(fixture.plain.permissions(&own).await, json!({"read": ["account:reader"], "write": [me]}));
    assert_eq!(creator.plain.permissions(&path).await, lists(&creator, &[&me]));
    Ok(())
}

#[tokio::test]
async fn update_overwrite_and_patch_keep_hidden_permissions() -> Outcome {
    let (fixture, creator, path) = with_a_record_of_others().await;
    let me = me(&fixture).await;
    let record = fixture.todos.record::<Value>("milk");
    record.update(|data| data["title"] = "updated".into()).await?;
    assert_eq!(creator.plain.permissions(&path).await, lists(&creator, &[&me]));

    creator
        .client
        .bucket(fixture.bucket.id())
        .collection("todos")
        .record::<Value>("milk")
        .revoke(|p| p.write(&me))
        .await?;
    assert_eq!(record.get().await?.permissions, Permissions::NotVisible);
    record.patch(json!({"title": "patched"})).await?;
    assert_eq!(creator.plain.permissions(&path).await, lists(&creator, &[&me]));

    creator
        .client
        .bucket(fixture.bucket.id())
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
async fn grant_extends_hidden_permissions() -> Outcome {
    let (fixture, creator, path) = with_a_record_of_others().await;
    let me = me(&fixture).await;
    fixture.todos.record::<Value>("milk").grant(|p| p.read("account:second")).await?;
    let mut expected = lists(&creator, &[&me]);
    expected["read"] = json!(["account:reader", "account:second"]);
    assert_eq!(creator.plain.permissions(&path).await, expected);
    assert_eq!(creator.plain.held(&path).await, json!({"title": "Milk", "done": false, "extra": 1}));
    for sent in fixture.sent.take().iter().filter(|sent| sent.method != http::Method::GET) {
        assert!(sent.header("if-match").is_some(), "each step is guarded: {sent:?}");
    }
    Ok(())
}

#[tokio::test]
async fn revoke_reduces_hidden_permissions() -> Outcome {
    let (fixture, creator, path) = with_a_record_of_others().await;
    let me = me(&fixture).await;
    let record = fixture.todos.record::<Value>("milk");
    record.revoke(|p| p.read("account:reader").write("account:editor")).await?;
    assert_eq!(creator.plain.permissions(&path).await, json!({"write": [creator.principal(), me]}));
    Ok(())
}

#[tokio::test]
async fn grant_on_hidden_permissions_starts_over_after_conflict() -> Outcome {
    use kinto_tests::{Fault, Gate, Proxy, in_order};
    let (fixture, creator, path) = with_a_record_of_others().await;
    let me = me(&fixture).await;
    for step in 1..=2 {
        let gate = Gate::default();
        let faults = (0..step).map(|_| Fault::Pass).chain([Fault::Hold(gate.clone())]);
        let proxy = Proxy::start(fixture.url(), in_order(faults.collect::<Vec<_>>())).await;
        let record = fixture.todos_through(&proxy).record::<Value>("milk");
        let overtaking = async {
            let mut now = creator.plain.permissions(&path).await;
            now["read"].as_array_mut().unwrap().push(format!("account:other{step}").into());
            // Without the fixture's user, so that the next step begins where this one did.
            now["write"] = json!(["account:editor"]);
            creator.plain.put(&path, &json!({"permissions": now})).await;
        };
        gate.overtake(record.grant(|p| p.read(format!("account:new{step}"))), overtaking).await?;
        let read = creator.plain.permissions(&path).await["read"].clone();
        for reader in ["account:reader".to_owned(), format!("account:new{step}"), format!("account:other{step}")] {
            assert!(read.as_array().unwrap().contains(&json!(reader)), "{reader} is lost: {read}");
        }
        let todos = creator.client.bucket(fixture.bucket.id()).collection("todos");
        todos.record::<Value>("milk").revoke(|p| p.write(&me)).await?;
    }
    Ok(())
}

#[tokio::test]
async fn permissions_are_visible_to_members_of_writing_group() -> Outcome {
    let fixture = Fixture::new().await;
    let niko = TestUser::new(fixture.url(), "niko").await;
    let team = fixture.bucket.group("team");
    team.create().members([niko.principal()]).await?;
    let created = fixture.todos.create_record(json!({})).id("milk").permissions(|p| p.write(&team)).await?;
    let seen = niko.client.bucket(fixture.bucket.id()).collection("todos").get_record::<Value>("milk").await?;
    assert_eq!(seen.permissions, created.permissions);
    assert!(seen.permissions.get().is_some());

    let readable = fixture.todos.create_record(json!({})).id("eggs").permissions(|p| p.read(&team));
    readable.await?;
    let seen = niko.client.bucket(fixture.bucket.id()).collection("todos").get_record::<Value>("eggs").await?;
    assert_eq!(seen.permissions, Permissions::NotVisible, "who may only read is not told");
    Ok(())
}

#[tokio::test]
async fn object_created_anonymously_is_writable_by_everyone() -> Outcome {
    let fixture = Fixture::new().await;
    let path = format!("/buckets/{}/collections/open", fixture.bucket.id());
    fixture.plain.put(&path, &json!({"permissions": {"record:create": ["system.Everyone"]}})).await;
    let nobody = Client::builder(fixture.url()).build()?;
    let open = nobody.bucket(fixture.bucket.id()).collection("open");
    let id = unique("note");
    let created = open.create_record(Todo::new("Milk")).id(&id).await?;
    let everyone = Permissions::Visible(RecordPermissions::default().write(Principal::everyone()).into());
    assert_eq!(created.permissions, everyone, "shown as it is: whoever comes may change it");
    assert_eq!(fixture.plain.permissions(&format!("{path}/records/{id}")).await, json!({"write": ["system.Everyone"]}));
    assert_eq!(open.get_record::<Todo>(&*id).await?.permissions, everyone);
    Ok(())
}
