//! Invalid accounts, which are rejected before anything is sent.

use kinto_client::{Client, json};
use kinto_server::unique;
use kinto_tests::{Outcome, Recorder, TestUser};

use super::{anyone, server};
use crate::predicates;

#[tokio::test]
async fn account_call_rejects_invalid_id() -> Outcome {
    let (url, _) = server();
    let sent = Recorder::default();
    let client = Client::builder(url).auth(("admin", "admin")).transport(sent.clone()).build()?;
    for id in ["", " ", "@a", "-a", "a b", "a/b", "a/../admin", "..", "a?x", "a#x", "a%2Fb", "a\n", "a\0", "é", "a:b"]
    {
        let account = client.account(id);
        for error in [
            account.create("p4ssw0rd").await.unwrap_err(),
            account.get().await.unwrap_err(),
            account.change_password("p4ssw0rd").await.unwrap_err(),
            account.delete().await.unwrap_err(),
        ] {
            assert_eq!(predicates(&error), ["invalid"], "{error}");
            assert!(error.to_string().contains(&format!("{id:?} cannot be the id of an account")), "{error}");
        }
    }
    assert!(sent.take().is_empty());
    Ok(())
}

#[tokio::test]
async fn account_call_rejects_invalid_password() -> Outcome {
    let (url, admin) = server();
    let person = TestUser::new(url, "alexis").await;
    let new = unique("new");
    let (long, wide) = ("x".repeat(73), "é".repeat(37));
    for (password, reason) in [("", "empty"), (&long, "72 bytes"), (&wide, "72 bytes"), ("s3cr3t\0", "NUL")] {
        for error in [
            person.client.account(&new).create(password).await.unwrap_err(),
            person.client.account(&person.id).change_password(password).await.unwrap_err(),
            person.client.account(&new).create(password).preview().unwrap_err(),
        ] {
            assert_eq!(predicates(&error), ["invalid"], "{error}");
            assert!(error.to_string().contains(reason), "{reason} is not said: {error}");
            assert!(password.is_empty() || !format!("{error} {error:?}").contains(password));
        }
    }
    assert!(person.sent.take().is_empty());
    assert_eq!(admin.status(&format!("/accounts/{new}")).await, 404);

    let longest = "é".repeat(36);
    anyone(url)?.account(&new).create(&longest).await?;
    let client = Client::builder(url).auth((&new, &longest)).expect_user(format!("account:{new}")).build()?;
    client.account(&new).get().await?;
    Ok(())
}

#[tokio::test]
async fn account_create_rejects_reserved_attributes() -> Outcome {
    let (url, admin) = server();
    let sent = Recorder::default();
    let client = Client::builder(url).transport(sent.clone()).build()?;
    let new = unique("new");
    for data in [json!({"password": "x"}), json!({"id": "x"}), json!({"last_modified": 1}), json!("text"), json!(null)]
    {
        let error = client.account(&new).create("p4ssw0rd").data(&data).await.unwrap_err();
        assert_eq!(predicates(&error), ["invalid"], "{error}");
        if let Some(key) = data.as_object().and_then(|data| data.keys().next()) {
            assert!(error.to_string().contains(&format!("`{key}`")), "{error}");
        }
    }
    assert!(sent.take().is_empty());
    assert_eq!(admin.status(&format!("/accounts/{new}")).await, 404);
    Ok(())
}

#[tokio::test]
async fn account_of_somebody_else_is_refused_with_a_hint() -> Outcome {
    let (url, admin) = server();
    let (person, other) = (TestUser::new(url, "alexis").await, unique("other"));
    let error = person.client.account(&other).create("p4ssw0rd").await.unwrap_err();
    assert_eq!(predicates(&error), ["refused"], "{error}");
    assert!(error.to_string().contains("the client has the credentials of another account"), "{error}");
    assert_eq!(admin.status(&format!("/accounts/{other}")).await, 404);
    Ok(())
}
