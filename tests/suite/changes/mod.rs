//! Changes of a collection: each is reported once and in order, and none is missed while other clients write.

use std::{collections::BTreeMap, time::Duration};

use futures_util::TryStreamExt as _;
use kinto_client::{
    Collection, KintoRecord, Timestamp, Value, json,
    list::{Change, ChangeToken},
};
use kinto_server::Backend;
use kinto_tests::{Fixture, Outcome, RawClient, on_each_backend, server_on};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::predicates;

mod following;
mod watching;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
struct Numbered {
    n: u32,
}

/// The shortest interval, so that no test waits for it.
const INTERVAL: Duration = Duration::from_millis(1);

/// `+a` for a record `a` that is there, and `-a` for one that is gone.
fn shape<T>(changes: &[Change<T>]) -> Vec<String> {
    let shape = |change: &Change<T>| match change {
        Change::Upserted(record) => format!("+{}", record.id),
        Change::Deleted(id, _) => format!("-{id}"),
        _ => "reset".to_owned(),
    };
    changes.iter().map(shape).collect()
}

/// The token after everything that is in the collection.
async fn now(todos: &Collection) -> kinto_client::Result<ChangeToken> {
    Ok(todos.get_records::<Value>().await?.change_token())
}

async fn put(fixture: &Fixture, id: &str, n: u32) -> Timestamp {
    let stored = fixture.plain.put_data(&fixture.record(id), &json!({"n": n})).await;
    Timestamp::from_millis(stored["last_modified"].as_u64().expect("a time"))
}

async fn changes_since_returns_last_changes_in_order(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    put(&fixture, "before", 0).await;
    let start = now(&fixture.todos).await?;
    let nothing = fixture.todos.changes_since::<Numbered>(&start).await?;
    assert!(nothing.changes.is_empty());
    assert!(fixture.todos.changes_since::<Numbered>(nothing.token).await?.changes.is_empty());

    for (n, id) in (1..).zip(["a", "b", "c", "d", "e"]) {
        put(&fixture, id, n).await;
    }
    for id in ["b", "d", "before"] {
        fixture.plain.delete(&fixture.record(id)).await;
    }
    put(&fixture, "d", 14).await;
    let changed = put(&fixture, "a", 11).await;
    fixture.sent.forget();

    let happened = fixture.todos.changes_since::<Numbered>(&start).await?;
    assert_eq!(shape(&happened.changes), ["+c", "+e", "-b", "-before", "+d", "+a"]);
    assert_eq!(
        happened.changes.iter().map(Change::id).collect::<Vec<_>>(),
        ["c", "e", "b", "before", "d", "a"].map(Some)
    );
    assert!(happened.changes.windows(2).all(|pair| pair[0].last_modified() < pair[1].last_modified()));
    assert_eq!(happened.changes[5].last_modified(), Some(changed));
    let Change::Upserted(d) = &happened.changes[4] else { panic!("it was created again") };
    assert_eq!(d.data, Numbered { n: 14 });
    let sent = fixture.sent.take();
    assert!(sent[0].target.contains("_sort=last_modified") && sent[0].target.contains("_since="), "{sent:?}");
    // What was told last has moved, so the collection is asked whether it is still the same one.
    assert_eq!((sent.len(), sent[1].target.ends_with("/collections/todos?_fields=id")), (2, true), "{sent:?}");

    assert!(fixture.todos.changes_since::<Numbered>(&happened.token).await?.changes.is_empty());
    let mut stream = fixture.todos.typed::<Numbered>().changes_since(&start).stream();
    for change in &happened.changes[..5] {
        assert_eq!(stream.try_next().await?.expect("a change").id(), change.id());
    }
    let one =
        fixture.todos.typed::<Numbered>().changes_since(stream.token().to_string().parse::<ChangeToken>()?).await?;
    assert_eq!(shape(&one.changes), ["+a"]);
    fixture.plain.delete(&fixture.record("a")).await;
    assert_eq!(shape(&fixture.todos.changes_since::<Numbered>(&happened.token).await?.changes), ["-a"]);
    Ok(())
}

async fn changes_since_reads_all_pages(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    fixture.fill((0..23).map(|n| (format!("r{n:02}"), json!({"n": n})))).await;
    for n in (0..23).step_by(2) {
        fixture.plain.delete(&fixture.record(&format!("r{n:02}"))).await;
    }
    let told = (1..23).step_by(2).map(|n| format!("+r{n:02}"));
    let told: Vec<String> = told.chain((0..23).step_by(2).map(|n| format!("-r{n:02}"))).collect();
    for start in [0, 1].map(Timestamp::from_millis) {
        let all = || fixture.todos.changes_since::<Numbered>(start);
        assert_eq!(shape(&all().await?.changes), told);
        for page_size in [1, 5, 23, 100] {
            assert_eq!(shape(&all().page_size(page_size).await?.changes), told, "{page_size} at a time");
            let streamed: Vec<_> = all().page_size(page_size).stream().try_collect().await?;
            assert_eq!(shape(&streamed), told, "{page_size} at a time, as they arrive");
        }
    }
    fixture.sent.forget();
    let error = fixture.todos.changes_since::<Value>(Timestamp::from_millis(0)).page_size(0).await.unwrap_err();
    assert_eq!(predicates(&error), ["invalid"], "{error}");
    assert!(fixture.sent.take().is_empty());
    Ok(())
}

