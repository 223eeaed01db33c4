use std::io;

use futures_util::stream;
use kinto_client::{
    attachment::{AttachmentSource, UploadOutcome},
    bytes::Bytes,
    json,
};
use kinto_tests::{Fault, Outcome, Proxy, in_order};

use super::{Scene, lines};

#[tokio::test]
async fn upload_of_bytes_creates_record_with_file() -> Outcome {
    let scene = Scene::new().await;
    let uploaded = scene.todos.upload_attachment("list", "Milk").filename("list.txt").await?;
    assert_eq!(
        lines(&scene),
        [format!("GET {}", scene.record("list")), format!("POST {}/attachment", scene.record("list"))]
    );
    let held = scene.held_attachment("list").await;
    assert_eq!(serde_json::to_value(&uploaded.attachment)?, held);
    assert_eq!(
        (&held["filename"], &held["mimetype"], &held["size"]),
        (&json!("list.txt"), &json!("text/plain"), &json!(4))
    );
    assert_eq!(scene.file(&held).await, (200, "Milk".to_owned()));
    assert!(uploaded.record_created);
    assert_eq!(uploaded.last_modified.as_millis(), scene.plain.object(&scene.record("list")).await["last_modified"]);
    Ok(())
}

#[tokio::test]
async fn upload_sets_data_and_permissions_and_keeps_other_fields() -> Outcome {
    let scene = Scene::new().await;
    scene.plain.put_data(&scene.record("list"), &json!({"title": "old", "kept": [1, {"a": null}]})).await;
    let data = json!({"id": "list", "title": "Für \"später\"", "attachment": {"filename": "forged"}});
    let upload = scene.todos.upload_attachment("list", "Milk").filename("list.txt").data(data);
    let uploaded = upload.permissions(|p| p.read("account:niko")).await?;
    assert!(!uploaded.record_created);
    let mut held = scene.plain.held(&scene.record("list")).await;
    assert_eq!(held["attachment"].take()["filename"], "list.txt");
    assert_eq!(held, json!({"title": "Für \"später\"", "kept": [1, {"a": null}], "attachment": null}));
    let permissions = scene.plain.permissions(&scene.record("list")).await;
    assert_eq!(permissions["read"], json!(["account:niko"]));
    Ok(())
}

#[tokio::test]
async fn upload_from_each_source_stores_the_same() -> Outcome {
    let scene = Scene::new().await;
    let path = std::env::temp_dir().join(format!("{}.txt", kinto_server::unique("source")));
    let content = "0123456789".repeat(20_000);
    std::fs::write(&path, &content)?;
    let parts = || stream::iter((0..20_000).map(|_| io::Result::Ok(Bytes::from_static(b"0123456789"))));
    let sources: [(&str, AttachmentSource); 6] = [
        ("bytes", content.clone().into()),
        ("vec", content.clone().into_bytes().into()),
        ("file", path.clone().into()),
        ("stream", AttachmentSource::stream(parts())),
        ("reader", AttachmentSource::reader(io::Cursor::new(content.clone()))),
        ("factory", AttachmentSource::factory(parts)),
    ];
    let mut hashes = Vec::new();
    for (id, source) in sources {
        let UploadOutcome { attachment, .. } = scene.todos.upload_attachment(id, source).filename("all.txt").await?;
        let held = scene.held_attachment(id).await;
        assert_eq!((attachment.size, attachment.location.as_str()), (200_000, held["location"].as_str().unwrap()));
        assert_eq!(scene.file(&held).await, (200, content.clone()), "{id}");
        hashes.push(attachment.hash);
    }
    hashes.dedup();
    assert_eq!(hashes.len(), 1);
    std::fs::remove_file(path)?;
    Ok(())
}

