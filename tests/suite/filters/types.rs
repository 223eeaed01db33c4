//! Fields of each type have the filters that the server can answer for it, and others are refused before they are sent.

use std::{borrow::Cow, collections::HashSet, sync::Arc};

use chrono::{DateTime, NaiveDate, Utc};
use kinto_client::{
    Filter, KintoRecord, Value,
    field::{Operand, Ordered, Unordered},
    json,
};
use kinto_server::Backend;
use kinto_tests::{Fixture, Outcome, on_each_backend, server_on};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{assert_each, fill, selected};
use crate::predicates;

mod seconds {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(time.as_secs())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_secs)
    }
}

#[derive(Debug, Serialize, Deserialize, KintoRecord)]
struct Typed {
    cow: Cow<'static, str>,
    boxed: Option<Box<str>>,
    day: NaiveDate,
    at: DateTime<Utc>,
    key: Uuid,
    wide: i128,
    #[serde(with = "seconds")]
    length: std::time::Duration,
    status: Status,
}

#[derive(Debug, Serialize, Deserialize)]
enum Status {
    Open,
    Closed,
}

async fn fields_of_other_crates_have_orders(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    let data = |n: u8| {
        json!({
            "cow": format!("c{n}"), "boxed": format!("b{n}"), "day": format!("2024-0{n}-01"),
            "at": format!("2024-0{n}-01T00:00:00Z"), "key": format!("0000000{n}-0000-4000-8000-000000000000"),
            "wide": i64::from(n) * 1_000_000_000_000, "length": u64::from(n) * 100, "status": if n == 2 { "Open" } else { "Closed" },
        })
    };
    fill(&fixture, [data(1), data(2), data(3)]).await;
    let f = Typed::fields();
    let day: NaiveDate = "2024-02-01".parse().unwrap();
    let at: DateTime<Utc> = "2024-02-01T00:00:00Z".parse().unwrap();
    let key: Uuid = "00000002-0000-4000-8000-000000000000".parse()?;
    let cases = [
        (f.cow.eq("c2"), "b"),
        (f.cow.ge("c2".to_owned()), "bc"),
        (f.boxed.eq("b1"), "a"),
        (f.boxed.is_in(["b1", "b3"]), "ac"),
        (f.boxed.like("B*"), "abc"),
        (f.day.gt(day), "c"),
        (f.day.le(day), "ab"),
        (f.at.lt(at), "a"),
        (f.at.ge(at), "bc"),
        (f.key.gt(key), "c"),
        (f.key.eq(key), "b"),
        (f.wide.gt(1_000_000_000_000), "bc"),
        (f.length.as_number().ge(200), "bc"),
        (f.length.as_number().lt(150.5), "a"),
        (f.length.eq_json(300), "c"),
        (f.status.as_text().like("cl*"), "ac"),
        (f.status.as_text().gt("Closed"), "b"),
        (f.status.eq(Status::Open), "b"),
    ];
    let records = fixture.todos.typed::<Typed>();
    assert_each(&records, cases).await;
    let longest = records.get_records().sort(f.length.as_number().desc()).sort(f.day.asc()).await?;
    assert_eq!(longest.iter().map(|record| record.id.as_str()).collect::<String>(), "cba");
    for filter in [f.length.as_number().gt(1).or_missing(), f.wide.lt(i128::MAX)] {
        let error = records.get_records().filter(filter).await.unwrap_err();
        assert_eq!(predicates(&error), ["invalid"], "{error}");
    }
    Ok(())
}

#[derive(Debug, Serialize, Deserialize)]
struct Bag(Vec<u8>);

impl Unordered for Bag {}

type Alias = HashSet<String>;

#[derive(Debug, Serialize, Deserialize, KintoRecord)]
struct Sets {
    tags: HashSet<String>,
    #[serde(default)]
    more: Option<Vec<HashSet<u8>>>,
    #[serde(default)]
    hidden: Option<Alias>,
    #[serde(default)]
    bag: Option<Bag>,
    #[serde(default, rename = "kebab-case")]
    kebab: Option<Alias>,
    #[serde(default)]
    list: Vec<String>,
}

