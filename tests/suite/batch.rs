//! Many operations in few requests: what is sent, and that each result is just what the operation alone would give.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use kinto_client::{
    Batch, Body, Client, Ensured, Error, ErrorKind, Fresh, KintoRecord as _, Object, Progress, Record, Saved, Tombstone, Transport,
    TransportError, Value, json, kind::Kind,
};
use kinto_server::{Server, unique};
use kinto_tests::{Outcome, Person, Plain, Recorder, Scene, Sent, server_on};

use crate::{Todo, predicates};

/// A scene on a server that takes five operations at a time.
async fn scene_of_five() -> Scene {
    Scene::on(Server::builder().batch_max_requests(5).shared().expect("a server").url()).await
}

/// How many operations each request had; 0 for one that was no batch.
fn sizes(sent: &[Sent]) -> Vec<usize> {
    sent.iter().map(|sent| if sent.is_batch() { sent.batched().len() } else { 0 }).collect()
}

/// Everything that a result says.
trait Told {
    fn told(&self) -> Value;
}

impl<K: Kind, T: kinto_client::Data + Debug> Told for Object<K, T> {
    fn told(&self) -> Value {
        json!([self.id.as_str(), format!("{self:?}"), self.received_json()])
    }
}

impl<T: Told> Told for Option<T> {
    fn told(&self) -> Value {
        json!(self.as_ref().map(Told::told))
    }
}

impl<T: Told> Told for Ensured<T> {
    fn told(&self) -> Value {
        json!([self.is_created(), (**self).told()])
    }
}

impl<T: Told> Told for Fresh<T> {
    fn told(&self) -> Value {
        match self {
            Self::Changed(value) => value.told(),
            Self::Unchanged => json!("unchanged"),
        }
    }
}

macro_rules! told_by_debug {
    ($($type:ty),+) => {$(
        impl Told for $type {
            fn told(&self) -> Value {
                json!(format!("{self:?}"))
            }
        }
    )+};
}

told_by_debug!(Tombstone, Saved, usize);

impl Told for Error {
    fn told(&self) -> Value {
        let conflict = self.conflict::<Value>();
        json!({
            "kind": format!("{:?}", self.kind()),
            "text": self.to_string(),
            "operation": self.operation(),
            "object": self.object(),
            "status": self.status().map(|status| status.as_u16()),
            "errno": self.errno(),
            "message": self.server_message(),
            "details": self.details(),
            "record": self.record_id(),
            "field": self.field(),
            "may have been applied": self.may_have_been_applied(),
            "ours": conflict.as_ref().map(|conflict| conflict.ours.told()),
            "theirs": conflict.and_then(|conflict| conflict.theirs.told().into()),
        })
    }
}

impl<T: Told> Told for Result<T, Error> {
    fn told(&self) -> Value {
        match self {
            Ok(value) => json!({"ok": value.told()}),
            Err(error) => json!({"error": error.told()}),
        }
    }
}

/// Two buckets: one's own, and one of somebody else's, in which one may read.
struct Stage {
    scene: Scene,
    theirs: String,
    me: String,
}

impl Stage {
    async fn new() -> Self {
        let scene = Scene::new().await;
        for id in ["milk", "eggs", "ham", "bread"] {
            let data = json!({"title": id, "extra": {"größe": [1.0, 18_446_744_073_709_551_615_u64, null]}});
            scene.plain.put_data(&scene.record(id), &data).await;
        }
        scene.plain.put_data(&scene.record("odd"), &json!({"title": 7})).await;
        let (theirs, them) = (unique("theirs"), Plain::new(scene.url(), &unique("them"), "password"));
        let readable = json!({"permissions": {"read": ["system.Authenticated"]}});
        them.put(&format!("/buckets/{theirs}"), &readable).await;
        them.put(&format!("/buckets/{theirs}/collections/notes"), &json!({})).await;
        them.put_data(&format!("/buckets/{theirs}/collections/notes/records/one"), &json!({"title": "One"})).await;
        let me = scene.client.user().await.expect("an answer").expect("a user").id.to_string();
        Self { scene, theirs, me }
    }

    /// The same on each stage: names of buckets and of the user, and times, are left out.
    fn normal(&self, told: &Value) -> Value {
        let text = told.to_string().replace(self.scene.bucket.id(), "OURS").replace(&self.theirs, "THEIRS");
        let text = text.replace(&self.me, "ME");
        let mut normal = String::new();
        for part in text.split_inclusive(|c: char| !c.is_ascii_digit()) {
            let digits = part.trim_end_matches(|c: char| !c.is_ascii_digit());
            let is_time = digits.len() == 13;
            normal += &if is_time { part.replace(digits, "0") } else { part.to_owned() };
        }
        serde_json::from_str(&normal).expect("JSON")
    }

    async fn state(&self) -> Value {
        let list = self.scene.plain.get(&format!("{}?_sort=id", self.scene.records)).await.json();
        let bucket = self.scene.plain.get(&format!("/buckets/{}", self.scene.bucket.id())).await.json();
        self.normal(&json!([list["data"], bucket["data"]]))
    }
}

