//! Queries that are too long for a URL: of 90 ids, for instance. They are sent in a batch, with the same result.

use futures_util::TryStreamExt as _;
use http::Method;
use kinto_client::{Client, ErrorKind, Filter, Sort, Value, json, list::Conditional, retry::NeverRetry};
use kinto_server::Backend;
use kinto_tests::{
    Fault, Fixture, Outcome, Proxy, SentRequest,
    evaluator::{Condition, Key, Stored, Test, evaluate},
    on_each_backend, server_on,
};

use super::readers::held;

const RECORDS: usize = 60;
/// What servers and proxies take of a request line; Kinto's documentation sets up gunicorn, which takes this.
const LONGEST_LINE: usize = 4_094;

fn id(n: usize) -> String {
    format!("{n:08}-6b97-4fb1-a1ff-67b68f4e258d")
}

/// 90 ids: every second record, twice, and some that there are not.
fn ids() -> Vec<String> {
    let there = (0..RECORDS).step_by(2).map(id);
    there.clone().chain(there).chain((1_000..1_030).map(id)).collect()
}

async fn scene_with(url: &str) -> (Fixture, Vec<Stored>) {
    let fixture = Fixture::on(url).await;
    let title = |n: usize| if n.is_multiple_of(3) { format!("b{n}") } else { format!("A{}", n % 7) };
    fixture.fill((0..RECORDS).map(|n| (id(n), json!({"n": n / 4, "title": title(n)})))).await;
    let stored = held(&fixture).await;
    (fixture, stored)
}

/// Refuses what gunicorn refuses.
fn gunicorn(sent: &SentRequest) -> Fault {
    if format!("{} {} HTTP/1.1", sent.method, sent.target).len() > LONGEST_LINE {
        return Fault::answer(414, &["Content-Type: text/html"], "<h1>Request Line is too large</h1>");
    }
    Fault::Pass
}

fn shown(sent: &SentRequest) -> String {
    if sent.is_batch() { format!("batch: {}", sent.batched().join(", ")) } else { sent.line() }
}

