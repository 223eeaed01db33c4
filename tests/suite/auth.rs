//! The credentials that are sent, and when others are asked for.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures_util::future::BoxFuture;
use http::HeaderValue;
use kinto_client::{Auth, Client, Error, ErrorKind, Result, auth::CredentialProvider, json, retry::NeverRetry};
use kinto_tests::{Fixture, Outcome, Recorder};

use crate::{Todo, predicates};

#[tokio::test]
async fn auth_sends_header_of_its_kind() -> Outcome {
    let fixture = Fixture::new().await;
    let cases: [(Auth, &str); 5] = [
        (("alexis", "p4ssw0rd").into(), "Basic YWxleGlzOnA0c3N3MHJk"),
        (Auth::basic("Zoé", "a:b c"), "Basic Wm/DqTphOmIgYw=="),
        (Auth::basic("alexis", ""), "Basic YWxleGlzOg=="),
        (Auth::bearer("t0ken"), "Bearer t0ken"),
        (Auth::header("Portier t0ken"), "Portier t0ken"),
    ];
    for (auth, header) in cases {
        fixture.client.with_auth(auth)?.server_info().await?;
        assert_eq!(fixture.sent.take_one().header("authorization"), Some(header));
    }
    let nobody = Recorder::default();
    Client::builder(fixture.url()).transport(nobody.clone()).build()?.server_info().await?;
    assert_eq!(nobody.take_one().header("authorization"), None);
    Ok(())
}

#[tokio::test]
async fn basic_auth_identifies_user() -> Outcome {
    let fixture = Fixture::new().await;
    let (one, same, other) = (
        fixture.client.with_auth(("Zoé", "a:b c"))?,
        fixture.client.with_auth(Auth::header("Basic Wm/DqTphOmIgYw=="))?,
        fixture.client.with_auth(("Zoé", "a:b  c"))?,
    );
    let [one, same, other] = [one.user().await?, same.user().await?, other.user().await?].map(|user| user.unwrap());
    assert_eq!(one.id, same.id);
    assert_ne!(one.id, other.id);
    Ok(())
}

/// Tokens that are good from the `good_from`th on.
#[derive(Clone)]
struct Tokens {
    good: String,
    good_from: usize,
    last: usize,
    asked: Arc<AtomicUsize>,
    renewed: Arc<AtomicUsize>,
}

impl Tokens {
    fn new(fixture: &Fixture, good_from: usize, last: usize) -> Self {
        let good = format!("Basic {}", BASE64_STANDARD.encode(format!("{}:p4ssw0rd", fixture.user)));
        Self { good, good_from, last, asked: Arc::default(), renewed: Arc::default() }
    }

    fn counts(&self) -> (usize, usize) {
        (self.asked.load(Ordering::SeqCst), self.renewed.load(Ordering::SeqCst))
    }
}

impl CredentialProvider for Tokens {
    fn authorization(&self) -> BoxFuture<'_, Result<HeaderValue>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let renewed = self.renewed.load(Ordering::SeqCst);
        let token = if renewed >= self.good_from { self.good.clone() } else { format!("Bearer expired-{renewed}") };
        Box::pin(async move { HeaderValue::from_str(&token).map_err(Error::authentication) })
    }

    fn refresh(&self) -> BoxFuture<'_, Result<bool>> {
        let renewed = self.renewed.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move { Ok(renewed < self.last) })
    }
}

#[tokio::test]
async fn credentials_are_refreshed_after_401() -> Outcome {
    let fixture = Fixture::new().await;
    let tokens = Tokens::new(&fixture, 1, 9);
    let client = fixture.client.with_auth(Auth::custom(tokens.clone()))?;
    let todos = fixture.todos_of(&client);
    let created = todos.create_record(Todo::new("Milk")).id("milk").await?;
    assert_eq!(fixture.plain.held(&fixture.record("milk")).await, json!({"title": "Milk", "done": false}));

    let [refused, sent] = &fixture.sent.take()[..] else { panic!("two requests") };
    assert_eq!((refused.line(), &refused.body), (sent.line(), &sent.body), "the same request again");
    assert_eq!(refused.header("authorization"), Some("Bearer expired-0"));
    assert_eq!(sent.header("authorization"), Some(tokens.good.as_str()));
    assert_eq!(sent.header("if-none-match"), Some("*"));

    todos.delete_record(&created).await?;
    assert_eq!(fixture.sent.take().len(), 1, "they are good now");
    assert_eq!(tokens.counts(), (3, 1), "asked for before every request, renewed once");
    Ok(())
}

/// A token that is asked for anew only if the one that was rejected is the current one.
#[derive(Clone, Default)]
struct Current {
    number: Arc<AtomicUsize>,
    rejected: Arc<std::sync::Mutex<Vec<String>>>,
}

impl Current {
    fn header(&self) -> HeaderValue {
        let number = self.number.load(Ordering::SeqCst);
        HeaderValue::from_str(&format!("Bearer expired-{number}")).expect("a header")
    }
}

