//! Some fields of each record, as a tuple or a struct.

use futures_util::TryStreamExt as _;
use kinto_client::{KintoRecord as _, Sort, Value, json};
use kinto_server::Backend;
use kinto_tests::{Fixture, Outcome, on_each_backend, server_on};
use serde::Deserialize;

use super::Song;
use crate::{Todo, predicates};

fn songs(fixture: &Fixture) -> impl Future<Output = ()> + '_ {
    let songs = [
        json!({"title": "a", "artist": "Cash", "year": 1968, "live": true, "label": {"name": "Sun"}, "text": "…"}),
        json!({"title": "b", "artist": null, "live": false, "label": {"name": "Columbia"}, "text": "…"}),
        json!({"title": "c", "year": 1964, "live": true, "label": {"name": "Philips"}, "text": "…"}),
    ];
    fixture.fill((0..).zip(songs).map(|(place, song)| (format!("r{place}"), song)))
}

#[tokio::test]
async fn select_returns_tuple_of_fields() -> Outcome {
    let fixture = Fixture::new().await;
    songs(&fixture).await;
    let f = Song::fields();
    let whole = fixture.todos.get_records::<Song>().await?;
    fixture.sent.forget();

    let call = fixture.todos.get_records::<Song>().sort(f.title.asc()).page_size(2);
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
    let sent = fixture.sent.take();
    assert_eq!(sent.len(), 2);
    assert!(sent.iter().all(|sent| sent.target.contains("_fields=title%2Cartist%2Cyear%2Clabel.name")), "{sent:?}");

    let titles = fixture.todos.get_records::<Song>().filter(f.live.eq(true)).select(f.title).await?;
    assert_eq!(titles.iter().map(|song| song.data.as_str()).collect::<Vec<_>>(), ["c", "a"]);
    let many = (f.title, f.title, f.title, f.title, f.title, f.title, f.title, f.live);
    let read = fixture.todos.get_records::<Song>().limit(1).select(many).await?;
    assert_eq!((read.len(), read[0].data.0.as_str(), read[0].data.7), (1, "c", true));
    Ok(())
}

#[tokio::test]
async fn select_as_returns_struct_of_fields() -> Outcome {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Small {
        #[serde(rename = "title")]
        name: String,
        year: Option<i32>,
        #[serde(default)]
        plays: u32,
    }
    let fixture = Fixture::new().await;
    songs(&fixture).await;
    let read = fixture.todos.get_records::<Song>().sort(Song::fields().title.asc()).select_as::<Small>().await?;
    let small = |name: &str, year| Small { name: name.to_owned(), year, plays: 0 };
    let expected = [small("a", Some(1968)), small("b", None), small("c", Some(1964))];
    assert!(read.iter().map(|song| &song.data).eq(&expected), "{read:?}");
    assert!(fixture.sent.take_one().target.contains("_fields=title%2Cyear%2Cplays"));

    let error = fixture.todos.get_records::<Song>().select_as::<Todo>().await;
    assert!(error.is_ok(), "a `Todo` has a title, and is not done unless that is said");
    Ok(())
}

#[tokio::test]
async fn select_error_names_field() -> Outcome {
    #[derive(Debug, Deserialize)]
    struct Small {
        #[expect(dead_code, reason = "it is never read")]
        title: u32,
    }
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("bad"), &json!({"title": 7, "label": {"name": []}})).await;
    let f = Song::fields();
    let get = || fixture.todos.get_records::<Song>();
    let title = get().select(f.title).await.unwrap_err();
    let name = get().select((f.artist, f.label.name)).await.unwrap_err();
    fixture.plain.put_data(&fixture.record("bad"), &json!({"title": "7"})).await;
    let small = get().select_as::<Small>().await.unwrap_err();
    for (error, path) in [(title, "title"), (name, "label.name"), (small, "title")] {
        assert_eq!(predicates(&error), ["decode"], "{error}");
        assert_eq!((error.record_id(), error.field()), (Some("bad"), Some(path)), "{error}");
        assert!(error.to_string().contains("`bad`") && error.to_string().contains(path), "{error}");
        assert_eq!(error.object(), Some(fixture.records.as_str()));
    }
    Ok(())
}

async fn select_keeps_the_order_of_fields_that_are_not_selected(backend: Backend) -> Outcome {
    #[derive(Deserialize)]
    struct Title {
        title: String,
    }
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    let song = |n: u32| json!({"title": format!("t{n}"), "year": (n > 1).then_some(1960 - n), "live": n.is_multiple_of(2), "label": {"n": n}});
    fixture.fill((0..7).map(|n| (format!("r{n}"), song(n)))).await;
    for keys in [
        vec![Sort::asc("label.n")],
        vec![Sort::desc("label.n")],
        vec![Sort::desc("year")],
        vec![Sort::asc("live"), Sort::desc("label.n")],
        vec![Sort::asc("none"), Sort::asc("last_modified")],
        vec![Sort::desc("last_modified"), Sort::asc("year")],
        vec![Sort::desc("id")],
        vec![Sort::asc("none")],
    ] {
        let get = || keys.iter().fold(fixture.todos.get_records::<Value>(), |get, key| get.sort(key.clone()));
        let whole = get().await?;
        let expected: Vec<&str> = whole.iter().filter_map(|song| song.data["title"].as_str()).collect();
        assert_eq!(expected.len(), 7);
        for page_size in 1..4 {
            let read =
                get().page_size(page_size).select_as::<Title>().await.map_err(|error| format!("{keys:?}: {error}"))?;
            assert!(read.iter().map(|song| song.data.title.as_str()).eq(expected.iter().copied()), "{keys:?}");
            let first = get().page_size(page_size).pages().try_next().await?.expect("a page");
            let rest =
                get().resume(first.next.expect("there is more")).page_size(page_size).select_as::<Title>().await?;
            let rest = rest.iter().map(|song| song.data.title.as_str());
            assert!(rest.eq(expected.iter().copied().skip(first.items.len())), "{keys:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn lists_sorted_by_names_with_dots_have_all_pages() -> Outcome {
    // PostgreSQL sorts by the path, and makes its tokens of the name: its pages go round in circles.
    let fixture = Fixture::on(server_on(Backend::Memory).url()).await;
    fixture.fill((0..5).map(|n| (format!("r{n}"), json!({"a.b": n, "a": {"c.d": n}})))).await;
    for sort in ["a.b", "a.c.d"] {
        for asked in [Sort::asc(sort), Sort::desc(sort)] {
            let whole = fixture.todos.get_records::<Value>().sort(asked.clone()).await?;
            let read = fixture.todos.get_records::<Value>().sort(asked.clone()).page_size(2).await;
            let read = read.map_err(|error| format!("{asked:?}: {error}"))?;
            assert!(read.iter().map(|record| &record.id).eq(whole.iter().map(|record| &record.id)), "{asked:?}");
        }
    }
    Ok(())
}

on_each_backend!(select_keeps_the_order_of_fields_that_are_not_selected);
