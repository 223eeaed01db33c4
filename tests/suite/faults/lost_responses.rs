//! Answers that were lost, where somebody else writes as well: nobody is told that something was done that was not, and
//! nothing is done twice.

use kinto_client::{
    Error, Record, Value, json,
    object::{CreateOutcome, JsonPatch},
};
use kinto_tests::{Fault, Fixture, Gate, Outcome, Proxy, SentRequest};

use super::{of_writes, through};
use crate::{Todo, predicates};

/// Loses the first write, before or after the server has done it, and holds up the second.
fn losing(first: Fault, gate: &Gate) -> impl FnMut(&SentRequest) -> Fault + Send + 'static {
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

async fn counter() -> Fixture {
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("count"), &json!({"count": 0})).await;
    fixture
}

#[tokio::test]
async fn update_does_not_increment_twice_when_response_is_lost() -> Outcome {
    let fixture = counter().await;
    let (proxy, todos) = through(&fixture, of_writes([Fault::CutAfter])).await;
    let error = todos.update_record("count", add_one).await.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["conflict"], true), "{error}");
    assert_eq!(fixture.plain.held(&fixture.record("count")).await, json!({"count": 1}));
    let methods: Vec<_> = proxy.arrived().iter().map(|sent| sent.method.to_string()).collect();
    assert_eq!(methods, ["GET", "PUT", "PUT"]);
    Ok(())
}

#[tokio::test]
async fn count_that_a_proxy_sends_twice_is_in_doubt_and_not_made_twice() -> Outcome {
    let fixture = counter().await;
    let (proxy, todos) = through(&fixture, of_writes([Fault::Twice])).await;
    assert_in_doubt(&todos.update_record("count", add_one).await.unwrap_err());
    assert_eq!(fixture.plain.held(&fixture.record("count")).await, json!({"count": 1}));
    assert_eq!(proxy.lines(), [format!("GET {}", fixture.record("count")), format!("PUT {}", fixture.record("count"))]);
    Ok(())
}

#[tokio::test]
async fn every_write_that_a_proxy_sends_twice_is_in_doubt_or_proven() -> Outcome {
    let fixture = Fixture::new().await;
    let path = fixture.record("milk");
    let reset = async || {
        fixture.plain.delete(&fixture.records).await;
        fixture.plain.put_data(&path, &json!({"title": "Milk", "done": false})).await;
        fixture.todos.get_record::<Todo>("milk").await
    };
    let through = async || through(&fixture, of_writes([Fault::Twice])).await;

    let (_proxy, todos) = through().await;
    let created = todos.create_record(Todo::new("Eggs")).permissions(|p| p.read("account:remy")).await?;
    assert!(created.permissions.get().expect("they are shown").read.contains("account:remy"));
    assert_eq!(fixture.plain.ids(&fixture.records).await, [created.id.as_str()], "the id is proof");

    let (_proxy, todos) = through().await;
    assert_in_doubt(&todos.create_record(Todo::new("Eggs")).id("eggs").await.unwrap_err());
    assert_eq!(fixture.plain.held(&fixture.record("eggs")).await, json!({"title": "Eggs", "done": false}));

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
    assert_eq!(fixture.plain.ids(&fixture.records).await, [""; 0]);

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
    let fixture = Fixture::new().await;
    fixture.bucket.create_group("friends", ["account:remy"]).await?;
    let proxy = Proxy::start(fixture.url(), of_writes([Fault::Twice])).await;
    let friends = fixture.client_at(proxy.url()).build()?.bucket(fixture.bucket.id()).group("friends");
    let group = friends.add_members(["account:niko"]).await?;
    assert_eq!(group.members(), ["account:remy", "account:niko"]);
    Ok(())
}

/// A claim: whoever is told that it succeeded is the only one.
#[tokio::test]
async fn two_programs_are_never_both_told_yours() -> Outcome {
    let fixture = Fixture::new().await;
    let overloaded = || Fault::json(503, &json!({"code": 503, "errno": 201, "error": "busy"}));
    let path = fixture.record("lock");
    let claimed = json!({"locked": true});
    let claims = async || {
        let gate = Gate::default();
        let (proxy, todos) = through(&fixture, of_writes([overloaded(), Fault::Hold(gate.clone())])).await;
        (gate, proxy, todos)
    };

    let (gate, _proxy, todos) = claims().await;
    let other = async { assert!(fixture.todos.create_record(claimed.clone()).id("lock").await.is_ok()) };
    let error = gate.overtake(todos.create_record(claimed.clone()).id("lock"), other).await.unwrap_err();
    assert_in_doubt(&error);

    fixture.plain.delete(&path).await;
    let (gate, _proxy, todos) = claims().await;
    let ensure = |todos: &kinto_client::Collection| todos.create_record(claimed.clone()).id("lock").if_not_exists();
    let other = async { assert!(ensure(&fixture.todos).await.expect("it is made").is_created()) };
    assert!(matches!(gate.overtake(ensure(&todos), other).await?, CreateOutcome::InDoubt(_)));

    fixture.plain.put_data(&path, &json!({"n": 1})).await;
    let (gate, _proxy, todos) = claims().await;
    let mut mine = fixture.todos.get_record::<Value>("lock").await?;
    let mut theirs = fixture.todos.get_record::<Value>("lock").await?;
    mine.data["n"] = 2.into();
    theirs.data["n"] = 2.into();
    let other = async { assert!(fixture.todos.save_record(&mut theirs).await.is_ok()) };
    let error = gate.overtake(todos.save_record(&mut mine), other).await.unwrap_err();
    assert_in_doubt(&error);

    let (gate, _proxy, todos) = claims().await;
    let job = fixture.todos.get_record::<Value>("lock").await?;
    let other = async { assert!(fixture.todos.delete_record(&job).await.is_ok()) };
    let error = gate.overtake(todos.delete_record(&job), other).await.unwrap_err();
    assert_in_doubt(&error);
    Ok(())
}

