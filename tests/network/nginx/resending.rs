//! nginx sends PUT and DELETE to the next server after an error or a timeout of the first, which may have done what it was
//! asked: each call says exactly what was done, or that it is in doubt, and nothing is done twice.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use futures_util::future::join_all;
use kinto_client::{Error, ErrorKind, Value, json, object::JsonPatch};
use kinto_tests::{Fault, Fixture, Gate, Nginx, Outcome, Proxy, SentRequest};

use super::{add_one, through};
use crate::Todo;

/// Makes the failure of a server that has done what it was asked.
type Failure = fn() -> Fault;

const FAILURES: [(&str, Failure); 5] = [
    ("cut", || Fault::CutAfter),
    ("502", || Fault::answer_instead(502, &["Content-Type: text/html"], "<html>")),
    ("503", || Fault::answer_instead(503, &["Content-Type: text/html"], "<html>")),
    ("504", || Fault::answer_instead(504, &["Content-Type: text/html"], "<html>")),
    ("silence", || Fault::HoldAnswer(Gate::default())),
];

const CUT: Failure = FAILURES[0].1;

/// nginx in front of two servers, of which one fails each time that `fails` says so of the place of a write.
async fn resending(
    fixture: &Fixture,
    conditions: &str,
    failure: Failure,
    fails: impl Fn(usize) -> bool + Send + 'static,
) -> Option<(Nginx, Proxy)> {
    let mut writes = 0;
    let rule = move |sent: &SentRequest| {
        let place = writes;
        writes += usize::from(!sent.method.is_safe());
        if sent.method.is_safe() || !fails(place) { Fault::Pass } else { failure() }
    };
    let proxy = Proxy::start(fixture.url(), rule).await;
    let nginx = Nginx::before([proxy.url(), proxy.url()]).resending(conditions).location("proxy_read_timeout 5s;");
    Some((nginx.start().await?, proxy))
}

fn assert_in_doubt(what: &str, error: &Error) {
    assert_eq!((error.kind(), error.may_have_been_applied()), (ErrorKind::Conflict, true), "{what}: {error}");
    assert!(error.to_string().contains("nobody can tell whether this request or another client"), "{what}: {error}");
}

#[tokio::test]
async fn update_that_was_resent_is_in_doubt_and_made_once() -> Outcome {
    for (what, failure) in FAILURES {
        let fixture = Fixture::new().await;
        let path = fixture.record("counter");
        fixture.plain.put_data(&path, &json!({"n": 1})).await;
        let conditions = "http_502 http_503 http_504";
        let Some((nginx, proxy)) = resending(&fixture, conditions, failure, |place| place == 0).await else {
            return Ok(());
        };
        let todos = through(&fixture, &nginx);
        assert_in_doubt(what, &todos.update_record("counter", add_one).await.unwrap_err());
        assert_eq!(fixture.plain.held(&path).await, json!({"n": 2}), "{what}");
        assert_eq!(proxy.lines(), [format!("GET {path}"), format!("PUT {path}"), format!("PUT {path}")], "{what}");
        assert_eq!(nginx.answered(2).await, [format!("GET /v1{path} 200"), format!("PUT /v1{path} 412")], "{what}");

        assert_eq!(todos.update_record("counter", add_one).await?.data, json!({"n": 3}), "{what}");
        assert_eq!(fixture.plain.held(&path).await, json!({"n": 3}), "{what}");
    }
    Ok(())
}

/// On the first version of this client 60 calls stored 100.
#[tokio::test]
async fn sixty_updates_of_which_every_other_is_resent_are_sixty() -> Outcome {
    let fixture = Fixture::new().await;
    let path = fixture.record("counter");
    fixture.plain.put_data(&path, &json!({"n": 0})).await;
    // The first, whose second request is the next; and then one that does not fail.
    let Some((nginx, proxy)) = resending(&fixture, "", CUT, |place| place % 3 == 0).await else { return Ok(()) };
    let todos = through(&fixture, &nginx);
    let mut acknowledged = 0;
    for _ in 0..60 {
        match todos.update_record("counter", add_one).await {
            Ok(_) => acknowledged += 1,
            Err(error) => assert_in_doubt("an update", &error),
        }
    }
    assert_eq!((acknowledged, fixture.plain.held(&path).await), (30, json!({"n": 60})));
    assert_eq!(proxy.arrived().iter().filter(|sent| sent.method == "PUT").count(), 90);

    // At the same time: on a busy machine one can lose its turn to another, and is in doubt or made again then.
    let ended = join_all((0..60).map(|_| todos.update_record("counter", add_one).into_future())).await;
    let acknowledged = u64::try_from(ended.iter().flatten().count())?;
    for error in ended.iter().filter_map(|ended| ended.as_ref().err()) {
        assert_in_doubt("an update", error);
    }
    let stored = fixture.plain.held(&path).await["n"].as_u64().expect("a number") - 60;
    assert!((acknowledged..=60).contains(&stored), "{acknowledged} of 60 acknowledged, {stored} stored");
    Ok(())
}

