//! The schema of a type.

use std::collections::BTreeMap;

use kinto_client::{
    KintoRecord, Principal, RecordId, Timestamp, Value, json,
    schema::{self, JsonSchema},
};
use kinto_tests::Outcome;
use serde::{Deserialize, Serialize};

use super::scene_of;

/// Something to do.
///
/// It has a title.
#[derive(Serialize, Deserialize, KintoRecord, JsonSchema)]
#[schemars(crate = "kinto_client::schema::schemars")]
#[kinto(collection = "todos")]
#[serde(rename_all = "camelCase")]
struct Described {
    /// # What to do
    ///
    /// In a few words.
    #[schemars(length(min = 1, max = 80))]
    title: String,
    /// When it is due.
    due_at: Option<u32>,
    #[serde(rename = "tags", default)]
    #[schemars(inner(regex(pattern = "^[a-z]+$")))]
    labels: Vec<String>,
    #[serde(skip)]
    _cache: u8,
    #[serde(flatten)]
    about: About,
    after: Option<RecordId<Value>>,
    #[serde(default)]
    owner: Option<Principal>,
    #[serde(rename = "last_modified")]
    version: Option<Timestamp>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "kinto_client::schema::schemars")]
struct About {
    #[schemars(range(min = 0.5, max = 1.5))]
    weight: f64,
    extra: BTreeMap<String, bool>,
}

fn described() -> Described {
    Described {
        title: "Milk".to_owned(),
        due_at: None,
        labels: vec!["food".to_owned()],
        _cache: 7,
        about: About { weight: 1.0, extra: BTreeMap::from([("a".to_owned(), true)]) },
        after: Some("other".into()),
        owner: Some(Principal::account("alexis")),
        version: None,
    }
}

#[test]
fn comments_serde_and_schemars_carry_over_in_one_piece() {
    let id = json!({"type": ["string", "null"], "pattern": "^[a-zA-Z0-9][a-zA-Z0-9_-]*$"});
    assert_eq!(
        schema::of::<Described>(),
        json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "title": "Described",
            "description": "Something to do.\n\nIt has a title.",
            "type": "object",
            "properties": {
                "title": {
                    "title": "What to do",
                    "description": "In a few words.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 80,
                },
                "dueAt": {
                    "description": "When it is due.",
                    "type": ["integer", "null"],
                    "format": "uint32",
                    "minimum": 0,
                    "maximum": 4_294_967_295_u32,
                },
                "tags": {"type": "array", "items": {"type": "string", "pattern": "^[a-z]+$"}, "default": []},
                "weight": {"type": "number", "format": "double", "minimum": 0.5, "maximum": 1.5},
                "extra": {"type": "object", "additionalProperties": {"type": "boolean"}},
                "after": id,
                "owner": {"type": ["string", "null"], "minLength": 1, "default": null},
            },
            "required": ["title", "weight", "extra"],
        })
    );
}

#[tokio::test]
async fn what_the_server_stamps_breaks_nothing() -> Outcome {
    let scene = scene_of::<Described>().await;
    let todos = scene.todos.typed::<Described>();
    let mut record = todos.create_record(described()).await?;
    let mut again = todos.get_record(&record.id).await?;
    assert!(again.data.version.is_some());
    again.data.title = "Oat milk".to_owned();
    todos.save_record(&mut again).await?;
    record.data.title = "Soy milk".to_owned();
    assert!(todos.save_record(&mut record).await.is_err_and(|error| error.is_conflict()));
    Ok(())
}

#[tokio::test]
async fn a_type_that_denies_unknown_fields_reads_what_was_stamped() -> Outcome {
    let scene = scene_of::<super::Strict>().await;
    let todos = scene.todos.typed::<super::Strict>();
    let created = todos.create_record(super::Strict::new("Milk")).await?;
    let held = scene.plain.object(&scene.record(&created.id)).await;
    assert!(held["schema"].is_u64(), "{held}");

    let mut read = todos.get_record(&created.id).await?;
    assert_eq!(read.data, super::Strict::new("Milk"));
    read.data.percent = 50;
    todos.save_record(&mut read).await?;
    assert_eq!(scene.plain.object(&scene.record(&created.id)).await["percent"], 50);
    Ok(())
}

#[tokio::test]
async fn a_type_that_contains_itself_is_checked_at_every_depth() -> Outcome {
    #[derive(Serialize, Deserialize, KintoRecord, JsonSchema)]
    #[schemars(crate = "kinto_client::schema::schemars")]
    struct Tree {
        name: String,
        #[serde(default)]
        children: Vec<Tree>,
    }

    let scene = scene_of::<Tree>().await;
    let tree = |leaf: Value| json!({"name": "a", "children": [{"name": "b", "children": [{"name": leaf}]}]});
    scene.todos.create_record(tree("c".into())).await?;
    let error = scene.todos.create_record(tree(3.into())).await.unwrap_err();
    assert_eq!((error.field(), error.rule()), (Some("name"), Some("type")));
    Ok(())
}

#[tokio::test]
async fn an_id_that_the_type_declares_is_checked() -> Outcome {
    #[derive(Debug, Serialize, Deserialize, KintoRecord, JsonSchema)]
    #[schemars(crate = "kinto_client::schema::schemars")]
    struct Named {
        #[schemars(regex(pattern = "^x"))]
        id: String,
    }

    let scene = scene_of::<Named>().await;
    let named = scene.todos.typed::<Named>();
    named.create_record(Named { id: "xa".to_owned() }).await?;
    let refused = |error: &kinto_client::Error| (error.field().map(str::to_owned), error.rule().map(str::to_owned));
    let expected = (Some("id".to_owned()), Some("pattern".to_owned()));
    let error = named.create_record(Named { id: "ya".to_owned() }).await.unwrap_err();
    assert_eq!((refused(&error), error.is_refused()), (expected.clone(), true));
    let error = named.checked().create_record(Named { id: "ya".to_owned() }).await.unwrap_err();
    assert_eq!((refused(&error), error.is_invalid()), (expected, true));
    Ok(())
}
