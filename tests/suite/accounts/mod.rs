//! Accounts of the server's accounts plugin: passwords go there, and nothing of them ever comes back.

use kinto_client::{Client, json};
use kinto_server::{Server, unique};
use kinto_tests::{Outcome, RawClient, Recorder, TestUser};

use crate::predicates;

mod attributes;
mod refused;
mod secrecy;

use secrecy::assert_silent;

/// The shared server's address, and its administrator through a client of another make.
fn server() -> (&'static str, RawClient) {
    let url = Server::shared().expect("a server").url();
    (url, RawClient::new(url, "admin", "admin"))
}

/// A server on which whoever is not known by account is not known at all.
fn accounts_only() -> Server {
    Server::builder().setting("multiauth.policies", "account").shared().expect("a server")
}

fn anyone(url: &str) -> kinto_client::Result<Client> {
    Client::builder(url).build()
}

/// The digest that the server keeps of a password.
async fn digest(admin: &RawClient, id: &str) -> String {
    let digest = admin.object(&format!("/accounts/{id}")).await["password"].as_str().expect("a digest").to_owned();
    assert!(digest.starts_with("$2"), "it is one: {digest}");
    digest
}

#[tokio::test]
async fn account_create_stores_further_attributes() -> Outcome {
    let (url, admin) = server();
    let id = unique("alexis");
    let account = anyone(url)?.account(&id).create("p4ssw0rd").data(json!({"email": "a@example.org"})).await?;
    assert_eq!((account.id.as_str(), account.principal().as_str()), (&*id, &*format!("account:{id}")));
    assert_eq!(json!(account.data), json!({"email": "a@example.org"}));
    let mut held = admin.held(&format!("/accounts/{id}")).await;
    assert!(held["password"].take().as_str().is_some_and(|digest| !digest.contains("p4ssw0rd")));
    assert_eq!(held, json!({"email": "a@example.org", "password": null}));

    let client = Client::builder(url).auth((&id, "p4ssw0rd")).build()?;
    assert_eq!(client.user().await?.expect("I am known").id, account.principal());
    let read = client.account(&id).get().await?;
    assert_eq!(read, account);
    Ok(())
}

#[tokio::test]
async fn account_create_accepts_unusual_ids() -> Outcome {
    let (url, admin) = server();
    let id = format!("{}+x.y_z@example.org", unique("a"));
    let account = anyone(url)?.account(&id).create("pässwörd:x").await?;
    assert_eq!(account.id, id);
    assert_eq!(admin.object(&format!("/accounts/{id}")).await["id"], id);
    let client = Client::builder(url).auth((&id, "pässwörd:x")).expect_user(account.principal()).build()?;
    assert_eq!(client.account(&id).get().await?, account);
    client.account(&id).delete().await?;
    assert_eq!(admin.status(&format!("/accounts/{id}")).await, 404);
    Ok(())
}

#[tokio::test]
async fn change_password_succeeds_for_own_account() -> Outcome {
    let server = accounts_only();
    let admin = RawClient::new(server.url(), "admin", "admin");
    let person = TestUser::new(server.url(), "alexis").await;
    let account = person.client.account(&person.id);
    let path = format!("/accounts/{}", person.id);
    let old = digest(&admin, &person.id).await;
    admin.send(http::Method::PATCH, &path, Some(&json!({"data": {"email": "a@example.org"}}))).await;

    let changed = account.change_password("n3w").await?;
    assert_eq!(json!(changed.data), json!({"email": "a@example.org"}), "the rest stays");
    let sent = person.sent.take_one();
    assert_eq!(sent.line(), format!("PATCH {path}"));
    assert_eq!(sent.header("content-type"), Some("application/json"), "a JSON patch would store it in clear");
    assert_ne!(digest(&admin, &person.id).await, old);

    let new = person.client.with_auth((&person.id, "n3w"))?;
    assert_eq!(new.user().await?.expect("I am known").id, person.principal());
    assert_eq!(new.account(&person.id).get().await?, changed);
    // The server remembers one verified password of each account, which is the new one now.
    let error = account.get().await.unwrap_err();
    assert_eq!(predicates(&error), ["unauthorized"], "{error}");
    Ok(())
}

#[tokio::test]
async fn change_password_succeeds_for_administrator() -> Outcome {
    let server = accounts_only();
    let person = TestUser::new(server.url(), "alexis").await;
    let admin = Client::builder(server.url()).auth(("admin", "admin")).build()?;
    admin.account(&person.id).change_password("n3w").await?;
    // Nobody has logged in with the old one, so that the server does not remember it.
    assert_eq!(person.client.user().await?, None);
    let error = person.client.account(&person.id).get().await.unwrap_err();
    assert_eq!(predicates(&error), ["unauthorized"], "{error}");
    assert!(error.to_string().contains("an administrator") || error.to_string().contains("password"), "{error}");
    let new = person.client.with_auth((&person.id, "n3w"))?;
    assert_eq!(new.account(&person.id).get().await?.id, person.id);
    Ok(())
}

