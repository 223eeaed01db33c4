//! Credentials and data go to the server that was named, wherever an answer points.

use std::{env, process::Command};

use kinto_client::{Client, Value, json};
use kinto_tests::{Fault, Fixture, Outcome, Proxy, SentRequest, in_order};

use crate::{Todo, predicates};

/// Another server, which answers whatever it is asked.
async fn elsewhere() -> Proxy {
    Proxy::instead(|_| Fault::json(200, &json!({"data": {"id": "milk", "last_modified": 1, "title": "stolen"}}))).await
}

#[tokio::test]
async fn redirect_within_server_is_followed() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("milk"), &json!({"title": "Milk"})).await;
    let path = format!("/v1{}", fixture.record("milk"));
    for status in [301, 302, 307, 308] {
        for relative in [true, false] {
            let target = path.clone();
            let rule = move |sent: &SentRequest| {
                if sent.target == target {
                    return Fault::Pass;
                }
                let host = sent.header("host").unwrap();
                Fault::redirect(status, &if relative { target.clone() } else { format!("http://{host}{target}") })
            };
            let proxy = Proxy::start(fixture.url(), rule).await;
            let record = fixture.todos_through(&proxy).get_record::<Todo>("moved").await?;
            assert_eq!(record.data, Todo::new("Milk"), "{status}");
            let arrived = proxy.arrived();
            assert_eq!(
                proxy.lines(),
                [fixture.record("moved"), fixture.record("milk")].map(|path| format!("GET {path}"))
            );
            assert!(arrived[0].header("authorization").is_some());
            assert_eq!(arrived[0].header("authorization"), arrived[1].header("authorization"));
        }
    }
    Ok(())
}

