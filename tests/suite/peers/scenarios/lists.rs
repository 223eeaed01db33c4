//! Lists of every kind of object: filters, orders, times and pages.

use futures_util::{StreamExt as _, TryStreamExt as _};
use kinto_client::{
    Call, Filter, Object, Sort, Value,
    object::{
        RecordData,
        kind::{Kind, Record},
    },
    operation::GetAll,
};
use kinto_server::{Server, unique};
use kinto_tests::{Fixture, Outcome};
use serde_json::json;

use super::number;

/// The sizes of four objects, in the order in which they are created.
const SIZES: [i32; 4] = [24, 13, 38, -4];

fn ids<'a, K: Kind, T: 'a>(objects: impl IntoIterator<Item = &'a Object<K, T>>) -> Vec<&'a str> {
    objects.into_iter().map(|object| &*object.id).collect()
}

/// Lists four objects with [`SIZES`], of these paths, and then a fifth.
async fn lists<K: Kind, T: RecordData>(
    fixture: &Fixture,
    list: impl Fn() -> Call<'static, GetAll<K, T>>,
    paths: [String; 5],
) -> Outcome {
    for (path, size) in paths.iter().zip(SIZES) {
        fixture.plain.put_data(path, &json!({"size": size})).await;
    }
    let [a, b, c, d, fifth] = paths.each_ref().map(|path| path.rsplit('/').next().expect("an id"));
    let all = list().await?;
    assert_eq!(ids(&all), [d, c, b, a], "all of them, the last one first");
    assert_eq!(all.last_modified, all[0].last_modified.max(all.last_modified));

    let sorted = list().sort(Sort::desc("size")).await?;
    assert_eq!(ids(&sorted), [c, a, b, d]);
    let large = list().filter(Filter::field("size").ge(20)).sort(Sort::asc("size")).await?;
    assert_eq!(ids(&large), [a, c]);

    assert_eq!(ids(&list().limit(2).await?), [d, c]);
    let first = list().page_size(2).pages().next().await.expect("a page")?;
    assert_eq!(ids(&first.items), [d, c]);
    let next = first.next.expect("there is a next page");
    assert_eq!(ids(&list().page_size(2).resume(next).await?), [b, a]);

    fixture.plain.put_data(&paths[4], &json!({"size": 0})).await;
    let newest = all[0].last_modified;
    assert_eq!(ids(&list().since(newest).await?), [fifth]);
    Ok(())
}

#[tokio::test]
async fn buckets_are_listed_filtered_sorted_and_paged() -> Outcome {
    let fixture = Fixture::new().await;
    let prefix = unique("listed");
    let paths = [1, 2, 3, 4, 5].map(|n| format!("/buckets/{prefix}b{n}"));
    let own = || fixture.client.get_buckets().filter(Filter::field("id").like(format!("{prefix}*")));
    lists(&fixture, own, paths).await
}

#[tokio::test]
async fn collections_are_listed_filtered_sorted_and_paged() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.todos.delete().await?;
    let paths = [1, 2, 3, 4, 5].map(|n| format!("{}/collections/c{n}", fixture.bucket.path()));
    lists(&fixture, || fixture.bucket.get_collections(), paths).await
}

#[tokio::test]
async fn groups_are_listed_filtered_sorted_and_paged() -> Outcome {
    let fixture = Fixture::new().await;
    let paths = [1, 2, 3, 4, 5].map(|n| format!("{}/groups/g{n}", fixture.bucket.path()));
    lists(&fixture, || fixture.bucket.get_groups(), paths).await
}

#[tokio::test]
async fn records_are_listed_filtered_sorted_and_paged() -> Outcome {
    let fixture = Fixture::new().await;
    let paths = [1, 2, 3, 4, 5].map(|n| fixture.record(&format!("r{n}")));
    lists(&fixture, || fixture.todos.get_records::<Value>(), paths).await
}

#[tokio::test]
async fn filters_find_text_in_any_script() -> Outcome {
    let fixture = Fixture::new().await;
    let people = [("paul", 28), ("jess", 54), ("john", 33), ("rené", 24)];
    fixture.todos.create_records(people.map(|(name, age)| json!({"name": name, "age": age}))).await?;
    let found = async |filter: Filter<Value>| fixture.todos.get_records().filter(filter).sort(Sort::asc("age")).await;
    let names = |records: &[Object<Record, Value>]| records.iter().map(|r| r.data["name"].clone()).collect::<Vec<_>>();
    assert_eq!(names(&found(Filter::field("age").ge(30)).await?), ["john", "jess"]);
    assert_eq!(names(&found(Filter::field("name").eq("rené")).await?), ["rené"]);
    Ok(())
}

#[tokio::test]
async fn since_lists_what_changed_after_a_time() -> Outcome {
    let fixture = Fixture::new().await;
    let first = fixture.todos.get_records::<Value>().await?.last_modified;
    fixture.todos.create_record(number(1)).await?;
    let second = fixture.todos.get_records::<Value>().await?.last_modified;
    fixture.todos.create_record(number(2)).await?;
    for (since, expected) in [(first, 2), (second, 1)] {
        assert_eq!(fixture.todos.get_records::<Value>().since(since).await?.len(), expected);
    }
    Ok(())
}

#[tokio::test]
async fn pages_are_read_one_by_one_until_the_last() -> Outcome {
    let fixture = Fixture::new().await;
    fixture.todos.create_records((1..=3).map(number)).await?;
    let list = || fixture.todos.get_records::<Value>();
    let numbers = |objects: &[Object<Record, Value>]| {
        objects.iter().map(|record| record.data["n"].as_u64().expect("a number")).collect::<Vec<_>>()
    };
    assert_eq!(numbers(&list().await?), [3, 2, 1]);
    assert_eq!(numbers(&list().page_size(1).await?), [3, 2, 1], "however many pages it takes");

    let pages: Vec<_> = list().page_size(2).pages().try_collect().await?;
    assert_eq!(pages.iter().map(|page| numbers(&page.items)).collect::<Vec<_>>(), [vec![3, 2], vec![1]]);
    assert!(pages[0].next.is_some() && pages[1].next.is_none(), "the last page has no next one");

    let mut pages = list().page_size(1).pages();
    let mut taken = Vec::new();
    for _ in 0..2 {
        taken.extend(numbers(&pages.try_next().await?.expect("a page").items));
    }
    assert_eq!(taken, [3, 2]);
    assert_eq!(numbers(&pages.try_next().await?.expect("a page").items), [1]);
    assert!(pages.try_next().await?.is_none(), "and then there is nothing");
    let error = list().page_size(1).max_pages(2).await.unwrap_err();
    assert!(error.is_too_large(), "a list that is cut off is no list: {error}");
    Ok(())
}

#[tokio::test]
async fn list_has_all_pages_of_a_server_that_limits_them() -> Outcome {
    let server = Server::builder().paginate_by(1).shared()?;
    let fixture = Fixture::on(server.url()).await;
    let posts = fixture.client.bucket("default").collection(unique("posts"));
    posts.create_records([number(1), number(2)]).await?;
    assert_eq!(posts.get_records::<Value>().await?.len(), 2);
    let first = posts.get_records::<Value>().pages().next().await.expect("a page")?;
    assert_eq!((first.items.len(), first.next.is_some()), (1, true));
    Ok(())
}
