//! Fields may be called what they like; what the server would misread is refused.

use kinto_client::{Filter, KintoRecord, Sort, Value, json};
use kinto_server::Backend;
use kinto_tests::{Fixture, Outcome, on_each_backend, server_on};
use serde::{Deserialize, Serialize};

use super::{assert_each, fill, selected};
use crate::predicates;

#[derive(Clone, Debug, Serialize, Deserialize, KintoRecord)]
struct Odd {
    in_stock: bool,
    min_age: u8,
    max_: u8,
    lt_: u8,
    gt_a: u8,
    eq_eq: u8,
    not_done: bool,
    has_cover: bool,
    like_count: u32,
    exclude_me: String,
    contains_nuts: Vec<String>,
    #[serde(rename = "_private")]
    private: String,
    #[serde(rename = "__")]
    underscores: u8,
}

async fn filter_accepts_fields_named_like_operators(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    let data = |hit: bool| {
        let (number, text) = (u8::from(hit), if hit { "hit" } else { "miss" });
        json!({
            "in_stock": hit, "min_age": number, "max_": number, "lt_": number, "gt_a": number, "eq_eq": number,
            "not_done": hit, "has_cover": hit, "like_count": number, "exclude_me": text, "contains_nuts": [text],
            "_private": text, "__": number,
            // What a filter would hit that was taken for an operator.
            "stock": !hit, "age": 1 - number, "a": 1 - number, "eq": 1 - number, "done": !hit, "cover": !hit,
            "count": 1 - number, "me": text, "nuts": if hit { "miss" } else { "hit" }, "private": "hit",
        })
    };
    fill(&fixture, [data(true), data(false)]).await;
    let f = Odd::fields();
    let cases = [
        (f.in_stock.eq(true), "a"),
        (f.in_stock.ne(true), "b"),
        (f.in_stock.is_in([true]), "a"),
        (f.min_age.eq(1), "a"),
        (f.min_age.gt(0), "a"),
        (f.min_age.lt(1), "b"),
        (f.max_.eq(1), "a"),
        (f.max_.ge(1), "a"),
        (f.lt_.eq(1), "a"),
        (f.gt_a.eq(1), "a"),
        (f.gt_a.le(0), "b"),
        (f.eq_eq.eq(1), "a"),
        (f.not_done.eq(true), "a"),
        (f.not_done.not_in([false]), "a"),
        (f.has_cover.eq(true), "a"),
        (f.has_cover.has_key(), "ab"),
        (f.has_cover.is_missing(), ""),
        (f.like_count.eq(1), "a"),
        (f.like_count.ne(0), "a"),
        (f.exclude_me.eq("hit"), "a"),
        (f.exclude_me.like("hi"), "a"),
        (f.contains_nuts.contains("hit"), "a"),
        (f.contains_nuts.contains_any(["hit", "x"]), "a"),
        (f.contains_nuts.eq(vec!["hit".to_owned()]), "a"),
        (f.private.eq("hit"), "a"),
        (f.private.ne("hit"), "b"),
        (f.private.like("ISS"), "b"),
        (f.underscores.eq(1), "a"),
        (f.underscores.gt(0), "a"),
    ];
    assert_each(&fixture.todos.typed(), cases).await;
    for (name, value) in
        [("in_stock", json!(true)), ("min_age", json!(1)), ("_private", json!("hit")), ("__", json!(1))]
    {
        let filter = Filter::field(name).eq(&value);
        assert_eq!(selected(&fixture.todos.typed::<Value>(), filter).await.concat(), "a", "{name}");
    }
    Ok(())
}