#[tokio::test]
async fn account_delete_keeps_its_objects() -> Outcome {
    let (url, admin) = server();
    let person = TestUser::new(url, "alexis").await;
    let bucket = unique("stays");
    person.client.bucket(&bucket).create().permissions(|p| p.read("account:admin")).await?;
    let tombstone = person.client.account(&person.id).delete().await?;
    assert_eq!(tombstone.id, person.id);
    assert_eq!(admin.status(&format!("/accounts/{}", person.id)).await, 404);
    assert_eq!(admin.status(&format!("/buckets/{bucket}")).await, 200);
    let gone = Client::builder(url).auth(("admin", "admin")).build()?.account(&person.id);
    for error in [
        gone.get().await.unwrap_err(),
        gone.delete().await.unwrap_err(),
        gone.change_password("n3w").await.unwrap_err(),
    ] {
        assert_eq!(predicates(&error), ["not found"], "{error}");
        assert_eq!(error.object(), Some(&*format!("/accounts/{}", person.id)));
    }
    Ok(())
}

#[tokio::test]
async fn get_accounts_returns_all_to_administrators_only() -> Outcome {
    let (url, admin) = server();
    let [one, other] = [TestUser::new(url, "alexis").await, TestUser::new(url, "niko").await];
    let own = one.client.get_accounts().await?;
    assert_eq!(own.iter().map(|account| &account.id).collect::<Vec<_>>(), [&one.id]);
    assert!(own[0].data.is_empty());

    let admin_client = Client::builder(url).auth(("admin", "admin")).build()?;
    let all = admin_client.get_accounts().await?;
    for person in [&one, &other] {
        assert!(all.iter().any(|account| account.id == person.id), "{}", person.id);
    }
    let shown = format!("{own:?}{all:?}");
    assert!(!shown.contains("$2b$") && !shown.contains(&digest(&admin, &one.id).await));
    Ok(())
}

#[tokio::test]
async fn account_of_other_user_is_protected() -> Outcome {
    let (url, admin) = server();
    let [one, other] = [TestUser::new(url, "alexis").await, TestUser::new(url, "niko").await];
    let before = admin.object(&format!("/accounts/{}", other.id)).await;
    let others = one.client.account(&other.id);
    for error in [
        others.get().await.unwrap_err(),
        others.change_password("n3w").await.unwrap_err(),
        others.delete().await.unwrap_err(),
    ] {
        assert_eq!(predicates(&error), ["forbidden"], "{error}");
        assert!(error.to_string().contains("administrator"), "{error}");
    }
    let error = others.create("n3w").await.unwrap_err();
    assert!(["refused", "forbidden", "conflict"].contains(&predicates(&error)[0]), "{error}");
    let error = anyone(url)?.get_accounts().await.unwrap_err();
    assert_eq!((predicates(&error), error.errno()), (vec!["unauthorized"], Some(999)), "{error}");
    assert_eq!(admin.object(&format!("/accounts/{}", other.id)).await, before);
    Ok(())
}

#[tokio::test]
async fn expect_user_fails_when_wrong_password_gives_other_user() -> Outcome {
    let (url, _) = server();
    let person = TestUser::new(url, "alexis").await;
    let sent = Recorder::default();
    let auth = (person.id.as_str(), "wr0ng");
    let unaware = Client::builder(url).auth(auth).build()?;
    let stranger = unaware.user().await?.expect("the server knows whoever comes").id.clone();
    assert!(stranger.as_str().starts_with("basicauth:"), "it takes the password for somebody else's: {stranger}");

    let builder = Client::builder(url).auth(auth).expect_user(person.principal());
    let client = builder.transport(sent.clone()).build()?;
    let bucket = client.bucket(unique("mine"));
    for error in [
        bucket.create().await.unwrap_err(),
        bucket.create().if_not_exists().await.unwrap_err(),
        client.get_buckets().await.unwrap_err(),
        bucket.collection("c").create_records([json!({}), json!({})]).await.unwrap_err(),
        bucket.delete_all_collections().await.unwrap_err(),
        bucket.grant(|p| p.read("system.Everyone")).await.unwrap_err(),
        client.account(&person.id).change_password("n3w").await.unwrap_err(),
        client.get_permissions().await.unwrap_err(),
    ] {
        for words in [stranger.as_str(), person.principal().as_str()] {
            assert!(error.to_string().contains(words), "{words} is not said: {error}");
        }
        assert!(!error.may_have_been_applied(), "{error}");
        assert_silent(&[error], &["wr0ng"]);
    }
    let error = client.bucket("default").get().await.unwrap_err();
    assert_eq!(predicates(&error), ["unauthorized"], "{error}");
    assert_eq!(sent.take_lines(), ["GET /"], "who it is was asked once, and nothing else was sent");

    let right = Client::builder(url).auth((&person.id, "p4ssw0rd")).expect_user(person.principal());
    let right = right.transport(sent.clone()).build()?;
    assert_eq!(right.account(&person.id).get().await?.id, person.id);
    assert_eq!(right.get_accounts().await?.len(), 1);
    assert_eq!(sent.take_lines(), ["GET /", &format!("GET /accounts/{}", person.id), "GET /accounts"]);
    Ok(())
}

#[tokio::test]
async fn expect_user_fails_when_credentials_are_unknown() -> Outcome {
    let server = accounts_only();
    let person = TestUser::new(server.url(), "alexis").await;
    let sent = Recorder::default();
    for auth in [Some((&person.id, "wr0ng")), None] {
        let mut builder = Client::builder(server.url()).expect_user(person.principal()).transport(sent.clone());
        if let Some(auth) = auth {
            builder = builder.auth(auth);
        }
        let error = builder.build()?.bucket("default").get().await.unwrap_err();
        assert_eq!(predicates(&error), ["unauthorized"], "{error}");
        assert!(error.to_string().contains(person.principal().as_str()), "{error}");
        assert_eq!(sent.take_lines(), ["GET /"]);
    }
    Ok(())
}
