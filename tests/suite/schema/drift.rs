//! A type, a committed file and a server, which may drift apart.

use kinto_client::{json, schema};
use kinto_tests::{Outcome, Scene};

use super::{Place, Strict, give_schema, scene_of};

#[test]
fn the_committed_schema_is_that_of_the_type() {
    kinto_client::assert_schema!(Strict, "suite/schema/strict.json");
}

#[test]
fn another_type_is_noticed() {
    let failure = std::panic::catch_unwind(|| kinto_client::assert_schema!(Place, "suite/schema/strict.json"));
    let complaint = *failure.unwrap_err().downcast::<String>().expect("a text");
    for part in [
        "the schema of `Place` (+) is not the one in suite/schema/strict.json (-):\n",
        "\n/required/0\n  - \"title\"\n  + \"city\"\n",
        "\ncity: BREAKING: new, and required\n",
        "KINTO_SCHEMA=overwrite in the environment of the test writes it anew.",
    ] {
        assert!(complaint.contains(part), "{part}\n\nis not in\n\n{complaint}");
    }
}

#[tokio::test]
async fn a_server_with_the_same_schema_has_not_drifted() -> Outcome {
    let scene = scene_of::<Strict>().await;
    let drift = scene.todos.typed::<Strict>().check_schema().await?;
    assert!(drift.is_none(), "{drift}");
    assert!(drift.evolution.is_empty());
    assert_eq!(scene.sent.take_lines(), [format!("GET /buckets/{}/collections/todos", scene.bucket.id())]);
    Ok(())
}

#[tokio::test]
async fn a_server_with_another_schema_has() -> Outcome {
    let scene = Scene::new().await;
    let todos = scene.todos.typed::<Strict>();
    let none = todos.check_schema().await?;
    assert_eq!(none.differences.len(), 1);
    assert_eq!((none.differences[0].place.as_str(), none.differences[0].stored.as_ref()), ("", None));
    assert!(none.evolution.is_breaking(), "records could have been anything");

    let mut other = schema::of::<Strict>();
    other["properties"]["title"]["maxLength"] = 20.into();
    scene.todos.patch(json!({"schema": other})).await?;
    let drift = todos.check_schema().await?;
    assert_eq!(drift.to_string(), "/properties/title/maxLength\n  - 20\n  + 8");
    assert_eq!(drift.evolution.to_string(), "title: BREAKING: `maxLength` is now 8");

    give_schema::<Strict>(&scene).await;
    assert!(todos.check_schema().await?.is_none());
    Ok(())
}

#[tokio::test]
async fn records_that_would_not_fit_are_counted_and_listed() -> Outcome {
    use futures_util::TryStreamExt as _;

    let scene = Scene::new().await;
    let record = |n: u32| {
        let title = if n.is_multiple_of(4) { json!(n) } else { json!(format!("t{n}")) };
        (format!("r{n:03}"), json!({"title": title}))
    };
    scene.fill((0..60).map(record)).await;

    let todos = scene.todos.typed::<Strict>();
    let misfits = todos.misfits().list_at_most(3).await?;
    assert_eq!((misfits.checked, misfits.count, misfits.listed.len()), (60, 15, 3));
    // In the order of their last changes.
    assert_eq!(misfits.listed[0].id, "r000");
    assert_eq!(
        misfits.listed[0].violations.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["`title`: 0 is not of type \"string\" (`type`)"]
    );
    let all: Vec<_> = todos.misfits().stream().try_collect().await?;
    assert_eq!(all.len(), 15);
    assert!(all.iter().all(|misfit| misfit.violations[0].rule == "type"));

    // What the server says of the same records.
    give_schema::<Strict>(&scene).await;
    for record in scene.todos.get_records::<kinto_client::JsonObject>().await? {
        let refused = scene.todos.patch_record::<kinto_client::Value>(record.id.as_str(), json!({})).await.is_err();
        assert_eq!(refused, all.iter().any(|misfit| misfit.id == record.id), "{}", record.id);
    }
    Ok(())
}
