//! Two deployers of one bucket, whose plans are applied at once: what either declared is there, or a conflict is said.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use kinto_client::{
    Blueprint, Error, Value,
    blueprint::{ApplyReport, Plan},
    json,
};
use kinto_server::{Backend, Server};
use kinto_tests::{Fault, Gate, Outcome, Proxy, SentRequest, TestUser};
use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};

use super::repeated::{bucket, furnish};
use crate::predicates;

/// Says who made the bucket beforehand, and who may write it.
#[derive(Clone, Copy, Debug)]
enum Before {
    Nothing,
    /// One of the two made it, and both may write it.
    Shared,
    /// The first made it, and it is hidden from the second.
    TheFirsts,
    /// A third person made it, and both may write it.
    Given,
    /// A third person made it, and it is hidden from both.
    Hidden,
}

fn before() -> impl Strategy<Value = Before> {
    prop_oneof![
        3 => Just(Before::Nothing),
        3 => Just(Before::Shared),
        1 => Just(Before::TheFirsts),
        2 => Just(Before::Given),
        1 => Just(Before::Hidden),
    ]
}

/// One of the two, with what it declares.
struct Deployer<'a> {
    person: &'a TestUser,
    declared: Value,
    blueprint: Blueprint,
}

impl<'a> Deployer<'a> {
    fn new(person: &'a TestUser, id: &str, declared: &Value) -> Self {
        let text = declared.to_string().replace("\"me\"", &json!(person.principal()).to_string());
        let declared: Value = serde_json::from_str(&text).expect("JSON");
        let blueprint = serde_json::from_value(json!({"buckets": {id: declared}})).expect("a blueprint");
        Self { person, declared, blueprint }
    }

    /// Lists what is declared and is not there. Where both declare an attribute, it is the other's to say.
    async fn lacks(&self, id: &str, other: &Self, plan: &Plan) -> Vec<String> {
        let mut lacks = Vec::new();
        for (path, declared) in objects(&format!("/buckets/{id}"), &self.declared) {
            let step = plan.steps().iter().find(|step| step.path() == path).expect("it is in the plan");
            if step.notes().iter().any(|note| note.contains("it is not visible to you")) {
                continue;
            }
            let (mut permissions, mut data) = (json!({}), Value::Null);
            for viewer in [self.person, other.person] {
                let answer = viewer.plain.send("GET".parse().expect("a method"), &path, None).await;
                if answer.status.is_success() {
                    let answer = answer.json();
                    data = answer["data"].clone();
                    // Whoever may not write sees none.
                    if answer["permissions"].as_object().is_some_and(|lists| !lists.is_empty()) {
                        permissions = answer["permissions"].clone();
                    }
                }
            }
            if data.is_null() {
                // Of a bucket that is hidden nothing is said if nothing is declared of it.
                let is_idle = |what: &str| declared[what].as_object().is_none_or(serde_json::Map::is_empty);
                if declared.get("groups").is_none() || !is_idle("attributes") || !is_idle("permissions") {
                    lacks.push(path);
                }
                continue;
            }
            let has = |list: &Value, what: &Value| list.as_array().is_some_and(|list| list.contains(what));
            for member in declared["members"].as_array().into_iter().flatten() {
                if !has(&data["members"], member) {
                    lacks.push(format!("{path}: member {member}"));
                }
            }
            let is_compared = !step.notes().iter().any(|note| note.contains("neither compared nor applied"));
            if is_compared && permissions.as_object().is_some_and(|lists| !lists.is_empty()) {
                for (permission, list) in declared["permissions"].as_object().into_iter().flatten() {
                    for principal in list.as_array().into_iter().flatten() {
                        if !has(&permissions[permission], principal) {
                            lacks.push(format!("{path}: {permission} {principal}"));
                        }
                    }
                }
            }
            let others = objects(&format!("/buckets/{id}"), &other.declared);
            let others = others.iter().find(|(other, _)| *other == path).map(|(_, declared)| &declared["attributes"]);
            for (name, value) in declared["attributes"].as_object().into_iter().flatten() {
                if others.is_none_or(|others| others.get(name).is_none()) && !is_same(&data[name], value) {
                    lacks.push(format!("{path}: {name} is {} and not {value}", data[name]));
                }
            }
        }
        lacks
    }
}

/// The bucket and what is in it, by their paths.
fn objects(path: &str, bucket: &Value) -> Vec<(String, Value)> {
    let mut all = vec![(path.to_owned(), bucket.clone())];
    for kind in ["groups", "collections"] {
        for (id, object) in bucket[kind].as_object().into_iter().flatten() {
            all.push((format!("{path}/{kind}/{id}"), object.clone()));
        }
    }
    all
}

/// Compares numbers by their value.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len() && one.iter().all(|(name, value)| is_same(value, &other[name]))
        }
        _ => one == other || (one.is_number() && one.as_f64() == other.as_f64()),
    }
}

