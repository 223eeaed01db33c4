//! Answers that were lost, where somebody else writes as well: nobody is told that something was done that was not, and
//! nothing is done twice.

use kinto_client::{Ensured, Error, JsonPatch, Record, Value, json};
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

fn assert_in_doubt(error: &Error) {
    assert_eq!((predicates(error), error.may_have_been_applied()), (vec!["conflict"], true), "{error}");
    let said = error.to_string();
    for words in ["nobody can tell whether this request or another client", "twice"] {
        assert!(said.contains(words), "{words} is not said: {said}");
    }
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
    assert_eq!(methods, ["GET", "PUT", "PUT"]);
    Ok(())
}

#[tokio::test]
async fn a_count_that_a_proxy_sends_twice_is_in_doubt_and_not_made_twice() -> Outcome {
    let scene = counter().await;
    let (proxy, todos) = through(&scene, of_writes([Fault::Twice])).await;
    assert_in_doubt(&todos.update_record("count", add_one).await.unwrap_err());
    assert_eq!(scene.plain.held(&scene.record("count")).await, json!({"count": 1}));
    assert_eq!(proxy.lines(), [format!("GET {}", scene.record("count")), format!("PUT {}", scene.record("count"))]);
    Ok(())
}

#[tokio::test]
async fn every_write_that_a_proxy_sends_twice_is_in_doubt_or_proven() -> Outcome {
    let scene = Scene::new().await;
    let path = scene.record("milk");
    let reset = async || {
        scene.plain.delete(&scene.records).await;
        scene.plain.put_data(&path, &json!({"title": "Milk", "done": false})).await;
        scene.todos.get_record::<Todo>("milk").await
    };
    let through = async || through(&scene, of_writes([Fault::Twice])).await;

    let (_proxy, todos) = through().await;
    let created = todos.create_record(Todo::new("Eggs")).permissions(|p| p.read("account:remy")).await?;
    assert!(created.permissions.get().expect("they are shown").read.contains("account:remy"));
    assert_eq!(scene.plain.ids(&scene.records).await, [created.id.as_str()], "the id is proof");

    let (_proxy, todos) = through().await;
    assert_in_doubt(&todos.create_record(Todo::new("Eggs")).id("eggs").await.unwrap_err());
    assert_eq!(scene.plain.held(&scene.record("eggs")).await, json!({"title": "Eggs", "done": false}));

    let mut milk = reset().await?;
    let (_proxy, todos) = through().await;
    milk.data.done = true;
    let error = todos.save_record(&mut milk).await.unwrap_err();
    assert_in_doubt(&error);
    let conflict = error.conflict::<Todo>().expect("both versions");
    assert_eq!(Some(conflict.ours.data), conflict.theirs.map(|theirs| theirs.data));

    let milk = reset().await?;
    let (_proxy, todos) = through().await;
    let error = todos.delete_record(&milk).await.unwrap_err();
    assert_in_doubt(&error);
    assert_eq!(error.status().map(|status| status.as_u16()), Some(404));
    assert_eq!(scene.plain.ids(&scene.records).await, [""; 0]);

    let milk = reset().await?;
    let (_proxy, todos) = through().await;
    assert!(todos.delete_record(&milk).if_exists().await?.is_none());

    reset().await?;
    let (_proxy, todos) = through().await;
    let error = todos.delete_record("milk").await.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["not found"], true), "{error}");
    assert!(error.to_string().contains("arrived twice"), "{error}");

    // Made twice they are made once, so that they can be looked for and found.
    reset().await?;
    let (_proxy, todos) = through().await;
    let edited = todos.record::<Todo>("milk").merge_patch(json!({"done": true})).await?;
    assert!(edited.data.done);
    Ok(())
}

#[tokio::test]
async fn members_that_a_proxy_adds_twice_are_added() -> Outcome {
    let scene = Scene::new().await;
    scene.bucket.create_group("friends", ["account:remy"]).await?;
    let proxy = Proxy::start(scene.url(), of_writes([Fault::Twice])).await;
    let friends = scene.client_at(proxy.url()).build()?.bucket(scene.bucket.id()).group("friends");
    let group = friends.add_members(["account:niko"]).await?;
    assert_eq!(group.members(), ["account:remy", "account:niko"]);
    Ok(())
}

