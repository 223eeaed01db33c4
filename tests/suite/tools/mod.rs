//! The tools of operators: health, version, counters, and deletions across a whole server.

use std::sync::LazyLock;

use kinto_client::{Client, Principal};
use kinto_server::{Server, unique};
use kinto_tests::{Fault, Outcome, Proxy, RawClient, Recorder, in_order};
use serde_json::json;
use tokio::sync::{Mutex, MutexGuard};

use crate::predicates;

mod user_data;

/// A server that can be emptied, with counters. Tests have it in turns, each empty.
static OWN: LazyLock<Mutex<Server>> = LazyLock::new(|| {
    let includes = "kinto.plugins.accounts kinto.plugins.default_bucket kinto.plugins.flush kinto.plugins.counters";
    Mutex::new(Server::builder().setting("kinto.includes", includes).start().expect("a server"))
});

async fn own() -> MutexGuard<'static, Server> {
    let server = OWN.lock().await;
    RawClient::nobody(server.url()).post("/__flush__", &json!({})).await;
    server
}

/// A server without any plugin.
fn bare() -> Server {
    let builder = Server::builder().setting("kinto.includes", "").setting("multiauth.policies", "basicauth");
    builder.setting("kinto.experimental_permissions_endpoint", "false").shared().expect("a server")
}

fn recorded(url: &str) -> kinto_client::Result<(Client, Recorder)> {
    let sent = Recorder::default();
    Ok((Client::builder(url).auth(("alexis", "p4ssw0rd")).transport(sent.clone()).build()?, sent))
}

#[tokio::test]
async fn heartbeat_names_each_backend() -> Outcome {
    let (client, sent) = recorded(Server::shared()?.url())?;
    let heartbeat = client.heartbeat().await?;
    let backends: Vec<(&str, Option<bool>)> =
        heartbeat.backends.iter().map(|(name, works)| (name.as_str(), *works)).collect();
    assert_eq!(backends, [("cache", Some(true)), ("permission", Some(true)), ("storage", Some(true))]);
    assert!(heartbeat.is_healthy());
    client.lb_heartbeat().await?;
    for (request, line) in sent.take().iter().zip(["GET /__heartbeat__", "GET /__lbheartbeat__"]) {
        assert_eq!((request.line().as_str(), request.header("authorization")), (line, None));
    }
    Ok(())
}

#[tokio::test]
async fn heartbeat_of_failing_backend_is_a_result() -> Outcome {
    // The plugin writes a file into its folder, in whose place there is a file once the server has started.
    let folder = std::env::temp_dir().join(unique("attachments"));
    std::fs::create_dir(&folder)?;
    let builder = Server::builder().plugins().setting("kinto.includes", "kinto_attachment");
    let builder = builder.setting("multiauth.policies", "basicauth");
    let server = builder.setting("kinto.attachment.base_path", folder.to_string_lossy()).start()?;
    std::fs::remove_dir_all(&folder)?;
    std::fs::write(&folder, "")?;
    let (client, sent) = recorded(server.url())?;
    let heartbeat = client.heartbeat().await?;
    std::fs::remove_file(&folder)?;
    assert_eq!(heartbeat.failing().collect::<Vec<_>>(), ["attachments"]);
    assert_eq!((heartbeat.is_healthy(), heartbeat.backends["storage"]), (false, Some(true)));
    assert_eq!(sent.take_lines(), ["GET /__heartbeat__"], "the 503 is the answer, and is not tried again");
    client.lb_heartbeat().await?;
    Ok(())
}

#[tokio::test]
async fn heartbeat_is_asked_for_whoever_the_user_is() -> Outcome {
    let server = Server::shared()?;
    let sent = Recorder::default();
    let builder = Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).expect_user("account:somebody-else");
    let client = builder.transport(sent.clone()).build()?;
    assert!(client.heartbeat().await?.is_healthy());
    assert_eq!(sent.take_lines(), ["GET /__heartbeat__"]);
    assert_eq!(predicates(&client.counters().await.unwrap_err()), ["unauthorized"], "other calls look at the user");
    Ok(())
}

#[tokio::test]
async fn heartbeat_fails_once_when_it_is_a_proxy_that_answers() -> Outcome {
    let busy = || Fault::answer(503, &["Content-Type: text/html"], "<html>down</html>");
    let proxy = Proxy::start(Server::shared()?.url(), in_order([busy(), busy(), Fault::CutBefore])).await;
    let client = Client::builder(proxy.url()).build()?;
    for error in [client.heartbeat().await.unwrap_err(), client.lb_heartbeat().await.unwrap_err()] {
        assert_eq!(predicates(&error), ["unavailable"], "{error}");
        assert!(error.to_string().starts_with("could not get /__"), "{error}");
    }
    assert_eq!(predicates(&client.heartbeat().await.unwrap_err()), ["connection"]);
    assert_eq!(proxy.lines().len(), 3);
    Ok(())
}

