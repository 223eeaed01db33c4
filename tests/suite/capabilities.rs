//! The server's information about itself, its plugins, and the errors for missing ones.

use kinto_client::{Client, Error, Value, json};
use kinto_server::{Server, unique};
use kinto_tests::{Fixture, Outcome, Recorder, TestUser};

use crate::{Todo, predicates};

#[tokio::test]
async fn server_info_returns_server_settings() -> Outcome {
    let server = Server::builder().batch_max_requests(7).shared()?;
    let info = Client::builder(server.url()).build()?.fetch_server_info().await?;
    assert_eq!(info.project_name, "kinto");
    assert!(info.project_version.starts_with(|c: char| c.is_ascii_digit()), "{}", info.project_version);
    assert!(info.http_api_version.starts_with("1."), "{}", info.http_api_version);
    assert_eq!(info.url.trim_end_matches('/'), server.url());
    assert_eq!((info.settings.batch_max_requests, info.settings.readonly), (7, false));
    assert!(info.settings.explicit_permissions);
    for capability in ["accounts", "basicauth", "default_bucket", "history", "permissions_endpoint", "schema"] {
        assert!(info.has(capability), "{capability} is not among {:?}", info.capabilities.keys());
    }
    assert!(!info.has("attachments") && !info.has(""));
    assert!(info.capabilities["accounts"]["description"].is_string());
    assert!(info.other.contains_key("project_docs") && !info.other.contains_key("settings"));
    assert_eq!(info.user, None);
    Ok(())
}

#[tokio::test]
async fn server_info_is_requested_once_for_all_clones() -> Outcome {
    let fixture = Fixture::new().await;
    let clone = fixture.client.clone();
    let (one, other, user) = tokio::join!(fixture.client.server_info(), clone.server_info(), fixture.client.user());
    let (one, other, user) = (one?, other?, user?.expect("I am known"));
    assert_eq!(one, other);
    fixture.bucket.client().server_info().await?;
    assert_eq!(fixture.sent.take_lines(), ["GET /"]);
    let now = fixture.client.fetch_server_info().await?;
    assert_eq!((&now, fixture.sent.take_lines()), (one, vec!["GET /".to_owned()]), "unless it is to be asked again");

    // Another user is somebody else to the server.
    let another = fixture.client.with_auth((unique("other"), "p4ssw0rd"))?;
    assert_ne!(another.user().await?.expect("known as well").id, user.id);
    assert_eq!(fixture.sent.take_lines(), ["GET /"]);
    Ok(())
}

#[tokio::test]
async fn server_info_is_requested_once_for_concurrent_callers() -> Outcome {
    let fixture = Fixture::new().await;
    // Of first reads of an empty list at the same moment, PostgreSQL lets one fail.
    fixture.plain.put(&fixture.record("milk"), &json!({})).await;
    let sent = Recorder::default();
    let me = fixture.client.user().await?.expect("I am known").id.clone();
    let client = fixture.client_at(fixture.url()).expect_user(me).transport(sent.clone()).build()?;
    let bucket = client.bucket(fixture.bucket.id());
    let reads = (0..5).map(|_| bucket.collection("todos").get_records::<Value>().into_future());
    futures_util::future::try_join_all(reads).await?;
    let lines = sent.take_lines();
    assert_eq!((lines[0].as_str(), lines.len()), ("GET /", 6));
    assert_eq!(lines.iter().filter(|line| *line == "GET /").count(), 1);
    Ok(())
}

#[tokio::test]
async fn user_returns_current_user() -> Outcome {
    let url = Server::shared()?.url();
    let person = TestUser::new(url, "alexis").await;
    let user = person.client.user().await?.expect("I am known");
    assert_eq!(user.id, person.principal());
    for principal in ["system.Everyone", "system.Authenticated", &format!("account:{}", person.id)] {
        assert!(user.principals.iter().any(|known| known == principal), "{principal}: {:?}", user.principals);
    }
    let own = user.bucket.as_deref().expect("my own bucket");
    assert_eq!(person.client.bucket("default").get().await?.id, own);
    assert_eq!(user.profile, None);

    let nobody = Client::builder(url).build()?;
    assert_eq!(nobody.user().await?, None);
    let stranger = Client::builder(url).auth(kinto_client::Auth::bearer("t0ken")).build()?;
    assert_eq!(stranger.user().await?, None, "the server does not call that an error");
    Ok(())
}

