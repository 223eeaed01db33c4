use std::{fs, path::Path};

use kinto_client::{KintoRecord, attachment::Attachment, json, object::Id};
use kinto_tests::{Fault, Gate, Outcome, Proxy};
use serde::{Deserialize, Serialize};

use super::Scene;

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(collection = "todos")]
struct Note {
    #[serde(default)]
    n: u32,
    #[kinto(attachment)]
    #[serde(default)]
    attachment: Option<Attachment>,
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let inside = fs::read_dir(&path).expect("a folder").map(|file| file.expect("a file").path());
        names.extend(inside.map(|file| file.strip_prefix(folder).expect("inside").display().to_string()));
    }
    names.sort_unstable();
    names
}

#[tokio::test]
async fn download_of_all_and_verification_agree_on_what_is_there() -> Outcome {
    let scene = Scene::new().await;
    let folder = std::env::temp_dir().join(kinto_server::unique("folder"));
    for n in 0..12 {
        let upload = scene.todos.upload_attachment(format!("r{n}"), format!("file {n}")).filename(format!("{n} ü.txt"));
        upload.data(json!({"n": n})).await?;
    }
    scene.plain.put_data(&scene.record("none"), &json!({"n": 99, "attachment": null})).await;
    let before = scene.todos.verify_attachments(&folder).await?;
    assert_eq!((before.intact, before.missing.len(), before.stale.len(), before.orphaned.len()), (0, 12, 0, 0));

    let mut seen = Vec::new();
    let done = scene.todos.download_attachments(&folder).on_progress(|progress| {
        seen.push(progress);
        true
    });
    let done = done.await?;
    assert_eq!((done.downloaded, done.unchanged, done.failed, done.without_file, done.bytes), (12, 0, 0, 1, 74));
    assert_eq!((seen.len(), seen.last()), (13, Some(&done)));
    assert_eq!(names(&folder).len(), 12);
    assert_eq!(fs::read_to_string(folder.join("r11").join("11 ü.txt"))?, "file 11");
    assert!(scene.todos.verify_attachments(&folder).await?.is_empty());

    let files = scene.client_at(scene.url()).build()?;
    let notes = scene.todos_of(&files).typed::<Note>();
    let f = Note::fields();
    let again = notes.download_attachments(&folder).filter(f.attachment.size.ge(7)).await?;
    assert_eq!((again.downloaded, again.unchanged), (0, 2));

    fs::write(folder.join("r1").join("1 ü.txt"), "file X")?;
    fs::remove_file(folder.join("r2").join("2 ü.txt"))?;
    fs::write(folder.join("r3").join("more.txt"), "")?;
    scene.plain.delete(&scene.record("r4")).await;
    let differences = scene.todos.verify_attachments(&folder).concurrency(1).await?;
    assert_eq!(differences.intact, 9);
    assert_eq!(differences.stale, [folder.join("r1").join("1 ü.txt")]);
    assert_eq!(differences.missing, [folder.join("r2").join("2 ü.txt")]);
    assert_eq!(differences.orphaned, [folder.join("r3").join("more.txt"), folder.join("r4").join("4 ü.txt")]);
    let repaired = scene.todos.download_attachments(&folder).await?;
    assert_eq!((repaired.downloaded, repaired.unchanged), (2, 9));
    fs::remove_dir_all(folder)?;
    Ok(())
}

#[tokio::test]
async fn download_of_all_reports_each_failure_with_its_record_and_does_the_others() -> Outcome {
    let scene = Scene::new().await;
    let folder = std::env::temp_dir().join(kinto_server::unique("folder"));
    for id in ["a", "b", "c"] {
        scene.with_file(id, id).await;
    }
    let lost = scene.held_attachment("b").await["location"].as_str().expect("a location").to_owned();
    let proxy = Proxy::start(
        scene.url(),
        move |sent| {
            if sent.target == lost { Fault::answer(404, &[], "") } else { Fault::Pass }
        },
    )
    .await;
    let error = scene.todos_through(&proxy).download_attachments(&folder).concurrency(1).await.unwrap_err();
    assert!(error.is_partial() && error.failures().len() == 1, "{error}");
    let (number, failure) = &error.failures()[0];
    assert_eq!((*number, failure.object()), (1, Some(&*scene.record("b"))));
    assert!(failure.is_not_found(), "{failure}");
    assert_eq!(names(&folder), ["a/list.txt", "c/list.txt"]);

    let stopped = scene.todos.download_attachments(&folder).concurrency(1).on_progress(|_| false).await.unwrap_err();
    assert!(stopped.is_cancelled(), "{stopped}");
    assert!(scene.todos.download_attachments(&folder).concurrency(0).await.is_err_and(|error| error.is_invalid()));
    fs::remove_dir_all(folder)?;
    Ok(())
}

