//! Lists of a store by filters and orders, also of what was not sent yet. That they are those of the server is tested with the
//! queries of the behaviour suite.

use futures_util::TryStreamExt as _;
use kinto_client::{ErrorKind, Filter, KintoRecord, Sort, Value, json, local::Store};
use kinto_tests::Outcome;
use serde::{Deserialize, Serialize};

use crate::{
    device::{device, requests, server},
    file::folder,
};

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(bucket = "app", collection = "notes")]
struct Task {
    text: String,
    #[kinto(index)]
    due: Option<u64>,
    #[kinto(nested)]
    place: Option<Place>,
    #[serde(flatten)]
    more: More,
}

#[derive(Default, Serialize, Deserialize, KintoRecord)]
#[kinto(nested)]
struct More {
    #[kinto(index)]
    #[serde(default)]
    level: u64,
}

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(nested)]
struct Place {
    #[kinto(index)]
    city: String,
}

fn task(text: &str, due: Option<u64>, city: Option<&str>) -> Task {
    Task { text: text.to_owned(), due, place: city.map(|city| Place { city: city.to_owned() }), more: More::default() }
}

/// The records as the server has them, and changed, created and deleted ones beside them.
#[tokio::test]
async fn list_filters_and_sorts_what_was_not_sent_yet() -> Outcome {
    let kinto = server().await;
    let store = Store::in_memory().await?;
    let tasks = store.collection::<Task>(&kinto.client()).await?;
    for (id, due, city) in
        [("a", Some(5), Some("Rome")), ("b", None, None), ("c", Some(1), Some("Oslo")), ("d", Some(9), Some("Rome"))]
    {
        tasks.create_record(task(id, due, city)).id(id).await?;
    }
    tasks.sync().await?;
    tasks.delete_record("d").await?;
    tasks.update_record("c", |task| task.due = Some(7)).await?;
    tasks.create_record(task("e", Some(2), Some("Paris"))).id("e").await?;
    requests(&kinto);
    let fields = Task::fields();
    let texts =
        |tasks: Vec<kinto_client::Record<Task>>| tasks.into_iter().map(|task| task.data.text).collect::<String>();
    assert_eq!(texts(tasks.get_records().filter(fields.due.ge(5)).sort(fields.due.desc()).await?), "ca");
    assert_eq!(texts(tasks.get_records().sort(fields.due.asc()).await?), "beac", "null comes first");
    assert_eq!(texts(tasks.get_records().filter(fields.due.eq(None::<u64>)).await?), "b");
    assert_eq!(texts(tasks.get_records().filter(fields.place.city.eq("Rome")).await?), "a");
    assert_eq!(texts(tasks.get_records().filter(fields.place.city.is_in(["Oslo", "Paris"])).await?), "ec");
    assert_eq!(texts(tasks.get_records().filter(fields.text.like("E")).await?), "e");
    assert_eq!(tasks.get_records().filter(fields.due.lt(7)).count().await?, 2);
    assert_eq!(tasks.get_records().filter(fields.due.gt(100)).first().await?.map(|task| task.data.text), None);
    let one = tasks.get_records().filter(fields.due.eq(2)).one().await?;
    assert_eq!(one.id, "e");
    let error = tasks.get_records().one().await.err().map(|error| error.kind());
    assert_eq!(error, Some(ErrorKind::MultipleResults));
    let error = tasks.get_records().filter(fields.due.eq(3)).one().await.err().map(|error| error.kind());
    assert_eq!(error, Some(ErrorKind::NotFound));
    let changed = tasks.get_record("a").await?.last_modified;
    assert_eq!(texts(tasks.get_records().since(changed).sort(Sort::asc("id")).await?), "bce");
    assert!(requests(&kinto).is_empty());
    Ok(())
}

#[tokio::test]
async fn list_refuses_what_the_server_refuses() -> Outcome {
    let kinto = server().await;
    let notes = device(&kinto).await;
    let field = || Filter::<Value>::field("n");
    for (call, message) in [
        (notes.get_records().filter(field().eq(1).and(field().eq(2))), "`eq_n` twice"),
        (notes.get_records().filter(Filter::field("a-b").gt(1)), "a-b"),
        (notes.get_records().sort(Sort::asc("a-b")), "cannot be sorted by"),
        (notes.get_records().limit(0), "a limit of 0"),
        (notes.get_records().filter(field().gt(1).or_missing()), "typed field"),
    ] {
        let error = call.await.unwrap_err();
        assert!(error.is_invalid() && error.to_string().contains(message), "{error}");
    }
    let error = notes.get_records().limit(1).count().await.unwrap_err();
    assert!(error.to_string().contains("remove `.limit(…)`"), "{error}");
    Ok(())
}

/// Numbers keep their digits, in a comparison as well.
#[tokio::test]
async fn large_numbers_are_compared_by_all_their_digits() -> Outcome {
    let kinto = server().await;
    let notes = device(&kinto).await;
    for (id, n) in [("a", 9_007_199_254_740_992_u64), ("b", 9_007_199_254_740_993), ("c", u64::MAX)] {
        notes.create_record(json!({"n": n})).id(id).await?;
    }
    let found =
        notes.get_records().filter(Filter::field("n").gt(9_007_199_254_740_992_u64)).sort(Sort::asc("n")).await?;
    assert_eq!(found.iter().map(|note| note.id.as_str()).collect::<Vec<_>>(), ["b", "c"]);
    Ok(())
}

