//! Pages go on where the last one ended; where the server cannot, the list is sorted here, or it is an error.

use futures_util::{StreamExt as _, TryStreamExt as _};
use kinto_client::{Filter, Sort, Value, json, list::PageToken};
use kinto_server::Backend;
use kinto_tests::{Fault, Fixture, Outcome, Proxy, SentRequest, on_each_backend, server_on};

use super::fill;
use crate::predicates;

async fn put_values(fixture: &Fixture, values: &[Value]) {
    for (n, v) in values.iter().enumerate() {
        fixture.plain.put_data(&fixture.record(&format!("r{n}")), &json!({"v": v})).await;
    }
}

/// The ids of everything, as the plain client sees it on one page.
async fn on_one_page(fixture: &Fixture, sort: &str) -> Vec<String> {
    let answer = fixture.plain.get(&format!("{}?_sort={sort}&_limit=100", fixture.records)).await.json();
    let data = answer["data"].as_array().expect("a list").clone();
    data.iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
}

async fn floats_that_the_server_misreads_are_sorted_here(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let lists = [
        vec![json!(6.637_205_051_048_258e-10), json!(1.0), json!(2.0)],
        vec![json!(f32::MAX), json!(f32::MAX), json!(1.0)],
        vec![json!(1e-20), json!(3.6e-24), json!(null), json!(true), json!(5.997_652_845_644_12e-23), json!(3.6e-24)],
        vec![json!(-3e23), json!(-3e23), json!(2e24), json!(0)],
    ];
    for values in lists {
        let fixture = Fixture::on(server.url()).await;
        put_values(&fixture, &values).await;
        for (sort, asked) in [("v", Sort::asc("v")), ("-v", Sort::desc("v"))] {
            let expected = on_one_page(&fixture, sort).await;
            for page_size in [1, 2, 100] {
                let call = || fixture.todos.get_records::<Value>().sort(asked.clone()).page_size(page_size);
                let read = call().await?;
                let ids: Vec<&str> = read.iter().map(|record| record.id.as_str()).collect();
                assert_eq!(ids, expected, "{values:?} by {sort} on pages of {page_size}");
                let lenient = call().lenient().await?;
                let ids: Vec<&str> = lenient.iter().map(|read| read.as_ref().unwrap().id.as_str()).collect();
                assert_eq!(ids, expected, "{values:?} by {sort} on pages of {page_size}, lenient");
                let limited = call().limit(2).await?;
                assert!(
                    limited.iter().map(|record| record.id.as_str()).eq(expected.iter().take(2)),
                    "{values:?} by {sort}"
                );

                // One after the other they cannot be sorted here: all of them, or an error.
                let streamed: Result<Vec<_>, _> = call().stream().try_collect().await;
                match streamed {
                    Ok(read) => assert!(read.iter().map(|record| record.id.as_str()).eq(expected.iter())),
                    Err(error) => {
                        assert_eq!(predicates(&error), ["unsupported"], "{error}");
                        assert!(error.to_string().contains("of the sort"), "{error}");
                    }
                }
            }
        }
    }
    Ok(())
}

async fn ordinary_floats_are_paged_by_the_server(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    let values = [json!(0.1), json!(19.99), json!(-3.5), json!(1e-5), json!(123_456.789), json!(19.99), json!(7)];
    put_values(&fixture, &values).await;
    for (sort, asked) in [("v", Sort::asc("v")), ("-v", Sort::desc("v"))] {
        let expected = on_one_page(&fixture, sort).await;
        let stream = fixture.todos.get_records::<Value>().sort(asked).page_size(1).stream();
        let streamed: Vec<_> = stream.try_collect().await?;
        assert!(streamed.iter().map(|record| record.id.as_str()).eq(expected.iter()), "{sort}");
    }
    Ok(())
}

on_each_backend!(floats_that_the_server_misreads_are_sorted_here, ordinary_floats_are_paged_by_the_server);

#[tokio::test]
async fn list_that_cannot_be_sorted_locally_is_an_error() -> Outcome {
    let fixture = Fixture::new().await;
    put_values(&fixture, &[json!("text"), json!(6.637_205_051_048_258e-10), json!(1)]).await;
    let error = fixture.todos.get_records::<Value>().sort(Sort::asc("v")).page_size(1).await.unwrap_err();
    assert_eq!(predicates(&error), ["unsupported"], "{error}");
    assert!(error.to_string().contains("the value 6.6372"), "{error}");
    Ok(())
}

/// A server whose pages are these, one after the other, for ever.
async fn pages_of(pages: Vec<Value>, tokens: impl Fn(usize) -> String + Send + 'static) -> Proxy {
    let mut asked = 0;
    Proxy::instead(move |sent: &SentRequest| {
        let page = &pages[asked % pages.len()];
        asked += 1;
        let path = sent.target.split('?').next().unwrap();
        let next = format!("Next-Page: http://localhost{path}?_token={}", tokens(asked));
        Fault::answer(200, &["ETag: \"9\"", &next], &json!({"data": page}).to_string())
    })
    .await
}

fn item(id: &str, last_modified: u64) -> Value {
    json!({"id": id, "last_modified": last_modified, "n": last_modified})
}

