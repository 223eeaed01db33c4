//! Every kind of operation meets every kind of fault: what is sent, what comes of it, and what the server holds then.

use std::time::Duration;

use futures_util::future::BoxFuture;
use kinto_client::{Collection, JsonObject, Record, Result, Value, json, object::CreateOutcome};
use kinto_tests::{Fault, Fixture, Outcome, in_order};

use super::{of_writes, through};
use crate::Todo;

/// The kind of a request by what may be done if its result is unknown.
#[derive(Clone, Copy, PartialEq)]
enum Nature {
    /// A request that changes nothing and is retried.
    Read,
    /// It is sent again, and the response to the second proves what became of the first.
    Harmless,
    /// It is sent again, and if the first was carried out, the second is refused, which leaves it in doubt.
    Doubtful,
    /// A request that is retried; if the retry is refused, the client reads the object.
    Looked,
    /// A request that must not be retried.
    Harmful,
}

use Nature::{Doubtful, Harmful, Harmless, Looked, Read};

struct Trouble {
    what: &'static str,
    make: fn() -> Fault,
    /// The server has carried the request out.
    done: bool,
    /// The server has certainly not executed the request.
    untouched: bool,
    /// Sending it again can help.
    passes: bool,
}

const BROKEN_OFF: &str = "the answer breaks off";

const PAGE: &str = "<html>\n<h1>502 Bad Gateway</h1></html>";

const fn trouble(what: &'static str, make: fn() -> Fault) -> Trouble {
    Trouble { what, make, done: false, untouched: false, passes: true }
}

const fn done(what: &'static str, make: fn() -> Fault) -> Trouble {
    Trouble { done: true, ..trouble(what, make) }
}

const fn untouched(what: &'static str, make: fn() -> Fault) -> Trouble {
    Trouble { untouched: true, ..trouble(what, make) }
}

const TROUBLES: [Trouble; 15] = [
    trouble("the connection is cut before the server has heard", || Fault::CutBefore),
    done("the connection is cut after the server has done it", || Fault::CutAfter),
    done(BROKEN_OFF, || Fault::Truncate(9)),
    trouble("a proxy reaches nobody", || Fault::answer(502, &["Content-Type: text/html"], PAGE)),
    done("a proxy loses the answer", || Fault::answer_instead(502, &[], PAGE)),
    trouble("the server is overloaded", || Fault::json(503, &json!({"code": 503, "errno": 201, "error": "busy"}))),
    trouble("it says for how many seconds", || Fault::answer(503, &["Retry-After: 0"], "")),
    trouble("it says until when", || Fault::answer(503, &["Retry-After: Wed, 21 Oct 2015 07:28:00 GMT"], "")),
    done("it is overloaded when all is done", || Fault::answer_instead(503, &[], "")),
    trouble("a proxy does not wait for the server", || Fault::answer(504, &[], PAGE)),
    done("a proxy no longer waits for the server", || Fault::answer_instead(504, &[], PAGE)),
    untouched("there were too many requests", || Fault::answer(429, &["Retry-After: 0"], "")),
    untouched("another writer was faster", || {
        Fault::json(409, &json!({"code": 409, "errno": 122, "error": "Conflict", "message": "Integrity constraint"}))
    }),
    Trouble {
        passes: false,
        ..trouble("the server fails", || Fault::json(500, &json!({"code": 500, "errno": 999, "error": "oh no"})))
    },
    Trouble { passes: false, ..done("the server fails when all is done", || Fault::answer_instead(500, &[], "")) },
];

/// One kind of operation.
struct Operation {
    nature: Nature,
    /// The requests without a fault; the fault affects the last of them. `R` is the path of the records.
    lines: &'static [&'static str],
    run: for<'a> fn(&'a Collection, Record<Todo>) -> BoxFuture<'a, Result<()>>,
    /// The state of the server after the request was executed.
    makes: fn() -> Value,
}

impl Operation {
    async fn meets_every_trouble(self) -> Outcome {
        let fixture = Fixture::new().await;
        for Trouble { what, make, done, untouched, passes } in TROUBLES {
            if what == BROKEN_OFF && self.lines == ["HEAD R"] {
                // It is over before its body begins.
                continue;
            }
            reset(&fixture).await;
            let milk = fixture.todos.get_record::<Todo>("milk").await?;
            let before = held(&fixture).await;
            let (proxy, todos) = if self.nature == Read {
                through(&fixture, in_order([make()])).await
            } else {
                through(&fixture, of_writes([make()])).await
            };
            let outcome = (self.run)(&todos, milk).await;

            let repeated = passes && (self.nature != Harmful || untouched);
            let mut lines = self.lines.to_vec();
            lines.extend(repeated.then(|| lines[lines.len() - 1]));
            lines.extend((repeated && done && self.nature == Looked).then_some(lines[0]));
            let lines: Vec<String> = lines.iter().map(|line| line.replace('R', &fixture.records)).collect();
            assert_eq!(proxy.lines(), lines, "{what}");
            let told = repeated && !(done && self.nature == Doubtful);
            match outcome {
                Ok(()) => assert!(told, "{what}"),
                Err(error) => {
                    assert!(!told, "{what}: {error}");
                    assert_eq!(error.is_conflict(), repeated, "{what}: {error}");
                    assert_eq!(error.may_have_been_applied(), self.nature != Read, "{what}: {error}");
                }
            }
            let expected = if repeated || done { (self.makes)() } else { before };
            assert_eq!(held(&fixture).await, expected, "{what}");
        }
        for slow in [|| Fault::Trickle, || Fault::Delay(Duration::from_millis(20))] {
            reset(&fixture).await;
            let milk = fixture.todos.get_record::<Todo>("milk").await?;
            let (proxy, todos) = through(&fixture, move |_| slow()).await;
            (self.run)(&todos, milk).await?;
            assert_eq!(proxy.lines().len(), self.lines.len());
            assert_eq!(held(&fixture).await, (self.makes)());
        }
        Ok(())
    }
}

