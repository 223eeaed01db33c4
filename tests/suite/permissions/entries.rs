//! Entries of the permissions endpoint: filters, orders and what is selected by the client.

use std::collections::BTreeSet;

use futures_util::TryStreamExt as _;
use kinto_client::{
    Client, Filter, Sort,
    permissions::{Permission, PermissionEntry},
};
use kinto_server::Server;
use kinto_tests::{Fixture, Outcome};
use serde_json::json;

use crate::predicates;

/// What a filter says, of an entry.
type Holds = Box<dyn Fn(&PermissionEntry) -> bool>;

/// The user's bucket with a collection, two groups and five records, on a server that sends three entries a page.
async fn fixture() -> Fixture {
    // Not the server of other tests, which let everybody see some of theirs: a setting makes it another one.
    let server = Server::builder().paginate_by(3).setting("kinto.project_docs", "permissions");
    let server = server.shared().expect("a server");
    let fixture = Fixture::on(server.url()).await;
    for n in 0..5 {
        fixture.plain.put(&fixture.record(&format!("n{n}")), &json!({})).await;
    }
    for group in ["a", "b"] {
        fixture.plain.put(&format!("/buckets/{}/groups/{group}", fixture.bucket.id()), &json!({})).await;
    }
    fixture
}

fn uris(entries: &[PermissionEntry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.uri.as_str()).collect()
}

#[tokio::test]
async fn get_permissions_filter_selects_as_the_entries_say() -> Outcome {
    let fixture = fixture().await;
    let bucket = fixture.bucket.id();
    let f = PermissionEntry::fields();
    let all = fixture.client.get_permissions().await?;
    assert_eq!(all.len(), 10, "the server, a bucket, a collection, two groups, five records: {:?}", uris(&all));
    let path = format!("/buckets/{bucket}");
    let is = |kind: &'static str| -> Holds { Box::new(move |entry| entry.resource_name == kind) };
    let cases: Vec<(Filter<PermissionEntry>, Holds)> = vec![
        (f.resource_name.eq("record"), is("record")),
        (f.resource_name.ne("record"), Box::new(|entry| entry.resource_name != "record")),
        (
            f.resource_name.is_in(["group", "root"]),
            Box::new(|e| e.resource_name == "group" || e.resource_name == "root"),
        ),
        (f.uri.eq("/"), is("root")),
        (f.uri.like("*/groups/*"), is("group")),
        (f.uri.like(format!("{path}/*")), Box::new(|e| e.bucket_id.is_some() && e.resource_name != "bucket")),
        (f.uri.like("BUCKETS"), Box::new(|entry| entry.uri != "/")),
        (f.uri.like(".*"), Box::new(|_| false)),
        (f.bucket_id.eq(bucket), Box::new(|entry| entry.bucket_id.is_some())),
        (f.bucket_id.is_missing(), is("root")),
        (f.collection_id.has_key(), Box::new(|entry| entry.collection_id.is_some())),
        (f.id.eq("n3"), Box::new(|entry| entry.id.as_deref() == Some("n3"))),
        (f.id.is_in(["a", "n1", "nowhere"]), Box::new(|e| ["a", "n1"].contains(&e.id.as_deref().unwrap_or_default()))),
        (f.id.not_in(["a", "n1"]), Box::new(|e| !["a", "n1"].contains(&e.id.as_deref().unwrap_or_default()))),
        (f.record_id.gt("n2"), Box::new(|entry| entry.record_id.as_deref() > Some("n2"))),
        (f.record_id.le("n2"), Box::new(|e| e.record_id.as_deref().is_some_and(|id| id <= "n2"))),
        (f.group_id.ne("a"), Box::new(|entry| entry.group_id.as_deref() != Some("a"))),
        (
            f.collection_id.eq("todos").and(f.record_id.is_missing()),
            Box::new(|entry| entry.collection_id.is_some() && entry.record_id.is_none()),
        ),
        (f.id.eq("42"), Box::new(|_| false)),
    ];
    for (filter, holds) in cases {
        let expected: Vec<&str> = all.iter().filter(|entry| holds(entry)).map(|entry| entry.uri.as_str()).collect();
        let found = fixture.client.get_permissions().filter(filter.clone()).await?;
        assert_eq!(uris(&found), expected, "{filter:?}");
        assert_eq!(
            fixture.client.get_permissions().filter(filter.clone()).count().await?,
            expected.len(),
            "{filter:?}"
        );
        let first = fixture.client.get_permissions().filter(filter.clone()).first().await?;
        assert_eq!(first.as_ref().map(|entry| entry.uri.as_str()), expected.first().copied(), "{filter:?}");
    }
    Ok(())
}

