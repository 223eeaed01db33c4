//! A server, and what can be set.

use crate::support::{Outcome, get, is_up, refuses, request};
use kinto_server::{Backend, Server};

#[test]
fn shared_server_is_ready() -> Outcome {
    let url = Server::shared()?.url();
    let heartbeat = get(url, "/__heartbeat__")?;
    assert!(heartbeat.starts_with("HTTP/1.1 200"), "{heartbeat}");
    assert!(heartbeat.contains(r#""storage":true"#), "{heartbeat}");
    assert!(std::ptr::eq(Server::shared()?, Server::shared()?));
    Ok(())
}

#[test]
fn everything_the_client_knows_is_on() -> Outcome {
    let server = Server::builder().backend(Backend::Memory).shared()?;
    let root = get(server.url(), "/")?;
    for capability in [
        "accounts",
        "basicauth",
        "default_bucket",
        "history",
        "admin",
        "flush_endpoint",
        "schema",
        "permissions_endpoint",
    ] {
        assert!(root.contains(&format!(r#""{capability}":{{"#)), "{capability} in {root}");
    }
    assert!(root.contains(r#""id":"account:admin""#), "{root}");
    let accounts = get(server.url(), "/accounts")?;
    assert!(accounts.starts_with("HTTP/1.1 200") && accounts.contains(r#""id":"admin""#), "{accounts}");
    Ok(())
}

#[test]
fn settings_are_those_asked_for() -> Outcome {
    let server = Server::builder()
        .paginate_by(2)
        .batch_max_requests(7)
        .setting("kinto.project_name", "100 % mine")
        .backend(Backend::Memory)
        .start()?;
    let root = get(server.url(), "/")?;
    assert!(root.contains(r#""batch_max_requests":7"#), "{root}");
    assert!(root.contains(r#""project_name":"100 % mine""#), "{root}");
    for name in ["a", "b", "c"] {
        request(server.url(), "PUT", &format!("/buckets/{name}"), "")?;
    }
    let page = get(server.url(), "/buckets")?;
    assert!(page.contains("Next-Page: http"), "{page}");
    assert!(server.log().contains("path=/v1/buckets/c"), "{}", server.log());
    Ok(())
}

#[test]
fn private_server_is_gone_when_dropped() -> Outcome {
    let server = Server::builder().backend(Backend::Memory).start()?;
    let url = server.url().to_owned();
    assert!(is_up(&url));
    drop(server);
    assert!(refuses(&url));
    Ok(())
}

#[test]
fn killed_server_refuses_and_comes_back_at_its_address() -> Outcome {
    let server = Server::builder().backend(Backend::Memory).start()?;
    for _ in 0..2 {
        server.kill_server()?;
        assert!(refuses(server.url()));
        server.restart_server()?;
        let root = get(server.url(), "/")?;
        assert!(root.contains("account:admin"), "{root}");
    }
    Ok(())
}

#[test]
fn shared_server_cannot_be_killed() -> Outcome {
    let server = Server::builder().backend(Backend::Memory).shared()?;
    let error = server.kill_server().err().ok_or("it was killed")?.to_string();
    assert!(error.contains("Builder::start"), "{error}");
    Ok(())
}

#[test]
fn why_it_does_not_start_is_in_the_error() -> Outcome {
    let builder = Server::builder().setting("kinto.storage_backend", "no.such.module").backend(Backend::Memory);
    let error = builder.start().err().ok_or("it started")?.to_string();
    assert!(error.contains("it ended while starting") && error.contains("No module named"), "{error}");
    Ok(())
}

#[test]
fn setting_that_ini_cannot_hold_is_refused() {
    for (key, value) in [("", "x"), ("a = b", "x"), ("[x]", "x"), ("kinto.x", "two\nlines")] {
        assert!(Server::builder().setting(key, value).start().is_err(), "{key:?} = {value:?}");
    }
}
