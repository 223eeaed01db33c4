//! Lists are read sorted, in part, page by page and only if they have changed; and one record that does not fit is named.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, TryStreamExt as _};
use kinto_client::{ErrorKind, Filter, Fresh, KintoRecord, PageToken, Sort, Timestamp, Value, json};
use kinto_server::Backend;
use kinto_tests::{Fault, Gate, Outcome, Proxy, Scene, in_order, on_each_backend, server_on};
use serde::{Deserialize, Serialize};

use crate::{Todo, predicates};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
struct Song {
    title: String,
    artist: Option<String>,
    year: Option<i32>,
    #[serde(default)]
    live: bool,
    #[kinto(nested)]
    label: Option<Label>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
#[kinto(nested)]
struct Label {
    name: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
struct Numbered {
    n: u32,
}

/// Records `r000`, `r001`, … that are numbered from 0 on.
async fn fill(scene: &Scene, records: u32) {
    scene.fill((0..records).map(|n| (format!("r{n:03}"), json!({"n": n})))).await;
}

fn numbers<'a>(records: impl IntoIterator<Item = &'a kinto_client::Record<Numbered>>) -> Vec<u32> {
    records.into_iter().map(|record| record.data.n).collect()
}

/// The server's order of what a field holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Null,
    Text(String),
    Number(i64),
    Bool(bool),
    Missing,
}

impl Key {
    fn of(data: &Value, path: &str) -> Self {
        match path.split('.').try_fold(data, |value, key| value.get(key)) {
            None => Self::Missing,
            Some(Value::String(text)) => Self::Text(text.clone()),
            Some(Value::Bool(value)) => Self::Bool(*value),
            Some(Value::Number(number)) => Self::Number(number.as_i64().expect("an integer")),
            Some(_) => Self::Null,
        }
    }
}

async fn by_several_keys(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let scene = Scene::on(server.url()).await;
    let songs = [
        json!({"title": "a", "artist": "Cash", "year": 1968, "live": true, "label": {"name": "Columbia"}}),
        json!({"title": "b", "artist": "Cash", "year": 1955, "live": false, "label": {"name": "Sun"}}),
        json!({"title": "c", "artist": "Simone", "year": 1968, "live": true, "label": null}),
        json!({"title": "d", "artist": null, "year": null, "live": false}),
        json!({"title": "e", "year": -5, "live": true, "label": {"name": "Sun"}}),
        json!({"title": "f", "artist": "Cash", "live": true}),
        json!({"title": "g", "artist": "simone", "year": 10, "live": false, "label": {"name": "Philips"}}),
        json!({"title": "h", "artist": "", "year": 9, "live": true}),
        json!({"title": "i", "artist": null, "live": false, "label": {"name": "Sun"}}),
        json!({"title": "j", "artist": "Cash", "year": 1955, "live": false}),
        json!({"title": "k"}),
    ];
    scene.fill((0..).zip(songs.clone()).map(|(place, song)| (format!("r{place:02}"), song))).await;
    let f = Song::fields();
    let cases = [
        vec![("artist", f.artist.asc())],
        vec![("-artist", f.artist.desc()), ("year", f.year.asc())],
        vec![("live", f.live.asc()), ("-artist", f.artist.desc()), ("-year", f.year.desc())],
        vec![("-live", f.live.desc()), ("year", f.year.asc())],
        vec![("-year", f.year.desc())],
        vec![("label.name", f.label.name.asc()), ("title", f.title.asc())],
        vec![("-label.name", f.label.name.desc())],
        vec![("-title", f.title.desc())],
    ];
    for keys in cases {
        let mut expected: Vec<&Value> = songs.iter().rev().collect();
        expected.sort_by(|one, other| {
            let orders = keys.iter().map(|(key, _)| match key.strip_prefix('-') {
                Some(path) => Key::of(other, path).cmp(&Key::of(one, path)),
                None => Key::of(one, key).cmp(&Key::of(other, key)),
            });
            orders.reduce(std::cmp::Ordering::then).expect("a key")
        });
        let names: Vec<&str> = keys.iter().map(|(name, _)| *name).collect();
        let sort = |call| keys.iter().fold(call, |call: kinto_client::Call<'_, _>, (_, key)| call.sort(key.clone()));
        for page_size in [100, 4, 1] {
            let read = sort(scene.todos.get_records::<Song>()).page_size(page_size).await?;
            let titles: String = read.iter().map(|song| song.data.title.as_str()).collect();
            let expected: String = expected.iter().map(|song| song["title"].as_str().unwrap()).collect();
            assert_eq!(titles, expected, "by {names:?} on pages of {page_size}");
            let sent = scene.sent.take();
            assert!(sent[0].target.contains(&format!("_sort={}", names.join("%2C"))), "{}", sent[0].target);
        }
    }
    Ok(())
}

async fn json_is_sorted_by_names(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let scene = Scene::on(server.url()).await;
    let homes = ["Oslo", "Bonn", "Lima", "Bonn", "Rome"];
    scene
        .fill((0..).zip(homes).map(|(n, city)| (format!("r{n}"), json!({"home": {"city": city}, "in_stock": n}))))
        .await;
    let call = scene.todos.get_records::<Value>().page_size(2);
    let read = call.sort(Sort::asc("home.city")).sort(Sort::desc("in_stock")).await?;
    assert_eq!(read.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), ["r3", "r1", "r2", "r0", "r4"]);
    let by_time = scene.todos.get_records::<Value>().sort(Sort::asc("last_modified")).page_size(2).await?;
    assert_eq!(by_time.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), ["r0", "r1", "r2", "r3", "r4"]);
    Ok(())
}

