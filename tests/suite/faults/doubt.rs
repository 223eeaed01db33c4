//! Answers that were lost, where somebody else writes as well: nobody is told that something was done that was not, and
//! nothing is done twice.

use kinto_client::{JsonPatch, Record, Value, json};
use kinto_tests::{Fault, Gate, Outcome, Proxy, Scene, Sent};

use super::{of_writes, through};
use crate::{Todo, predicates};

/// Loses the first write, before or after the server has done it, and holds up the second.
fn losing(first: Fault, gate: &Gate) -> impl FnMut(&Sent) -> Fault + Send + 'static {
    of_writes([first, Fault::Hold(gate.clone())])
}

fn add_one(data: &mut Value) {
    data["count"] = (data["count"].as_u64().expect("a number") + 1).into();
}

async fn counter() -> Scene {
    let scene = Scene::new().await;
    scene.plain.put_data(&scene.record("count"), &json!({"count": 0})).await;
    scene
}

#[tokio::test]
async fn a_count_is_not_made_twice() -> Outcome {
    let scene = counter().await;
    let (proxy, todos) = through(&scene, of_writes([Fault::CutAfter])).await;
    let error = todos.update_record("count", add_one).await.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["conflict"], true), "{error}");
    assert_eq!(scene.plain.held(&scene.record("count")).await, json!({"count": 1}));
    let methods: Vec<_> = proxy.arrived().iter().map(|sent| sent.method.to_string()).collect();
    assert_eq!(methods, ["GET", "PUT", "PUT", "GET"]);
    Ok(())
}

#[tokio::test]
async fn a_count_is_not_made_twice_after_somebody_else_went_on() -> Outcome {
    let scene = counter().await;
    let gate = Gate::default();
    let (_proxy, todos) = through(&scene, losing(Fault::CutAfter, &gate)).await;
    let go_on = async { drop(scene.plain.put_data(&scene.record("count"), &json!({"count": 2})).await) };
    let error = gate.overtake(todos.update_record("count", add_one), go_on).await.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["conflict"], true), "{error}");
    assert_eq!(scene.plain.held(&scene.record("count")).await, json!({"count": 2}));
    Ok(())
}

#[tokio::test]
async fn somebody_elses_count_is_not_taken_for_ones_own() -> Outcome {
    let scene = counter().await;
    let gate = Gate::default();
    let (_proxy, todos) = through(&scene, losing(Fault::CutBefore, &gate)).await;
    let count = async { drop(scene.plain.put_data(&scene.record("count"), &json!({"count": 1})).await) };
    let error = gate.overtake(todos.update_record("count", add_one), count).await.unwrap_err();
    assert!(error.may_have_been_applied(), "{error}");
    assert_eq!(scene.plain.held(&scene.record("count")).await, json!({"count": 1}));
    Ok(())
}

#[tokio::test]
async fn an_update_that_has_nothing_left_to_do_was_made() -> Outcome {
    let scene = Scene::new().await;
    scene.plain.put_data(&scene.record("milk"), &json!({"title": "Milk"})).await;
    let gate = Gate::default();
    let (_proxy, todos) = through(&scene, losing(Fault::CutAfter, &gate)).await;
    let also = json!({"title": "Milk", "done": true, "price": 2});
    let go_on = async { drop(scene.plain.put_data(&scene.record("milk"), &also).await) };
    let updated = gate.overtake(todos.update_record("milk", |todo: &mut Todo| todo.done = true), go_on).await?;
    assert!(updated.data.done);
    assert_eq!(scene.plain.held(&scene.record("milk")).await, also);
    Ok(())
}

#[tokio::test]
async fn an_item_is_not_added_twice() -> Outcome {
    let scene = Scene::new().await;
    scene.plain.put_data(&scene.record("list"), &json!({"items": []})).await;
    let (_proxy, todos) = through(&scene, of_writes([Fault::CutAfter])).await;
    let add = JsonPatch::new().add(["items", "-"], "milk");
    let error = todos.record::<Value>("list").json_patch(add).await.unwrap_err();
    assert!(error.is_conflict() && error.may_have_been_applied(), "{error}");
    assert_eq!(scene.plain.held(&scene.record("list")).await, json!({"items": ["milk"]}));

    let (_proxy, todos) = through(&scene, of_writes([Fault::CutAfter])).await;
    let replace = JsonPatch::new().replace(["items"], ["bread"]);
    todos.record::<Value>("list").json_patch(replace).await?;
    assert_eq!(scene.plain.held(&scene.record("list")).await, json!({"items": ["bread"]}));
    Ok(())
}

