//! A filter selects what it says and nothing else, for reading, counting and deleting, on both storage backends; and
//! what the server would misread is refused before anything is sent.

use kinto_client::{Filter, KintoRecord, TypedCollection, Value, json, object::RecordData};
use kinto_server::Backend;
use kinto_tests::{Fixture, Outcome, on_each_backend, server_on};
use serde::{Deserialize, Serialize};

mod lists;
mod mixed;
mod names;
mod pages;
mod ranges;
mod refused;
mod text;
mod types;

/// The ids of the records that a filter selects, sorted. It counts as many, or says that it cannot.
async fn selected<T: RecordData>(records: &TypedCollection<T>, filter: Filter<T>) -> Vec<String> {
    let shown = format!("{filter:?}");
    let found = records.get_records().filter(filter.clone()).await;
    let found = found.unwrap_or_else(|error| panic!("{shown}: {error}"));
    let mut ids: Vec<String> = found.into_iter().map(|record| record.id.to_string()).collect();
    ids.sort_unstable();
    match records.get_records().filter(filter).count().await {
        Ok(count) => assert_eq!(count, ids.len(), "counting {shown}"),
        Err(error) => {
            assert!(error.to_string().contains("cannot be asked for in a count"), "counting {shown}: {error}");
        }
    }
    ids
}

/// Each filter selects the records that are named beside it, by ids of one character.
async fn assert_each<T: RecordData>(records: &TypedCollection<T>, cases: impl IntoIterator<Item = (Filter<T>, &str)>) {
    for (filter, expected) in cases {
        let shown = format!("{filter:?}");
        assert_eq!(selected(records, filter).await.concat(), expected, "{shown}");
    }
}

/// Records with ids of one character, from `a` on.
async fn fill(fixture: &Fixture, records: impl IntoIterator<Item = Value>) {
    fixture.fill(('a'..='z').map(String::from).zip(records)).await;
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
struct Book {
    title: Option<String>,
    pages: Option<u32>,
    price: Option<f64>,
    lent: bool,
    tags: Vec<String>,
}

async fn every_operator_matches_as_documented(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    let records = [
        json!({"title": "Emma", "pages": 448, "price": 7.5, "lent": false, "tags": ["novel", "england"]}),
        json!({"title": "Walden", "pages": 352, "price": 0, "lent": true, "tags": ["nature"]}),
        json!({"title": "emma's cat", "pages": 12, "lent": false, "tags": []}),
        json!({"title": null, "pages": null, "lent": true, "tags": ["novel", "nature"]}),
        json!({"lent": false, "tags": []}),
    ];
    fill(&fixture, records).await;
    let f = Book::fields();
    let text = |text: &str| Some(text.to_owned());
    let cases = [
        (f.title.eq("Emma"), "a"),
        (f.title.eq(None), "d"),
        (f.title.eq(text("Walden")), "b"),
        (f.title.ne("Emma"), "bcde"),
        (f.title.ne(None), "abce"),
        (f.title.lt("Walden"), "a"),
        (f.title.le("Emma"), "a"),
        (f.title.gt("Emma"), "bc"),
        (f.title.ge("Emma"), "abc"),
        (f.title.is_in(["Emma", "Walden"]), "ab"),
        (f.title.is_in([None, text("Emma")]), "ad"),
        (f.title.not_in(["Emma", "Walden"]), "cde"),
        (f.title.has_key(), "abcd"),
        (f.title.is_missing(), "e"),
        (f.pages.eq(448), "a"),
        (f.pages.ne(448), "bcde"),
        (f.pages.lt(352), "c"),
        (f.pages.le(352), "bc"),
        (f.pages.gt(352), "a"),
        (f.pages.ge(352), "ab"),
        (f.pages.gt(12).and(f.pages.lt(448)), "b"),
        (f.pages.ge(12).and(f.pages.le(352)), "bc"),
        (f.pages.is_in([12, 448]), "ac"),
        (f.pages.not_in([12, 448]), "bde"),
        (f.price.eq(7.5), "a"),
        (f.price.lt(7.5), "b"),
        (f.price.ge(0.0), "ab"),
        (f.lent.eq(true), "bd"),
        (f.lent.ne(true), "ace"),
        (f.lent.is_in([false]), "ace"),
        (f.tags.contains("novel"), "ad"),
        (f.tags.contains_all(["novel", "nature"]), "d"),
        (f.tags.contains_any(["nature", "england"]), "abd"),
        (f.tags.eq(Vec::<String>::new()), "ce"),
        (f.tags.eq(vec!["novel".to_owned(), "england".to_owned()]), "a"),
        (f.tags.ne(vec!["nature".to_owned()]), "acde"),
        (f.title.has_key().and(f.lent.eq(true)), "bd"),
        (f.lent.eq(false).and(f.pages.is_missing()), "e"),
        (f.lent.eq(false).and(f.tags.contains("novel")).and(f.pages.gt(12)), "a"),
    ];
    assert_each(&fixture.todos.typed(), cases).await;
    Ok(())
}

/// Of one list what it contains and what it contains any of are two things.
async fn contains_and_contains_any_combine_on_one_list(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    let lists = [json!(["x", "y"]), json!(["x", "z"]), json!(["y", "z"]), json!(["x"]), json!(["x", "y", "z"])];
    fill(&fixture, lists.map(|tags| json!({"lent": true, "tags": tags}))).await;
    let f = Book::fields();
    let cases = [
        (f.tags.contains("x").and(f.tags.contains_any(["y", "z"])), "abe"),
        (f.tags.contains_all(["x", "z"]).and(f.tags.contains_any(["y", "w"])), "e"),
        (f.tags.contains("x").and(f.tags.ne(vec!["x".to_owned()])), "abe"),
    ];
    assert_each(&fixture.todos.typed(), cases).await;
    Ok(())
}

/// The same by names, for JSON without a type.
async fn json_field_supports_every_operator(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    let records = [
        json!({"v": 5, "tags": ["x", 1]}),
        json!({"v": "5", "tags": ["y"]}),
        json!({"v": true, "tags": null}),
        json!({"v": null}),
        json!({}),
        json!({"v": [5], "tags": [["x"]]}),
        json!({"v": {"w": 5}}),
    ];
    fill(&fixture, records).await;
    let [v, tags] = ["v", "tags"].map(Filter::field);
    let cases = [
        (v.eq(5), "a"),
        (v.eq(5.0), "a"),
        (v.eq("5"), "b"),
        (v.eq(true), "c"),
        (v.eq(Value::Null), "d"),
        (v.eq([5]), "f"),
        (v.eq(json!({"w": 5})), "g"),
        (v.ne(5), "bcdefg"),
        (v.is_in([json!(5), json!("5"), json!(null)]), "abd"),
        (v.not_in([json!(5), json!(true)]), "bdefg"),
        (v.ge(5), "a"),
        (v.ge("5"), "b"),
        (v.has_key(), "abcdfg"),
        (v.is_missing(), "e"),
        (tags.contains("x"), "a"),
        (tags.contains(1), "a"),
        (tags.contains_any([json!(1), json!("y")]), "ab"),
        (Filter::field("v.w").eq(5), "g"),
        (v.gt(4).and(tags.contains("x")), "a"),
    ];
    assert_each(&fixture.todos.typed::<Value>(), cases).await;
    Ok(())
}

on_each_backend!(
    every_operator_matches_as_documented,
    contains_and_contains_any_combine_on_one_list,
    json_field_supports_every_operator,
);
