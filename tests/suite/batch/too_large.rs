//! Splitting a batch that is too large, independently of the retry policy.

use http::StatusCode;
use kinto_client::{Error, Value, json, retry::NeverRetry};
use kinto_tests::{Fault, Fixture, Outcome, Proxy, SentRequest};

use crate::{
    batch::faults::{filled, held, numbered, shown},
    batch::requests::sizes,
};

/// The server executed nothing, so that the parts are not a retry.
#[tokio::test]
async fn batch_is_split_when_too_large_regardless_of_policy() -> Outcome {
    // A proxy with a limit to sizes, and a server that takes fewer at a time than it says.
    for (status, most) in [(400, 4), (413, 4), (413, 1)] {
        let fixture = Fixture::new().await;
        let rule = move |sent: &SentRequest| {
            let too_many = sent.is_batch() && sent.batched().len() > most;
            let body = json!({"code": status, "errno": 107, "error": "no"});
            if too_many { Fault::json(status, &body) } else { Fault::Pass }
        };
        let proxy = Proxy::start(fixture.url(), rule).await;
        let client = fixture.client_at(proxy.url()).retry(NeverRetry).build()?;
        let created = fixture.todos_of(&client).create_records(numbered(0..30)).await?;
        assert_eq!(
            created.iter().map(shown).collect::<Vec<_>>(),
            held(&fixture).await.into_values().collect::<Vec<_>>()
        );
        let sizes = sizes(&proxy.arrived());
        let (refused, taken): (Vec<usize>, Vec<usize>) = sizes[1..].iter().partition(|size| **size > most);
        assert_eq!(taken.iter().map(|size| (*size).max(1)).sum::<usize>(), 30, "one alone is no batch: {taken:?}");
        match (status, most) {
            (413, 1) => assert_eq!(refused, [25, 13, 7, 4, 2], "what is too large is found out once"),
            (413, _) => assert_eq!(refused, [25, 13, 7], "what is too large is found out once"),
            _ => assert!(refused.len() > 3, "it may be one of them that is to blame: {refused:?}"),
        }
    }
    Ok(())
}

/// A proxy refuses one operation, with the status for a request that is too large.
#[tokio::test]
async fn single_refused_operation_does_not_delay_others() -> Outcome {
    let fixture = Fixture::new().await;
    let rule = |sent: &SentRequest| {
        let body = sent.body.as_str();
        if body.contains("\"odd\"") { Fault::answer(413, &[], "<html>") } else { Fault::Pass }
    };
    let proxy = Proxy::start(fixture.url(), rule).await;
    let client = fixture.client_at(proxy.url()).retry(NeverRetry).build()?;
    let odd = std::iter::once(json!({"n": "odd"}));
    let created = fixture.todos_of(&client).create_records(odd.chain(numbered(1..60))).each().await?;
    let failed: Vec<_> = created.iter().map(|created| created.as_ref().err().and_then(Error::status)).collect();
    assert_eq!(failed[0], Some(StatusCode::PAYLOAD_TOO_LARGE));
    assert!(failed[1..].iter().all(Option::is_none), "{failed:?}");
    assert_eq!(held(&fixture).await.len(), 59);
    let sizes = sizes(&proxy.arrived());
    assert_eq!(
        sizes.iter().filter(|size| **size == 25).count(),
        2,
        "the first, and what the server takes again: {sizes:?}"
    );
    assert!(sizes.len() < 20, "{sizes:?}");
    Ok(())
}

/// Together they are more than the client accepts, and each is not.
#[tokio::test]
async fn batch_is_split_when_response_is_too_large() -> Outcome {
    let fixture = Fixture::new().await;
    filled(&fixture, 20).await;
    let client = fixture.client_at(fixture.url()).max_response_size(6_000).build()?;
    let todos = fixture.todos_of(&client);
    let mut batch = client.batch();
    let tickets = batch.extend((0..20).map(|n| todos.get_record::<Value>(format!("n{n:02}"))));
    let done = batch.execute().await?;
    for (n, ticket) in tickets.iter().enumerate() {
        assert_eq!(done.get(ticket)?.data["n"], n);
    }
    Ok(())
}
