//! An nginx with a cache takes the preconditions off what it could keep, and compresses, and drops headers: nothing is
//! overwritten for that, and no list lies.

use futures_util::TryStreamExt as _;
use kinto_client::{ErrorKind, Timestamp, Value, json, object::JsonPatch};
use kinto_tests::{Fault, Fixture, Nginx, Outcome, Proxy};

use super::{add_one, through};
use crate::Todo;

#[tokio::test]
async fn patch_of_a_version_is_a_conflict_though_a_cache_drops_if_match() -> Outcome {
    let fixture = Fixture::new().await;
    let path = fixture.record("milk");
    let stale = fixture.plain.put_data(&path, &json!({"title": "Milk", "n": 1})).await;
    let stale = Timestamp::from_millis(stale["last_modified"].as_u64().expect("a time"));
    fixture.plain.put_data(&path, &json!({"title": "Oat milk", "n": 1})).await;
    let proxy = Proxy::start(fixture.url(), |_| Fault::Pass).await;
    let Some(nginx) = Nginx::before([proxy.url()]).caching(false).start().await else { return Ok(()) };
    let milk = through(&fixture, &nginx).record::<Value>("milk");
    let merged = milk.merge_patch(json!({"n": 2})).if_match(stale).await;
    let patched = milk.json_patch(JsonPatch::new().replace(["n"], 2)).if_match(stale).await;
    for error in [merged.unwrap_err(), patched.unwrap_err()] {
        assert_eq!((error.kind(), error.may_have_been_applied()), (ErrorKind::Conflict, false), "{error}");
        assert_eq!(error.theirs::<Value>().map(|theirs| theirs.data["title"].clone()), Some("Oat milk".into()));
    }
    assert_eq!(fixture.plain.held(&path).await, json!({"title": "Oat milk", "n": 1}));
    assert_eq!(proxy.lines(), [format!("GET {path}"), format!("GET {path}")]);
    assert!(proxy.arrived().iter().all(|sent| sent.header("if-match").is_none()), "it is lost on the way");
    Ok(())
}

#[tokio::test]
async fn consistent_list_that_changes_between_pages_is_an_error_behind_a_cache() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.fill((0..6).map(|n| (format!("r{n}"), json!({"n": n})))).await;
    let Some(nginx) = Nginx::before([fixture.url()]).caching(false).start().await else { return Ok(()) };
    let todos = through(&fixture, &nginx);
    assert_eq!(todos.get_records::<Value>().page_size(2).consistent().await?.len(), 6);
    let mut records = todos.get_records::<Value>().page_size(2).consistent().stream();
    records.try_next().await?.expect("a record");
    fixture.plain.put_data(&fixture.record("r3"), &json!({"n": 33})).await;
    let error = records.try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    // Without it the list has everything that was there all the time.
    assert_eq!(todos.get_records::<Value>().page_size(2).await?.len(), 6);
    Ok(())
}

/// What was cached is old for an hour: a write that is made of it is refused, each time, and not for ever.
#[tokio::test]
async fn write_made_of_what_a_cache_keeps_is_a_conflict_and_ends() -> Outcome {
    let fixture = Fixture::new().await;
    let path = fixture.record("counter");
    fixture.plain.put_data(&path, &json!({"n": 1})).await;
    let Some(nginx) = Nginx::before([fixture.url()]).caching(true).start().await else { return Ok(()) };
    let todos = through(&fixture, &nginx);
    assert_eq!(todos.get_record::<Value>("counter").await?.data, json!({"n": 1}));
    fixture.plain.put_data(&path, &json!({"n": 7})).await;
    let mut record = todos.get_record::<Value>("counter").await?;
    assert_eq!(record.data, json!({"n": 1}), "it is an old one");
    add_one(&mut record.data);
    let saved = todos.save_record(&mut record).await.unwrap_err();
    let updated = todos.update_record("counter", add_one).await.unwrap_err();
    for error in [saved, updated] {
        assert_eq!((error.kind(), error.may_have_been_applied()), (ErrorKind::Conflict, false), "{error}");
    }
    assert_eq!(fixture.plain.held(&path).await, json!({"n": 7}));
    assert_eq!(nginx.answered(1 + 1 + 21 + 20).await.iter().filter(|line| line.starts_with("PUT")).count(), 1 + 20);
    Ok(())
}