#[tokio::test]
async fn get_permissions_sort_orders_all_pages() -> Outcome {
    let fixture = fixture().await;
    let f = PermissionEntry::fields();
    let mut all = fixture.client.get_permissions().await?;
    all.reverse();
    let text = |value: &Option<String>| value.clone().unwrap_or("~".to_owned());
    assert_eq!(fixture.client.get_permissions().sort(f.uri.asc()).await?, all);
    for descending in [false, true] {
        let sort = if descending { f.id.desc() } else { f.id.asc() };
        let mut expected = all.clone();
        expected.sort_by_key(|one| text(&one.id));
        if descending {
            expected.reverse();
        }
        let sorted = fixture.client.get_permissions().sort(sort.clone()).sort(f.uri.asc()).await?;
        assert_eq!(uris(&sorted), uris(&expected), "{sort:?}");
    }
    let kinds = fixture.client.get_permissions().sort(f.resource_name.desc()).sort(f.record_id.asc()).await?;
    let mut expected = all;
    expected.sort_by(|one, other| {
        let by_kind = other.resource_name.cmp(&one.resource_name);
        by_kind.then(text(&one.record_id).cmp(&text(&other.record_id))).then(other.uri.cmp(&one.uri))
    });
    assert_eq!(uris(&kinds), uris(&expected));
    Ok(())
}

#[tokio::test]
async fn get_permissions_having_selects_before_the_limit() -> Outcome {
    let fixture = fixture().await;
    let create = || fixture.client.get_permissions().having(Permission::CreateRecord);
    let expected = [format!("/buckets/{}/collections/todos", fixture.bucket.id())];
    assert_eq!(uris(&create().await?), expected);
    assert_eq!(uris(&create().limit(1).await?), expected, "it is not on the first page");
    assert_eq!(create().first().await?.expect("one").uri, expected[0]);
    fixture.sent.forget();
    assert_eq!(create().count().await?, 1);
    assert_eq!(fixture.sent.take().len(), 4, "all pages are read");
    assert_eq!(fixture.client.get_permissions().count().await?, 10);
    assert_eq!(fixture.sent.take_lines(), ["HEAD /permissions"]);
    assert_eq!(fixture.client.get_permissions().limit(4).await?.len(), 4);
    assert_eq!(fixture.sent.take().len(), 2, "no page more than needed");
    let both = create().having(Permission::CreateBucket);
    assert_eq!(both.first().await?, None);
    Ok(())
}

#[tokio::test]
async fn get_permissions_of_many_ids_is_sent_in_a_batch() -> Outcome {
    let fixture = fixture().await;
    let f = PermissionEntry::fields();
    let many = (0..400).map(|n| format!("n{n}")).rev();
    let found =
        fixture.client.get_permissions().filter(f.record_id.is_in(many.clone())).sort(f.record_id.asc()).await?;
    let ids: Vec<&str> = found.iter().filter_map(|entry| entry.record_id.as_deref()).collect();
    assert_eq!(ids, ["n0", "n1", "n2", "n3", "n4"]);
    assert_eq!(fixture.sent.take_lines(), ["POST /batch"; 2]);
    assert_eq!(fixture.client.get_permissions().filter(f.record_id.is_in(many)).count().await?, 5);
    Ok(())
}

