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
    /// The time at which it is due.
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
fn schema_of_type_includes_comments_and_attributes() {
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
                    "description": "The time at which it is due.",
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
async fn schema_accepts_records_stamped_by_server() -> Outcome {
    let fixture = scene_of::<Described>().await;
    let todos = fixture.todos.typed::<Described>();
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
async fn strict_type_decodes_stamped_record() -> Outcome {
    let fixture = scene_of::<super::Strict>().await;
    let todos = fixture.todos.typed::<super::Strict>();
    let created = todos.create_record(super::Strict::new("Milk")).await?;
    let held = fixture.plain.object(&fixture.record(&created.id)).await;
    assert!(held["schema"].is_u64(), "{held}");

    let mut read = todos.get_record(&created.id).await?;
    assert_eq!(read.data, super::Strict::new("Milk"));
    read.data.percent = 50;
    todos.save_record(&mut read).await?;
    assert_eq!(fixture.plain.object(&fixture.record(&created.id)).await["percent"], 50);
    Ok(())
}

#[tokio::test]
async fn schema_of_recursive_type_checks_every_depth() -> Outcome {
    #[derive(Serialize, Deserialize, KintoRecord, JsonSchema)]
    #[schemars(crate = "kinto_client::schema::schemars")]
    struct Tree {
        name: String,
        #[serde(default)]
        children: Vec<Tree>,
    }

    let fixture = scene_of::<Tree>().await;
    let tree = |leaf: Value| json!({"name": "a", "children": [{"name": "b", "children": [{"name": leaf}]}]});
    fixture.todos.create_record(tree("c".into())).await?;
    let error = fixture.todos.create_record(tree(3.into())).await.unwrap_err();
    assert_eq!((error.field(), error.schema_keyword()), (Some("name"), Some("type")));
    Ok(())
}

#[tokio::test]
async fn schema_checks_declared_id() -> Outcome {
    #[derive(Debug, Serialize, Deserialize, KintoRecord, JsonSchema)]
    #[schemars(crate = "kinto_client::schema::schemars")]
    struct Named {
        #[schemars(regex(pattern = "^x"))]
        id: String,
    }

    let fixture = scene_of::<Named>().await;
    let named = fixture.todos.typed::<Named>();
    named.create_record(Named { id: "xa".to_owned() }).await?;
    let refused =
        |error: &kinto_client::Error| (error.field().map(str::to_owned), error.schema_keyword().map(str::to_owned));
    let expected = (Some("id".to_owned()), Some("pattern".to_owned()));
    let error = named.create_record(Named { id: "ya".to_owned() }).await.unwrap_err();
    assert_eq!((refused(&error), error.is_refused()), (expected.clone(), true));
    let error = named.with_schema_check().create_record(Named { id: "ya".to_owned() }).await.unwrap_err();
    assert_eq!((refused(&error), error.is_invalid()), (expected, true));
    Ok(())
}
