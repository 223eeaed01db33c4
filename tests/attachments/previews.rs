use kinto_client::{Value, json, operation::RequestPreview};
use kinto_tests::Outcome;

use super::Scene;

fn line(preview: &RequestPreview) -> String {
    format!("{} {}", preview.method().expect("a method"), preview.target().expect("a target"))
}

#[tokio::test]
async fn preview_shows_the_first_request_of_each_call() -> Outcome {
    let scene = Scene::new().await;
    scene.with_file("list", "Milk").await;
    let (todos, folder) = (&scene.todos, std::env::temp_dir().join(kinto_server::unique("preview")));
    scene.client.server_info().await?;
    scene.sent.forget();
    macro_rules! first_request_is_previewed {
        ($($call:expr),+ $(,)?) => {$({
            let call = $call;
            let preview = call.preview()?;
            assert!(scene.sent.take().is_empty(), "a preview sends nothing");
            let _ = call.await;
            let sent = scene.sent.take();
            assert_eq!(line(&preview), sent[0].line(), "{}", stringify!($call));
            assert!(preview.follows().is_some(), "{}: it is not said what follows", stringify!($call));
        })+};
    }
    first_request_is_previewed! {
        todos.download_attachment("list"),
        todos.download_attachment("list").to_file(folder.join("nowhere")),
        todos.download_attachment("list").to_writer(Vec::new()),
        todos.download_attachments(&folder),
        todos.verify_attachments(&folder),
        todos.check_attachments(),
        todos.upload_attachment("list", "Milk").filename("a.txt").replace(),
        todos.overwrite_record("list", json!({})).keep_attachment(),
        todos.delete_attachment("list"),
        todos.delete_attachment("list").if_exists(),
    }
    let record = todos.get_record::<Value>("list").await?;
    let known = todos.download_attachment(&record).preview()?;
    assert_eq!((known.method(), known.to_string().starts_with("a GET of the file")), (None, true));
    assert!(todos.upload_attachment("list", "Milk").preview().is_err_and(|error| error.is_invalid()), "it has no name");
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

#[test]
fn calls_block_without_async_code() -> Outcome {
    let runtime = tokio::runtime::Runtime::new()?;
    let scene = runtime.block_on(Scene::new());
    let client = scene.client_at(scene.url()).build()?;
    let todos = scene.todos_of(&client);
    let path = std::env::temp_dir().join(kinto_server::unique("blocking"));
    todos.upload_attachment("list", "Milk").filename("a.txt").call()?;
    assert_eq!(todos.download_attachment("list").call()?, "Milk");
    todos.download_attachment("list").to_file(&path).call()?;
    assert_eq!(std::fs::read(&path)?, b"Milk");
    todos.delete_attachment("list").call()?;
    std::fs::remove_file(path)?;
    Ok(())
}