/// One record, `milk`.
async fn reset(fixture: &Fixture) {
    fixture.plain.delete(&fixture.records).await;
    fixture.plain.put_data(&fixture.record("milk"), &json!({"title": "Milk", "extra": 1})).await;
}

/// Reads the records on the server, by id; an id that the server chose is `?`.
async fn held(fixture: &Fixture) -> Value {
    let mut list = fixture.plain.get(&fixture.records).await.json();
    let objects = list["data"].as_array_mut().expect("a list");
    let object = |object: &mut Value| {
        let fields = object.as_object_mut().expect("an object");
        fields.remove("last_modified");
        let id = fields.remove("id").and_then(|id| id.as_str().map(str::to_owned)).expect("an id");
        (if id.len() > 30 { "?".to_owned() } else { id }, object.take())
    };
    objects.iter_mut().map(object).collect::<JsonObject>().into()
}

fn milk(changes: &Value) -> Value {
    let mut milk = json!({"title": "Milk", "extra": 1});
    milk.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    json!({ "milk": milk })
}

fn with(id: &str) -> Value {
    let mut all = milk(&json!({}));
    all[id] = json!({"title": "Eggs", "done": false});
    all
}

macro_rules! operations {
    ($($name:ident: $nature:ident $lines:expr, |$todos:ident, $milk:ident| $run:expr, makes $makes:expr;)+) => {$(
        #[tokio::test]
        async fn $name() -> Outcome {
            let operation = Operation {
                nature: $nature,
                lines: &$lines,
                run: |$todos, $milk| Box::pin(async move { $run }),
                makes: || $makes,
            };
            operation.meets_every_trouble().await
        }
    )+};
}

operations! {
    get: Read ["GET R/milk"], |todos, milk| {
        assert_eq!(todos.get_record::<Todo>("milk").await?.data, milk.data);
        Ok(())
    }, makes milk(&json!({}));

    get_all: Read ["GET R?_sort=last_modified"], |todos, milk| {
        assert_eq!(todos.get_records::<Todo>().await?[0].data, milk.data);
        Ok(())
    }, makes milk(&json!({}));

    count: Read ["HEAD R"], |todos, _milk| {
        assert_eq!(todos.get_records::<Todo>().count().await?, 1);
        Ok(())
    }, makes milk(&json!({}));

    create_with_a_chosen_id: Doubtful ["PUT R/eggs"], |todos, _milk| {
        let created = todos.create_record(Todo::new("Eggs")).id("eggs").await?;
        assert_eq!((created.id.as_str(), created.data), ("eggs", Todo::new("Eggs")));
        Ok(())
    }, makes with("eggs");

    create_if_there_is_none: Harmless ["POST R"], |todos, _milk| {
        let ensured = todos.create_record(Todo::new("Eggs")).id("eggs").if_not_exists().await?;
        assert!(matches!(ensured, CreateOutcome::Created(_) | CreateOutcome::InDoubt(_)));
        Ok(())
    }, makes with("eggs");

    create_if_there_is_none_with_a_random_id: Harmless ["POST R"], |todos, _milk| {
        assert!(todos.create_record(Todo::new("Eggs")).if_not_exists().await?.is_created());
        Ok(())
    }, makes with("?");

    create_with_an_id_of_the_server: Harmful ["POST R"], |todos, _milk| {
        todos.create_record(Todo::new("Eggs")).server_id().await.map(|_| ())
    }, makes with("?");

    save: Doubtful ["PUT R/milk"], |todos, milk| {
        let (mut milk, read) = (milk.clone(), milk.last_modified);
        milk.data.done = true;
        todos.save_record(&mut milk).await?;
        assert!(milk.last_modified > read);
        Ok(())
    }, makes milk(&json!({"done": true}));

    delete_of_what_was_read: Doubtful ["DELETE R/milk"], |todos, milk| {
        assert_eq!(todos.delete_record(&milk).await?.id, "milk");
        Ok(())
    }, makes json!({});

    update: Doubtful ["GET R/milk", "PUT R/milk"], |todos, _milk| {
        let updated = todos.update_record("milk", |todo: &mut Todo| todo.done = true).await?;
        assert!(updated.data.done);
        Ok(())
    }, makes milk(&json!({"done": true}));

    edit: Looked ["GET R/milk", "PUT R/milk"], |todos, _milk| {
        let edited = todos.record::<Todo>("milk").merge_patch(json!({"done": true, "extra": null})).await?;
        assert!(edited.data.done);
        Ok(())
    }, makes json!({"milk": {"title": "Milk", "done": true}});

    overwrite: Harmful ["PUT R/milk"], |todos, _milk| {
        todos.overwrite_record("milk", Todo::new("Eggs")).await.map(|_| ())
    }, makes json!({"milk": {"title": "Eggs", "done": false}});

    patch: Harmful ["PATCH R/milk"], |todos, _milk| {
        todos.patch_record::<Todo>("milk", json!({"done": true})).await.map(|_| ())
    }, makes milk(&json!({"done": true}));

    delete: Harmful ["DELETE R/milk"], |todos, _milk| {
        todos.delete_record("milk").await.map(|_| ())
    }, makes json!({});

    delete_all: Harmful ["DELETE R"], |todos, _milk| {
        todos.delete_all_records().await.map(|_| ())
    }, makes json!({});
}
