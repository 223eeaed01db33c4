//! What goes wrong on the way: each fault is an error of its own kind, which says whether the server may have done it.
//!
//! Nothing is tried again here, so that a fault is an error.

use std::time::Duration;

use kinto_client::{Error, ErrorKind, Never, Record, Value, json};
use kinto_tests::{Fault, Gate, Outcome, Proxy, Scene, Sent, nowhere};

use crate::{Todo, predicates};

/// What a client gets that reads, lists, creates, patches and deletes through a proxy that does this with every request.
struct Results {
    reads: Vec<Error>,
    writes: Vec<Error>,
}

async fn results(scene: &Scene, rule: impl FnMut(&Sent) -> Fault + Send + 'static) -> Results {
    let proxy = Proxy::start(scene.url(), rule).await;
    let client = scene.client_at(proxy.url()).retry(Never).build().unwrap();
    let todos = scene.todos_of(&client);
    // One after the other: at once they could collide on the server.
    let get = todos.get_record::<Todo>("milk").await.unwrap_err();
    let list = todos.get_records::<Todo>().await.unwrap_err();
    let create = todos.create_record(Todo::new("Eggs")).id("eggs").await.unwrap_err();
    let patch = todos.patch_record::<Todo>("milk", json!({"done": true})).await.unwrap_err();
    let delete = todos.delete_record("ham").await.unwrap_err();
    Results { reads: vec![get, list], writes: vec![create, patch, delete] }
}

impl Results {
    fn assert(&self, is: &[&str], writes_may_be_applied: bool, says: &[&str]) {
        let all = self.reads.iter().map(|error| (false, error));
        for (maybe, error) in all.chain(self.writes.iter().map(|error| (writes_may_be_applied, error))) {
            assert_eq!(predicates(error), is, "{error}");
            assert_eq!(error.may_have_been_applied(), maybe, "{error}");
            for words in says {
                assert!(error.to_string().contains(words), "{words} is not said: {error}");
            }
            assert!(!error.to_string().contains('\n'), "{error}");
        }
        let of = |errors: &[Error]| -> Vec<String> {
            errors.iter().map(|error| error.operation().expect("an operation").to_owned()).collect()
        };
        assert_eq!(of(&self.writes), ["create record", "patch record", "delete record"]);
    }
}

/// A scene with the records `milk` and `ham`.
async fn scene() -> Scene {
    let scene = Scene::new().await;
    scene.plain.put_data(&scene.record("milk"), &json!({"title": "Milk"})).await;
    scene.plain.put_data(&scene.record("ham"), &json!({"title": "Ham"})).await;
    scene
}

async fn assert_untouched(scene: &Scene) {
    assert_eq!(scene.plain.ids(&scene.records).await, ["ham", "milk"]);
    assert_eq!(scene.plain.held(&scene.record("milk")).await, json!({"title": "Milk"}));
}

const HTML: &str = "<html>\n<body>\n<h1>502 Bad Gateway</h1> nginx\n</body></html>";

#[tokio::test]
async fn the_page_of_a_proxy_that_reaches_nobody() -> Outcome {
    let scene = scene().await;
    let results = results(&scene, |_| Fault::answer(502, &["Content-Type: text/html; charset=utf-8"], HTML)).await;
    results.assert(&["unavailable"], true, &["502", "text/html", "<h1>502 Bad Gateway</h1> nginx"]);
    for error in results.reads.iter().chain(&results.writes) {
        assert_eq!((error.status().map(|status| status.as_u16()), error.errno()), (Some(502), None));
        assert_eq!((error.server_message(), error.details()), (None, None));
    }
    assert_untouched(&scene).await;
    Ok(())
}

#[tokio::test]
async fn the_page_of_a_proxy_that_says_all_is_well() -> Outcome {
    let scene = scene().await;
    let page = "<html><title>Log in to the hotel's network</title></html>";
    let results = results(&scene, move |_| Fault::answer(200, &["Content-Type: text/html", "ETag: \"1\""], page)).await;
    results.assert(&["unexpected"], true, &["not what Kinto sends", "Log in to the hotel's network"]);
    assert_untouched(&scene).await;
    Ok(())
}

#[tokio::test]
async fn a_404_and_a_403_that_are_not_kintos() -> Outcome {
    let scene = scene().await;
    for status in [404, 403] {
        let results =
            results(&scene, move |_| Fault::answer(status, &["Content-Type: text/html"], "<h1>No</h1>")).await;
        results.assert(&["unexpected"], false, &["not in Kinto's form", "<h1>No</h1>"]);
        let proxy = Proxy::start(scene.url(), move |_| Fault::answer(status, &[], "")).await;
        let todos = scene.todos_through(&proxy);
        let none = todos.get_record::<Todo>("milk").or_none().await.unwrap_err();
        assert_eq!(predicates(&none), ["unexpected"], "who knows what is not there: {none}");
        let deleted = todos.delete_record("milk").if_exists().await.unwrap_err();
        assert_eq!(predicates(&deleted), ["unexpected"], "{deleted}");
    }
    assert_untouched(&scene).await;
    Ok(())
}

