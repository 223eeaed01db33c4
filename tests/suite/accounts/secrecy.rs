//! Secrecy of passwords and of their digests on the server, which must not show anywhere.

use kinto_client::{Client, Error, json};
use kinto_server::unique;
use kinto_tests::{Fault, Outcome, Proxy, TestUser, shown};

use super::{anyone, digest, server};
use crate::predicates;

pub(super) fn assert_silent(errors: &[Error], secrets: &[&str]) {
    let says = |error: &&Error| secrets.iter().any(|secret| shown(error).contains(secret));
    let leaks: Vec<&Error> = errors.iter().filter(says).collect();
    assert!(leaks.is_empty(), "{leaks:#?}");
}

#[tokio::test]
async fn account_create_error_hides_existing_account() -> Outcome {
    let (url, admin) = server();
    let person = TestUser::new(url, "alexis").await;
    let path = format!("/accounts/{}", person.id);
    let before = admin.object(&path).await;
    let digest = digest(&admin, &person.id).await;

    let administrator = Client::builder(url).auth(("admin", "admin")).build()?;
    for client in [&person.client, &administrator, &anyone(url)?] {
        let error = client.account(&person.id).create("n3w-s3cr3t").await.unwrap_err();
        assert_eq!((predicates(&error), error.errno()), (vec!["conflict"], Some(114)), "{error}");
        assert_silent(&[error], &[&digest, "$2b$", "n3w-s3cr3t"]);
    }
    assert_eq!(admin.object(&path).await, before);
    Ok(())
}

#[tokio::test]
async fn batch_creates_accounts() -> Outcome {
    let (url, admin) = server();
    let taken = TestUser::new(url, "alexis").await;
    let digest = digest(&admin, &taken.id).await;
    let client = Client::builder(url).auth(("admin", "admin")).build()?;
    let mut ids: Vec<String> = (0..3).map(|n| unique(&format!("many{n}"))).collect();
    ids.push(taken.id.clone());
    let mut batch = client.batch();
    let tickets = batch.extend(ids.iter().map(|id| client.account(id).create("s3cr3t")));
    for explanation in batch.preview()? {
        assert!(!format!("{explanation} {explanation:?} {:?}", explanation.body()).contains("s3cr3t"));
    }
    assert!(!format!("{batch:?}").contains("s3cr3t"));
    let done = batch.execute().await?;

    for (id, ticket) in ids.iter().zip(&tickets).take(3) {
        assert_eq!(done.get(ticket)?.id, *id);
        let login = client.with_auth((id, "s3cr3t"))?;
        assert_eq!(login.user().await?.expect("known").id, format!("account:{id}").as_str());
    }
    let error = done.get(&tickets[3]).unwrap_err();
    assert_eq!(predicates(&error), ["conflict"], "{error}");
    assert!(!format!("{done:?}").contains("$2b$"), "{done:?}");
    assert_silent(&[error], &[&digest, "$2b$", "s3cr3t"]);
    Ok(())
}

#[tokio::test]
async fn account_errors_hide_digest_when_response_is_malformed() -> Outcome {
    let (url, admin) = server();
    let person = TestUser::new(url, "alexis").await;
    let digest = digest(&admin, &person.id).await;
    let edits: [(&str, &str); 4] =
        [("\"data\"", "\"date\""), ("\"id\"", "\"ie\""), ("\"last_modified\"", "\"lastxmodified\""), ("{", "[")];
    let mut errors = Vec::new();
    for (from, to) in edits {
        let proxy = Proxy::start(url, move |_| Fault::replace(from, to)).await;
        let client = Client::builder(proxy.url()).auth((&person.id, "p4ssw0rd")).build()?;
        let account = client.account(&person.id);
        errors.push(account.get().await.unwrap_err());
        errors.push(account.change_password("p4ssw0rd").await.unwrap_err());
        errors.push(client.get_accounts().await.unwrap_err());
    }
    assert_silent(&errors, &["$2b$", &digest[..digest.len() / 2], "p4ssw0rd"]);
    Ok(())
}

#[tokio::test]
async fn account_error_hides_refusal_that_quotes_account() -> Outcome {
    let secret = "$2b$12$0123456789012345678901";
    let body = json!({
        "code": 412, "errno": 114, "error": "Precondition Failed", "message": "Resource was modified meanwhile",
        "details": {"existing": {"id": "alexis", "last_modified": 1, "password": secret}},
    });
    let mut errors = Vec::new();
    for body in [body.to_string(), body["details"].to_string(), format!("<html>{secret}</html>")] {
        let proxy = Proxy::instead(move |_| Fault::answer(412, &["Content-Type: application/json"], &body)).await;
        let client = anyone(proxy.url())?;
        let account = client.account("alexis");
        errors.push(account.create("p4ssw0rd").await.unwrap_err());
        errors.push(account.get().await.unwrap_err());
        errors.push(account.change_password("p4ssw0rd").await.unwrap_err());
        errors.push(account.delete().await.unwrap_err());
        errors.push(client.get_accounts().await.unwrap_err());
    }
    assert_silent(&errors, &[secret, "p4ssw0rd"]);
    Ok(())
}

#[tokio::test]
async fn unsent_account_call_hides_password() -> Outcome {
    let account = anyone("http://localhost:1/v1")?.account("alexis");
    let create = account.create("s3cr3t").data(json!({"email": "a@example.org"}));
    let change = account.change_password("s3cr3t");
    for (explanation, method) in [(create.preview()?, "PUT"), (change.preview()?, "PATCH")] {
        assert_eq!(explanation.method().map(http::Method::as_str), Some(method));
        assert_eq!((explanation.target().as_deref(), explanation.body()), (Some("/accounts/alexis"), None));
        assert!(!format!("{explanation} {explanation:?} {explanation:#?}").contains("s3cr3t"));
        assert!(explanation.to_string().contains("a password"), "{explanation}");
    }
    assert!(!format!("{create:?} {change:?} {create:#?} {change:#?}").contains("s3cr3t"));
    assert!(format!("{create:?}").contains("alexis"));
    Ok(())
}