#[tokio::test]
async fn write_follows_only_redirects_that_keep_method_and_body() -> Outcome {
    let fixture = Fixture::new().await;
    let target = format!("/v1{}", fixture.record("moved"));
    for status in [307, 308] {
        let proxy = Proxy::start(fixture.url(), in_order([Fault::redirect(status, &target)])).await;
        let created = fixture.todos_through(&proxy).create_record(Todo::new("Milk")).id("milk").await?;
        assert_eq!(&*created.id, "moved");
        let arrived = proxy.arrived();
        assert_eq!(
            (arrived[1].line(), &arrived[1].body),
            (format!("PUT {}", fixture.record("moved")), &arrived[0].body)
        );
        assert_eq!(arrived[1].header("if-none-match"), Some("*"));
        assert_eq!(fixture.plain.held(&fixture.record("moved")).await, json!({"title": "Milk", "done": false}));
        fixture.plain.delete(&fixture.record("moved")).await;
    }
    // What is no address is not made into one.
    let target = format!("{target}-\u{fc}");
    let proxy = Proxy::start(fixture.url(), in_order([Fault::redirect(307, &target)])).await;
    let error = fixture.todos_through(&proxy).create_record(Todo::new("Milk")).id("milk").await.unwrap_err();
    assert_eq!(predicates(&error), ["unexpected"], "{error}");
    assert_eq!(proxy.lines(), [format!("PUT {}", fixture.record("milk"))]);
    // By tradition these turn into a GET, which would write nothing and look as if it had.
    for status in [301, 302, 303] {
        let proxy = Proxy::start(fixture.url(), in_order([Fault::redirect(status, &target)])).await;
        let error = fixture.todos_through(&proxy).create_record(Todo::new("Milk")).id("milk").await.unwrap_err();
        assert_eq!(predicates(&error), ["unexpected"], "{status}: {error}");
        assert_eq!(proxy.lines(), [format!("PUT {}", fixture.record("milk"))]);
    }
    assert_eq!(fixture.plain.ids(&fixture.records).await, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn redirect_to_other_server_is_not_followed() -> Outcome {
    let fixture = Fixture::new().await;
    let other = elsewhere().await;
    for status in [301, 302, 307, 308] {
        let location = format!("{}{}", other.url(), fixture.record("milk"));
        let proxy = Proxy::start(fixture.url(), move |_| Fault::redirect(status, &location)).await;
        let todos = fixture.todos_through(&proxy);
        for error in [
            todos.get_record::<Todo>("milk").await.unwrap_err(),
            todos.get_records::<Todo>().await.unwrap_err(),
            todos.create_record(Todo::new("Milk")).id("milk").await.unwrap_err(),
            todos.delete_record("milk").await.unwrap_err(),
        ] {
            assert_eq!(predicates(&error), ["unexpected"], "{status}: {error}");
            assert!(error.to_string().contains(other.origin()), "it is named: {error}");
        }
        assert_eq!(proxy.lines().len(), 4);
    }
    assert_eq!((other.connections(), other.arrived().len()), (0, 0));
    Ok(())
}

#[tokio::test]
async fn other_scheme_or_port_or_name_is_other_server() -> Outcome {
    let fixture = Fixture::new().await;
    let other = elsewhere().await;
    let path = fixture.record("milk");
    for location in [
        format!("//{}{path}", other.origin().trim_start_matches("http://")),
        format!("https://{}{path}", other.origin().trim_start_matches("http://")),
        format!("{}{path}", other.origin().replace("127.0.0.1", "localhost")),
        format!("http://127.0.0.1:1@{}{path}", other.origin().trim_start_matches("http://")),
        "file:///etc/passwd".to_owned(),
    ] {
        let shown = location.clone();
        let proxy = Proxy::start(fixture.url(), move |_| Fault::redirect(307, &location)).await;
        let error = fixture.todos_through(&proxy).get_record::<Todo>("milk").await.unwrap_err();
        assert_eq!(predicates(&error), ["unexpected"], "{shown}: {error}");
        assert_eq!(proxy.lines().len(), 1, "{shown}");
    }
    assert_eq!(other.connections(), 0);
    Ok(())
}

#[tokio::test]
async fn endless_redirects_return_error() -> Outcome {
    let fixture = Fixture::new().await;
    let proxy = Proxy::start(fixture.url(), |sent| Fault::redirect(307, &format!("{}x", sent.target))).await;
    let error = fixture.todos_through(&proxy).get_record::<Todo>("milk").await.unwrap_err();
    assert_eq!(predicates(&error), ["unexpected"], "{error}");
    assert!(error.to_string().contains("redirect"), "{error}");
    assert!((2..=10).contains(&proxy.lines().len()), "{:?}", proxy.lines());
    Ok(())
}

#[tokio::test]
async fn next_page_is_requested_from_same_server() -> Outcome {
    let fixture = Fixture::new().await;
    for n in 0..5 {
        fixture.plain.put_data(&fixture.record(&n.to_string()), &json!({"n": n})).await;
    }
    let other = elsewhere().await;
    for foreign in [
        other.origin().to_owned(),
        "https://kinto.internal:8443/behind/the/proxy".to_owned(),
        other.origin().replace("http://", "http://user:password@"),
    ] {
        let host = foreign.clone();
        let rule =
            move |sent: &SentRequest| Fault::replace(format!("http://{}", sent.header("host").unwrap()), host.clone());
        let proxy = Proxy::start(fixture.url(), rule).await;
        let records = fixture.todos_through(&proxy).get_records::<Value>().page_size(2).await?;
        let numbers: Vec<u64> = records.iter().map(|record| record.data["n"].as_u64().unwrap()).collect();
        assert_eq!(numbers, [4, 3, 2, 1, 0], "{foreign}");
        let arrived = proxy.arrived();
        assert_eq!(arrived.len(), 3);
        assert!(
            arrived.iter().all(|sent| sent.target.starts_with(&format!("/v1{}?", fixture.records))),
            "{arrived:#?}"
        );
    }
    assert_eq!(other.connections(), 0);
    Ok(())
}

#[tokio::test]
async fn invalid_next_page_returns_error() -> Outcome {
    type Next = fn(&SentRequest) -> String;

    let fixture = Fixture::new().await;
    let same = |sent: &SentRequest| format!("http://localhost{}", sent.target);
    let cases: [(&str, Next); 3] = [
        ("the same page again", same),
        ("no URL", |_| "/v1/buckets?_token=x".to_owned()),
        ("no query", |_| "http://localhost/v1/buckets".to_owned()),
    ];
    for (case, next) in cases {
        let rule = move |sent: &SentRequest| {
            let header = format!("Next-Page: {}", next(sent));
            Fault::answer(200, &["ETag: \"1\"", &header], r#"{"data": []}"#)
        };
        let proxy = Proxy::start(fixture.url(), rule).await;
        let error = fixture.todos_through(&proxy).get_records::<Value>().page_size(2).await.unwrap_err();
        assert_eq!(predicates(&error), ["unexpected"], "{case}: {error}");
        assert_eq!(proxy.lines().len(), 1, "{case}");
    }
    Ok(())
}

/// The three ways in which a server can name another: `Next-Page`, a redirect, and where an attachment is.
#[tokio::test]
async fn request_to_other_server_has_no_credentials() -> Outcome {
    let fixture = Fixture::new().await;
    let other = elsewhere().await;
    let attachment = json!({
        "location": format!("{}/attachments/milk.png", other.origin()),
        "filename": "milk.png", "mimetype": "image/png", "size": 4, "hash": "0".repeat(64),
    });
    fixture.fill((0..5).map(|n| (format!("n{n}"), json!({"n": n, "attachment": attachment})))).await;

    let (foreign, path) = (other.origin().to_owned(), fixture.record("moved"));
    let location = format!("{}{path}", other.url());
    let rule = move |sent: &SentRequest| {
        if sent.target.ends_with("/moved") {
            return Fault::redirect(308, &location);
        }
        Fault::replace(format!("http://{}", sent.header("host").unwrap()), foreign.clone())
    };
    let proxy = Proxy::start(fixture.url(), rule).await;
    let todos = fixture.todos_through(&proxy);
    let mut records = todos.get_records::<Value>().page_size(2).await?;
    assert_eq!(records.len(), 5);
    assert!(records[0].data["attachment"]["location"].as_str().unwrap().starts_with(other.origin()));
    records[0].data["n"] = 7.into();
    todos.save_record(&mut records[0]).await?;
    todos.delete_all_records().await?;
    for error in [
        todos.get_record::<Value>("moved").await.unwrap_err(),
        todos.overwrite_record("moved", json!({"n": 1})).await.unwrap_err(),
        todos.delete_record("moved").await.unwrap_err(),
    ] {
        assert_eq!(predicates(&error), ["unexpected"], "{error}");
    }

    let with = |arrived: &[SentRequest]| arrived.iter().filter(|sent| sent.header("authorization").is_some()).count();
    assert_eq!((with(&proxy.arrived()), proxy.arrived().len()), (8, 8), "its own server gets them each time");
    // It would have written down what it got; there was not even a connection.
    assert_eq!((with(&other.arrived()), other.arrived().len(), other.connections()), (0, 0, 0));
    Ok(())
}

/// Not a test: what the next one runs as another process.
#[tokio::test]
#[ignore = "started by another test"]
async fn child() -> Outcome {
    let variable = |name: &str| env::var(format!("ORIGINS_{name}"));
    let client = Client::builder(variable("URL")?).auth((variable("USER")?, "p4ssw0rd")).build()?;
    client.bucket(variable("BUCKET")?).collection("todos").create_record(Todo::new("Milk")).id("milk").await?;
    Ok(())
}

#[tokio::test]
async fn request_to_this_machine_passes_no_proxy_of_the_environment() -> Outcome {
    let fixture = Fixture::new().await;
    let other = elsewhere().await;
    for (host, url) in ["127.0.0.1", "localhost"].map(|host| (host, fixture.url().replace("127.0.0.1", host))) {
        let mut child = Command::new(env::current_exe()?);
        child.args(["--exact", "origins::child", "--ignored"]);
        child.envs([("ORIGINS_URL", &*url), ("ORIGINS_USER", &fixture.user), ("ORIGINS_BUCKET", fixture.bucket.id())]);
        child.envs(["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"].map(|name| (name, other.origin())));
        child.env_remove("NO_PROXY").env_remove("no_proxy");
        let output = tokio::task::spawn_blocking(move || child.output()).await??;
        assert_eq!(other.lines(), [""; 0], "{host}: it would get the credentials in clear text");
        assert!(output.status.success(), "{host}: {}", String::from_utf8_lossy(&output.stdout));
        assert_eq!(fixture.plain.held(&fixture.record("milk")).await["title"], "Milk");
        fixture.plain.delete(&fixture.record("milk")).await;
    }
    Ok(())
}
