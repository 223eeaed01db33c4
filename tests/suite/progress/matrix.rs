//! Every pair of writes of one object at the same moment, on PostgreSQL with several workers: what is there afterwards is
//! what one after the other makes of it, in one of the two orders, of those that were acknowledged.

use std::{collections::BTreeSet, env};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use kinto_client::{
    Blueprint, Bucket, Client, Collection, Error, ErrorKind, Filter, Group, KintoRecord, Principal, Value,
    blueprint::{BucketSpec, GroupSpec},
    json,
    object::JsonPatch,
    schema::{self, JsonSchema},
};
use kinto_server::{Backend, unique};
use kinto_tests::{Fixture, Outcome, server_on};
use serde::{Deserialize, Serialize};

use super::ends;

/// What an object holds, and who may read it; and how often it was written.
#[derive(Clone, Debug, PartialEq)]
struct Held {
    data: Value,
    read: BTreeSet<String>,
}

type State = (Option<Held>, u32);

fn account(name: &str) -> String {
    format!("account:{name}")
}

/// What comes of an operation, alone on an object like that; nothing if it fails there.
fn effect(of_groups: bool, verb: &str, tag: &str, (held, writes): &State) -> Vec<State> {
    let then = |held: Option<Held>| vec![(held, writes + 1)];
    let with = |change: &dyn Fn(&mut Held)| {
        let mut held = held.clone().expect("it is there");
        change(&mut held);
        then(Some(held))
    };
    let set = |field: &str, value: Value| with(&|held| held.data[field] = value.clone());
    let is_new = *writes == 0;
    match (verb, held) {
        ("create", None) => then(Some(Held { data: fresh(of_groups, tag), read: BTreeSet::new() })),
        ("overwrite", held) => {
            let read = held.as_ref().map(|held| held.read.clone()).unwrap_or_default();
            then(Some(Held { data: fresh(of_groups, tag), read }))
        }
        ("delete all", None) => vec![(None, *writes)],
        ("delete" | "delete all", Some(_)) => then(None),
        ("plan", None) if of_groups => {
            then(Some(Held { data: json!({"members": [account("base"), account(tag)]}), read: BTreeSet::new() }))
        }
        ("plan" | "migrate", held) if !of_groups && (verb == "plan" || held.is_none()) => vec![(held.clone(), *writes)],
        ("delete of what was read", Some(_)) if is_new => then(None),
        ("save" | "bulk save", Some(_)) if is_new => set(tag, json!(1)),
        ("save permissions", Some(_)) if is_new => with(&|held| _ = held.read.insert(account(tag))),
        ("update" | "edit" | "patch" | "merge patch" | "batch", Some(_)) => set(tag, json!(1)),
        ("json patch", Some(_)) if of_groups => {
            with(&|held| held.data["members"].as_array_mut().unwrap().push(account(tag).into()))
        }
        ("json patch", Some(held)) if held.data.get("list").is_none() => vec![],
        ("json patch", Some(_)) => with(&|held| held.data["list"].as_array_mut().unwrap().push(tag.into())),
        ("grant", Some(_)) => with(&|held| _ = held.read.insert(account(tag))),
        ("revoke", Some(_)) => with(&|held| _ = held.read.remove(&account("base"))),
        // The members that others added stay.
        ("plan", Some(held)) => {
            let mut members = held.data["members"].as_array().unwrap().clone();
            let missing = [account("base"), account(tag)].map(Value::from);
            let missing: Vec<Value> = missing.into_iter().filter(|member| !members.contains(member)).collect();
            if missing.is_empty() {
                return vec![(Some(held.clone()), *writes)];
            }
            members.extend(missing);
            set("members", members.into())
        }
        ("add members", Some(_)) => {
            with(&|held| held.data["members"].as_array_mut().unwrap().push(json!(account(tag))))
        }
        ("remove members", Some(_)) => {
            let base = json!(account("base"));
            with(&|held| held.data["members"].as_array_mut().unwrap().retain(|member| *member != base))
        }
        // What was written with the new schema is taken to be in the new form.
        ("migrate", Some(held)) if !is_new => {
            let migrated = set("migrated", json!(1));
            [vec![(Some(held.clone()), *writes)], migrated].concat()
        }
        ("migrate", Some(_)) => set("migrated", json!(1)),
        _ => vec![],
    }
}

fn fresh(of_groups: bool, tag: &str) -> Value {
    if of_groups { json!({"members": [account(tag)]}) } else { json!({tag: 1}) }
}

