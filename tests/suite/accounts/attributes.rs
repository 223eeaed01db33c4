//! Attributes of accounts beside the password.

use kinto_client::{Client, json};
use kinto_server::unique;
use kinto_tests::{Fault, Outcome, Proxy, TestUser, in_order};
use serde::{Deserialize, Serialize};

use super::{anyone, digest, secrecy::assert_silent, server};
use crate::predicates;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Profile {
    email: String,
    #[serde(default)]
    nickname: Option<String>,
    #[serde(default)]
    address: Option<Address>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Address {
    city: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    zip: Option<u32>,
}

fn profile(city: &str, zip: Option<u32>) -> Profile {
    let address = Some(Address { city: city.to_owned(), zip });
    Profile { email: "a@example.org".to_owned(), nickname: None, address }
}

#[tokio::test]
async fn account_patch_sets_attributes_and_keeps_the_others() -> Outcome {
    let (url, admin) = server();
    let user = TestUser::new(url, "alexis").await;
    let (account, path) = (user.client.account(&user.id), format!("/accounts/{}", user.id));
    let digest = digest(&admin, &user.id).await;
    account.patch(json!({"email": "a@example.org", "n": null, "address": {"city": "Bern", "zip": 3000}})).await?;
    let patched = account.patch(json!({"email": "b@example.org", "address": {"city": "Basel"}})).await?;
    assert_eq!(json!(patched.data), json!({"email": "b@example.org", "n": null, "address": {"city": "Basel"}}));
    let mut held = admin.held(&path).await;
    assert_eq!(held["password"].take(), json!(digest), "the password is the same");
    assert_eq!(held, json!({"password": null, "email": "b@example.org", "n": null, "address": {"city": "Basel"}}));
    for sent in user.sent.take() {
        assert_eq!((sent.line(), sent.header("content-type")), (format!("PATCH {path}"), Some("application/json")));
    }
    assert_eq!(account.get().await?, patched);
    Ok(())
}

#[tokio::test]
async fn account_merge_patch_removes_attributes() -> Outcome {
    let (url, admin) = server();
    let user = TestUser::new(url, "alexis").await;
    let account = user.client.account(&user.id);
    let digest = digest(&admin, &user.id).await;
    account.patch(json!({"email": "a@example.org", "address": {"city": "Bern", "zip": 3000}})).await?;
    user.sent.forget();
    let patched = account.merge_patch(json!({"email": null, "address": {"zip": null, "street": "A"}})).await?;
    assert_eq!(json!(patched.data), json!({"address": {"city": "Bern", "street": "A"}}));
    assert_eq!(user.sent.take_one().header("content-type"), Some("application/merge-patch+json"));
    assert_eq!(admin.held(&format!("/accounts/{}", user.id)).await["password"], json!(digest));
    assert_eq!(user.client.account(&user.id).get().await?, patched, "the password is still good");
    Ok(())
}

#[tokio::test]
async fn account_replace_stores_exactly_the_type() -> Outcome {
    let (url, _) = server();
    let user = TestUser::new(url, "alexis").await;
    let account = user.client.account(&user.id);
    account.patch(json!({"old": 1, "address": {"city": "Bern", "zip": 3000, "old": 2}})).await?;
    user.sent.forget();
    for (new, requests) in [(profile("Bern", Some(3000)), 2), (profile("Basel", None), 2), (profile("Basel", None), 1)]
    {
        let replaced = account.replace(&new).await?;
        assert_eq!(user.sent.take().len(), requests, "nothing is sent where nothing differs");
        assert_eq!(replaced.parse::<Profile>()?, new);
        let mut expected = json!(new);
        expected.as_object_mut().expect("an object").remove("nickname");
        assert_eq!(json!(replaced.data), expected, "null is not there");
        assert_eq!(account.get().await?, replaced);
        user.sent.forget();
    }
    assert!(account.replace(json!({})).await?.data.is_empty());
    Ok(())
}

#[tokio::test]
async fn account_replace_by_administrator_keeps_permissions_and_password() -> Outcome {
    let (url, admin) = server();
    let user = TestUser::new(url, "alexis").await;
    let path = format!("/accounts/{}", user.id);
    user.plain.send(http::Method::PATCH, &path, Some(&json!({"permissions": {"read": ["account:niko"]}}))).await;
    let (digest, permissions) = (digest(&admin, &user.id).await, user.plain.permissions(&path).await);
    let administrator = Client::builder(url).auth(("admin", "admin")).build()?;
    administrator.account(&user.id).replace(json!({"email": "a@example.org"})).await?;
    administrator.account(&user.id).patch(json!({"level": 3})).await?;
    assert_eq!(user.plain.permissions(&path).await, permissions);
    assert_eq!(admin.held(&path).await, json!({"password": digest, "email": "a@example.org", "level": 3}));
    Ok(())
}

#[tokio::test]
async fn account_change_of_reserved_attribute_sends_nothing() -> Outcome {
    let (url, admin) = server();
    let user = TestUser::new(url, "alexis").await;
    let account = user.client.account(&user.id);
    let digest = digest(&admin, &user.id).await;
    for key in ["password", "id", "last_modified", "__permissions__"] {
        let data = json!({"email": "a@example.org", key: "s3cr3t"});
        for error in [
            account.patch(&data).await.unwrap_err(),
            account.merge_patch(&data).await.unwrap_err(),
            account.replace(&data).await.unwrap_err(),
            account.patch(&data).preview().unwrap_err(),
            account.replace(&data).preview().unwrap_err(),
        ] {
            assert_eq!(predicates(&error), ["invalid"], "{error}");
            assert!(error.to_string().contains(key), "{error}");
            assert_silent(&[error], &["s3cr3t"]);
        }
    }
    for error in [
        account.patch("text").await.unwrap_err(),
        account.replace([1]).await.unwrap_err(),
        user.client.account("a b").patch(json!({})).await.unwrap_err(),
    ] {
        assert_eq!(predicates(&error), ["invalid"], "{error}");
    }
    assert!(user.sent.take().is_empty());
    assert_eq!(admin.held(&format!("/accounts/{}", user.id)).await, json!({"password": digest}));
    Ok(())
}

#[tokio::test]
async fn account_change_of_old_version_is_a_conflict_without_digest() -> Outcome {
    let (url, admin) = server();
    let user = TestUser::new(url, "alexis").await;
    let account = user.client.account(&user.id);
    let read = account.get().await?;
    let digest = digest(&admin, &user.id).await;
    let theirs = account.patch(json!({"email": "theirs@example.org"})).if_match(read.last_modified).await?;
    let old = read.last_modified;
    for error in [
        account.patch(json!({"email": "mine"})).if_match(old).await.unwrap_err(),
        account.merge_patch(json!({"email": "mine"})).if_match(old).await.unwrap_err(),
        account.replace(json!({"email": "mine"})).if_match(old).await.unwrap_err(),
    ] {
        assert_eq!(predicates(&error), ["conflict"], "{error}");
        assert_silent(&[error], &[&digest, "$2b$"]);
    }
    assert_eq!(account.get().await?, theirs);
    account.replace(json!({"email": "mine"})).if_match(theirs.last_modified).await?;
    Ok(())
}

#[tokio::test]
async fn account_replace_is_guarded_against_changes_meanwhile() -> Outcome {
    let (url, admin) = server();
    let user = TestUser::new(url, "alexis").await;
    let path = format!("/accounts/{}", user.id);
    let (gate, changed) = (kinto_tests::Gate::default(), json!({"data": {"email": "theirs"}}));
    let proxy = Proxy::start(url, in_order([Fault::HoldAnswer(gate.clone())])).await;
    let account = user.client_at(proxy.url()).build()?.account(&user.id);
    let replace = account.replace(json!({"email": "mine"})).into_future();
    let meanwhile = async {
        admin.send(http::Method::PATCH, &path, Some(&changed)).await;
    };
    let error = gate.overtake(replace, meanwhile).await.unwrap_err();
    assert_eq!(predicates(&error), ["conflict"], "{error}");
    assert_silent(&[error], &["$2b$"]);
    assert_eq!(admin.held(&path).await["email"], "theirs");
    Ok(())
}

#[tokio::test]
async fn account_attributes_that_do_not_fit_are_a_decode_error() -> Outcome {
    let (url, _) = server();
    let id = unique("alexis");
    let account =
        anyone(url)?.account(&id).create("p4ssw0rd").data(json!({"email": "a", "address": {"city": 3}})).await?;
    let error = account.parse::<Profile>().unwrap_err();
    assert_eq!((predicates(&error), error.field()), (vec!["decode"], Some("address.city")), "{error}");
    assert_eq!(error.record_id(), Some(id.as_str()));
    let account = account.parse::<kinto_client::JsonObject>()?;
    assert_eq!(account["email"], "a");
    Ok(())
}

#[tokio::test]
async fn account_patches_are_sent_in_batches() -> Outcome {
    let (url, admin) = server();
    let administrator = Client::builder(url).auth(("admin", "admin")).build()?;
    let users = [TestUser::new(url, "alexis").await, TestUser::new(url, "niko").await];
    let mut batch = administrator.batch();
    let patches = users.iter().map(|user| administrator.account(&user.id).patch(json!({"level": user.id})));
    let tickets = batch.extend(patches);
    let done = batch.execute().await?;
    for (user, ticket) in users.iter().zip(&tickets) {
        assert_eq!(done.get(ticket)?.data["level"], json!(user.id));
        assert_eq!(admin.held(&format!("/accounts/{}", user.id)).await["level"], json!(user.id));
    }
    assert!(!format!("{done:?}").contains("$2b$"));
    Ok(())
}
