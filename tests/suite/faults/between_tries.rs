//! Writes of this program that come between the tries of another one.

use std::time::Duration;

use kinto_client::{Value, json, testing::Kinto};
use kinto_tests::Outcome;
use tokio::time::sleep;

/// The version that a grant left is known to be of this program; that says nothing of the update, whose response was lost.
#[tokio::test(start_paused = true)]
async fn update_whose_response_was_lost_before_a_grant_stays_in_doubt() -> Outcome {
    let kinto = Kinto::new();
    let counters = kinto.client().bucket("default").collection("counters");
    counters.create_record(json!({"n": 0})).id("c").await?;
    let counter = counters.record::<Value>("c");
    // The reading of the update passes, and the response to its writing is lost.
    kinto.pass_next(1);
    kinto.lose_responses(1);
    let grant = async {
        sleep(Duration::from_millis(50)).await;
        counter.grant(|permissions| permissions.read("account:remy")).await
    };
    let (updated, granted) =
        tokio::join!(counter.update(|data| data["n"] = json!(data["n"].as_u64().unwrap_or(0) + 1)), grant);
    granted?;
    let error = updated.expect_err("it may have been another client");
    assert!(error.is_conflict() && error.may_have_been_applied(), "{error}");
    assert_eq!(counters.get_record::<Value>("c").await?.data, json!({"n": 1}));
    Ok(())
}
