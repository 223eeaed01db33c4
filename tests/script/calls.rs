use std::{fmt::Debug, time::Duration};

use futures_util::{StreamExt as _, TryStreamExt as _, future::BoxFuture, stream::BoxStream};
use kinto_client::{
    Client, Error, JsonObject, KintoRecord, Record, Result, Timestamp, Value, json,
    object::{BucketObject, CollectionObject, GroupObject, JsonPatch},
    permissions::Permission,
};
use serde::{Deserialize, Serialize};

/// A record with something inside of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KintoRecord)]
#[kinto(bucket = "b", collection = "c")]
#[serde(default)]
pub struct Note {
    /// Text.
    pub title: String,
    /// A number that may not be there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank: Option<f64>,
    /// An object.
    pub place: Place,
    /// A list of objects.
    pub lines: Vec<Line>,
}

/// An object in a [`Note`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    /// Text.
    pub name: String,
}

/// An object in a list in a [`Note`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Line {
    /// A number.
    pub n: i64,
}

/// Makes a call, and looks at all that comes of it.
type Ask = for<'a> fn(&'a Client) -> BoxFuture<'a, ()>;

/// Checks the rules for every result: it can be formatted, and an error is one line without a secret.
fn look<T: Debug>(result: Result<T>) {
    match result {
        Ok(value) => assert!(!format!("{value:?}").is_empty()),
        Err(error) => look_at(&error),
    }
}

fn look_at(error: &Error) {
    let line = error.to_string();
    assert!(!line.contains('\n') && !line.is_empty(), "{line}");
    let shown = format!("{line} {error:?} {:?} {:?}", error.conflict::<Note>(), error.theirs::<Value>());
    assert!(!shown.contains("p4ssw0rd") && !shown.contains("YWxleGlzOnA0c3N3MHJk"), "{shown}");
    let parts = (error.status(), error.errno(), error.server_message(), error.details(), error.retry_after());
    assert!(!format!("{parts:?} {:?} {:?}", error.record_id(), error.field()).is_empty());
    for (_, failure) in error.failures() {
        look_at(failure);
    }
}

async fn drain<T: Debug>(stream: BoxStream<'_, Result<T>>) {
    look(stream.take(100).try_collect::<Vec<_>>().await);
}

fn since() -> Timestamp {
    Timestamp::from_millis(1)
}

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident($client:ident) $body:block)+) => {
        /// Every kind of call, each with its name.
        pub const CALLS: &[(&str, Ask)] = &[$((stringify!($name), |$client| Box::pin(async move $body))),+];
    };
}

