//! Each fault that a test can ask for: what the call returns, what is sent, and what is stored.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use kinto_client::{
    Auth, Value, auth::CredentialProvider, futures_core::future::BoxFuture, http::HeaderValue, http::StatusCode, json,
    retry::NeverRetry, testing::Kinto,
};
use kinto_tests::Outcome;
use tokio::time::Instant;

use super::{stored, take_lines, todos, with_records};
use crate::{Todo, predicates};

#[tokio::test(start_paused = true)]
async fn fail_next_responds_in_place_of_server() -> Outcome {
    let (kinto, todos) = with_records(&json!({}));
    kinto.fail_next(2, StatusCode::SERVICE_UNAVAILABLE);
    todos.create_record(Todo::new("Milk")).id("milk").await?;
    assert_eq!(take_lines(&kinto), ["PUT …/milk"; 3]);
    assert_eq!(stored(&kinto), json!({"milk": {"title": "Milk", "done": false}}));

    kinto.fail_next(1, StatusCode::INTERNAL_SERVER_ERROR);
    let error = todos.delete_record("milk").await.unwrap_err();
    assert_eq!((predicates(&error), error.status()), (vec!["server"], Some(StatusCode::INTERNAL_SERVER_ERROR)));
    assert_eq!(take_lines(&kinto), ["DELETE …/milk"]);
    assert_eq!(stored(&kinto).as_object().map(serde_json::Map::len), Some(1), "the server did not see it");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn refuse_next_sends_nothing_to_server() -> Outcome {
    let (kinto, todos) = with_records(&json!({}));
    kinto.refuse_next(1);
    let error = todos.create_record(Todo::new("Milk")).id("milk").retry(NeverRetry).await.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["connection"], false), "{error}");
    assert_eq!((take_lines(&kinto), stored(&kinto)), (vec!["PUT …/milk".to_owned()], json!({})));

    kinto.refuse_next(1);
    todos.create_record(Todo::new("Milk")).id("milk").server_id().await?;
    assert_eq!(take_lines(&kinto), ["POST …"; 2], "nothing was sent, so that it is safe to repeat");
    assert_eq!(stored(&kinto).as_object().map(serde_json::Map::len), Some(1));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn pass_next_puts_fault_behind_other_requests() -> Outcome {
    let (kinto, todos) = with_records(&json!({"milk": {"title": "Milk"}}));
    kinto.pass_next(1);
    kinto.fail_next(1, StatusCode::FORBIDDEN);
    let error = todos.update_record("milk", |todo| todo.done = true).await.unwrap_err();
    assert_eq!(predicates(&error), ["unexpected"], "a proxy's page: {error}");
    assert_eq!(take_lines(&kinto), ["GET …/milk", "PUT …/milk"]);
    assert_eq!(stored(&kinto), json!({"milk": {"title": "Milk"}}));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn pending_faults_are_those_that_have_not_happened() -> Outcome {
    let (kinto, todos) = with_records(&json!({"milk": {"title": "Milk"}}));
    kinto.pass_next(1);
    kinto.fail_next(2, StatusCode::SERVICE_UNAVAILABLE);
    kinto.collide_next_batches(1);
    kinto.expire_logins(1);
    kinto.before_next_write(|_| async {});
    assert_eq!(kinto.pending_faults(), 5);
    // The reading passes, and the saving fails.
    todos.update_record("milk", |todo| todo.done = true).retry(NeverRetry).await.unwrap_err();
    assert_eq!(kinto.pending_faults(), 4);
    kinto.delay(std::time::Duration::from_secs(1));
    kinto.clear_faults();
    let before = Instant::now();
    todos.update_record("milk", |todo| todo.done = true).await?;
    assert_eq!((kinto.pending_faults(), before.elapsed()), (0, std::time::Duration::ZERO));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn lost_response_of_create_leaves_one_record() -> Outcome {
    let (kinto, todos) = with_records(&json!({}));
    kinto.lose_responses(1);
    let milk = todos.create_record(Todo::new("Milk")).await?;
    assert_eq!(stored(&kinto), json!({milk.id.as_str(): {"title": "Milk", "done": false}}));
    assert_eq!(take_lines(&kinto), vec![format!("PUT …/{}", milk.id); 2]);
    assert_eq!(todos.get_record(&milk.id).await?.last_modified, milk.last_modified);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn lost_response_of_unrepeatable_write_is_error_in_doubt() -> Outcome {
    let (kinto, todos) = with_records(&json!({}));
    kinto.lose_responses(1);
    let error = todos.create_record(Todo::new("Milk")).server_id().await.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["connection"], true), "{error}");
    assert_eq!(take_lines(&kinto), ["POST …"]);
    assert_eq!(stored(&kinto).as_object().map(serde_json::Map::len), Some(1));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn cut_body_of_list_is_read_again() -> Outcome {
    let (kinto, todos) = with_records(&json!({"milk": {"title": "Milk"}, "bread": {"title": "Bread"}}));
    kinto.cut_bodies(2);
    let mut titles: Vec<String> = todos.get_records().await?.into_iter().map(|todo| todo.data.title).collect();
    titles.sort();
    assert_eq!(titles, ["Bread", "Milk"]);
    assert_eq!(take_lines(&kinto), ["GET …?_sort=last_modified"; 3]);

    kinto.cut_bodies(1);
    let error = todos.get_records().retry(NeverRetry).await.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["connection"], false), "{error}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn delayed_request_times_out_without_waiting() -> Outcome {
    let (kinto, _) = with_records(&json!({}));
    let client =
        kinto.client_builder().auth(("test", "test")).timeout(Duration::from_secs(5)).retry(NeverRetry).build()?;
    let slow = client.bucket("lists").collection("todos");
    let (started, clock) = (std::time::Instant::now(), Instant::now());
    kinto.delay(Duration::from_secs(3600));
    let error = slow.create_record(Todo::new("Milk")).id("milk").await.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["timed out"], true), "{error}");
    assert_eq!(clock.elapsed().as_secs(), 5);
    assert_eq!(stored(&kinto), json!({}));

    kinto.delay(Duration::from_secs(4));
    slow.create_record(Todo::new("Milk")).id("milk").await?;
    assert_eq!(clock.elapsed().as_secs(), 9);
    kinto.delay(Duration::ZERO);
    slow.get_record::<Todo>("milk").await?;
    assert_eq!(clock.elapsed().as_secs(), 9);
    assert!(started.elapsed() < Duration::from_secs(5), "time was paused");
    assert_eq!(take_lines(&kinto), ["PUT …/milk", "PUT …/milk", "GET …/milk"]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn collided_batch_is_repeated_until_each_record_is_stored_once() -> Outcome {
    let (kinto, todos) = with_records(&json!({}));
    kinto.collide_next_batches(1);
    let created = todos.create_records((0..60).map(|n| Todo::new(&n.to_string()))).await?;
    let titles: Vec<String> = created.iter().map(|todo| todo.data.title.clone()).collect();
    assert_eq!(titles, (0..60).map(|n| n.to_string()).collect::<Vec<_>>());
    let expected = created.iter().map(|todo| (todo.id.to_string(), json!(todo.data)));
    assert_eq!(stored(&kinto), Value::Object(expected.collect()));
    let sent = kinto.requests();
    let sizes = sent.iter().map(|request| request.json()["requests"].as_array().map_or(0, Vec::len));
    assert_eq!(sizes.collect::<Vec<_>>(), [0, 25, 25, 25, 10], "one batch was rolled back, and sent again");
    assert_eq!(sent[0].line(), "GET /");
    for todo in &created {
        assert_eq!(todos.get_record(&todo.id).await?.last_modified, todo.last_modified);
    }
    Ok(())
}

/// Credentials with a token that is valid until it is rejected.
#[derive(Clone, Default)]
struct Tokens(Arc<AtomicU32>);

impl CredentialProvider for Tokens {
    fn authorization(&self) -> BoxFuture<'_, kinto_client::Result<HeaderValue>> {
        let value = token(self.0.load(Ordering::Relaxed));
        Box::pin(async move { HeaderValue::from_str(&value).map_err(kinto_client::Error::authentication) })
    }

    fn refresh(&self) -> BoxFuture<'_, kinto_client::Result<bool>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { Ok(true) })
    }
}

