//! Scripts: requests that fail a test, and the text that it fails with.

use std::panic::{self, AssertUnwindSafe};

use kinto_client::{
    Client, Collection, Value, json,
    testing::{Kinto, Script},
};
use kinto_tests::Outcome;

use crate::{Todo, predicates};

const MILK: &str = "/buckets/b/collections/c/records/milk";

fn record(client: &Client) -> Collection {
    client.bucket("b").collection("c")
}

/// Runs what must panic, and returns the text with the names of files replaced.
fn panic_of(run: impl FnOnce()) -> Result<String, String> {
    let result = panic::catch_unwind(AssertUnwindSafe(run));
    let text = result.err().ok_or("it did not panic")?.downcast::<String>().map_err(|_| "a panic without text")?;
    let is_place = |word: &str| word.contains("script.rs:");
    let words = |line: &str| {
        line.split(' ').map(|word| if is_place(word) { "HERE" } else { word }).collect::<Vec<_>>().join(" ")
    };
    Ok(text.lines().map(words).collect::<Vec<_>>().join("\n"))
}

/// The text that a script fails with in the end.
fn failure(script: &Script) -> Result<String, String> {
    let text = panic_of(|| script.finish());
    script.finish();
    text
}

#[tokio::test]
async fn script_responds_to_expected_requests() -> Outcome {
    let script = Script::new();
    let todos = record(&script.client());
    script.expect("GET", MILK).respond_json(200, json!({"data": {"id": "milk", "last_modified": 1, "title": "Milk"}}));
    let sent = json!({"data": {"title": "Milk", "done": true}});
    script
        .expect("PUT", MILK)
        .header("If-Match", "\"1\"")
        .without_header("If-None-Match")
        .json(sent.clone())
        .respond_json(200, json!({"data": {"id": "milk", "last_modified": 2, "title": "Milk", "done": true}}));
    let milk = todos.update_record("milk", |todo: &mut Todo| todo.done = true).await?;
    assert_eq!((milk.last_modified.as_millis(), milk.data.done), (2, true));
    script.finish();

    script.expect("GET", "/buckets/b/collections/c/records?_sort=n&_limit=2").respond(502).body("<html>");
    script
        .expect("GET", "/buckets/b/collections/c/records?_limit=2&_sort=n")
        .respond_json(200, json!({"data": []}))
        .header("ETag", "\"7\"");
    let list = todos.get_records::<Value>().sort(kinto_client::Sort::asc("n")).limit(2).await?;
    assert_eq!(list.last_modified.as_millis(), 7);
    let lines: Vec<String> = script.requests().iter().map(kinto_client::testing::RecordedRequest::line).collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(script.requests()[1].json(), sent);
    Ok(())
}

#[tokio::test]
async fn another_body_fails_with_difference() -> Outcome {
    let script = Script::new();
    script.expect("PATCH", MILK).json(json!({"data": {"title": "Milk", "n": 1}})).respond(200);
    let todos = record(&script.client());
    let error = todos.patch_record::<Value>("milk", json!({"title": "Oat milk", "n": 1})).await.unwrap_err();
    assert_eq!(predicates(&error), ["refused"]);
    assert!(error.to_string().contains("the script expected PATCH /buckets/b"), "{error}");
    todos.delete_record("milk").await.unwrap_err();
    let expected = r#"the requests differ from the script

request 1, expected at HERE differs:
  PATCH /buckets/b/collections/c/records/milk
  body (- expected, + received):
    {
      "data": {
        "n": 1,
  -     "title": "Milk"
  +     "title": "Oat milk"
      }
    }

received afterwards:
  DELETE /buckets/b/collections/c/records/milk"#;
    assert_eq!(failure(&script)?, expected);
    Ok(())
}

#[tokio::test]
async fn another_header_fails_with_difference() -> Outcome {
    let script = Script::new();
    script.expect("DELETE", MILK).header("If-Match", "\"1\"").without_header("User-Agent").respond(200);
    let client = script.client_builder().user_agent("tests").build()?;
    record(&client).delete_record("milk").await.unwrap_err();
    let expected = r#"the requests differ from the script

request 1, expected at HERE differs:
  DELETE /buckets/b/collections/c/records/milk
  header if-match (- expected, + received):
  - "1"
  + (absent)
  header user-agent (- expected, + received):
  - (absent)
  + tests"#;
    assert_eq!(failure(&script)?, expected);
    Ok(())
}

#[tokio::test]
async fn another_order_fails() -> Outcome {
    let script = Script::new();
    script.expect("GET", "/buckets/a").respond(404);
    script.expect("PATCH", "/buckets/b").respond(404);
    script.client().bucket("b").patch(json!({"n": 1})).await.unwrap_err();
    let expected = r#"the requests differ from the script

request 1, expected at HERE differs:
  expected GET /buckets/a
  received PATCH /buckets/b
    {
      "data": {
        "n": 1
      }
    }
  which is expected as request 2: the order differs"#;
    assert_eq!(failure(&script)?, expected);
    Ok(())
}

#[tokio::test]
async fn one_request_too_many_fails() -> Outcome {
    let script = Script::new();
    script
        .expect("GET", "/buckets/a")
        .respond_json(404, json!({"code": 404, "errno": 110, "error": "Not Found", "message": "There is none."}));
    let client = script.client();
    assert!(client.bucket("a").get().optional().await?.is_none());
    let error = client.bucket("a").get().optional().await.unwrap_err();
    assert!(error.to_string().contains("the script did not expect request 2, GET /buckets/a"), "{error}");
    let expected = r"the requests differ from the script

request 2 differs:
  received, but nothing else is expected: GET /buckets/a";
    assert_eq!(failure(&script)?, expected);
    Ok(())
}

