//! Credentials that the server does not accept: no records are found by them, and nothing is stored under nobody's name.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use futures_util::future::BoxFuture;
use kinto_client::{
    Auth, Client, Collection, Error, Result, Value, auth::CredentialProvider, http::HeaderValue, json, local::Store,
    testing::Kinto,
};
use kinto_server::Server;
use kinto_tests::{Outcome, TestUser};
use rusqlite::Connection;

use crate::file::folder;

/// A server that knows accounts only, and the client of somebody with one.
async fn server() -> (Kinto, Client) {
    let kinto = Kinto::builder().basic_auth(false).build();
    let anyone = kinto.client_builder().build().unwrap();
    anyone.account("alexis").create("p4ssw0rd").await.unwrap();
    let client = kinto.client_as(("alexis", "p4ssw0rd"));
    (kinto, client)
}

fn notes(client: &Client) -> Collection {
    client.bucket("default").collection("notes")
}

fn rejected(user: &str) -> [Auth; 4] {
    [
        (user, "old password").into(),
        Auth::bearer("expired"),
        Auth::header("Portier expired"),
        Auth::custom(Expiring { is_new: AtomicBool::new(false), new: None }),
    ]
}

/// Credentials whose token has expired, and that are refreshed if there are new ones.
struct Expiring {
    is_new: AtomicBool,
    new: Option<HeaderValue>,
}

impl CredentialProvider for Expiring {
    fn authorization(&self) -> BoxFuture<'_, Result<HeaderValue>> {
        let new = self.new.clone().filter(|_| self.is_new.load(Ordering::SeqCst));
        Box::pin(async { Ok(new.unwrap_or(HeaderValue::from_static("Bearer expired"))) })
    }

    fn refresh(&self) -> BoxFuture<'_, Result<bool>> {
        self.is_new.store(true, Ordering::SeqCst);
        Box::pin(async { Ok(self.new.is_some()) })
    }
}

/// The users and collections of a file, and the number of its records.
fn content(path: &Path) -> (Vec<(String, String)>, i64) {
    let file = Connection::open(path).unwrap();
    let mut statement = file.prepare("SELECT user, id FROM collection ORDER BY number").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let rows = rows.collect::<rusqlite::Result<_>>().unwrap();
    (rows, file.query_row("SELECT count(*) FROM record", [], |row| row.get(0)).unwrap())
}

fn assert_not_accepted(error: &Error) {
    assert!(error.is_unauthorized(), "{error:?}");
    assert!(error.to_string().contains("did not accept the credentials"), "{error}");
}

#[tokio::test]
async fn rejected_credentials_find_no_records_and_change_nothing_in_the_file() -> Outcome {
    let (kinto, right) = server().await;
    let path = folder().join("notes.db");
    let store = Store::open(&path).await?;
    let found = store.bind::<Value>(&notes(&right)).await?;
    found.create_record(json!({"text": "Milk"})).await?;
    let before = content(&path);
    for auth in rejected("alexis") {
        let client = kinto.client_as(auth);
        // The second time it is known what the server says.
        for _ in 0..2 {
            assert_not_accepted(&store.bind::<Value>(&notes(&client)).await.unwrap_err());
        }
        let empty = Store::in_memory().await?;
        assert_not_accepted(&empty.bind::<Value>(&notes(&client)).await.unwrap_err());
    }
    assert_eq!(content(&path), before);

    kinto.refuse_next(1);
    let offline = store.bind::<Value>(&notes(&kinto.client_as(("alexis", "p4ssw0rd")))).await?;
    assert_eq!((kinto.pending_faults(), offline.get_records().count().await?), (0, 1));
    Ok(())
}

#[tokio::test]
async fn real_server_rejects_credentials_and_no_records_are_found() -> Outcome {
    let server = Server::builder().setting("multiauth.policies", "account").shared()?;
    let person = TestUser::new(server.url(), "alexis").await;
    let path = folder().join("notes.db");
    let store = Store::open(&path).await?;
    store.bind::<Value>(&notes(&person.client)).await?.create_record(json!({"text": "Milk"})).await?;
    let before = content(&path);
    for auth in rejected(&person.id) {
        let client = Client::builder(server.url()).auth(auth).build()?;
        assert_not_accepted(&store.bind::<Value>(&notes(&client)).await.unwrap_err());
    }
    assert_eq!(content(&path), before);

    let anyone = Client::builder(server.url()).build()?;
    let of_nobody = store.bind::<Value>(&notes(&anyone)).await?;
    of_nobody.create_record(json!({"text": "Tea"})).await?;
    assert_eq!(of_nobody.get_records().count().await?, 1);
    Ok(())
}

