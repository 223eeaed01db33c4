//! Notices of a server: a request for less traffic (`Backoff`), and the end of its service (`Alert`, 410).

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{StreamExt as _, TryStreamExt as _};
use kinto_client::{
    Timestamp, Value, json,
    retry::{Backoff, NeverRetry},
};
use kinto_tests::{Fault, Fixture, Log, Outcome, Proxy, in_order};
use tokio::time::Instant;

use crate::{Todo, predicates};

/// The answer, with one more header.
fn saying(header: &str) -> Fault {
    Fault::replace("HTTP/1.1 200 OK", format!("HTTP/1.1 200 OK\r\n{header}"))
}

#[tokio::test]
async fn backoff_fail_returns_remaining_time() -> Outcome {
    let fixture = Fixture::new().await;
    let proxy = Proxy::start(fixture.url(), in_order([saying("Backoff: 3600")])).await;
    let client = fixture.client_at(proxy.url()).backoff(Backoff::Fail).build()?;
    let clones = [client.clone(), client.with_retry(NeverRetry), client.with_auth(("somebody", "p4ssw0rd"))?];
    assert_eq!(client.backoff(), None);
    client.server_info().await?;

    for client in clones.iter().chain([&client]) {
        let left = client.backoff().expect("clones know of it too");
        assert!(left > Duration::from_secs(3_500) && left <= Duration::from_secs(3_600), "{left:?}");
        let todos = fixture.todos_of(client);
        let mut failures = vec![
            todos.get_record::<Todo>("milk").await.unwrap_err(),
            todos.create_record(Todo::new("Milk")).await.unwrap_err(),
            todos.delete_all_records().await.unwrap_err(),
            todos.get_records::<Todo>().stream().try_next().await.unwrap_err(),
            todos.changes_since::<Todo>(Timestamp::from_millis(1)).stream().try_next().await.unwrap_err(),
        ];
        let mut watch = todos.changes_since::<Todo>(Timestamp::from_millis(1)).watch(Duration::from_millis(1));
        failures.push(watch.next().await.expect("it goes on").unwrap_err());
        let single = todos.create_records([Todo::new("Milk")]).each().await?.remove(0);
        failures.push(single.unwrap_err());
        for error in failures {
            assert_eq!(predicates(&error), ["unavailable"], "{error}");
            assert!(error.to_string().contains("Backoff") && !error.may_have_been_applied(), "{error}");
            assert!(error.retry_after().is_some_and(|rest| rest > Duration::from_secs(3_500)), "{error:?}");
        }
    }
    let batch = fixture.todos_of(&client).create_records([Todo::new("Milk"), Todo::new("Eggs")]).each().await?;
    assert!(batch.iter().all(|result| predicates(result.as_ref().unwrap_err()) == ["unavailable"]));
    assert_eq!(proxy.lines(), ["GET /"]);
    Ok(())
}

#[tokio::test]
async fn backoff_wait_delays_requests() -> Outcome {
    let fixture = Fixture::new().await;
    let proxy = Proxy::start(fixture.url(), in_order([saying("Backoff: 1")])).await;
    let client = fixture.client_at(proxy.url()).build()?;
    client.server_info().await?;
    let told = Instant::now();
    let left = client.backoff().expect("it was told");
    fixture.todos_of(&client).create_records([Todo::new("Milk"), Todo::new("Eggs")]).await?;
    assert!(told.elapsed() >= left, "{:?} of {left:?}", told.elapsed());
    assert_eq!(fixture.plain.ids(&fixture.records).await.len(), 2);
    Ok(())
}

#[tokio::test]
async fn backoff_wait_fails_when_delay_is_too_long() -> Outcome {
    let fixture = Fixture::new().await;
    let century = (100_u64 * 366 * 24 * 60 * 60).to_string();
    for rest in ["61", &century, "18446744073709551615", "999999999999999999999999999"] {
        let proxy = Proxy::start(fixture.url(), in_order([saying(&format!("Backoff: {rest}"))])).await;
        let client = fixture.client_at(proxy.url()).build()?;
        client.server_info().await?;
        let error = client.get_buckets().await.unwrap_err();
        assert_eq!(predicates(&error), ["unavailable"], "{rest}: {error}");
        assert_eq!(proxy.lines().len(), 1, "a minute is the most, unless set: {rest}");
    }
    for nonsense in ["soon", "-1", "", "1.5", "0"] {
        let proxy = Proxy::start(fixture.url(), in_order([saying(&format!("Backoff: {nonsense}"))])).await;
        let client = fixture.client_at(proxy.url()).backoff(Backoff::Fail).build()?;
        client.server_info().await?;
        assert_eq!(client.backoff(), None, "{nonsense}");
        client.get_buckets().await?;
    }
    Ok(())
}