async fn many_ids_are_asked_for_by_every_end(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let (fixture, stored) = scene_with(server.url()).await;
    let proxy = Proxy::start(fixture.url(), gunicorn).await;
    let todos = fixture.todos_through(&proxy);
    let ids = ids();
    let values = ids.iter().map(|id| Value::from(id.as_str())).collect();
    let conditions = [
        Condition { field: "id".to_owned(), test: Test::IsIn(values) },
        Condition { field: "n".to_owned(), test: Test::Ge(3.into()) },
    ];
    let filter = Filter::<Value>::field("id").is_in(&ids).and(Filter::field("n").ge(3));
    let get = || todos.get_records::<Value>().filter(filter.clone());
    let by_time = evaluate(&stored, &conditions, &[]);
    assert_eq!(by_time.len(), 24);
    let sort = [Key { field: "title".to_owned(), descending: true }, Key { field: "n".to_owned(), descending: false }];
    let by_title = evaluate(&stored, &conditions, &sort);
    let sorted = || get().sort(Sort::desc("title")).sort(Sort::asc("n"));

    let all = get().await?;
    assert_eq!(all.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), by_time);
    let all_sorted = sorted().await?;
    assert_eq!(all_sorted.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), by_title);
    assert_eq!(get().count().await?, 24);
    assert_eq!(sorted().first().await?.map(|record| record.id.to_string()).as_deref(), Some(by_title[0]));
    assert_eq!(get().one().await.unwrap_err().kind(), ErrorKind::MultipleResults);
    let some = sorted().limit(5).await?;
    assert_eq!(some.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), by_title[..5]);
    let query = proxy.arrived()[0].batched()[0].split_once("&_sort=").expect("a sort").0.to_owned();
    let arrived = proxy.arrived();
    let lines: Vec<String> = arrived.iter().map(|sent| shown(sent).replace(&query, "…")).collect();
    let counted = query.replace("GET ", "HEAD ");
    let expected = [
        "batch: …&_sort=last_modified",
        "batch: …&_sort=-title%2Cn",
        &format!("batch: {counted}"),
        "batch: …&_sort=-title%2Cn&_limit=1",
        "batch: …&_limit=2",
        "batch: …&_sort=-title%2Cn&_limit=5",
    ];
    assert_eq!(lines, expected);

    let streamed: Vec<_> = sorted().page_size(7).stream().try_collect().await?;
    assert_eq!(streamed.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), by_title);
    let mut pages = sorted().page_size(7).pages();
    let mut read = Vec::new();
    while let Some(page) = pages.try_next().await? {
        read.extend(page.items.iter().map(|record| record.id.to_string()));
        let Some(token) = page.next else { continue };
        let rest = sorted().page_size(10).resume(token.to_string().parse()?).await?;
        assert_eq!(rest.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), by_title[read.len()..]);
    }
    assert_eq!(read, by_title);
    for whole in [get().page_size(7).parallel().await?, get().page_size(7).consistent().await?] {
        assert_eq!(whole.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), by_time);
    }
    let lenient = get().page_size(7).lenient().await?;
    assert_eq!(lenient.iter().flatten().map(|record| record.id.as_str()).collect::<Vec<_>>(), by_time);
    let Conditional::Modified(fresh) = get().if_changed_since(kinto_client::Timestamp::from_millis(1)).await? else {
        panic!("it was changed since then")
    };
    assert_eq!(fresh.len(), 24);
    assert_eq!(get().if_changed_since(fresh.last_modified).await?.changed().map(|all| all.len()), None);
    let others = todos.get_records::<Value>().filter(Filter::field("id").not_in(&ids)).await?;
    let odd: Vec<String> = (0..RECORDS).skip(1).step_by(2).map(id).rev().collect();
    let mut found: Vec<String> = others.iter().map(|record| record.id.to_string()).collect();
    found.sort_by(|one, other| other.cmp(one));
    assert_eq!(found, odd);

    let deleted = todos.typed::<Value>().delete_all_records().filter(filter).await?;
    let mut deleted: Vec<String> = deleted.into_iter().map(|tombstone| tombstone.id).collect();
    let mut expected: Vec<String> = by_time.iter().map(|&id| id.to_owned()).collect();
    deleted.sort();
    expected.sort();
    assert_eq!(deleted, expected);
    assert_eq!(held(&fixture).await.len(), RECORDS - 24);
    assert_eq!(proxy.arrived().last().map(|sent| sent.batched().len()), Some(1));
    Ok(())
}

async fn a_fenced_client_and_a_batch_ask_for_many_ids_too(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let (fixture, _) = scene_with(server.url()).await;
    let proxy = Proxy::start(fixture.url(), gunicorn).await;
    let todos = fixture.todos_through(&proxy);
    let filter = || Filter::<Value>::field("id").is_in(ids());
    let mut batch = todos.client().batch();
    let ticket = batch.add(todos.get_records::<Value>().filter(filter()).count());
    assert!(batch.preview()?[0].target().is_some_and(|target| target.contains("in_id=")));
    let mut done = batch.execute().await?;
    assert_eq!(done.take(ticket)?, 30);

    fixture.plain.put(&format!("/buckets/{}/collections/locks", fixture.bucket.id()), &json!({})).await;
    let fenced = todos.fenced_by(&todos.client().bucket(fixture.bucket.id()).collection("locks"));
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let deleted = fenced.typed::<Value>().delete_all_records().filter(filter()).header("traceparent", trace).await?;
    assert_eq!(deleted.len(), 30);
    let last = proxy.arrived().pop().expect("a request");
    assert_eq!((last.batched().len(), last.header("traceparent")), (2, Some(trace)));
    Ok(())
}

on_each_backend!(many_ids_are_asked_for_by_every_end, a_fenced_client_and_a_batch_ask_for_many_ids_too);

