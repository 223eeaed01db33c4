//! A field that holds values of every type: each condition is of its own, and what a storage backend would take for more is
//! not deleted.

use kinto_client::{Filter, KintoRecord, Value, json};
use kinto_server::Backend;
use kinto_tests::{Fixture, Outcome, on_each_backend, server_on};
use serde::{Deserialize, Serialize};

use super::{assert_each, fill};
use crate::predicates;

async fn bounds_hold_values_of_their_own_type(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    let values = [json!("b"), json!(4), json!(42), json!("4"), json!(true), json!([1]), json!({"k": 1}), json!(null)];
    fill(&fixture, values.map(|v| json!({"v": v})).into_iter().chain([json!({})])).await;
    let v = Filter::field("v");
    let cases = [
        (v.gt("a").and(v.lt(5)), ""),
        (v.gt(1).and(v.lt("c")), ""),
        (v.ge("").and(v.le(5)), ""),
        (v.like("4").and(v.lt(100)), ""),
        (v.like("4").and(v.lt("5")), "d"),
        (v.like("4"), "d"),
        (v.gt(3).and(v.le(42)), "bc"),
        (v.contains("x"), ""),
        (v.contains("b"), ""),
        (v.contains_any(["4", "b"]), ""),
        (v.is_in([json!(1), json!(4)]), "b"),
    ];
    assert_each(&fixture.todos.typed::<Value>(), cases).await;
    Ok(())
}

#[derive(Debug, Serialize, Deserialize, KintoRecord)]
struct Number {
    #[serde(default)]
    v: Option<u32>,
}

/// The server has no operator for it: what it gives beyond is an error in a typed list, and cannot be asked for elsewhere.
async fn or_missing_gives_nothing_else(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    fill(&fixture, [json!({"v": 41}), json!({"v": 40}), json!({})]).await;
    let numbers = fixture.todos.typed::<Number>();
    let filter = Number::fields().v.gt(40).or_missing();
    assert_each(&numbers, [(filter.clone(), "ac")]).await;
    for (place, value) in (0..).zip([json!(true), json!([1]), json!({})]) {
        fixture.plain.put_data(&fixture.record("z"), &json!({"v": value})).await;
        let error = numbers.get_records().filter(filter.clone()).await.unwrap_err();
        assert_eq!((predicates(&error), error.field()), (vec!["decode"], Some("v")), "{place}: {error}");
    }
    let _ = fixture.sent.take();
    let values = fixture.todos.typed::<Value>();
    let untyped = Filter::field("v").gt(40).or_missing();
    for error in [
        values.get_records().filter(untyped).await.unwrap_err(),
        numbers.get_records().filter(filter.clone()).count().await.unwrap_err(),
        numbers.get_records().filter(filter.clone()).select(Number::fields().v).await.unwrap_err(),
        numbers.delete_all_records().filter(filter).await.unwrap_err(),
    ] {
        assert_eq!(predicates(&error), ["invalid"], "{error}");
        assert!(error.to_string().contains("in two calls"), "{error}");
    }
    assert!(fixture.sent.take().is_empty());
    Ok(())
}

/// The memory backend looks at the last of several presences only, and takes 1 for `true`.
async fn deletions_are_of_what_is_said(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    let records = [json!({"b": 1}), json!({"a": 1}), json!({}), json!({"v": 1}), json!({"v": true}), json!({"v": [1]})];
    fill(&fixture, records.into_iter().chain([json!({"v": [true]}), json!({"v": "abc"})])).await;
    let (a, b, v) = (Filter::field("a"), Filter::field("b"), Filter::field("v"));
    let _ = fixture.sent.take();
    for filter in
        [a.is_missing().and(b.is_missing()), a.has_key().and(b.is_missing()), v.eq([1]), Filter::plain("v-v", [true])]
    {
        let shown = format!("{filter:?}");
        let error = fixture.todos.delete_all_records().filter(filter).await.unwrap_err();
        assert_eq!(predicates(&error), ["invalid"], "{shown}: {error}");
        assert!(error.to_string().contains("delete_records"), "{shown}: {error}");
    }
    assert!(fixture.sent.take().is_empty());
    for (filter, gone) in [
        (v.contains("a"), ""),
        (v.is_in([json!(1), json!(7)]), "d"),
        (a.has_key().and(a.eq(1)).and(b.is_missing()), "b"),
        (v.not_in([1]).and(v.has_key()).and(v.le(5)), ""),
        (a.is_missing().and(b.eq(1)), "a"),
        (v.is_in([true]), "e"),
    ] {
        let deleted = fixture.todos.delete_all_records().filter(filter).await?;
        let mut ids: Vec<String> = deleted.iter().map(|tombstone| tombstone.id.clone()).collect();
        ids.sort_unstable();
        assert_eq!(ids.concat(), gone);
    }
    let mut left = fixture.plain.ids(&fixture.records).await;
    left.sort_unstable();
    assert_eq!(left.concat(), "cfgh");
    Ok(())
}

async fn what_is_not_one_is_no_boolean(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    fill(&fixture, [json!({"v": 1}), json!({"v": true}), json!({"v": 0}), json!({"v": false}), json!({})]).await;
    let v = Filter::field("v");
    let cases = [
        (v.not_in([1]), "bcde"),
        (v.not_in([1, 7]), "bcde"),
        (v.not_in([true]), "acde"),
        (v.is_in([0, 1]), "ac"),
        (v.is_in([false, true]), "bd"),
        (v.is_in([json!(true), json!("x")]), "b"),
    ];
    assert_each(&fixture.todos.typed::<Value>(), cases).await;
    Ok(())
}

on_each_backend!(
    bounds_hold_values_of_their_own_type,
    or_missing_gives_nothing_else,
    deletions_are_of_what_is_said,
    what_is_not_one_is_no_boolean,
);
