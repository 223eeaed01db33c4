//! Downloads over connections that break, and servers that do ranges or not.

use kinto_client::{attachment::FileOutcome, retry::NeverRetry};
use kinto_tests::{CuttingProxy, Fault, Outcome, Proxy, in_order};

use super::Scene;

const TEXT: &str = "0123456789ABCDEF";

fn ranges(proxy: &Proxy) -> Vec<Option<String>> {
    let files = proxy.arrived().into_iter().filter(|sent| sent.target.contains("/admin/"));
    files.map(|sent| sent.header("range").map(str::to_owned)).collect()
}

#[tokio::test]
async fn download_that_is_cut_is_continued_by_range() -> Outcome {
    let scene = Scene::new().await;
    scene.with_file("list", TEXT).await;
    let rule = in_order([Fault::Pass, Fault::Pass, Fault::Truncate(5), Fault::Truncate(4), Fault::CutBefore]);
    let proxy = Proxy::start(scene.url(), rule).await;
    assert_eq!(scene.todos_through(&proxy).download_attachment("list").await?, TEXT);
    assert_eq!(ranges(&proxy), [None, Some("bytes=5-".into()), Some("bytes=9-".into()), Some("bytes=9-".into())]);
    Ok(())
}

#[tokio::test]
async fn download_from_server_without_ranges_skips_what_it_has() -> Outcome {
    let scene = Scene::new().await;
    scene.with_file("list", TEXT).await;
    let rule = in_order([Fault::Pass, Fault::Pass, Fault::Truncate(5), Fault::WithoutHeader("range")]);
    let proxy = Proxy::start(scene.url(), rule).await;
    let mut bytes = Vec::new();
    scene.todos_through(&proxy).download_attachment("list").to_writer(&mut bytes).await?;
    assert_eq!(bytes, TEXT.as_bytes());
    Ok(())
}

#[tokio::test]
async fn download_of_another_range_than_was_asked_for_is_an_error() -> Outcome {
    let scene = Scene::new().await;
    scene.with_file("list", TEXT).await;
    let rule = in_order([Fault::Pass, Fault::Pass, Fault::Truncate(5), Fault::replace("bytes 5-", "bytes 4-")]);
    let proxy = Proxy::start(scene.url(), rule).await;
    let error = scene.todos_through(&proxy).download_attachment("list").await.unwrap_err();
    assert!(error.is_unexpected() && error.to_string().contains("another range"), "{error}");
    Ok(())
}

#[tokio::test]
async fn check_asks_again_when_the_connection_breaks_or_the_server_is_busy() -> Outcome {
    let scene = Scene::new().await;
    scene.with_file("list", TEXT).await;
    let busy = Fault::answer(503, &["Retry-After: 0"], "");
    let proxy = Proxy::start(scene.url(), in_order([Fault::Pass, Fault::Pass, Fault::CutBefore, busy])).await;
    let check = scene.todos_through(&proxy).check_attachments().await?;
    assert_eq!((check.present, check.is_complete()), (1, true));
    let heads = proxy.arrived().into_iter().filter(|sent| sent.method == "HEAD");
    assert_eq!(heads.count(), 3);
    Ok(())
}

/// Creates an empty folder.
fn new_folder() -> std::io::Result<std::path::PathBuf> {
    let folder = std::env::temp_dir().join(kinto_server::unique("cut"));
    std::fs::create_dir(&folder)?;
    Ok(folder)
}

