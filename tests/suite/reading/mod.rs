//! Lists are read sorted, in part, page by page and only if they have changed; and one record that does not fit is named.

use futures_util::TryStreamExt as _;
use kinto_client::{Filter, KintoRecord, Sort, Value, json};
use kinto_server::Backend;
use kinto_tests::{Fixture, Outcome, on_each_backend, server_on};
use serde::{Deserialize, Serialize};

mod busy;
mod conditional;
mod consistency;
mod fields;
mod lenient;
mod moving;
mod pages;
mod parts;
mod sorted;

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
async fn fill(fixture: &Fixture, records: u32) {
    fixture.fill((0..records).map(|n| (format!("r{n:03}"), json!({"n": n})))).await;
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

async fn sort_orders_by_several_keys(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
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
    fixture.fill((0..).zip(songs.clone()).map(|(place, song)| (format!("r{place:02}"), song))).await;
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
            let read = sort(fixture.todos.get_records::<Song>()).page_size(page_size).await?;
            let titles: String = read.iter().map(|song| song.data.title.as_str()).collect();
            let expected: String = expected.iter().map(|song| song["title"].as_str().unwrap()).collect();
            assert_eq!(titles, expected, "by {names:?} on pages of {page_size}");
            let sent = fixture.sent.take();
            assert!(sent[0].target.contains(&format!("_sort={}", names.join("%2C"))), "{}", sent[0].target);
        }
    }
    Ok(())
}

async fn sort_orders_json_by_field_name(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    let homes = ["Oslo", "Bonn", "Lima", "Bonn", "Rome"];
    fixture
        .fill((0..).zip(homes).map(|(n, city)| (format!("r{n}"), json!({"home": {"city": city}, "in_stock": n}))))
        .await;
    let call = fixture.todos.get_records::<Value>().page_size(2);
    let read = call.sort(Sort::asc("home.city")).sort(Sort::desc("in_stock")).await?;
    assert_eq!(read.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), ["r3", "r1", "r2", "r0", "r4"]);
    let by_time = fixture.todos.get_records::<Value>().sort(Sort::asc("last_modified")).page_size(2).await?;
    assert_eq!(by_time.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), ["r0", "r1", "r2", "r3", "r4"]);
    Ok(())
}

/// A list that is bound by time has the tombstones of what was deleted in it, and those are no records.
async fn since_and_before_exclude_tombstones(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    fill(&fixture, 9).await;
    let mut times = Vec::new();
    for n in 0..9 {
        times.push(fixture.todos.get_record::<Value>(format!("r00{n}")).await?.last_modified);
    }
    for n in [3, 4, 6] {
        fixture.plain.delete(&fixture.record(&format!("r00{n}"))).await;
    }
    fixture.sent.forget();
    let since = || fixture.todos.get_records::<Numbered>().since(times[1]);
    assert_eq!(numbers(&since().await?), [8, 7, 5, 2]);
    assert_eq!(
        fixture.sent.take_one().line(),
        format!("GET {}?_since={}&_sort=last_modified", fixture.records, times[1])
    );
    assert_eq!(numbers(&since().before(times[8]).await?), [7, 5, 2]);
    assert_eq!(numbers(&fixture.todos.get_records::<Numbered>().before(times[5]).await?), [2, 1, 0]);
    assert_eq!(numbers(&since().page_size(1).await?), [8, 7, 5, 2]);
    assert_eq!(numbers(&since().limit(3).page_size(2).await?), [8, 7, 5], "the limit is of records");
    assert_eq!(numbers(&since().limit(1).await?), [8]);
    assert_eq!(numbers(&since().first().await?), [8], "the tombstones are later");
    let deleted_only = || fixture.todos.get_records::<Numbered>().since(times[8]);
    assert!(deleted_only().await?.is_empty());
    assert!(deleted_only().first().await?.is_none());
    assert_eq!((since().count().await?, deleted_only().count().await?), (4, 0));

    let streamed: Vec<_> = since().page_size(2).stream().try_collect().await?;
    assert_eq!(numbers(&streamed), [2, 5, 7, 8]);
    let pages: Vec<_> = since().page_size(3).pages().try_collect().await?;
    assert_eq!(pages.iter().flat_map(|page| numbers(&page.items)).collect::<Vec<_>>(), [8, 7, 5, 2]);
    let lenient = since().lenient().await?;
    assert!(lenient.iter().all(Result::is_ok));
    let by_filter = fixture.todos.get_records::<Value>().filter(Filter::field("last_modified").gt(times[1])).await?;
    assert_eq!(by_filter.len(), 4);
    Ok(())
}

async fn select_since_excludes_tombstones(backend: Backend) -> Outcome {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Small {
        n: Option<u32>,
    }
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    fill(&fixture, 4).await;
    let first = fixture.todos.get_record::<Value>("r000").await?.last_modified;
    fixture.plain.delete(&fixture.record("r002")).await;
    let since = || fixture.todos.get_records::<Numbered>().since(first);
    let small = since().select_as::<Small>().await?;
    assert_eq!(small.iter().map(|record| record.data.n).collect::<Vec<_>>(), [Some(3), Some(1)]);
    let selected = since().select(Numbered::fields().n).await?;
    assert_eq!(selected.iter().map(|record| record.data).collect::<Vec<_>>(), [3, 1]);
    Ok(())
}

on_each_backend!(
    sort_orders_by_several_keys,
    sort_orders_json_by_field_name,
    since_and_before_exclude_tombstones,
    select_since_excludes_tombstones,
);