/// A list that is bound by time has the tombstones of what was deleted in it, and those are no records.
async fn since_and_before_are_of_what_is_there(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let scene = Scene::on(server.url()).await;
    fill(&scene, 9).await;
    let mut times = Vec::new();
    for n in 0..9 {
        times.push(scene.todos.get_record::<Value>(format!("r00{n}")).await?.last_modified);
    }
    for n in [3, 4, 6] {
        scene.plain.delete(&scene.record(&format!("r00{n}"))).await;
    }
    scene.sent.forget();
    let since = || scene.todos.get_records::<Numbered>().since(times[1]);
    assert_eq!(numbers(&since().await?), [8, 7, 5, 2]);
    assert_eq!(scene.sent.take_one().line(), format!("GET {}?_since={}", scene.records, times[1]));
    assert_eq!(numbers(&since().before(times[8]).await?), [7, 5, 2]);
    assert_eq!(numbers(&scene.todos.get_records::<Numbered>().before(times[5]).await?), [2, 1, 0]);
    assert_eq!(numbers(&since().page_size(1).await?), [8, 7, 5, 2]);
    assert_eq!(numbers(&since().limit(3).page_size(2).await?), [8, 7, 5], "the limit is of records");
    assert_eq!(numbers(&since().limit(1).await?), [8]);
    assert_eq!(numbers(&since().first().await?), [8], "the tombstones are later");
    let deleted_only = || scene.todos.get_records::<Numbered>().since(times[8]);
    assert!(deleted_only().await?.is_empty());
    assert!(deleted_only().first().await?.is_none());
    assert_eq!((since().count().await?, deleted_only().count().await?), (4, 0));

    let streamed: Vec<_> = since().page_size(2).stream().try_collect().await?;
    assert_eq!(numbers(&streamed), [8, 7, 5, 2]);
    let pages: Vec<_> = since().page_size(3).pages().try_collect().await?;
    assert_eq!(pages.iter().flat_map(|page| numbers(&page.items)).collect::<Vec<_>>(), [8, 7, 5, 2]);
    let lenient = since().lenient().await?;
    assert!(lenient.iter().all(Result::is_ok));
    let by_filter = scene.todos.get_records::<Value>().filter(Filter::field("last_modified").gt(times[1])).await?;
    assert_eq!(by_filter.len(), 4);
    Ok(())
}

