//! Some fields of each record, as a tuple or a struct.

use kinto_client::{KintoRecord as _, json};
use kinto_tests::{Fixture, Outcome};
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