#[tokio::test]
async fn responses_that_nginx_compresses_are_read_and_guarded() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.fill((0..6).map(|n| (format!("r{n}"), json!({"n": n, "text": "x".repeat(500)})))).await;
    let Some(nginx) = Nginx::before([fixture.url()]).compressing().start().await else { return Ok(()) };
    let todos = through(&fixture, &nginx);
    assert_eq!(todos.get_records::<Value>().page_size(2).consistent().await?.len(), 6);
    assert_eq!(todos.update_record("r0", add_one).await?.data["n"], 1);
    let mut record = todos.get_record::<Value>("r1").await?;
    fixture.plain.put_data(&fixture.record("r1"), &json!({"n": 7})).await;
    add_one(&mut record.data);
    let error = todos.save_record(&mut record).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.theirs::<Value>().map(|theirs| theirs.data)),
        (ErrorKind::Conflict, Some(json!({"n": 7})))
    );
    assert!(todos.get_record::<Todo>("none").await.unwrap_err().is_not_found());
    Ok(())
}

/// A proxy that compresses a response weakens its `ETag`, which is the same version.
#[tokio::test]
async fn weak_etags_are_versions() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.fill((0..6).map(|n| (format!("r{n}"), json!({"n": n})))).await;
    let weaken = |etag: &str| format!("proxy_hide_header ETag; add_header ETag {etag};");
    let nginx = Nginx::before([fixture.url()]).location(&weaken("W/$upstream_http_etag"));
    let Some(nginx) = nginx.start().await else { return Ok(()) };
    let todos = through(&fixture, &nginx);
    let expected = fixture.todos.get_records::<Value>().await?;
    let records = todos.get_records::<Value>().page_size(2).consistent().await?;
    assert_eq!((records.len(), records.last_modified), (6, expected.last_modified));
    assert_eq!(todos.update_record("r0", add_one).await?.data["n"], 1);
    Ok(())
}

#[tokio::test]
async fn objects_are_read_and_guarded_without_etags_and_lists_say_what_is_missing() -> Outcome {
    let fixture = Fixture::new().await;
    let path = fixture.record("milk");
    let stale = fixture.plain.put_data(&path, &json!({"title": "Milk", "done": false})).await;
    let nginx = Nginx::before([fixture.url()]).location("proxy_hide_header ETag; proxy_hide_header Last-Modified;");
    let Some(nginx) = nginx.start().await else { return Ok(()) };
    let todos = through(&fixture, &nginx);
    let mut milk = todos.get_record::<Todo>("milk").await?;
    assert_eq!(milk.last_modified.as_millis(), stale["last_modified"]);
    fixture.plain.put_data(&path, &json!({"title": "Oat milk", "done": false})).await;
    milk.data.done = true;
    let error = todos.save_record(&mut milk).await.unwrap_err();
    assert_eq!((error.kind(), error.may_have_been_applied()), (ErrorKind::Conflict, false), "{error}");
    assert!(todos.update_record("milk", |todo: &mut Todo| todo.done = true).await?.data.done);
    assert_eq!(fixture.plain.held(&path).await, json!({"title": "Oat milk", "done": true}));
    let error = todos.get_records::<Todo>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unexpected, "{error}");
    assert!(error.to_string().contains("`ETag`"), "{error}");
    Ok(())
}

/// A creation that the server took for an overwrite has lost its guard on the way: it is not called a creation.
#[tokio::test]
async fn creation_whose_precondition_was_stripped_is_not_called_one() -> Outcome {
    let fixture = Fixture::new().await;
    let path = fixture.record("milk");
    let Some(nginx) = Nginx::before([fixture.url()]).location("proxy_set_header If-None-Match '';").start().await
    else {
        return Ok(());
    };
    let todos = through(&fixture, &nginx);
    let created = todos.create_record(Todo::new("Milk")).id("milk").await?;
    assert_eq!(created.data, Todo::new("Milk"));
    for create in [todos.create_record(Todo::new("Ham")).id("milk"), todos.create_record(Todo::new("Ham")).id("milk")] {
        let error = create.await.unwrap_err();
        assert_eq!((error.kind(), error.may_have_been_applied()), (ErrorKind::Unexpected, true), "{error}");
        assert!(error.to_string().contains("`If-None-Match`"), "{error}");
    }
    // A POST that needs no precondition.
    let there = todos.create_record(Todo::new("Tea")).id("milk").if_not_exists().await?;
    assert_eq!((there.is_created(), &there.data), (false, &Todo::new("Ham")));
    assert_eq!(fixture.plain.held(&path).await, json!({"title": "Ham", "done": false}));
    Ok(())
}
