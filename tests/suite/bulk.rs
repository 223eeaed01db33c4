//! Many records at once: only what was changed is sent, and each has a result of its own, in the caller's order.

use kinto_client::{Error, Record, Value, json, operation::SaveOutcome};
use kinto_tests::{Fixture, Outcome, SentRequest};

use crate::{Todo, predicates};

async fn filled(fixture: &Fixture, records: usize) -> Vec<Record<Value>> {
    let data = (0..records).map(|n| json!({"id": format!("n{n:04}"), "n": n, "extra": {"a": [n]}}));
    fixture.todos.create_records(data).await.expect("they are new")
}

fn ids<T>(records: &[Record<T>]) -> Vec<&str> {
    records.iter().map(|record| record.id.as_str()).collect()
}

#[tokio::test]
async fn save_records_sends_only_changed_records() -> Outcome {
    let fixture = Fixture::new().await;
    filled(&fixture, 1_000).await;
    let mut all = fixture.todos.get_records::<Value>().await?;
    let before = all.iter().cloned().collect::<Vec<_>>();
    fixture.sent.forget();
    let changed: Vec<usize> = (0..10).map(|n| n * 97 + 3).collect();
    for &place in &changed {
        all[place].data["changed"] = true.into();
    }
    let saved = fixture.todos.save_records(&mut all).await?;

    let sent = fixture.sent.take_one();
    let lines = changed.iter().map(|&place| format!("PUT {}/{}", fixture.records, all[place].id));
    assert_eq!(sent.batched(), lines.collect::<Vec<_>>());
    for (request, &place) in sent.json()["requests"].as_array().unwrap().iter().zip(&changed) {
        let mut data = before[place].data.clone();
        data["changed"] = true.into();
        assert_eq!(request["body"], json!({"data": data}));
        assert_eq!(request["headers"], json!({"if-match": format!("\"{}\"", before[place].last_modified)}));
    }
    assert_eq!(saved.len(), 1_000);
    for (place, saved) in saved.into_iter().enumerate() {
        let expected = if changed.contains(&place) { SaveOutcome::Stored } else { SaveOutcome::Unchanged };
        assert_eq!(saved, expected, "{place}");
        let (before, now) = (before[place].last_modified, all[place].last_modified);
        assert_eq!(now > before, saved == SaveOutcome::Stored, "{place}");
    }
    for &place in &changed {
        let held = fixture.plain.object(&fixture.record(&all[place].id)).await;
        assert_eq!(held, serde_json::from_str::<Value>(all[place].raw_json())?);
        assert_eq!(held["last_modified"], all[place].last_modified.as_millis());
    }

    assert!(fixture.todos.save_records(&mut all).await?.iter().all(|saved| *saved == SaveOutcome::Unchanged));
    assert_eq!(fixture.sent.take_lines(), [""; 0]);
    all[3].data["changed"] = false.into();
    fixture.todos.save_records(&mut all).await?;
    assert_eq!(fixture.sent.take_lines(), [format!("PUT {}/{}", fixture.records, all[3].id)]);
    Ok(())
}

#[tokio::test]
async fn save_records_saves_others_when_some_conflict() -> Outcome {
    let fixture = Fixture::new().await;
    let mut records = filled(&fixture, 30).await;
    fixture.plain.put_data(&fixture.record("n0004"), &json!({"n": "theirs"})).await;
    fixture.plain.delete(&fixture.record("n0027")).await;
    for record in &mut records {
        record.data["mine"] = true.into();
    }
    let read: Vec<_> = records.iter().map(|record| record.last_modified).collect();
    let saved = fixture.todos.save_records(&mut records).each().await?;
    assert_eq!(saved.len(), 30);
    for (n, (saved, record)) in saved.iter().zip(&records).enumerate() {
        let Err(error) = saved else {
            assert!(n != 4 && n != 27 && record.last_modified > read[n], "{n}");
            assert_eq!(fixture.plain.held(&fixture.record(&record.id)).await, record.data);
            continue;
        };
        assert_eq!((predicates(error), error.operation()), (vec!["conflict"], Some("save record")), "{error}");
        assert_eq!(error.object(), Some(fixture.record(&record.id).as_str()));
        assert_eq!((record.last_modified, &record.data["mine"]), (read[n], &json!(true)), "it is as it was");
        let conflict = error.conflict::<Value>().expect("both versions");
        assert_eq!((&conflict.ours.id, &conflict.ours.data), (&record.id, &record.data));
        match (n, conflict.theirs) {
            (4, Some(theirs)) => assert_eq!(theirs.data, json!({"n": "theirs"})),
            (27, None) => {}
            (n, theirs) => panic!("{n}: {theirs:?}"),
        }
    }
    assert_eq!(fixture.plain.held(&fixture.record("n0004")).await, json!({"n": "theirs"}));
    assert_eq!(fixture.plain.status(&fixture.record("n0027")).await, 404);
    // What was read of theirs can be merged and saved.
    let theirs = saved[4].as_ref().unwrap_err().theirs::<Value>().unwrap();
    records[4] = theirs;
    records[4].data["mine"] = true.into();
    let again = fixture.todos.save_records(&mut records[..27]).await?;
    assert_eq!(again.iter().filter(|saved| **saved == SaveOutcome::Stored).count(), 1);
    assert_eq!(fixture.plain.held(&fixture.record("n0004")).await, json!({"n": "theirs", "mine": true}));
    Ok(())
}

