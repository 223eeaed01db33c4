//! The client's knowledge of its server, and the common parts of its requests.

use kinto_client::{Auth, Client, json};
use kinto_server::unique;
use kinto_tests::{Fault, Fixture, Outcome, Proxy, RawClient, Recorder, in_order};

use crate::Todo;

#[tokio::test]
async fn server_info_is_cached_for_all_clones() -> Outcome {
    let fixture = Fixture::new().await;
    let clone = fixture.client.clone();
    let (one, two, three) = tokio::join!(fixture.client.server_info(), clone.server_info(), clone.user());
    let one = one?;
    assert_eq!((one, one.user.as_ref()), (two?, three?));
    fixture.client.clone().server_info().await?;
    fixture.bucket.client().user().await?;
    assert_eq!(fixture.sent.take_lines(), ["GET /"]);

    let now = fixture.client.fetch_server_info().await?;
    assert_eq!(&now, fixture.client.server_info().await?);
    assert_eq!(fixture.sent.take_lines(), ["GET /"]);
    Ok(())
}

#[tokio::test]
async fn server_info_has_name_and_version() -> Outcome {
    let fixture = Fixture::new().await;
    let info = fixture.client.server_info().await?;
    let json = fixture.plain.get("/").await.json();
    assert_eq!(info.project_name, "kinto");
    assert_eq!(json["project_version"], *info.project_version);
    assert_eq!(json["http_api_version"], *info.http_api_version);
    assert_eq!(json["url"], *info.url);
    assert_eq!(json["settings"]["batch_max_requests"], info.settings.batch_max_requests);
    assert_eq!((info.settings.readonly, info.settings.explicit_permissions), (false, true));
    assert_eq!(json!(info.capabilities), json["capabilities"]);
    for plugin in ["accounts", "default_bucket", "history", "admin", "flush_endpoint", "schema"] {
        assert!(info.has(plugin), "{plugin}");
    }
    assert!(!info.has("attachments"));
    assert_eq!(info.other["project_docs"], json["project_docs"]);
    Ok(())
}

#[tokio::test]
async fn server_info_failure_is_not_cached() -> Outcome {
    let fixture = Fixture::new().await;
    let proxy = Proxy::start(fixture.url(), in_order([Fault::answer(500, &[], "")])).await;
    let client = fixture.client_at(proxy.url()).build()?;
    let error = client.server_info().await.unwrap_err();
    assert!(error.to_string().contains("500"), "{error}");
    assert_eq!(client.server_info().await?.project_name, "kinto");
    client.server_info().await?;
    assert_eq!(proxy.lines(), ["GET /", "GET /"]);
    Ok(())
}

#[tokio::test]
async fn user_returns_principal_of_credentials() -> Outcome {
    let fixture = Fixture::new().await;
    let user = fixture.client.user().await?.expect("every user is known with `basicauth`");
    assert!(user.id.as_str().starts_with("basicauth:"), "{user:?}");
    assert!(user.principals.contains(&user.id));
    let own = user.bucket.clone().expect("a bucket of one's own");
    fixture.client.bucket("default").collection("notes").create_record(json!({"a": 1})).id("one").await?;
    assert_eq!(fixture.plain.held(&format!("/buckets/{own}/collections/notes/records/one")).await, json!({"a": 1}));

    let account = unique("alexis");
    let body = json!({"data": {"password": "secret"}});
    RawClient::nobody(fixture.url()).put(&format!("/accounts/{account}"), &body).await;
    let alexis = fixture.client.with_auth((&account, "secret"))?;
    let user = alexis.user().await?.expect("an account");
    assert_eq!(user.id, kinto_client::Principal::account(&account));
    assert_ne!(user.bucket.as_ref(), Some(&own));

    assert_eq!(Client::builder(fixture.url()).build()?.user().await?, None, "nobody");
    assert_eq!(fixture.client.with_auth(Auth::bearer("unknown"))?.user().await?, None, "a stranger");
    Ok(())
}

#[tokio::test]
async fn with_auth_does_not_share_cached_user() -> Outcome {
    let fixture = Fixture::new().await;
    let before = fixture.client.user().await?.cloned();
    let other = fixture.client.with_auth((unique("other"), "password"))?;
    assert_ne!(other.user().await?.cloned(), before);
    assert_eq!(fixture.client.user().await?.cloned(), before, "the first client stays who it was");
    let sent = fixture.sent.take();
    assert_eq!(sent.iter().map(kinto_tests::SentRequest::line).collect::<Vec<_>>(), ["GET /", "GET /"]);
    assert_ne!(sent[0].header("authorization"), sent[1].header("authorization"));
    Ok(())
}

