//! Filters hold on every page, for reading and for deleting.

use http::Method;
use kinto_client::{Filter, KintoRecord as _, Value, json};
use kinto_server::{Backend, Server};
use kinto_tests::{Fixture, Outcome, SentRequest, on_each_backend};

use super::selected;
use crate::Todo;

/// 40 records on pages of five, every third of which is done.
async fn forty(fixture: &Fixture) -> (Vec<String>, Vec<String>) {
    let data = |n: usize| json!({"title": format!("Todo #{n}"), "done": n.is_multiple_of(3), "n": n});
    fixture.fill((0..40).map(|n| (format!("r{n:02}"), data(n)))).await;
    (0..40).map(|n| format!("r{n:02}")).partition(|id| id[1..].parse::<usize>().unwrap().is_multiple_of(3))
}

fn sorted(tombstones: &[kinto_client::object::Tombstone]) -> Vec<&str> {
    let mut ids: Vec<&str> = tombstones.iter().map(|tombstone| tombstone.id.as_str()).collect();
    ids.sort_unstable();
    ids
}

/// Every request of a deletion must have the filter, and none may continue from a page that was deleted.
fn assert_filtered(sent: &[SentRequest], condition: &str) {
    for sent in sent {
        assert_eq!(sent.method, Method::DELETE);
        assert!(sent.target.contains(condition) && !sent.target.contains("_token"), "{}", sent.target);
    }
}

async fn delete_all_with_filter_deletes_all_pages(backend: Backend) -> Outcome {
    let server = Server::builder().backend(backend).paginate_by(5).shared()?;
    let fixture = Fixture::on(server.url()).await;
    let (done, open) = forty(&fixture).await;

    let deleted = fixture.todos.typed::<Todo>().delete_all_records().filter(Todo::fields().done.eq(true)).await?;
    assert_eq!(sorted(&deleted), done);
    assert_eq!(fixture.plain.ids(&fixture.records).await, open);
    let sent = fixture.sent.take();
    assert_eq!(sent.len(), 3, "{sent:?}");
    assert_filtered(&sent, "eq_done=true");

    let none = fixture.todos.typed::<Todo>().delete_all_records().filter(Todo::fields().done.eq(true)).await?;
    assert_eq!(none, []);
    let kept = Filter::field("n").gt(1).and(Filter::field("n").le(7));
    assert_eq!(sorted(&fixture.todos.delete_all_records().filter(kept.clone()).await?), ["r02", "r04", "r05", "r07"]);
    assert_eq!(fixture.todos.delete_all_records().filter(kept).await?, []);
    assert_eq!(fixture.plain.ids(&fixture.records).await.len(), open.len() - 4);
    let rest = fixture.todos.delete_all_records().filter(Filter::field("done").has_key()).await?;
    assert_eq!(rest.len(), open.len() - 4);
    assert_eq!(fixture.plain.ids(&fixture.records).await, [""; 0]);
    Ok(())
}

async fn delete_all_with_time_range_deletes_all_pages(backend: Backend) -> Outcome {
    let server = Server::builder().backend(backend).paginate_by(5).shared()?;
    let fixture = Fixture::on(server.url()).await;
    forty(&fixture).await;
    let time = async |id: &str| fixture.todos.get_record::<Value>(id).await.map(|record| record.last_modified);
    let (early, late) = (time("r09").await?, time("r30").await?);
    fixture.plain.delete(&fixture.record("r20")).await;
    fixture.sent.forget();

    let deleted = fixture.todos.delete_all_records().since(early).before(late).await?;
    let between: Vec<String> = (10..30).filter(|n| *n != 20).map(|n| format!("r{n:02}")).collect();
    assert_eq!(sorted(&deleted), between);
    let sent = fixture.sent.take();
    assert_filtered(&sent, &format!("_since={early}&_before={late}"));
    let kept: Vec<String> = (0..10).chain(30..40).map(|n| format!("r{n:02}")).collect();
    assert_eq!(fixture.plain.ids(&fixture.records).await, kept);
    Ok(())
}

async fn filtered_list_reads_all_pages(backend: Backend) -> Outcome {
    let server = Server::builder().backend(backend).paginate_by(5).shared()?;
    let fixture = Fixture::on(server.url()).await;
    let (done, open) = forty(&fixture).await;
    let todos = fixture.todos.typed::<Todo>();
    let f = Todo::fields();
    assert_eq!(selected(&todos, f.done.eq(true)).await, done);
    assert_eq!(selected(&todos, f.done.ne(true)).await, open);
    assert_eq!(selected(&todos, f.title.has_key()).await.len(), 40);
    assert_eq!(selected(&todos, f.title.gt("Todo #").and(f.done.eq(true))).await, done);
    Ok(())
}

on_each_backend!(
    delete_all_with_filter_deletes_all_pages,
    delete_all_with_time_range_deletes_all_pages,
    filtered_list_reads_all_pages,
);