#[tokio::test]
async fn the_same_data_with_other_permissions_is_somebody_elses() -> Outcome {
    let scene = Scene::new().await;
    let gate = Gate::default();
    let (proxy, todos) = through(&scene, losing(Fault::CutBefore, &gate)).await;
    let path = scene.record("milk");
    let create = todos.create_record(Todo::new("Milk")).id("milk").permissions(|p| p.read("account:remy"));
    let other = async { drop(scene.plain.put_data(&path, &json!({"title": "Milk", "done": false})).await) };
    let error = gate.overtake(create, other).await.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["conflict"], true), "{error}");
    assert!(scene.plain.permissions(&path).await.get("read").is_none());
    assert_eq!(proxy.lines(), [format!("PUT {path}"), format!("PUT {path}"), format!("GET {path}")]);
    Ok(())
}

#[tokio::test]
async fn the_same_data_with_the_same_permissions_is_ones_own() -> Outcome {
    let scene = Scene::new().await;
    let path = scene.record("milk");
    let (proxy, todos) = through(&scene, of_writes([Fault::CutAfter])).await;
    let create = todos.create_record(Todo::new("Milk")).id("milk").permissions(|p| p.read("account:remy"));
    let mut created = create.await?;
    assert_eq!(proxy.lines(), [format!("PUT {path}"), format!("PUT {path}"), format!("GET {path}")]);
    assert!(created.permissions.get().expect("they are shown").read.contains("account:remy"));

    let (_proxy, todos) = through(&scene, of_writes([Fault::answer_instead(502, &[], "")])).await;
    created.permissions.edit()?.write.insert("account:niko".into());
    todos.save_record(&mut created).await?;
    assert!(created.permissions.get().expect("they are shown").write.contains("account:niko"));
    let held = scene.plain.permissions(&path).await;
    assert!(held["write"].to_string().contains("account:niko") && held["read"] == json!(["account:remy"]), "{held}");
    Ok(())
}

#[tokio::test]
async fn in_a_batch_too() -> Outcome {
    let scene = Scene::new().await;
    let is_batch = |sent: &Sent| sent.is_batch();
    let mut lost = false;
    let rule = move |sent: &Sent| {
        if is_batch(sent) && !std::mem::replace(&mut lost, true) { Fault::CutAfter } else { Fault::Pass }
    };
    let proxy = Proxy::start(scene.url(), rule).await;
    let client = scene.client_at(proxy.url()).build()?;
    let todos = scene.todos_of(&client);
    let create = |id: &str| todos.create_record(Todo::new("Milk")).id(id).permissions(|p| p.read("account:remy"));
    let (one, other) = client.together((create("a"), create("b"))).await?;
    for created in [one?, other?] {
        assert!(created.permissions.get().expect("they are shown").read.contains("account:remy"));
    }
    assert_eq!(scene.plain.ids(&scene.records).await, ["a", "b"]);
    Ok(())
}

#[tokio::test]
async fn a_collection_with_another_schema_is_somebody_elses() -> Outcome {
    let scene = Scene::new().await;
    let gate = Gate::default();
    let proxy = Proxy::start(scene.url(), losing(Fault::CutBefore, &gate)).await;
    let bucket = scene.client_at(proxy.url()).retry(super::Tries(3)).build()?.bucket(scene.bucket.id());
    let path = format!("/buckets/{}/collections/notes", scene.bucket.id());
    let create = bucket.create_collection("notes").data(kinto_client::CollectionAttributes::default());
    let other = json!({"schema": {"type": "object"}});
    let error = gate.overtake(create, async { drop(scene.plain.put_data(&path, &other).await) }).await.unwrap_err();
    assert!(error.is_conflict() && error.may_have_been_applied(), "{error}");
    assert_eq!(scene.plain.held(&path).await, other);
    Ok(())
}

#[tokio::test]
async fn a_page_of_a_proxy_does_not_say_that_a_record_is_gone() -> Outcome {
    let scene = Scene::new().await;
    let milk: Record<Todo> = scene.todos.create_record(Todo::new("Milk")).await?;
    let page = Fault::answer(404, &["Content-Type: text/html"], "<h1>Not Found</h1>");
    let (_proxy, todos) = through(&scene, of_writes([Fault::CutBefore, page])).await;
    let error = todos.delete_record(&milk).await.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["unexpected"], true), "{error}");
    assert_eq!(scene.plain.ids(&scene.records).await, [milk.id.as_str()]);
    Ok(())
}

#[tokio::test]
async fn of_two_who_create_what_differs_one_is_told_that_it_was_there() -> Outcome {
    let scene = Scene::new().await;
    let gate = Gate::default();
    let (_proxy, todos) = through(&scene, losing(Fault::CutBefore, &gate)).await;
    let other = async { drop(scene.plain.put_data(&scene.record("milk"), &json!({"title": "Oat milk"})).await) };
    let create = todos.create_record(Todo::new("Milk")).id("milk").if_not_exists();
    let ensured = gate.overtake(create, other).await?;
    assert!(!ensured.is_created());
    assert_eq!(ensured.data.title, "Oat milk");
    Ok(())
}
