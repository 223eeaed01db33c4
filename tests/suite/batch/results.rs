//! Each result of a batch is just what the operation alone would give.

use std::{collections::BTreeMap, fmt::Debug};

use kinto_client::{
    Error, KintoRecord as _, Object, Record, Value, json,
    list::Conditional,
    object::{CreateOutcome, Tombstone, kind::Kind},
    operation::SaveOutcome,
};
use kinto_server::unique;
use kinto_tests::{Fixture, Outcome, RawClient};

use crate::{Todo, batch::requests::sizes};

/// The parts of a result to compare.
pub(crate) trait Told {
    fn told(&self) -> Value;
}

impl<K: Kind, T: kinto_client::object::RecordData + Debug> Told for Object<K, T> {
    fn told(&self) -> Value {
        json!([self.id.as_str(), format!("{self:?}"), self.raw_json()])
    }
}

impl<T: Told> Told for Option<T> {
    fn told(&self) -> Value {
        json!(self.as_ref().map(Told::told))
    }
}

impl<T: Told> Told for CreateOutcome<T> {
    fn told(&self) -> Value {
        json!([self.is_created(), (**self).told()])
    }
}

impl<T: Told> Told for Conditional<T> {
    fn told(&self) -> Value {
        match self {
            Self::Modified(value) => value.told(),
            Self::NotModified => json!("unchanged"),
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

told_by_debug!(Tombstone, SaveOutcome, usize);

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
    fixture: Fixture,
    theirs: String,
    me: String,
}

impl Stage {
    async fn new() -> Self {
        let fixture = Fixture::new().await;
        for id in ["milk", "eggs", "ham", "bread"] {
            let data = json!({"title": id, "extra": {"größe": [1.0, 18_446_744_073_709_551_615_u64, null]}});
            fixture.plain.put_data(&fixture.record(id), &data).await;
        }
        fixture.plain.put_data(&fixture.record("odd"), &json!({"title": 7})).await;
        let (theirs, them) = (unique("theirs"), RawClient::new(fixture.url(), &unique("them"), "password"));
        let readable = json!({"permissions": {"read": ["system.Authenticated"]}});
        them.put(&format!("/buckets/{theirs}"), &readable).await;
        them.put(&format!("/buckets/{theirs}/collections/notes"), &json!({})).await;
        them.put_data(&format!("/buckets/{theirs}/collections/notes/records/one"), &json!({"title": "One"})).await;
        let me = fixture.client.user().await.expect("an answer").expect("a user").id.to_string();
        Self { fixture, theirs, me }
    }

    /// The same on each stage: names of buckets and of the user, and times, are left out.
    fn normal(&self, told: &Value) -> Value {
        let text = told.to_string().replace(self.fixture.bucket.id(), "OURS").replace(&self.theirs, "THEIRS");
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
        let list = self.fixture.plain.get(&format!("{}?_sort=id", self.fixture.records)).await.json();
        let bucket = self.fixture.plain.get(&format!("/buckets/{}", self.fixture.bucket.id())).await.json();
        self.normal(&json!([list["data"], bucket["data"]]))
    }
}

/// Passes calls of every kind to a macro.
macro_rules! calls {
    ($with:ident, $stage:ident, $saved:ident, $stale:ident, $as_read:ident) => {{
        let (client, todos, bucket) = (&$stage.fixture.client, &$stage.fixture.todos, &$stage.fixture.bucket);
        let (typed, notes) = (todos.typed::<Todo>(), client.bucket(&$stage.theirs).collection("notes"));
        let time = $stale.last_modified;
        $with! { client;
            got = todos.get_record::<Todo>("milk"),
            got_json = todos.get_record::<Value>("milk"),
            missing = typed.get_record("missing"),
            none = todos.get_record::<Todo>("missing").optional(),
            odd = todos.get_record::<Todo>("odd"),
            read_theirs = notes.get_record::<Todo>("one"),
            create_theirs = notes.create_record(Todo::new("Two")).id("two"),
            save = todos.save_record(&mut $saved),
            save_stale = todos.save_record(&mut $stale),
            save_same = todos.save_record(&mut $as_read),
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
    let todos = &stage.fixture.todos;
    let [mut saved, mut old] = [todos.get_record::<Value>("eggs").await?, todos.get_record::<Value>("milk").await?];
    let as_read = todos.get_record::<Value>("ham").await?;
    stage.fixture.plain.put_data(&stage.fixture.record("milk"), &json!({"title": "Oat milk"})).await;
    saved.data["title"] = "Duck eggs".into();
    old.data["title"] = "Almond milk".into();
    Ok([saved, old, as_read])
}

#[tokio::test]
async fn batch_result_equals_result_of_single_call() -> Outcome {
    let [one, other] = [Stage::new().await, Stage::new().await];
    let [mut saved, mut stale, mut as_read] = read(&one).await?;
    let alone = calls!(alone, one, saved, stale, as_read);
    let records = [&saved, &stale, &as_read].map(|record| one.normal(&record.told()));

    let [mut saved, mut stale, mut as_read] = read(&other).await?;
    other.fixture.sent.forget();
    let together = calls!(batched, other, saved, stale, as_read);
    assert_eq!(records, [&saved, &stale, &as_read].map(|record| other.normal(&record.told())));

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
    assert_eq!(alone.values().filter(|told| told.get("error").is_some()).count(), 9);
    assert_eq!(alone["save_same"]["ok"], "Unchanged");
    assert_eq!(alone["counted_all"]["ok"], "6");
    let sizes = sizes(&other.fixture.sent.take());
    assert!(sizes.iter().sum::<usize>() >= 20, "{sizes:?}");
    Ok(())
}
