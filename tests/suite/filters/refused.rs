//! Filters that the server would misinterpret, which are rejected before anything is sent.

use futures_util::StreamExt as _;
use kinto_client::{Filter, KintoRecord as _, Sort, Timestamp, Value, json, operation::Action};
use kinto_tests::{Fixture, Outcome};

use super::Book;
use crate::{Todo, predicates};

#[tokio::test]
async fn filter_rejects_ambiguous_parameters_before_sending() -> Outcome {
    let fixture = Fixture::new().await;
    let f = Book::fields();
    let books = fixture.todos.typed::<Book>();
    let typed = [
        ("twice the same", f.pages.gt(1).and(f.pages.gt(2)), "twice"),
        ("the same in two calls", f.title.eq("a").and(f.title.eq("a")), "twice"),
        ("no value", f.pages.is_in(Vec::<u32>::new()), "is_in"),
        ("no value but others", f.pages.not_in(Vec::<u32>::new()), "not_in"),
        ("nothing to miss", f.pages.lt(1).or_missing(), "or_missing"),
        ("no number", f.price.lt(f64::NAN), "NaN"),
        ("a NUL", f.title.eq("a\0b"), "NUL"),
        ("a NUL in a pattern", f.title.like("\0"), "NUL"),
    ];
    for (case, filter, says) in typed {
        for error in [
            books.get_records().filter(filter.clone()).await.unwrap_err(),
            books.get_records().filter(filter.clone()).count().await.unwrap_err(),
            books.delete_all_records().filter(filter).await.unwrap_err(),
        ] {
            assert_eq!(predicates(&error), ["invalid"], "{case}: {error}");
            assert!(error.to_string().contains(says), "{case}: {error}");
        }
    }
    let error = books.get_records().filter(f.title.eq("a")).filter(f.title.eq("b")).await.unwrap_err();
    assert_eq!(predicates(&error), ["invalid"], "{error}");
    assert_eq!(error.operation(), Some("get"));
    assert!(fixture.sent.take().is_empty());
    Ok(())
}

#[tokio::test]
async fn json_filter_is_checked_before_sending() -> Outcome {
    let fixture = Fixture::new().await;
    let values = fixture.todos.typed::<Value>();
    let (kebab, v) = (Filter::field("foo-bar"), Filter::field("v"));
    let cases = [
        ("an operator on a kebab name", kebab.ge(1), "foo-bar"),
        ("equality by an operator on a kebab name", kebab.eq(1), "Filter::plain"),
        ("presence of a kebab name", kebab.has_key(), "foo-bar"),
        ("a space", Filter::field(" v").eq(1), "\" v\""),
        ("no name", Filter::field("").eq(1), "empty"),
        ("a plain name that the server passes over", Filter::plain("_pri-vate", 1), "_pri-vate"),
        ("a plain name that it cuts", Filter::plain("v ", 1), "\"v \""),
        ("a range of booleans", v.gt(true), "gt"),
        ("a range of nulls", v.le(Value::Null), "le"),
        ("a range of lists", v.lt([1]), "lt"),
        ("a range of objects", v.ge(json!({})), "ge"),
        ("no value", v.is_in([0; 0]), "is_in"),
        ("no value but others", v.not_in([""; 0]), "not_in"),
        ("presence of a time", Filter::field("last_modified").has_key(), "last_modified"),
        ("some times", Filter::field("last_modified").is_in([1]), "last_modified"),
    ];
    for (case, filter, says) in cases {
        for error in [
            values.get_records().filter(filter.clone()).await.unwrap_err(),
            values.get_records().filter(filter.clone()).first().await.unwrap_err(),
            fixture.todos.delete_all_records().filter(filter).await.unwrap_err(),
        ] {
            assert_eq!(predicates(&error), ["invalid"], "{case}: {error}");
            assert!(error.to_string().contains(says), "{case}: {error}");
        }
    }
    assert!(fixture.sent.take().is_empty());
    Ok(())
}

async fn refused<O: Action>(call: kinto_client::Call<'_, O>, says: &str)
where
    <O as Action>::Output: std::fmt::Debug,
{
    let error = call.await.unwrap_err();
    assert_eq!(predicates(&error), ["invalid"], "{error}");
    assert!(error.to_string().contains(says), "{says} is not said: {error}");
}

#[tokio::test]
async fn list_options_are_checked_before_sending() -> Outcome {
    let fixture = Fixture::new().await;
    let get = || fixture.todos.get_records::<Value>();
    let [early, late] = [5, 6].map(Timestamp::from_millis);
    refused(get().page_size(0), "page").await;
    refused(get().page_size(0).lenient(), "page").await;
    refused(get().since(late).before(early), "`.since(6)` must be earlier than `.before(5)`").await;
    refused(get().since(early).before(early), "`.since(5)` must be earlier than `.before(5)`").await;
    refused(get().since(late).before(early).count(), "`.since(6)` must be earlier than `.before(5)`").await;
    refused(
        fixture.todos.delete_all_records().since(late).before(early),
        "`.since(6)` must be earlier than `.before(5)`",
    )
    .await;
    refused(get().sort(Sort::asc("foo-bar")), "foo-bar").await;
    refused(get().sort(Sort::desc("")), "\"\"").await;
    refused(get().sort(Sort::asc("a,b")), "a,b").await;
    refused(get().sort(Sort::asc("-a")), "-a").await;
    refused(get().limit(3).count(), "limit").await;
    refused(get().select_as::<Value>(), "Value").await;
    refused(get().select_as::<Vec<u8>>(), "Vec").await;
    assert!(fixture.sent.take().is_empty());
    Ok(())
}

#[tokio::test]
async fn limit_of_zero_is_rejected() -> Outcome {
    let fixture = Fixture::new().await;
    let none = || fixture.todos.get_records::<Value>().limit(0);
    let streamed = none().stream().next().await.expect("an error").unwrap_err();
    let paged = none().pages().next().await.expect("an error").unwrap_err();
    for error in [streamed, paged] {
        assert_eq!(predicates(&error), ["invalid"], "{error}");
    }
    refused(none(), "limit of 0").await;
    refused(none().lenient(), "limit of 0").await;
    refused(none().select_as::<Todo>(), "limit of 0").await;
    refused(none().if_changed_since(Timestamp::from_millis(5)), "limit of 0").await;
    assert!(fixture.sent.take().is_empty());
    Ok(())
}