/// `test:test`, written with as many blanks as make it another token.
fn token(number: u32) -> String {
    format!("Basic {}dGVzdDp0ZXN0", " ".repeat(number as usize))
}

#[tokio::test]
async fn expired_login_is_refreshed() -> Outcome {
    let (kinto, _) = with_records(&json!({"milk": {"title": "Milk"}}));
    let tokens = Tokens::default();
    let client = kinto.client_builder().auth(Auth::custom(tokens.clone())).build()?;
    let mine = client.bucket("lists").collection("todos");
    kinto.expire_logins(1);
    mine.patch_record::<Value>("milk", json!({"done": true})).await?;
    assert_eq!(tokens.0.load(Ordering::Relaxed), 1);
    let sent: Vec<_> = kinto.requests().iter().map(|request| request.headers["authorization"].clone()).collect();
    assert_eq!(sent, [token(0), token(1)]);
    assert_eq!(stored(&kinto), json!({"milk": {"title": "Milk", "done": true}}));
    Ok(())
}

#[tokio::test]
async fn expired_login_without_refresh_is_unauthorized() -> Outcome {
    let (kinto, todos) = with_records(&json!({"milk": {"title": "Milk"}}));
    kinto.expire_logins(1);
    let anonymous = kinto.client_builder().build()?;
    assert!(anonymous.bucket("lists").get().await.is_err_and(|error| error.is_unauthorized()));
    let error = todos.delete_record("milk").await.unwrap_err();
    assert_eq!(predicates(&error), ["unauthorized"], "an anonymous request has no login that can expire: {error}");
    assert_eq!(stored(&kinto), json!({"milk": {"title": "Milk"}}));
    todos.delete_record("milk").await?;
    assert_eq!(stored(&kinto), json!({}));
    Ok(())
}

#[tokio::test]
async fn other_program_meets_no_faults_and_is_not_recorded() -> Outcome {
    let kinto = Kinto::new();
    kinto.refuse_next(1);
    kinto.other_program().client().bucket("lists").create().await?;
    assert_eq!(take_lines(&kinto), [""; 0]);
    let error = todos(&kinto).create().retry(NeverRetry).await.unwrap_err();
    assert_eq!(predicates(&error), ["connection"]);
    Ok(())
}