/// All that may be there once these are done, each acknowledged or not.
fn outcomes(of_groups: bool, before: &State, done: &[(&str, &str)]) -> Vec<State> {
    let effect = |verb: &str, tag: &str, state: &State| effect(of_groups, verb, tag, state);
    let [(one, tag), (other, other_tag)] = done else {
        return done
            .iter()
            .flat_map(|(verb, tag)| effect(verb, tag, before))
            .chain(done.is_empty().then(|| before.clone()))
            .collect();
    };
    let orders = [[(one, tag), (other, other_tag)], [(other, other_tag), (one, tag)]];
    let in_order = |[(first, its), (second, others)]: [(&&str, &&str); 2]| {
        effect(first, its, before).into_iter().flat_map(|state| effect(second, others, &state)).collect::<Vec<_>>()
    };
    orders.into_iter().flat_map(in_order).collect()
}

fn sorted(mut held: Held) -> Held {
    for list in ["members", "list"] {
        if let Some(list) = held.data.get_mut(list).and_then(Value::as_array_mut) {
            list.sort_unstable_by_key(ToString::to_string);
        }
    }
    held
}

async fn is_there(fixture: &Fixture, path: &str) -> Option<Held> {
    if fixture.plain.status(path).await == 404 {
        return None;
    }
    let mut data = fixture.plain.held(path).await;
    data.as_object_mut().unwrap().remove("schema");
    let read = fixture.plain.permissions(path).await["read"].as_array().cloned().unwrap_or_default();
    let read = read.iter().map(|principal| principal.as_str().unwrap().to_owned()).collect();
    Some(Held { data, read })
}

/// Returns true if it was acknowledged. It may fail because the other came first, and says so without a doubt.
fn acknowledged<T>(verb: &str, result: Result<T, Error>) -> Result<bool, Error> {
    match result {
        Ok(_) => Ok(true),
        Err(error) => {
            let error = error.failures().first().map_or(error.clone(), |(_, error)| error.clone());
            let fine = matches!(
                error.kind(),
                ErrorKind::Conflict | ErrorKind::NotFound | ErrorKind::Invalid | ErrorKind::NotVisible
            );
            // A deletion that comes second can have arrived twice, for all that it is told by the server.
            let is_gone = error.status().is_some_and(|status| status == 404);
            assert!(!error.may_have_been_applied() || is_gone, "{verb}: {error}");
            if fine { Ok(false) } else { Err(error) }
        }
    }
}

fn rounds() -> usize {
    if env::var_os("KINTO_TEST_LONG").is_some_and(|long| !long.is_empty()) { 20 } else { 1 }
}

fn pairs<'a>(verbs: &[&'a str]) -> Vec<(&'a str, &'a str)> {
    let from = |place: usize| verbs[place..].iter().map(move |other| (verbs[place], *other));
    let pairs: Vec<_> = (0..verbs.len()).flat_map(from).collect();
    (0..rounds()).flat_map(|_| pairs.clone()).collect()
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KintoRecord)]
#[serde(default)]
struct Doc {
    #[serde(skip_serializing_if = "Option::is_none")]
    a: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    b: Option<u32>,
}

#[derive(Clone, Debug, Serialize, Deserialize, KintoRecord, JsonSchema)]
#[schemars(crate = "kinto_client::schema::schemars")]
struct Migrated {
    #[serde(default)]
    migrated: u32,
}

const RECORD_VERBS: [&str; 18] = [
    "create",
    "save",
    "update",
    "edit",
    "patch",
    "merge patch",
    "json patch",
    "overwrite",
    "delete",
    "delete of what was read",
    "delete all",
    "grant",
    "revoke",
    "save permissions",
    "batch",
    "bulk save",
    "plan",
    "migrate",
];