#[tokio::test]
async fn save_records_error_lists_all_failures() -> Outcome {
    let fixture = Fixture::new().await;
    for id in ["n0002", "n0028"] {
        fixture.plain.put_data(&fixture.record(id), &json!({"taken": true})).await;
    }
    let data = (0..30).map(|n| json!({"id": if n == 5 { "no/id".into() } else { format!("n{n:04}") }}));
    let error = fixture.todos.create_records(data).await.unwrap_err();
    assert_eq!(predicates(&error), ["partial"], "{error}");
    assert_eq!(
        (error.operation(), error.object()),
        (Some("create records in"), fixture.records.strip_suffix("/records"))
    );
    let failures = error.failures();
    assert_eq!(failures.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [2, 5, 28]);
    assert_eq!(
        failures.iter().map(|(_, error)| predicates(error)[0]).collect::<Vec<_>>(),
        ["conflict", "invalid", "conflict"]
    );
    let text = error.to_string();
    for part in ["3 of 30 failed", "number 2", "could not create record", &fixture.records, "412"] {
        assert!(text.contains(part), "{part} is not said: {text}");
    }
    assert!(!text.contains("n0028") && !text.contains('\n'), "{text}");
    assert_eq!(fixture.plain.ids(&fixture.records).await.len(), 29, "the others are there");
    assert!(!error.may_have_been_applied(), "each failure says that of itself: {error}");
    Ok(())
}

#[tokio::test]
async fn create_records_returns_records_in_given_order() -> Outcome {
    let fixture = Fixture::new().await;
    let titles: Vec<String> = (0..60).map(|n| format!("{}", (n * 37) % 60)).collect();
    let created = fixture.todos.create_records(titles.iter().map(|title| Todo::new(title))).await?;
    assert_eq!(created.iter().map(|record| &record.data.title).collect::<Vec<_>>(), titles.iter().collect::<Vec<_>>());
    let mut ids = ids(&created);
    ids.sort_unstable();
    assert_eq!(fixture.plain.ids(&fixture.records).await, ids, "each has an id of its own");
    let sent = fixture.sent.take();
    assert_eq!(
        sent.iter().map(SentRequest::line).collect::<Vec<_>>(),
        ["GET /", "POST /batch", "POST /batch", "POST /batch"]
    );

    // What was created can be changed and saved, without reading it.
    let mut created = created;
    created[7].data.done = true;
    fixture.todos.save_records(&mut created).await?;
    assert!(fixture.plain.held(&fixture.record(&created[7].id)).await["done"].as_bool().unwrap());
    assert_eq!(fixture.sent.take().len(), 1);
    Ok(())
}

#[tokio::test]
async fn create_records_returns_conflict_when_record_exists() -> Outcome {
    let fixture = Fixture::new().await;
    let twins = [json!({"id": "a", "n": 1}), json!({"id": "b", "n": 2}), json!({"id": "a", "n": 3})];
    let created = fixture.todos.create_records(twins).each().await?;
    assert_eq!((created[0].as_ref().unwrap().data["n"].clone(), created[1].is_ok()), (json!(1), true));
    let error = created[2].as_ref().unwrap_err();
    assert_eq!(predicates(error), ["conflict"], "{error}");
    assert_eq!(error.theirs::<Value>().unwrap().data, json!({"n": 1}));
    assert_eq!(fixture.plain.held(&fixture.record("a")).await, json!({"n": 1}));
    Ok(())
}

#[tokio::test]
async fn save_records_returns_conflict_for_second_copy() -> Outcome {
    let fixture = Fixture::new().await;
    let record = filled(&fixture, 1).await.remove(0);
    let mut copies = [record.clone(), record.clone(), record];
    copies[0].data["copy"] = 0.into();
    copies[2].data["copy"] = 2.into();
    let saved = fixture.todos.save_records(&mut copies).each().await?;
    assert!(matches!(saved[..2], [Ok(SaveOutcome::Stored), Ok(SaveOutcome::Unchanged)]), "{saved:?}");
    assert_eq!(predicates(saved[2].as_ref().unwrap_err()), ["conflict"]);
    assert_eq!(fixture.plain.held(&fixture.record("n0000")).await["copy"], 0);
    Ok(())
}