/// To the server `contains_any_tags` is what `any_` of `tags` is called, never `contains` of a field `any_tags`.
async fn contains_accepts_field_named_any(backend: Backend) -> Outcome {
    #[derive(Serialize, Deserialize, KintoRecord)]
    struct Post {
        any_tags: Vec<String>,
    }
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    fill(&fixture, [json!({"any_tags": ["x"], "tags": ["y"]}), json!({"any_tags": ["y"], "tags": ["x"]})]).await;
    let f = Post::fields();
    let posts = fixture.todos.typed::<Post>();
    assert_each(&posts, [(f.any_tags.contains_any(["x"]), "a"), (f.any_tags.eq(vec!["x".to_owned()]), "a")]).await;
    for filter in [f.any_tags.contains("x"), f.any_tags.contains_all(["x"])] {
        match posts.get_records().filter(filter.clone()).await {
            Ok(found) => assert_eq!(found.iter().map(|post| post.id.as_str()).collect::<String>(), "a", "{filter:?}"),
            Err(error) => assert_eq!(predicates(&error), ["invalid"], "{filter:?}: {error}"),
        }
    }
    Ok(())
}

#[derive(Clone, Debug, Serialize, Deserialize, KintoRecord)]
struct Person {
    #[kinto(nested)]
    #[serde(default, rename = "home")]
    address: Option<Address>,
}

#[derive(Clone, Debug, Serialize, Deserialize, KintoRecord)]
#[kinto(nested)]
struct Address {
    city: String,
    #[serde(default, rename = "zipCode")]
    zip: Option<u32>,
    #[kinto(nested)]
    #[serde(default)]
    geo: Option<Box<Geo>>,
}

#[derive(Clone, Debug, Serialize, Deserialize, KintoRecord)]
#[kinto(nested)]
struct Geo {
    lat: f64,
    tags: Vec<String>,
}

async fn filter_matches_nested_fields(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    let records = [
        json!({"home": {"city": "Paris", "zipCode": 75001, "geo": {"lat": 48.8, "tags": ["x"]}}}),
        json!({"home": {"city": "Bonn", "geo": {"lat": -1, "tags": []}}}),
        json!({"home": null, "city": "Paris", "zipCode": 75001}),
        json!({"address": {"city": "Paris"}}),
    ];
    fill(&fixture, records).await;
    let f = Person::fields();
    let cases = [
        (f.address.has_key(), "abc"),
        (f.address.is_missing(), "d"),
        (f.address.city.eq("Paris"), "a"),
        (f.address.city.ne("Paris"), "bcd"),
        (f.address.city.is_in(["Bonn", "Paris"]), "ab"),
        (f.address.city.is_missing(), "cd"),
        (f.address.city.lt("C"), "b"),
        (f.address.zip.gt(1), "a"),
        (f.address.zip.gt(1).or_missing(), "abcd"),
        (f.address.zip.has_key(), "a"),
        (f.address.geo.has_key(), "ab"),
        (f.address.geo.lat.lt(0.0), "b"),
        (f.address.geo.lat.ge(48.8), "a"),
        (f.address.geo.tags.contains("x"), "a"),
        (f.address.geo.tags.contains_any(["x", "y"]), "a"),
        (f.address.geo.tags.eq(Vec::<String>::new()), "b"),
    ];
    assert_each(&fixture.todos.typed(), cases).await;

    fixture.plain.put_data(&fixture.record("e"), &json!({"home": "Paris"})).await;
    let cases = [
        (Filter::field("home.city").eq("Paris"), "a"),
        (Filter::field("home.geo.lat").lt(0), "b"),
        (Filter::field("home.geo.tags").contains("x"), "a"),
        (Filter::field("home.city").is_missing(), "cde"),
        (Filter::field("home").eq("Paris"), "e"),
        (Filter::field("home.geo").eq(json!({"tags": ["x"], "lat": 48.8})), "a"),
    ];
    assert_each(&fixture.todos.typed::<Value>(), cases).await;
    Ok(())
}

