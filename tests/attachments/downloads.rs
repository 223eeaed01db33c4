use futures_util::TryStreamExt as _;
use kinto_client::{Value, attachment::FileOutcome};
use kinto_tests::{Fault, Gate, Outcome, Proxy};

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

#[tokio::test]
async fn download_of_file_that_is_replaced_or_deleted_meanwhile_has_what_is_there_then() -> Outcome {
    let scene = Scene::new().await;
    let path = std::env::temp_dir().join(kinto_server::unique("download"));
    // The record is read, and its file replaced before that is requested.
    for form in ["memory", "writer", "file", "stream"] {
        scene.with_file(form, "Milk").await;
        let (record, gate) = (scene.record(form), Gate::default());
        let mut held = Some(gate.clone());
        let proxy = Proxy::start(scene.url(), move |sent| {
            let gate = if sent.target.ends_with(&record) { held.take() } else { None };
            gate.map_or(Fault::Pass, Fault::HoldAnswer)
        })
        .await;
        let download = scene.todos_through(&proxy).download_attachment(form);
        let read = async {
            match form {
                "memory" => download.await.map(|bytes| bytes.to_vec()),
                "writer" => {
                    let mut bytes = Vec::new();
                    let attachment = download.to_writer(&mut bytes).await?;
                    assert_eq!(attachment.size, 8);
                    Ok(bytes)
                }
                "file" => {
                    let file = download.to_file(&path).await?;
                    assert_eq!((file.outcome, file.attachment.size), (FileOutcome::Downloaded, 8));
                    Ok(std::fs::read(&path).expect("a file"))
                }
                _ => Ok(download.stream().try_collect::<Vec<_>>().await?.concat()),
            }
        };
        let replace = async { assert_eq!(scene.post(form, "list.txt", "Oat milk", &[]).await, 200) };
        assert_eq!(gate.overtake(read, replace).await?, b"Oat milk", "{form}");
        let record = format!("GET {}", scene.record(form));
        assert_eq!(proxy.lines().iter().filter(|line| **line == record).count(), 2, "{form}: {:?}", proxy.lines());
    }
    std::fs::remove_file(path)?;

    // A record that the caller has read is another matter: the error says what has become of it.
    scene.with_file("read", "Milk").await;
    let read = scene.todos.get_record::<Value>("read").await?;
    assert_eq!(scene.post("read", "list.txt", "Oats", &[]).await, 200);
    let replaced = scene.todos.download_attachment(&read).await.unwrap_err();
    assert!(replaced.is_not_found(), "{replaced}");
    assert!(
        replaced.to_string().contains("the record has another file since it was read: read it again"),
        "{replaced}"
    );
    scene.plain.delete(&scene.record("read")).await;
    let deleted = scene.todos.download_attachment(&read).await.unwrap_err();
    assert!(deleted.is_not_found() && deleted.to_string().contains("the record was deleted since"), "{deleted}");
    scene.with_file("lost", "Milk").await;
    // A refused upload has the server delete the file that was there.
    assert_eq!(scene.post("lost", "a.exe", "", &[]).await, 400);
    let lost = scene.todos.download_attachment("lost").await.unwrap_err();
    assert!(lost.is_not_found() && lost.to_string().contains("names it still: upload it again"), "{lost}");
    Ok(())
}
