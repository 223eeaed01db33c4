//! A field that is selected comes out as it does where the whole record is read.

use kinto_client::{KintoRecord, Value, json};
use kinto_tests::{Fixture, Outcome};
use serde::{Deserialize, Serialize};

use crate::predicates;

/// Selects each field of a record by itself, as one of a pair, and through a struct, and compares it with the whole.
macro_rules! assert_selected {
    ($fixture:ident, $record:ident, [$($($field:ident).+),+ $(,)?]) => {{
        let whole = $fixture.todos.get_records::<$record>().await?;
        assert!(!whole.is_empty());
        let get = || $fixture.todos.get_records::<$record>();
        $(
            let f = $record::fields().$($field).+;
            for pair in whole.iter().zip(get().select((f, f)).await?) {
                let (whole, (one, same)) = (&pair.0.data.$($field).+, pair.1.data);
                assert_eq!((&one, &same), (whole, whole), "`{}` of {}", stringify!($($field).+), pair.0.raw_json());
            }
            let alone = get().select(f).await?;
            assert!(alone.iter().map(|one| &one.data).eq(whole.iter().map(|whole| &whole.data.$($field).+)));
        )+
        whole
    }};
}

fn seven() -> u8 {
    7
}

fn roman<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    Ok(if String::deserialize(deserializer)? == "V" { 5 } else { 0 })
}

/// Text that is stored backwards.
mod backwards {
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&text.chars().rev().collect::<String>())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
        Ok(String::deserialize(deserializer)?.chars().rev().collect())
    }
}

#[expect(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "serde calls it with this")]
fn as_text<S: serde::Serializer>(number: &Option<u8>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{number:?}"))
}

/// Deserialises, but not by itself.
#[derive(Clone, Debug, PartialEq, Default)]
struct Foreign(u8);

impl Serialize for Foreign {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

mod foreign {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use super::Foreign;

