//! Credentials that have expired: a batch is answered with 200 then, and the 401 is in its parts.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures_util::future::BoxFuture;
use http::HeaderValue;
use kinto_client::{Auth, Client, Error, Result, Value, auth::CredentialProvider, json};
use kinto_tests::{Fixture, Outcome};

use crate::{Todo, predicates};

/// A token that has expired, until it has been renewed so often.
#[derive(Clone)]
struct Expired {
    good: String,
    good_after: usize,
    renewed: Arc<AtomicUsize>,
    /// True if there are others, and whether they can be had.
    others: fn() -> Result<bool>,
}

impl CredentialProvider for Expired {
    fn authorization(&self) -> BoxFuture<'_, Result<HeaderValue>> {
        let expired = self.renewed.load(Ordering::SeqCst) < self.good_after;
        let token = if expired { "Bearer expired" } else { &self.good };
        Box::pin(async move { HeaderValue::from_str(token).map_err(Error::authentication) })
    }

    fn refresh(&self) -> BoxFuture<'_, Result<bool>> {
        self.renewed.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move { (self.others)() })
    }
}

/// A client whose token has expired, and how often it was renewed. What the server says of itself is known already.
async fn expired(
    fixture: &Fixture,
    good_after: usize,
    others: fn() -> Result<bool>,
) -> Result<(Client, Arc<AtomicUsize>)> {
    let good = format!("Basic {}", BASE64_STANDARD.encode(format!("{}:p4ssw0rd", fixture.user)));
    let expired = Expired { good, good_after, renewed: Arc::default(), others };
    let renewed = Arc::clone(&expired.renewed);
    let client = fixture.client.with_auth(Auth::custom(expired))?;
    client.server_info().await?;
    fixture.sent.forget();
    Ok((client, renewed))
}

#[tokio::test]
async fn batch_with_expired_credentials_renews_them_once_and_sends_the_parts_again() -> Outcome {
    let fixture = Fixture::new().await;
    let (client, renewed) = expired(&fixture, 1, || Ok(true)).await?;
    let todos = fixture.todos_of(&client);
    let create = |id: &str| todos.create_record(Todo::new("Milk")).id(id);

    let (one, other) = client.batch_of((create("a"), create("b"))).await?;
    assert_eq!((one?.id.as_str(), other?.id.as_str()), ("a", "b"));
    let sent = fixture.sent.take();
    let parts = vec![format!("PUT {}", fixture.record("a")), format!("PUT {}", fixture.record("b"))];
    assert_eq!(sent.iter().map(kinto_tests::SentRequest::batched).collect::<Vec<_>>(), [parts.clone(), parts]);
    assert_eq!(renewed.load(Ordering::SeqCst), 1);
    Ok(())
}

#[tokio::test]
async fn bulk_calls_and_single_calls_renew_alike() -> Outcome {
    let fixture = Fixture::new().await;
    let (client, renewed) = expired(&fixture, 1, || Ok(true)).await?;
    let created = fixture.todos_of(&client).create_records((0..30).map(|n| json!({ "n": n }))).await?;
    assert_eq!((created.len(), fixture.plain.ids(&fixture.records).await.len()), (30, 30));
    assert_eq!((renewed.load(Ordering::SeqCst), fixture.sent.take().len()), (1, 3), "25, 25 again, 5");

    let (client, renewed) = expired(&fixture, 1, || Ok(true)).await?;
    let mut batch = client.batch();
    let milk = batch.add(fixture.todos_of(&client).create_record(Todo::new("Milk")).id("milk"));
    let list = batch.add(fixture.todos_of(&client).get_record::<Value>("milk"));
    let done = batch.execute().await?;
    assert_eq!((done.get(&milk)?.id.as_str(), &done.get(&list)?.data["title"]), ("milk", &json!("Milk")));
    assert_eq!((renewed.load(Ordering::SeqCst), fixture.sent.take().len()), (1, 2));

    let (client, renewed) = expired(&fixture, 1, || Ok(true)).await?;
    assert_eq!(fixture.todos_of(&client).get_record::<Todo>("milk").await?.data.title, "Milk");
    assert_eq!((renewed.load(Ordering::SeqCst), fixture.sent.take().len()), (1, 2));
    Ok(())
}

#[tokio::test]
async fn only_the_parts_with_401_are_sent_again() -> Outcome {
    let fixture = Fixture::new().await;
    let path = fixture.record("open");
    let everyone = json!({"data": {"title": "Open"}, "permissions": {"write": ["system.Everyone"]}});
    fixture.plain.put(&path, &everyone).await;
    let (client, _) = expired(&fixture, 1, || Ok(true)).await?;
    let todos = fixture.todos_of(&client);
    let open = todos.patch_record::<Value>("open", json!({"by": "whoever"}));
    let (open, milk) = client.batch_of((open, todos.create_record(Todo::new("Milk")).id("milk"))).await?;
    assert_eq!((&open?.data["by"], milk?.id.as_str()), (&json!("whoever"), "milk"));
    let lines: Vec<_> = fixture.sent.take().iter().map(kinto_tests::SentRequest::line).collect();
    assert_eq!(lines, ["POST /batch".to_owned(), format!("PUT {}", fixture.record("milk"))]);
    Ok(())
}

#[tokio::test]
async fn without_other_credentials_401_is_the_result() -> Outcome {
    let fixture = Fixture::new().await;
    for (good_after, others, requests) in [
        (9, (|| Ok(false)) as fn() -> Result<bool>, 1),
        (9, || Ok(true), 2),
        (1, || Err(Error::authentication("gone")), 1),
    ] {
        let (client, renewed) = expired(&fixture, good_after, others).await?;
        let todos = fixture.todos_of(&client);
        let create = |id: &str| todos.create_record(Todo::new("Milk")).id(id);
        let (one, other) = client.batch_of((create("a"), create("b"))).await?;
        let is = if good_after == 1 { "authentication" } else { "unauthorized" };
        for error in [one.unwrap_err(), other.unwrap_err()] {
            assert_eq!((predicates(&error), error.may_have_been_applied()), (vec![is], false), "{error}");
        }
        assert_eq!((renewed.load(Ordering::SeqCst), fixture.sent.take().len()), (1, requests));
    }
    assert_eq!(fixture.plain.ids(&fixture.records).await, [""; 0]);
    Ok(())
}