/// Gives calls of every kind to a macro.
macro_rules! calls {
    ($with:ident, $stage:ident, $saved:ident, $stale:ident, $same:ident) => {{
        let (client, todos, bucket) = (&$stage.scene.client, &$stage.scene.todos, &$stage.scene.bucket);
        let (typed, notes) = (todos.typed::<Todo>(), client.bucket(&$stage.theirs).collection("notes"));
        let time = $stale.last_modified;
        $with! { client;
            got = todos.get_record::<Todo>("milk"),
            got_json = todos.get_record::<Value>("milk"),
            missing = typed.get_record("missing"),
            none = todos.get_record::<Todo>("missing").or_none(),
            odd = todos.get_record::<Todo>("odd"),
            read_theirs = notes.get_record::<Todo>("one"),
            create_theirs = notes.create_record(Todo::new("Two")).id("two"),
            save = todos.save_record(&mut $saved),
            save_stale = todos.save_record(&mut $stale),
            save_same = todos.save_record(&mut $same),
            created = typed.create_record(Todo::new("New")).id("new"),
            taken = todos.create_record(json!({"id": "milk", "title": "Soy milk"})),
            found = todos.create_record(json!({"title": "Soy milk"})).id("milk").if_not_exists(),
            invalid = todos.create_record(json!({"title": "?"})).id("no/id"),
            overwritten = todos.overwrite_record("ham", Todo::new("Tofu")),
            patched = typed.patch_record("ham", json!({"extra": null, "done": true})),
            patched_stale = todos.patch_record::<Todo>("milk", json!({"done": true})).if_match(time),
            counted = typed.get_records().filter(Todo::fields().title.eq("Duck eggs")).count(),
            counted_odd = typed.get_records().filter(Todo::fields().title.eq("a & \"b\", ü;")).count(),
            counted_all = todos.get_records::<Value>().count(),
            deleted = todos.delete_record("bread"),
            deleted_again = todos.delete_record("bread"),
            deleted_if_exists = todos.delete_record("bread").if_exists(),
            delete_theirs = client.bucket(&$stage.theirs).delete(),
            group = bucket.create_group("friends", ["account:remy"]),
            collection = bucket.create_collection("more").permissions(|p| p.read("account:remy")),
            unchanged = todos.get_record::<Todo>("milk").if_changed_since(time),
            own = bucket.get(),
            patch_own = bucket.patch(json!({"color": "red"})),
        }
    }};
}

macro_rules! alone {
    ($client:ident; $($name:ident = $call:expr,)+) => {
        vec![$((stringify!($name), $call.await.told())),+]
    };
}

macro_rules! batched {
    ($client:ident; $($name:ident = $call:expr,)+) => {{
        let mut batch = $client.batch();
        $(let $name = batch.add($call);)+
        let mut done = batch.execute().await?;
        vec![$((stringify!($name), done.take($name).told())),+]
    }};
}

/// Reads three records, and lets somebody else change the second.
async fn read(stage: &Stage) -> Result<[Record<Value>; 3], Error> {
    let todos = &stage.scene.todos;
    let [mut saved, mut stale] = [todos.get_record::<Value>("eggs").await?, todos.get_record::<Value>("milk").await?];
    let same = todos.get_record::<Value>("ham").await?;
    stage.scene.plain.put_data(&stage.scene.record("milk"), &json!({"title": "Oat milk"})).await;
    saved.data["title"] = "Duck eggs".into();
    stale.data["title"] = "Almond milk".into();
    Ok([saved, stale, same])
}

#[tokio::test]
async fn each_result_is_what_the_call_alone_gives() -> Outcome {
    let [one, other] = [Stage::new().await, Stage::new().await];
    let [mut saved, mut stale, mut same] = read(&one).await?;
    let alone = calls!(alone, one, saved, stale, same);
    let records = [&saved, &stale, &same].map(|record| one.normal(&record.told()));

    let [mut saved, mut stale, mut same] = read(&other).await?;
    other.scene.sent.forget();
    let together = calls!(batched, other, saved, stale, same);
    assert_eq!(records, [&saved, &stale, &same].map(|record| other.normal(&record.told())));

    let (alone, together): (BTreeMap<_, _>, BTreeMap<_, _>) = (
        alone.iter().map(|(name, told)| (*name, one.normal(told))).collect(),
        together.iter().map(|(name, told)| (*name, other.normal(told))).collect(),
    );
    for (name, told) in &alone {
        assert_eq!(together[name], *told, "{name}");
    }
    assert_eq!(one.state().await, other.state().await);

    // That it was what it was meant to be, and really in batches.
    let is = |name: &str, kind: &str| assert_eq!(alone[name]["error"]["kind"], kind, "{name}: {}", alone[name]);
    is("missing", "NotFound");
    is("odd", "Decode");
    is("create_theirs", "Forbidden");
    is("save_stale", "Conflict");
    is("taken", "Conflict");
    is("invalid", "Invalid");
    is("patched_stale", "Conflict");
    is("deleted_again", "NotFound");
    is("delete_theirs", "Forbidden");
    assert_eq!(alone.values().filter(|told| told["ok"].is_null()).count(), 9);
    assert_eq!(alone["save_same"]["ok"], "Unchanged");
    assert_eq!(alone["counted_all"]["ok"], "6");
    let sent = other.scene.sent.take();
    assert!(sent.len() < 10, "{:?}", sent.iter().map(Sent::line).collect::<Vec<_>>());
    Ok(())
}

