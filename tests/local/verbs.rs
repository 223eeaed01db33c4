//! The verbs, which mean what they mean on a server, and send nothing.

use std::time::Duration;

use futures_util::{TryStreamExt as _, stream};
use kinto_client::{Error, KintoRecord, Value, json, local::Store, operation::SaveOutcome, retry::NeverRetry};
use kinto_tests::Outcome;
use serde::{Deserialize, Serialize};

use crate::device::{Note, device, note, requests, server, typed};

#[tokio::test]
async fn verbs_work_without_a_server() -> Outcome {
    let kinto = server().await;
    let notes = typed(&kinto).await;
    requests(&kinto);
    kinto.refuse_next(1_000);

    let milk = notes.create_record(note("Milk")).await?;
    assert_eq!((milk.data.clone(), milk.id.as_str().len()), (note("Milk"), 36));
    let tea = notes.create_record(note("Tea")).id("tea").await?;
    assert_eq!(tea.id, "tea");

    let mut read = notes.get_record("tea").await?;
    assert_eq!(read.last_modified, tea.last_modified);
    assert_eq!(notes.save_record(&mut read).await?, SaveOutcome::Unchanged);
    read.data.done = true;
    assert_eq!(notes.save_record(&mut read).await?, SaveOutcome::Stored);
    assert!(read.last_modified > tea.last_modified);
    assert_eq!(notes.save_record(&mut read).await?, SaveOutcome::Unchanged);

    let updated = notes.update_record(&milk.id, |note| note.text += "!").await?;
    assert_eq!(updated.data.text, "Milk!");
    let edited = notes.edit_record(&milk.id).set(Note::fields().text, "Oats").await?;
    assert_eq!(edited.data.text, "Oats");
    let patched = notes.patch_record("tea", json!({"text": "Green tea"})).await?;
    assert_eq!(patched.data, Note { done: true, ..note("Green tea") });
    assert_eq!(notes.overwrite_record("jam", note("Jam")).await?.data.text, "Jam");

    let texts: Vec<String> = notes.get_records().await?.into_iter().map(|record| record.data.text).collect();
    assert_eq!(texts, ["Jam", "Green tea", "Oats"], "those that were changed last come first");
    assert_eq!(notes.get_records().count().await?, 3);
    assert_eq!(notes.get_records().first().await?.unwrap().data.text, "Jam");
    let streamed: Vec<_> = notes.get_records().stream().try_collect().await?;
    assert_eq!(streamed.len(), 3);

    notes.delete_record("jam").await?;
    assert!(notes.get_record("jam").optional().await?.is_none());
    let deleted = notes.delete_record(&edited).await?;
    assert_eq!(deleted.id, edited.id.as_str());
    assert_eq!(notes.get_records().count().await?, 1);
    assert_eq!(requests(&kinto), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn fields_that_the_type_does_not_know_survive_to_the_byte() -> Outcome {
    let kinto = server().await;
    let store = Store::in_memory().await?;
    let untyped = store.bind::<Value>(&kinto.client().bucket("app").collection("notes")).await?;
    let typed = store.collection::<Note>(&kinto.client()).await?;
    let data: Value = serde_json::from_str(r#"{"text":"Milk","price":1.50,"far":{"big":12345678901234567890}}"#)?;
    untyped.create_record(data).id("milk").await?;

    typed.update_record("milk", |note| note.done = true).await?;
    let stored = untyped.get_record("milk").await?;
    assert!(stored.raw_json().contains(r#""far":{"big":12345678901234567890}"#), "{}", stored.raw_json());
    assert_eq!(stored.data["done"], true);

    untyped.overwrite_record("milk", json!({"text": "Oats"})).await?;
    assert_eq!(untyped.get_record("milk").await?.data, json!({"text": "Oats"}));
    Ok(())
}

/// A number that is refused when it is read, and not when it is written.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
struct Percent(u8);

impl TryFrom<u8> for Percent {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        if number <= 100 { Ok(Self(number)) } else { Err(format!("{number} %")) }
    }
}

impl From<Percent> for u8 {
    fn from(percent: Percent) -> Self {
        percent.0
    }
}

#[derive(Clone, Debug, Serialize, Deserialize, KintoRecord)]
#[kinto(bucket = "app", collection = "notes")]
struct Progress {
    done: Percent,
}

#[tokio::test]
async fn data_that_its_type_does_not_read_is_not_stored() -> Outcome {
    let kinto = server().await;
    let store = Store::in_memory().await?;
    let all = store.collection::<Progress>(&kinto.client()).await?;
    let untyped = store.bind::<Value>(&kinto.client().bucket("app").collection("notes")).await?;
    untyped.create_record(json!({"done": 1, "more": 2})).id("a").await?;
    let (half, too_much) = (|| Progress { done: Percent(50) }, || Progress { done: Percent(200) });

    let refused = [
        all.create_record(too_much()).await.map(drop),
        all.overwrite_record("a", too_much()).await.map(drop),
        all.overwrite_record("b", too_much()).await.map(drop),
        all.edit_record("a").set(Progress::fields().done, Percent(200)).await.map(drop),
        all.patch_record("a", json!({"done": "no"})).await.map(drop),
        all.overwrite_records_from(stream::iter([("c", half()), ("b", too_much())])).await.map(drop),
        all.create_records([half(), too_much()]).await.map(drop),
        all.create_records_from(stream::iter([half(), too_much()])).await.map(drop),
    ];
    for (number, refused) in refused.into_iter().enumerate() {
        let error = refused.unwrap_err();
        let single = if error.is_partial() { error.failures()[0].1.clone() } else { error };
        assert!(single.is_decode() && !single.may_have_been_applied(), "{number}: {single}");
    }
    assert_eq!(untyped.get_record("a").await?.data, json!({"done": 1, "more": 2}));
    let mut stored: Vec<Value> = untyped.get_records().await?.into_iter().map(|record| record.data).collect();
    stored.retain(|data| *data != json!({"done": 50}));
    assert_eq!(stored, [json!({"done": 1, "more": 2})], "all others are halves");
    assert_eq!(all.get_records().count().await?, 4);

    untyped.patch_record("a", json!({"done": 200})).await?;
    assert_eq!(
        all.patch_record("a", json!({"done": 3})).await?.data.done.0,
        3,
        "an edit can mend what does not decode"
    );
    Ok(())
}

#[tokio::test]
async fn nothing_is_replaced_by_accident() -> Outcome {
    let kinto = server().await;
    let notes = typed(&kinto).await;
    let first = notes.create_record(note("Milk")).id("milk").await?;

    let twice = notes.create_record(note("Oats")).id("milk").await.unwrap_err();
    assert!(twice.is_conflict(), "{twice}");
    assert_eq!(twice.theirs::<Note>().unwrap().data, note("Milk"));

    let (mut one, mut other) = (first.clone(), first);
    one.data.text = "Soy".to_owned();
    other.data.text = "Rice".to_owned();
    notes.save_record(&mut one).await?;
    let late = notes.save_record(&mut other).await.unwrap_err();
    assert!(late.is_conflict() && late.theirs::<Note>().unwrap().data.text == "Soy", "{late}");
    assert!(notes.delete_record(&other).await.is_err_and(|error| error.is_conflict()));
    let late = notes.edit_record("milk").set(Note::fields().done, true).if_match(other.last_modified);
    assert!(late.await.is_err_and(|error| error.is_conflict()));

    notes.delete_record(&one).await?;
    let is_missing = |error: Error| error.is_not_found();
    assert!(notes.save_record(&mut one).await.is_ok(), "there is nothing to save");
    one.data.done = true;
    assert!(notes.save_record(&mut one).await.is_err_and(|error| error.is_conflict()));
    assert!(notes.get_record("milk").await.is_err_and(is_missing));
    assert!(notes.update_record("milk", |_| ()).await.is_err_and(is_missing));
    assert!(notes.delete_record("milk").await.is_err_and(is_missing));
    assert_eq!(notes.create_record(note("Milk again")).id("milk").await?.data.text, "Milk again");
    Ok(())
}

/// A copy of a record that is gone must not be taken for one that has its id now.
#[tokio::test]
async fn record_that_is_created_again_has_another_version() -> Outcome {
    let kinto = server().await;
    let notes = device(&kinto).await;
    for n in 0..50 {
        let mut copy = notes.create_record(json!({"n": n})).id("a").await?;
        notes.delete_record("a").await?;
        let again = notes.create_record(json!({"n": "again"})).id("a").await?;
        assert_ne!(again.last_modified, copy.last_modified, "{n}");
        copy.data["n"] = "lost".into();
        assert!(notes.save_record(&mut copy).await.is_err_and(|error| error.is_conflict()), "{n}");
        assert!(notes.delete_record(&copy).await.is_err_and(|error| error.is_conflict()), "{n}");
        notes.delete_record("a").await?;
    }
    Ok(())
}

#[tokio::test]
async fn ids_and_data_are_checked_as_before_a_request() -> Outcome {
    let kinto = server().await;
    let notes = device(&kinto).await;
    for id in ["", "a/b", "-a", "é"] {
        assert!(notes.create_record(json!({})).id(id).await.is_err_and(|error| error.is_invalid()), "{id:?}");
        assert!(notes.get_record(id).optional().await.is_err_and(|error| error.is_invalid()), "{id:?}");
        assert!(notes.update_record(id, |_| ()).await.is_err_and(|error| error.is_invalid()), "{id:?}");
        assert!(notes.patch_record(id, json!({})).await.is_err_and(|error| error.is_invalid()), "{id:?}");
        assert!(notes.delete_record(id).await.is_err_and(|error| error.is_invalid()), "{id:?}");
    }
    assert!(notes.create_record(json!([1])).await.is_err_and(|error| error.is_invalid()));
    assert!(notes.create_record(json!({"text": "\0"})).await.is_err_and(|error| error.is_invalid()));
    assert!(notes.create_record(json!({"id": "a"})).id("b").await.is_err_and(|error| error.is_invalid()));
    assert_eq!(notes.get_records().count().await?, 0);
    Ok(())
}

#[test]
fn verbs_work_without_async_code() -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let kinto = runtime.block_on(server());
    let store = Store::in_memory().call()?;
    let notes = store.collection::<Note>(&kinto.client()).call()?;
    let milk = notes.create_record(note("Milk")).call()?;
    notes.update_record(&milk.id, |note| note.done = true).call()?;
    let all = notes.get_records().iter().collect::<kinto_client::Result<Vec<_>>>()?;
    assert_eq!((all.len(), all[0].data.done), (1, true));
    assert_eq!(notes.sync().call()?.sent, 1);
    Ok(())
}

#[tokio::test]
async fn servers_users_buckets_and_collections_are_kept_apart() -> Outcome {
    let (kinto, other) = (server().await, server().await);
    let store = Store::in_memory().await?;
    let remy = kinto.client_as(("remy", "s3cr3t"));
    let mut places = Vec::new();
    for (client, bucket, id) in [
        (kinto.client(), "app", "notes"),
        (kinto.client(), "app", "tasks"),
        (kinto.client(), "blog", "notes"),
        (other.client(), "app", "notes"),
        (remy, "app", "notes"),
    ] {
        places.push(store.bind::<Value>(&client.bucket(bucket).collection(id)).await?);
    }
    for (number, place) in places.iter().enumerate() {
        place.create_record(json!({"number": number})).id("same").await?;
    }
    for (number, place) in places.iter().enumerate() {
        let all = place.get_records().await?;
        assert_eq!((all.len(), &all[0].data), (1, &json!({"number": number})));
    }
    Ok(())
}

/// Who is offline sees the one user's records, and no request leaves with those of another.
#[tokio::test]
async fn records_of_another_user_are_not_sent() -> Outcome {
    let kinto = server().await;
    let store = Store::in_memory().await?;
    let collection = |client: &kinto_client::Client| client.bucket("app").collection("notes");
    store.bind::<Value>(&collection(&kinto.client())).await?.create_record(json!({"n": 1})).await?;

    let remy = kinto.client_as(("remy", "s3cr3t"));
    kinto.refuse_next(1);
    let offline = store.bind::<Value>(&collection(&remy)).await?;
    assert_eq!(offline.get_records().count().await?, 1, "it is the one user that is known");
    let error = offline.sync().await.unwrap_err();
    assert!(error.is_unauthorized() && error.to_string().contains("nothing was sent"), "{error}");

    let empty = Store::in_memory().await?;
    kinto.refuse_next(1);
    let error = empty.bind::<Value>(&collection(&kinto.client())).await.unwrap_err();
    assert!(error.is_connect() && error.to_string().contains("expect_user"), "{error}");
    Ok(())
}

#[tokio::test]
async fn options_of_requests_are_refused_where_nothing_is_requested() -> Outcome {
    let kinto = server().await;
    let notes = typed(&kinto).await;
    let milk = notes.create_record(note("Milk")).await?;
    let second = Duration::from_secs(1);
    let mut copy = milk.clone();
    copy.data.done = true;
    let errors: [Error; 7] = [
        notes.create_record(note("Tea")).timeout(second).await.unwrap_err(),
        notes.save_record(&mut copy).header("x-a", "b").await.unwrap_err(),
        notes.update_record(&milk.id, |note| note.done = true).retry(NeverRetry).await.unwrap_err(),
        notes.delete_record(&milk.id).timeout(second).await.unwrap_err(),
        notes.get_records().timeout(second).first().await.unwrap_err(),
        notes.get_records().timeout(second).count().await.unwrap_err(),
        notes.get_records().timeout(second).stream().try_next().await.unwrap_err(),
    ];
    for error in errors {
        assert!(error.is_invalid() && error.to_string().contains("sync()"), "{error}");
    }
    assert!(notes.get_records().limit(0).await.unwrap_err().is_invalid());
    assert_eq!(notes.get_records().await?[0].data, note("Milk"));
    assert_eq!(notes.sync().timeout(second).await?.sent, 1, "it sends requests");
    Ok(())
}
