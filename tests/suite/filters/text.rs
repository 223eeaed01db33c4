//! Text is found as it is, whatever is in it, and by patterns.

use kinto_client::{Filter, KintoRecord, Sort, Value, json};
use kinto_server::Backend;
use kinto_tests::{Fixture, Outcome, on_each_backend, server_on};
use serde::{Deserialize, Serialize};

use super::{assert_each, fill, selected};
use crate::Todo;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
struct Note {
    v: String,
}

async fn eq_matches_only_identical_text(backend: Backend) -> Outcome {
    let texts = [
        "",
        "42",
        "42.0",
        "4.2e1",
        "-0",
        "007",
        "true",
        "false",
        "null",
        "NaN",
        "[]",
        "{}",
        "[42]",
        "\"42\"",
        "a",
        "b",
        "a,b",
        ",",
        "a;b",
        ";",
        "\"",
        "'",
        "\\",
        "\\u002c",
        "\\\"",
        "é",
        "e\u{301}",
        "É",
        "日本",
        "\u{1f95b}",
        " ",
        " a",
        "a ",
        "\n",
        "\r\n",
        "\t",
        "\u{1}",
        "\u{2028}",
        "\u{feff}",
        "\u{fffd}",
        "\u{10ffff}",
        "+",
        "%",
        "%2C",
        "_",
        "*",
        "&v=1",
        "#",
        "?",
        "a=b",
        "A",
    ];
    let others = [json!(42), json!(0), json!(true), json!(false), json!(null), json!([]), json!({}), json!(["42"])];
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    let id = |place: usize| format!("n{place:02}");
    let values = texts.iter().map(|text| json!({"v": text})).chain(others.map(|other| json!({"v": other})));
    fixture.fill(values.chain([json!({})]).enumerate().map(|(place, data)| (id(place), data))).await;
    let all = fixture.plain.ids(&fixture.records).await;

    let (notes, values) = (fixture.todos.typed::<Note>(), fixture.todos.typed::<Value>());
    let f = Note::fields();
    for (place, text) in texts.into_iter().enumerate() {
        for filter in [f.v.eq(text), f.v.is_in([text])] {
            let one = notes.get_records().filter(filter).one().await;
            let one = one.unwrap_or_else(|error| panic!("{text:?}: {error}"));
            assert_eq!((one.id.as_str(), one.data.v.as_str()), (id(place).as_str(), text));
        }
        let rest: Vec<&String> = all.iter().filter(|other| **other != id(place)).collect();
        for filter in [Filter::field("v").ne(text), Filter::field("v").not_in([text])] {
            assert_eq!(selected(&values, filter).await.iter().collect::<Vec<_>>(), rest, "all but {text:?}");
        }
    }
    assert_eq!(selected(&notes, f.v.is_in(texts)).await, all[..texts.len()]);
    assert_eq!(selected(&values, Filter::field("v").not_in(texts)).await, all[texts.len()..]);
    Ok(())
}

async fn like_ignores_case(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    let titles = ["Milk", "oat MILK shake", "Milkmaid", "42", "null", "ilk", "été"];
    fill(&fixture, titles.map(|title| json!({"title": title}))).await;
    let f = Todo::fields();
    let cases = [
        (f.title.like("milk"), "abc"),
        (f.title.like("MILK M"), ""),
        (f.title.like("milk s"), "b"),
        (f.title.like("milk*"), "ac"),
        (f.title.like("*MILK"), "a"),
        (f.title.like("*milk*"), "abc"),
        (f.title.like("m*d"), "c"),
        (f.title.like("42"), "d"),
        (f.title.like("null"), "e"),
        (f.title.like("t"), "bg"),
        (f.title.like("ét"), "g"),
        (f.title.like(""), "abcdefg"),
        (f.title.like("*"), "abcdefg"),
        (f.title.like("milk").and(f.title.ne("Milk")), "bc"),
    ];
    assert_each(&fixture.todos.typed(), cases).await;
    Ok(())
}

/// The memory backend fails where the field holds no text; PostgreSQL would find the 4 in the number 42.
async fn like_ignores_values_that_are_no_text(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    let values = [json!("a42"), json!(42), json!(null), json!(true), json!(["42"]), json!({"42": 42})];
    fill(&fixture, values.into_iter().map(|v| json!({"v": v})).chain([json!({})])).await;
    assert_each(&fixture.todos.typed::<Value>(), [(Filter::field("v").like("42"), "a")]).await;
    Ok(())
}

/// Only `*` is special: neither what SQL nor what regular expressions know is.
async fn like_takes_other_characters_literally(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    let texts = [
        "(", ")", "[", "a.c", "abc", "+", "^a", "$", "|", "{2}", "?", "\\", "\\d", "7", "C:\\new", "'", "\"", ";", ",",
        "100%", "1000", "a_c", "#", "&", "-", "~", "/", "é",
    ];
    fixture.fill((0..).zip(texts).map(|(place, title)| (format!("r{place:02}"), json!({"title": title})))).await;
    let todos = fixture.todos.typed::<Todo>();
    for text in texts {
        let expected: Vec<&str> = texts.into_iter().filter(|title| title.contains(text)).collect();
        for pattern in [text.to_owned(), format!("*{text}*")] {
            let found = todos.get_records().filter(Todo::fields().title.like(&pattern)).sort(Sort::asc("id")).await?;
            assert!(found.iter().map(|todo| todo.data.title.as_str()).eq(expected.iter().copied()), "{pattern:?}");
        }
    }
    Ok(())
}

on_each_backend!(
    eq_matches_only_identical_text,
    like_ignores_case,
    like_ignores_values_that_are_no_text,
    like_takes_other_characters_literally,
);