/// Of 40 sets with the same elements the server found some, by their order in the list.
async fn sets_are_not_compared_as_a_whole(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    fill(&fixture, [json!({"tags": ["x", "y"], "list": ["x"]}), json!({"tags": ["y", "x"]}), json!({"tags": ["x"]})])
        .await;
    let f = Sets::fields();
    let records = fixture.todos.typed::<Sets>();
    let set = || HashSet::from(["x".to_owned(), "y".to_owned()]);
    let _ = fixture.sent.take();
    for filter in [
        f.tags.eq(set()),
        f.tags.ne(set()),
        f.tags.is_in([set()]),
        f.tags.not_in([set()]),
        f.more.eq(vec![HashSet::from([1])]),
        f.more.contains(HashSet::from([1])),
        f.hidden.eq(set()),
        f.bag.eq(Bag(vec![1])),
        f.kebab.eq(set()),
    ] {
        for error in [
            records.get_records().filter(filter.clone()).await.unwrap_err(),
            records.get_records().filter(filter.clone()).count().await.unwrap_err(),
            records.delete_all_records().filter(filter).await.unwrap_err(),
        ] {
            assert_eq!(predicates(&error), ["invalid"], "{error}");
            assert!(error.to_string().contains("contains_all"), "{error}");
        }
    }
    assert!(fixture.sent.take().is_empty());
    let cases = [(f.tags.contains_all(["x", "y"].map(str::to_owned)), "ab"), (f.list.eq(vec!["x".to_owned()]), "a")];
    assert_each(&records, cases).await;
    Ok(())
}

#[derive(Debug, Serialize, Deserialize, KintoRecord)]
struct Scripts {
    #[serde(rename = "ключ")]
    key: Option<u32>,
    größe: Option<String>,
    #[serde(rename = "名前")]
    name: Option<Vec<String>>,
    #[serde(rename = "नाम")]
    marked: Option<u8>,
}

async fn names_in_other_scripts_have_all_operators(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let fixture = Fixture::on(server.url()).await;
    let records = [
        json!({"ключ": 1, "größe": "L", "名前": ["x"], "नाम": 1}),
        json!({"ключ": 3, "größe": "S", "名前": []}),
        json!({"ключ": 2}),
    ];
    fill(&fixture, records).await;
    let (f, records) = (Scripts::fields(), fixture.todos.typed::<Scripts>());
    let cases = [
        (f.key.gt(1), "bc"),
        (f.key.le(2), "ac"),
        (f.größe.like("l"), "a"),
        (f.größe.is_missing(), "c"),
        (f.name.contains("x"), "a"),
        (f.marked.eq(1), "a"),
    ];
    assert_each(&records, cases).await;
    let sorted = records.get_records().sort(f.key.desc()).page_size(1).await?;
    assert_eq!(sorted.iter().map(|record| record.id.as_str()).collect::<String>(), "bca");
    let values = fixture.todos.typed::<Value>();
    assert_eq!(
        selected(&values, Filter::field("ключ").ge(2).and(Filter::field("größe").has_key())).await.concat(),
        "b"
    );
    Ok(())
}

on_each_backend!(
    fields_of_other_crates_have_orders,
    sets_are_not_compared_as_a_whole,
    names_in_other_scripts_have_all_operators,
);

/// With the feature `rc` of serde.
#[test]
fn shared_text_is_compared_with_text() {
    fn has_order<V: Ordered, O: Operand<V>>() {}
    has_order::<Arc<str>, &str>();
    has_order::<Option<Arc<str>>, String>();
}

/// The derive decides by a list of its own which names have operators.
#[test]
fn derive_knows_the_same_names() {
    let list = |source: &'static str| {
        let (_, list) = source.split_once("matches!(c,").expect("a list");
        list.split_once(")\n}").expect("its end").0
    };
    let [client, derive] = [
        include_str!("../../../kinto-client/src/wire/filter/name.rs"),
        include_str!("../../../kinto-derive/src/word.rs"),
    ];
    assert_eq!(list(client), list(derive));
}
