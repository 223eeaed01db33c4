use futures_util::TryStreamExt as _;
use kinto_client::{Value, attachment::FileOutcome};
use kinto_tests::{Fault, Outcome, Proxy};

use super::{Scene, lines};

#[tokio::test]
async fn download_in_each_form_has_the_bytes() -> Outcome {
    let scene = Scene::new().await;
    let attachment = scene.with_file("list", "Milk, bread").await;
    let path = std::env::temp_dir().join(kinto_server::unique("download"));
    assert_eq!(scene.todos.download_attachment("list").await?, "Milk, bread");
    assert_eq!(lines(&scene), [format!("GET {}", scene.record("list")), format!("GET {}", &attachment.location[3..])]);
    let record = scene.todos.get_record::<Value>("list").await?;
    scene.sent.forget();
    let parts: Vec<_> = scene.todos.download_attachment(&record).stream().try_collect().await?;
    assert_eq!(parts.concat(), b"Milk, bread");
    assert_eq!(lines(&scene), [format!("GET {}", &attachment.location[3..])], "the record is known");
    let mut bytes = Vec::new();
    let described = scene.todos.download_attachment(&record).to_writer(&mut bytes).await?;
    assert_eq!((bytes.as_slice(), &described), (&b"Milk, bread"[..], &attachment));
    let file = scene.todos.download_attachment(&record).to_file(&path).await?;
    assert_eq!((file.outcome, &file.path, &file.attachment), (FileOutcome::Downloaded, &path, &attachment));
    assert_eq!(std::fs::read(&path)?, b"Milk, bread");
    scene.sent.forget();
    assert_eq!(scene.todos.download_attachment(&record).to_file(&path).await?.outcome, FileOutcome::Unchanged);
    assert_eq!(lines(&scene), [""; 0], "the file is right");
    std::fs::write(&path, "Milk, broad")?;
    assert_eq!(scene.todos.download_attachment(&record).to_file(&path).await?.outcome, FileOutcome::Downloaded);
    assert_eq!(std::fs::read(&path)?, b"Milk, bread");
    std::fs::remove_file(path)?;
    Ok(())
}

#[tokio::test]
async fn download_of_other_bytes_fails_and_leaves_no_file() -> Outcome {
    let scene = Scene::new().await;
    scene.with_file("list", "Milk, bread").await;
    let folder = std::env::temp_dir().join(kinto_server::unique("download"));
    std::fs::create_dir(&folder)?;
    for (from, to) in [("Milk", "Silk"), ("11\r\n", "12\r\n")] {
        let proxy = Proxy::start(scene.url(), move |sent| {
            if sent.target.contains("/admin/") { Fault::replace(from, to) } else { Fault::Pass }
        })
        .await;
        let todos = scene.todos_through(&proxy);
        let path = folder.join("list.txt");
        std::fs::write(&path, "old")?;
        let error = todos.download_attachment("list").to_file(&path).await.unwrap_err();
        assert!(error.is_unexpected(), "{error}");
        assert_eq!(std::fs::read(&path)?, b"old");
        assert_eq!(std::fs::read_dir(&folder)?.count(), 1, "nothing else is left");
    }
    std::fs::remove_dir_all(folder)?;
    Ok(())
}