/// A claim: whoever is told that it succeeded is the only one.
#[tokio::test]
async fn two_programs_are_never_both_told_yours() -> Outcome {
    let scene = Scene::new().await;
    let overloaded = || Fault::json(503, &json!({"code": 503, "errno": 201, "error": "busy"}));
    let path = scene.record("lock");
    let claimed = json!({"locked": true});
    let claims = async || {
        let gate = Gate::default();
        let (proxy, todos) = through(&scene, of_writes([overloaded(), Fault::Hold(gate.clone())])).await;
        (gate, proxy, todos)
    };

    let (gate, _proxy, todos) = claims().await;
    let other = async { assert!(scene.todos.create_record(claimed.clone()).id("lock").await.is_ok()) };
    let error = gate.overtake(todos.create_record(claimed.clone()).id("lock"), other).await.unwrap_err();
    assert_in_doubt(&error);

    scene.plain.delete(&path).await;
    let (gate, _proxy, todos) = claims().await;
    let ensure = |todos: &kinto_client::Collection| todos.create_record(claimed.clone()).id("lock").if_not_exists();
    let other = async { assert!(ensure(&scene.todos).await.expect("it is made").is_created()) };
    assert!(matches!(gate.overtake(ensure(&todos), other).await?, Ensured::InDoubt(_)));

    scene.plain.put_data(&path, &json!({"n": 1})).await;
    let (gate, _proxy, todos) = claims().await;
    let mut mine = scene.todos.get_record::<Value>("lock").await?;
    let mut theirs = scene.todos.get_record::<Value>("lock").await?;
    mine.data["n"] = 2.into();
    theirs.data["n"] = 2.into();
    let other = async { assert!(scene.todos.save_record(&mut theirs).await.is_ok()) };
    let error = gate.overtake(todos.save_record(&mut mine), other).await.unwrap_err();
    assert_in_doubt(&error);

    let (gate, _proxy, todos) = claims().await;
    let job = scene.todos.get_record::<Value>("lock").await?;
    let other = async { assert!(scene.todos.delete_record(&job).await.is_ok()) };
    let error = gate.overtake(todos.delete_record(&job), other).await.unwrap_err();
    assert_in_doubt(&error);
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

/// Run again the closure would find its own result, and tell its caller that there was nothing to take.
#[tokio::test]
async fn an_update_in_doubt_does_not_run_its_closure_again() -> Outcome {
    let scene = Scene::new().await;
    let balance = scene.record("balance");
    for fault in [Fault::CutAfter, Fault::Twice] {
        scene.plain.put_data(&balance, &json!({"left": 10})).await;
        let (proxy, todos) = through(&scene, of_writes([fault])).await;
        let mut runs = 0;
        let mut paid = false;
        let update = todos.update_record("balance", |data: &mut Value| {
            runs += 1;
            paid = data["left"] == 10;
            if paid {
                data["left"] = 0.into();
            }
        });
        let error = update.await.unwrap_err();
        assert_in_doubt(&error);
        assert_eq!((runs, paid), (1, true));
        assert_eq!(proxy.lines().last(), Some(&format!("PUT {balance}")));
        assert_eq!(scene.plain.held(&balance).await, json!({"left": 0}));
    }
    Ok(())
}

#[tokio::test]
async fn an_edit_that_has_nothing_left_to_do_was_made() -> Outcome {
    let scene = Scene::new().await;
    scene.plain.put_data(&scene.record("milk"), &json!({"title": "Milk"})).await;
    let gate = Gate::default();
    let (_proxy, todos) = through(&scene, losing(Fault::CutAfter, &gate)).await;
    let also = json!({"title": "Milk", "done": true, "price": 2});
    let go_on = async { drop(scene.plain.put_data(&scene.record("milk"), &also).await) };
    let updated = gate.overtake(todos.record::<Todo>("milk").merge_patch(json!({"done": true})), go_on).await?;
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
    let replace = JsonPatch::new().test(["items", "0"], "milk").replace(["items"], ["bread"]);
    assert_in_doubt(&todos.record::<Value>("list").json_patch(replace).await.unwrap_err());
    assert_eq!(scene.plain.held(&scene.record("list")).await, json!({"items": ["bread"]}));
    Ok(())
}

#[tokio::test]
async fn the_same_data_with_other_permissions_is_in_doubt() -> Outcome {
    let scene = Scene::new().await;
    let gate = Gate::default();
    let (proxy, todos) = through(&scene, losing(Fault::CutBefore, &gate)).await;
    let path = scene.record("milk");
    let create = todos.create_record(Todo::new("Milk")).id("milk").permissions(|p| p.read("account:remy"));
    let other = async { drop(scene.plain.put_data(&path, &json!({"title": "Milk", "done": false})).await) };
    let error = gate.overtake(create, other).await.unwrap_err();
    assert_in_doubt(&error);
    assert!(scene.plain.permissions(&path).await.get("read").is_none());
    assert_eq!(proxy.lines(), [format!("PUT {path}"), format!("PUT {path}")]);
    Ok(())
}

#[tokio::test]
async fn an_id_of_its_own_is_proof_and_the_permissions_are_read() -> Outcome {
    let scene = Scene::new().await;
    let (proxy, todos) = through(&scene, of_writes([Fault::CutAfter])).await;
    let create = todos.create_record(Todo::new("Milk")).permissions(|p| p.read("account:remy"));
    let mut created = create.await?;
    let path = scene.record(&created.id);
    assert_eq!(proxy.lines(), [format!("PUT {path}"), format!("PUT {path}"), format!("GET {path}")]);
    assert!(created.permissions.get().expect("they are shown").read.contains("account:remy"));

    let (_proxy, todos) = through(&scene, of_writes([Fault::answer_instead(502, &[], "")])).await;
    created.permissions.edit()?.write.insert("account:niko".into());
    assert_in_doubt(&todos.save_record(&mut created).await.unwrap_err());
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
    let create = || todos.create_record(Todo::new("Milk")).permissions(|p| p.read("account:remy"));
    let (one, chosen, other) = client.together((create(), create().id("a"), create())).await?;
    let mut ids = vec!["a".to_owned()];
    for created in [one?, other?] {
        assert!(created.permissions.get().expect("they are shown").read.contains("account:remy"));
        ids.push(created.id.to_string());
    }
    assert_in_doubt(&chosen.unwrap_err());
    ids.sort();
    assert_eq!(scene.plain.ids(&scene.records).await, ids);
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
