//! Records of a type with `#[kinto(attachment)]`, whose file only the server describes.

use http::Method;
use kinto_client::{KintoRecord, Record, Value, attachment::Attachment, json};
use kinto_tests::{Fault, Outcome, Proxy};
use serde::{Deserialize, Serialize};

use super::{Scene, lines};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
#[kinto(collection = "todos", attachment(enabled))]
struct Logo {
    title: String,
    #[kinto(attachment)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attachment: Option<Attachment>,
}

/// The same record, of a type that does not know of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
#[kinto(collection = "todos")]
struct Title {
    title: String,
}

impl Logo {
    fn new(title: &str) -> Self {
        Self { title: title.to_owned(), attachment: None }
    }
}

#[tokio::test]
async fn typed_record_has_its_file_and_handles_for_it() -> Outcome {
    let scene = Scene::new().await;
    let logos = scene.todos.typed::<Logo>();
    let logo = logos.create_record(Logo::new("Kinto")).await?;
    let uploaded = logos.upload_attachment(&logo, "small").filename("kinto.txt").data(json!({"title": "K"})).await?;
    logos.upload_attachment("other", "larger file").filename("other.txt").data(Logo::new("O")).await?;
    let read = logos.get_record(&logo.id).await?;
    assert_eq!(read.data, Logo { title: "K".into(), attachment: Some(uploaded.attachment.clone()) });
    assert_eq!(read.attachment()?, read.data.attachment);
    assert_eq!(read.last_modified, uploaded.last_modified);
    let f = Logo::fields();
    assert_eq!(f.attachment.size.path(), "attachment.size");
    let large = logos.get_records().filter(f.attachment.size.gt(5)).sort(f.attachment.filename.asc()).await?;
    assert_eq!(large.iter().map(|logo| logo.id.as_str()).collect::<Vec<_>>(), ["other"]);
    assert_eq!(logos.download_attachment(&large[0]).await?, "larger file");
    assert_eq!(logos.delete_attachment(&read).await?, uploaded.attachment);
    assert_eq!(logos.get_record(&logo.id).await?.data.attachment, None, "null is none");
    Ok(())
}

#[tokio::test]
async fn save_keeps_the_file_and_refuses_to_change_or_drop_it() -> Outcome {
    let scene = Scene::new().await;
    let logos = scene.todos.typed::<Logo>();
    logos.upload_attachment("list", "Milk").filename("a.txt").data(Logo::new("old")).await?;
    let held = scene.held_attachment("list").await;
    let mut logo = logos.get_record("list").await?;
    logo.data.title = "new".into();
    logos.save_record(&mut logo).await?;
    let mut title = scene.todos.get_record::<Title>("list").await?;
    title.data.title = "newer".into();
    scene.todos.save_record(&mut title).await?;
    logos.update_record("list", |logo| logo.title.push('!')).await?;
    assert_eq!(scene.plain.held(&scene.record("list")).await, json!({"title": "newer!", "attachment": held}));

    scene.sent.forget();
    let read = logos.get_record("list").await?;
    let change = |change: fn(&mut Logo)| {
        let mut logo: Record<Logo> = read.clone();
        change(&mut logo.data);
        logo
    };
    for mut logo in [
        change(|logo| logo.attachment = None),
        change(|logo| logo.attachment.as_mut().expect("a file").filename = "b.txt".into()),
        change(|logo| drop(logo.attachment.as_mut().expect("a file").other.insert("x".into(), json!(1)))),
    ] {
        let error = logos.save_record(&mut logo).await.unwrap_err();
        assert!(error.is_invalid() && error.to_string().contains("`upload_attachment`"), "{error}");
    }
    assert!(logos.update_record("list", |logo| logo.attachment = None).await.is_err_and(|error| error.is_invalid()));
    let f = Logo::fields();
    for error in [
        logos.patch_record("list", json!({"title": "t", "attachment": null})).await.unwrap_err(),
        logos.record("list").merge_patch(json!({"attachment": {"size": 5}})).await.unwrap_err(),
        logos.record("list").merge_patch(json!({"attachment": null})).await.unwrap_err(),
        logos.edit_record("list").set(f.attachment.filename, "b.txt").await.unwrap_err(),
    ] {
        assert!(error.is_invalid() && error.to_string().contains("`upload_attachment`"), "{error}");
    }
    assert!(lines(&scene).iter().all(|line| line.starts_with("GET")));
    logos.edit_record("list").set(f.title, "edited").await?;
    logos.patch_record("list", json!({"title": "patched"})).await?;
    assert_eq!(scene.held_attachment("list").await, held);

    // The server refuses the change of the description, and does drop it.
    let patch = |attachment: Value| {
        let body = json!({"data": {"attachment": attachment}});
        let (plain, record) = (scene.plain.clone(), scene.record("list"));
        async move { plain.send(Method::PATCH, &record, Some(&body)).await }
    };
    let refused = patch(json!({"filename": "b.txt"})).await;
    assert_eq!((refused.status.as_u16(), refused.json()["errno"].as_u64()), (400, Some(999)));
    assert_eq!(patch(Value::Null).await.status, 200);
    Ok(())
}