impl CredentialProvider for Current {
    fn authorization(&self) -> BoxFuture<'_, Result<HeaderValue>> {
        Box::pin(async { Ok(self.header()) })
    }

    fn refresh_rejected<'a>(&'a self, rejected: &'a HeaderValue) -> BoxFuture<'a, Result<bool>> {
        self.rejected.lock().unwrap().push(rejected.to_str().expect("text").to_owned());
        if *rejected == self.header() {
            self.number.fetch_add(1, Ordering::SeqCst);
        }
        Box::pin(async { Ok(true) })
    }
}

#[tokio::test]
async fn refresh_is_told_which_credentials_were_rejected() -> Outcome {
    let fixture = Fixture::new().await;
    let current = Current::default();
    let client = fixture.client.with_auth(Auth::custom(current.clone()))?;
    for n in 0..2 {
        let error = fixture.todos_of(&client).get_records::<Todo>().await.unwrap_err();
        assert_eq!(predicates(&error), ["unauthorized"], "{error}");
        assert_eq!(
            *current.rejected.lock().unwrap(),
            (0..=n).map(|n| format!("Bearer expired-{n}")).collect::<Vec<_>>()
        );
    }
    Ok(())
}

#[tokio::test]
async fn credentials_are_refreshed_once_per_request() -> Outcome {
    let fixture = Fixture::new().await;
    let tokens = Tokens::new(&fixture, usize::MAX, 9);
    let client = fixture.client.with_auth(Auth::custom(tokens.clone()))?;
    let error = fixture.todos_of(&client).get_records::<Todo>().await.unwrap_err();
    assert_eq!(predicates(&error), ["unauthorized"], "{error}");
    assert_eq!(tokens.counts(), (2, 1));
    assert_eq!(fixture.sent.take().len(), 2);
    assert!(!format!("{error} {error:?}").contains("expired-"), "{error:?}");
    Ok(())
}

#[tokio::test]
async fn request_fails_with_401_when_refresh_returns_false() -> Outcome {
    let fixture = Fixture::new().await;
    let tokens = Tokens::new(&fixture, 1, 0);
    let client = fixture.client.with_auth(Auth::custom(tokens.clone()))?;
    let error = fixture.todos_of(&client).create_record(Todo::new("Milk")).await.unwrap_err();
    assert_eq!(predicates(&error), ["unauthorized"], "{error}");
    assert_eq!((tokens.counts(), fixture.sent.take().len()), ((1, 1), 1));
    assert_eq!(fixture.plain.ids(&fixture.records).await, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn failing_provider_returns_authentication_error() -> Outcome {
    struct Broken;
    impl CredentialProvider for Broken {
        fn authorization(&self) -> BoxFuture<'_, Result<HeaderValue>> {
            Box::pin(async { Err(Error::authentication("the key ring is locked")) })
        }
    }
    let fixture = Fixture::new().await;
    let client = fixture.client.with_auth(Auth::custom(Broken))?;
    let error = fixture.todos_of(&client).create_record(Todo::new("Milk")).await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::Authentication, Some("create record")), "{error}");
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "the key ring is locked");
    assert!(!error.may_have_been_applied(), "{error}");
    assert!(fixture.sent.take().is_empty());
    Ok(())
}

/// Returns a future that never completes; from here on, the clock advances whenever every task waits.
fn never<T: Send + 'static>() -> BoxFuture<'static, T> {
    tokio::time::pause();
    Box::pin(std::future::pending())
}

#[tokio::test]
async fn hanging_provider_times_out_without_doubt() -> Outcome {
    struct Silent;
    impl CredentialProvider for Silent {
        fn authorization(&self) -> BoxFuture<'_, Result<HeaderValue>> {
            never()
        }
    }
    let fixture = Fixture::new().await;
    let client = fixture.client.with_auth(Auth::custom(Silent))?;
    let create = fixture.todos_of(&client).create_record(Todo::new("Milk")).timeout(Duration::from_secs(60));
    let error = create.retry(NeverRetry).await.unwrap_err();
    assert_eq!(predicates(&error), ["timed out"], "{error}");
    assert!(error.to_string().contains("no credentials were obtained within 60 s"), "{error}");
    assert!(!error.may_have_been_applied(), "{error}");
    assert!(fixture.sent.take().is_empty());
    Ok(())
}

#[tokio::test]
async fn hanging_refresh_times_out_without_doubt() -> Outcome {
    struct Expired;
    impl CredentialProvider for Expired {
        fn authorization(&self) -> BoxFuture<'_, Result<HeaderValue>> {
            Box::pin(async { Ok(HeaderValue::from_static("Bearer expired")) })
        }

        fn refresh(&self) -> BoxFuture<'_, Result<bool>> {
            never()
        }
    }
    let fixture = Fixture::new().await;
    let client = fixture.client.with_auth(Auth::custom(Expired))?;
    let create = fixture.todos_of(&client).create_record(Todo::new("Milk")).timeout(Duration::from_secs(60));
    let error = create.retry(NeverRetry).await.unwrap_err();
    assert_eq!(predicates(&error), ["timed out"], "{error}");
    assert!(!error.may_have_been_applied(), "the server refused it: {error}");
    assert_eq!(fixture.sent.take().len(), 1);
    Ok(())
}