#[tokio::test]
async fn get_permissions_stream_gives_the_same_entries() -> Outcome {
    let fixture = fixture().await;
    let all = fixture.client.get_permissions().await?;
    let streamed: Vec<PermissionEntry> = fixture.client.get_permissions().page_size(2).stream().try_collect().await?;
    assert_eq!(streamed, all);
    let writable = fixture.client.get_permissions().having(Permission::Write).limit(5).stream();
    assert_eq!(writable.try_collect::<Vec<_>>().await?, all[..5]);
    let mut wrong = fixture.client.get_permissions().sort(Sort::asc("last_modified")).stream();
    assert_eq!(predicates(&wrong.try_next().await.unwrap_err()), ["invalid"]);
    assert!(wrong.try_next().await?.is_none());
    Ok(())
}

#[tokio::test]
async fn get_permissions_entries_are_typed() -> Outcome {
    let fixture = fixture().await;
    let f = PermissionEntry::fields();
    let one = |filter| fixture.client.get_permissions().filter(filter).first();
    let set = |entry: &PermissionEntry| entry.permissions.iter().cloned().collect::<BTreeSet<_>>();

    let root = one(f.resource_name.eq("root")).await?.expect("the server");
    assert_eq!((root.uri.as_str(), root.id.as_deref(), root.bucket_id.as_deref()), ("/", None, None));
    assert_eq!(set(&root), [Permission::CreateBucket, Permission::CreateAccount].into());
    let bucket = one(f.resource_name.eq("bucket")).await?.expect("a bucket");
    assert_eq!(bucket.id.as_deref(), Some(fixture.bucket.id()));
    let expected = [
        Permission::Read,
        Permission::Write,
        Permission::ReadAttributes,
        Permission::CreateCollection,
        Permission::CreateGroup,
    ];
    assert_eq!(set(&bucket), expected.into());
    let group = one(f.group_id.eq("a")).await?.expect("a group");
    assert_eq!((set(&group), group.has(&Permission::Write)), ([Permission::Read, Permission::Write].into(), true));
    let record = one(f.record_id.eq("n1")).await?.expect("a record");
    let ids = [&record.id, &record.bucket_id, &record.collection_id, &record.group_id, &record.record_id];
    assert_eq!(ids.map(Option::as_deref), [Some("n1"), Some(fixture.bucket.id()), Some("todos"), None, Some("n1")]);

    let nobody = Client::builder(fixture.url()).build()?.get_permissions().await?;
    assert_eq!(uris(&nobody), ["/"]);
    assert_eq!(nobody[0].permissions, [Permission::CreateAccount]);
    Ok(())
}

#[tokio::test]
async fn get_permissions_condition_that_the_server_lacks_sends_nothing() -> Outcome {
    let fixture = Fixture::new().await;
    let f = PermissionEntry::fields();
    let get = || fixture.client.get_permissions();
    let missing = f.record_id.is_missing().and(f.group_id.is_missing());
    for (error, words) in [
        (get().filter(missing.clone()).await.unwrap_err(), "one field at a time"),
        (get().filter(missing).count().await.unwrap_err(), "one field at a time"),
        (get().filter(f.id.like("n*")).await.unwrap_err(), "`uri` and `resource_name`"),
        (get().filter(Filter::plain("permissions", "write")).await.unwrap_err(), "the server knows uri"),
        (get().filter(Filter::plain("last_modified", 0)).await.unwrap_err(), "last_modified"),
        (get().sort(Sort::asc("permissions")).await.unwrap_err(), "the server knows uri"),
        (get().limit(0).await.unwrap_err(), "at least 1"),
        (get().having(Permission::Write).limit(0).await.unwrap_err(), "at least 1"),
        (get().limit(3).count().await.unwrap_err(), "remove `.limit(…)`"),
        (get().page_size(0).first().await.unwrap_err(), "`page_size` must be"),
    ] {
        assert_eq!(predicates(&error), ["invalid"], "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(error.object(), Some("/permissions"));
    }
    assert!(fixture.sent.take().is_empty());
    Ok(())
}