#[tokio::test]
async fn get_permissions_reads_all_pages() -> Outcome {
    let server = Server::builder().paginate_by(5).shared()?;
    let fixture = Fixture::on(server.url()).await;
    let (bucket, others) = (format!("/buckets/{}", fixture.bucket.id()), TestUser::new(server.url(), "niko").await);
    for n in 0..13 {
        fixture.plain.put(&fixture.record(&format!("n{n}")), &json!({})).await;
    }
    fixture.plain.put(&format!("{bucket}/groups/team"), &json!({})).await;
    let me = fixture.client_at(server.url()).build()?.user().await?.expect("I am known").id.clone();
    let shared = format!("/buckets/{}", unique("shared"));
    others.plain.put(&shared, &json!({"permissions": {"collection:create": [me]}})).await;
    others.plain.put(&format!("/buckets/{}", unique("hidden")), &json!({})).await;

    let entries = fixture.client.get_permissions().await?;
    let mut found: Vec<&str> = entries.iter().map(|entry| entry.uri.as_str()).collect();
    found.sort_unstable();
    let records: Vec<String> = (0..13).map(|n| fixture.record(&format!("n{n}"))).collect();
    let mut expected = vec!["/", &bucket, &shared];
    let inner = ["groups/team", "collections/todos"].map(|inner| format!("{bucket}/{inner}"));
    expected.extend(inner.iter().chain(&records).map(String::as_str));
    expected.sort_unstable();
    assert_eq!(found, expected);

    let lines = fixture.sent.take_lines();
    assert_eq!((lines.len(), lines[0].as_str()), (4, "GET /permissions"), "eighteen entries, five by five: {lines:?}");
    assert!(lines[1..].iter().all(|line| line.starts_with("GET /permissions?") && line.contains("_token=")));

    let entry = |uri: &str| entries.iter().find(|entry| entry.uri == uri).expect("it is there");
    let root = entry("/");
    assert_eq!((root.resource_name.as_str(), &root.id, &root.bucket_id), ("root", &None, &None));
    assert!(root.permissions.iter().any(|permission| permission == "bucket:create"), "{root:?}");
    let record = entry(&records[0]);
    let names = [&record.id, &record.bucket_id, &record.collection_id].map(Option::as_deref);
    assert_eq!(
        (record.resource_name.as_str(), names),
        ("record", [Some("n0"), Some(fixture.bucket.id()), Some("todos")])
    );
    assert!(record.permissions.iter().any(|permission| permission == "write"), "{record:?}");
    let shared = entry(&shared);
    assert!(shared.permissions.iter().any(|permission| permission == "collection:create"), "{shared:?}");
    assert!(!shared.permissions.iter().any(|permission| permission == "write"), "{shared:?}");
    Ok(())
}

/// A server without plugins.
fn bare() -> Server {
    let builder = Server::builder().setting("kinto.includes", "").setting("multiauth.policies", "basicauth");
    builder.setting("kinto.experimental_permissions_endpoint", "false").shared().expect("a server")
}

#[tokio::test]
async fn call_returns_unsupported_when_plugin_is_missing() -> Outcome {
    let server = bare();
    let fixture = Fixture::on(server.url()).await;
    let account = fixture.client.account("alexis");
    let cases: [(&str, &str, Error); 7] = [
        ("history", "/history", fixture.bucket.get_history().await.unwrap_err()),
        ("permissions_endpoint", "/permissions", fixture.client.get_permissions().await.unwrap_err()),
        ("accounts", "/accounts", fixture.client.get_accounts().await.unwrap_err()),
        ("accounts", "/accounts/alexis", account.get().await.unwrap_err()),
        ("accounts", "/accounts/alexis", account.create("p4ssw0rd").await.unwrap_err()),
        ("accounts", "/accounts/alexis", account.change_password("p4ssw0rd").await.unwrap_err()),
        ("accounts", "/accounts/alexis", account.delete().await.unwrap_err()),
    ];
    for (plugin, object, error) in cases {
        assert_eq!(predicates(&error), ["unsupported"], "{error}");
        assert!(error.to_string().contains(&format!("the server does not offer *{plugin}*")), "{error}");
        assert!(error.object().is_some_and(|named| named.ends_with(object)), "{error}");
        assert!(error.operation().is_some() && !error.may_have_been_applied(), "{error}");
    }
    let asked = fixture.sent.take_lines().iter().filter(|line| *line == "GET /").count();
    assert_eq!(asked, 1, "the server is asked what it offers once, and only when something was refused");
    Ok(())
}

#[tokio::test]
async fn batch_operation_returns_unsupported_when_plugin_is_missing() -> Outcome {
    let server = bare();
    let fixture = Fixture::on(server.url()).await;
    let mut batch = fixture.client.batch();
    let accounts = batch.extend((0..3).map(|n| fixture.client.account(format!("alexis{n}")).create("p4ssw0rd")));
    let record = batch.add(fixture.todos.create_record(Todo::new("Milk")).id("milk"));
    let done = batch.execute().await?;
    for account in &accounts {
        let error = done.get(account).unwrap_err();
        assert_eq!(predicates(&error), ["unsupported"], "{error}");
        assert!(error.to_string().contains("the server does not offer *accounts*"), "{error}");
    }
    assert_eq!(done.get(&record)?.id, "milk");
    assert_eq!(fixture.plain.ids(&fixture.records).await, ["milk"]);
    Ok(())
}

#[tokio::test]
async fn refusal_keeps_its_kind_when_plugin_is_present() -> Outcome {
    let fixture = Fixture::new().await;
    let missing = fixture.client.bucket(unique("missing"));
    let error = missing.get_history().await.unwrap_err();
    assert_eq!(predicates(&error), ["forbidden"], "{error}");
    assert_eq!(error.object(), Some(&*format!("/buckets/{}/history", missing.id())));
    let error = fixture.client.account("nobody").get().await.unwrap_err();
    assert_eq!(predicates(&error), ["forbidden"], "{error}");
    fixture.sent.forget();
    let error = fixture.client.bucket("a/b").get_history().await.unwrap_err();
    assert_eq!(predicates(&error), ["invalid"], "{error}");
    assert!(fixture.sent.take().is_empty());
    Ok(())
}
