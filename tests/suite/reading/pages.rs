//! Page by page, as a stream and as of one moment.

use futures_util::{StreamExt as _, TryStreamExt as _};
use kinto_client::{ErrorKind, KintoRecord as _, Value, json, list::PageToken};
use kinto_tests::{Fault, Fixture, Gate, Outcome, Proxy, in_order};

use super::{Numbered, fill, numbers};
use crate::predicates;

#[tokio::test]
async fn stream_requests_next_page_while_reading() -> Outcome {
    let fixture = Fixture::new().await;
    fill(&fixture, 6).await;
    let mut records = fixture.todos.get_records::<Numbered>().page_size(2).stream();
    assert!(fixture.sent.take().is_empty(), "nobody has asked for anything yet");
    let mut sent = 0;
    for (n, requests) in [(0, 2), (1, 2), (2, 3), (3, 3), (4, 3), (5, 3)] {
        assert_eq!(records.try_next().await?.expect("a record").data.n, n);
        // A request is sent by a task of its own.
        tokio::task::yield_now().await;
        sent += fixture.sent.take().len();
        assert_eq!(sent, requests, "as the record {n} is there");
    }
    assert!(records.next().await.is_none());
    assert!(records.next().await.is_none(), "it stays at its end");
    assert!(fixture.sent.take().is_empty());

    let mut pages = fixture.todos.get_records::<Numbered>().page_size(2).pages();
    assert_eq!(numbers(&pages.try_next().await?.expect("a page").items), [5, 4]);
    tokio::task::yield_now().await;
    assert_eq!(fixture.sent.take().len(), 2);
    Ok(())
}

#[tokio::test]
async fn stream_returns_objects_while_next_page_is_pending() -> Outcome {
    let fixture = Fixture::new().await;
    fill(&fixture, 200).await;
    let gate = Gate::default();
    let proxy = Proxy::start(fixture.url(), in_order([Fault::Pass, Fault::Hold(gate.clone())])).await;
    let mut records = fixture.todos_through(&proxy).get_records::<Numbered>().page_size(100).stream();
    for n in 0..100 {
        assert_eq!(records.try_next().await?.expect("a record").data.n, n);
    }
    let (next, ()) = tokio::join!(records.try_next(), async {
        gate.arrival().await;
        gate.open();
    });
    assert_eq!(next?.expect("a record").data.n, 100);
    let rest: Vec<_> = records.try_collect().await?;
    assert_eq!(numbers(&rest), (101..200).collect::<Vec<_>>());
    assert_eq!(proxy.arrived().len(), 2);
    Ok(())
}

#[tokio::test]
async fn dropped_stream_sends_no_more_requests() -> Outcome {
    let fixture = Fixture::new().await;
    fill(&fixture, 50).await;
    let mut records = fixture.todos.get_records::<Numbered>().page_size(5).stream();
    records.try_next().await?.expect("a record");
    tokio::task::yield_now().await;
    drop(records);
    assert_eq!(fixture.todos.get_records::<Numbered>().count().await?, 50);
    assert_eq!(fixture.sent.take().len(), 3, "two pages and the count");
    Ok(())
}

#[tokio::test]
async fn stream_ends_after_failed_page() -> Outcome {
    let fixture = Fixture::new().await;
    fill(&fixture, 6).await;
    let faults = [Fault::Pass, Fault::json(403, &json!({"code": 403, "errno": 121, "error": "Forbidden"}))];
    let proxy = Proxy::start(fixture.url(), in_order(faults)).await;
    let mut records = fixture.todos_through(&proxy).get_records::<Numbered>().page_size(2).stream();
    for n in [0, 1] {
        assert_eq!(records.try_next().await?.expect("what had arrived").data.n, n);
    }
    let error = records.try_next().await.unwrap_err();
    assert_eq!(predicates(&error), ["forbidden"], "{error}");
    assert_eq!((error.operation(), error.object()), (Some("get"), Some(fixture.records.as_str())));
    assert!(records.next().await.is_none());
    assert_eq!(proxy.arrived().len(), 2);
    Ok(())
}

