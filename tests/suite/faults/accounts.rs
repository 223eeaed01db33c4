//! Faults of requests for accounts, whose password must be neither lost nor set twice.

use http::Method;
use kinto_client::{Client, Result, account::Account, json};
use kinto_server::{Server, unique};
use kinto_tests::{Fault, Outcome, Proxy, RawClient, TestUser, in_order};

use super::Tries;
use crate::predicates;

#[derive(Clone, Copy, Debug)]
enum Deed {
    Create,
    ChangePassword,
    Delete,
}

const DEEDS: [(Deed, Method); 3] =
    [(Deed::Create, Method::PUT), (Deed::ChangePassword, Method::PATCH), (Deed::Delete, Method::DELETE)];

impl Deed {
    async fn run(self, account: &Account) -> Result<()> {
        match self {
            Self::Create => account.create("n3w").await.map(drop),
            Self::ChangePassword => account.change_password("n3w").await.map(drop),
            Self::Delete => account.delete().await.map(drop),
        }
    }

    async fn is_done(self, url: &str, id: &str) -> bool {
        let path = format!("/accounts/{id}");
        match self {
            Self::Create | Self::ChangePassword => RawClient::new(url, id, "n3w").status(&path).await == 200,
            Self::Delete => RawClient::new(url, "admin", "admin").status(&path).await == 404,
        }
    }

    /// Does it through a proxy whose first answer is that fault: what came of it, what was sent, and whether the server
    /// has done it.
    async fn meets(self, fault: Fault) -> (Result<()>, Vec<String>, bool) {
        let url = Server::shared().expect("a server").url();
        let proxy = Proxy::start(url, in_order([fault])).await;
        let (id, builder) = if matches!(self, Self::Create) {
            (unique("new"), Client::builder(proxy.url()))
        } else {
            let person = TestUser::new(url, "alexis").await;
            let builder = person.client_at(proxy.url());
            (person.id, builder)
        };
        let client = builder.retry(Tries(3)).build().expect("a client");
        let outcome = self.run(&client.account(&id)).await;
        let mut lines = proxy.lines();
        // Whether the server has accounts at all is asked where it refuses.
        lines.retain(|line| line != "GET /");
        let lines = lines.iter().map(|line| line.replace(&id, "ID")).collect();
        (outcome, lines, self.is_done(url, &id).await)
    }
}

#[tokio::test]
async fn account_request_is_not_retried_when_it_may_have_been_applied() -> Outcome {
    let faults: [(fn() -> Fault, bool); 5] = [
        (|| Fault::CutBefore, false),
        (|| Fault::CutAfter, true),
        (|| Fault::Truncate(9), true),
        (|| Fault::answer(502, &[], "<html>"), false),
        (|| Fault::answer_instead(503, &[], ""), true),
    ];
    for (deed, method) in DEEDS {
        for (fault, done) in faults {
            let (outcome, lines, is_done) = deed.meets(fault()).await;
            let error = outcome.expect_err("nobody knows");
            assert!(error.may_have_been_applied(), "{deed:?}: {error}");
            assert_eq!((lines, is_done), (vec![format!("{method} /accounts/ID")], done), "{deed:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn account_request_is_retried_when_it_was_not_applied() -> Outcome {
    for (deed, method) in DEEDS {
        let (outcome, lines, is_done) = deed.meets(Fault::answer(429, &["Retry-After: 0"], "")).await;
        outcome?;
        assert_eq!((lines, is_done), (vec![format!("{method} /accounts/ID"); 2], true), "{deed:?}");
    }
    Ok(())
}

/// A proxy may send PUT and DELETE twice, and the refusal of the second comes back.
#[tokio::test]
async fn account_request_that_a_proxy_sends_twice_is_in_doubt() -> Outcome {
    for (deed, predicate, hint) in
        [(Deed::Create, "conflict", "log in with the password"), (Deed::Delete, "forbidden", "arrived twice")]
    {
        let (outcome, lines, is_done) = deed.meets(Fault::Twice).await;
        let error = outcome.expect_err("the second was refused");
        assert_eq!((predicates(&error), error.may_have_been_applied()), (vec![predicate], true), "{error}");
        assert!(error.to_string().contains(hint), "{error}");
        assert!(!format!("{error} {error:?}").contains("$2b$"), "{error}");
        assert!(is_done, "{deed:?}: {lines:?}");
    }
    Ok(())
}

#[tokio::test]
async fn refusal_for_another_account_is_no_doubt() -> Outcome {
    let url = Server::shared()?.url();
    let (person, other) = (TestUser::new(url, "alexis").await, TestUser::new(url, "niko").await);
    let error = other.client.account(&other.id).create("n3w").await.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["conflict"], true), "{error}");
    let error = other.client.account(&other.id).create("n3w").data(json!({"nickname": "n"})).await.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["conflict"], false), "{error}");

    let account = person.client.account(&person.id);
    account.delete().await?;
    let error = account.delete().await.unwrap_err();
    assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["forbidden"], false), "{error}");
    Ok(())
}
