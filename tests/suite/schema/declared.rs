//! Settings of a collection that `#[kinto(…)]` declares.

use kinto_client::{KintoRecord, json, object::CollectionAttributes, permissions::CollectionPermissions};
use kinto_tests::{Fixture, Outcome};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(bucket = "app", collection = "todo", sort = "-dueAt", display_fields = ["title", "dueAt", "last_modified"])]
#[kinto(cache_expires = 60, attachment(enabled, required))]
#[kinto(permissions(
    read = ["system.Everyone"],
    write = ["account:alexis", "/buckets/app/groups/admins"],
    record_create = ["/buckets/app/groups/editors"],
))]
#[serde(rename_all = "camelCase")]
struct Declared {
    title: String,
    due_at: u32,
}

#[derive(Serialize, Deserialize, KintoRecord)]
struct Undeclared {
    title: String,
}

#[test]
fn declared_settings_are_returned() {
    let attributes = serde_json::to_value(Declared::collection_attributes()).unwrap();
    assert_eq!(
        attributes,
        json!({
            "sort": "-dueAt",
            "displayFields": ["title", "dueAt", "last_modified"],
            "cache_expires": 60,
            "attachment": {"enabled": true, "required": true},
        })
    );
    let expected = CollectionPermissions::default()
        .read("system.Everyone")
        .write(["account:alexis", "/buckets/app/groups/admins"])
        .record_create("/buckets/app/groups/editors");
    assert_eq!(Declared::collection_permissions(), Some(expected));
}

#[test]
fn settings_are_empty_without_declaration() {
    assert_eq!(Undeclared::collection_attributes(), CollectionAttributes::default());
    assert_eq!(Undeclared::collection_permissions(), None);
}

#[tokio::test]
async fn server_accepts_declared_settings() -> Outcome {
    let fixture = Fixture::new().await;
    let declared = fixture.bucket.collection("declared");
    let create = declared.create().data(Declared::collection_attributes());
    create.permissions(|_| Declared::collection_permissions().unwrap()).await?;
    let path = format!("/buckets/{}/collections/declared", fixture.bucket.id());
    assert_eq!(fixture.plain.held(&path).await, serde_json::to_value(Declared::collection_attributes())?);
    let permissions = fixture.plain.permissions(&path).await;
    assert_eq!(permissions["read"], json!(["system.Everyone"]));
    assert_eq!(permissions["record:create"], json!(["/buckets/app/groups/editors"]));
    Ok(())
}
