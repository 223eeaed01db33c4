//! Invalid data, which is rejected before anything is sent, by a message with its place, and without a loss.

use kinto_client::{Client, Error, ErrorKind};
use kinto_tests::{Fixture, Outcome};

use crate::{Todo, predicates};

mod data;
mod ids;

/// Asserts that this is the caller's mistake, that it is named, and that nothing was sent.
fn assert_refused(fixture: &Fixture, error: &Error, named: &[&str]) {
    assert_eq!((error.kind(), predicates(error)), (ErrorKind::Invalid, vec!["invalid"]), "{error}");
    for offender in named {
        assert!(error.to_string().contains(offender), "{offender} is not named: {error}");
    }
    assert!(!error.may_have_been_applied() && error.status().is_none(), "{error}");
    let sent = fixture.sent.take();
    assert!(sent.is_empty(), "{error}, and yet this was sent: {sent:#?}");
}

#[tokio::test]
async fn permissions_reject_invalid_principals() -> Outcome {
    let fixture = Fixture::new().await;
    let mut record = fixture.todos.create_record(Todo::new("Milk")).id("milk").await?;
    fixture.sent.forget();
    for (principal, reason) in [("", "empty"), ("a\0b", "NUL"), ("/buckets/default/groups/friends", "`default`")] {
        let named = [&format!("{principal:?}"), reason];
        let error =
            fixture.todos.create_record(Todo::new("Eggs")).permissions(|p| p.read(principal)).await.unwrap_err();
        assert_refused(&fixture, &error, &named);
        let error = fixture.bucket.create_collection("new").permissions(|p| p.write([principal])).await.unwrap_err();
        assert_refused(&fixture, &error, &named);
        let before = record.permissions.clone();
        record.permissions.edit()?.read.insert(principal.into());
        let error = fixture.todos.save_record(&mut record).await.unwrap_err();
        assert_refused(&fixture, &error, &named);
        record.permissions = before;
    }
    assert_eq!(fixture.plain.ids(&fixture.records).await, ["milk"]);
    Ok(())
}

#[test]
fn builder_rejects_invalid_urls() {
    for (url, reason) in [
        ("", "not a URL"),
        ("kinto.example.org/v1", "not a URL"),
        ("ftp://kinto.example.org/v1", "scheme"),
        ("https://kinto.example.org", "`/v1`"),
        ("https://kinto.example.org/", "`/v1`"),
        ("https://kinto.example.org/buckets", "`/v1`"),
        ("https://kinto.example.org/v2", "`v1`"),
        ("https://kinto.example.org/v1?a=b", "query"),
        ("https://kinto.example.org/v1#a", "fragment"),
        ("https://:80:80/v1", "not a URL"),
    ] {
        let error = Client::builder(url).build().unwrap_err();
        assert_eq!(predicates(&error), ["invalid"], "{url}: {error}");
        assert!(
            error.to_string().contains(reason)
                && error.to_string().contains(&format!("{:?}", url.split(['?', '#']).next().unwrap())),
            "{url}: {error}"
        );
    }
    let kept = Client::builder("https://Kinto.Example.org:443/kinto/v1/").build().unwrap();
    assert_eq!(kept.url(), "https://kinto.example.org/kinto/v1");
}

#[test]
fn builder_rejects_unsendable_headers_and_credentials() {
    let builder = || Client::builder("https://kinto.example.org/v1");
    for (error, named) in [
        (builder().header("two words", "x").build(), "two words"),
        (builder().header("x-a", "new\nline").build(), "x-a"),
        (builder().user_agent("new\nline").build(), "user-agent"),
        (builder().header("Authorization", "Basic x").build(), "authorization"),
        (builder().auth(("alexis:", "password")).build(), "colon"),
        (Client::builder("http://kinto.example.org/v1").auth(("alexis", "password")).build(), "without encryption"),
    ] {
        let error = error.unwrap_err();
        assert_eq!(predicates(&error), ["invalid"], "{error}");
        assert!(error.to_string().contains(named), "{error}");
    }
}