async fn write_record(
    todos: Collection,
    mut read: kinto_client::Record<Value>,
    verb: &'static str,
    tag: &'static str,
) -> Result<bool, Error> {
    let id = read.id.to_string();
    let record = todos.record::<Value>(id.as_str());
    let patch = || json!({tag: 1});
    let result = match verb {
        "create" => todos.create_record(patch()).id(id.as_str()).await.map(drop),
        "overwrite" => todos.overwrite_record(id.as_str(), patch()).await.map(drop),
        "update" => record.update(|data| data[tag] = 1.into()).await.map(drop),
        "edit" => {
            let field = if tag == "a" { Doc::fields().a } else { Doc::fields().b };
            todos.record::<Doc>(id.as_str()).edit().set(field, 1).await.map(drop)
        }
        "patch" => record.patch(patch()).await.map(drop),
        "merge patch" => record.merge_patch(patch()).await.map(drop),
        "json patch" => record.json_patch(JsonPatch::new().add(["list", "-"], tag)).await.map(drop),
        "delete" => record.delete().await.map(drop),
        "delete of what was read" => todos.delete_record(&read).await.map(drop),
        "delete all" => todos.delete_all_records().filter(Filter::field("id").eq(id.as_str())).await.map(drop),
        "grant" => record.grant(|p| p.read([account(tag)])).await,
        "revoke" => record.revoke(|p| p.read([account("base")])).await,
        "save" => {
            read.data[tag] = 1.into();
            todos.save_record(&mut read).await.map(drop)
        }
        "save permissions" => {
            read.permissions.edit()?.read.extend([Principal::account(tag)]);
            record.save_permissions(&mut read).await.map(drop)
        }
        "batch" => {
            let mut batch = todos.client().batch();
            let ticket = batch.add(record.patch(patch()));
            batch.add(todos.create_record(json!({})));
            batch.execute().await?.take(ticket).map(drop)
        }
        "bulk save" => {
            let mut other = todos.create_record(json!({})).await?;
            other.data["n"] = 1.into();
            read.data[tag] = 1.into();
            todos.save_records(&mut [read, other]).each().await?.remove(0).map(drop)
        }
        "plan" => {
            let bucket = BucketSpec::new().attributes(json!({"beside": id}));
            let blueprint = Blueprint::new().bucket(unique("plan"), bucket);
            todos.client().plan(&blueprint).await?.apply().await.map(drop)
        }
        "migrate" => todos.migrate(|old: Migrated| Migrated { migrated: old.migrated.max(1) }).await.map(drop),
        verb => unreachable!("{verb}"),
    };
    acknowledged(verb, result)
}

async fn pair_of_records(
    fixture: &Fixture,
    client: &Client,
    one: &'static str,
    other: &'static str,
) -> Result<(), Error> {
    let collection = client.bucket(fixture.bucket.id()).collection(unique("c"));
    let path = format!("/buckets/{}/collections/{}", fixture.bucket.id(), collection.id());
    fixture.plain.put(&path, &json!({})).await;
    let (data, path) = (json!({"base": 1, "list": ["base"]}), format!("{path}/records/r"));
    let put = json!({"data": data, "permissions": {"read": [account("base")]}});
    fixture.plain.put(&path, &put).await;
    if one == "migrate" || other == "migrate" {
        collection.patch(json!({"schema": schema::of::<Migrated>()})).await?;
    }
    let read = collection.get_record::<Value>("r").await?;
    let mut before = (Some(Held { data, read: BTreeSet::from([account("base")]) }), 0);
    let deletes = one.starts_with("delete") || other.starts_with("delete");
    if !deletes && (one == "create" || other == "create") {
        fixture.plain.delete(&path).await;
        before = (None, 0);
    }
    let write = |verb, tag| tokio::spawn(write_record(collection.clone(), read.clone(), verb, tag));
    let (first, second) = (write(one, "a"), write(other, "b"));
    let (first, second) = (first.await.expect("no panic")?, second.await.expect("no panic")?);
    check(fixture, &path, &before, [(one, "a", first), (other, "b", second)]).await;
    Ok(())
}

async fn check(fixture: &Fixture, path: &str, before: &State, done: [(&str, &str, bool); 2]) {
    let acknowledged: Vec<_> = done.iter().filter(|(.., done)| *done).map(|(verb, tag, _)| (*verb, *tag)).collect();
    let now = is_there(fixture, path).await.map(sorted);
    let possible: Vec<_> = outcomes(path.contains("/groups/"), before, &acknowledged)
        .into_iter()
        .map(|(held, _)| held.map(sorted))
        .collect();
    assert!(possible.contains(&now), "{done:?} left {now:#?}, and not one of {possible:#?}");
}

