//! Collections with a schema, whose version the server stamps each record with.

use kinto_client::{
    Value, json,
    local::{ChangePosition, ConflictPolicy},
};
use kinto_tests::Outcome;

use crate::world::{World, all, on_each_server};

on_each_server!(
    stamp_of_a_sent_record_is_no_change,
    stamp_is_no_conflict,
    record_that_was_created_twice_is_no_conflict
);

async fn set_schema(world: &World, most: u32) {
    world.remote.patch(json!({"schema": {"properties": {"text": {"maxLength": most}}}})).await.unwrap();
}

async fn stamp_of_a_sent_record_is_no_change(world: World) -> Outcome {
    set_schema(&world, 9).await;
    let notes = world.device().await;
    notes.create_record(json!({"text": "Milk"})).id("a").await?;
    let start = ChangePosition::default();
    let position = notes.changes_since(start).await?[0].position();
    assert_eq!(notes.sync().await?.sent, 1);
    assert!(notes.changes_since(position).await?.is_empty());
    set_schema(&world, 8).await;
    notes.patch_record("a", json!({"text": "Tea"})).await?;
    let position = notes.changes_since(position).await?[0].position();
    assert_eq!(notes.sync().await?.sent, 1);
    assert!(notes.changes_since(position).await?.is_empty());
    world.remote.patch_record::<Value>("a", json!({"text": "Oats"})).await?;
    assert_eq!((notes.sync().await?.received, notes.changes_since(position).await?.len()), (1, 1));
    Ok(())
}

/// What replaces a record has no stamp, and the server has given it another.
async fn stamp_is_no_conflict(world: World) -> Outcome {
    for policy in [ConflictPolicy::Manual, ConflictPolicy::PreferLocal, ConflictPolicy::PreferRemote] {
        set_schema(&world, 9).await;
        let notes = world.device().await.on_conflict(policy);
        notes.sync().await?;
        notes.overwrite_record("a", json!({"text": "Milk", "n": 1})).await?;
        notes.overwrite_record("b", json!({"text": "Milk"})).await?;
        notes.sync().await?;
        notes.overwrite_record("a", json!({"text": "Tea", "n": 1})).await?;
        notes.delete_record("b").await?;
        notes.create_record(json!({"text": "Tea"})).id("b").await?;
        set_schema(&world, 8).await;
        world.remote.patch_record::<Value>("a", json!({"n": 2})).await?;
        world.remote.patch_record::<Value>("b", json!({"n": 2})).await?;
        let report = notes.sync().await?;
        assert_eq!((report.conflicts, report.sent), (0, 2), "{policy:?}");
        let both = json!({"text": "Tea", "n": 2});
        assert_eq!(world.stored().await.into_values().collect::<Vec<_>>(), [both.clone(), both]);
        assert_eq!(all(&notes).await, world.stored().await);
    }
    Ok(())
}

async fn record_that_was_created_twice_is_no_conflict(world: World) -> Outcome {
    set_schema(&world, 9).await;
    let (one, other) = (world.device().await, world.device().await);
    for notes in [&one, &other] {
        notes.create_record(json!({"text": "same"})).id("a").await?;
    }
    one.sync().await?;
    let report = other.sync().await?;
    assert_eq!((report.conflicts, report.sent), (0, 0));
    Ok(())
}