#[tokio::test]
async fn delete_records_returns_conflict_when_record_changed() -> Outcome {
    let fixture = Fixture::new().await;
    let records = filled(&fixture, 6).await;
    fixture.plain.put_data(&fixture.record("n0001"), &json!({"n": "theirs"})).await;
    fixture.plain.delete(&fixture.record("n0002")).await;
    fixture.sent.forget();
    let deleted = fixture.todos.delete_records(&records[..4]).each().await?;
    let sent = fixture.sent.take_one().json();
    assert_eq!(sent["requests"][0]["headers"], json!({"if-match": format!("\"{}\"", records[0].last_modified)}));
    let kinds: Vec<_> =
        deleted.iter().map(|deleted| deleted.as_ref().err().map(|error| predicates(error)[0])).collect();
    assert_eq!(kinds, [None, Some("conflict"), Some("conflict"), None]);
    let tombstone = deleted[0].as_ref().unwrap();
    assert!(tombstone.id == "n0000" && tombstone.last_modified.is_some_and(|time| time > records[0].last_modified));
    let error = deleted[1].as_ref().unwrap_err();
    assert_eq!(error.theirs::<Value>().unwrap().data, json!({"n": "theirs"}));
    let gone = deleted[2].as_ref().unwrap_err();
    assert!(
        gone.to_string().ends_with("(it was deleted since it was read: `.if_exists()` takes that for done)"),
        "{gone}"
    );
    assert!(gone.theirs::<Value>().is_none() && !gone.may_have_been_applied());
    assert_eq!(fixture.plain.ids(&fixture.records).await, ["n0001", "n0004", "n0005"]);
    Ok(())
}

#[tokio::test]
async fn delete_records_by_id_ignores_changes() -> Outcome {
    let fixture = Fixture::new().await;
    let records = filled(&fixture, 6).await;
    fixture.plain.put_data(&fixture.record("n0001"), &json!({"n": "theirs"})).await;
    fixture.sent.forget();
    let deleted = fixture.todos.delete_records(["n0003", "n0001", "n0000"]).await?;
    assert_eq!(deleted.iter().map(|gone| gone.id.as_str()).collect::<Vec<_>>(), ["n0003", "n0001", "n0000"]);
    assert!(fixture.sent.take_one().json()["requests"][0]["headers"].is_null());
    // Typed, by ids and by records.
    let todos = fixture.todos.typed::<Value>();
    todos.delete_records([&records[2].id]).await?;
    todos.delete_records(records[4..5].iter()).await?;
    let error = todos.delete_records(["n0005", "n0000"]).await.unwrap_err();
    assert_eq!(
        error.failures().iter().map(|(place, error)| (*place, error.is_not_found())).collect::<Vec<_>>(),
        [(1, true)]
    );
    assert_eq!(fixture.plain.ids(&fixture.records).await, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn typed_collection_bulk_calls_work() -> Outcome {
    let fixture = Fixture::new().await;
    let todos = fixture.todos.typed::<Todo>();
    let mut records = todos.create_records(["Milk", "Eggs", "Ham"].map(Todo::new)).await?;
    fixture.plain.put_data(&fixture.record(&records[1].id), &json!({"title": "Duck eggs", "extra": 1})).await;
    for record in &mut records {
        record.data.done = true;
    }
    let saved: Vec<Result<SaveOutcome, Error>> = todos.save_records(&mut records).each().await?;
    let conflict = saved[1].as_ref().unwrap_err().conflict::<Todo>().expect("both versions");
    assert_eq!(conflict.ours.data, Todo { title: "Eggs".to_owned(), done: true });
    assert_eq!(conflict.theirs.unwrap().data, Todo::new("Duck eggs"));
    let all = todos.get_records().await?.into_vec();
    assert_eq!(all.iter().filter(|record| record.data.done).count(), 2);
    // What the type does not know is kept.
    let mut all = all;
    for record in &mut all {
        record.data.title.push('!');
    }
    todos.save_records(&mut all).await?;
    let held = fixture.plain.held(&fixture.record(&records[1].id)).await;
    assert_eq!(held, json!({"title": "Duck eggs!", "extra": 1}));
    Ok(())
}

#[tokio::test]
async fn bulk_preview_returns_requests() -> Outcome {
    let fixture = Fixture::new().await;
    let mut records = filled(&fixture, 3).await;
    records[1].data["n"] = "changed".into();
    fixture.sent.forget();
    let (path, time) = (fixture.record("n0001"), records[1].last_modified);
    let save = fixture.todos.save_records(&mut records);
    let explained = save.preview()?;
    assert_eq!(explained.iter().map(|one| one.method().is_some()).collect::<Vec<_>>(), [false, true, false]);
    assert!(explained[1].to_string().starts_with(&format!("PUT {path}\nIf-Match: \"{time}\"\n")), "{}", explained[1]);
    assert_eq!(explained[0].to_string(), "nothing: there is no change to send");
    let shown = format!("{save:?}");
    assert!(shown.contains("3 × save record") && shown.contains(fixture.bucket.id()), "{shown}");
    let error = fixture.todos.create_records([json!({"id": "no/id"})]).preview().unwrap_err();
    assert_eq!((predicates(&error), error.operation()), (vec!["invalid"], Some("create record")), "{error}");
    assert_eq!(fixture.sent.take_lines(), [""; 0]);
    save.await?;
    assert_eq!(fixture.sent.take_one().line(), format!("PUT {path}"));
    Ok(())
}