async fn selected_fields_since_a_time_are_of_what_is_there(backend: Backend) -> Outcome {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Small {
        n: Option<u32>,
    }
    let server = server_on(backend);
    let scene = Scene::on(server.url()).await;
    fill(&scene, 4).await;
    let first = scene.todos.get_record::<Value>("r000").await?.last_modified;
    scene.plain.delete(&scene.record("r002")).await;
    let since = || scene.todos.get_records::<Numbered>().since(first);
    let small = since().select_as::<Small>().await?;
    assert_eq!(small.iter().map(|record| record.data.n).collect::<Vec<_>>(), [Some(3), Some(1)]);
    let selected = since().select(Numbered::fields().n).await?;
    assert_eq!(selected.iter().map(|record| record.data).collect::<Vec<_>>(), [3, 1]);
    Ok(())
}

on_each_backend!(
    by_several_keys,
    json_is_sorted_by_names,
    since_and_before_are_of_what_is_there,
    selected_fields_since_a_time_are_of_what_is_there,
);

fn songs(scene: &Scene) -> impl Future<Output = ()> + '_ {
    let songs = [
        json!({"title": "a", "artist": "Cash", "year": 1968, "live": true, "label": {"name": "Sun"}, "text": "…"}),
        json!({"title": "b", "artist": null, "live": false, "label": {"name": "Columbia"}, "text": "…"}),
        json!({"title": "c", "year": 1964, "live": true, "label": {"name": "Philips"}, "text": "…"}),
    ];
    scene.fill((0..).zip(songs).map(|(place, song)| (format!("r{place}"), song)))
}

#[tokio::test]
async fn some_fields_as_a_tuple() -> Outcome {
    let scene = Scene::new().await;
    songs(&scene).await;
    let f = Song::fields();
    let whole = scene.todos.get_records::<Song>().await?;
    scene.sent.forget();

    let call = scene.todos.get_records::<Song>().sort(f.title.asc()).page_size(2);
    let read = call.select((f.title, f.artist, f.year, f.label.name)).await?;
    let expected = [
        ("a".to_owned(), Some("Cash".to_owned()), Some(1968), "Sun".to_owned()),
        ("b".to_owned(), None, None, "Columbia".to_owned()),
        ("c".to_owned(), None, Some(1964), "Philips".to_owned()),
    ];
    assert!(read.iter().map(|song| &song.data).eq(&expected), "{read:?}");
    for song in &read {
        let same = whole.iter().find(|whole| whole.id == song.id).expect("it is one of them");
        assert_eq!(same.last_modified, song.last_modified);
    }
    let sent = scene.sent.take();
    assert_eq!(sent.len(), 2);
    assert!(sent.iter().all(|sent| sent.target.contains("_fields=title%2Cartist%2Cyear%2Clabel.name")), "{sent:?}");

    let titles = scene.todos.get_records::<Song>().filter(f.live.eq(true)).select(f.title).await?;
    assert_eq!(titles.iter().map(|song| song.data.as_str()).collect::<Vec<_>>(), ["c", "a"]);
    let many = (f.title, f.title, f.title, f.title, f.title, f.title, f.title, f.live);
    let read = scene.todos.get_records::<Song>().limit(1).select(many).await?;
    assert_eq!((read.len(), read[0].data.0.as_str(), read[0].data.7), (1, "c", true));
    Ok(())
}

#[tokio::test]
async fn some_fields_as_a_struct() -> Outcome {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Small {
        #[serde(rename = "title")]
        name: String,
        year: Option<i32>,
        #[serde(default)]
        plays: u32,
    }
    let scene = Scene::new().await;
    songs(&scene).await;
    let read = scene.todos.get_records::<Song>().sort(Song::fields().title.asc()).select_as::<Small>().await?;
    let small = |name: &str, year| Small { name: name.to_owned(), year, plays: 0 };
    let expected = [small("a", Some(1968)), small("b", None), small("c", Some(1964))];
    assert!(read.iter().map(|song| &song.data).eq(&expected), "{read:?}");
    assert!(scene.sent.take_one().target.contains("_fields=title%2Cyear%2Cplays"));

    let error = scene.todos.get_records::<Song>().select_as::<Todo>().await;
    assert!(error.is_ok(), "a `Todo` has a title, and is not done unless that is said");
    Ok(())
}