#[tokio::test]
async fn pages_that_go_round_in_circles_are_an_error() -> Outcome {
    let round = [
        vec![json!([item("a", 1)])],
        vec![json!([item("a", 1)]), json!([item("b", 2)])],
        vec![json!([item("b", 2)]), json!([item("a", 1)])],
        vec![json!([item("a", 1), item("b", 2)]), json!([item("b", 2), item("c", 3)])],
        vec![json!([])],
        vec![json!([item("a", 1)]), json!([])],
        vec![json!([{"id": "a", "last_modified": 5, "t": "x"}]), json!([{"id": "b", "last_modified": 6, "t": "y"}])],
    ];
    for pages in round {
        for sort in [None, Some(Sort::desc("last_modified")), Some(Sort::asc("t")), Some(Sort::desc("n"))] {
            let proxy = pages_of(pages.clone(), |asked| (asked % 2).to_string()).await;
            let todos = kinto_client::Client::builder(proxy.url()).build()?.bucket("b").collection("c");
            let get = || match sort.clone() {
                Some(sort) => todos.get_records::<Value>().sort(sort),
                None => todos.get_records::<Value>(),
            };
            let errors = [
                get().await.unwrap_err(),
                get().lenient().await.unwrap_err(),
                get().stream().try_collect::<Vec<_>>().await.unwrap_err(),
                get().pages().try_collect::<Vec<_>>().await.unwrap_err(),
                get().select_as::<Value>().await.err().unwrap_or_else(|| panic!("select")),
            ];
            for error in errors {
                assert!(error.is_unexpected() || error.is_invalid(), "{error}");
            }
            let mut stream = get().stream();
            let mut ended = 0;
            while let Some(read) = stream.next().await {
                ended += usize::from(read.is_err());
            }
            assert_eq!(ended, 1, "the error is the last item");
            assert!(proxy.arrived().len() < 60, "{}", proxy.arrived().len());
        }
        let proxy = pages_of(pages.clone(), |asked| (asked % 2).to_string()).await;
        let todos = kinto_client::Client::builder(proxy.url()).build()?.bucket("b").collection("c");
        let error = todos.get_records::<Value>().parallel().await.unwrap_err();
        assert!(error.is_unexpected(), "{error}");
        let error = todos.changes_since::<Value>(kinto_client::Timestamp::from_millis(0)).await.unwrap_err();
        assert!(error.is_unexpected(), "{error}");
        let error = kinto_client::Client::builder(proxy.url()).build()?.get_permissions().await.unwrap_err();
        assert!(error.is_unexpected(), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn token_goes_on_with_tombstones_left_out() -> Outcome {
    let fixture = Fixture::new().await;
    fill(&fixture, 1).await;
    let start = fixture.todos.get_records::<Value>().await?.last_modified;
    fixture.fill((1..7).map(|n| (format!("r{n:03}"), json!({"n": n})))).await;
    for n in [1, 3, 5] {
        fixture.plain.delete(&fixture.record(&format!("r{n:03}"))).await;
    }
    for by_filter in [false, true] {
        let call = fixture.todos.get_records::<Value>().page_size(2);
        let later = Filter::field("last_modified").gt(start.as_millis());
        let call = if by_filter { call.filter(later) } else { call.since(start) };
        let mut pages = call.pages();
        let (mut ids, mut token) = (Vec::new(), None);
        if let Some(page) = pages.try_next().await? {
            ids.extend(page.items.iter().map(|record| record.id.to_string()));
            token = page.next;
        }
        let token: PageToken = token.expect("there is more").to_string().parse()?;
        let rest = fixture.todos.get_records::<Value>().resume(token).await?;
        ids.extend(rest.iter().map(|record| record.id.to_string()));
        assert_eq!(ids, ["r006", "r004", "r002"], "by a filter: {by_filter}");
    }
    Ok(())
}

#[tokio::test]
async fn token_refuses_another_list_and_other_questions() -> Outcome {
    let fixture = Fixture::new().await;
    fill(&fixture, 6).await;
    let numbered = || fixture.todos.get_records::<Value>().filter(Filter::field("n").gt(0));
    let made = numbered().sort(Sort::asc("n")).page_size(2).pages().try_next().await?.expect("a page");
    let token = || made.next.clone().expect("there is more");
    fixture.sent.forget();
    let other = fixture.bucket.collection("other");
    let refused = [
        (other.get_records::<Value>().resume(token()), "another list"),
        (numbered().sort(Sort::desc("n")).resume(token()), "order"),
        (fixture.todos.get_records::<Value>().filter(Filter::field("n").gt(1)).resume(token()), "filters"),
        (numbered().since(kinto_client::Timestamp::from_millis(5)).resume(token()), "bounds of time"),
    ];
    for (call, says) in refused {
        let error = call.await.unwrap_err();
        assert_eq!(predicates(&error), ["invalid"], "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
    assert!(fixture.sent.take().is_empty());

    let rest = numbered().sort(Sort::asc("n")).page_size(3).resume(token()).await?;
    assert_eq!(rest.iter().map(|record| record.data["n"].clone()).collect::<Vec<_>>(), [3, 4, 5]);
    assert_eq!(fixture.sent.take().len(), 1, "the size of a page may be another one");
    let names = fixture.todos.get_records::<Value>().resume(token()).select_as::<super::Numbered>().await?;
    assert_eq!(names.iter().map(|record| record.data.n).collect::<Vec<_>>(), [3, 4, 5]);
    assert!(fixture.sent.take().iter().all(|sent| sent.target.contains("_fields=n")));
    Ok(())
}
