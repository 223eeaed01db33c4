//! The error of several operations, of which some may have been executed.

use futures_util::stream;
use kinto_client::{Error, Value, json, retry::NeverRetry};
use kinto_tests::{Fault, Fixture, Outcome, Proxy, SentRequest};

use crate::predicates;

fn assert_in_doubt(error: &Error) {
    assert_eq!(predicates(error), ["partial"], "{error}");
    assert!(error.failures().iter().all(|(_, failure)| failure.may_have_been_applied()), "{error}");
    assert!(error.may_have_been_applied(), "{error}");
    assert_eq!(error.to_string().matches("read before you write again").count(), 1, "{error}");
}

#[tokio::test]
async fn partial_error_may_have_been_applied_if_one_failure_may() -> Outcome {
    let fixture = Fixture::new().await;
    let new = ["a", "b", "c"].map(|id| json!({"id": id}));
    let mut records = fixture.todos.create_records(new).await?;
    for record in &mut records {
        record.data["n"] = 1.into();
    }
    let rule = |sent: &SentRequest| if sent.is_batch() { Fault::CutAfter } else { Fault::Pass };
    let proxy = Proxy::start(fixture.url(), rule).await;
    let client = fixture.client_at(proxy.url()).retry(NeverRetry).build()?;
    let todos = fixture.todos_of(&client);
    assert_in_doubt(&todos.save_records(&mut records).await.unwrap_err());
    assert_in_doubt(&todos.update_records(|data: &mut Value| data["m"] = 1.into()).await.unwrap_err());
    let items = [("x", json!({})), ("y", json!({}))];
    assert_in_doubt(&todos.overwrite_records_from(stream::iter(items)).await.unwrap_err());
    assert_in_doubt(&todos.delete_records(["a", "b"]).await.unwrap_err());
    assert_eq!(fixture.plain.ids(&fixture.records).await, ["c", "x", "y"]);
    Ok(())
}

#[tokio::test]
async fn partial_error_was_not_applied_if_no_failure_was() -> Outcome {
    let fixture = Fixture::new().await;
    for ids in [["a b", "c/d"], ["a", "b"]] {
        let error = fixture.todos.delete_records(ids).await.unwrap_err();
        assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["partial"], false), "{error}");
    }
    Ok(())
}
