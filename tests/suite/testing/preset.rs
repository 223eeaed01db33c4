//! The content of a server at the start and at the end of a test.

use kinto_client::{KintoRecord, Timestamp, Value, json, testing::Kinto};
use kinto_tests::Outcome;
use serde::{Deserialize, Serialize};

use super::{stored, with_records};
use crate::Todo;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
#[kinto(bucket = "lists", collection = "todos")]
struct Listed {
    title: String,
}

#[tokio::test]
async fn dump_of_preset_is_preset_of_dump() -> Outcome {
    let all = json!({"blog": {
        "data": {"last_modified": 1, "theme": "dark"},
        "permissions": {"read": ["system.Everyone"]},
        "groups": {"editors": {"data": {"last_modified": 2, "members": ["account:mat"]}, "permissions": {}}},
        "collections": {
            "empty": {"data": {"last_modified": 3}, "permissions": {}},
            "posts": {
                "data": {"last_modified": 4, "sort": "-date"},
                "permissions": {"write": ["/buckets/blog/groups/editors"]},
                "records": {
                    "a": {"data": {"last_modified": 5, "n": [1, {"x": null}]}, "permissions": {"read": ["account:niko"]}},
                    "b": {"data": {"last_modified": 6}, "permissions": {}},
                },
            },
        },
    }});
    let kinto = Kinto::new();
    kinto.preset(all.clone())?;
    assert_eq!(kinto.dump(), all);
    let again = Kinto::new();
    again.preset(kinto.dump())?;
    assert_eq!(again.dump(), all);
    let posts = kinto.client_builder().build()?.bucket("blog").collection("posts");
    let records = posts.get_records::<Value>().await?;
    assert_eq!(records.last_modified, Timestamp::from_millis(6));
    assert_eq!(records.iter().map(|post| post.id.as_str()).collect::<Vec<_>>(), ["b", "a"]);
    Ok(())
}

#[tokio::test]
async fn preset_without_permissions_belongs_to_client() -> Outcome {
    let (kinto, todos) = with_records(&json!({"milk": {"title": "Milk"}}));
    let user = kinto.client().user().await?.cloned().map(|user| user.id);
    assert_eq!(kinto.dump()["lists"]["permissions"], json!({"write": [user]}));
    todos.update_record("milk", |todo| todo.done = true).await?;
    assert_eq!(stored(&kinto), json!({"milk": {"title": "Milk", "done": true}}));
    let other = kinto.client_as(("remy", "s3cr3t")).bucket("lists");
    assert!(other.get().await.is_err_and(|error| error.is_forbidden()));
    Ok(())
}

#[tokio::test]
async fn preset_of_default_bucket_is_that_of_client() -> Outcome {
    let kinto = Kinto::new();
    kinto.preset_records([("milk", Todo::new("Milk"))])?;
    let todos = kinto.client().typed::<Todo>();
    assert_eq!(todos.get_record("milk").await?.data, Todo::new("Milk"));
    let id = kinto.client().bucket("default").get().await?.id;
    assert_eq!(
        kinto.dump().as_object().map(|dump| dump.keys().cloned().collect::<Vec<_>>()),
        Some(vec![id.to_string()])
    );

    let without = Kinto::builder().default_bucket(false).build();
    without.preset(json!({"default": {}}))?;
    assert_eq!(without.client().bucket("default").get().await?.id.as_str(), "default");
    Ok(())
}

#[tokio::test]
async fn presets_add_to_each_other() -> Outcome {
    let kinto = Kinto::new();
    kinto.preset_records([("milk", Listed { title: "Milk".into() })])?;
    kinto.preset(json!({"lists": {"data": {"theme": "dark"}}}))?;
    kinto.preset_records((0..2).map(|n| (format!("n{n}"), Listed { title: n.to_string() })))?;
    kinto.preset(json!({"lists": {"permissions": {"read": ["system.Everyone"]}}}))?;
    assert_eq!(stored(&kinto), json!({"milk": {"title": "Milk"}, "n0": {"title": "0"}, "n1": {"title": "1"}}));
    let bucket = &kinto.dump()["lists"];
    assert_eq!(
        (&bucket["data"]["theme"], &bucket["permissions"]),
        (&json!("dark"), &json!({"read": ["system.Everyone"]}))
    );
    assert_eq!(
        kinto.client_builder().build()?.bucket("lists").collection("todos").get_records::<Value>().count().await?,
        3
    );
    Ok(())
}

#[tokio::test]
async fn preset_group_gives_its_members_permissions() -> Outcome {
    let kinto = Kinto::new();
    let remy = kinto.client_as(("remy", "s3cr3t"));
    let user = remy.user().await?.cloned().map(|user| user.id);
    let with_members = |members: Value| json!({"lists": {"permissions": {"read": ["/buckets/lists/groups/readers"]}, "groups": {"readers": {"data": {"members": members}}}}});
    kinto.preset(with_members(json!([user])))?;
    assert_eq!(remy.bucket("lists").get_group("readers").await?.members().len(), 1);
    kinto.preset(with_members(json!([])))?;
    assert!(remy.bucket("lists").get().await.is_err_and(|error| error.is_forbidden()), "it is no member any more");
    Ok(())
}

#[test]
fn preset_of_another_form_names_its_place() {
    for (preset, message) in [
        (json!([]), "the preset has to be an object in the preset, and is `[]`"),
        (json!({"a": 1}), "/buckets/a has to be an object in the preset, and is `1`"),
        (json!({"a": {"collection": {}}}), "`collection` in /buckets/a of the preset is unknown"),
        (
            json!({"a": {"collections": {"b": {"records": {"c": []}}}}}),
            "/buckets/a/collections/b/records/c has to be an object in the preset, and is `[]`",
        ),
        (
            json!({"a": {"permissions": ["b"]}}),
            "the permissions of /buckets/a in the preset are not lists of principals by name",
        ),
        (
            json!({"a": {"groups": {"b": {"data": {"last_modified": 1}}, "c": {"data": {"last_modified": 2}}, "d": {"data": {"last_modified": 1}}}}}),
            "another object has the `last_modified` of /buckets/a/groups/d in the preset",
        ),
    ] {
        let error = Kinto::new().preset(preset.clone()).unwrap_err();
        assert!(error.is_invalid() && error.to_string().starts_with(message), "{preset}: {error}");
    }
}