#[tokio::test]
async fn file_name_of_a_record_does_not_leave_the_folder() -> Outcome {
    let scene = Scene::new().await;
    let folder = std::env::temp_dir().join(kinto_server::unique("folder"));
    scene.with_file("list", "Milk").await;
    let mut attachment = scene.held_attachment("list").await;
    attachment["filename"] = "../../../evil.txt".into();
    scene.plain.put_data(&scene.record("evil"), &json!({"attachment": attachment})).await;
    scene.todos.download_attachments(&folder).await?;
    assert_eq!(names(&folder), ["evil/.._.._.._evil.txt", "list/list.txt"]);
    fs::remove_dir_all(folder)?;
    Ok(())
}

#[tokio::test]
async fn check_finds_files_that_are_gone_from_the_server() -> Outcome {
    let scene = Scene::new().await;
    for n in 0..7 {
        scene.with_file(&format!("r{n}"), &format!("file {n}")).await;
    }
    scene.plain.put_data(&scene.record("none"), &json!({"attachment": null})).await;
    // A refused upload has the server delete the file that was there.
    assert_eq!(scene.post("r3", "a.exe", "", &[]).await, 400);
    let check = scene.todos.check_attachments().concurrency(2).await?;
    assert_eq!(check.present, 6);
    assert_eq!((check.missing.iter().map(Id::as_str).collect::<Vec<_>>(), check.is_complete()), (vec!["r3"], false));
    assert!(check.different.is_empty() && check.unknown.is_empty());
    scene.todos.upload_attachment("r3", "Milk").filename("a.txt").replace().await?;
    let whole = scene.todos.check_attachments().await?;
    assert_eq!((whole.present, whole.is_complete()), (7, true));

    // Descriptions that another program has written: the server takes them with new records.
    let mut described = scene.held_attachment("r1").await;
    described["size"] = json!(7);
    scene.plain.put_data(&scene.record("other"), &json!({"attachment": described})).await;
    described["location"] = json!("ftp://nowhere/file");
    scene.plain.put_data(&scene.record("nowhere"), &json!({"attachment": described})).await;
    let check = scene.todos.check_attachments().await?;
    assert_eq!((check.present, check.missing.len()), (7, 0));
    assert_eq!(check.different.iter().map(Id::as_str).collect::<Vec<_>>(), ["other"], "it has 6 bytes");
    assert_eq!(check.unknown.iter().map(Id::as_str).collect::<Vec<_>>(), ["nowhere"]);
    let none = scene.todos.check_attachments().concurrency(0).await.unwrap_err();
    assert!(none.is_invalid() && none.to_string().contains("at least 1"), "{none}");
    Ok(())
}

#[tokio::test]
async fn files_that_are_replaced_or_deleted_after_the_list_was_read_are_no_failures() -> Outcome {
    let scene = Scene::new().await;
    let folder = std::env::temp_dir().join(kinto_server::unique("folder"));
    for download in [true, false] {
        for id in ["a", "b", "c", "d"] {
            assert!([200, 201].contains(&scene.post(id, "list.txt", "Milk", &[]).await));
        }
        let (records, gate) = (scene.records.clone(), Gate::default());
        let mut held = Some(gate.clone());
        let proxy = Proxy::start(scene.url(), move |sent| {
            let gate = if sent.target.contains(&format!("{records}?")) { held.take() } else { None };
            gate.map_or(Fault::Pass, Fault::HoldAnswer)
        })
        .await;
        let todos = scene.todos_through(&proxy);
        let meanwhile = async {
            assert_eq!(scene.post("a", "new.txt", "Oat milk", &[]).await, 200);
            scene.plain.delete(&scene.record("b")).await;
            scene.plain.delete(&format!("{}/attachment", scene.record("c"))).await;
        };
        if download {
            let done = gate.overtake(todos.download_attachments(&folder), meanwhile).await?;
            assert_eq!((done.downloaded, done.without_file, done.failed, done.bytes), (2, 2, 0, 12));
            assert_eq!(fs::read_to_string(folder.join("a").join("new.txt"))?, "Oat milk");
            let files = names(&folder);
            assert_eq!(files, ["a/new.txt", "d/list.txt"]);
        } else {
            let check = gate.overtake(todos.check_attachments(), meanwhile).await?;
            assert_eq!((check.present, check.missing.len(), check.is_complete()), (2, 0, true), "{check:?}");
        }
    }
    fs::remove_dir_all(folder)?;
    Ok(())
}
