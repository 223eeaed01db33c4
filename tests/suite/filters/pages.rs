//! Filters hold on every page, for reading and for deleting.

use http::Method;
use kinto_client::{Filter, KintoRecord as _, Value, json};
use kinto_server::{Backend, Server};
use kinto_tests::{Outcome, Scene, Sent, on_each_backend};

use super::selected;
use crate::Todo;

/// 40 records on pages of five, every third of which is done.
async fn forty(scene: &Scene) -> (Vec<String>, Vec<String>) {
    let data = |n: usize| json!({"title": format!("Todo #{n}"), "done": n.is_multiple_of(3), "n": n});
    scene.fill((0..40).map(|n| (format!("r{n:02}"), data(n)))).await;
    (0..40).map(|n| format!("r{n:02}")).partition(|id| id[1..].parse::<usize>().unwrap().is_multiple_of(3))
}

fn sorted(tombstones: &[kinto_client::Tombstone]) -> Vec<&str> {
    let mut ids: Vec<&str> = tombstones.iter().map(|tombstone| tombstone.id.as_str()).collect();
    ids.sort_unstable();
    ids
}

/// No request that deletes may do so without the filter, or go on where a page ended that is gone.
fn assert_filtered(sent: &[Sent], condition: &str) {
    for sent in sent {
        assert_eq!(sent.method, Method::DELETE);
        assert!(sent.target.contains(condition) && !sent.target.contains("_token"), "{}", sent.target);
    }
}

async fn what_matches_is_deleted_on_all_pages(backend: Backend) -> Outcome {
    let server = Server::builder().backend(backend).paginate_by(5).shared()?;
    let scene = Scene::on(server.url()).await;
    let (done, open) = forty(&scene).await;

    let deleted = scene.todos.typed::<Todo>().delete_all_records().filter(Todo::fields().done.eq(true)).await?;
    assert_eq!(sorted(&deleted), done);
    assert_eq!(scene.plain.ids(&scene.records).await, open);
    let sent = scene.sent.take();
    assert_eq!(sent.len(), 3, "{sent:?}");
    assert_filtered(&sent, "eq_done=true");

    let none = scene.todos.typed::<Todo>().delete_all_records().filter(Todo::fields().done.eq(true)).await?;
    assert_eq!(none, []);
    let kept = Filter::field("n").gt(1).and(Filter::field("n").le(7));
    assert_eq!(sorted(&scene.todos.delete_all_records().filter(kept.clone()).await?), ["r02", "r04", "r05", "r07"]);
    assert_eq!(scene.todos.delete_all_records().filter(kept).await?, []);
    assert_eq!(scene.plain.ids(&scene.records).await.len(), open.len() - 4);
    let rest = scene.todos.delete_all_records().filter(Filter::field("done").has_key()).await?;
    assert_eq!(rest.len(), open.len() - 4);
    assert_eq!(scene.plain.ids(&scene.records).await, [""; 0]);
    Ok(())
}

async fn what_is_of_a_time_is_deleted_on_all_pages(backend: Backend) -> Outcome {
    let server = Server::builder().backend(backend).paginate_by(5).shared()?;
    let scene = Scene::on(server.url()).await;
    forty(&scene).await;
    let time = async |id: &str| scene.todos.get_record::<Value>(id).await.map(|record| record.last_modified);
    let (early, late) = (time("r09").await?, time("r30").await?);
    scene.plain.delete(&scene.record("r20")).await;
    scene.sent.forget();

    let deleted = scene.todos.delete_all_records().since(early).before(late).await?;
    let between: Vec<String> = (10..30).filter(|n| *n != 20).map(|n| format!("r{n:02}")).collect();
    assert_eq!(sorted(&deleted), between);
    let sent = scene.sent.take();
    assert_filtered(&sent, &format!("_since={early}&_before={late}"));
    let kept: Vec<String> = (0..10).chain(30..40).map(|n| format!("r{n:02}")).collect();
    assert_eq!(scene.plain.ids(&scene.records).await, kept);
    Ok(())
}

async fn every_page_of_a_filtered_list_is_read(backend: Backend) -> Outcome {
    let server = Server::builder().backend(backend).paginate_by(5).shared()?;
    let scene = Scene::on(server.url()).await;
    let (done, open) = forty(&scene).await;
    let todos = scene.todos.typed::<Todo>();
    let f = Todo::fields();
    assert_eq!(selected(&todos, f.done.eq(true)).await, done);
    assert_eq!(selected(&todos, f.done.ne(true)).await, open);
    assert_eq!(selected(&todos, f.title.has_key()).await.len(), 40);
    assert_eq!(selected(&todos, f.title.gt("Todo #").and(f.done.eq(true))).await, done);
    Ok(())
}

on_each_backend!(
    what_matches_is_deleted_on_all_pages,
    what_is_of_a_time_is_deleted_on_all_pages,
    every_page_of_a_filtered_list_is_read,
);