/// Asserts that a failure is a conflict, with what to do, or a refusal of whoever has no rights there.
fn is_said(result: &Result<ApplyReport, Error>, before: Before) -> Result<(), String> {
    let Err(error) = result else { return Ok(()) };
    let kinds = predicates(error);
    // Where there is no bucket yet, it is that of whoever is first.
    let is_refusal = kinds == ["forbidden"] && !matches!(before, Before::Shared | Before::Given);
    if (kinds == ["conflict"] && error.to_string().contains("make a new plan")) || is_refusal {
        return Ok(());
    }
    Err(format!("{kinds:?} {error}"))
}

#[tokio::test]
async fn what_either_declared_is_there_or_a_conflict_is_said() -> Outcome {
    let cases = if std::env::var_os("KINTO_TEST_LONG").is_some() { 400 } else { 12 };
    let mut runner = TestRunner::deterministic();
    let (mut conflicts, mut both) = (0, 0);
    for explicit in ["true", "false"] {
        let server =
            Server::builder().backend(Backend::Memory).setting("kinto.explicit_permissions", explicit).start()?;
        let people = [
            TestUser::new(server.url(), "first").await,
            TestUser::new(server.url(), "second").await,
            TestUser::new(server.url(), "third").await,
        ];
        for case in 0..cases {
            let strategy = (bucket(), bucket(), bucket(), before(), 0..20_usize, prop::bool::ANY);
            let (mut was, one, other, before, at, is_late) = strategy.new_tree(&mut runner).expect("a case").current();
            let id = format!("b{case}");
            let [first, second] =
                [(&people[0], &one), (&people[1], &other)].map(|(who, declared)| Deployer::new(who, &id, declared));
            let owner = match before {
                Before::Nothing => None,
                Before::Shared | Before::TheFirsts => Some(&people[0]),
                Before::Given | Before::Hidden => Some(&people[2]),
            };
            if let Some(owner) = owner {
                let is_shared = matches!(before, Before::Shared | Before::Given);
                let mut lists = was["permissions"].take();
                if is_shared {
                    lists["write"] = json!([people[0].principal(), people[1].principal()]);
                } else {
                    lists = json!({});
                }
                was["permissions"] = lists;
                let text = was.to_string().replace("\"me\"", &json!(people[2].principal()).to_string());
                furnish(owner, &format!("/buckets/{id}"), &serde_json::from_str(&text)?).await;
            }
            let about = || {
                let (one, other) = (&first.declared, &second.declared);
                format!("{case} {explicit} {before:?} {at} {is_late}\nthere was {was}\nfirst {one}\nsecond {other}")
            };

            // The second applies its plan, made before or just then, while a request of the first's waits.
            let (gate, is_armed) = (Gate::default(), Arc::new(AtomicBool::new(false)));
            let (held, armed) = (gate.clone(), Arc::clone(&is_armed));
            let mut count = 0;
            let rule = move |_: &SentRequest| {
                if !armed.load(Ordering::SeqCst) {
                    return Fault::Pass;
                }
                count += 1;
                if count == at + 1 { Fault::Hold(held.clone()) } else { Fault::Pass }
            };
            let proxy = Proxy::start(server.url(), rule).await;
            let plan = first.person.client_at(proxy.url()).build()?.plan(&first.blueprint).await?;
            let early = second.person.client.plan(&second.blueprint).await?;
            is_armed.store(true, Ordering::SeqCst);
            let meanwhile = async || {
                let plan = if is_late { second.person.client.plan(&second.blueprint).await? } else { early.clone() };
                let applied = plan.apply().await;
                Ok::<_, Error>((plan, applied))
            };
            let mut applying = pin!(plan.apply().into_future());
            let (applied, (their_plan, theirs)) = tokio::select! {
                done = &mut applying => (done, meanwhile().await?),
                () = gate.arrival() => {
                    let theirs = meanwhile().await?;
                    gate.open();
                    (applying.await, theirs)
                }
            };
            for result in [&applied, &theirs] {
                is_said(result, before).map_err(|said| format!("{said}: {}", about()))?;
                conflicts += usize::from(result.as_ref().is_err_and(Error::is_conflict));
            }
            both += usize::from(applied.is_ok() && theirs.is_ok());
            if applied.is_ok() {
                let lacks = first.lacks(&id, &second, &plan).await;
                assert!(lacks.is_empty(), "the first lacks {lacks:?}: {}", about());
            }
            if theirs.is_ok() {
                let lacks = second.lacks(&id, &first, &their_plan).await;
                assert!(lacks.is_empty(), "the second lacks {lacks:?}: {}", about());
            }

            // One after the other there is no conflict, and nothing is left to do.
            for (deployer, other) in [(&first, &second), (&second, &first)] {
                let plan = deployer.person.client.plan(&deployer.blueprint).await?;
                let applied = plan.apply().await;
                if let Err(error) = applied {
                    assert!(error.is_forbidden() && is_said(&Err(error), before).is_ok(), "{}", about());
                    continue;
                }
                let again = deployer.person.client.plan(&deployer.blueprint).await?;
                assert!(again.is_empty(), "{again}: {}", about());
                let lacks = deployer.lacks(&id, other, &again).await;
                assert!(lacks.is_empty(), "after all {lacks:?}: {}", about());
            }
        }
    }
    assert!(
        conflicts * 8 > cases && both * 8 > cases,
        "{conflicts} conflicts, and {both} of {cases} went well for both"
    );
    Ok(())
}
