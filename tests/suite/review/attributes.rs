//! The signer's attributes survive what changes others of the collection.

use kinto_client::{
    blueprint::{Blueprint, BucketSpec, CollectionSpec},
    json,
    object::CollectionAttributes,
};
use kinto_server::Backend;
use kinto_tests::{Outcome, Signed, on_each_backend};

use super::{refused, review};
use crate::predicates;

on_each_backend!(changes_of_attributes_keep_the_review);

async fn changes_of_attributes_keep_the_review(backend: Backend) -> Outcome {
    let signed = Signed::new(backend).await;
    signed.put("a", &json!({"n": 1})).await;
    review(&signed, &signed.editor).request_review().comment("please").await?;
    let tracked = async || {
        let mut held = signed.held().await;
        let fields = held.as_object_mut().expect("an object");
        fields.retain(|name, _| name == "status" || name.starts_with("last_") && name != "last_modified");
        held
    };
    let before = tracked().await;
    assert_eq!((before["status"].as_str(), before.as_object().map(serde_json::Map::len)), (Some("to-review"), Some(8)));
    let collection = signed.of(&signed.outsider.client);

    let mut object = collection.get().await?;
    object.data.sort = Some("-n".to_owned());
    collection.save(&mut object).await?;
    collection.update(|attributes| attributes.cache_expires = Some(5)).await?;
    collection.patch(json!({"displayFields": ["n"]})).await?;
    collection.merge_patch(json!({"own": {"a": 1}})).await?;
    collection.json_patch(kinto_client::object::JsonPatch::new().add(["other"], 7)).await?;
    collection.grant(|permissions| permissions.read("system.Everyone")).await?;
    let spec = CollectionSpec::new().attributes(json!({"uiSchema": {"a": 1}}));
    let blueprint = Blueprint::new().bucket("workspace", BucketSpec::new().collection(&*signed.id, spec));
    signed.outsider.client.plan(&blueprint).await?.apply().await?;
    assert_eq!(tracked().await, before);
    let held = signed.held().await;
    assert_eq!(
        [
            &held["sort"],
            &held["cache_expires"],
            &held["displayFields"],
            &held["own"],
            &held["other"],
            &held["uiSchema"]
        ],
        [&json!("-n"), &json!(5), &json!(["n"]), &json!({"a": 1}), &json!(7), &json!({"a": 1})]
    );
    Ok(())
}

#[tokio::test]
async fn overwrite_of_attributes_is_refused_with_advice() -> Outcome {
    let signed = Signed::new(Backend::PostgreSql).await;
    signed.put("a", &json!({"n": 1})).await;
    let before = signed.held().await;
    let collection = signed.of(&signed.outsider.client);
    for (error, message) in [
        (collection.overwrite(CollectionAttributes::default()).await.unwrap_err(), "Cannot remove status"),
        (collection.merge_patch(json!({"status": null})).await.unwrap_err(), "Cannot remove status"),
        (
            collection.patch(json!({"last_edit_by": "account:me"})).await.unwrap_err(),
            "Cannot change <TRACKING_FIELDS.LAST_EDIT_BY: 'last_edit_by'>",
        ),
    ] {
        assert_eq!((predicates(&error), refused(&error)), (vec!["refused"], (400, message)));
        assert!(error.to_string().contains("`save`, `update` and `patch` keep them, `overwrite` does not"), "{error}");
    }
    assert_eq!(signed.held().await, before);
    Ok(())
}

/// The signer changes a collection after its creation, and says nothing of it in the response.
#[tokio::test]
async fn created_collection_is_read_again_before_it_is_saved() -> Outcome {
    let signed = Signed::new(Backend::PostgreSql).await;
    let id = kinto_server::unique("c");
    let client = kinto_client::Client::builder(signed.url()).auth(("admin", "admin")).build()?;
    let collection = client.bucket("workspace").collection(&id);
    let mut created = collection.create().await?;
    assert!(!created.data.other.contains_key("status"));
    created.data.sort = Some("n".to_owned());
    assert_eq!(predicates(&collection.save(&mut created).await.unwrap_err()), ["conflict"]);
    let mut read = collection.get().await?;
    read.data.sort = Some("n".to_owned());
    collection.save(&mut read).await?;
    assert_eq!(collection.get().await?.data.other["status"], "signed");
    Ok(())
}