#[tokio::test]
async fn update_does_not_increment_twice_when_other_client_changed_record() -> Outcome {
    let fixture = counter().await;
    let gate = Gate::default();
    let (_proxy, todos) = through(&fixture, losing(Fault::CutAfter, &gate)).await;
    let go_on = async { drop(fixture.plain.put_data(&fixture.record("count"), &json!({"count": 2})).await) };
    let error = gate.overtake(todos.update_record("count", add_one), go_on).await.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["conflict"], true), "{error}");
    assert_eq!(fixture.plain.held(&fixture.record("count")).await, json!({"count": 2}));
    Ok(())
}

#[tokio::test]
async fn update_does_not_mistake_increment_of_other_client() -> Outcome {
    let fixture = counter().await;
    let gate = Gate::default();
    let (_proxy, todos) = through(&fixture, losing(Fault::CutBefore, &gate)).await;
    let count = async { drop(fixture.plain.put_data(&fixture.record("count"), &json!({"count": 1})).await) };
    let error = gate.overtake(todos.update_record("count", add_one), count).await.unwrap_err();
    assert!(error.may_have_been_applied(), "{error}");
    assert_eq!(fixture.plain.held(&fixture.record("count")).await, json!({"count": 1}));
    Ok(())
}

/// Run again the closure would find its own result, and tell its caller that there was nothing to take.
#[tokio::test]
async fn update_in_doubt_does_not_run_its_closure_again() -> Outcome {
    let fixture = Fixture::new().await;
    let balance = fixture.record("balance");
    for fault in [Fault::CutAfter, Fault::Twice] {
        fixture.plain.put_data(&balance, &json!({"left": 10})).await;
        let (proxy, todos) = through(&fixture, of_writes([fault])).await;
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
        assert_eq!(fixture.plain.held(&balance).await, json!({"left": 0}));
    }
    Ok(())
}

#[tokio::test]
async fn edit_that_has_nothing_left_to_do_was_made() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("milk"), &json!({"title": "Milk"})).await;
    let gate = Gate::default();
    let (_proxy, todos) = through(&fixture, losing(Fault::CutAfter, &gate)).await;
    let also = json!({"title": "Milk", "done": true, "price": 2});
    let go_on = async { drop(fixture.plain.put_data(&fixture.record("milk"), &also).await) };
    let updated = gate.overtake(todos.record::<Todo>("milk").merge_patch(json!({"done": true})), go_on).await?;
    assert!(updated.data.done);
    assert_eq!(fixture.plain.held(&fixture.record("milk")).await, also);
    Ok(())
}

#[tokio::test]
async fn json_patch_does_not_add_item_twice_when_response_is_lost() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("list"), &json!({"items": []})).await;
    let (_proxy, todos) = through(&fixture, of_writes([Fault::CutAfter])).await;
    let add = JsonPatch::new().add(["items", "-"], "milk");
    let error = todos.record::<Value>("list").json_patch(add).await.unwrap_err();
    assert!(error.is_conflict() && error.may_have_been_applied(), "{error}");
    assert_eq!(fixture.plain.held(&fixture.record("list")).await, json!({"items": ["milk"]}));

    let (_proxy, todos) = through(&fixture, of_writes([Fault::CutAfter])).await;
    let replace = JsonPatch::new().test(["items", "0"], "milk").replace(["items"], ["bread"]);
    assert_in_doubt(&todos.record::<Value>("list").json_patch(replace).await.unwrap_err());
    assert_eq!(fixture.plain.held(&fixture.record("list")).await, json!({"items": ["bread"]}));
    Ok(())
}

