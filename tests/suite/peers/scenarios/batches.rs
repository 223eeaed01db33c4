//! Batches of the whole server, of a bucket and of a collection.

use kinto_client::{Value, http::Method, json};
use kinto_server::{Server, unique};
use kinto_tests::{Fixture, Outcome};

use super::number;
use crate::predicates;

#[tokio::test]
async fn batch_creates_a_bucket_a_collection_and_records() -> Outcome {
    let fixture = Fixture::new().await;
    let bucket = fixture.client.bucket(unique("custom"));
    let blog = bucket.collection("blog");
    let mut batch = fixture.client.batch();
    batch.add(bucket.create());
    batch.add(blog.create());
    let first = batch.add(blog.create_record(json!({"title": "art1"})).permissions(|p| p.read("account:natim")));
    let second = batch.add(blog.create_record(json!({"title": "art2"})).permissions(|p| p.read("account:alexis")));
    let done = batch.execute().await?;
    let records = blog.get_records::<Value>().await?;
    assert_eq!((records.len(), &*records[0].id, &*records[1].id), (2, &*done.get(&second)?.id, &*done.get(&first)?.id));
    assert_eq!((&records[0].data, &records[1].data), (&json!({"title": "art2"}), &json!({"title": "art1"})));
    let read = &done.get(&second)?.permissions.get().expect("mine").read;
    assert_eq!(*read, ["account:alexis".into()].into());
    Ok(())
}

#[tokio::test]
async fn batch_works_in_the_default_bucket() -> Outcome {
    let fixture = Fixture::new().await;
    let bucket = fixture.client.bucket("default");
    let posts = bucket.collection(unique("posts"));
    let mut batch = fixture.client.batch();
    batch.add(posts.create());
    for n in 1..=2 {
        batch.add(posts.create_record(json!({"a": n})));
    }
    batch.execute().await?;
    assert_eq!(posts.get_records::<Value>().await?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn batch_is_sent_in_chunks_and_has_a_result_for_each() -> Outcome {
    let server = Server::builder().paginate_by(10).shared()?;
    let fixture = Fixture::on(server.url()).await;
    let mut batch = fixture.client.batch();
    let tickets = batch.extend((1..=27).map(|n| fixture.todos.create_record(number(n))));
    let done = batch.execute().await?;
    for (n, ticket) in (1..).zip(&tickets) {
        assert_eq!(done.get(ticket)?.data, number(n));
    }
    assert_eq!(fixture.sent.take_lines(), ["GET /", "POST /batch", "POST /batch"]);
    assert_eq!(fixture.todos.get_records::<Value>().await?.len(), 27);
    Ok(())
}

#[tokio::test]
async fn batch_reads_a_list_and_reports_conflicts() -> Outcome {
    let fixture = Fixture::new().await;
    let comments = fixture.bucket.collection("comments");
    let mut batch = fixture.client.batch();
    let list = batch.add(fixture.client.request(Method::GET, format!("{}/collections", fixture.bucket.path())));
    let (first, second) = (batch.add(comments.create()), batch.add(comments.create()));
    let done = batch.execute().await?;
    let listed = done.get(&list)?.json::<Value>()?;
    assert_eq!((listed["data"].as_array().map(Vec::len), &listed["data"][0]["id"]), (Some(1), &json!("todos")));
    assert_eq!(&*done.get(&first)?.id, "comments");
    assert_eq!(predicates(&done.get(&second).unwrap_err()), ["conflict"]);
    Ok(())
}
