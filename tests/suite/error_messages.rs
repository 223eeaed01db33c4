//! What errors say at the edges.

use kinto_client::{Client, ErrorKind, Timestamp, Value, json};
use kinto_tests::{Fixture, Outcome, nowhere};

use crate::{Todo, predicates};

#[tokio::test]
async fn create_of_a_taken_id_names_it() -> Outcome {
    let fixture = Fixture::new().await;
    let create = || fixture.todos.create_record(json!({"id": "milk"}));
    create().await?;
    let error = create().await.unwrap_err();
    assert_eq!((predicates(&error), error.object()), (vec!["conflict"], Some(fixture.record("milk").as_str())));
    let many = fixture.todos.create_records([json!({"id": "milk"}), json!({"id": "eggs"})]).each().await?;
    assert_eq!(many[0].as_ref().unwrap_err().object(), Some(fixture.record("milk").as_str()));
    Ok(())
}

#[tokio::test]
async fn batch_that_cannot_begin_says_so() -> Outcome {
    let fixture = Fixture::new().await;
    let (url, _socket) = nowhere();
    let client = fixture.client_at(&url).retry(kinto_client::retry::NeverRetry).build()?;
    let todos = fixture.todos_of(&client);
    let error = todos.create_records([Todo::new("a"), Todo::new("b")]).await.unwrap_err();
    assert_eq!((predicates(&error), error.object()), (vec!["connection"], Some(todos.path().as_str())));
    assert!(error.to_string().contains("nothing was sent"), "{error}");
    let mut batch = client.batch();
    batch.add(todos.get_record::<Value>("a"));
    batch.add(todos.get_record::<Value>("b"));
    let error = batch.execute().await.unwrap_err();
    assert!(
        error.to_string().starts_with("could not send the batch to /batch: nothing was sent, for the server"),
        "{error}"
    );
    let error = client.batch_of((todos.get_record::<Value>("a"), todos.get_record::<Value>("b"))).await.unwrap_err();
    assert!(error.to_string().starts_with("could not send the batch to /batch: nothing was sent"), "{error}");
    Ok(())
}

#[tokio::test]
async fn largest_numbers_are_taken_or_refused_here() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.fill((0..3).map(|n| (format!("r{n}"), json!({})))).await;
    let list = || fixture.todos.get_records::<Value>();
    assert_eq!(list().limit(usize::MAX).await?.len(), 3);
    assert_eq!(list().page_size(u32::MAX).await?.len(), 3);
    assert_eq!(list().limit(usize::MAX).page_size(u32::MAX).since(Timestamp::from_millis(0)).await?.len(), 3);
    fixture.sent.forget();
    for call in [list().since(Timestamp::from_millis(u64::MAX)), list().before(Timestamp::from_millis(1 << 63))] {
        let error = call.await.unwrap_err();
        assert_eq!(predicates(&error), ["invalid"]);
        assert!(error.to_string().contains("9223372036854775807"), "{error}");
    }
    assert!(fixture.sent.take().is_empty());
    Ok(())
}

#[test]
fn every_kind_has_a_status_to_answer_with() {
    let error = Client::builder("nowhere").build().unwrap_err();
    assert_eq!((error.status(), error.kind().http_status().as_u16()), (None, 400));
    for (kind, status) in [
        (ErrorKind::Refused, 400),
        (ErrorKind::NotFound, 404),
        (ErrorKind::Conflict, 412),
        (ErrorKind::Unavailable, 503),
        (ErrorKind::Connect, 502),
    ] {
        assert_eq!(kind.http_status().as_u16(), status, "{kind:?}");
    }
}