#[tokio::test]
async fn download_that_was_interrupted_is_continued_by_the_next_call() -> Outcome {
    let scene = Scene::new().await;
    scene.with_file("list", TEXT).await;
    let folder = new_folder()?;
    let path = folder.join("list.txt");
    let rule = in_order([Fault::Pass, Fault::Pass, Fault::Truncate(5)]);
    let proxy = Proxy::start(scene.url(), rule).await;
    let todos = scene.todos_through(&proxy);
    let error = todos.download_attachment("list").to_file(&path).retry(NeverRetry).await.unwrap_err();
    assert!(error.is_connect(), "{error}");
    assert!(!path.exists());
    assert_eq!(std::fs::read_dir(&folder)?.count(), 1, "the part is there");
    let file = todos.download_attachment("list").to_file(&path).await?;
    assert_eq!(file.outcome, FileOutcome::Downloaded);
    assert_eq!(std::fs::read_to_string(&path)?, TEXT);
    assert_eq!(ranges(&proxy), [None, Some("bytes=5-".into())]);
    assert_eq!(std::fs::read_dir(&folder)?.count(), 1, "the part has become the file");

    // A part with other bytes is noticed at the end, and begun anew.
    std::fs::remove_file(&path)?;
    let hash = &file.attachment.hash[..16];
    std::fs::write(folder.join(format!("list.txt.{hash}.part")), "other")?;
    todos.download_attachment("list").to_file(&path).await?;
    assert_eq!(std::fs::read_to_string(&path)?, TEXT);
    assert_eq!(ranges(&proxy)[2..], [Some("bytes=5-".into()), None]);
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

/// The part has the bytes of a file that no record has any more.
#[tokio::test]
async fn part_of_a_file_that_was_replaced_is_removed() -> Outcome {
    let scene = Scene::new().await;
    scene.with_file("list", TEXT).await;
    let folder = new_folder()?;
    let path = folder.join("list.txt");
    let names = || -> std::io::Result<std::collections::BTreeSet<String>> {
        std::fs::read_dir(&folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    };
    let proxy = Proxy::start(scene.url(), in_order([Fault::Pass, Fault::Pass, Fault::Truncate(5)])).await;
    let todos = scene.todos_through(&proxy);
    todos.download_attachment("list").to_file(&path).retry(NeverRetry).await.unwrap_err();
    assert_eq!(names()?.len(), 1);

    scene.todos.upload_attachment("list", "another").filename("list.txt").replace().await?;
    let digits = "0123456789abcdef";
    let others = [format!("list.txt.{digits}.parts"), format!("list.{digits}.part"), "list.txt.part".to_owned()];
    for other in &others {
        std::fs::write(folder.join(other), "the user's")?;
    }
    let going_on = format!("list.txt.{digits}{digits}.part");
    let locked = std::fs::File::create(folder.join(&going_on))?;
    locked.lock()?;
    assert_eq!(todos.download_attachment("list").to_file(&path).await?.outcome, FileOutcome::Downloaded);
    assert_eq!(std::fs::read_to_string(&path)?, "another");
    let left = others.into_iter().chain(["list.txt".to_owned(), going_on]);
    assert_eq!(names()?, left.collect());
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

/// Each of them may open the part in the moment in which another gives it its name.
#[tokio::test]
async fn downloads_that_follow_each_other_closely_all_succeed() -> Outcome {
    let scene = Scene::new().await;
    scene.with_file("list", TEXT).await;
    let folder = new_folder()?;
    let path = folder.join("list.txt");
    let rounds = (0..8).map(|_| async {
        for _ in 0..12 {
            scene.todos.download_attachment("list").to_file(&path).await?;
            // Another of them may have removed it.
            let _ = std::fs::remove_file(&path);
        }
        Ok::<_, kinto_client::Error>(())
    });
    futures_util::future::try_join_all(rounds).await?;
    let left: Vec<_> =
        std::fs::read_dir(&folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    assert!(left.is_empty() || left == [path], "{left:?}");
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

#[tokio::test]
async fn downloads_to_one_path_at_once_do_not_mix() -> Outcome {
    let scene = Scene::new().await;
    scene.with_file("list", &TEXT.repeat(20_000)).await;
    let folder = new_folder()?;
    let path = folder.join("list.txt");
    let downloads = (0..4).map(|_| scene.todos.download_attachment("list").to_file(&path).into_future());
    for file in futures_util::future::join_all(downloads).await {
        file?;
    }
    assert_eq!(std::fs::read_to_string(&path)?, TEXT.repeat(20_000));
    assert_eq!(std::fs::read_dir(&folder)?.count(), 1);
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

#[tokio::test]
async fn upload_that_is_cut_in_the_middle_is_sent_again_and_replaces_nothing_by_a_part() -> Outcome {
    let scene = Scene::new().await;
    let content = TEXT.repeat(60_000);
    let proxy = CuttingProxy::start(scene.url(), &[300_000, 600_000], &[]).await;
    let client = scene.client_at(proxy.url()).build()?;
    let uploaded = scene.todos_of(&client).upload_attachment("list", content.clone()).filename("list.txt").await?;
    assert_eq!((proxy.left(), uploaded.attachment.size), ((0, 0), 960_000));
    assert_eq!(scene.file(&scene.held_attachment("list").await).await, (200, content));
    Ok(())
}

#[tokio::test]
async fn silence_ends_a_download_and_an_upload_goes_on_while_its_parts_are_taken() -> Outcome {
    let scene = Scene::new().await;
    scene.with_file("list", TEXT).await;
    let rule = |sent: &kinto_tests::SentRequest| {
        if sent.target.contains("/admin/") { Fault::Stall(5) } else { Fault::Pass }
    };
    let proxy = Proxy::start(scene.url(), rule).await;
    let client =
        scene.client_at(proxy.url()).timeout(std::time::Duration::from_millis(300)).retry(NeverRetry).build()?;
    let error = scene.todos_of(&client).download_attachment("list").await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    Ok(())
}