/// An index that a later version of the program declares has the records that are there already.
#[tokio::test]
async fn index_is_made_of_records_that_are_there() -> Outcome {
    let kinto = server().await;
    let store = Store::in_memory().await?;
    let notes = kinto.client().bucket("app").collection("notes");
    let untyped = store.bind::<Value>(&notes).await?;
    for n in 0..5 {
        untyped.create_record(json!({"text": n.to_string(), "due": n})).id(format!("t{n}")).await?;
    }
    let tasks = store.collection::<Task>(&kinto.client()).await?;
    let last = tasks.get_records().sort(Task::fields().due.desc()).first().await?;
    assert_eq!(last.map(|task| task.data.text).as_deref(), Some("4"));
    untyped.patch_record("t0", json!({"due": 10})).await?;
    let last = tasks.get_records().filter(Task::fields().due.gt(4)).await?;
    assert_eq!(last.iter().map(|task| task.id.as_str()).collect::<Vec<_>>(), ["t0"]);
    Ok(())
}

#[tokio::test]
async fn lenient_list_has_a_result_for_each_record() -> Outcome {
    let kinto = server().await;
    let store = Store::in_memory().await?;
    let untyped = store.bind::<Value>(&kinto.client().bucket("app").collection("notes")).await?;
    untyped.create_record(json!({"text": 5})).id("bad").await?;
    untyped.create_record(json!({"text": "good"})).id("good").await?;
    let tasks = store.collection::<Task>(&kinto.client()).await?;
    let error = tasks.get_records().await.err().map(|error| (error.is_decode(), error.record_id().map(str::to_owned)));
    assert_eq!(error, Some((true, Some("bad".to_owned()))));
    let each = tasks.get_records().sort(Sort::asc("id")).lenient().await?;
    let [Err(bad), Ok(good)] = &each[..] else { panic!("two results") };
    assert_eq!((bad.id.as_deref(), bad.path.as_deref(), good.data.text.as_str()), (Some("bad"), Some("text"), "good"));
    Ok(())
}

#[tokio::test]
async fn deletion_and_update_act_on_what_matches() -> Outcome {
    let kinto = server().await;
    let notes = device(&kinto).await;
    let field = || Filter::<Value>::field("n");
    notes.create_records((0..10).map(|n| json!({"n": n}))).await?;
    let report = notes.update_records(|note: &mut Value| note["n"] = json!(100)).filter(field().ge(6)).await?;
    assert_eq!((report.matched, report.changed), (4, 4));
    let deleted = notes.delete_all_records().filter(field().lt(3)).await?;
    assert_eq!(deleted.len(), 3);
    let left = notes.get_records().sort(Sort::asc("n")).await?;
    let left: Vec<u64> = left.iter().filter_map(|note| note.data["n"].as_u64()).collect();
    assert_eq!(left, [3, 4, 5, 100, 100, 100, 100]);
    let error = notes.delete_all_records().filter(field().eq(1).and(field().eq(2))).await.unwrap_err();
    assert!(error.is_invalid(), "{error}");
    assert_eq!(notes.get_records().count().await?, 7);
    Ok(())
}

#[tokio::test]
async fn each_indexed_field_has_an_index_also_in_nested_and_flattened_structs() -> Outcome {
    let (kinto, path) = (server().await, folder().join("notes.db"));
    let tasks = Store::open(&path).await?.collection::<Task>(&kinto.client()).await?;
    tasks.create_record(task("a", Some(1), Some("Oslo"))).await?;
    let file = rusqlite::Connection::open(&path)?;
    let mut paths = file.prepare("SELECT path FROM field_index ORDER BY path")?;
    let paths: Vec<String> = paths.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    assert_eq!(paths, ["due", "level", "place.city"]);
    let entries: i64 = file.query_row("SELECT count(*) FROM index_entry", [], |row| row.get(0))?;
    assert_eq!(entries, 3);
    Ok(())
}

#[tokio::test]
async fn stream_has_no_record_that_was_created_after_it_began() -> Outcome {
    let kinto = server().await;
    let store = Store::in_memory().await?;
    let notes = |user| store.bind::<Value>(&kinto.client_as((user, "secret")).bucket("app").collection("notes"));
    let (alexis, niko) = (notes("alexis").await?, notes("niko").await?);
    for creator in [&alexis, &niko] {
        alexis.create_records((0..300).map(|n| json!({"n": n}))).await?;
        let last = alexis.create_record(json!({"n": 1_000})).await?;
        let mut stream = alexis.get_records().filter(Filter::field("n").gt(-1)).sort(Sort::asc("n")).stream();
        let mut found = Vec::from_iter(stream.try_next().await?);
        alexis.delete_record(&last).await?;
        creator.create_record(json!({"n": -5})).await?;
        while let Some(note) = stream.try_next().await? {
            found.push(note);
        }
        let numbers: Vec<Value> = found.into_iter().map(|note| note.data["n"].clone()).collect();
        assert_eq!(numbers, (0..300).map(Value::from).collect::<Vec<_>>());
        alexis.delete_records(alexis.get_records().await?).await?;
    }
    Ok(())
}