async fn matrix<'a, F: Future<Output = Result<(), Error>> + 'a>(
    verbs: &[&'static str],
    pair: impl Fn(&'static str, &'static str) -> F,
) -> Outcome {
    let pairs = stream::iter(pairs(verbs)).map(|(one, other)| pair(one, other));
    ends("the matrix", pairs.buffer_unordered(6).try_for_each(|()| async { Ok(()) })).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn record_writes_are_exact_in_pairs() -> Outcome {
    let server = server_on(Backend::PostgreSql);
    let fixture = Fixture::on(server.url()).await;
    let client = fixture.client_at(fixture.url()).build()?;
    matrix(&RECORD_VERBS, |one, other| pair_of_records(&fixture, &client, one, other)).await
}

const GROUP_VERBS: [&str; 17] = [
    "create",
    "save",
    "update",
    "patch",
    "merge patch",
    "json patch",
    "overwrite",
    "delete",
    "delete of what was read",
    "delete all",
    "grant",
    "revoke",
    "save permissions",
    "batch",
    "add members",
    "remove members",
    "plan",
];

async fn write_group(
    bucket: Bucket,
    group: Group,
    mut read: kinto_client::object::GroupObject,
    verb: &'static str,
    tag: &'static str,
) -> Result<bool, Error> {
    let (client, member) = (group.client().clone(), account(tag));
    let set = |group: &mut kinto_client::object::GroupAttributes| drop(group.other.insert(tag.to_owned(), 1.into()));
    let result = match verb {
        "create" => bucket.create_group(group.id(), [member]).await.map(drop),
        "save" => {
            set(&mut read.data);
            bucket.save_group(&mut read).await.map(drop)
        }
        "update" => group.update(set).await.map(drop),
        "patch" => group.patch(json!({tag: 1})).await.map(drop),
        "merge patch" => group.merge_patch(json!({tag: 1})).await.map(drop),
        "json patch" => group.json_patch(JsonPatch::new().add(["members", "-"], member)).await.map(drop),
        "overwrite" => {
            let members = serde_json::from_value(json!({"members": [member]})).expect("a group");
            group.overwrite(members).await.map(drop)
        }
        "delete" => group.delete().await.map(drop),
        "delete of what was read" => bucket.delete_group(&read).await.map(drop),
        "delete all" => bucket.delete_all_groups().filter(Filter::field("id").eq(group.id())).await.map(drop),
        "batch" => {
            let mut batch = client.batch();
            let ticket = batch.add(group.patch(json!({tag: 1})));
            batch.add(bucket.create_group(unique("g"), [member]));
            batch.execute().await?.take(ticket).map(drop)
        }
        "grant" => group.grant(|p| p.read([member])).await,
        "revoke" => group.revoke(|p| p.read([account("base")])).await,
        "save permissions" => {
            read.permissions.edit()?.read.extend([Principal::account(tag)]);
            group.save_permissions(&mut read).await.map(drop)
        }
        "add members" => group.add_members([member]).await.map(drop),
        "remove members" => group.remove_members([account("base")]).await.map(drop),
        "plan" => {
            let spec = BucketSpec::new().group(group.id(), GroupSpec::new().members([account("base"), member]));
            client.plan(&Blueprint::new().bucket(bucket.id(), spec)).await?.apply().await.map(drop)
        }
        verb => unreachable!("{verb}"),
    };
    acknowledged(verb, result)
}

async fn pair_of_groups(
    fixture: &Fixture,
    client: &Client,
    one: &'static str,
    other: &'static str,
) -> Result<(), Error> {
    let bucket = client.bucket(fixture.bucket.id());
    let group = bucket.group(unique("g"));
    let path = format!("/buckets/{}/groups/{}", fixture.bucket.id(), group.id());
    let data = json!({"members": [account("base")]});
    fixture.plain.put(&path, &json!({"data": data, "permissions": {"read": [account("base")]}})).await;
    let read = group.get().await?;
    let mut before = (Some(Held { data, read: BTreeSet::from([account("base")]) }), 0);
    let deletes = one.starts_with("delete") || other.starts_with("delete");
    if !deletes && (one == "create" || other == "create") {
        fixture.plain.delete(&path).await;
        before = (None, 0);
    }
    let write = |verb, tag| tokio::spawn(write_group(bucket.clone(), group.clone(), read.clone(), verb, tag));
    let (first, second) = (write(one, "a"), write(other, "b"));
    let (first, second) = (first.await.expect("no panic")?, second.await.expect("no panic")?);
    check(fixture, &path, &before, [(one, "a", first), (other, "b", second)]).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn group_writes_are_exact_in_pairs() -> Outcome {
    let server = server_on(Backend::PostgreSql);
    let fixture = Fixture::on(server.url()).await;
    let client = fixture.client_at(fixture.url()).build()?;
    matrix(&GROUP_VERBS, |one, other| pair_of_groups(&fixture, &client, one, other)).await
}
