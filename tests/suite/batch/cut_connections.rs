//! Several writers whose connections are cut.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use kinto_client::{Collection, Error, Value, json};
use kinto_tests::{Fault, Fixture, Outcome, Proxy, SentRequest};

use crate::{
    batch::faults::{filled, held, shown},
    predicates,
};

/// Cuts every connection once: for each record there is one request that fails, before or after the server has done it.
pub(crate) fn cutting() -> impl FnMut(&SentRequest) -> Fault + Send {
    let (mut cut, mut after) = (BTreeSet::new(), false);
    move |sent| {
        if !sent.is_batch() {
            return Fault::Pass;
        }
        let requests = sent.json()["requests"].as_array().expect("a batch").clone();
        let fresh = requests.into_iter().filter(|request| cut.insert(request.to_string())).count() > 0;
        after ^= fresh;
        match (fresh, after) {
            (false, _) => Fault::Pass,
            (true, true) => Fault::CutAfter,
            (true, false) => Fault::CutBefore,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn four_writers_lose_nothing_when_connections_are_cut() -> Outcome {
    let fixture = Fixture::new().await;
    let proxy = Proxy::start(fixture.url(), cutting()).await;
    let writers = (0..4).map(|writer| {
        let todos = fixture.todos_through(&proxy);
        tokio::spawn(async move {
            let data = (0..60).map(|n| json!({ "n": n }));
            let mut records = todos.create_records(data).await?;
            for record in &mut records {
                record.data["saved"] = writer.into();
            }
            let saved = todos.save_records(&mut records[..40]).each().await?;
            let deleted = todos.delete_records(&records[40..]).each().await?;
            let in_doubt = |error: &Error| error.is_conflict() && error.may_have_been_applied();
            assert!(saved.iter().filter_map(|saved| saved.as_ref().err()).all(in_doubt), "{saved:?}");
            assert!(deleted.iter().filter_map(|deleted| deleted.as_ref().err()).all(in_doubt), "{deleted:?}");
            let saved = saved.iter().map(Result::is_ok);
            Ok::<_, Error>(
                records.iter().map(shown).zip(saved).map(|(shown, saved)| (shown, saved, writer)).collect::<Vec<_>>(),
            )
        })
    });
    let results = join_all(writers).await;
    let held = held(&fixture).await;
    let mut saved = 0;
    for records in results {
        for (record, acknowledged, writer) in records??.into_iter().take(40) {
            let there = &held[record["id"].as_str().expect("an id")];
            saved += 1;
            // In doubt it is what was sent all the same: nobody else writes.
            assert_eq!(there["saved"], writer);
            assert!(!acknowledged || *there == record, "{record} {there}");
        }
    }
    assert_eq!((saved, held.len()), (160, 160));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn four_writers_of_same_records_have_one_winner_each_when_connections_are_cut() -> Outcome {
    const RECORDS: usize = 60;
    let fixture = Fixture::new().await;
    filled(&fixture, RECORDS).await;
    let proxy = Proxy::start(fixture.url(), cutting()).await;
    let mut read = Vec::new();
    for writer in 0..4 {
        let todos: Collection = fixture.todos_through(&proxy);
        let mut records = Vec::from_iter(todos.get_records::<Value>().await?);
        records.sort_by_key(|record| record.id.to_string());
        records.rotate_left(writer * RECORDS / 4);
        for record in &mut records {
            record.data["writer"] = writer.into();
        }
        read.push((todos, records));
    }
    let writers = read.into_iter().map(|(todos, mut records)| {
        tokio::spawn(async move {
            let saved = todos.save_records(&mut records).each().await?;
            Ok::<_, Error>(records.into_iter().zip(saved).collect::<Vec<_>>())
        })
    });
    let mut winners = BTreeMap::new();
    let mut doubts = BTreeMap::new();
    let mut conflicts = 0;
    for (writer, results) in join_all(writers).await.into_iter().enumerate() {
        for (record, saved) in results?? {
            match saved {
                Ok(_) => assert_eq!(winners.insert(record.id.to_string(), shown(&record)), None, "two won {record:?}"),
                Err(error) => {
                    assert_eq!(predicates(&error), ["conflict"], "{error}");
                    if error.theirs::<Value>().expect("theirs").data["writer"] == writer {
                        assert!(error.may_have_been_applied(), "it is the own: {error}");
                        doubts.insert(record.id.to_string(), writer);
                    }
                    conflicts += 1;
                }
            }
        }
    }
    assert_eq!(winners.len() + conflicts, 4 * RECORDS);
    for (id, object) in held(&fixture).await {
        match winners.get(&id) {
            Some(acknowledged) => assert_eq!(&object, acknowledged),
            None => assert_eq!(object["writer"], doubts[&id], "one of them wrote it, and is in doubt"),
        }
    }
    Ok(())
}