/// A synchronization sends nothing either, with any expected user.
#[tokio::test]
async fn rejected_credentials_synchronize_nothing() -> Outcome {
    let (kinto, right) = server().await;
    let user = right.user().await?.unwrap().id.clone();
    let store = Store::in_memory().await?;
    let wrong = kinto.client_builder().auth(("alexis", "old password")).expect_user(user).build()?;
    let found = store.bind::<Value>(&notes(&wrong)).await?;
    found.create_record(json!({"text": "Milk"})).await?;
    let tasks = store.bind::<Value>(&wrong.bucket("default").collection("tasks")).await?;
    kinto.clear_requests();
    assert_not_accepted(&found.sync().await.unwrap_err());
    for result in store.sync_all([found.sync(), tasks.sync()]).await {
        assert_not_accepted(&result.unwrap_err());
    }
    assert!(kinto.requests().iter().all(|request| request.line() == "GET /"));
    assert_eq!(found.status().await?.to_create, 1);
    assert_eq!(store.bind::<Value>(&notes(&right)).await?.sync().await?.sent, 1);
    Ok(())
}

/// The server information comes without a 401, after which other requests refresh credentials.
#[tokio::test]
async fn expired_credentials_are_refreshed_before_the_records_are_found() -> Outcome {
    let (kinto, right) = server().await;
    let user = right.user().await?.unwrap().id.clone();
    let new = Some(HeaderValue::from_static("Basic YWxleGlzOnA0c3N3MHJk"));
    let store = Store::in_memory().await?;
    store.bind::<Value>(&notes(&right)).await?.create_record(json!({"text": "Milk"})).await?;
    for expected in [None, Some(user)] {
        let mut builder =
            kinto.client_builder().auth(Auth::custom(Expiring { is_new: false.into(), new: new.clone() }));
        if let Some(user) = expected {
            builder = builder.expect_user(user);
        }
        let found = store.bind::<Value>(&notes(&builder.build()?)).await?;
        found.patch_record(&found.get_records().await?[0].id, json!({"n": 1})).await?;
        kinto.clear_requests();
        found.sync().await?;
        let stored = notes(&right).get_records::<Value>().await?;
        assert_eq!((stored.len(), &stored[0].data), (1, &json!({"text": "Milk", "n": 1})));
    }
    Ok(())
}

/// An account that is created after the server was first asked.
#[tokio::test]
async fn credentials_that_are_accepted_later_find_the_records() -> Outcome {
    let (kinto, right) = server().await;
    let store = Store::in_memory().await?;
    let client = kinto.client_as(("remy", "s3cr3t"));
    assert_not_accepted(&store.bind::<Value>(&notes(&client)).await.unwrap_err());
    right.account("remy").create("s3cr3t").await.unwrap_err();
    kinto.client_builder().build()?.account("remy").create("s3cr3t").await?;
    let found = store.bind::<Value>(&notes(&client)).await?;
    found.create_record(json!({"text": "Milk"})).await?;
    kinto.clear_requests();
    assert_eq!(found.sync().await?.sent, 1);
    let asked = kinto.requests().iter().filter(|request| request.line() == "GET /").count();
    assert_eq!(asked, 0, "it is known by then");
    Ok(())
}

/// Records of nobody are those of clients without credentials, also offline.
#[tokio::test]
async fn records_of_nobody_are_not_those_of_who_logs_in() -> Outcome {
    let (kinto, right) = server().await;
    let store = Store::in_memory().await?;
    let anyone = kinto.client_builder().build()?;
    store.bind::<Value>(&notes(&anyone)).await?.create_record(json!({"text": "Tea"})).await?;
    kinto.refuse_next(1);
    let error = store.bind::<Value>(&notes(&kinto.client_as(("alexis", "p4ssw0rd")))).await.unwrap_err();
    assert!(error.is_connect() && error.to_string().contains("expect_user"), "{error}");
    store.bind::<Value>(&notes(&right)).await?.create_record(json!({"text": "Milk"})).await?;
    kinto.refuse_next(1);
    let offline = store.bind::<Value>(&notes(&kinto.client_as(("alexis", "p4ssw0rd")))).await?;
    assert_eq!(offline.get_records().await?[0].data, json!({"text": "Milk"}));
    Ok(())
}
