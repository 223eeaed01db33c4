//! A type, a committed file and a server, which may drift apart.

use kinto_client::{json, schema};
use kinto_tests::{Fixture, Outcome};

use super::{Place, Strict, give_schema, scene_of};

#[test]
fn assert_schema_passes_when_file_is_current() {
    kinto_client::assert_schema!(Strict, "suite/schema/strict.json");
}

#[test]
fn assert_schema_fails_when_type_differs() {
    let failure = std::panic::catch_unwind(|| kinto_client::assert_schema!(Place, "suite/schema/strict.json"));
    let complaint = *failure.unwrap_err().downcast::<String>().expect("a text");
    for part in [
        "the schema of `Place` (+) is not the one in suite/schema/strict.json (-):\n",
        "\n/required/0\n  - \"title\"\n  + \"city\"\n",
        "\ncity: BREAKING: new, and required\n",
        "KINTO_SCHEMA=overwrite in the environment of the test writes the file.",
    ] {
        assert!(complaint.contains(part), "{part}\n\nis not in\n\n{complaint}");
    }
}

#[tokio::test]
async fn check_schema_returns_none_when_schemas_are_equal() -> Outcome {
    let fixture = scene_of::<Strict>().await;
    let drift = fixture.todos.typed::<Strict>().check_schema().await?;
    assert!(drift.is_none(), "{drift}");
    assert!(drift.evolution.is_empty());
    assert_eq!(fixture.sent.take_lines(), [format!("GET /buckets/{}/collections/todos", fixture.bucket.id())]);
    Ok(())
}

#[tokio::test]
async fn check_schema_returns_differences_when_schemas_differ() -> Outcome {
    let fixture = Fixture::new().await;
    let todos = fixture.todos.typed::<Strict>();
    let none = todos.check_schema().await?;
    assert_eq!(none.differences.len(), 1);
    assert_eq!((none.differences[0].place.as_str(), none.differences[0].stored.as_ref()), ("", None));
    assert!(none.evolution.is_breaking(), "records could have been anything");

    let mut other = schema::of::<Strict>();
    other["properties"]["title"]["maxLength"] = 20.into();
    fixture.todos.patch(json!({"schema": other})).await?;
    let drift = todos.check_schema().await?;
    assert_eq!(drift.to_string(), "/properties/title/maxLength\n  - 20\n  + 8");
    assert_eq!(drift.evolution.to_string(), "title: BREAKING: `maxLength` is now 8");

    give_schema::<Strict>(&fixture).await;
    assert!(todos.check_schema().await?.is_none());
    Ok(())
}

#[tokio::test]
async fn find_invalid_counts_and_lists_records() -> Outcome {
    use futures_util::TryStreamExt as _;

    let fixture = Fixture::new().await;
    let record = |n: u32| {
        let title = if n.is_multiple_of(4) { json!(n) } else { json!(format!("t{n}")) };
        (format!("r{n:03}"), json!({"title": title}))
    };
    fixture.fill((0..60).map(record)).await;

    let todos = fixture.todos.typed::<Strict>();
    let find_invalid = todos.find_invalid().list_at_most(3).await?;
    assert_eq!((find_invalid.checked, find_invalid.count, find_invalid.listed.len()), (60, 15, 3));
    // In the order of their last changes.
    assert_eq!(find_invalid.listed[0].id, "r000");
    assert_eq!(
        find_invalid.listed[0].violations.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["`title`: 0 is not of type \"string\" (`type`)"]
    );
    let all: Vec<_> = todos.find_invalid().stream().try_collect().await?;
    assert_eq!(all.len(), 15);
    assert!(all.iter().all(|misfit| misfit.violations[0].rule == "type"));

    // What the server says of the same records.
    give_schema::<Strict>(&fixture).await;
    for record in fixture.todos.get_records::<kinto_client::JsonObject>().await? {
        let refused = fixture.todos.patch_record::<kinto_client::Value>(record.id.as_str(), json!({})).await.is_err();
        assert_eq!(refused, all.iter().any(|misfit| misfit.id == record.id), "{}", record.id);
    }
    Ok(())
}