/// Each write once, its first request cut after it was done.
async fn every_write(conditions: &str) -> Outcome {
    let fixture = Fixture::new().await;
    let path = fixture.record("milk");
    let reset = async || {
        fixture.plain.delete(&fixture.records).await;
        let data = json!({"title": "Milk", "done": false, "list": [1]});
        fixture.plain.put(&path, &json!({"data": data, "permissions": {"read": ["account:remy"]}})).await;
        fixture.todos.get_record::<Value>("milk").await
    };
    // The first write after each time that it is set fails.
    let failing = Arc::new(AtomicBool::new(false));
    let fails = Arc::clone(&failing);
    let fails = move |_| fails.swap(false, Ordering::SeqCst);
    let Some((nginx, proxy)) = resending(&fixture, conditions, CUT, fails).await else { return Ok(()) };
    let todos = through(&fixture, &nginx);
    let todos = || {
        failing.store(true, Ordering::SeqCst);
        &todos
    };
    let milk = || todos().record::<Value>("milk");
    let held = async || fixture.plain.held(&path).await;

    let created = todos().create_record(Todo::new("Eggs")).await?;
    assert_eq!(fixture.plain.ids(&fixture.records).await, [created.id.as_str()], "the id is proof");
    assert_in_doubt("create", &todos().create_record(Todo::new("Ham")).id("ham").await.unwrap_err());
    assert_eq!(fixture.plain.held(&fixture.record("ham")).await, json!({"title": "Ham", "done": false}));

    let mut read = reset().await?;
    read.data["done"] = true.into();
    assert_in_doubt("save", &todos().save_record(&mut read).await.unwrap_err());
    assert_eq!(held().await, json!({"title": "Milk", "done": true, "list": [1]}));

    reset().await?;
    assert_eq!(todos().overwrite_record("milk", json!({"n": 1})).await?.data, json!({"n": 1}));
    assert_eq!(held().await, json!({"n": 1}));

    reset().await?;
    assert_eq!(milk().merge_patch(json!({"done": true})).await?.data["done"], true);
    assert_eq!(held().await["done"], true);

    reset().await?;
    let add = JsonPatch::new().add(["list", "-"], 2);
    assert_in_doubt("json patch", &milk().json_patch(add).await.unwrap_err());
    assert_eq!(held().await["list"], json!([1, 2]));

    reset().await?;
    let patched = milk().patch(json!({"done": true})).await;
    match patched {
        Ok(patched) => assert_eq!((conditions, &patched.data["done"]), ("non_idempotent", &json!(true))),
        // It is sent once: nginx does not do it, nor does the client, which does not know what else is patched.
        Err(error) => {
            let told = (conditions, error.kind(), error.may_have_been_applied());
            assert_eq!(told, ("", ErrorKind::Unavailable, true), "{error}");
        }
    }
    assert_eq!(held().await["done"], true);

    reset().await?;
    milk().grant(|p| p.read("account:niko")).await?;
    milk().revoke(|p| p.read("account:remy")).await?;
    assert_eq!(fixture.plain.permissions(&path).await["read"], json!(["account:niko"]));

    let read = reset().await?;
    assert_in_doubt("delete of what was read", &todos().delete_record(&read).await.unwrap_err());
    reset().await?;
    let error = milk().delete().await.unwrap_err();
    assert_eq!((error.kind(), error.may_have_been_applied()), (ErrorKind::NotFound, true), "{error}");
    let read = reset().await?;
    assert!(todos().delete_record(&read).if_exists().await?.is_none());
    assert_eq!(fixture.plain.ids(&fixture.records).await, [""; 0]);

    // Its response is that of the second request, which found nothing to delete.
    reset().await?;
    assert_eq!(todos().delete_all_records().await?.len(), 0);
    assert_eq!(fixture.plain.ids(&fixture.records).await, [""; 0]);

    let created = todos().create_records((0..30).map(|n| json!({ "n": n }))).await?;
    let mut ids: Vec<_> = created.iter().map(|record| record.id.to_string()).collect();
    ids.sort_unstable();
    assert_eq!(fixture.plain.ids(&fixture.records).await, ids);
    assert!(proxy.arrived().iter().filter(|sent| sent.is_batch()).count() >= 3);
    Ok(())
}

#[tokio::test]
async fn every_write_that_is_resent_is_exact_or_in_doubt() -> Outcome {
    every_write("").await
}

/// That proxies may not do (RFC 9110, 9.2.2), and nginx does if it is told to.
#[tokio::test]
async fn every_write_is_exact_or_in_doubt_where_post_and_patch_are_resent_too() -> Outcome {
    every_write("non_idempotent").await
}

/// Saves in a batch are not resent by nginx; the client does that, and cannot tell either.
#[tokio::test]
async fn bulk_save_whose_response_is_lost_is_in_doubt_and_made_once() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.fill((0..5).map(|n| (format!("r{n}"), json!({"n": n})))).await;
    let Some((nginx, _proxy)) = resending(&fixture, "", CUT, |place| place == 0).await else { return Ok(()) };
    let mut records = fixture.todos.get_records::<Value>().await?;
    records.iter_mut().for_each(|record| add_one(&mut record.data));
    let saved = through(&fixture, &nginx).save_records(&mut records).each().await?;
    assert_eq!(saved.len(), 5);
    for saved in saved {
        assert_in_doubt("bulk save", &saved.unwrap_err());
    }
    for n in 0..5 {
        assert_eq!(fixture.plain.held(&fixture.record(&format!("r{n}"))).await, json!({"n": n + 1}));
    }
    Ok(())
}
