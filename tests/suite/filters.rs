//! A filter selects what it says and nothing else, for reading, counting and deleting, on both storage backends; and
//! what the server would misread is refused before anything is sent.

use futures_util::StreamExt as _;
use http::Method;
use kinto_client::{Data, Filter, KintoRecord, Run, Sort, Timestamp, TypedCollection, Value, json};
use kinto_server::{Backend, Server};
use kinto_tests::{Outcome, Scene, Sent, on_each_backend, server_on};
use serde::{Deserialize, Serialize};

use crate::{Todo, predicates};

/// The ids of the records that a filter selects, sorted. It counts as many.
async fn selected<T: Data>(records: &TypedCollection<T>, filter: Filter<T>) -> Vec<String> {
    let shown = format!("{filter:?}");
    let found = records.get_records().filter(filter.clone()).await;
    let found = found.unwrap_or_else(|error| panic!("{shown}: {error}"));
    let mut ids: Vec<String> = found.into_iter().map(|record| record.id.to_string()).collect();
    ids.sort_unstable();
    let count = records.get_records().filter(filter).count().await;
    assert_eq!(count.unwrap_or_else(|error| panic!("counting {shown}: {error}")), ids.len(), "counting {shown}");
    ids
}

/// Each filter selects the records that are named beside it, by ids of one character.
async fn assert_each<T: Data>(records: &TypedCollection<T>, cases: impl IntoIterator<Item = (Filter<T>, &str)>) {
    for (filter, expected) in cases {
        let shown = format!("{filter:?}");
        assert_eq!(selected(records, filter).await.concat(), expected, "{shown}");
    }
}

