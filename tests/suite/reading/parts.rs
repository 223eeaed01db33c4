//! A limited number of records, the first, the only one, or how many there are.

use futures_util::TryStreamExt as _;
use kinto_client::{ErrorKind, KintoRecord as _, Value};
use kinto_tests::{Fixture, Outcome};

use super::{Numbered, fill, numbers};
use crate::{Todo, predicates};

#[tokio::test]
async fn limit_applies_to_all_pages_together() -> Outcome {
    let fixture = Fixture::new().await;
    fill(&fixture, 10).await;
    let get = || fixture.todos.get_records::<Numbered>();
    for (limit, page_size, sizes) in [
        (7, 3, &[3, 3, 3][..]),
        (6, 3, &[3, 3]),
        (3, 3, &[3]),
        (2, 3, &[2]),
        (10, 4, &[4, 4, 4]),
        (11, 4, &[4, 4, 4]),
        (1, 1, &[1]),
    ] {
        let expected: Vec<u32> = (0..10).rev().take(limit).collect();
        assert_eq!(numbers(&get().limit(limit).page_size(page_size).await?), expected, "{limit} by {page_size}");
        let sent = fixture.sent.take();
        let asked: Vec<String> = sizes.iter().map(|size| format!("_limit={size}")).collect();
        assert!(sent.iter().zip(&asked).all(|(sent, limit)| sent.target.contains(limit)), "{sent:?}");
        assert_eq!(sent.len(), asked.len(), "{limit} by {page_size}: no page that nobody needs");

        let streamed: Vec<_> = get().limit(limit).page_size(page_size).stream().try_collect().await?;
        assert_eq!(numbers(&streamed), expected);
        assert_eq!(fixture.sent.take().len(), asked.len(), "a stream of {limit} by {page_size}");
        let pages: Vec<_> = get().limit(limit).page_size(page_size).pages().try_collect().await?;
        assert_eq!(pages.iter().flat_map(|page| numbers(&page.items)).collect::<Vec<_>>(), expected);
        assert_eq!(fixture.sent.take().len(), asked.len(), "pages of {limit} by {page_size}");
    }
    assert_eq!(numbers(&get().limit(usize::MAX).page_size(u32::MAX).await?).len(), 10);
    Ok(())
}

#[tokio::test]
async fn first_and_one_return_single_object() -> Outcome {
    let fixture = Fixture::new().await;
    let get = || fixture.todos.get_records::<Numbered>();
    let f = Numbered::fields();
    assert!(get().first().await?.is_none());
    let none = get().one().await.unwrap_err();
    fill(&fixture, 5).await;
    fixture.sent.forget();

    let first = get().filter(f.n.lt(4)).sort(f.n.desc()).first().await?;
    assert_eq!(first.map(|record| record.data.n), Some(3));
    let only = get().filter(f.n.eq(2)).one().await?;
    assert_eq!((only.id.as_str(), only.data.n), ("r002", 2));
    let sent = fixture.sent.take();
    assert_eq!(sent.len(), 2, "one request each: {sent:?}");
    assert!(sent[0].target.contains("_limit=1") && sent[1].target.contains("_limit=2"));

    let several = get().filter(f.n.gt(1)).one().await.unwrap_err();
    assert_eq!(fixture.sent.take().len(), 1);
    assert_eq!((several.kind(), predicates(&several)), (ErrorKind::MultipleResults, vec!["several"]), "{several}");
    assert!(several.to_string().contains("`r004`") && several.to_string().contains("`r003`"), "{several}");
    let two = get().filter(f.n.gt(2)).one().await.unwrap_err();
    assert_eq!(two.kind(), ErrorKind::MultipleResults, "{two}");
    assert_eq!(predicates(&none), ["not found"], "{none}");
    assert_eq!(none.object(), Some(fixture.records.as_str()));
    Ok(())
}

#[tokio::test]
async fn count_reads_no_objects() -> Outcome {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.todos.get_records::<Value>().count().await?, 0);
    fill(&fixture, 30).await;
    fixture.sent.forget();
    assert_eq!(fixture.todos.get_records::<Todo>().count().await?, 30, "whatever the type");
    let sent = fixture.sent.take_one();
    assert_eq!(sent.line(), format!("HEAD {}", fixture.records));
    let filtered = fixture.todos.get_records().filter(Numbered::fields().n.ge(10)).page_size(3);
    assert_eq!(filtered.count().await?, 20);
    let sent = fixture.sent.take_one();
    assert!(sent.line().starts_with(&format!("HEAD {}?", fixture.records)) && sent.target.contains("min_n=10"));
    assert!(!sent.target.contains("_limit"), "{}", sent.target);
    assert_eq!(fixture.bucket.get_collections().count().await?, 1);
    assert_eq!(fixture.bucket.get_groups().count().await?, 0);
    Ok(())
}

/// The answer to a HEAD request has no body, so no words of Kinto's either.
#[tokio::test]
async fn count_error_has_reason() -> Outcome {
    let fixture = Fixture::new().await;
    let forbidden = fixture.client.bucket("of-somebody-else").collection("c").get_records::<Value>();
    let forbidden = forbidden.count().await.unwrap_err();
    assert_eq!(predicates(&forbidden), ["forbidden"], "{forbidden}");
    let none = fixture.bucket.collection("none").get_records::<Value>().count().await.unwrap_err();
    assert_eq!(predicates(&none), ["not found"], "{none}");
    let nobody = kinto_client::Client::builder(fixture.url()).build()?;
    let unknown = fixture.todos_of(&nobody).get_records::<Value>().count().await.unwrap_err();
    assert_eq!(predicates(&unknown), ["unauthorized"], "{unknown}");
    Ok(())
}