/// Writes until it is told to stop, and says how often it has: records are created, changed, deleted and created again.
async fn keep_writing(plain: RawClient, records: String, written: watch::Sender<usize>, stop: watch::Receiver<bool>) {
    for n in 0_usize.. {
        if *stop.borrow() {
            return;
        }
        let id = |n: usize| format!("{records}/r{n:05}");
        match n % 4 {
            0 => drop(plain.put_data(&format!("{records}/new{n}"), &json!({"n": n})).await),
            1 => drop(plain.put_data(&id(n * 37 % 500), &json!({"n": n})).await),
            2 => plain.delete(&format!("{records}/new{}", n - 2)).await,
            _ if n % 8 == 3 => drop(plain.put_data(&format!("{records}/new{}", n - 3), &json!({"n": n})).await),
            _ => drop(plain.put_data(&id(n % 7), &json!({"n": n})).await),
        }
        written.send_modify(|written| *written += 1);
    }
}

/// 2,000 records; 20,000 with `KINTO_TEST_LONG=1`.
async fn changes_since_misses_nothing_when_another_task_writes(backend: Backend) -> Outcome {
    const PAGE: usize = 100;
    let records = if std::env::var_os("KINTO_TEST_LONG").is_some_and(|long| long == "1") { 20_000 } else { 2_000 };
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    let start = now(&fixture.todos).await?;
    fixture.fill((0..records).map(|n| (format!("r{n:05}"), json!({"n": n})))).await;

    let (written, mut writes) = watch::channel(0);
    let (stop, stopped) = watch::channel(false);
    let busy = tokio::spawn(keep_writing(fixture.plain.clone(), fixture.records.clone(), written, stopped));
    let mut told = Vec::new();
    let mut changes = fixture.todos.changes_since::<Numbered>(start).page_size(PAGE.try_into()?).stream();
    while let Some(change) = changes.try_next().await? {
        told.push(change);
        // So that something is written between any two pages, as far as there are any from before.
        if told.len().is_multiple_of(PAGE) && told.len() <= records {
            let before = *writes.borrow_and_update();
            writes.wait_for(|writes| *writes > before).await?;
        }
    }
    stop.send_replace(true);
    busy.await?;
    let (streamed, checkpoint) = (told.len(), changes.token());
    assert!(streamed >= records && *writes.borrow() >= records / PAGE);
    let rest = fixture.todos.changes_since::<Numbered>(checkpoint).await?;
    told.extend(rest.changes);
    let repeated = told.windows(2).find(|pair| pair[0].last_modified() >= pair[1].last_modified());
    assert!(repeated.is_none(), "out of order: {repeated:?}");

    // What was told, one after the other, makes of nothing what is there.
    let mut known = BTreeMap::new();
    for change in told {
        match change {
            Change::Upserted(record) => {
                known.insert(record.id.to_string(), (record.data.n, record.last_modified));
            }
            Change::Deleted(id, _) => drop(known.remove(&id)),
            other => panic!("nobody takes anything out of the list: {other:?}"),
        }
    }
    let mut there = Vec::new();
    let mut before = String::new();
    // The server never sends more than 10,000 at once.
    while let Some(items) =
        fixture.plain.get(&format!("{}?_limit=0{before}", fixture.records)).await.json()["data"].as_array()
        && let Some(last) = items.last()
    {
        before = format!("&_before={}", last["last_modified"]);
        there.extend(items.iter().filter(|item| item["deleted"] != true).cloned());
    }
    let there = there.iter().map(|item| {
        let time = Timestamp::from_millis(item["last_modified"].as_u64().expect("a time"));
        let n = u32::try_from(item["n"].as_u64().expect("a number")).expect("a small number");
        (item["id"].as_str().expect("an id").to_owned(), (n, time))
    });
    assert_eq!(known, there.collect());
    Ok(())
}

on_each_backend!(
    changes_since_returns_last_changes_in_order,
    changes_since_reads_all_pages,
    changes_since_misses_nothing_when_another_task_writes,
);

#[tokio::test]
async fn changes_since_names_record_that_does_not_decode() -> Outcome {
    let fixture = Fixture::new().await;
    let start = now(&fixture.todos).await?;
    put(&fixture, "good", 1).await;
    fixture.plain.put_data(&fixture.record("bad"), &json!({"n": "two"})).await;
    put(&fixture, "later", 3).await;
    let all = fixture.todos.changes_since::<Numbered>(&start).await.unwrap_err();
    let mut stream = fixture.todos.changes_since::<Numbered>(&start).stream();
    assert_eq!(stream.try_next().await?.expect("a change").id(), Some("good"));
    let streamed = stream.try_next().await.unwrap_err();
    for error in [all, streamed] {
        assert_eq!((predicates(&error), error.record_id()), (vec!["decode"], Some("bad")), "{error}");
        assert_eq!((error.field(), error.object()), (Some("n"), Some(fixture.records.as_str())), "{error}");
    }
    // Who watches goes on behind it.
    let mut watch = fixture.todos.changes_since::<Numbered>(&start).watch(INTERVAL);
    assert_eq!(watch.try_next().await?.expect("a change").id(), Some("good"));
    assert_eq!(watch.try_next().await.unwrap_err().record_id(), Some("bad"));
    assert_eq!(watch.try_next().await?.expect("a change").id(), Some("later"));
    // The last one too is told once.
    fixture.plain.put_data(&fixture.record("worse"), &json!({"n": "three"})).await;
    assert_eq!(watch.try_next().await.unwrap_err().record_id(), Some("worse"));
    let (change, _) = tokio::join!(watch.try_next(), put(&fixture, "last", 4));
    assert_eq!(change?.expect("a change").id(), Some("last"));
    Ok(())
}
