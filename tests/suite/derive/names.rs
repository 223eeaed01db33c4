//! The names on the wire are those that serde makes.

use kinto_client::field::{Field, Opaque, PlainField};
use kinto_client::{KintoRecord, object::RecordData};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
struct TodoItem {
    title: String,
    due_at: Option<u32>,
    #[serde(rename = "type")]
    kind: u8,
    #[serde(rename = "a.b")]
    dotted: u8,
    #[serde(with = "codec", rename = "coded")]
    coded: bool,
    #[serde(skip_serializing_if = "Option::is_none", default, alias = "id")]
    note: Option<String>,
}

/// The functions that serde requires.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
mod codec {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(on: &bool, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8((*on).into())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
        Ok(u8::deserialize(deserializer)? != 0)
    }
}

#[derive(Serialize, Deserialize, KintoRecord)]
struct Raw {
    r#type: String,
    r#match: Option<bool>,
    id: String,
    last_modified: u64,
}

#[derive(Clone, Serialize, Deserialize, KintoRecord)]
#[serde(into = "Other", from = "Other")]
struct Converted {
    id: String,
}

#[derive(Serialize, Deserialize)]
struct Other(String);

impl From<Converted> for Other {
    fn from(converted: Converted) -> Self {
        Self(converted.id)
    }
}

impl From<Other> for Converted {
    fn from(other: Other) -> Self {
        Self { id: other.0 }
    }
}

#[derive(Serialize, Deserialize, KintoRecord)]
#[serde(tag = "kind", deny_unknown_fields)]
struct Empty {}

#[test]
fn handles_use_serde_names() {
    let f = TodoItem::fields();
    let _: Field<TodoItem, String> = f.title;
    let _: PlainField<TodoItem, Option<u32>> = f.due_at;
    let _: Field<TodoItem, u8> = f.kind;
    let _: Field<TodoItem, Opaque<bool>> = f.coded;
    let _: Field<TodoItem, Option<String>> = f.note;
    let _: Field<Raw, String> = Raw::fields().r#type;
    let _: Field<Raw, Option<bool>> = Raw::fields().r#match;
    let _ = (Converted::fields(), Empty::fields());
    assert_eq!(TodoItem::COLLECTION, "todo_item");
    assert_eq!(TodoItem::BUCKET, "default");
    assert_eq!(TodoItem::DECLARES, ["id"]);
    assert_eq!(Raw::DECLARES, ["id", "last_modified"]);
    assert_eq!(Empty::COLLECTION, "empty");
}