#[tokio::test]
async fn server_version_reads_the_file_of_the_server() -> Outcome {
    let folder = std::env::temp_dir().join(unique("version"));
    std::fs::create_dir(&folder)?;
    let file = folder.join("version.json");
    std::fs::write(&file, json!({"name": "kinto", "commit": "42ab", "version": "1.2", "stage": 3}).to_string())?;
    let server = Server::builder().setting("kinto.version_json_path", file.to_string_lossy()).start()?;
    let version = Client::builder(server.url()).build()?.server_version().await?;
    std::fs::remove_dir_all(&folder)?;
    let texts = [&version.name, &version.version, &version.commit, &version.build, &version.source];
    assert_eq!(texts.map(Option::as_deref), [Some("kinto"), Some("1.2"), Some("42ab"), None, None]);
    assert_eq!(json!(version.other), json!({"stage": 3}));
    Ok(())
}

#[tokio::test]
async fn server_version_without_file_is_unsupported() -> Outcome {
    let (client, sent) = recorded(Server::shared()?.url())?;
    let error = client.server_version().await.unwrap_err();
    assert_eq!(predicates(&error), ["unsupported"], "{error}");
    assert!(error.to_string().contains("`version.json`") && error.to_string().contains("server_info"), "{error}");
    assert_eq!(sent.take_lines(), ["GET /__version__"]);
    Ok(())
}

#[tokio::test]
async fn counters_and_deletion_of_everything_agree_with_the_server() -> Outcome {
    let server = own().await;
    let (client, sent) = recorded(server.url())?;
    let bucket = client.bucket("blog");
    bucket.create().await?;
    let posts = bucket.collection("posts");
    posts.create().await?;
    posts.create_records([json!({"id": "a"}), json!({"id": "b"}), json!({"id": "c"})]).await?;
    posts.delete_record("a").await?;
    sent.forget();

    let counters = client.counters().await?;
    let kinds = ["bucket", "collection", "record", "group", "nonsense"].map(|kind| counters.count(kind));
    assert_eq!(kinds, [1, 1, 2, 0, 0]);
    assert_eq!(counters.tombstones.get("record"), Some(&1));
    assert_eq!(sent.take_lines(), ["GET /__counters__"]);

    client.delete_everything(server.url()).await?;
    assert_eq!(sent.take_lines(), ["POST /__flush__"]);
    let counters = client.counters().await?;
    assert!(counters.objects.is_empty() && counters.tombstones.is_empty(), "{counters:?}");
    assert_eq!(RawClient::new(server.url(), "alexis", "p4ssw0rd").ids("/buckets").await, [""; 0]);
    // The client goes on with the empty server.
    bucket.create().await?;
    assert_eq!(client.counters().await?.count("bucket"), 1);
    Ok(())
}

#[tokio::test]
async fn delete_everything_of_another_server_sends_nothing() -> Outcome {
    let server = own().await;
    let (client, sent) = recorded(server.url())?;
    client.create_bucket("blog").await?;
    sent.forget();
    let other = Server::shared()?.url().to_owned();
    for wrong in [other.as_str(), "", "yes", "http://localhost:1/v1", &server.url().replace("/v1", "/v0")] {
        let error = client.delete_everything(wrong).await.unwrap_err();
        assert_eq!(predicates(&error), ["invalid"], "{error}");
        assert_eq!(client.delete_everything(wrong).preview().unwrap_err().to_string(), error.to_string());
        assert!(!error.may_have_been_applied());
    }
    assert!(sent.take().is_empty());
    assert_eq!(client.counters().await?.count("bucket"), 1);
    // A slash at the end makes no other server of it.
    client.delete_everything(format!("{}/", server.url())).await?;
    assert_eq!(client.counters().await?.count("bucket"), 0);
    Ok(())
}

#[tokio::test]
async fn delete_everything_is_not_repeated_after_a_lost_response() -> Outcome {
    let server = own().await;
    let proxy = Proxy::start(server.url(), in_order([Fault::CutAfter])).await;
    let (direct, client) = (Client::builder(server.url()).build()?, Client::builder(proxy.url()).build()?);
    direct.with_auth(("alexis", "p4ssw0rd"))?.create_bucket("blog").await?;
    let error = client.delete_everything(proxy.url()).await.unwrap_err();
    assert_eq!(predicates(&error), ["connection"], "{error}");
    assert!(error.may_have_been_applied());
    assert_eq!((proxy.lines().len(), direct.counters().await?.count("bucket")), (1, 0));
    Ok(())
}

#[tokio::test]
async fn tool_returns_unsupported_when_plugin_is_missing() -> Outcome {
    let server = bare();
    let (client, _) = recorded(server.url())?;
    for (plugin, error) in [
        ("flush_endpoint", client.delete_everything(server.url()).await.unwrap_err()),
        ("counters_endpoint", client.counters().await.unwrap_err()),
    ] {
        assert_eq!(predicates(&error), ["unsupported"], "{error}");
        assert!(error.to_string().contains(&format!("the server does not offer *{plugin}*")), "{error}");
        assert!(!error.may_have_been_applied(), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn delete_user_data_of_no_user_sends_nothing() -> Outcome {
    let (client, sent) = recorded(Server::shared()?.url())?;
    for principal in [
        Principal::everyone(),
        Principal::authenticated(),
        Principal::group("blog", "editors"),
        "".into(),
        "alexis".into(),
        "account:".into(),
        "account:a/b".into(),
    ] {
        let error = client.delete_user_data(principal).await.unwrap_err();
        assert_eq!(predicates(&error), ["invalid"], "{error}");
    }
    assert!(sent.take().is_empty());
    Ok(())
}