#[tokio::test]
async fn an_empty_body() -> Outcome {
    let scene = scene().await;
    let all_is_well = results(&scene, |_| Fault::answer(200, &["ETag: \"1\""], "")).await;
    all_is_well.assert(&["unexpected"], true, &["the body is empty"]);
    let nothing_is = results(&scene, |_| Fault::answer(500, &[], "")).await;
    nothing_is.assert(&["server"], true, &["500", "empty"]);
    assert_untouched(&scene).await;
    Ok(())
}

#[tokio::test]
async fn json_that_is_not_kintos() -> Outcome {
    let scene = scene().await;
    for body in [json!({"ok": true}), json!([]), json!({"data": 7}), json!(null)] {
        let shown = body.to_string();
        let results = results(&scene, move |_| {
            Fault::answer(200, &["Content-Type: application/json", "ETag: \"1\""], &body.to_string())
        });
        let results = results.await;
        for error in results.reads.iter().chain(&results.writes) {
            assert!(matches!(predicates(error)[..], ["unexpected" | "decode"]), "{shown}: {error}");
        }
        assert!(results.writes.iter().all(Error::may_have_been_applied), "{shown}");
    }
    let results = results(&scene, |_| Fault::json(400, &json!({"message": "who are you?"}))).await;
    results.assert(&["unexpected"], false, &["400", "who are you?"]);
    assert_untouched(&scene).await;
    Ok(())
}

#[tokio::test]
async fn a_body_that_breaks_off() -> Outcome {
    let scene = scene().await;
    let results = results(&scene, |_| Fault::Truncate(9)).await;
    results.assert(&["connection"], true, &["before the whole answer had arrived"]);
    // The server did what it was asked.
    assert_eq!(scene.plain.ids(&scene.records).await, ["eggs", "milk"]);
    assert_eq!(scene.plain.held(&scene.record("milk")).await, json!({"title": "Milk", "done": true}));
    Ok(())
}