/// Records with ids of one character, from `a` on.
async fn fill(scene: &Scene, records: impl IntoIterator<Item = Value>) {
    scene.fill(('a'..='z').map(String::from).zip(records)).await;
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
struct Book {
    title: Option<String>,
    pages: Option<u32>,
    price: Option<f64>,
    lent: bool,
    tags: Vec<String>,
}

async fn every_operator_selects_what_it_says(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let scene = Scene::on(server.url()).await;
    let records = [
        json!({"title": "Emma", "pages": 448, "price": 7.5, "lent": false, "tags": ["novel", "england"]}),
        json!({"title": "Walden", "pages": 352, "price": 0, "lent": true, "tags": ["nature"]}),
        json!({"title": "emma's cat", "pages": 12, "lent": false, "tags": []}),
        json!({"title": null, "pages": null, "lent": true, "tags": ["novel", "nature"]}),
        json!({"lent": false, "tags": []}),
    ];
    fill(&scene, records).await;
    let f = Book::fields();
    let text = |text: &str| Some(text.to_owned());
    let cases = [
        (f.title.eq("Emma"), "a"),
        (f.title.eq(None), "d"),
        (f.title.eq(text("Walden")), "b"),
        (f.title.not("Emma"), "bcde"),
        (f.title.not(None), "abce"),
        (f.title.lt("Walden"), "a"),
        (f.title.at_most("Emma"), "a"),
        (f.title.gt("Emma"), "bc"),
        (f.title.at_least("Emma"), "abc"),
        (f.title.is_in(["Emma", "Walden"]), "ab"),
        (f.title.is_in([None, text("Emma")]), "ad"),
        (f.title.not_in(["Emma", "Walden"]), "cde"),
        (f.title.is_set(), "abcd"),
        (f.title.is_missing(), "e"),
        (f.pages.eq(448), "a"),
        (f.pages.not(448), "bcde"),
        (f.pages.lt(352), "c"),
        (f.pages.at_most(352), "bc"),
        (f.pages.gt(352), "a"),
        (f.pages.at_least(352), "ab"),
        (f.pages.gt(12).and(f.pages.lt(448)), "b"),
        (f.pages.at_least(12).and(f.pages.at_most(352)), "bc"),
        (f.pages.is_in([12, 448]), "ac"),
        (f.pages.not_in([12, 448]), "bde"),
        (f.price.eq(7.5), "a"),
        (f.price.lt(7.5), "b"),
        (f.price.at_least(0.0), "ab"),
        (f.lent.eq(true), "bd"),
        (f.lent.not(true), "ace"),
        (f.lent.is_in([false]), "ace"),
        (f.tags.contains("novel"), "ad"),
        (f.tags.contains_all(["novel", "nature"]), "d"),
        (f.tags.contains_any(["nature", "england"]), "abd"),
        (f.tags.eq(Vec::<String>::new()), "ce"),
        (f.tags.eq(vec!["novel".to_owned(), "england".to_owned()]), "a"),
        (f.tags.not(vec!["nature".to_owned()]), "acde"),
        (f.title.is_set().and(f.lent.eq(true)), "bd"),
        (f.lent.eq(false).and(f.pages.is_missing()), "e"),
        (f.lent.eq(false).and(f.tags.contains("novel")).and(f.pages.gt(12)), "a"),
    ];
    assert_each(&scene.todos.typed(), cases).await;
    Ok(())
}

/// Of one list what it contains and what it contains any of are two things.
async fn a_list_is_asked_for_two_things_at_once(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let scene = Scene::on(server.url()).await;
    let lists = [json!(["x", "y"]), json!(["x", "z"]), json!(["y", "z"]), json!(["x"]), json!(["x", "y", "z"])];
    fill(&scene, lists.map(|tags| json!({"lent": true, "tags": tags}))).await;
    let f = Book::fields();
    let cases = [
        (f.tags.contains("x").and(f.tags.contains_any(["y", "z"])), "abe"),
        (f.tags.contains_all(["x", "z"]).and(f.tags.contains_any(["y", "w"])), "e"),
        (f.tags.contains("x").and(f.tags.not(vec!["x".to_owned()])), "abe"),
    ];
    assert_each(&scene.todos.typed(), cases).await;
    Ok(())
}

/// The same by names, for JSON without a type.
async fn every_operator_on_json(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let scene = Scene::on(server.url()).await;
    let records = [
        json!({"v": 5, "tags": ["x", 1]}),
        json!({"v": "5", "tags": ["y"]}),
        json!({"v": true, "tags": null}),
        json!({"v": null}),
        json!({}),
        json!({"v": [5], "tags": [["x"]]}),
        json!({"v": {"w": 5}}),
    ];
    fill(&scene, records).await;
    let [v, tags] = ["v", "tags"].map(Filter::field);
    let cases = [
        (v.eq(5), "a"),
        (v.eq(5.0), "a"),
        (v.eq("5"), "b"),
        (v.eq(true), "c"),
        (v.eq(Value::Null), "d"),
        (v.eq([5]), "f"),
        (v.eq(json!({"w": 5})), "g"),
        (v.not(5), "bcdefg"),
        (v.is_in([json!(5), json!("5"), json!(null)]), "abd"),
        (v.not_in([json!(5), json!(true)]), "bdefg"),
        (v.at_least(5), "a"),
        (v.at_least("5"), "b"),
        (v.is_set(), "abcdfg"),
        (v.is_missing(), "e"),
        (tags.contains("x"), "a"),
        (tags.contains(1), "a"),
        (tags.contains_any([json!(1), json!("y")]), "ab"),
        (Filter::field("v.w").eq(5), "g"),
        (v.gt(4).and(tags.contains("x")), "a"),
    ];
    assert_each(&scene.todos.typed::<Value>(), cases).await;
    Ok(())
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
struct Note {
    v: String,
}

async fn texts_match_themselves_and_nothing_else(backend: Backend) -> Outcome {
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
    let scene = Scene::on(server.url()).await;
    let id = |place: usize| format!("n{place:02}");
    let values = texts.iter().map(|text| json!({"v": text})).chain(others.map(|other| json!({"v": other})));
    scene.fill(values.chain([json!({})]).enumerate().map(|(place, data)| (id(place), data))).await;
    let all = scene.plain.ids(&scene.records).await;

    let (notes, values) = (scene.todos.typed::<Note>(), scene.todos.typed::<Value>());
    let f = Note::fields();
    for (place, text) in texts.into_iter().enumerate() {
        for filter in [f.v.eq(text), f.v.is_in([text])] {
            let one = notes.get_records().filter(filter).one().await;
            let one = one.unwrap_or_else(|error| panic!("{text:?}: {error}"));
            assert_eq!((one.id.as_str(), one.data.v.as_str()), (id(place).as_str(), text));
        }
        let rest: Vec<&String> = all.iter().filter(|other| **other != id(place)).collect();
        for filter in [Filter::field("v").not(text), Filter::field("v").not_in([text])] {
            assert_eq!(selected(&values, filter).await.iter().collect::<Vec<_>>(), rest, "all but {text:?}");
        }
    }
    assert_eq!(selected(&notes, f.v.is_in(texts)).await, all[..texts.len()]);
    assert_eq!(selected(&values, Filter::field("v").not_in(texts)).await, all[texts.len()..]);
    Ok(())
}

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

async fn fields_may_be_called_like_operators(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let scene = Scene::on(server.url()).await;
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
    fill(&scene, [data(true), data(false)]).await;
    let f = Odd::fields();
    let cases = [
        (f.in_stock.eq(true), "a"),
        (f.in_stock.not(true), "b"),
        (f.in_stock.is_in([true]), "a"),
        (f.min_age.eq(1), "a"),
        (f.min_age.gt(0), "a"),
        (f.min_age.lt(1), "b"),
        (f.max_.eq(1), "a"),
        (f.max_.at_least(1), "a"),
        (f.lt_.eq(1), "a"),
        (f.gt_a.eq(1), "a"),
        (f.gt_a.at_most(0), "b"),
        (f.eq_eq.eq(1), "a"),
        (f.not_done.eq(true), "a"),
        (f.not_done.not_in([false]), "a"),
        (f.has_cover.eq(true), "a"),
        (f.has_cover.is_set(), "ab"),
        (f.has_cover.is_missing(), ""),
        (f.like_count.eq(1), "a"),
        (f.like_count.not(0), "a"),
        (f.exclude_me.eq("hit"), "a"),
        (f.exclude_me.like("hi"), "a"),
        (f.contains_nuts.contains("hit"), "a"),
        (f.contains_nuts.contains_any(["hit", "x"]), "a"),
        (f.contains_nuts.eq(vec!["hit".to_owned()]), "a"),
        (f.private.eq("hit"), "a"),
        (f.private.not("hit"), "b"),
        (f.private.like("ISS"), "b"),
        (f.underscores.eq(1), "a"),
        (f.underscores.gt(0), "a"),
    ];
    assert_each(&scene.todos.typed(), cases).await;
    for (name, value) in
        [("in_stock", json!(true)), ("min_age", json!(1)), ("_private", json!("hit")), ("__", json!(1))]
    {
        let filter = Filter::field(name).eq(&value);
        assert_eq!(selected(&scene.todos.typed::<Value>(), filter).await.concat(), "a", "{name}");
    }
    Ok(())
}

/// To the server `contains_any_tags` is what `any_` of `tags` is called, never `contains` of a field `any_tags`.
async fn a_list_may_be_called_any_something(backend: Backend) -> Outcome {
    #[derive(Serialize, Deserialize, KintoRecord)]
    struct Post {
        any_tags: Vec<String>,
    }
    let server = server_on(backend);
    let scene = Scene::on(server.url()).await;
    fill(&scene, [json!({"any_tags": ["x"], "tags": ["y"]}), json!({"any_tags": ["y"], "tags": ["x"]})]).await;
    let f = Post::fields();
    let posts = scene.todos.typed::<Post>();
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

async fn nested_fields_are_reached_through_their_structs(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let scene = Scene::on(server.url()).await;
    let records = [
        json!({"home": {"city": "Paris", "zipCode": 75001, "geo": {"lat": 48.8, "tags": ["x"]}}}),
        json!({"home": {"city": "Bonn", "geo": {"lat": -1, "tags": []}}}),
        json!({"home": null, "city": "Paris", "zipCode": 75001}),
        json!({"address": {"city": "Paris"}}),
    ];
    fill(&scene, records).await;
    let f = Person::fields();
    let cases = [
        (f.address.is_set(), "abc"),
        (f.address.is_missing(), "d"),
        (f.address.city.eq("Paris"), "a"),
        (f.address.city.not("Paris"), "bcd"),
        (f.address.city.is_in(["Bonn", "Paris"]), "ab"),
        (f.address.city.is_missing(), "cd"),
        (f.address.city.lt("C"), "b"),
        (f.address.zip.gt(1), "a"),
        (f.address.zip.gt(1).or_missing(), "abcd"),
        (f.address.zip.is_set(), "a"),
        (f.address.geo.is_set(), "ab"),
        (f.address.geo.lat.lt(0.0), "b"),
        (f.address.geo.lat.at_least(48.8), "a"),
        (f.address.geo.tags.contains("x"), "a"),
        (f.address.geo.tags.contains_any(["x", "y"]), "a"),
        (f.address.geo.tags.eq(Vec::<String>::new()), "b"),
    ];
    assert_each(&scene.todos.typed(), cases).await;

    scene.plain.put_data(&scene.record("e"), &json!({"home": "Paris"})).await;
    let cases = [
        (Filter::field("home.city").eq("Paris"), "a"),
        (Filter::field("home.geo.lat").lt(0), "b"),
        (Filter::field("home.geo.tags").contains("x"), "a"),
        (Filter::field("home.city").is_missing(), "cde"),
        (Filter::field("home").eq("Paris"), "e"),
        (Filter::field("home.geo").eq(json!({"tags": ["x"], "lat": 48.8})), "a"),
    ];
    assert_each(&scene.todos.typed::<Value>(), cases).await;
    Ok(())
}

async fn names_with_other_characters_can_be_equal(backend: Backend) -> Outcome {
    #[derive(Serialize, Deserialize, KintoRecord)]
    #[serde(rename_all = "kebab-case")]
    struct Kebab {
        due_date: String,
        very_long_name: Option<u8>,
    }
    let server = server_on(backend);
    let scene = Scene::on(server.url()).await;
    let records = [
        json!({"due-date": "42", "very-long-name": 1, "due_date": "x"}),
        json!({"due-date": "x", "due_date": "42", "very_long_name": 1, "date": "42"}),
        json!({"due-date": "", "very-long-name": null, "min_due-date": "42", "ünï cödé & +;=#": "42"}),
    ];
    fill(&scene, records).await;
    let f = Kebab::fields();
    let cases = [
        (f.due_date.eq("42"), "a"),
        (f.due_date.eq(""), "c"),
        (f.very_long_name.eq(1), "a"),
        (f.very_long_name.eq(None), "c"),
        (f.due_date.eq("42").and(f.very_long_name.eq(1)), "a"),
    ];
    assert_each(&scene.todos.typed(), cases).await;
    let cases = [
        (Filter::plain("due-date", "42"), "a"),
        (Filter::plain("due-date", 42), ""),
        (Filter::plain("min_due-date", "42"), "c"),
        (Filter::plain("ünï cödé & +;=#", "42"), "c"),
        (Filter::plain("due-date", "x").and(Filter::field("due_date").eq("42")), "b"),
    ];
    assert_each(&scene.todos.typed::<Value>(), cases).await;
    Ok(())
}

/// To the server a parameter `min_age` is an operator and a field, and the value of one that begins with `in_` a list.
async fn a_plain_name_is_never_an_operator(backend: Backend) -> Outcome {
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
    ];
    let server = server_on(backend);
    let scene = Scene::on(server.url()).await;
    for name in names {
        scene.plain.put_data(&scene.record(&name.replace('_', "-")), &json!({name: "5"})).await;
    }
    // What would match in their place.
    let words = json!({"stock": "5", "done": "4", "cover": "5", "it": "5", "nuts": ["5"], "foo-bar": "5"});
    scene.plain.put_data(&scene.record("decoy"), &words).await;
    let values = scene.todos.typed::<Value>();
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
async fn names_in_other_scripts_match_or_are_refused(backend: Backend) -> Outcome {
    let names = ["größe", "日本", "имя", "नाम", "Ⓐ", "²", "क्षेत्र", "ชื่อ", "e\u{301}", "ª"];
    let server = server_on(backend);
    let scene = Scene::on(server.url()).await;
    let values = scene.todos.typed::<Value>();
    scene.fill((0..).zip(names).map(|(place, name)| (format!("r{place}"), json!({name: place})))).await;
    for (place, name) in (0..).zip(names) {
        let field = Filter::field(name);
        for filter in [field.eq(place), field.is_set(), field.is_in([place]), field.at_least(0)] {
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

async fn ranges_hold_values_of_their_own_type(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let scene = Scene::on(server.url()).await;
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
    fill(&scene, records).await;
    let v = Filter::field("v");
    let cases = [
        (v.gt(0), "bce"),
        (v.at_least(0.5), "bce"),
        (v.lt(0), "adf"),
        (v.at_most(-3), "adf"),
        (v.gt(i64::MIN), "abce"),
        (v.at_least(i64::MIN), "abcde"),
        (v.at_least(u64::MAX), "ce"),
        (v.lt(u64::MAX), "abdf"),
        (v.at_most(u64::MAX), "abcdf"),
        (v.at_least(f64::MIN), "abcdef"),
        (v.gt(-1e300), "abcde"),
        (v.at_most(f64::MAX), "abcdef"),
        (v.lt(-1e300), ""),
        (v.gt(1e300), ""),
        (v.gt(-4).and(v.lt(1)), "ab"),
        (v.at_least("m"), "hi"),
        (v.gt(""), "hi"),
        (v.at_least(""), "ghi"),
        (v.lt("m"), "g"),
        (v.at_most("m"), "gh"),
        (v.lt(""), ""),
        (v.at_most(""), "g"),
        (v.gt("a").and(v.at_most("z")), "h"),
        (v.gt("\u{10ffff}"), ""),
    ];
    assert_each(&scene.todos.typed::<Value>(), cases).await;
    Ok(())
}

async fn ranges_reach_to_the_ends_of_floats(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let scene = Scene::on(server.url()).await;
    let ends = [f64::MIN, -f64::MIN_POSITIVE, -5e-324, 0.0, 5e-324, f64::MIN_POSITIVE, 0.1, f64::MAX];
    fill(&scene, ends.into_iter().map(|v| json!({"v": v})).chain([json!({"v": "text"}), json!({})])).await;
    let values = scene.todos.typed::<Value>();
    let v = Filter::field("v");
    for (end, place) in ends.into_iter().zip(0..) {
        let cases = [
            (v.eq(end), &"abcdefgh"[place..=place]),
            (v.lt(end), &"abcdefgh"[..place]),
            (v.at_most(end), &"abcdefgh"[..=place]),
            (v.gt(end), &"abcdefgh"[place + 1..]),
            (v.at_least(end), &"abcdefgh"[place..]),
        ];
        assert_each(&values, cases).await;
        let id = &"abcdefgh"[place..=place];
        assert_eq!(values.get_record(id).await?.data["v"].as_f64().map(f64::to_bits), Some(end.to_bits()), "{end:e}");
    }
    Ok(())
}

async fn or_missing_adds_those_that_lack_the_field(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let scene = Scene::on(server.url()).await;
    let data = |title: Value, pages: Value| json!({"title": title, "pages": pages, "lent": false, "tags": []});
    let records = [
        data(json!("b"), json!(5)),
        data(json!("a"), json!(1)),
        data(json!(null), json!(null)),
        json!({"lent": false, "tags": []}),
        json!({"pages": 9, "lent": true, "tags": []}),
        json!({"title": "c", "lent": true, "tags": []}),
    ];
    fill(&scene, records).await;
    let f = Book::fields();
    let cases = [
        (f.pages.gt(1), "ae"),
        (f.pages.gt(1).or_missing(), "adef"),
        (f.pages.at_least(1).or_missing(), "abdef"),
        (f.title.gt("a").or_missing(), "adef"),
        (f.title.at_least("c").or_missing(), "def"),
        (f.pages.gt(1).or_missing().and(f.lent.eq(true)), "ef"),
        (f.lent.eq(true).and(f.title.gt("b").or_missing()), "ef"),
    ];
    assert_each(&scene.todos.typed(), cases).await;
    Ok(())
}

/// It belongs to the filter it is said of, not to those that this is joined with.
async fn or_missing_is_of_one_filter(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let scene = Scene::on(server.url()).await;
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
    fill(&scene, records).await;
    let f = Book::fields();
    let cases = [
        (f.title.gt("a").and(f.pages.gt(1)), "a"),
        (f.title.gt("a").or_missing().and(f.pages.gt(1)), "ac"),
        (f.title.gt("a").and(f.pages.gt(1).or_missing()), "ab"),
        (f.title.gt("a").or_missing().and(f.pages.gt(1).or_missing()), "abcd"),
    ];
    assert_each(&scene.todos.typed(), cases).await;
    Ok(())
}

async fn like_finds_text_whatever_its_case(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let scene = Scene::on(server.url()).await;
    let titles = ["Milk", "oat MILK shake", "Milkmaid", "42", "null", "ilk", "été"];
    fill(&scene, titles.map(|title| json!({"title": title}))).await;
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
        (f.title.like("milk").and(f.title.not("Milk")), "bc"),
    ];
    assert_each(&scene.todos.typed(), cases).await;
    Ok(())
}

/// The memory backend fails where the field holds no text; PostgreSQL would find the 4 in the number 42.
async fn like_passes_over_what_is_no_text(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let scene = Scene::on(server.url()).await;
    let values = [json!("a42"), json!(42), json!(null), json!(true), json!(["42"]), json!({"42": 42})];
    fill(&scene, values.into_iter().map(|v| json!({"v": v})).chain([json!({})])).await;
    assert_each(&scene.todos.typed::<Value>(), [(Filter::field("v").like("42"), "a")]).await;
    Ok(())
}

/// Only `*` is special: neither what SQL nor what regular expressions know is.
async fn like_takes_all_else_for_itself(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let scene = Scene::on(server.url()).await;
    let texts = [
        "(", ")", "[", "a.c", "abc", "+", "^a", "$", "|", "{2}", "?", "\\", "\\d", "7", "C:\\new", "'", "\"", ";", ",",
        "100%", "1000", "a_c", "#", "&", "-", "~", "/", "é",
    ];
    scene.fill((0..).zip(texts).map(|(place, title)| (format!("r{place:02}"), json!({"title": title})))).await;
    let todos = scene.todos.typed::<Todo>();
    for text in texts {
        let expected: Vec<&str> = texts.into_iter().filter(|title| title.contains(text)).collect();
        for pattern in [text.to_owned(), format!("*{text}*")] {
            let found = todos.get_records().filter(Todo::fields().title.like(&pattern)).sort(Sort::asc("id")).await?;
            assert!(found.iter().map(|todo| todo.data.title.as_str()).eq(expected.iter().copied()), "{pattern:?}");
        }
    }
    Ok(())
}

/// A list of lists is searched for what is in it, not for what is in that. (That the memory backend takes text for a list
/// of characters, and an object for one of keys, is left out.)
async fn a_list_contains_its_items_as_they_are(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let scene = Scene::on(server.url()).await;
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
    fill(&scene, lists.map(|list| json!({"v": list}))).await;
    let v = Filter::field("v");
    let cases = [
        (v.contains("1"), "e"),
        (v.contains(1), "f"),
        (v.contains_any(["1"]), "e"),
        (v.contains_any([json!([1]), json!({"a": 1})]), "ac"),
        (v.contains(json!([1])), "a"),
        (v.contains(json!({"a": 1})), "c"),
    ];
    assert_each(&scene.todos.typed::<Value>(), cases).await;
    Ok(())
}

/// The server splits what `in_` is given at every comma, so a list or an object cannot be among the values.
async fn is_in_takes_lists_or_refuses_them(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let scene = Scene::on(server.url()).await;
    let values = [json!([1, 2]), json!([1]), json!({"a": 1, "b": "x,y"}), json!({"a": 1}), json!(1), json!(2)];
    fill(&scene, values.clone().map(|v| json!({"v": v}))).await;
    let records = scene.todos.typed::<Value>();
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

async fn ids_and_times_are_fields_too(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let scene = Scene::on(server.url()).await;
    fill(&scene, ["a", "b", "c", "d"].map(|title| json!({"title": title}))).await;
    scene.plain.put_data(&scene.record("1"), &json!({})).await;
    scene.plain.delete(&scene.record("d")).await;
    let f = Stamped::fields();
    let stamped = scene.todos.typed::<Stamped>();
    let time = stamped.get_record("b").await?.last_modified;
    let cases = [
        (f.id.eq("a"), "a"),
        (f.id.eq("1"), "1"),
        (f.id.not("a"), "1bc"),
        (f.id.is_in(["1", "b", "d"]), "1b"),
        (f.id.not_in(["1", "b"]), "ac"),
        (f.id.gt("a"), "bc"),
        (f.id.at_most("a"), "1a"),
        (f.last_modified.eq(time), "b"),
        (f.last_modified.gt(time), "1c"),
        (f.last_modified.at_least(time), "1bc"),
        (f.last_modified.lt(time), "a"),
        (f.last_modified.at_most(time), "ab"),
        (f.last_modified.not(time), "1ac"),
    ];
    assert_each(&stamped, cases).await;
    let cases = [(Filter::field("id").eq("1"), "1"), (Filter::field("last_modified").gt(time), "1c")];
    assert_each(&scene.todos.typed::<Value>(), cases).await;
    Ok(())
}

/// A request line of 500 ids is longer than some servers take.
async fn many_values_are_found_or_said_to_be_too_many(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let scene = Scene::on(server.url()).await;
    let titles: Vec<String> = (0..500).map(|n| format!("the title with the number {n}")).collect();
    scene.plain.put_data(&scene.record("hit"), &json!({"title": titles[499]})).await;
    scene.plain.put_data(&scene.record("miss"), &json!({"title": "another"})).await;
    match scene.todos.typed::<Todo>().get_records().filter(Todo::fields().title.is_in(&titles)).await {
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
    every_operator_selects_what_it_says,
    a_list_is_asked_for_two_things_at_once,
    every_operator_on_json,
    texts_match_themselves_and_nothing_else,
    fields_may_be_called_like_operators,
    a_list_may_be_called_any_something,
    nested_fields_are_reached_through_their_structs,
    names_with_other_characters_can_be_equal,
    a_plain_name_is_never_an_operator,
    names_in_other_scripts_match_or_are_refused,
    ranges_hold_values_of_their_own_type,
    ranges_reach_to_the_ends_of_floats,
    or_missing_adds_those_that_lack_the_field,
    or_missing_is_of_one_filter,
    like_finds_text_whatever_its_case,
    like_passes_over_what_is_no_text,
    like_takes_all_else_for_itself,
    a_list_contains_its_items_as_they_are,
    is_in_takes_lists_or_refuses_them,
    ids_and_times_are_fields_too,
    many_values_are_found_or_said_to_be_too_many,
);

#[tokio::test]
async fn what_the_server_would_misread_is_refused_before_it_is_sent() -> Outcome {
    let scene = Scene::new().await;
    let f = Book::fields();
    let books = scene.todos.typed::<Book>();
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
    assert!(scene.sent.take().is_empty());
    Ok(())
}

#[tokio::test]
async fn json_filters_are_checked_before_they_are_sent() -> Outcome {
    let scene = Scene::new().await;
    let values = scene.todos.typed::<Value>();
    let (kebab, v) = (Filter::field("foo-bar"), Filter::field("v"));
    let cases = [
        ("an operator on a kebab name", kebab.at_least(1), "foo-bar"),
        ("equality by an operator on a kebab name", kebab.eq(1), "Filter::plain"),
        ("presence of a kebab name", kebab.is_set(), "foo-bar"),
        ("a space", Filter::field(" v").eq(1), "\" v\""),
        ("no name", Filter::field("").eq(1), "empty"),
        ("a plain name that the server passes over", Filter::plain("_pri-vate", 1), "_pri-vate"),
        ("a plain name that it cuts", Filter::plain("v ", 1), "\"v \""),
        ("a range of booleans", v.gt(true), "gt"),
        ("a range of nulls", v.at_most(Value::Null), "at_most"),
        ("a range of lists", v.lt([1]), "lt"),
        ("a range of objects", v.at_least(json!({})), "at_least"),
        ("no value", v.is_in([0; 0]), "is_in"),
        ("no value but others", v.not_in([""; 0]), "not_in"),
        ("presence of a time", Filter::field("last_modified").is_set(), "last_modified"),
        ("some times", Filter::field("last_modified").is_in([1]), "last_modified"),
    ];
    for (case, filter, says) in cases {
        for error in [
            values.get_records().filter(filter.clone()).await.unwrap_err(),
            values.get_records().filter(filter.clone()).first().await.unwrap_err(),
            scene.todos.delete_all_records().filter(filter).await.unwrap_err(),
        ] {
            assert_eq!(predicates(&error), ["invalid"], "{case}: {error}");
            assert!(error.to_string().contains(says), "{case}: {error}");
        }
    }
    assert!(scene.sent.take().is_empty());
    Ok(())
}

async fn refused<O: Run>(call: kinto_client::Call<'_, O>, says: &str)
where
    <O as Run>::Output: std::fmt::Debug,
{
    let error = call.await.unwrap_err();
    assert_eq!(predicates(&error), ["invalid"], "{error}");
    assert!(error.to_string().contains(says), "{says} is not said: {error}");
}

#[tokio::test]
async fn other_conditions_are_checked_before_they_are_sent() -> Outcome {
    let scene = Scene::new().await;
    let get = || scene.todos.get_records::<Value>();
    let [early, late] = [5, 6].map(Timestamp::from_millis);
    refused(get().page_size(0), "page").await;
    refused(get().page_size(0).lenient(), "page").await;
    refused(get().since(late).before(early), "later than 6").await;
    refused(get().since(early).before(early), "later than 5").await;
    refused(get().since(late).before(early).count(), "later than 6").await;
    refused(scene.todos.delete_all_records().since(late).before(early), "later than 6").await;
    refused(get().sort(Sort::asc("foo-bar")), "foo-bar").await;
    refused(get().sort(Sort::desc("")), "\"\"").await;
    refused(get().sort(Sort::asc("a,b")), "a,b").await;
    refused(get().sort(Sort::asc("-a")), "-a").await;
    refused(get().limit(3).count(), "limit").await;
    refused(get().select_as::<Value>(), "Value").await;
    refused(get().select_as::<Vec<u8>>(), "Vec").await;
    assert!(scene.sent.take().is_empty());
    Ok(())
}

#[tokio::test]
async fn a_limit_of_nothing_is_refused() -> Outcome {
    let scene = Scene::new().await;
    let none = || scene.todos.get_records::<Value>().limit(0);
    let streamed = none().stream().next().await.expect("an error").unwrap_err();
    let paged = none().pages().next().await.expect("an error").unwrap_err();
    for error in [streamed, paged] {
        assert_eq!(predicates(&error), ["invalid"], "{error}");
    }
    refused(none(), "limit of 0").await;
    refused(none().lenient(), "limit of 0").await;
    refused(none().select_as::<Todo>(), "limit of 0").await;
    refused(none().if_changed_since(Timestamp::from_millis(5)), "limit of 0").await;
    assert!(scene.sent.take().is_empty());
    Ok(())
}

/// 40 records on pages of five, every third of which is done.
async fn forty(scene: &Scene) -> (Vec<String>, Vec<String>) {
    let data = |n: usize| json!({"title": format!("Todo #{n}"), "done": n.is_multiple_of(3), "n": n});
    scene.fill((0..40).map(|n| (format!("r{n:02}"), data(n)))).await;
    (0..40).map(|n| format!("r{n:02}")).partition(|id| id[1..].parse::<usize>().unwrap().is_multiple_of(3))
}

fn sorted(tombstones: &[kinto_client::Tombstone]) -> Vec<&str> {
    let mut ids: Vec<&str> = tombstones.iter().map(|tombstone| tombstone.id.as_str()).collect();
    ids.sort_unstable();
    ids
}

/// No request that deletes may do so without the filter, or go on where a page ended that is gone.
fn assert_filtered(sent: &[Sent], condition: &str) {
    for sent in sent {
        assert_eq!(sent.method, Method::DELETE);
        assert!(sent.target.contains(condition) && !sent.target.contains("_token"), "{}", sent.target);
    }
}

async fn what_matches_is_deleted_on_all_pages(backend: Backend) -> Outcome {
    let server = Server::builder().backend(backend).paginate_by(5).shared()?;
    let scene = Scene::on(server.url()).await;
    let (done, open) = forty(&scene).await;

    let deleted = scene.todos.typed::<Todo>().delete_all_records().filter(Todo::fields().done.eq(true)).await?;
    assert_eq!(sorted(&deleted), done);
    assert_eq!(scene.plain.ids(&scene.records).await, open);
    let sent = scene.sent.take();
    assert_eq!(sent.len(), 3, "{sent:?}");
    assert_filtered(&sent, "eq_done=true");

    let none = scene.todos.typed::<Todo>().delete_all_records().filter(Todo::fields().done.eq(true)).await?;
    assert_eq!(none, []);
    let kept = Filter::field("n").gt(1).and(Filter::field("n").at_most(7));
    assert_eq!(sorted(&scene.todos.delete_all_records().filter(kept.clone()).await?), ["r02", "r04", "r05", "r07"]);
    assert_eq!(scene.todos.delete_all_records().filter(kept).await?, []);
    assert_eq!(scene.plain.ids(&scene.records).await.len(), open.len() - 4);
    let rest = scene.todos.delete_all_records().filter(Filter::field("done").is_set()).await?;
    assert_eq!(rest.len(), open.len() - 4);
    assert_eq!(scene.plain.ids(&scene.records).await, [""; 0]);
    Ok(())
}

async fn what_is_of_a_time_is_deleted_on_all_pages(backend: Backend) -> Outcome {
    let server = Server::builder().backend(backend).paginate_by(5).shared()?;
    let scene = Scene::on(server.url()).await;
    forty(&scene).await;
    let time = async |id: &str| scene.todos.get_record::<Value>(id).await.map(|record| record.last_modified);
    let (early, late) = (time("r09").await?, time("r30").await?);
    scene.plain.delete(&scene.record("r20")).await;
    scene.sent.forget();

    let deleted = scene.todos.delete_all_records().since(early).before(late).await?;
    let between: Vec<String> = (10..30).filter(|n| *n != 20).map(|n| format!("r{n:02}")).collect();
    assert_eq!(sorted(&deleted), between);
    let sent = scene.sent.take();
    assert_filtered(&sent, &format!("_since={early}&_before={late}"));
    let kept: Vec<String> = (0..10).chain(30..40).map(|n| format!("r{n:02}")).collect();
    assert_eq!(scene.plain.ids(&scene.records).await, kept);
    Ok(())
}

async fn every_page_of_a_filtered_list_is_read(backend: Backend) -> Outcome {
    let server = Server::builder().backend(backend).paginate_by(5).shared()?;
    let scene = Scene::on(server.url()).await;
    let (done, open) = forty(&scene).await;
    let todos = scene.todos.typed::<Todo>();
    let f = Todo::fields();
    assert_eq!(selected(&todos, f.done.eq(true)).await, done);
    assert_eq!(selected(&todos, f.done.not(true)).await, open);
    assert_eq!(selected(&todos, f.title.is_set()).await.len(), 40);
    assert_eq!(selected(&todos, f.title.gt("Todo #").and(f.done.eq(true))).await, done);
    Ok(())
}

on_each_backend!(
    what_matches_is_deleted_on_all_pages,
    what_is_of_a_time_is_deleted_on_all_pages,
    every_page_of_a_filtered_list_is_read,
);
