//! Passwords and tokens are in the `Authorization` header, and in nothing that is ever shown.

use std::{env, fmt::Debug, process::Command};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use kinto_client::{Auth, Client, json, retry::NeverRetry};
use kinto_tests::{Fault, Fixture, Outcome, Proxy, Recorder, nowhere, secret_in, shown, watch};

use crate::Todo;

const SECRET: &str = "tops3cret";

fn assert_silent(shown: &str) {
    for secret in [SECRET, "Authorization", "authorization", &BASE64_STANDARD.encode(SECRET)[..8]] {
        assert!(!shown.contains(secret), "{secret} is shown: {shown}");
    }
    let encoded = BASE64_STANDARD.encode(format!("alexis:{SECRET}"));
    assert!(!shown.contains(&encoded), "the header is shown: {shown}");
}

fn debug(value: impl Debug) -> String {
    format!("{value:?} {value:#?}")
}

#[tokio::test]
async fn debug_hides_secrets() -> Outcome {
    let fixture = Fixture::new().await;
    for auth in [("alexis", SECRET).into(), Auth::bearer(SECRET), Auth::header(format!("Portier {SECRET}"))] {
        assert_silent(&debug(&auth));
        let builder = Client::builder(fixture.url()).auth(auth).header("x-api-key", SECRET);
        assert_silent(&debug(&builder));
        let client = builder.build()?;
        let todos = client.bucket("default").collection("todos");
        let mut record = todos.create_record(Todo::new("Milk")).await.ok();
        assert_silent(&debug((&client, &todos, todos.typed::<Todo>(), &record)));
        assert_silent(&debug((todos.get_records::<Todo>(), todos.create_record(Todo::new("Milk")).preview()?)));
        assert_silent(&todos.create_record(Todo::new("Milk")).preview()?.to_string());
        if let Some(record) = &mut record {
            assert_silent(&debug(todos.save_record(record)));
            assert_silent(&debug(client.server_info().await?));
        }
    }
    Ok(())
}

#[tokio::test]
async fn errors_hide_secrets() -> Outcome {
    let fixture = Fixture::new().await;
    let (away, _port) = nowhere();
    let elsewhere = Proxy::instead(|_| Fault::CutBefore).await;
    let location = format!("{}/x", elsewhere.url());
    let faults: [fn(&str) -> Fault; 6] = [
        |_| Fault::CutBefore,
        |_| Fault::Truncate(3),
        |_| Fault::answer(400, &["Content-Type: text/html"], "<html>no</html>"),
        |_| Fault::answer(200, &[], ""),
        |_| Fault::json(403, &json!({"errno": 121, "error": "Forbidden"})),
        |location| Fault::redirect(307, location),
    ];
    let client = |auth: &Auth, url: &str| {
        Client::builder(url).auth(auth.clone()).header("x-api-key", SECRET).retry(NeverRetry).build()
    };
    for auth in [("alexis", SECRET).into(), Auth::bearer(SECRET)] {
        let away = client(&auth, &away)?;
        assert_silent(&shown(&fixture.todos_of(&away).get_records::<Todo>().await.unwrap_err()));
        assert_silent(&shown(&away.server_info().await.unwrap_err()));
        for fault in faults {
            let location = location.clone();
            let proxy = Proxy::start(fixture.url(), move |_| fault(&location)).await;
            let todos = fixture.todos_of(&client(&auth, proxy.url())?);
            assert_silent(&shown(&todos.get_record::<Todo>("milk").await.unwrap_err()));
            assert_silent(&shown(&todos.create_record(Todo::new("Milk")).await.unwrap_err()));
            let arrived = proxy.arrived();
            assert_eq!(arrived.iter().filter(|sent| sent.header("authorization").is_some()).count(), 2);
        }
    }
    assert_eq!(elsewhere.connections(), 0);
    Ok(())
}

#[test]
fn credential_errors_hide_credentials() {
    let url = "https://kinto.example.org/v1";
    for error in [
        Client::builder(url).auth(Auth::bearer(format!("{SECRET}\n"))).build(),
        Client::builder(url).auth(Auth::header(format!("{SECRET}\0"))).build(),
        Client::builder(url).auth(("alexis:", SECRET)).build(),
        Client::builder(url).header("x-api-key", format!("{SECRET}\n")).build(),
        Client::builder("http://kinto.example.org/v1").auth(("alexis", SECRET)).build(),
        Client::builder(format!("https://alexis:{SECRET}@kinto.example.org/v1")).build(),
        Client::builder(format!("https://{SECRET}@kinto.example.org/v1")).build(),
        Client::builder(format!("https://alexis:{SECRET}@kinto.example.org")).build(),
        Client::builder(format!("https://alexis:{SECRET}@")).build(),
        Client::builder(format!("alexis:{SECRET}@kinto.example.org/v1")).build(),
        Client::builder(format!("https://alexis:{SECRET}@kinto.example.org:x/v1")).build(),
    ] {
        let error = error.unwrap_err();
        assert!(error.is_invalid(), "{error}");
        assert!(!shown(&error).contains(SECRET), "{error:?}");
    }
}

#[tokio::test]
async fn authorization_header_is_marked_sensitive() -> Outcome {
    let fixture = Fixture::new().await;
    for auth in [("alexis", SECRET).into(), Auth::bearer(SECRET), Auth::header(SECRET)] {
        let recorder = Recorder::default();
        let builder = Client::builder(fixture.url()).auth(auth).header("x-api-key", SECRET);
        let client = builder.transport(recorder.clone()).build()?;
        client.server_info().await?;
        let sent = recorder.take_one();
        assert!(sent.headers["x-api-key"].is_sensitive() && !sent.headers["user-agent"].is_sensitive());
        assert!(sent.headers["authorization"].is_sensitive(), "or whatever carries it may show it");
        assert!(!debug(&sent.headers).contains(SECRET));
    }
    Ok(())
}

/// Every test's log, and all that tests see of errors, is looked through: here is the proof that this would notice.
#[test]
fn secret_in_log_fails_test_process() -> Outcome {
    for leak in ["nothing", "p4ssw0rd", "Basic YWxleGlzOnA0c3N3MHJk", &BASE64_STANDARD.encode("a:p4ssw0rd")] {
        let mut tests = Command::new(env::current_exe()?);
        tests.args(["--ignored", "--exact", "secrets::logs_what_it_is_told_to"]).env("LEAK", leak);
        let output = tests.output()?;
        let said = String::from_utf8(output.stderr)?;
        assert_eq!(output.status.code(), Some(if leak == "nothing" { 0 } else { 101 }), "{leak}: {said}");
        assert_eq!(said.contains("is in the log"), leak != "nothing", "{leak}: {said}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "it is run by the test before it"]
async fn logs_what_it_is_told_to() {
    watch();
    let leak = env::var("LEAK").unwrap_or_default();
    // In a task of its own, whose panics nobody would notice.
    let logs = tokio::spawn(async move { tracing::trace!(header = leak, "of another crate") });
    logs.await.unwrap();
}

#[test]
fn secret_watch_finds_base64_at_any_offset() {
    for user in ["", "a", "ab", "abc", "Zoé"] {
        for password in ["p4ssw0rd", "tops3cret"] {
            let header = format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")));
            assert_eq!(secret_in(&header), Some(password), "{header}");
        }
    }
    assert_eq!(secret_in("Basic bm90aGluZzpoZXJl"), None);
}
