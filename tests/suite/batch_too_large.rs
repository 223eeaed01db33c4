//! What is too large together goes in parts, whatever the retry policy is.

use http::StatusCode;
use kinto_client::{Error, Never, Value, json};
use kinto_tests::{Fault, Outcome, Proxy, Scene, Sent};

use crate::{
    batch_faults::{filled, held, numbered, shown},
    batch_requests::sizes,
};

/// Nothing was done: it is the same batch, in parts.
#[tokio::test]
async fn a_batch_that_is_too_large_for_the_server_goes_in_parts_whatever_the_policy_is() -> Outcome {
    // A proxy with a limit to sizes, and a server that takes fewer at a time than it says.
    for (status, most) in [(400, 4), (413, 4), (413, 1)] {
        let scene = Scene::new().await;
        let rule = move |sent: &Sent| {
            let too_many = sent.is_batch() && sent.batched().len() > most;
            let body = json!({"code": status, "errno": 107, "error": "no"});
            if too_many { Fault::json(status, &body) } else { Fault::Pass }
        };
        let proxy = Proxy::start(scene.url(), rule).await;
        let client = scene.client_at(proxy.url()).retry(Never).build()?;
        let created = scene.todos_of(&client).create_records(numbered(0..30)).await?;
        assert_eq!(created.iter().map(shown).collect::<Vec<_>>(), held(&scene).await.into_values().collect::<Vec<_>>());
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

/// What stands before the server does not like one of them; it says so as if that was too large.
#[tokio::test]
async fn one_that_is_refused_alone_makes_no_others_wait() -> Outcome {
    let scene = Scene::new().await;
    let rule = |sent: &Sent| {
        let body = sent.body.as_str();
        if body.contains("\"odd\"") { Fault::answer(413, &[], "<html>") } else { Fault::Pass }
    };
    let proxy = Proxy::start(scene.url(), rule).await;
    let client = scene.client_at(proxy.url()).retry(Never).build()?;
    let odd = std::iter::once(json!({"n": "odd"}));
    let created = scene.todos_of(&client).create_records(odd.chain(numbered(1..60))).each().await?;
    let failed: Vec<_> = created.iter().map(|created| created.as_ref().err().and_then(Error::status)).collect();
    assert_eq!(failed[0], Some(StatusCode::PAYLOAD_TOO_LARGE));
    assert!(failed[1..].iter().all(Option::is_none), "{failed:?}");
    assert_eq!(held(&scene).await.len(), 59);
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
async fn answers_that_are_too_large_together_come_in_parts() -> Outcome {
    let scene = Scene::new().await;
    filled(&scene, 20).await;
    let client = scene.client_at(scene.url()).max_response_size(6_000).build()?;
    let todos = scene.todos_of(&client);
    let mut batch = client.batch();
    let tickets = batch.extend((0..20).map(|n| todos.get_record::<Value>(format!("n{n:02}"))));
    let done = batch.execute().await?;
    for (n, ticket) in tickets.iter().enumerate() {
        assert_eq!(done.get(ticket)?.data["n"], n);
    }
    Ok(())
}