#[tokio::test]
async fn same_data_with_other_permissions_is_in_doubt() -> Outcome {
    let fixture = Fixture::new().await;
    let gate = Gate::default();
    let (proxy, todos) = through(&fixture, losing(Fault::CutBefore, &gate)).await;
    let path = fixture.record("milk");
    let create = todos.create_record(Todo::new("Milk")).id("milk").permissions(|p| p.read("account:remy"));
    let other = async { drop(fixture.plain.put_data(&path, &json!({"title": "Milk", "done": false})).await) };
    let error = gate.overtake(create, other).await.unwrap_err();
    assert_in_doubt(&error);
    assert!(fixture.plain.permissions(&path).await.get("read").is_none());
    assert_eq!(proxy.lines(), [format!("PUT {path}"), format!("PUT {path}")]);
    Ok(())
}

#[tokio::test]
async fn id_of_its_own_is_proof_and_the_permissions_are_read() -> Outcome {
    let fixture = Fixture::new().await;
    let (proxy, todos) = through(&fixture, of_writes([Fault::CutAfter])).await;
    let create = todos.create_record(Todo::new("Milk")).permissions(|p| p.read("account:remy"));
    let mut created = create.await?;
    let path = fixture.record(&created.id);
    assert_eq!(proxy.lines(), [format!("PUT {path}"), format!("PUT {path}"), format!("GET {path}")]);
    assert!(created.permissions.get().expect("they are shown").read.contains("account:remy"));

    let (_proxy, todos) = through(&fixture, of_writes([Fault::answer_instead(502, &[], "")])).await;
    created.permissions.edit()?.write.insert("account:niko".into());
    assert_in_doubt(&todos.save_record(&mut created).await.unwrap_err());
    let held = fixture.plain.permissions(&path).await;
    assert!(held["write"].to_string().contains("account:niko") && held["read"] == json!(["account:remy"]), "{held}");
    Ok(())
}

#[tokio::test]
async fn batch_resolves_ambiguous_responses() -> Outcome {
    let fixture = Fixture::new().await;
    let is_batch = |sent: &SentRequest| sent.is_batch();
    let mut lost = false;
    let rule = move |sent: &SentRequest| {
        if is_batch(sent) && !std::mem::replace(&mut lost, true) { Fault::CutAfter } else { Fault::Pass }
    };
    let proxy = Proxy::start(fixture.url(), rule).await;
    let client = fixture.client_at(proxy.url()).build()?;
    let todos = fixture.todos_of(&client);
    let create = || todos.create_record(Todo::new("Milk")).permissions(|p| p.read("account:remy"));
    let (one, chosen, other) = client.batch_of((create(), create().id("a"), create())).await?;
    let mut ids = vec!["a".to_owned()];
    for created in [one?, other?] {
        assert!(created.permissions.get().expect("they are shown").read.contains("account:remy"));
        ids.push(created.id.to_string());
    }
    assert_in_doubt(&chosen.unwrap_err());
    ids.sort();
    assert_eq!(fixture.plain.ids(&fixture.records).await, ids);
    Ok(())
}

#[tokio::test]
async fn retried_create_conflicts_when_schema_differs() -> Outcome {
    let fixture = Fixture::new().await;
    let gate = Gate::default();
    let proxy = Proxy::start(fixture.url(), losing(Fault::CutBefore, &gate)).await;
    let bucket = fixture.client_at(proxy.url()).retry(super::Tries(3)).build()?.bucket(fixture.bucket.id());
    let path = format!("/buckets/{}/collections/notes", fixture.bucket.id());
    let create = bucket.create_collection("notes").data(kinto_client::object::CollectionAttributes::default());
    let other = json!({"schema": {"type": "object"}});
    let error = gate.overtake(create, async { drop(fixture.plain.put_data(&path, &other).await) }).await.unwrap_err();
    assert!(error.is_conflict() && error.may_have_been_applied(), "{error}");
    assert_eq!(fixture.plain.held(&path).await, other);
    Ok(())
}

#[tokio::test]
async fn retried_delete_fails_when_404_is_of_proxy() -> Outcome {
    let fixture = Fixture::new().await;
    let milk: Record<Todo> = fixture.todos.create_record(Todo::new("Milk")).await?;
    let page = Fault::answer(404, &["Content-Type: text/html"], "<h1>Not Found</h1>");
    let (_proxy, todos) = through(&fixture, of_writes([Fault::CutBefore, page])).await;
    let error = todos.delete_record(&milk).await.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["unexpected"], true), "{error}");
    assert_eq!(fixture.plain.ids(&fixture.records).await, [milk.id.as_str()]);
    Ok(())
}

#[tokio::test]
async fn if_not_exists_returns_existing_when_other_client_created_first() -> Outcome {
    let fixture = Fixture::new().await;
    let gate = Gate::default();
    let (_proxy, todos) = through(&fixture, losing(Fault::CutBefore, &gate)).await;
    let other = async { drop(fixture.plain.put_data(&fixture.record("milk"), &json!({"title": "Oat milk"})).await) };
    let create = todos.create_record(Todo::new("Milk")).id("milk").if_not_exists();
    let ensured = gate.overtake(create, other).await?;
    assert!(!ensured.is_created());
    assert_eq!(ensured.data.title, "Oat milk");
    Ok(())
}