#[tokio::test]
async fn selected_fields_that_do_not_fit_are_named() -> Outcome {
    #[derive(Debug, Deserialize)]
    struct Small {
        #[expect(dead_code, reason = "it is never read")]
        title: u32,
    }
    let scene = Scene::new().await;
    scene.plain.put_data(&scene.record("bad"), &json!({"title": 7, "label": {"name": []}})).await;
    let f = Song::fields();
    let get = || scene.todos.get_records::<Song>();
    let title = get().select(f.title).await.unwrap_err();
    let name = get().select((f.artist, f.label.name)).await.unwrap_err();
    scene.plain.put_data(&scene.record("bad"), &json!({"title": "7"})).await;
    let small = get().select_as::<Small>().await.unwrap_err();
    for (error, path) in [(title, "title"), (name, "label.name"), (small, "title")] {
        assert_eq!(predicates(&error), ["decode"], "{error}");
        assert_eq!((error.record_id(), error.field()), (Some("bad"), Some(path)), "{error}");
        assert!(error.to_string().contains("`bad`") && error.to_string().contains(path), "{error}");
        assert_eq!(error.object(), Some(scene.records.as_str()));
    }
    Ok(())
}

#[tokio::test]
async fn a_limit_is_of_all_pages_together() -> Outcome {
    let scene = Scene::new().await;
    fill(&scene, 10).await;
    let get = || scene.todos.get_records::<Numbered>();
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
        let sent = scene.sent.take();
        let asked: Vec<String> = sizes.iter().map(|size| format!("_limit={size}")).collect();
        assert!(sent.iter().zip(&asked).all(|(sent, limit)| sent.target.contains(limit)), "{sent:?}");
        assert_eq!(sent.len(), asked.len(), "{limit} by {page_size}: no page that nobody needs");

        let streamed: Vec<_> = get().limit(limit).page_size(page_size).stream().try_collect().await?;
        assert_eq!(numbers(&streamed), expected);
        assert_eq!(scene.sent.take().len(), asked.len(), "a stream of {limit} by {page_size}");
        let pages: Vec<_> = get().limit(limit).page_size(page_size).pages().try_collect().await?;
        assert_eq!(pages.iter().flat_map(|page| numbers(&page.items)).collect::<Vec<_>>(), expected);
        assert_eq!(scene.sent.take().len(), asked.len(), "pages of {limit} by {page_size}");
    }
    assert_eq!(numbers(&get().limit(usize::MAX).page_size(u32::MAX).await?).len(), 10);
    Ok(())
}

#[tokio::test]
async fn the_first_and_the_only_one() -> Outcome {
    let scene = Scene::new().await;
    let get = || scene.todos.get_records::<Numbered>();
    let f = Numbered::fields();
    assert!(get().first().await?.is_none());
    let none = get().one().await.unwrap_err();
    fill(&scene, 5).await;
    scene.sent.forget();

    let first = get().filter(f.n.lt(4)).sort(f.n.desc()).first().await?;
    assert_eq!(first.map(|record| record.data.n), Some(3));
    let only = get().filter(f.n.eq(2)).one().await?;
    assert_eq!((only.id.as_str(), only.data.n), ("r002", 2));
    let sent = scene.sent.take();
    assert_eq!(sent.len(), 2, "one request each: {sent:?}");
    assert!(sent[0].target.contains("_limit=1") && sent[1].target.contains("_limit=2"));

    let several = get().filter(f.n.gt(1)).one().await.unwrap_err();
    assert_eq!(scene.sent.take().len(), 1);
    assert_eq!((several.kind(), predicates(&several)), (ErrorKind::Several, vec!["several"]), "{several}");
    assert!(several.to_string().contains("`r004`") && several.to_string().contains("`r003`"), "{several}");
    let two = get().filter(f.n.gt(2)).one().await.unwrap_err();
    assert_eq!(two.kind(), ErrorKind::Several, "{two}");
    assert_eq!(predicates(&none), ["not found"], "{none}");
    assert_eq!(none.object(), Some(scene.records.as_str()));
    Ok(())
}

