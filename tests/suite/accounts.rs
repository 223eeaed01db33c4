//! Accounts of the server's accounts plugin: passwords go there, and nothing of them ever comes back.

use kinto_client::{Client, Error, json};
use kinto_server::{Server, unique};
use kinto_tests::{Fault, Outcome, Person, Plain, Proxy, Recorder, shown};

use crate::predicates;

/// The shared server's address, and its administrator through a client of another make.
fn server() -> (&'static str, Plain) {
    let url = Server::shared().expect("a server").url();
    (url, Plain::new(url, "admin", "admin"))
}

/// A server on which whoever is not known by account is not known at all.
fn accounts_only() -> Server {
    Server::builder().setting("multiauth.policies", "account").shared().expect("a server")
}

fn anyone(url: &str) -> kinto_client::Result<Client> {
    Client::builder(url).build()
}

/// The digest that the server keeps of a password.
async fn digest(admin: &Plain, id: &str) -> String {
    let digest = admin.object(&format!("/accounts/{id}")).await["password"].as_str().expect("a digest").to_owned();
    assert!(digest.starts_with("$2"), "it is one: {digest}");
    digest
}

#[tokio::test]
async fn one_is_created_with_what_belongs_to_it() -> Outcome {
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
async fn odd_ids_are_ids_as_well() -> Outcome {
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
async fn the_password_is_changed_by_oneself() -> Outcome {
    let server = accounts_only();
    let admin = Plain::new(server.url(), "admin", "admin");
    let person = Person::new(server.url(), "alexis").await;
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
async fn the_password_is_changed_by_an_administrator() -> Outcome {
    let server = accounts_only();
    let person = Person::new(server.url(), "alexis").await;
    let admin = Client::builder(server.url()).auth(("admin", "admin")).build()?;
    admin.account(&person.id).change_password("n3w").await?;
    // Nobody has logged in with the old one, so that the server does not remember it.
    assert_eq!(person.client.user().await?, None);
    let error = person.client.account(&person.id).get().await.unwrap_err();
    assert_eq!(predicates(&error), ["unauthorized"], "{error}");
    assert!(error.to_string().contains("an administrator's") || error.to_string().contains("password"), "{error}");
    let new = person.client.with_auth((&person.id, "n3w"))?;
    assert_eq!(new.account(&person.id).get().await?.id, person.id);
    Ok(())
}

#[tokio::test]
async fn one_is_deleted_and_what_it_created_stays() -> Outcome {
    let (url, admin) = server();
    let person = Person::new(url, "alexis").await;
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
async fn administrators_list_all_and_others_themselves() -> Outcome {
    let (url, admin) = server();
    let [one, other] = [Person::new(url, "alexis").await, Person::new(url, "niko").await];
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
async fn what_belongs_to_others_is_theirs() -> Outcome {
    let (url, admin) = server();
    let [one, other] = [Person::new(url, "alexis").await, Person::new(url, "niko").await];
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

fn assert_silent(errors: &[Error], secrets: &[&str]) {
    let says = |error: &&Error| secrets.iter().any(|secret| shown(error).contains(secret));
    let leaks: Vec<&Error> = errors.iter().filter(says).collect();
    assert!(leaks.is_empty(), "{leaks:#?}");
}

#[tokio::test]
async fn a_create_over_an_existing_one_is_an_error_that_does_not_quote_it() -> Outcome {
    let (url, admin) = server();
    let person = Person::new(url, "alexis").await;
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
async fn many_are_created_in_a_batch() -> Outcome {
    let (url, admin) = server();
    let taken = Person::new(url, "alexis").await;
    let digest = digest(&admin, &taken.id).await;
    let client = Client::builder(url).auth(("admin", "admin")).build()?;
    let mut ids: Vec<String> = (0..3).map(|n| unique(&format!("many{n}"))).collect();
    ids.push(taken.id.clone());
    let mut batch = client.batch();
    let tickets = batch.extend(ids.iter().map(|id| client.account(id).create("s3cr3t")));
    for explanation in batch.explain()? {
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
async fn the_digest_shows_nowhere_even_if_the_answer_is_odd() -> Outcome {
    let (url, admin) = server();
    let person = Person::new(url, "alexis").await;
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
async fn a_refusal_that_quotes_the_account_is_not_passed_on() -> Outcome {
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
async fn the_password_shows_nowhere_before_it_is_sent() -> Outcome {
    let account = anyone("http://localhost:1/v1")?.account("alexis");
    let create = account.create("s3cr3t").data(json!({"email": "a@example.org"}));
    let change = account.change_password("s3cr3t");
    for (explanation, method) in [(create.explain()?, "PUT"), (change.explain()?, "PATCH")] {
        assert_eq!(explanation.method().map(http::Method::as_str), Some(method));
        assert_eq!((explanation.target().as_deref(), explanation.body()), (Some("/accounts/alexis"), None));
        assert!(!format!("{explanation} {explanation:?} {explanation:#?}").contains("s3cr3t"));
        assert!(explanation.to_string().contains("a password"), "{explanation}");
    }
    assert!(!format!("{create:?} {change:?} {create:#?} {change:#?}").contains("s3cr3t"));
    assert!(format!("{create:?}").contains("alexis"));
    Ok(())
}

#[tokio::test]
async fn a_wrong_password_that_makes_one_somebody_else_is_noticed() -> Outcome {
    let (url, _) = server();
    let person = Person::new(url, "alexis").await;
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
async fn where_nobody_is_known_the_expected_one_is_not_either() -> Outcome {
    let server = accounts_only();
    let person = Person::new(server.url(), "alexis").await;
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

#[tokio::test]
async fn ids_that_cannot_be_are_refused() -> Outcome {
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
async fn passwords_that_cannot_be_are_refused() -> Outcome {
    let (url, admin) = server();
    let person = Person::new(url, "alexis").await;
    let new = unique("new");
    let (long, wide) = ("x".repeat(73), "é".repeat(37));
    for (password, reason) in [("", "empty"), (&long, "72 bytes"), (&wide, "72 bytes"), ("s3cr3t\0", "NUL")] {
        for error in [
            person.client.account(&new).create(password).await.unwrap_err(),
            person.client.account(&person.id).change_password(password).await.unwrap_err(),
            person.client.account(&new).create(password).explain().unwrap_err(),
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
async fn data_that_cannot_belong_to_one_is_refused() -> Outcome {
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