#[tokio::test]
async fn upload_names_file_as_it_is_or_refuses_before_sending() -> Outcome {
    let scene = Scene::new().await;
    for (number, name) in ["é ü 漢.txt", "a;b=c, d.txt", "100% 'safe'.txt", "x.tar.json"].into_iter().enumerate() {
        let id = format!("r{number}");
        let uploaded = scene.todos.upload_attachment(&id, "Milk").filename(name).await?;
        assert_eq!(uploaded.attachment.filename, name);
    }
    let own = scene.todos.upload_attachment("own", "{}").filename("a.json").mimetype("application/x-own").await?;
    assert_eq!(own.attachment.mimetype, "application/x-own");
    scene.sent.forget();
    for (name, mimetype) in
        [("", "a/b"), ("a\"b.txt", "a/b"), ("../a.txt", "a/b"), ("a.txt", "b"), ("a.txt", "a/b\r\nX: y")]
    {
        let error = scene.todos.upload_attachment("bad", "Milk").filename(name).mimetype(mimetype).await.unwrap_err();
        assert!(error.is_invalid(), "{error}");
    }
    let unnamed = scene.todos.upload_attachment("bad", "Milk").await.unwrap_err();
    assert!(unnamed.is_invalid() && unnamed.to_string().contains("`.filename(…)`"), "{unnamed}");
    let missing = scene.todos.upload_attachment("bad", AttachmentSource::file("/nowhere/a.txt")).await.unwrap_err();
    assert!(missing.is_invalid() && missing.to_string().contains("/nowhere/a.txt"), "{missing}");
    let large = scene.todos.upload_attachment("bad", "Milk").filename("a.txt").max_size(3).await.unwrap_err();
    assert!(large.is_invalid() && large.to_string().contains("3 bytes"), "{large}");
    assert_eq!(scene.sent.take_lines(), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn upload_of_empty_file_is_stored_as_empty() -> Outcome {
    let scene = Scene::new().await;
    let uploaded = scene.todos.upload_attachment("list", "").filename("list.txt").await?;
    assert_eq!(uploaded.attachment.size, 0);
    assert_eq!(scene.file(&scene.held_attachment("list").await).await, (200, String::new()));
    assert_eq!(scene.todos.download_attachment("list").await?, "");
    Ok(())
}

#[tokio::test]
async fn upload_whose_response_is_lost_is_recognized_and_not_repeated() -> Outcome {
    let scene = Scene::new().await;
    let rule = in_order([Fault::Pass, Fault::Pass, Fault::CutAfter]);
    let proxy = Proxy::start(scene.url(), rule).await;
    let uploaded = scene.todos_through(&proxy).upload_attachment("list", "Milk").filename("list.txt").await?;
    let (record, post) = (scene.record("list"), format!("POST {}/attachment", scene.record("list")));
    assert_eq!(proxy.lines(), ["GET /".to_owned(), format!("GET {record}"), post, format!("GET {record}")]);
    assert_eq!(serde_json::to_value(&uploaded.attachment)?, scene.held_attachment("list").await);
    assert!(uploaded.record_created);
    assert_eq!(uploaded.last_modified.as_millis(), scene.plain.object(&record).await["last_modified"]);
    Ok(())
}

#[tokio::test]
async fn upload_that_did_not_arrive_is_repeated_whole() -> Outcome {
    let scene = Scene::new().await;
    let rule = in_order([Fault::Pass, Fault::Pass, Fault::CutBefore, Fault::Pass, Fault::answer(503, &[], "")]);
    let proxy = Proxy::start(scene.url(), rule).await;
    let content = "0123456789".repeat(10_000);
    let source = AttachmentSource::reader(io::Cursor::new(content.clone()));
    scene.todos_through(&proxy).upload_attachment("list", source).filename("list.txt").await?;
    let (get, post) = (format!("GET {}", scene.record("list")), format!("POST {}/attachment", scene.record("list")));
    assert_eq!(proxy.lines(), ["GET /", &get, &post, &get, &post, &get, &post]);
    let bodies: Vec<usize> = proxy.arrived().iter().map(|sent| sent.body.len()).filter(|size| *size > 0).collect();
    assert!(bodies.len() == 3 && bodies.iter().all(|size| *size == bodies[0]), "{bodies:?}");
    assert_eq!(scene.file(&scene.held_attachment("list").await).await, (200, content));
    Ok(())
}

#[tokio::test]
async fn upload_is_not_repeated_over_another_clients_write() -> Outcome {
    let scene = Scene::new().await;
    scene.plain.put_data(&scene.record("list"), &json!({"n": 1})).await;
    let gate = kinto_tests::Gate::default();
    let mut faults = vec![Fault::Pass, Fault::Pass, Fault::answer(502, &[], ""), Fault::Hold(gate.clone())].into_iter();
    let proxy = Proxy::start(scene.url(), move |_| faults.next().unwrap_or(Fault::Pass)).await;
    let todos = scene.todos_through(&proxy);
    let upload = todos.upload_attachment("list", "Milk").filename("list.txt").into_future();
    let write = async { drop(scene.plain.put_data(&scene.record("list"), &json!({"n": 2})).await) };
    let error = gate.overtake(upload, write).await.unwrap_err();
    assert!(error.may_have_been_applied(), "{error}");
    assert_eq!(scene.plain.held(&scene.record("list")).await, json!({"n": 2}));
    Ok(())
}

#[tokio::test]
async fn upload_of_source_that_changes_fails_and_stores_nothing() -> Outcome {
    let scene = Scene::new().await;
    let calls = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    for grows in [true, false] {
        let calls = std::sync::Arc::clone(&calls);
        let source = AttachmentSource::factory(move || {
            let call = calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let text = if call.is_multiple_of(2) {
                "Milk"
            } else if grows {
                "Milk and more"
            } else {
                "Silk"
            };
            stream::iter([io::Result::Ok(Bytes::from_static(text.as_bytes()))])
        });
        let client = scene.client_at(scene.url()).build()?;
        let upload = scene.todos_of(&client).upload_attachment("list", source).filename("list.txt");
        let error = upload.await.unwrap_err();
        assert!(error.is_invalid() && error.to_string().contains("other bytes"), "{error}");
        assert_eq!(scene.plain.status(&scene.record("list")).await, 404);
    }
    Ok(())
}

#[tokio::test]
async fn upload_without_plugin_is_unsupported_and_sends_nothing() -> Outcome {
    let scene = kinto_tests::Fixture::new().await;
    let error = scene.todos.upload_attachment("list", "Milk").filename("list.txt").await.unwrap_err();
    assert!(error.is_unsupported() && error.to_string().contains("*attachments*"), "{error}");
    assert_eq!(scene.sent.take_lines(), ["GET /"]);
    Ok(())
}

#[tokio::test]
async fn unchecked_upload_reads_nothing_first() -> Outcome {
    let scene = Scene::new().await;
    let path = format!("/buckets/{}/collections/drop", scene.bucket.id());
    scene.plain.put(&path, &json!({"permissions": {"record:create": ["system.Everyone"]}})).await;
    let anyone = kinto_client::Client::builder(scene.url()).transport(scene.sent.clone()).build()?;
    let inbox = anyone.bucket(scene.bucket.id()).collection("drop");
    let checked = inbox.upload_attachment("one", "Milk").filename("a.txt").await.unwrap_err();
    assert!(checked.is_unauthorized() || checked.is_forbidden(), "{checked}");
    scene.sent.forget();
    let uploaded = inbox.upload_attachment("one", "Milk").filename("a.txt").unchecked().await?;
    assert!(uploaded.record_created);
    assert_eq!(lines(&scene), [format!("POST {path}/records/one/attachment")]);
    Ok(())
}

#[tokio::test]
async fn uploads_of_one_program_to_one_record_take_turns() -> Outcome {
    let scene = Scene::new().await;
    let upload = |text: &'static str| scene.todos.upload_attachment("list", text).filename("list.txt");
    let (one, other) = tokio::join!(upload("Milk").into_future(), upload("Silk").into_future());
    let refused =
        [one, other].into_iter().filter(|outcome| outcome.as_ref().is_err_and(kinto_client::Error::is_conflict));
    assert_eq!(refused.count(), 1);
    let uploads = (0..4).map(|_| upload("Oats").replace().into_future());
    for outcome in futures_util::future::join_all(uploads).await {
        outcome?;
    }
    assert_eq!(scene.file(&scene.held_attachment("list").await).await, (200, "Oats".to_owned()));
    Ok(())
}

#[tokio::test]
async fn upload_that_is_dropped_leaves_no_temporary_file_and_no_turn() -> Outcome {
    let scene = Scene::new().await;
    let spooled = || {
        let entries = std::fs::read_dir(std::env::temp_dir()).expect("a folder").filter_map(Result::ok);
        let sizes = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("kinto-client-"));
        sizes.filter(|entry| entry.metadata().is_ok_and(|metadata| metadata.len() == 123_457)).count()
    };
    let gate = kinto_tests::Gate::default();
    let mut hold = Some(Fault::Hold(gate.clone()));
    let proxy = Proxy::start(scene.url(), move |sent| match sent.method {
        http::Method::POST => hold.take().unwrap_or(Fault::Pass),
        _ => Fault::Pass,
    })
    .await;
    let todos = scene.todos_through(&proxy);
    let source = AttachmentSource::reader(io::Cursor::new("x".repeat(123_457)));
    let mut upload = todos.upload_attachment("list", source).filename("list.txt").into_future();
    tokio::select! {
        _ = &mut upload => panic!("it waits at the gate"),
        () = gate.arrival() => assert_eq!(spooled(), 1),
    }
    drop(upload);
    while spooled() > 0 {
        // The task of the try ends by itself.
        tokio::task::yield_now().await;
    }
    todos.upload_attachment("other", "Milk").filename("list.txt").await?;
    todos.upload_attachment("list", "Milk").filename("list.txt").await?;
    assert_eq!(scene.file(&scene.held_attachment("list").await).await, (200, "Milk".to_owned()));
    Ok(())
}