#[tokio::test]
async fn a_count_reads_nothing() -> Outcome {
    let scene = Scene::new().await;
    assert_eq!(scene.todos.get_records::<Value>().count().await?, 0);
    fill(&scene, 30).await;
    scene.sent.forget();
    assert_eq!(scene.todos.get_records::<Todo>().count().await?, 30, "whatever the type");
    let sent = scene.sent.take_one();
    assert_eq!(sent.line(), format!("HEAD {}", scene.records));
    let filtered = scene.todos.get_records().filter(Numbered::fields().n.at_least(10)).page_size(3);
    assert_eq!(filtered.count().await?, 20);
    let sent = scene.sent.take_one();
    assert!(sent.line().starts_with(&format!("HEAD {}?", scene.records)) && sent.target.contains("min_n=10"));
    assert!(!sent.target.contains("_limit"), "{}", sent.target);
    assert_eq!(scene.bucket.get_collections().count().await?, 1);
    assert_eq!(scene.bucket.get_groups().count().await?, 0);
    Ok(())
}

/// The answer to a HEAD request has no body, so no words of Kinto's either.
#[tokio::test]
async fn a_count_that_is_refused_says_why() -> Outcome {
    let scene = Scene::new().await;
    let forbidden = scene.client.bucket("of-somebody-else").collection("c").get_records::<Value>();
    let forbidden = forbidden.count().await.unwrap_err();
    assert_eq!(predicates(&forbidden), ["forbidden"], "{forbidden}");
    let none = scene.bucket.collection("none").get_records::<Value>().count().await.unwrap_err();
    assert_eq!(predicates(&none), ["not found"], "{none}");
    let nobody = kinto_client::Client::builder(scene.url()).build()?;
    let unknown = scene.todos_of(&nobody).get_records::<Value>().count().await.unwrap_err();
    assert_eq!(predicates(&unknown), ["unauthorized"], "{unknown}");
    Ok(())
}