#[tokio::test]
async fn a_tuple_gives_a_tuple() -> Outcome {
    let scene = Scene::new().await;
    let (todos, bucket) = (&scene.todos, &scene.bucket);
    let calls = (
        todos.create_record(Todo::new("Milk")).id("milk"),
        bucket.create_group("friends", ["account:remy"]),
        todos.get_record::<Value>("missing").or_none(),
    );
    let (milk, friends, none): (Result<Record<Todo>, _>, _, Result<Option<Record<Value>>, _>) =
        scene.client.together(calls).await?;
    assert_eq!((milk?.data, friends?.members().len(), none?.is_none()), (Todo::new("Milk"), 1, true));
    let (only,) = scene.client.together((todos.get_record::<Todo>("milk"),)).await?;
    assert_eq!(only?.data, Todo::new("Milk"));
    let get = || todos.get_record::<Todo>("milk");
    let (a, _, _, _, _, _, _, h) =
        scene.client.together((get(), get(), get(), get(), get(), get(), get(), get())).await?;
    assert_eq!(a?.last_modified, h?.last_modified);
    let sizes = sizes(&scene.sent.take());
    assert_eq!(sizes, [0, 3, 0, 8], "the server is asked once what it takes, and one goes alone");
    Ok(())
}

#[tokio::test]
async fn an_empty_batch_sends_nothing() -> Outcome {
    let scene = Scene::new().await;
    let batch = scene.client.batch();
    assert!(batch.is_empty() && batch.len() == 0);
    let done = batch.execute().await?;
    assert!(done.is_empty() && done.len() == 0 && done.failures().next().is_none());
    let mut unchanged = [scene.todos.create_record(Todo::new("Milk")).await?];
    scene.sent.forget();
    scene.todos.create_records([] as [Todo; 0]).await?;
    scene.todos.delete_records([] as [&str; 0]).await?;
    assert_eq!(scene.todos.save_records(&mut unchanged).await?, [Saved::Unchanged]);

    // Nor does one in which nothing can be sent.
    let mut batch = scene.client.batch();
    let same = batch.add(scene.todos.save_record(&mut unchanged[0]));
    let invalid = batch.add(scene.todos.get_record::<Todo>("no/id"));
    let done = batch.execute().await?;
    assert_eq!(*done.get(&same)?, Saved::Unchanged);
    assert_eq!(predicates(&done.get(&invalid).unwrap_err()), ["invalid"]);
    assert_eq!(scene.sent.take_lines(), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn one_operation_goes_as_itself() -> Outcome {
    let scene = Scene::new().await;
    let mut batch = scene.client.batch();
    let created = batch.add(scene.todos.create_record(Todo::new("Milk")).id("milk"));
    let done = batch.execute().await?;
    assert_eq!(done.get(&created)?.data, Todo::new("Milk"));
    scene.todos.delete_records(["milk"]).await?;
    assert_eq!(scene.sent.take_lines(), ["PUT", "DELETE"].map(|method| format!("{method} {}", scene.record("milk"))));
    Ok(())
}

#[tokio::test]
async fn what_a_batch_cannot_hold_goes_alone_in_its_place() -> Outcome {
    let Person { client, id, sent, plain, .. } = Person::new(Server::shared()?.url(), "alexis").await;
    let bucket = client.bucket(unique("own"));
    let (todos, batchy) = (bucket.collection("todos"), client.bucket(unique("batchy")));
    let (own, list) = client.together((bucket.create(), todos.create())).await?;
    assert!(own.is_ok() && list.is_ok());
    let milk = todos.create_record(Todo::new("Milk")).id("milk").await?;
    sent.forget();

    let mut batch = client.batch();
    let first = batch.add(todos.create_record(Todo::new("a")).id("a"));
    let made = batch.add(batchy.create());
    let inside = batch.add(batchy.create_collection("c"));
    let named = batch.add(todos.create_record(Todo::new("b")).id("batch-1"));
    let second = batch.add(todos.create_record(Todo::new("c")).id("c"));
    let same = batch.add(todos.get_record::<Todo>("milk").if_changed_since(milk.last_modified));
    let changed = batch.add(todos.get_record::<Todo>("a").if_changed_since(milk.last_modified));
    let third = batch.add(todos.get_record::<Todo>("a"));
    let fourth = batch.add(todos.get_record::<Todo>("batch-1").or_none());
    let last = batch.add(todos.get_records::<Todo>().count());
    // The server asks for the new password afterwards.
    let account = batch.add(client.account(&id).change_password("s3cr3t"));
    let done = batch.execute().await?;

    assert_eq!(done.failures().count(), 0, "{done:?}");
    let [first, second, third, named] = [&first, &second, &third, &named].map(|ticket| done.get(ticket));
    assert_eq!((&*first?.id, &*second?.id, third?.data.title.as_str(), &*named?.id), ("a", "c", "a", "batch-1"));
    assert_eq!((done.get(&made)?.id.as_str(), done.get(&inside)?.id.as_str()), (batchy.id(), "c"));
    assert_eq!(done.get(&account)?.id, id);
    assert!(matches!(done.get(&same)?, Fresh::Unchanged));
    assert!(matches!(done.get(&changed)?, Fresh::Changed(record) if record.data.title == "a"));
    let fourth = done.get(&fourth)?.as_ref().expect("it is there");
    assert_eq!((fourth.data.title.as_str(), *done.get(&last)?), ("b", 4));
    assert_eq!(plain.status(&format!("/buckets/{}", bucket.id())).await, 401, "the old password is good no longer");

    let sent = sent.take();
    assert_eq!(sizes(&sent), [0; 11], "none has a neighbour that it could go with");
    for sent in &sent {
        assert!(!sent.target.ends_with("/v1/batch"));
        assert_eq!(sent.body.contains("s3cr3t"), sent.line() == format!("PATCH /accounts/{id}"));
    }
    Ok(())
}

#[tokio::test]
async fn what_goes_alone_stays_between_its_neighbours() -> Outcome {
    let scene = Scene::new().await;
    scene.client.server_info().await?;
    scene.sent.forget();
    let ids = ["a", "b", "batch", "c", "d"];
    // It is on the way to the record that the word matters, not in it.
    let created = scene.todos.create_records(ids.map(|id| json!({"id": id, "title": "/batch"}))).await?;
    assert_eq!(created.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), ids);
    let sent = scene.sent.take();
    assert_eq!(sizes(&sent), [2, 0, 2]);
    assert_eq!(sent[1].line(), format!("PUT {}", scene.record("batch")));
    assert_eq!(scene.plain.ids(&scene.records).await, ids);
    Ok(())
}

#[tokio::test]
async fn no_request_has_more_operations_than_the_server_takes() -> Outcome {
    let scene = scene_of_five().await;
    scene.todos.create_records((0..12).map(|n| json!({"id": format!("n{n:02}")}))).await?;
    let sent = scene.sent.take();
    assert_eq!(sent[0].line(), "GET /");
    assert_eq!(sizes(&sent[1..]), [5, 5, 2]);
    let all: Vec<String> = sent[1..].iter().flat_map(Sent::batched).collect();
    assert_eq!(all, (0..12).map(|n| format!("PUT {}/n{n:02}", scene.records)).collect::<Vec<_>>());
    Ok(())
}

#[tokio::test]
async fn no_request_is_larger_than_it_may_be() -> Outcome {
    let scene = Scene::new().await;
    scene.client.server_info().await?;
    scene.sent.forget();
    let lengths = [300, 300, 300, 300, 5_000, 10, 10, 900];
    let data = || lengths.map(|length| json!({"title": "ü\"\n".repeat(length / 4)}));
    scene.todos.create_records(data()).max_bytes(1_500).await?;
    let mut batch = scene.client.batch().max_bytes(1_500);
    let tickets = batch.extend(data().map(|data| scene.todos.create_record(data)));
    let done = batch.execute().await?;
    for (ticket, data) in tickets.iter().zip(data()) {
        assert_eq!(done.get(ticket)?.data, data);
    }
    let sent = scene.sent.take();
    let (many, batch) = sent.split_at(sent.len() / 2);
    assert_eq!((sizes(many), sizes(batch)), (vec![2, 2, 0, 2, 0], vec![2, 2, 0, 2, 0]));
    for sent in &sent {
        assert!(!sent.is_batch() || sent.body.len() <= 1_500, "{} bytes", sent.body.len());
    }
    scene.todos.create_records(data()).await?;
    assert_eq!(sizes(&scene.sent.take()), [8], "1 MiB unless it is set");
    Ok(())
}

#[tokio::test]
async fn what_the_server_makes_new_goes_together() -> Outcome {
    let scene = Scene::new().await;
    scene.client.server_info().await?;
    scene.sent.forget();
    let mut batch = scene.client.batch();
    let ensured = batch.extend((0..4).map(|n| scene.bucket.create_collection(format!("c{n}")).if_not_exists()));
    let servers = batch.extend((0..4).map(|_| scene.todos.create_record(Todo::new("Milk")).server_id()));
    let done = batch.execute().await?;
    assert!(ensured.iter().all(|ticket| done.get(ticket).is_ok_and(Ensured::is_created)), "{done:?}");
    assert!(servers.iter().all(|ticket| done.get(ticket).is_ok()), "{done:?}");
    assert_eq!(scene.plain.ids(&scene.records).await.len(), 4);
    assert_eq!(sizes(&scene.sent.take()), [8], "as few requests as the server allows");
    Ok(())
}

#[tokio::test]
async fn what_one_operation_makes_the_next_can_use() -> Outcome {
    let scene = scene_of_five().await;
    let bucket = scene.client.bucket(unique("new"));
    let (notes, lists) = (bucket.collection("notes"), bucket.collection("lists"));
    let mut batch = scene.client.batch();
    batch.add(bucket.create());
    batch.add(notes.create());
    batch.add(lists.create());
    batch.extend((0..4).map(|n| notes.create_record(json!({"id": format!("n{n}")}))));
    batch.extend((0..4).map(|n| lists.create_record(json!({"id": format!("l{n}")}))));
    let read = batch.add(notes.get_record::<Value>("n3"));
    batch.add(notes.delete_record("n3"));
    let gone = batch.add(notes.get_record::<Value>("n3").or_none());
    batch.add(notes.create_record(json!({"id": "n3", "again": true})));
    let again = batch.add(notes.get_record::<Value>("n3"));
    let counted = batch.add(lists.get_records::<Value>().count());
    batch.add(lists.delete());
    let done = batch.execute().await?;
    assert_eq!(done.failures().count(), 0, "{done:?}");
    assert_eq!(done.get(&read)?.data, json!({}));
    assert!(done.get(&gone)?.is_none());
    assert_eq!(done.get(&again)?.data, json!({"again": true}));
    assert_eq!(*done.get(&counted)?, 4);
    assert_eq!(scene.plain.ids(&format!("/buckets/{}/collections", bucket.id())).await, ["notes"]);
    Ok(())
}

#[tokio::test]
async fn credentials_are_on_the_outside_only() -> Outcome {
    let scene = Scene::new().await;
    scene.client.server_info().await?;
    scene.sent.forget();
    scene.todos.create_records([Todo::new("Milk"), Todo::new("Eggs")]).await?;
    let sent = scene.sent.take_one();
    let (authorization, json) = (sent.header("authorization").expect("credentials"), sent.json());
    assert!(!sent.body.to_lowercase().contains("authorization") && !sent.body.contains(authorization), "{}", sent.body);
    assert!(!sent.body.contains(&scene.user) && !sent.body.contains("p4ssw0rd"), "{}", sent.body);
    assert_eq!(json.as_object().unwrap().keys().collect::<Vec<_>>(), ["requests"]);
    for request in json["requests"].as_array().unwrap() {
        assert_eq!(request["headers"], json!({"if-none-match": "*"}));
        assert_eq!(request["body"]["data"].as_object().unwrap().len(), 2);
    }
    Ok(())
}

#[tokio::test]
async fn tickets_are_good_for_one_result_of_their_own_batch() -> Outcome {
    let scene = Scene::new().await;
    let [mut one, mut other] = [scene.client.batch(), scene.client.batch()];
    let milk = one.add(scene.todos.create_record(Todo::new("Milk")));
    let eggs = other.add(scene.todos.create_record(Todo::new("Eggs")));
    let (one, mut other) = (one.execute().await?, other.execute().await?);
    for error in [one.get(&eggs).unwrap_err(), other.get(&milk).unwrap_err()] {
        assert!(error.is_invalid() && error.to_string().contains("another batch"), "{error}");
    }
    assert_eq!((one.get(&milk)?.data.title.as_str(), other.get(&eggs)?.data.title.as_str()), ("Milk", "Eggs"));
    assert!(other.take(milk).is_err_and(|error| error.is_invalid()), "it is spent all the same");
    assert_eq!(other.take(eggs)?.data, Todo::new("Eggs"));
    assert_eq!((one.len(), one.failures().count()), (1, 0));
    Ok(())
}

#[tokio::test]
async fn a_call_of_another_client_is_refused() -> Outcome {
    let scene = Scene::new().await;
    let other = scene.client_at(scene.url()).build()?;
    let somebody = scene.client.with_auth((unique("somebody"), "password"))?;
    let mut batch = scene.client.batch();
    let own = batch.add(scene.todos.create_record(Todo::new("own")));
    let clones = batch.add(scene.todos_of(&scene.client.clone()).create_record(Todo::new("own")));
    let others =
        [&other, &somebody].map(|client| batch.add(scene.todos_of(client).create_record(Todo::new("another's"))));
    let done = batch.execute().await?;
    assert!(done.get(&own).is_ok() && done.get(&clones).is_ok());
    for ticket in &others {
        let error = done.get(ticket).unwrap_err();
        assert_eq!(predicates(&error), ["invalid"], "{error}");
        assert_eq!(error.operation(), Some("create record"));
    }
    assert_eq!(scene.plain.ids(&scene.records).await.len(), 2);
    Ok(())
}

#[tokio::test]
async fn what_is_explained_is_what_is_sent() -> Outcome {
    let scene = Scene::new().await;
    let mut milk = scene.todos.create_record(Todo::new("Milk")).id("milk").await?;
    scene.client.server_info().await?;
    scene.sent.forget();
    milk.data.done = true;
    let time = milk.last_modified;
    let mut batch = scene.client.batch();
    batch.add(scene.todos.save_record(&mut milk));
    batch.add(scene.todos.create_record(Todo::new("Eggs")));
    batch.add(scene.todos.get_record::<Todo>("ham"));
    let explained = batch.explain()?;
    let shown = format!("{batch:?}");
    assert_eq!(scene.sent.take_lines(), [""; 0]);
    let text = explained[0].to_string();
    let start = format!("PUT {}\nIf-Match: \"{time}\"\n", scene.record("milk"));
    assert!(text.starts_with(&start) && text.contains(r#""done":true"#), "{text}");
    for part in ["save record", "create record", "get record", "/records/ham"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains("Eggs"), "data may be nobody's business: {shown}");

    batch.execute().await?;
    let sent = scene.sent.take_one();
    let lines = explained.iter().map(|one| format!("{} {}", one.method().unwrap(), one.target().unwrap()));
    assert_eq!(sent.batched(), lines.collect::<Vec<_>>());
    let body: Value = serde_json::from_str(explained[1].body().unwrap())?;
    assert_eq!(sent.json()["requests"][1]["body"], body);

    let mut batch = scene.client.batch();
    batch.add(scene.client.account("alexis").create("s3cr3t"));
    assert!(!format!("{:?} {batch:?}", batch.explain()?).contains("s3cr3t"));
    batch.add(scene.todos.get_record::<Todo>("no/id"));
    let error = batch.explain().unwrap_err();
    assert_eq!((predicates(&error), error.operation()), (vec!["invalid"], Some("get record")), "{error}");
    Ok(())
}

#[tokio::test]
async fn progress_is_told_of_each_result() -> Outcome {
    let scene = scene_of_five().await;
    scene.todos.create_record(json!({"id": "n03"})).await?;
    let mut same = scene.todos.create_record(json!({"id": "same"})).await?;
    let told: Arc<Mutex<Vec<Progress>>> = Arc::default();
    let mut batch = scene.client.batch().on_progress(|progress| {
        told.lock().unwrap().push(progress);
        true
    });
    batch.extend((0..12).map(|n| scene.todos.create_record(json!({"id": format!("n{n:02}")}))));
    batch.add(scene.todos.get_record::<Value>("missing").or_none());
    batch.add(scene.todos.save_record(&mut same));
    let done = batch.execute().await?;
    assert_eq!(done.failures().map(|(place, _)| place).collect::<Vec<_>>(), [3]);
    let told = told.lock().unwrap();
    assert!(told.iter().all(|progress| progress.total == 14));
    // What there is nothing to send of is done from the start.
    assert_eq!(told.iter().map(|progress| progress.done).collect::<Vec<_>>(), (2..=14).collect::<Vec<_>>());
    let failed: Vec<usize> = told.iter().map(|progress| progress.failed).collect();
    assert_eq!(failed, [0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], "that there is none is no failure with `or_none`");
    Ok(())
}

#[tokio::test]
async fn a_batch_that_is_cancelled_says_what_was_sent() -> Outcome {
    let scene = scene_of_five().await;
    let mut batch = scene.client.batch().on_progress(|progress| progress.done < 7);
    let tickets = batch.extend((0..20).map(|n| scene.todos.create_record(json!({"id": format!("n{n:02}")}))));
    let done = batch.execute().await?;
    // The seventh was in the second request, with three more after it.
    for (n, ticket) in tickets.iter().enumerate() {
        match done.get(ticket) {
            Ok(record) => assert!(n < 10 && *record.id == format!("n{n:02}")),
            Err(error) => {
                assert!(n >= 10 && error.is_cancelled() && !error.may_have_been_applied(), "{n}: {error}");
                assert!(error.to_string().contains("not sent"), "{error}");
            }
        }
    }
    assert_eq!(sizes(&scene.sent.take()[1..]), [5, 5]);
    assert_eq!(scene.plain.ids(&scene.records).await.len(), 10);
    Ok(())
}

#[tokio::test]
async fn nothing_is_sent_after_an_error_if_that_is_wanted() -> Outcome {
    let scene = scene_of_five().await;
    scene.plain.put_data(&scene.record("n06"), &json!({"taken": true})).await;
    let new = || (0..20).map(|n| json!({"id": format!("n{n:02}")}));
    let created = scene.todos.create_records(new()).stop_on_error().each().await?;
    let kinds: Vec<_> = created.iter().map(|created| created.as_ref().err().map(Error::kind)).collect();
    assert_eq!(kinds[6], Some(ErrorKind::Conflict));
    assert!(kinds[..6].iter().chain(&kinds[7..10]).all(Option::is_none), "{kinds:?}");
    assert!(kinds[10..].iter().all(|kind| *kind == Some(ErrorKind::Cancelled)), "{kinds:?}");
    assert_eq!(scene.plain.ids(&scene.records).await.len(), 10);
    assert_eq!(sizes(&scene.sent.take()[1..]), [5, 5]);

    let error = scene.todos.create_records(new()).stop_on_error().await.unwrap_err();
    assert_eq!((error.is_partial(), error.failures().len()), (true, 20), "{error}");
    // Without that wish the others are sent as ever.
    let mut batch = scene.client.batch();
    batch.extend(new().map(|data| scene.todos.create_record(data)));
    assert_eq!(batch.execute().await?.failures().count(), 10);
    assert_eq!(scene.plain.ids(&scene.records).await.len(), 20);
    Ok(())
}

#[tokio::test]
async fn only_what_is_an_error_alone_stops_a_batch() -> Outcome {
    let scene = scene_of_five().await;
    let milk = scene.todos.create_record(Todo::new("Milk")).id("milk").await?;
    let todos = &scene.todos;
    let mut batch = scene.client.batch().stop_on_error();
    batch.add(todos.get_record::<Todo>("missing").or_none());
    batch.add(todos.get_record::<Todo>("milk").if_changed_since(milk.last_modified));
    batch.add(todos.delete_record("missing").if_exists());
    batch.extend((0..10).map(|n| todos.create_record(json!({"id": format!("n{n}")}))));
    let done = batch.execute().await?;
    assert_eq!(done.failures().count(), 0, "{done:?}");
    assert_eq!(scene.plain.ids(&scene.records).await.len(), 11);

    scene.plain.put_data(&scene.record("odd"), &json!({"title": 7})).await;
    let mut batch = scene.client.batch().stop_on_error();
    let odd = batch.add(todos.get_record::<Todo>("odd"));
    batch.extend((0..10).map(|n| todos.create_record(json!({"id": format!("late-{n}")}))));
    let done = batch.execute().await?;
    assert_eq!(predicates(&done.get(&odd).unwrap_err()), ["decode"]);
    assert_eq!(done.failures().filter(|(_, error)| error.is_cancelled()).count(), 6, "{done:?}");
    Ok(())
}

/// A batch over six collections, five operations at a time, of which the first fails: how many requests there were.
async fn stopped(set_up: impl for<'a> FnOnce(Batch<'a>) -> Batch<'a>) -> Result<usize, Box<dyn std::error::Error>> {
    let scene = scene_of_five().await;
    let mut batch = set_up(scene.client.batch());
    let mut tickets = Vec::new();
    for n in 0..6 {
        // There is no such collection.
        let collection = scene.bucket.collection(format!("c{n}"));
        tickets.extend(batch.extend((0..10).map(|_| collection.create_record(Todo::new("Milk")))));
    }
    let done = batch.execute().await?;
    let cancelled = done.failures().filter(|(_, error)| error.is_cancelled()).count();
    assert_eq!(done.failures().count(), 60);
    let sizes = sizes(&scene.sent.take()[1..]);
    assert_eq!(sizes.iter().sum::<usize>() + cancelled, 60, "each was sent once, or not at all");
    Ok(sizes.len())
}

#[tokio::test]
async fn what_stops_a_batch_stops_it_for_all_collections() -> Outcome {
    assert_eq!(stopped(|batch| batch.max_concurrency(1).stop_on_error()).await?, 1);
    assert_eq!(stopped(|batch| batch.max_concurrency(1).on_progress(|_| false)).await?, 1);
    let side_by_side = stopped(|batch| batch.max_concurrency(3).stop_on_error()).await?;
    assert!((1..=3).contains(&side_by_side), "{side_by_side}");
    assert_eq!(stopped(|batch| batch.max_concurrency(1)).await?, 12, "unless it is stopped");
    Ok(())
}

/// Which collections are written to at the same time.
#[derive(Clone)]
struct Watch {
    transport: Recorder,
    under_way: Arc<Mutex<Vec<String>>>,
    most: Arc<Mutex<usize>>,
}

impl Transport for Watch {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>> {
        let body = String::from_utf8_lossy(request.body());
        let collection = body.split("/collections/").nth(1).and_then(|rest| rest.split('/').next()).map(str::to_owned);
        let Some(collection) = collection else { return self.transport.send(request) };
        {
            let mut under_way = self.under_way.lock().unwrap();
            assert!(!under_way.contains(&collection), "two batches write to {collection} at once");
            under_way.push(collection.clone());
            let mut most = self.most.lock().unwrap();
            *most = under_way.len().max(*most);
        }
        Box::pin(async move {
            let answer = self.transport.send(request).await;
            self.under_way.lock().unwrap().retain(|other| *other != collection);
            answer
        })
    }
}

#[tokio::test]
async fn collections_go_side_by_side_and_the_batches_of_one_do_not() -> Outcome {
    let scene = scene_of_five().await;
    let watch = Watch { transport: Recorder::default(), under_way: Arc::default(), most: Arc::default() };
    let client = scene.client_at(scene.url()).transport(watch.clone()).build()?;
    let collections: Vec<_> =
        (0..6).map(|n| client.bucket(scene.bucket.id()).collection(unique(&format!("c{n}")))).collect();
    for (max, most) in [(None, 4), (Some(2), 2), (Some(1), 1)] {
        *watch.most.lock().unwrap() = 0;
        let mut batch = client.batch();
        batch.extend(collections.iter().map(|collection| collection.create().if_not_exists()));
        if let Some(max) = max {
            batch = batch.max_concurrency(max);
        }
        batch.extend((0..60).map(|n| collections[n % 6].create_record(Todo::new("Milk"))));
        // Another batch of the same program for the same collections.
        let mut second = client.batch();
        second.extend((0..60).map(|n| collections[n % 6].overwrite_record(format!("n{n}"), Todo::new("Eggs"))));
        let first = batch.execute().await?;
        assert_eq!(first.failures().count(), 0, "{first:?}");
        assert_eq!(*watch.most.lock().unwrap(), most);
        let mut third = client.batch();
        third.extend((0..60).map(|n| collections[n % 6].overwrite_record(format!("n{n}"), Todo::new("Ham"))));
        let (second, third) = tokio::join!(second.execute(), third.execute());
        assert_eq!(second?.failures().count() + third?.failures().count(), 0);
    }
    Ok(())
}

#[tokio::test]
async fn a_plugin_that_is_missing_is_named_as_it_is_alone() -> Outcome {
    let server = Server::builder()
        .setting("kinto.includes", "kinto.plugins.default_bucket")
        .setting("multiauth.policies", "basicauth")
        .shared()?;
    let scene = Scene::on(server.url()).await;
    let alone = scene.client.account("alexis").get().await.unwrap_err();
    let (read, other) =
        scene.client.together((scene.client.account("alexis").get(), scene.todos.get_record::<Todo>("milk"))).await?;
    let (single,) = scene.client.together((scene.client.account("alexis").get(),)).await?;
    assert_eq!(predicates(&alone), ["unsupported"], "{alone}");
    assert_eq!(read.unwrap_err().told(), alone.told());
    assert_eq!(single.unwrap_err().told(), alone.told());
    assert_eq!(predicates(&other.unwrap_err()), ["not found"]);
    Ok(())
}

#[tokio::test]
async fn the_whole_batch_can_be_refused() -> Outcome {
    let scene = Scene::new().await;
    let stranger = Client::builder(scene.url()).auth(kinto_client::Auth::bearer("unknown")).build()?;
    let todos = scene.todos_of(&stranger);
    let created = todos.create_records([Todo::new("Milk"), Todo::new("Eggs")]).each().await?;
    for created in created {
        let error = created.unwrap_err();
        assert_eq!((predicates(&error), error.operation()), (vec!["unauthorized"], Some("create record")), "{error}");
        assert!(!error.may_have_been_applied());
    }
    let readonly = Server::builder().setting("kinto.readonly", "true").shared()?;
    let client = scene.client_at(readonly.url()).build()?;
    let created = client.bucket("b").collection("c").create_records([Todo::new("Milk"), Todo::new("Eggs")]);
    let error = created.await.unwrap_err();
    assert!(error.is_partial() && error.failures().len() == 2, "{error}");
    assert!(error.failures().iter().all(|(_, error)| error.is_refused() && !error.may_have_been_applied()), "{error}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_can_be_spawned() -> Outcome {
    fn movable<T: Send>(value: T) -> T {
        value
    }
    let scene = Scene::new().await;
    let (client, todos) = (scene.client.clone(), scene.todos.clone());
    let mut batch = movable(client.batch().on_progress(|_| true));
    let ticket = movable(batch.add(todos.create_record(Todo::new("Milk"))));
    let mut done = movable(tokio::spawn(movable(batch.execute()).into_future()).await??);
    assert_eq!(done.take(ticket)?.data, Todo::new("Milk"));
    let all = tokio::spawn(movable(todos.create_records((0..3).map(|_| Todo::new("Eggs")))).into_future()).await??;
    assert_eq!(all.len(), 3);
    let calls = (todos.get_record::<Todo>("milk").or_none(), todos.get_records::<Todo>().count());
    let (none, count) = tokio::spawn(movable(client.together(calls)).into_future()).await??;
    assert_eq!((none?.is_none(), count?), (true, 4));
    Ok(())
}

/// The whole of a batch on a server that rolls back is one transaction of it; here it is in memory too.
#[tokio::test]
async fn it_works_on_postgresql_as_well() -> Outcome {
    let server = server_on(kinto_server::Backend::PostgreSql);
    let scene = Scene::on(server.url()).await;
    let created = scene.todos.create_records((0..60).map(|n| json!({"id": format!("n{n:02}")}))).await?;
    let mut batch = scene.client.batch();
    let reads = batch.extend(created.iter().map(|record| scene.todos.get_record::<Value>(record.id.as_str())));
    let done = batch.execute().await?;
    for (ticket, created) in reads.iter().zip(&created) {
        assert_eq!(done.get(ticket)?.received_json(), created.received_json());
    }
    assert_eq!(sizes(&scene.sent.take()), [0, 25, 25, 10, 25, 25, 10]);
    Ok(())
}
