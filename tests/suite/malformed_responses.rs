//! Answers that no server should give: each is an error, soon and without much memory.

use std::time::Duration;

use kinto_client::{Client, Error, Value, json};
use kinto_tests::{Fault, Fixture, Outcome, Proxy, SentRequest};

use crate::predicates;

/// Returns the errors of a client of a server that gives this response to every request.
///
/// Reading one object, listing and creating must fail; calls that need less of the response may accept it.
async fn errors(rule: impl FnMut(&SentRequest) -> Fault + Send + 'static) -> Vec<Error> {
    let proxy = Proxy::instead(rule).await;
    let client = Client::builder(proxy.url()).retry(kinto_client::retry::NeverRetry).timeout(Duration::from_secs(30));
    let client = client.build().expect("a client");
    let todos = client.bucket("b").collection("c");
    let mut errors = vec![
        todos.get_record::<Value>("r").await.unwrap_err(),
        todos.get_records::<Value>().await.unwrap_err(),
        todos.create_record(json!({})).id("r").await.unwrap_err(),
    ];
    errors.extend(todos.create_records([json!({"n": 1}), json!({"n": 2})]).await.err());
    errors.extend(todos.delete_all_records().await.err());
    errors.extend(client.server_info().await.err());
    errors
}

fn assert_all(errors: &[Error], is: &[&str]) {
    for error in errors {
        let holds = predicates(error);
        assert!(holds.len() == 1 && is.contains(&holds[0]), "{holds:?}: {error}");
        assert!(error.to_string().len() < 2_000, "{error}");
    }
}

#[tokio::test]
async fn calls_return_error_when_json_is_hundred_thousand_levels_deep() -> Outcome {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for status in [200, 400, 412, 503] {
            let deep = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
            for body in [
                deep.clone(),
                format!(r#"{{"data": {deep}}}"#),
                format!(r#"{{"data": {{"id": "r", "last_modified": 1, "a": {deep}}}}}"#),
                format!(r#"{{"data": [{{"id": "r", "last_modified": 1, "a": {deep}}}]}}"#),
                format!(r#"{{"errno": 110, "error": "x", "details": {deep}}}"#),
                format!(r#"{{"errno": 110, "error": "x", "details": {{"existing": {deep}}}}}"#),
                format!(r#"{{"responses": [{{"status": 200, "body": {deep}, "headers": {{}}, "path": "/"}}]}}"#),
            ] {
                let headers = ["Content-Type: application/json", "ETag: \"1\""];
                let answer = Fault::answer(status, &headers, &body);
                let Fault::Answer(answer) = answer else { panic!("an answer") };
                let errors = errors(move |_| Fault::Answer(answer.clone())).await;
                assert!(errors.iter().all(|error| predicates(error).len() == 1));
                assert!(errors.iter().all(|error| error.to_string().len() < 2_000));
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn calls_return_error_when_body_is_foreign_json() -> Outcome {
    let bodies = [
        "",
        "\0",
        "{",
        "[",
        "nul",
        "{\"data\"",
        "\u{feff}{}",
        "{}}",
        "[1,]",
        "\"\\ud800\"",
        "1e999",
        "<html>",
        "{\"data\":[[]]}",
        "{\"data\":{\"id\":7,\"last_modified\":1}}",
        "{\"data\":{\"id\":\"r\",\"last_modified\":-1}}",
        "{\"data\":{\"id\":\"r\",\"last_modified\":1e400}}",
        "{\"data\":{\"id\":\"r\",\"last_modified\":\"1\"}}",
        "{\"data\":{\"id\":\"r\"}}",
        "{\"data\":[{\"id\":\"r\"}]}",
        "{\"responses\":7}",
    ];
    for body in bodies {
        for kind in ["application/json", "text/html", "application/octet-stream; charset=nonsense", ""] {
            let kind = format!("Content-Type: {kind}");
            let errors = errors(move |_| Fault::answer(200, &[&kind, "ETag: \"1\""], body)).await;
            assert_all(&errors, &["unexpected", "decode", "partial"]);
        }
    }
    Ok(())
}

#[tokio::test]
async fn calls_return_error_when_headers_are_too_large() -> Outcome {
    let ten_megabytes = format!("ETag: \"{}\"", "9".repeat(10 << 20));
    let flood: Vec<String> = (0..10_000).map(|n| format!("X-Flood-{n}: {n}")).collect();
    for headers in [vec![ten_megabytes], flood] {
        let rule = move |_: &SentRequest| {
            let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
            Fault::answer(200, &headers, r#"{"data": []}"#)
        };
        assert_all(&errors(rule).await, &["connection", "unexpected", "partial"]);
    }
    Ok(())
}

#[tokio::test]
async fn calls_return_error_when_headers_are_malformed() -> Outcome {
    let huge = format!("ETag: \"{}\"", "9".repeat(10_000));
    for etag in [&*huge, "ETag: \"-1\"", "ETag: W/\"x\"", "ETag: soon", "ETag: \"18446744073709551616\"", "X: no ETag"]
    {
        let headers = [etag.to_owned(), "Content-Type: application/json".to_owned()];
        let rule = move |_: &SentRequest| {
            let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
            Fault::answer(200, &headers, r#"{"data": [{"id": "r", "last_modified": 1}]}"#)
        };
        let proxy = Proxy::instead(rule).await;
        let todos = Client::builder(proxy.url()).build()?.bucket("b").collection("c");
        let error = todos.get_records::<Value>().await.unwrap_err();
        assert_eq!(predicates(&error), ["unexpected"], "{etag:.40}: {error}");
        assert!(error.to_string().len() < 500, "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn calls_return_error_when_content_length_is_wrong() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("milk"), &json!({"title": "x".repeat(3_000)})).await;
    let lengths = ["1", "0", "99999999999", "18446744073709551616", "-1", "ten"];
    for length in lengths {
        let lie = move |answer: String| {
            let lines = answer.split("\r\n").map(|line| {
                if line.to_lowercase().starts_with("content-length") {
                    format!("Content-Length: {length}")
                } else {
                    line.to_owned()
                }
            });
            lines.collect::<Vec<_>>().join("\r\n")
        };
        let proxy = Proxy::start(fixture.url(), move |_| Fault::Edit(Box::new(lie))).await;
        let builder =
            fixture.client_at(proxy.url()).retry(kinto_client::retry::NeverRetry).read_timeout(Duration::from_secs(1));
        let todos = fixture.todos_of(&builder.build()?);
        let error = todos.get_record::<Value>("milk").await.unwrap_err();
        let is = predicates(&error);
        assert!(["connection", "unexpected", "too large", "timed out"].contains(&is[0]), "{length}: {is:?} {error}");
    }
    Ok(())
}

#[tokio::test]
async fn calls_stop_reading_when_body_is_endless() -> Outcome {
    const MEGABYTE: usize = 1 << 20;
    let body = "x".repeat(64 * MEGABYTE);
    for chunked in [true, false] {
        let answer = if chunked {
            format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
        } else {
            format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{body}")
        };
        let proxy = Proxy::instead(move |_| Fault::Answer(answer.clone())).await;
        let client = Client::builder(proxy.url()).max_response_size(MEGABYTE).build()?;
        let error = client.bucket("b").get().await.unwrap_err();
        assert_eq!(predicates(&error), ["too large"], "{error}");
        assert_eq!(proxy.lines().len(), 1, "it is not asked for again");
    }
    Ok(())
}
