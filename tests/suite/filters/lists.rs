//! Lists, ids, times and many values.

use kinto_client::{Filter, KintoRecord, Timestamp, Value, json};
use kinto_server::Backend;
use kinto_tests::{Fixture, Outcome, on_each_backend, server_on};
use serde::{Deserialize, Serialize};

use super::{assert_each, fill};
use crate::{Todo, predicates};

/// A list of lists is searched for what is in it, not for what is in that. (That the memory backend takes text for a list
/// of characters, and an object for one of keys, is left out.)
async fn contains_matches_items_exactly(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    let lists = [
        json!([[1]]),
        json!([[1, 2]]),
        json!([{"a": 1}]),
        json!([{"a": 1, "b": 2}]),
        json!(["1"]),
        json!([1]),
        json!(1),
        json!(null),
    ];
    fill(&fixture, lists.map(|list| json!({"v": list}))).await;
    let v = Filter::field("v");
    let cases = [
        (v.contains("1"), "e"),
        (v.contains(1), "f"),
        (v.contains_any(["1"]), "e"),
        (v.contains_any([json!([1]), json!({"a": 1})]), "ac"),
        (v.contains(json!([1])), "a"),
        (v.contains(json!({"a": 1})), "c"),
    ];
    assert_each(&fixture.todos.typed::<Value>(), cases).await;
    Ok(())
}

/// The server splits what `in_` is given at every comma, so a list or an object cannot be among the values.
async fn is_in_matches_or_rejects_lists(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    let values = [json!([1, 2]), json!([1]), json!({"a": 1, "b": "x,y"}), json!({"a": 1}), json!(1), json!(2)];
    fill(&fixture, values.clone().map(|v| json!({"v": v}))).await;
    let records = fixture.todos.typed::<Value>();
    for (value, id) in values.iter().zip('a'..) {
        for (filter, expected) in [
            (Filter::field("v").is_in([value]), id.to_string()),
            (Filter::field("v").not_in([value]), "abcdef".replace(id, "")),
        ] {
            match records.get_records().filter(filter).await {
                Ok(found) => {
                    let mut ids: Vec<&str> = found.iter().map(|record| record.id.as_str()).collect();
                    ids.sort_unstable();
                    assert_eq!(ids.concat(), expected, "{value}");
                }
                Err(error) => assert_eq!(predicates(&error), ["invalid"], "{value}: {error}"),
            }
        }
    }
    Ok(())
}

#[derive(Clone, Debug, Serialize, Deserialize, KintoRecord)]
struct Stamped {
    id: String,
    last_modified: Timestamp,
}

async fn filter_accepts_id_and_last_modified(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    fill(&fixture, ["a", "b", "c", "d"].map(|title| json!({"title": title}))).await;
    fixture.plain.put_data(&fixture.record("1"), &json!({})).await;
    fixture.plain.delete(&fixture.record("d")).await;
    let f = Stamped::fields();
    let stamped = fixture.todos.typed::<Stamped>();
    let time = stamped.get_record("b").await?.last_modified;
    let cases = [
        (f.id.eq("a"), "a"),
        (f.id.eq("1"), "1"),
        (f.id.ne("a"), "1bc"),
        (f.id.is_in(["1", "b", "d"]), "1b"),
        (f.id.not_in(["1", "b"]), "ac"),
        (f.id.gt("a"), "bc"),
        (f.id.le("a"), "1a"),
        (f.last_modified.eq(time), "b"),
        (f.last_modified.gt(time), "1c"),
        (f.last_modified.ge(time), "1bc"),
        (f.last_modified.lt(time), "a"),
        (f.last_modified.le(time), "ab"),
        (f.last_modified.ne(time), "1ac"),
    ];
    assert_each(&stamped, cases).await;
    let cases = [(Filter::field("id").eq("1"), "1"), (Filter::field("last_modified").gt(time), "1c")];
    assert_each(&fixture.todos.typed::<Value>(), cases).await;
    Ok(())
}

/// A request line of 500 ids is longer than some servers take.
async fn is_in_matches_many_values_or_returns_error(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    let titles: Vec<String> = (0..500).map(|n| format!("the title with the number {n}")).collect();
    fixture.plain.put_data(&fixture.record("hit"), &json!({"title": titles[499]})).await;
    fixture.plain.put_data(&fixture.record("miss"), &json!({"title": "another"})).await;
    match fixture.todos.typed::<Todo>().get_records().filter(Todo::fields().title.is_in(&titles)).await {
        Ok(found) => assert_eq!(found.iter().map(|todo| todo.id.as_str()).collect::<Vec<_>>(), ["hit"]),
        Err(error) => {
            assert!(!error.may_have_been_applied(), "{error}");
            let says = error.to_string().to_lowercase();
            assert!(["too long", "too large", "limit"].iter().any(|words| says.contains(words)), "{error}");
        }
    }
    Ok(())
}

on_each_backend!(
    contains_matches_items_exactly,
    is_in_matches_or_rejects_lists,
    filter_accepts_id_and_last_modified,
    is_in_matches_many_values_or_returns_error,
);
