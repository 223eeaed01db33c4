//! Ranges are of one type, and of what lacks the field only if that is said.

use kinto_client::{Filter, KintoRecord as _, Value, json};
use kinto_server::Backend;
use kinto_tests::{Fixture, Outcome, on_each_backend, server_on};

use super::{Book, assert_each, fill};

async fn ranges_match_only_values_of_their_type(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    let records = [
        json!({"v": -3}),
        json!({"v": 0.5}),
        json!({"v": u64::MAX}),
        json!({"v": i64::MIN}),
        json!({"v": 1e300}),
        json!({"v": -1e300}),
        json!({"v": ""}),
        json!({"v": "m"}),
        json!({"v": "\u{10ffff}"}),
        json!({"v": null}),
        json!({"v": false}),
        json!({"v": true}),
        json!({"v": []}),
        json!({"v": {}}),
        json!({}),
    ];
    fill(&fixture, records).await;
    let v = Filter::field("v");
    let cases = [
        (v.gt(0), "bce"),
        (v.ge(0.5), "bce"),
        (v.lt(0), "adf"),
        (v.le(-3), "adf"),
        (v.gt(i64::MIN), "abce"),
        (v.ge(i64::MIN), "abcde"),
        (v.ge(u64::MAX), "ce"),
        (v.lt(u64::MAX), "abdf"),
        (v.le(u64::MAX), "abcdf"),
        (v.ge(f64::MIN), "abcdef"),
        (v.gt(-1e300), "abcde"),
        (v.le(f64::MAX), "abcdef"),
        (v.lt(-1e300), ""),
        (v.gt(1e300), ""),
        (v.gt(-4).and(v.lt(1)), "ab"),
        (v.ge("m"), "hi"),
        (v.gt(""), "hi"),
        (v.ge(""), "ghi"),
        (v.lt("m"), "g"),
        (v.le("m"), "gh"),
        (v.lt(""), ""),
        (v.le(""), "g"),
        (v.gt("a").and(v.le("z")), "h"),
        (v.gt("\u{10ffff}"), ""),
    ];
    assert_each(&fixture.todos.typed::<Value>(), cases).await;
    Ok(())
}

async fn ranges_include_extreme_floats(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    let ends = [f64::MIN, -f64::MIN_POSITIVE, -5e-324, 0.0, 5e-324, f64::MIN_POSITIVE, 0.1, f64::MAX];
    fill(&fixture, ends.into_iter().map(|v| json!({"v": v})).chain([json!({"v": "text"}), json!({})])).await;
    let values = fixture.todos.typed::<Value>();
    let v = Filter::field("v");
    for (end, place) in ends.into_iter().zip(0..) {
        let cases = [
            (v.eq(end), &"abcdefgh"[place..=place]),
            (v.lt(end), &"abcdefgh"[..place]),
            (v.le(end), &"abcdefgh"[..=place]),
            (v.gt(end), &"abcdefgh"[place + 1..]),
            (v.ge(end), &"abcdefgh"[place..]),
        ];
        assert_each(&values, cases).await;
        let id = &"abcdefgh"[place..=place];
        assert_eq!(values.get_record(id).await?.data["v"].as_f64().map(f64::to_bits), Some(end.to_bits()), "{end:e}");
    }
    Ok(())
}

async fn or_missing_matches_objects_without_field(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    let data = |title: Value, pages: Value| json!({"title": title, "pages": pages, "lent": false, "tags": []});
    let records = [
        data(json!("b"), json!(5)),
        data(json!("a"), json!(1)),
        data(json!(null), json!(null)),
        json!({"lent": false, "tags": []}),
        json!({"pages": 9, "lent": true, "tags": []}),
        json!({"title": "c", "lent": true, "tags": []}),
    ];
    fill(&fixture, records).await;
    let f = Book::fields();
    let cases = [
        (f.pages.gt(1), "ae"),
        (f.pages.gt(1).or_missing(), "adef"),
        (f.pages.ge(1).or_missing(), "abdef"),
        (f.title.gt("a").or_missing(), "adef"),
        (f.title.ge("c").or_missing(), "def"),
        (f.pages.gt(1).or_missing().and(f.lent.eq(true)), "ef"),
        (f.lent.eq(true).and(f.title.gt("b").or_missing()), "ef"),
    ];
    assert_each(&fixture.todos.typed(), cases).await;
    Ok(())
}

/// It belongs to the filter it is said of, not to those that this is joined with.
async fn or_missing_applies_to_one_filter_only(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    let data = |title: Option<&str>, pages: Option<u8>| {
        let mut data = json!({"lent": false, "tags": []});
        if let Some(title) = title {
            data["title"] = title.into();
        }
        if let Some(pages) = pages {
            data["pages"] = pages.into();
        }
        data
    };
    let records = [data(Some("b"), Some(5)), data(Some("b"), None), data(None, Some(5)), data(None, None)];
    fill(&fixture, records).await;
    let f = Book::fields();
    let cases = [
        (f.title.gt("a").and(f.pages.gt(1)), "a"),
        (f.title.gt("a").or_missing().and(f.pages.gt(1)), "ac"),
        (f.title.gt("a").and(f.pages.gt(1).or_missing()), "ab"),
        (f.title.gt("a").or_missing().and(f.pages.gt(1).or_missing()), "abcd"),
    ];
    assert_each(&fixture.todos.typed(), cases).await;
    Ok(())
}

on_each_backend!(
    ranges_match_only_values_of_their_type,
    ranges_include_extreme_floats,
    or_missing_matches_objects_without_field,
    or_missing_applies_to_one_filter_only,
);