#[tokio::test]
async fn resume_continues_from_token_stored_as_text() -> Outcome {
    let fixture = Fixture::new().await;
    fill(&fixture, 9).await;
    let f = Numbered::fields();
    let call = fixture.todos.get_records().filter(f.n.gt(0)).sort(f.n.asc()).page_size(3);
    let first = call.pages().next().await.expect("a page")?;
    assert_eq!(numbers(&first.items), [1, 2, 3]);
    let text = first.next.as_ref().expect("there are more").to_string();
    assert!(!format!("{:?}", first.next).contains("gt_n"), "what is filtered by may be nobody's business");

    let again = fixture.todos_of(&fixture.client_at(fixture.url()).build()?);
    let token = || text.parse::<PageToken>();
    assert_eq!(Some(token()?), first.next);
    let rest = again.get_records::<Numbered>().resume(token()?).await?;
    assert_eq!(numbers(&rest), [4, 5, 6, 7, 8], "with the filter, the order and the page size of then");
    let pages: Vec<_> = again.get_records::<Numbered>().resume(token()?).pages().try_collect().await?;
    let shape: Vec<_> = pages.iter().map(|page| (numbers(&page.items), page.next.is_some())).collect();
    assert_eq!(shape, [(vec![4, 5, 6], true), (vec![7, 8], false)]);
    let streamed: Vec<_> = again.get_records::<Numbered>().resume(token()?).limit(4).stream().try_collect().await?;
    assert_eq!(numbers(&streamed), [4, 5, 6, 7]);
    assert_eq!(first.last_modified, pages[1].last_modified);

    // What was written meanwhile behind it is read, and nothing twice.
    fixture.plain.put_data(&fixture.record("new"), &json!({"n": 20})).await;
    fixture.plain.put_data(&fixture.record("old"), &json!({"n": 2})).await;
    let rest = again.get_records::<Numbered>().resume(token()?).await?;
    assert_eq!(numbers(&rest), [4, 5, 6, 7, 8, 20]);
    Ok(())
}

#[tokio::test]
async fn resume_rejects_invalid_token() -> Outcome {
    let fixture = Fixture::new().await;
    for text in [
        "",
        "abc",
        "1:/x?_limit=3",
        "_token=a",
        "1:x?_token=a",
        "1:/x?_token=a b",
        "1:/x?_token=a\n",
        "1:/x?_token=a#",
        "1:/x?_token=é",
    ] {
        let error = text.parse::<PageToken>().unwrap_err();
        assert_eq!(predicates(&error), ["invalid"], "{text:?}: {error}");
    }
    let token: PageToken = format!("1:{}?_token=bm9uc2Vuc2U%3D", fixture.records).parse()?;
    let error = fixture.todos.get_records::<Value>().resume(token).await.unwrap_err();
    assert_eq!(predicates(&error), ["refused"], "{error}");
    Ok(())
}

#[tokio::test]
async fn consistent_list_returns_conflict_when_changed() -> Outcome {
    let fixture = Fixture::new().await;
    fill(&fixture, 6).await;
    for consistent in [false, true] {
        let gate = Gate::default();
        let proxy = Proxy::start(fixture.url(), in_order([Fault::Pass, Fault::Hold(gate.clone())])).await;
        let call = fixture.todos_through(&proxy).get_records::<Numbered>().page_size(3);
        let call = if consistent { call.consistent() } else { call };
        let (read, ()) = tokio::join!(call.into_future(), async {
            gate.arrival().await;
            fixture.plain.put_data(&fixture.record("r001"), &json!({"n": 1})).await;
            gate.open();
        });
        if consistent {
            let error = read.unwrap_err();
            assert_eq!(predicates(&error), ["conflict"], "{error}");
            assert!(error.to_string().contains("changed while it was being read"), "{error}");
            assert!(error.conflict::<Numbered>().is_none() && error.theirs::<Numbered>().is_none());
        } else {
            assert_eq!(read?.len(), 6, "the record that moved is there once");
        }
    }
    Ok(())
}

#[tokio::test]
async fn consistent_list_succeeds_when_unchanged() -> Outcome {
    let fixture = Fixture::new().await;
    fill(&fixture, 6).await;
    let get = || fixture.todos.get_records::<Numbered>().page_size(2).consistent();
    let read = get().await?;
    assert_eq!(read.len(), 6);
    let sent = fixture.sent.take();
    let etag = format!("\"{}\"", read.last_modified);
    assert_eq!(
        sent.iter().map(|sent| sent.header("if-match")).collect::<Vec<_>>(),
        [None, Some(&*etag), Some(&*etag), Some(&*etag)]
    );

    let pages: Vec<_> = get().pages().try_collect().await?;
    assert_eq!(pages.len(), 3);
    assert_eq!(get().lenient().await?.len(), 6);
    Ok(())
}

/// A limit of objects is reached within the limit of pages.
#[tokio::test]
async fn max_pages_counts_only_needed_pages() -> Outcome {
    let fixture = Fixture::new().await;
    fill(&fixture, 6).await;
    let get = || fixture.todos.get_records::<Numbered>();
    let error = get().page_size(2).max_pages(2).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
    assert_eq!(get().page_size(2).max_pages(3).await?.len(), 6);
    assert_eq!(get().page_size(2).limit(4).max_pages(2).await?.len(), 4);
    assert_eq!(get().max_pages(1).first().await?.map(|record| record.data.n), Some(5));
    fixture.sent.forget();
    let none = get().max_pages(0).await.unwrap_err();
    assert_eq!(predicates(&none), ["invalid"], "{none}");
    assert!(fixture.sent.take().is_empty());
    Ok(())
}
