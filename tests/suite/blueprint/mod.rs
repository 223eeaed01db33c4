//! A server made to match a blueprint, and what is said and done when it does not.

use kinto_client::{
    Blueprint, KintoRecord,
    blueprint::{BucketSpec, CollectionSpec, GroupSpec},
};
use kinto_server::unique;
use kinto_tests::{Fault, RawClient, SentRequest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

mod apply;
mod default;
mod deployers;
mod ensure;
mod explicit;
mod hidden;
mod killed;
mod outdated;
mod plan;
mod prune;
mod repeated;
mod said;
mod unmanaged;

/// A task.
#[derive(Debug, Serialize, Deserialize, JsonSchema, KintoRecord)]
#[kinto(collection = "tasks", schema, sort = "-due", display_fields = ["title", "due"])]
#[kinto(permissions(read = ["system.Authenticated"], write = ["group:editors"]))]
struct Task {
    title: String,
    /// The time at which it is due, in seconds since 1970.
    due: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema, KintoRecord)]
#[kinto(collection = "notes", schema, cache_expires = 60, permissions(record_create = ["group:authors"]))]
struct Note {
    text: String,
}

/// The ids of two buckets that no other test has.
fn two() -> [String; 2] {
    [unique("app"), unique("site")]
}

/// Two buckets, two groups and four collections; the buckets and the groups have permissions by way of each other.
fn blueprint([app, site]: &[String; 2]) -> Blueprint {
    let editors = GroupSpec::from(["account:alexis", "account:niko"]).permissions(|p| p.write("group:editors"));
    let authors = GroupSpec::from(["account:remy"]).permissions(|p| p.read(["group:editors", "system.Authenticated"]));
    let log = CollectionSpec::new().attributes(json!({"sort": "-at", "limits": {"days": 30, "size": 1.5}}));
    Blueprint::new()
        .bucket(
            app,
            BucketSpec::new()
                .attributes(json!({"owner": "us"}))
                .permissions(|p| p.read("account:natim").collection_create("group:editors"))
                .group("editors", editors)
                .group("authors", authors)
                .collection("tasks", CollectionSpec::of::<Task>())
                .collection("notes", CollectionSpec::of::<Note>()),
        )
        .bucket(
            site,
            BucketSpec::new()
                .permissions(|p| p.read(format!("/buckets/{app}/groups/editors")))
                .collection("log", log)
                .collection("pages", CollectionSpec::new().permissions(|p| p.read("system.Everyone"))),
        )
}

/// Does this with the request at that place, counted from 0, and nothing with the others. A write that is sent again, as
/// after a collision with another test in the list of buckets, is not another.
fn at_request(place: usize, fault: impl Fn() -> Fault + Send) -> impl FnMut(&SentRequest) -> Fault + Send {
    at(place, |_| true, fault)
}

/// The same for the write at that place among those of a plan.
fn at_write(place: usize, fault: impl Fn() -> Fault + Send) -> impl FnMut(&SentRequest) -> Fault + Send {
    at(place, |sent| !reads(sent), fault)
}

fn at(
    place: usize,
    counts: impl Fn(&SentRequest) -> bool + Send,
    fault: impl Fn() -> Fault + Send,
) -> impl FnMut(&SentRequest) -> Fault + Send {
    let (mut written, mut count) = (Vec::new(), 0);
    move |sent| {
        let line = sent.line();
        if !counts(sent) || written.contains(&line) {
            return Fault::Pass;
        }
        if !reads(sent) {
            written.push(line);
        }
        count += 1;
        if count == place + 1 { fault() } else { Fault::Pass }
    }
}

/// Returns true if the request writes nothing: it reads, or asks for a version that there cannot be, to learn
/// whether a bucket is hidden.
fn reads(sent: &SentRequest) -> bool {
    sent.method == "GET" || sent.header("if-match") == Some("\"1\"")
}

/// All that these buckets hold, without timestamps, and with `app` and `site` for their names.
async fn dump(plain: &RawClient, buckets: &[String; 2]) -> Value {
    let mut all = Map::new();
    for bucket in buckets {
        let path = format!("/buckets/{bucket}");
        if plain.status(&path).await == 403 {
            continue;
        }
        all.insert(path.clone(), whole(plain, &path).await);
        for list in ["groups", "collections"] {
            for id in plain.ids(&format!("{path}/{list}")).await {
                let path = format!("{path}/{list}/{id}");
                all.insert(path.clone(), whole(plain, &path).await);
            }
        }
    }
    let text = Value::Object(all).to_string().replace(&buckets[0], "app").replace(&buckets[1], "site");
    serde_json::from_str(&text).unwrap()
}

async fn whole(plain: &RawClient, path: &str) -> Value {
    let mut held = plain.held(path).await;
    if let Some(members) = held.get_mut("members").and_then(Value::as_array_mut) {
        members.sort_unstable_by_key(Value::to_string);
    }
    json!({"data": held, "permissions": plain.permissions(path).await})
}

/// Returns the expected state of the server after that principal has applied the blueprint.
fn applied(me: &str) -> Value {
    let editors = "/buckets/app/groups/editors";
    let write = |more: &[&str]| {
        let mut all: Vec<&str> = more.iter().copied().chain([me]).collect();
        all.sort_unstable();
        json!(all)
    };
    let task = Task::collection_attributes();
    let note = Note::collection_attributes();
    json!({
        "/buckets/app": {"data": {"owner": "us"}, "permissions": {
            "read": ["account:natim"], "write": [me], "collection:create": [editors]
        }},
        "/buckets/app/groups/authors": {"data": {"members": ["account:remy"]}, "permissions": {
            "read": [editors, "system.Authenticated"], "write": [me]
        }},
        "/buckets/app/groups/editors": {"data": {"members": ["account:alexis", "account:niko"]}, "permissions": {
            "write": write(&[editors])
        }},
        "/buckets/app/collections/notes": {
            "data": {"schema": note.schema, "uiSchema": {"ui:order": ["text", "*"]}, "cache_expires": 60},
            "permissions": {"write": [me], "record:create": ["/buckets/app/groups/authors"]}
        },
        "/buckets/app/collections/tasks": {
            "data": {
                "schema": task.schema, "uiSchema": {"ui:order": ["title", "due", "*"]},
                "sort": "-due", "displayFields": ["title", "due"]
            },
            "permissions": {"read": ["system.Authenticated"], "write": write(&[editors])}
        },
        "/buckets/site": {"data": {}, "permissions": {"read": [editors], "write": [me]}},
        "/buckets/site/collections/log": {
            "data": {"sort": "-at", "limits": {"days": 30, "size": 1.5}}, "permissions": {"write": [me]}
        },
        "/buckets/site/collections/pages": {"data": {}, "permissions": {"read": ["system.Everyone"], "write": [me]}},
    })
}