#[tokio::test]
async fn the_next_page_is_under_way_while_this_one_is_read() -> Outcome {
    let scene = Scene::new().await;
    fill(&scene, 6).await;
    let mut records = scene.todos.get_records::<Numbered>().page_size(2).stream();
    assert!(scene.sent.take().is_empty(), "nobody has asked for anything yet");
    let mut sent = 0;
    for (n, requests) in [(5, 2), (4, 2), (3, 3), (2, 3), (1, 3), (0, 3)] {
        assert_eq!(records.try_next().await?.expect("a record").data.n, n);
        sent += scene.sent.take().len();
        assert_eq!(sent, requests, "as the record {n} is there");
    }
    assert!(records.next().await.is_none());
    assert!(records.next().await.is_none(), "it stays at its end");
    assert!(scene.sent.take().is_empty());

    let mut pages = scene.todos.get_records::<Numbered>().page_size(2).pages();
    assert_eq!(numbers(&pages.try_next().await?.expect("a page").items), [5, 4]);
    assert_eq!(scene.sent.take().len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_page_that_has_arrived_is_given_while_the_next_one_is_awaited() -> Outcome {
    let scene = Scene::new().await;
    fill(&scene, 200).await;
    let gate = Gate::default();
    let proxy = Proxy::start(scene.url(), in_order([Fault::Pass, Fault::Hold(gate.clone())])).await;
    let mut records = scene.todos_through(&proxy).get_records::<Numbered>().page_size(100).stream();
    for n in (100..200).rev() {
        assert_eq!(records.try_next().await?.expect("a record").data.n, n);
    }
    let (next, ()) = tokio::join!(records.try_next(), async {
        gate.arrival().await;
        gate.open();
    });
    assert_eq!(next?.expect("a record").data.n, 99);
    let rest: Vec<_> = records.try_collect().await?;
    assert_eq!(numbers(&rest), (0..99).rev().collect::<Vec<_>>());
    assert_eq!(proxy.arrived().len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_stream_that_is_dropped_asks_for_no_more() -> Outcome {
    let scene = Scene::new().await;
    fill(&scene, 50).await;
    let mut records = scene.todos.get_records::<Numbered>().page_size(5).stream();
    records.try_next().await?.expect("a record");
    drop(records);
    assert_eq!(scene.todos.get_records::<Numbered>().count().await?, 50);
    assert_eq!(scene.sent.take().len(), 3, "two pages and the count");
    Ok(())
}

#[tokio::test]
async fn a_page_that_fails_is_the_last_item() -> Outcome {
    let scene = Scene::new().await;
    fill(&scene, 6).await;
    let faults = [Fault::Pass, Fault::json(403, &json!({"code": 403, "errno": 121, "error": "Forbidden"}))];
    let proxy = Proxy::start(scene.url(), in_order(faults)).await;
    let mut records = scene.todos_through(&proxy).get_records::<Numbered>().page_size(2).stream();
    for n in [5, 4] {
        assert_eq!(records.try_next().await?.expect("what had arrived").data.n, n);
    }
    let error = records.try_next().await.unwrap_err();
    assert_eq!(predicates(&error), ["forbidden"], "{error}");
    assert_eq!((error.operation(), error.object()), (Some("get"), Some(scene.records.as_str())));
    assert!(records.next().await.is_none());
    assert_eq!(proxy.arrived().len(), 2);
    Ok(())
}

#[tokio::test]
async fn reading_goes_on_from_a_token_that_was_kept_as_text() -> Outcome {
    let scene = Scene::new().await;
    fill(&scene, 9).await;
    let f = Numbered::fields();
    let call = scene.todos.get_records().filter(f.n.gt(0)).sort(f.n.asc()).page_size(3);
    let first = call.pages().next().await.expect("a page")?;
    assert_eq!(numbers(&first.items), [1, 2, 3]);
    let text = first.next.as_ref().expect("there are more").to_string();
    assert!(!format!("{:?}", first.next).contains("gt_n"), "what is filtered by may be nobody's business");

    let again = scene.todos_of(&scene.client_at(scene.url()).build()?);
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
    scene.plain.put_data(&scene.record("new"), &json!({"n": 20})).await;
    scene.plain.put_data(&scene.record("old"), &json!({"n": 2})).await;
    let rest = again.get_records::<Numbered>().resume(token()?).await?;
    assert_eq!(numbers(&rest), [4, 5, 6, 7, 8, 20]);
    Ok(())
}

#[tokio::test]
async fn text_that_is_no_token_is_refused() -> Outcome {
    let scene = Scene::new().await;
    for text in ["", "abc", "_limit=3", "_token=a b", "_token=a\n", "_token=a#", "_token=é"] {
        let error = text.parse::<PageToken>().unwrap_err();
        assert_eq!(predicates(&error), ["invalid"], "{text:?}: {error}");
    }
    let token: PageToken = "_token=bm9uc2Vuc2U%3D".parse()?;
    let error = scene.todos.get_records::<Value>().resume(token).await.unwrap_err();
    assert_eq!(predicates(&error), ["refused"], "{error}");
    Ok(())
}

#[tokio::test]
async fn a_consistent_reading_notices_what_is_written_meanwhile() -> Outcome {
    let scene = Scene::new().await;
    fill(&scene, 6).await;
    for consistent in [false, true] {
        let gate = Gate::default();
        let proxy = Proxy::start(scene.url(), in_order([Fault::Pass, Fault::Hold(gate.clone())])).await;
        let call = scene.todos_through(&proxy).get_records::<Numbered>().page_size(3);
        let call = if consistent { call.consistent() } else { call };
        let (read, ()) = tokio::join!(call.into_future(), async {
            gate.arrival().await;
            scene.plain.put_data(&scene.record("r001"), &json!({"n": 1})).await;
            gate.open();
        });
        if consistent {
            let error = read.unwrap_err();
            assert_eq!(predicates(&error), ["conflict"], "{error}");
            assert!(error.to_string().contains("changed while it was being read"), "{error}");
            assert!(error.conflict::<Numbered>().is_none() && error.theirs::<Numbered>().is_none());
        } else {
            assert_eq!(read?.len(), 5, "the record that moved to the first page was missed");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_consistent_reading_of_what_nobody_changes_succeeds() -> Outcome {
    let scene = Scene::new().await;
    fill(&scene, 6).await;
    let get = || scene.todos.get_records::<Numbered>().page_size(2).consistent();
    let read = get().await?;
    assert_eq!(read.len(), 6);
    let sent = scene.sent.take();
    let etag = format!("\"{}\"", read.last_modified);
    assert_eq!(sent.iter().map(|sent| sent.header("if-match")).collect::<Vec<_>>(), [None, Some(&*etag), Some(&*etag)]);

    let pages: Vec<_> = get().pages().try_collect().await?;
    assert_eq!(pages.len(), 3);
    assert_eq!(get().lenient().await?.len(), 6);
    Ok(())
}

#[tokio::test]
async fn one_record_that_does_not_fit_is_no_error_for_all() -> Outcome {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
    struct Person {
        name: String,
        addresses: Vec<Address>,
    }
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Address {
        lines: Vec<String>,
    }
    let scene = Scene::new().await;
    let good = |name: &str| json!({"name": name, "addresses": [{"lines": ["a"]}]});
    let records = [
        good("first"),
        json!({"name": "deep", "addresses": [{"lines": []}, {"lines": ["a", "b", 3]}], "unknown": 1.5}),
        good("second"),
        json!({"addresses": []}),
        json!({"name": null, "addresses": []}),
        good("last"),
    ];
    scene.fill((0..).zip(records.clone()).map(|(place, data)| (format!("r{place}"), data))).await;
    scene.sent.forget();
    let get = || scene.todos.get_records::<Person>().sort(Sort::asc("id"));
    let read = get().page_size(2).lenient().await?;
    assert_eq!(scene.sent.take().len(), 3);
    let shape: Vec<_> = read
        .iter()
        .map(|item| match item {
            Ok(person) => (person.id.as_str(), person.data.name.as_str()),
            Err(bad) => (bad.id.as_deref().expect("an id"), bad.path.as_deref().unwrap_or("nowhere")),
        })
        .collect();
    let expected = [
        ("r0", "first"),
        ("r1", "addresses[1].lines[2]"),
        ("r2", "second"),
        ("r3", "nowhere"),
        ("r4", "name"),
        ("r5", "last"),
    ];
    assert_eq!(shape, expected);
    for (place, item) in read.iter().enumerate() {
        let Err(bad) = item else { continue };
        let mut raw: Value = serde_json::from_str(bad.json())?;
        let raw = raw.as_object_mut().expect("an object");
        assert_eq!(raw.remove("id"), bad.id.clone().map(Value::from));
        assert!(raw.remove("last_modified").is_some());
        assert_eq!(Value::from(raw.clone()), records[place]);
        assert_eq!(predicates(&bad.error), ["decode"]);
        assert_eq!(bad.error.object(), Some(scene.records.as_str()));
    }
    let Err(missing) = &read[3] else { panic!("a name is missing") };
    assert!(missing.error.to_string().contains("name"), "{}", missing.error);

    // All others give up, and say with which record.
    let error = get().await.unwrap_err();
    assert_eq!((error.record_id(), error.field()), (Some("r1"), Some("addresses[1].lines[2]")), "{error}");
    assert_eq!(predicates(&error), ["decode"]);
    let says = error.to_string();
    assert!(says.contains("`r1`") && says.contains("addresses[1].lines[2]") && says.contains(&scene.records), "{says}");
    let mut stream = get().stream();
    assert_eq!(stream.try_next().await?.expect("the good one").data.name, "first");
    assert_eq!(stream.try_next().await.unwrap_err().record_id(), Some("r1"));
    let page = get().page_size(2).pages().next().await.expect("a page").unwrap_err();
    assert_eq!(page.record_id(), Some("r1"), "{page}");
    assert_eq!(page.object(), Some(scene.records.as_str()));
    let fresh = get().if_changed_since(Timestamp::from_millis(1)).await.unwrap_err();
    assert_eq!(fresh.record_id(), Some("r1"), "{fresh}");
    let one = scene.todos.get_record::<Person>("r4").await.unwrap_err();
    assert_eq!((one.record_id(), one.field()), (Some("r4"), Some("name")), "{one}");
    Ok(())
}

#[tokio::test]
async fn a_list_is_read_if_it_was_changed() -> Outcome {
    let scene = Scene::new().await;
    fill(&scene, 5).await;
    let read = scene.todos.get_records::<Numbered>().await?;
    scene.sent.forget();
    let again = || scene.todos.get_records::<Numbered>().page_size(2).if_changed_since(read.last_modified);

    assert!(matches!(again().await?, Fresh::Unchanged));
    assert!(again().await?.changed().is_none());
    let sent = scene.sent.take();
    assert_eq!(sent.len(), 2, "one request each");
    assert_eq!(sent[0].header("if-none-match"), Some(format!("\"{}\"", read.last_modified).as_str()));

    scene.plain.put_data(&scene.record("r000"), &json!({"n": 100})).await;
    let changed = again().await?.changed().expect("it was changed");
    assert_eq!(numbers(&changed), [100, 4, 3, 2, 1]);
    assert!(changed.last_modified > read.last_modified);
    let conditions: BTreeSet<bool> =
        scene.sent.take()[1..].iter().map(|sent| sent.header("if-none-match").is_some()).collect();
    assert_eq!(conditions, BTreeSet::from([false]), "all pages or none");

    scene.plain.delete(&scene.record("r004")).await;
    let now = scene.todos.get_records::<Numbered>().if_changed_since(changed.last_modified).await?;
    assert_eq!(now.changed().map(|records| records.len()), Some(4), "a deletion is a change");
    let groups = scene.bucket.get_groups().await?;
    assert!(scene.bucket.get_groups().if_changed_since(groups.last_modified).await?.changed().is_none());
    Ok(())
}

#[tokio::test]
async fn an_object_is_read_if_it_was_changed() -> Outcome {
    let scene = Scene::new().await;
    let milk = scene.todos.create_record(Todo::new("Milk")).id("milk").await?;
    let (bucket, collection) = (scene.bucket.get().await?, scene.todos.get().await?);
    scene.sent.forget();
    let again = || scene.todos.get_record::<Todo>("milk").if_changed_since(milk.last_modified);
    assert!(matches!(again().await?, Fresh::Unchanged));
    let sent = scene.sent.take_one();
    assert_eq!(sent.header("if-none-match"), Some(format!("\"{}\"", milk.last_modified).as_str()));
    assert!(scene.bucket.get().if_changed_since(bucket.last_modified).await?.changed().is_none());
    assert!(scene.todos.get().if_changed_since(collection.last_modified).await?.changed().is_none());

    scene.plain.put_data(&scene.record("milk"), &json!({"title": "Oat milk"})).await;
    let changed = again().await?.changed().expect("it was changed");
    assert_eq!((changed.data.title.as_str(), changed.id.as_str()), ("Oat milk", "milk"));
    assert!(changed.permissions.get().is_some(), "as any reading of one record");
    scene.plain.delete(&scene.record("milk")).await;
    assert_eq!(predicates(&again().await.unwrap_err()), ["not found"]);
    Ok(())
}

/// What is there within the limit is there within the pages too.
#[tokio::test]
async fn a_bound_of_pages_is_of_those_that_are_needed() -> Outcome {
    let scene = Scene::new().await;
    fill(&scene, 6).await;
    let get = || scene.todos.get_records::<Numbered>();
    let error = get().page_size(2).max_pages(2).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
    assert_eq!(get().page_size(2).max_pages(3).await?.len(), 6);
    assert_eq!(get().page_size(2).limit(4).max_pages(2).await?.len(), 4);
    assert_eq!(get().max_pages(1).first().await?.map(|record| record.data.n), Some(5));
    scene.sent.forget();
    let none = get().max_pages(0).await.unwrap_err();
    assert_eq!(predicates(&none), ["invalid"], "{none}");
    assert!(scene.sent.take().is_empty());
    Ok(())
}