    pub(super) fn serialize<S: Serializer>(foreign: &Foreign, serializer: S) -> Result<S::Ok, S::Error> {
        foreign.0.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Foreign, D::Error> {
        u8::deserialize(deserializer).map(Foreign)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
#[serde(rename_all = "camelCase")]
struct Marked {
    #[serde(default)]
    done_yet: bool,
    #[serde(default = "seven")]
    days: u8,
    #[serde(default)]
    tags: Vec<String>,
    note: Option<String>,
    #[serde(default, alias = "size", alias = "width")]
    length: u32,
    #[serde(rename(serialize = "written", deserialize = "read"), default)]
    both_ways: u32,
    #[serde(skip_deserializing, default = "seven")]
    write_only: u8,
    #[serde(skip_deserializing)]
    also_write_only: u8,
    #[serde(with = "backwards", default)]
    secret: String,
    #[serde(deserialize_with = "roman", default = "seven")]
    year: u8,
    #[serde(serialize_with = "as_text")]
    told: Option<u8>,
    #[serde(with = "foreign", default)]
    foreign: Foreign,
    #[serde(default, rename = "kebab-case")]
    kebab: Option<u8>,
    any: Option<Value>,
}

#[tokio::test]
async fn select_respects_serde_attributes() -> Outcome {
    let fixture = Fixture::new().await;
    let records = [
        json!({}),
        json!({
            "doneYet": true, "days": 1, "tags": ["a"], "note": "n", "length": 3, "read": 4, "written": 5, "writeOnly": 6,
            "alsoWriteOnly": 6, "secret": "abc", "year": "V", "told": 9, "foreign": 2, "kebab-case": 8, "any": {"a": [1.5]},
        }),
        json!({"size": 10, "note": null, "any": null, "told": null, "kebab-case": null}),
        json!({"width": 11, "secret": "", "written": 1}),
    ];
    fixture.fill((0..).zip(records).map(|(place, data)| (format!("r{place}"), data))).await;
    let fields = assert_selected!(
        fixture,
        Marked,
        [done_yet, days, tags, note, length, both_ways, secret, year, told, foreign, kebab, any,]
    );
    let full = fields.iter().find(|record| record.id == "r1").expect("it is there");
    assert_eq!(
        (full.data.both_ways, full.data.secret.as_str(), full.data.year),
        (4, "cba", 5),
        "the test means something"
    );

    // With something that is read, since to ask for nothing is an error.
    let f = Marked::fields();
    let unread = fixture.todos.get_records::<Marked>().select((f.days, f.write_only, f.also_write_only)).await?;
    assert!(unread.iter().all(|unread| (unread.data.1, unread.data.2) == (7, 0)), "{unread:?}");
    fixture.sent.forget();
    fixture.todos.get_records::<Marked>().select((f.length, f.both_ways)).await?;
    let sent = fixture.sent.take_one().target;
    assert!(sent.ends_with("_fields=length%2Csize%2Cwidth%2Cread"), "{sent}");
    Ok(())
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
#[serde(default)]
struct Prefilled {
    title: String,
    #[serde(default)]
    pages: u32,
    lent: Option<String>,
    #[kinto(nested)]
    cover: Cover,
}

impl Default for Prefilled {
    fn default() -> Self {
        Self { title: "untitled".to_owned(), pages: 5, lent: Some("nobody".to_owned()), cover: Cover::plain() }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
#[serde(default = "Cover::plain")]
#[kinto(nested)]
struct Cover {
    colour: String,
    #[serde(rename(serialize = "w", deserialize = "width"))]
    width: u8,
    #[kinto(nested)]
    #[serde(alias = "back")]
    spine: Option<Spine>,
}

impl Cover {
    fn plain() -> Self {
        Self { colour: "white".to_owned(), width: 4, spine: Some(Spine { text: "?".to_owned() }) }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
#[kinto(nested)]
struct Spine {
    text: String,
}

#[tokio::test]
async fn select_respects_struct_defaults_at_any_depth() -> Outcome {
    let fixture = Fixture::new().await;
    let records = [
        json!({}),
        json!({"title": "t", "pages": 1, "lent": null, "cover": {}}),
        json!({"lent": "Ada", "cover": {"colour": "red", "width": 1, "w": 2, "spine": {"text": "s"}}}),
        json!({"cover": {"colour": "red", "back": {"text": "b"}}}),
        json!({"cover": {"spine": null}}),
    ];
    fixture.fill((0..).zip(records).map(|(place, data)| (format!("r{place}"), data))).await;
    let whole = assert_selected!(fixture, Prefilled, [title, pages, lent, cover.colour, cover.width]);
    let f = Prefilled::fields();
    let covers = fixture.todos.get_records::<Prefilled>().select((f.cover, f.cover.spine)).await?;
    for (whole, part) in whole.iter().zip(covers) {
        assert_eq!(part.data, (whole.data.cover.clone(), whole.data.cover.spine.clone()));
    }
    // What `r4` has not, has no text.
    let texts = fixture.todos.get_records::<Prefilled>().filter(f.cover.colour.eq("red")).select(f.cover.spine.text);
    let texts: Vec<String> = texts.await?.into_iter().map(|text| text.data).collect();
    assert_eq!(texts, ["b", "s"]);
    let error = fixture.todos.get_records::<Prefilled>().select(f.cover.spine.text).await.unwrap_err();
    assert_eq!(
        (predicates(&error), error.record_id(), error.field()),
        (vec!["decode"], Some("r4"), Some("cover.spine.text"))
    );
    Ok(())
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
struct Wrapped<T> {
    #[serde(default)]
    inner: T,
    list: Option<Vec<T>>,
    #[serde(with = "backwards", default)]
    secret: String,
}

#[tokio::test]
async fn select_supports_generic_records() -> Outcome {
    type WrappedNumber = Wrapped<u32>;
    let fixture = Fixture::new().await;
    fixture
        .fill(
            [("a", json!({})), ("b", json!({"inner": 7, "list": [1], "secret": "yx"}))]
                .map(|(id, data)| (id.to_owned(), data)),
        )
        .await;
    assert_selected!(fixture, WrappedNumber, [inner, list, secret]);
    Ok(())
}

/// A struct whose conversion by `Raw` is unknown to the derive.
#[derive(Clone, Debug, Serialize, Deserialize, KintoRecord)]
#[serde(try_from = "Raw")]
struct Converted {
    title: String,
}

#[derive(Deserialize)]
struct Raw {
    name: String,
}

impl TryFrom<Raw> for Converted {
    type Error = String;

    fn try_from(raw: Raw) -> Result<Self, String> {
        Ok(Self { title: raw.name })
    }
}

#[tokio::test]
async fn select_rejects_unselectable_field_before_sending() -> Outcome {
    let fixture = Fixture::new().await;
    let error = fixture.todos.get_records::<Converted>().select(Converted::fields().title).await.unwrap_err();
    assert_eq!(predicates(&error), ["invalid"], "{error}");
    assert!(error.to_string().contains("`title`") && error.to_string().contains("select_as"), "{error}");
    let error = fixture.todos.get_records::<Marked>().select(Marked::fields().write_only).await.unwrap_err();
    assert_eq!(predicates(&error), ["invalid"], "{error}");
    assert!(fixture.sent.take().is_empty());
    Ok(())
}

#[tokio::test]
async fn select_decode_error_names_path() -> Outcome {
    let fixture = Fixture::new().await;
    let f = Marked::fields();
    for (data, path) in [
        (json!({"doneYet": null}), "doneYet"),
        (json!({"doneYet": 1}), "doneYet"),
        (json!({"size": "long"}), "length"),
        (json!({"secret": 5}), "secret"),
        (json!({"year": 5}), "year"),
    ] {
        fixture.plain.put_data(&fixture.record("bad"), &data).await;
        let call = fixture.todos.get_records::<Marked>().select((f.done_yet, f.length, f.secret, f.year));
        let error = call.await.unwrap_err();
        assert_eq!((predicates(&error), error.record_id(), error.field()), (vec!["decode"], Some("bad"), Some(path)));
        assert!(fixture.todos.get_records::<Marked>().await.is_err(), "so it is with the whole: {data}");
    }
    fixture.plain.put_data(&fixture.record("bad"), &json!({"cover": 7})).await;
    let colours = fixture.todos.get_records::<Prefilled>().select(Prefilled::fields().cover.colour);
    let error = colours.await.unwrap_err();
    assert_eq!((predicates(&error), error.field()), (vec!["decode"], Some("cover")), "{error}");
    Ok(())
}

/// `alias` counts for a struct of one's own as well.
#[tokio::test]
async fn select_as_requests_all_names_of_struct() -> Outcome {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Small {
        #[serde(alias = "name")]
        title: String,
        #[serde(default = "seven")]
        days: u8,
        #[serde(rename = "a-b", with = "backwards")]
        back: String,
    }
    let fixture = Fixture::new().await;
    fixture.plain.put_data(&fixture.record("a"), &json!({"name": "Milk", "a-b": "xy"})).await;
    fixture.sent.forget();
    let read = fixture.todos.get_records::<Value>().select_as::<Small>().await?;
    assert_eq!(read[0].data, Small { title: "Milk".to_owned(), days: 7, back: "yx".to_owned() });
    let sent = fixture.sent.take_one().target;
    let mut names: Vec<&str> = sent.split_once("_fields=").expect("some").1.split("%2C").collect();
    names.sort_unstable();
    assert_eq!(names, ["a-b", "days", "name", "title"]);
    Ok(())
}