#[tokio::test]
async fn request_waiting_for_permit_honours_new_backoff() -> Outcome {
    let fixture = Fixture::new().await;
    let proxy = Proxy::start(fixture.url(), |_| saying("Backoff: 3600")).await;
    let client = fixture.client_at(proxy.url()).max_concurrent_requests(1).backoff(Backoff::Fail).build()?;
    let (first, second) = tokio::join!(client.fetch_server_info(), client.fetch_server_info());
    assert!(first.is_ok());
    assert_eq!(predicates(&second.unwrap_err()), ["unavailable"]);
    assert_eq!(proxy.lines().len(), 1);
    Ok(())
}

const SOON: &str = r#"{"code": "soft-eol", "message": "Over in May", "url": "https://example.org/end"}"#;

#[tokio::test]
async fn alert_is_reported_once_to_hook_and_log() -> Outcome {
    let fixture = Fixture::new().await;
    let proxy = Proxy::start(fixture.url(), |_| saying(&format!("Alert: {SOON}"))).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let hook = Arc::clone(&told);
    let builder = fixture.client_at(proxy.url()).on_alert(move |alert| hook.lock().unwrap().push(alert.clone()));
    let (client, log) = (builder.build()?, Log::start());
    for client in [client.clone(), client.with_auth(("somebody", "p4ssw0rd"))?, client] {
        client.server_info().await?;
        client.fetch_server_info().await?;
    }
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 1, "{told:?}");
    let alert = &told[0];
    assert_eq!((&*alert.code, &*alert.message, &*alert.url), ("soft-eol", "Over in May", "https://example.org/end"));
    let text = log.text();
    let warnings: Vec<&str> = text.lines().filter(|line| line.trim_start().starts_with("WARN")).collect();
    assert_eq!(warnings.len(), 1, "{text}");
    for word in ["soft-eol", "Over in May", "https://example.org/end"] {
        assert!(warnings[0].contains(word), "{warnings:?}");
    }
    Ok(())
}

#[tokio::test]
async fn malformed_alert_is_ignored() -> Outcome {
    let fixture = Fixture::new().await;
    let deep = format!("Alert: {}", "[".repeat(10_000));
    for alert in ["Alert: soon", "Alert: {}", "Alert: [1]", "Alert: {\"code\": 7}", "Alert:", &deep] {
        let proxy = Proxy::start(fixture.url(), in_order([saying(alert)])).await;
        let client = fixture.client_at(proxy.url()).on_alert(|alert| panic!("{alert}")).build()?;
        client.server_info().await?;
    }
    Ok(())
}

#[tokio::test]
async fn end_of_service_returns_gone() -> Outcome {
    let fixture = Fixture::new().await;
    let over = json!({"code": 410, "errno": 202, "error": "Gone", "message": "This API is no more"}).to_string();
    let alert = format!("Alert: {}", SOON.replace("soft", "hard"));
    let proxy =
        Proxy::start(fixture.url(), move |_| Fault::answer(410, &["Content-Type: application/json", &alert], &over));
    let proxy = proxy.await;
    let todos = fixture.todos_of(&fixture.client_at(proxy.url()).build()?);
    for error in [
        todos.get_record::<Value>("milk").optional().await.unwrap_err(),
        todos.get_records::<Value>().await.unwrap_err(),
        todos.delete_record("milk").if_exists().await.unwrap_err(),
        todos.create_record(Todo::new("Milk")).await.unwrap_err(),
        todos.client().server_info().await.unwrap_err(),
    ] {
        assert_eq!((predicates(&error), error.errno()), (vec!["gone"], Some(202)), "{error}");
        let said = error.to_string();
        assert!(said.contains("This API is no more") && said.contains("https://example.org/end"), "{said}");
        assert!(!error.may_have_been_applied(), "{error}");
    }
    assert_eq!(proxy.lines().len(), 5, "what is over is not tried again");
    assert_eq!(fixture.plain.ids(&fixture.records).await, [""; 0]);
    Ok(())
}
