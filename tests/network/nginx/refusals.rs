//! What nginx answers itself: its error pages, requests that are too large for it, and those that are too many.

use std::time::{Duration, Instant};

use kinto_client::{
    Error, ErrorKind, Value, json,
    retry::{ExponentialBackoff, NeverRetry},
};
use kinto_tests::{Fixture, Nginx, Outcome, nowhere};

use super::through;
use crate::Todo;

#[tokio::test]
async fn error_pages_are_named_as_such_and_are_no_word_of_the_server() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("milk"), &json!({"title": "Milk", "done": false})).await;
    let pages = [
        (404, ErrorKind::Unexpected, "404 Not Found"),
        (403, ErrorKind::Unexpected, "403 Forbidden"),
        (405, ErrorKind::Unexpected, "405 Not Allowed"),
        (500, ErrorKind::Server, "500 Internal Server Error"),
        (502, ErrorKind::Unavailable, "502 Bad Gateway"),
        (503, ErrorKind::Unavailable, "503 Service Temporarily Unavailable"),
        (504, ErrorKind::Unavailable, "504 Gateway Time-out"),
    ];
    for (status, kind, title) in pages {
        let nginx = Nginx::before([fixture.url()]).location(&format!("return {status};")).start().await;
        let Some(nginx) = nginx else { return Ok(()) };
        let todos = fixture.todos_of(&fixture.client_at(nginx.url()).retry(NeverRetry).build()?);
        let read = todos.get_record::<Todo>("milk").await.unwrap_err();
        let optional = todos.get_record::<Todo>("milk").optional().await.unwrap_err();
        let list = todos.get_records::<Todo>().await.unwrap_err();
        let deleted = todos.delete_record("milk").if_exists().await.unwrap_err();
        for error in [read, optional, list, deleted] {
            assert_eq!((error.kind(), error.status().map(|s| s.as_u16())), (kind, Some(status)), "{error}");
            let said = error.to_string();
            assert!(said.contains("not in Kinto's form (text/html: <html>") && said.contains(title), "{said}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn page_instead_of_a_response_is_no_success() -> Outcome {
    let fixture = Fixture::new().await;
    let nginx =
        Nginx::before([fixture.url()]).location("default_type text/html; return 200 '<html>Please log in</html>';");
    let Some(nginx) = nginx.start().await else { return Ok(()) };
    let todos = through(&fixture, &nginx);
    let read = todos.get_record::<Todo>("milk").await.unwrap_err();
    let list = todos.get_records::<Todo>().await.unwrap_err();
    let written = todos.overwrite_record("eggs", Todo::new("Eggs")).await.unwrap_err();
    let many = todos.create_records([json!({}), json!({})]).each().await;
    for error in [&read, &list, &written, &many.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Unexpected, "{error}");
        assert!(error.to_string().contains("Please log in"), "{error}");
    }
    assert_eq!([&read, &list, &written].map(Error::may_have_been_applied), [false, false, true]);
    // nginx takes the precondition of a creation for one of its own page.
    let created = todos.create_record(Todo::new("Eggs")).await.unwrap_err();
    assert_eq!((created.kind(), created.status().map(|s| s.as_u16())), (ErrorKind::Unexpected, Some(304)), "{created}");
    Ok(())
}

#[tokio::test]
async fn server_that_is_away_is_nginxs_502_and_nothing_is_done() -> Outcome {
    let fixture = Fixture::new().await;
    let (away, _socket) = nowhere();
    let Some(nginx) = Nginx::before([&*away]).start().await else { return Ok(()) };
    let todos = fixture.todos_of(&fixture.client_at(nginx.url()).retry(NeverRetry).build()?);
    let error = todos.create_record(Todo::new("Milk")).await.unwrap_err();
    // nginx does not say whether it has reached the server.
    assert_eq!((error.kind(), error.may_have_been_applied()), (ErrorKind::Unavailable, true), "{error}");
    assert!(error.to_string().contains("502 Bad Gateway"), "{error}");
    Ok(())
}

#[tokio::test]
async fn batch_that_is_too_large_for_nginx_goes_in_parts() -> Outcome {
    let fixture = Fixture::new().await;
    let Some(nginx) = Nginx::before([fixture.url()]).max_body("4k").start().await else { return Ok(()) };
    let todos = through(&fixture, &nginx);
    let text = "x".repeat(300);
    let created = todos.create_records((0..30).map(|n| json!({"n": n, "text": text}))).await?;
    let mut ids: Vec<_> = created.iter().map(|record| record.id.to_string()).collect();
    ids.sort_unstable();
    assert_eq!((ids.len(), fixture.plain.ids(&fixture.records).await), (30, ids));
    let answered = nginx.answered(1 + 5).await;
    let with = |status: &str| answered.iter().filter(|line| **line == format!("POST /v1/batch {status}")).count();
    assert!(with("413") >= 1 && with("200") >= 4, "{answered:?}");

    // Of several one alone is too large: it is refused, with nginx's word for it, and the others are done.
    let large = json!({"text": "x".repeat(5_000)});
    let outcomes = todos.create_records([json!({"n": 1}), large, json!({"n": 2})]).each().await?;
    let error = outcomes[1].as_ref().unwrap_err();
    assert_eq!(error.status().map(|status| status.as_u16()), Some(413), "{error}");
    assert!(error.to_string().contains("413 Request Entity Too Large"), "{error}");
    assert_eq!((outcomes[0].is_ok(), outcomes[2].is_ok(), error.may_have_been_applied()), (true, true, false));
    assert_eq!(fixture.plain.ids(&fixture.records).await.len(), 32);
    Ok(())
}

#[tokio::test]
async fn too_many_requests_wait_as_long_as_nginx_says_and_no_longer_than_they_may() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("milk"), &json!({"title": "Milk", "done": false})).await;
    // The second of two within ten seconds is one too many; the third within ten minutes as well.
    let Some(nginx) = Nginx::before([fixture.url()]).limiting("1r/s").start().await else { return Ok(()) };
    let todos = through(&fixture, &nginx);
    let started = Instant::now();
    todos.get_record::<Todo>("milk").await?;
    let created = todos.create_record(Todo::new("Eggs")).await?;
    assert!(started.elapsed() >= Duration::from_millis(900), "{:?}", started.elapsed());
    let answered = nginx.answered(3).await;
    let put = |status: u16| format!("PUT /v1{} {status}", fixture.record(&created.id));
    assert_eq!(answered[0], format!("GET /v1{} 200", fixture.record("milk")));
    assert_eq!(answered.last(), Some(&put(201)));
    assert!(answered[1..answered.len() - 1].iter().all(|line| *line == put(429)), "{answered:?}");
    assert!(answered.len() >= 3, "{answered:?}");
    assert_eq!(fixture.plain.ids(&fixture.records).await.len(), 2);

    let Some(nginx) = Nginx::before([fixture.url()]).limiting("1r/m").start().await else { return Ok(()) };
    let todos = through(&fixture, &nginx);
    todos.get_record::<Todo>("milk").await?;
    let error = todos.delete_record("milk").retry(NeverRetry).await.unwrap_err();
    assert_eq!((error.kind(), error.may_have_been_applied()), (ErrorKind::Unavailable, false), "{error}");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(1)));
    let started = Instant::now();
    let retry = ExponentialBackoff::default().max_tries(3);
    let many = todos.create_records::<Value>((0..3).map(|n| json!({ "n": n }))).retry(retry).await.unwrap_err();
    assert_eq!(many.kind(), ErrorKind::Unavailable, "{many}");
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    assert_eq!(fixture.plain.ids(&fixture.records).await.len(), 2);
    Ok(())
}