/// Where the limit is: 4,094 bytes of a request line to gunicorn, and 4 KiB of headers to nginx.
#[tokio::test]
async fn query_is_sent_as_a_url_where_that_is_short() -> Outcome {
    let (fixture, _) = scene_with(Fixture::new().await.url()).await;
    let proxy = Proxy::start(fixture.url(), gunicorn).await;
    let todos = fixture.todos_through(&proxy);
    for count in [1, 20, 40, 60, 61, 80] {
        let filter = Filter::<Value>::field("id").is_in((0..count).map(id));
        let preview = todos.get_records::<Value>().filter(filter.clone()).count().preview()?;
        assert_eq!(todos.get_records::<Value>().filter(filter).count().await?, count.min(RECORDS));
        let sent = proxy.arrived().pop().expect("a request");
        assert_eq!(sent.is_batch(), count > 50, "{count} ids: {}", sent.target.len());
        assert!(sent.target.len() <= 2_600);
        assert_eq!(preview.method(), Some(if sent.is_batch() { &Method::POST } else { &Method::HEAD }));
        assert_eq!(preview.target().map(|target| format!("/v1{target}")), Some(sent.target));
        assert_eq!(preview.body().unwrap_or_default(), sent.body);
    }
    Ok(())
}

#[tokio::test]
async fn too_many_values_are_refused_with_the_number_that_fits() -> Outcome {
    let proxy = Proxy::instead(|_| panic!("nothing is sent")).await;
    let client = Client::builder(proxy.url()).build()?;
    let many: Vec<String> = (0..30_000).map(id).collect();
    let is_in = || Filter::<Value>::field("id").is_in(&many);
    let todos = client.bucket("b").collection("c").typed::<Value>();
    for error in [
        todos.get_records().filter(is_in()).await.unwrap_err(),
        todos.get_records().filter(is_in()).count().await.unwrap_err(),
        todos.get_records().filter(is_in()).stream().try_next().await.unwrap_err(),
        todos.get_records().filter(is_in()).pages().try_next().await.unwrap_err(),
        todos.get_records().filter(is_in()).parallel().await.unwrap_err(),
        todos.get_records().filter(is_in()).preview().unwrap_err(),
        todos.delete_all_records().filter(is_in()).await.unwrap_err(),
        todos.get_records().filter(Filter::field("id").not_in(&many)).await.unwrap_err(),
    ] {
        assert!(error.is_invalid() && !error.may_have_been_applied(), "{error}");
        let says = error.to_string();
        // `%22`, an id, `%22`, and `%2C`: 45 bytes each.
        for words in ["has 30000 values, of which about 222", "at most 1000000 can be sent"] {
            assert!(says.contains(words), "{words}: {says}");
        }
    }
    // The server takes no path with `/batch` in it as part of a batch.
    let batches = client.bucket("b").collection("batches").typed::<Value>();
    let few = Filter::field("id").is_in((0..120).map(id));
    let error = batches.get_records().filter(few).await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("has 120 values, of which about 8"), "{error}");
    assert!(proxy.lines().is_empty());
    Ok(())
}

#[tokio::test]
async fn what_a_long_query_fails_with_says_what_to_do_and_only_a_deletion_is_in_doubt() -> Outcome {
    let (fixture, stored) = scene_with(Fixture::new().await.url()).await;
    let filter = || Filter::<Value>::field("id").is_in(ids());
    let refuse = || Fault::answer(405, &["Content-Type: text/html"], "<h1>Not allowed</h1>");
    let proxy = Proxy::instead(move |_| refuse()).await;
    let todos = fixture.todos_through(&proxy).typed::<Value>();
    let error = todos.get_records().filter(filter()).await.unwrap_err();
    assert!(error.to_string().contains("too long for a URL") && !error.may_have_been_applied(), "{error}");

    let proxy = Proxy::start(fixture.url(), |_| Fault::CutAfter).await;
    let client = fixture.client_at(proxy.url()).retry(NeverRetry).build()?;
    let todos = fixture.todos_of(&client).typed::<Value>();
    let error = todos.get_records().filter(filter()).await.unwrap_err();
    assert_eq!((error.kind(), error.may_have_been_applied()), (ErrorKind::Connect, false), "{error}");
    let error = todos.delete_all_records().filter(filter()).await.unwrap_err();
    assert_eq!((error.kind(), error.may_have_been_applied()), (ErrorKind::Connect, true), "{error}");
    assert_eq!(held(&fixture).await.len(), stored.len() - 30);
    Ok(())
}