async fn filter_compares_names_with_other_characters(backend: Backend) -> Outcome {
    #[derive(Serialize, Deserialize, KintoRecord)]
    #[serde(rename_all = "kebab-case")]
    struct Kebab {
        due_date: String,
        very_long_name: Option<u8>,
    }
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    let records = [
        json!({"due-date": "42", "very-long-name": 1, "due_date": "x"}),
        json!({"due-date": "x", "due_date": "42", "very_long_name": 1, "date": "42"}),
        json!({"due-date": "", "very-long-name": null, "min_due-date": "42", "ünï cödé & +;=#": "42"}),
    ];
    fill(&fixture, records).await;
    let f = Kebab::fields();
    let cases = [
        (f.due_date.eq("42"), "a"),
        (f.due_date.eq(""), "c"),
        (f.very_long_name.eq(1), "a"),
        (f.very_long_name.eq(None), "c"),
        (f.due_date.eq("42").and(f.very_long_name.eq(1)), "a"),
    ];
    assert_each(&fixture.todos.typed(), cases).await;
    let cases = [
        (Filter::plain("due-date", "42"), "a"),
        (Filter::plain("due-date", 42), ""),
        (Filter::plain("min_due-date", "42"), "c"),
        (Filter::plain("ünï cödé & +;=#", "42"), "c"),
        (Filter::plain("due-date", "x").and(Filter::field("due_date").eq("42")), "b"),
    ];
    assert_each(&fixture.todos.typed::<Value>(), cases).await;
    Ok(())
}

/// To the server a parameter `min_age` is an operator and a field, and the value of one that begins with `in_` a list.
async fn plain_filter_does_not_use_name_as_operator(backend: Backend) -> Outcome {
    let names = [
        "age",
        "min_age",
        "in_stock",
        "not_done",
        "has_cover",
        "like_it",
        "contains_nuts",
        "in_foo-bar",
        "exclude_a-b",
        "contains_a-b",
        "contains_any_a-b",
        "min_a-b",
        "like_a-b",
        "has_a-b",
    ];
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    for name in names {
        fixture.plain.put_data(&fixture.record(&name.replace('_', "-")), &json!({name: "5"})).await;
    }
    // What would match in their place.
    let words = json!({"stock": "5", "done": "4", "cover": "5", "it": "5", "nuts": ["5"], "foo-bar": "5"});
    fixture.plain.put_data(&fixture.record("decoy"), &words).await;
    let values = fixture.todos.typed::<Value>();
    for name in names {
        match values.get_records().filter(Filter::plain(name, "5")).await {
            Ok(found) => {
                let ids: Vec<&str> = found.iter().map(|record| record.id.as_str()).collect();
                assert_eq!(ids, [name.replace('_', "-")], "{name}");
            }
            Err(error) => assert_eq!(predicates(&error), ["invalid"], "{name}: {error}"),
        }
    }
    Ok(())
}

/// The server's operators know names of Python's `\w`, which is not what Rust calls alphanumeric: `ा` is none of its.
async fn filter_matches_or_rejects_names_in_other_scripts(backend: Backend) -> Outcome {
    let names = ["größe", "日本", "имя", "नाम", "Ⓐ", "²", "क्षेत्र", "ชื่อ", "e\u{301}", "ª"];
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    let values = fixture.todos.typed::<Value>();
    fixture.fill((0..).zip(names).map(|(place, name)| (format!("r{place}"), json!({name: place})))).await;
    for (place, name) in (0..).zip(names) {
        let field = Filter::field(name);
        for filter in [field.eq(place), field.has_key(), field.is_in([place]), field.ge(0)] {
            match values.get_records().filter(filter.clone()).await {
                Ok(found) => {
                    let ids: Vec<&str> = found.iter().map(|record| record.id.as_str()).collect();
                    assert_eq!(ids, [format!("r{place}")], "{name}: {filter:?}");
                }
                Err(error) => assert_eq!(predicates(&error), ["invalid"], "{name}: {error}"),
            }
        }
        match values.get_records().sort(Sort::asc(name)).await {
            // The only record that has the field comes first.
            Ok(found) => assert_eq!(found[0].id, format!("r{place}"), "sorted by {name}"),
            Err(error) => assert_eq!(predicates(&error), ["invalid"], "{name}: {error}"),
        }
    }
    Ok(())
}

on_each_backend!(
    filter_accepts_fields_named_like_operators,
    contains_accepts_field_named_any,
    filter_matches_nested_fields,
    filter_compares_names_with_other_characters,
    plain_filter_does_not_use_name_as_operator,
    filter_matches_or_rejects_names_in_other_scripts,
);