#[tokio::test]
async fn overwrite_refuses_to_drop_the_file_keeps_it_or_drops_it_on_demand() -> Outcome {
    let scene = Scene::new().await;
    let logos = scene.todos.typed::<Logo>();
    scene.with_file("list", "Milk").await;
    let held = scene.held_attachment("list").await;
    scene.sent.forget();
    let error = logos.overwrite_record("list", Logo::new("new")).await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("`.keep_attachment()`"), "{error}");
    assert_eq!(lines(&scene), [""; 0]);

    let kept = logos.overwrite_record("list", Logo::new("new")).keep_attachment().await?;
    assert_eq!(kept.data.attachment.as_ref().map(|file| file.filename.as_str()), Some("list.txt"));
    assert_eq!(scene.plain.held(&scene.record("list")).await, json!({"title": "new", "attachment": held}));
    logos
        .overwrite_record("list", Logo { title: "own".into(), ..kept.data.clone() })
        .if_match(kept.last_modified)
        .await?;
    let untyped = scene.todos.overwrite_record("list", json!({"n": 1})).permissions(|p| p.read("account:niko"));
    untyped.keep_attachment().await?;
    assert_eq!(scene.plain.held(&scene.record("list")).await, json!({"n": 1, "attachment": held}));
    assert_eq!(scene.plain.permissions(&scene.record("list")).await["read"], json!(["account:niko"]));
    assert_eq!(scene.file(&held).await.0, 200);
    let stale = scene.todos.overwrite_record("list", json!({})).if_match(kept.last_modified).keep_attachment();
    assert!(stale.await.is_err_and(|error| error.is_conflict()));
    let created = logos.overwrite_record("fresh", Logo::new("first")).keep_attachment().await?;
    assert_eq!(created.data, Logo::new("first"));

    logos.overwrite_record("list", Logo::new("bare")).drop_attachment().await?;
    assert_eq!(scene.plain.held(&scene.record("list")).await, json!({"title": "bare"}));
    assert_eq!(scene.file(&held).await.0, 200, "the server keeps the file that no record names");
    Ok(())
}

#[tokio::test]
async fn overwrite_that_keeps_the_file_is_repeated_after_a_conflict() -> Outcome {
    let scene = Scene::new().await;
    scene.with_file("list", "Milk").await;
    let gate = kinto_tests::Gate::default();
    let mut hold = Some(Fault::Hold(gate.clone()));
    let proxy = Proxy::start(scene.url(), move |sent| match sent.method {
        Method::PUT => hold.take().unwrap_or(Fault::Pass),
        _ => Fault::Pass,
    })
    .await;
    let todos = scene.todos_through(&proxy);
    let overwrite = todos.overwrite_record("list", json!({"n": 1})).keep_attachment().into_future();
    let replace = async { assert_eq!(scene.post("list", "b.txt", "Silk", &[]).await, 200) };
    let record = gate.overtake(overwrite, replace).await?;
    assert_eq!(record.attachment()?.map(|file| file.filename).as_deref(), Some("b.txt"));
    assert_eq!(scene.file(&scene.held_attachment("list").await).await, (200, "Silk".to_owned()));
    Ok(())
}

#[tokio::test]
async fn create_with_the_description_of_a_file_is_refused() -> Outcome {
    let scene = Scene::new().await;
    let attachment = scene.with_file("list", "Milk").await;
    let logo = Logo { title: "copy".into(), attachment: Some(attachment) };
    scene.sent.forget();
    let error = scene.todos.typed::<Logo>().create_record(logo).await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("a new record has none"), "{error}");
    assert_eq!(lines(&scene), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn unknown_members_of_a_description_are_kept() -> Outcome {
    let scene = Scene::new().await;
    let attachment =
        json!({"filename": "a", "location": "/a", "hash": "00", "mimetype": "a/b", "size": 1, "original": {"size": 2}});
    scene.plain.put_data(&scene.record("old"), &json!({"title": "old", "attachment": attachment})).await;
    let logos = scene.todos.typed::<Logo>();
    let logo = logos.update_record("old", |logo| logo.title = "new".into()).await?;
    assert_eq!(logo.data.attachment.expect("a file").other["original"], json!({"size": 2}));
    assert_eq!(scene.held_attachment("old").await, attachment);
    Ok(())
}