#[tokio::test]
async fn missing_requests_fail_when_last_handle_is_dropped() -> Outcome {
    let script = Script::new();
    let clone = script.clone();
    for bucket in ["a", "b", "c"] {
        script
            .expect("GET", format!("/buckets/{bucket}"))
            .respond_json(200, json!({"data": {"id": bucket, "last_modified": 1}}));
    }
    let client = script.client();
    client.bucket("a").get().await?;
    drop(script);
    let text = panic_of(|| drop(clone))?;
    let expected = "these requests of the script are missing; the one before was received

request 2, expected at HERE GET /buckets/b
request 3, expected at HERE GET /buckets/c";
    assert_eq!(text, expected);
    client.bucket("b").get().await?;
    Ok(())
}

#[tokio::test]
async fn failing_test_is_not_aborted_by_its_script() -> Outcome {
    let script = Script::new();
    let result = record(&script.client()).delete_record("milk").await;
    let text = panic_of(move || {
        let _script = script;
        let shown = result.unwrap_err().to_string();
        panic!("{shown}");
    })?;
    assert!(text.contains("the script did not expect request 1, DELETE"), "{text}");
    Ok(())
}

#[tokio::test]
async fn unexpected_batch_is_sent_once() -> Outcome {
    let script = Script::new();
    script.expect("GET", "/").respond_json(
        200,
        json!({
            "project_name": "kinto", "project_version": "26.5.0", "http_api_version": "1.25", "url": script.url(),
            "settings": {"batch_max_requests": 25, "readonly": false, "explicit_permissions": true}, "capabilities": {},
        }),
    );
    script.expect("POST", "/batch").json(json!({"requests": []})).respond(200);
    let created = record(&script.client()).create_records([json!({"id": "a"}), json!({"id": "b"})]).await;
    assert_eq!(created.unwrap_err().failures().len(), 2);
    assert_eq!(script.requests().len(), 2);
    assert!(failure(&script)?.contains("  -   \"requests\": []\n"));
    Ok(())
}

#[tokio::test]
async fn expectation_without_response_fails() -> Outcome {
    let script = Script::new();
    let _unfinished = script.expect("DELETE", MILK);
    record(&script.client()).delete_record("milk").await.unwrap_err();
    assert!(failure(&script)?.ends_with("has no response: end its expectation with `respond`"));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn recorded_requests_become_script() -> Outcome {
    let kinto = Kinto::new();
    let work = async |client: Client| {
        client.bucket("b").create().await?;
        client.bucket("b").create_collection("c").await?;
        let mut milk = record(&client).create_record(json!({"title": "Milk"})).id("milk").await?;
        milk.data["title"] = "Oat milk".into();
        record(&client).save_record(&mut milk).await.map(|_| ())
    };
    work(kinto.client()).await?;
    let script = Script::new();
    for (place, request) in kinto.requests().iter().enumerate() {
        let stored = json!({"data": {"id": request.target.rsplit('/').next(), "last_modified": 7, "title": "Milk"}});
        script.expect_recorded(request).respond_json(if place < 3 { 201 } else { 200 }, stored);
    }
    // The fourth request has the version that the script responded with.
    assert!(work(script.client()).await.is_err());
    let text = failure(&script)?;
    assert!(text.contains("request 4") && text.contains("header if-match") && text.contains("+ \"7\""), "{text}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn script_is_read_from_json() -> Outcome {
    let script = Script::from_json(json!([
        {"expect": "PUT /buckets/b", "headers": {"If-None-Match": "*", "If-Match": null}, "lose": true},
        {"expect": "PUT /buckets/*", "respond": {"status": 201, "headers": {"Alert": "soon"}, "json": {"data": {"id": "b", "last_modified": 1}}}},
        {"expect": "PATCH /buckets/b", "json": {"data": {"n": 1}}, "respond": {"status": 403}},
    ]))?;
    let bucket = script.client().bucket("b");
    bucket.create().await?;
    assert!(bucket.patch(json!({"n": 1})).await.is_err());
    script.finish();

    for (recorded, message) in [
        (json!({}), "the script is not of the right form: "),
        (
            json!([{"expect": "GET /", "respond": {"status": "200"}}]),
            "the script is not of the right form: [0].respond.status: ",
        ),
        (
            json!([{"expect": "GET /", "answer": {}}]),
            "the script is not of the right form: [0].answer: unknown field `answer`",
        ),
        (
            json!([{"expect": "GET /", "lose": true}, {"expect": "/"}]),
            "entry 1 of the script, `/`: `expect` has to be a method and a target",
        ),
        (json!([{"expect": "GET /"}]), "entry 0 of the script, `GET /`: it needs either `respond` or `\"lose\": true`"),
        (json!([{"expect": "GET /", "respond": {"status": 20}}]), "entry 0 of the script, `GET /`: 20 is no status"),
        (
            json!([{"expect": "GET /", "headers": {"a b": null}, "lose": true}]),
            "entry 0 of the script, `GET /`: `a b` cannot be the name",
        ),
    ] {
        let error = Script::from_json(recorded.clone()).unwrap_err();
        assert!(error.is_invalid() && error.to_string().starts_with(message), "{recorded}: {error}");
    }
    Ok(())
}