#[tokio::test]
async fn requests_carry_headers_of_client() -> Outcome {
    let fixture = Fixture::new().await;
    let recorder = Recorder::default();
    let builder = fixture.client_at(fixture.url()).transport(recorder.clone());
    let client = builder.header("X-Tenant", "a").header("x-tenant", "b").user_agent("notes/1.2").build()?;
    let todos = fixture.todos_of(&client);
    let mut record = todos.create_record(Todo::new("Milk")).await?;
    record.data.done = true;
    todos.save_record(&mut record).await?;
    todos.get_records::<Todo>().page_size(1).await?;
    todos.delete_record(&record).await?;
    client.server_info().await?;
    let sent = recorder.take();
    assert_eq!(sent.len(), 5);
    for sent in sent {
        assert_eq!(sent.headers.get_all("x-tenant").iter().collect::<Vec<_>>(), ["b"], "{}", sent.line());
        assert_eq!(sent.header("user-agent"), Some("notes/1.2"));
        assert_eq!(sent.header("accept"), Some("application/json"));
        assert_eq!(sent.header("content-type"), (!sent.body.is_empty()).then_some("application/json"));
        assert!(sent.header("authorization").is_some());
    }

    fixture.todos.get_records::<Todo>().await?;
    let agent = fixture.sent.take_one().header("user-agent").unwrap().to_owned();
    assert!(agent.starts_with("kinto-client/"), "{agent}");
    Ok(())
}

#[tokio::test]
async fn user_agent_names_library() -> Outcome {
    let fixture = Fixture::new().await;
    let proxy = Proxy::start(fixture.url(), |_| Fault::Pass).await;
    fixture.todos_through(&proxy).create_record(Todo::new("Milk")).id("milk").await?;
    let arrived = &proxy.arrived()[0];
    assert_eq!(arrived.line(), format!("PUT {}", fixture.record("milk")));
    assert_eq!(arrived.json(), json!({"data": {"title": "Milk", "done": false}}));
    assert_eq!(arrived.header("if-none-match"), Some("*"));
    assert_eq!(arrived.header("content-type"), Some("application/json"));
    assert_eq!(arrived.header("host"), proxy.origin().strip_prefix("http://"));
    Ok(())
}

#[tokio::test]
async fn connections_are_reused() -> Outcome {
    let fixture = Fixture::new().await;
    let proxy = Proxy::start(fixture.url(), |_| Fault::Pass).await;
    let todos = fixture.todos_through(&proxy);
    for _ in 0..5 {
        todos.get_records::<Todo>().await?;
    }
    assert_eq!((proxy.lines().len(), proxy.connections()), (5, 1));
    Ok(())
}

#[tokio::test]
async fn builder_uses_given_reqwest_client() -> Outcome {
    let fixture = Fixture::new().await;
    let proxy = Proxy::start(fixture.url(), |_| Fault::Pass).await;
    let headers = http::HeaderMap::from_iter([(http::HeaderName::from_static("x-own"), "1".parse()?)]);
    let own = reqwest::Client::builder().default_headers(headers).build()?;
    let client = fixture.client_at(proxy.url()).reqwest_client(own).build()?;
    let created = fixture.todos_of(&client).create_record(Todo::new("Milk")).await?;
    assert_eq!(fixture.plain.held(&fixture.record(&created.id)).await["title"], "Milk");
    let arrived = &proxy.arrived()[0];
    assert_eq!(arrived.header("x-own"), Some("1"));
    assert!(arrived.header("authorization").is_some());
    Ok(())
}

#[tokio::test]
async fn url_may_have_path_before_version_prefix() -> Outcome {
    // As behind a proxy that serves more than Kinto.
    let fixture = Fixture::new().await;
    let rule = |sent: &kinto_tests::SentRequest| {
        assert!(sent.target.starts_with("/some/where/v1/"), "{}", sent.target);
        Fault::json(200, &json!({"data": {"id": "milk", "last_modified": 1, "title": "Milk"}}))
    };
    let proxy = Proxy::instead(rule).await;
    let client = fixture.client_at(&format!("{}/some/where/v1/", proxy.origin())).build()?;
    assert_eq!(fixture.todos_of(&client).get_record::<Todo>("milk").await?.data.title, "Milk");
    assert_eq!(proxy.arrived()[0].target, format!("/some/where/v1{}", fixture.record("milk")));
    Ok(())
}