calls! {
    server_info(client) { look(client.server_info().await); look(client.user().await); }
    get(client) { look(client.typed::<Note>().get_record("r").await); }
    get_or_none(client) { look(client.typed::<Note>().get_record("r").optional().await); }
    get_if_changed(client) { look(client.typed::<Note>().get_record("r").if_changed_since(since()).await); }
    get_bucket(client) { look(client.get_bucket("b").await); }
    get_collection(client) { look(client.bucket("b").get_collection("c").await); }
    get_group(client) { look(client.bucket("b").get_group("g").await); }
    get_account(client) { look(client.account("a").get().await); }
    list(client) { look(client.typed::<Note>().get_records().await); }
    list_json(client) { look(client.bucket("b").collection("c").get_records::<JsonObject>().limit(9).consistent().await); }
    list_lenient(client) { look(client.typed::<Note>().get_records().lenient().await); }
    list_if_changed(client) { look(client.typed::<Note>().get_records().if_changed_since(since()).await); }
    list_selected(client) { look(client.typed::<Note>().get_records().select(Note::fields().title).await); }
    first_one_count(client) {
        look(client.typed::<Note>().get_records().first().await);
        look(client.typed::<Note>().get_records().one().await);
        look(client.typed::<Note>().get_records().count().await);
    }
    stream(client) { drain(client.typed::<Note>().get_records().since(since()).stream()).await; }
    pages(client) {
        let pages: Vec<_> = client.typed::<Note>().get_records().pages().take(9).collect().await;
        for page in pages {
            if let Ok(Some(next)) = page.as_ref().map(|page| &page.next) {
                let token = next.to_string().parse();
                look(client.typed::<Note>().get_records().resume(token.expect("what it was made from")).await);
            }
            look(page);
        }
    }
    changes(client) { look(client.typed::<Note>().changes_since(since()).await); }
    watch(client) {
        let watch = client.typed::<Note>().changes_since(since()).watch(Duration::ZERO);
        // It never ends by itself, and asks again after an answer with nothing in it.
        let _ = tokio::time::timeout(Duration::from_secs(1), watch.take(5).for_each(async |change| look(change))).await;
    }
    entries(client) {
        look(client.get_permissions().await);
        look(client.get_permissions().count().await);
        look(client.get_permissions().having(Permission::Write).first().await);
        drain(client.get_permissions().stream()).await;
        look(client.get_accounts().await);
    }
    changesets(client) {
        look(client.typed::<Note>().get_changeset().since(since()).await);
        look(client.typed::<Note>().get_changeset().expected(since()).lenient().await);
        look(client.get_monitor_changeset().collection(&client.bucket("b").collection("c")).await);
    }
    reviews(client) {
        let review = client.typed::<Note>().review();
        look(client.get_reviews().await);
        look(client.get_review_resources().await);
        look(review.request_review().comment("please").await);
        look(review.refresh_signature().await);
        match review.get().await {
            Ok(state) => {
                look(review.get_changes(&state).await);
                look(review.approve(&state).await);
                look(review.decline(&state).await);
                look(review.roll_back(&state).await);
            }
            Err(error) => look_at(&error),
        }
    }
    history(client) {
        let notes = client.typed::<Note>();
        let entries = client.bucket("b").get_history().await;
        look(entries);
        look(client.bucket("b").group("g").get_history().first().await);
        look(client.bucket("b").collection("c").get_history().count().await);
        look(notes.get_history().lenient().await);
        drain(notes.get_history().stream()).await;
        if let Ok(versions) = notes.record("r").get_history().since(since()).await {
            for version in versions.iter().take(3) {
                look(version.differences(&versions[0]));
                look(notes.record("r").restore(version).with_permissions().await);
            }
        }
        look(notes.record("r").purge_history().all().await);
    }
    snapshot(client) {
        look(client.typed::<Note>().snapshot(since()).await);
        look(client.typed::<Note>().snapshot(Timestamp::from_millis(1 << 41)).allow_incomplete().await);
        drain(client.typed::<Note>().snapshot(Timestamp::from_millis(1 << 41)).stream()).await;
    }
    buckets_and_groups(client) { look(client.get_buckets().await); look(client.bucket("b").get_groups().await); }
    create(client) { look(client.typed::<Note>().create_record(Note::default()).permissions(|p| p.read("x:y")).await); }
    create_by_server(client) { look(client.typed::<Note>().create_record(Note::default()).server_id().await); }
    create_if_not_exists(client) { look(client.typed::<Note>().create_record(Note::default()).id("r").if_not_exists().await); }
    create_others(client) {
        look(client.bucket("b").create().await);
        look(client.bucket("b").create_collection("c").await);
        look(client.bucket("b").create_group("g", ["x:y"]).await);
        look(client.account("a").create("s3cr3t").await);
    }
    overwrite(client) { look(client.typed::<Note>().overwrite_record("r", Note::default()).await); }
    patch(client) { look(client.typed::<Note>().patch_record("r", json!({"title": "new"})).if_match(since()).await); }
    update(client) { look(client.typed::<Note>().update_record("r", |note| note.title.push('!')).await); }
    edit(client) { look(client.typed::<Note>().edit_record("r").set(Note::fields().title, "new").await); }
    json_patch(client) {
        let patch = JsonPatch::new().add(["lines", "-"], json!({"n": 1})).remove(["gone"]);
        look(client.typed::<Note>().record("r").json_patch(patch).await);
    }
    save(client) {
        if let Ok(mut note) = client.typed::<Note>().get_record("r").await {
            note.data.title.push('!');
            look(client.typed::<Note>().record(&note.id).save(&mut note).await);
        }
    }
    save_permissions(client) {
        let read: Result<(BucketObject, CollectionObject, GroupObject)> = async {
            let bucket = client.bucket("b");
            Ok((client.get_bucket("b").await?, bucket.get_collection("c").await?, bucket.get_group("g").await?))
        }.await;
        if let Ok((mut bucket, mut collection, mut group)) = read {
            if let Ok(permissions) = bucket.permissions.edit() {
                permissions.read.extend(["x:y".into()]);
            }
            group.add("x:y");
            look(client.bucket("b").save_permissions(&mut bucket).await);
            look(client.bucket("b").save_collection(&mut collection).await);
            look(client.bucket("b").save_group(&mut group).await);
        }
    }
    grant(client) {
        look(client.bucket("b").grant(|p| p.read("x:y")).await);
        look(client.bucket("b").collection("c").revoke(|p| p.write("x:y")).await);
    }
    delete(client) {
        look(client.typed::<Note>().delete_record("r").if_match(since()).await);
        look(client.typed::<Note>().delete_record("r").if_exists().await);
        look(client.delete_bucket("b").if_exists().await);
    }
    delete_all(client) { look(client.typed::<Note>().delete_all_records().await); }
    batch(client) {
        let notes = client.typed::<Note>();
        let mut batch = client.batch();
        let get = batch.add(notes.get_record("r"));
        let create = batch.add(notes.create_record(Note::default()));
        let delete = batch.add(notes.delete_record("r").if_exists());
        match batch.execute().await {
            Ok(done) => {
                look(done.get(&get));
                look(done.get(&create));
                look(done.get(&delete));
            }
            Err(error) => look_at(&error),
        }
    }
    many(client) {
        look(client.typed::<Note>().create_records(vec![Note::default(); 3]).each().await);
        look(client.typed::<Note>().delete_records(["a", "b", "c"]).await);
    }
    save_many(client) {
        if let Ok(records) = client.typed::<Note>().get_records().limit(3).await {
            let mut records: Vec<Record<Note>> = records.into_iter().collect();
            for note in &mut records {
                note.data.rank = Some(1.5);
            }
            look(client.typed::<Note>().save_records(&mut records).await);
        }
    }
    tools(client) {
        look(client.heartbeat().await);
        look(client.lb_heartbeat().await);
        look(client.server_version().await);
        look(client.counters().await);
        look(client.delete_user_data("account:a").await);
        look(client.delete_everything(client.url()).await);
    }
    openid(client) {
        look(client.openid_providers().await);
        look(client.openid_login("none of them").await);
    }
    attachments(client) {
        let notes = client.bucket("b").collection("c");
        look(notes.upload_attachment("r", "Milk").filename("a.txt").data(json!({"title": "new"})).await);
        look(notes.upload_attachment("r", "Milk").filename("a.txt").if_match(since()).replace().await);
        look(notes.download_attachment("r").await);
        look(notes.check_attachments().await);
        look(notes.overwrite_record("r", json!({})).keep_attachment().await);
        look(notes.delete_attachment("r").if_exists().await);
        look(notes.delete_attachment("r").await);
    }
    accounts(client) {
        look(client.account("a").change_password("s3cr3t").await);
        look(client.account("a").patch(json!({"email": "a"})).await);
        look(client.account("a").merge_patch(json!({"email": null})).await);
        look(client.account("a").replace(json!({"email": "b"})).await);
        look(client.account("a").delete().await);
    }
}