#[tokio::test]
async fn a_body_that_was_cut_short_and_looks_whole() -> Outcome {
    let scene = scene().await;
    let cut = |_: &Sent| {
        Fault::Edit(Box::new(|answer| {
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            let lines: Vec<&str> =
                head.lines().filter(|line| !line.to_lowercase().starts_with("content-length")).collect();
            format!("{}\r\nContent-Length: 9\r\n\r\n{}", lines.join("\r\n"), &body[..9])
        }))
    };
    let results = results(&scene, cut).await;
    results.assert(&["unexpected"], true, &["not what Kinto sends"]);
    assert_eq!(scene.plain.ids(&scene.records).await, ["eggs", "milk"]);
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_away() -> Outcome {
    let scene = scene().await;
    let (url, _port) = nowhere();
    let todos = scene.todos_of(&scene.client_at(&url).retry(Never).build()?);
    let (get, create) = tokio::join!(
        todos.get_record::<Todo>("milk").into_future(),
        todos.create_record(Todo::new("Eggs")).into_future()
    );
    for error in [get.unwrap_err(), create.unwrap_err()] {
        assert_eq!((error.kind(), predicates(&error)), (ErrorKind::Connection, vec!["connection"]), "{error}");
        assert!(!error.may_have_been_applied() && error.status().is_none(), "nothing was sent: {error}");
        assert!(error.to_string().contains("running"), "{error}");
        let source = std::error::Error::source(&error).expect("the reason");
        let mut reasons = std::iter::successors(Some(source), |error| error.source()).map(ToString::to_string);
        assert!(reasons.any(|reason| reason.contains("refused")), "{error:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_server_has_heard() -> Outcome {
    let scene = scene().await;
    let results = results(&scene, |_| Fault::CutBefore).await;
    results.assert(&["connection"], true, &["connection"]);
    assert_untouched(&scene).await;
    Ok(())
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_server_has_done_it() -> Outcome {
    let scene = scene().await;
    let results = results(&scene, |_| Fault::CutAfter).await;
    results.assert(&["connection"], true, &["connection"]);
    assert_eq!(scene.plain.ids(&scene.records).await, ["eggs", "milk"]);
    assert_eq!(scene.plain.held(&scene.record("milk")).await, json!({"title": "Milk", "done": true}));
    Ok(())
}

#[tokio::test]
async fn a_save_whose_answer_is_lost_can_be_made_good() -> Outcome {
    let scene = scene().await;
    let mut record: Record<Todo> = scene.todos.get_record("milk").await?;
    let read = record.last_modified;
    let proxy = Proxy::start(scene.url(), |_| Fault::CutAfter).await;
    record.data.done = true;
    let client = scene.client_at(proxy.url()).retry(Never).build()?;
    let error = scene.todos_of(&client).save_record(&mut record).await.unwrap_err();
    assert_eq!(predicates(&error), ["connection"], "{error}");
    assert!(error.may_have_been_applied() && error.to_string().contains("read before you write again"), "{error}");
    assert_eq!((record.last_modified, record.data.done), (read, true), "it is as it was");
    assert_eq!(scene.plain.held(&scene.record("milk")).await, json!({"title": "Milk", "done": true}));
    Ok(())
}

#[tokio::test]
async fn a_server_that_never_answers() -> Outcome {
    let scene = scene().await;
    let gate = Gate::default();
    let hold = gate.clone();
    let proxy = Proxy::start(scene.url(), move |_| Fault::Hold(hold.clone())).await;
    let client = scene.client_at(proxy.url()).retry(Never).timeout(Duration::from_millis(150)).build()?;
    let todos = scene.todos_of(&client);
    let (get, create, patch) = tokio::join!(
        todos.get_record::<Todo>("milk").into_future(),
        todos.create_record(Todo::new("Eggs")).id("eggs").into_future(),
        todos.patch_record::<Todo>("milk", json!({"done": true})).into_future(),
    );
    for (error, maybe) in [(get.unwrap_err(), false), (create.unwrap_err(), true), (patch.unwrap_err(), true)] {
        assert_eq!((error.kind(), predicates(&error)), (ErrorKind::TimedOut, vec!["timed out"]), "{error}");
        assert_eq!(error.may_have_been_applied(), maybe, "{error}");
        assert!(error.to_string().contains("0.15 s"), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_falls_silent_within_its_answer() -> Outcome {
    let scene = scene().await;
    for silent_after in [0, 9] {
        let proxy = Proxy::start(scene.url(), move |_| Fault::Stall(silent_after)).await;
        let client = scene.client_at(proxy.url()).retry(Never).read_timeout(Duration::from_millis(150)).build()?;
        let todos = scene.todos_of(&client);
        let (get, create) = tokio::join!(
            todos.get_record::<Todo>("milk").into_future(),
            todos.create_record(Todo::new("Eggs")).into_future(),
        );
        for (error, maybe) in [(get.unwrap_err(), false), (create.unwrap_err(), true)] {
            assert_eq!(predicates(&error), ["timed out"], "{error}");
            assert_eq!(error.may_have_been_applied(), maybe, "{error}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_answer_in_many_small_pieces_is_whole() -> Outcome {
    let scene = Scene::new().await;
    let data = json!({"title": "M\u{1f95b}lk ".repeat(50), "deep": {"list": [1, 2, 3]}});
    scene.plain.put_data(&scene.record("milk"), &data).await;
    let proxy = Proxy::start(scene.url(), |_| Fault::Trickle).await;
    let todos = scene.todos_through(&proxy);
    assert_eq!(todos.get_record::<Value>("milk").await?.data, data);
    let mut records = todos.get_records::<Value>().await?;
    records[0].data["deep"]["list"][1] = 7.into();
    todos.save_record(&mut records[0]).await?;
    assert_eq!(scene.plain.held(&scene.record("milk")).await, records[0].data);
    Ok(())
}

#[tokio::test]
async fn an_answer_that_is_too_large() -> Outcome {
    let scene = Scene::new().await;
    scene.plain.put_data(&scene.record("small"), &json!({"title": "x"})).await;
    scene.plain.put_data(&scene.record("large"), &json!({"title": "x".repeat(2_000)})).await;
    let client = scene.client_at(scene.url()).max_response_size(1_000).build()?;
    let todos = scene.todos_of(&client);
    assert_eq!(todos.get_record::<Todo>("small").await?.data.title, "x");
    for error in [todos.get_record::<Todo>("large").await.unwrap_err(), todos.get_records::<Todo>().await.unwrap_err()]
    {
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
        assert!(error.to_string().contains("1000 bytes"), "{error}");
    }
    // Also where the length is not announced.
    let endless = Proxy::instead(|_| {
        let body = "x".repeat(2_000);
        Fault::Answer(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n{body}\r\n0\r\n\r\n"))
    });
    let endless = endless.await;
    let client = scene.client_at(endless.url()).max_response_size(1_000).build()?;
    let error = scene.todos_of(&client).get_record::<Todo>("small").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
    Ok(())
}
