//! Retry policies: the number of tries and the delays between them.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use http::StatusCode;
use kinto_client::{
    Client, Value,
    retry::{ExponentialBackoff, NeverRetry, RetryPolicy, RetryState},
};
use kinto_tests::{Fault, Fixture, Outcome, Script, in_order};

use super::{Tries, through};
use crate::predicates;

/// Remembers what it was asked.
#[derive(Clone, Debug, Default)]
struct Asked(Arc<Mutex<Vec<RetryState>>>);

impl RetryPolicy for Asked {
    fn delay(&self, attempt: &RetryState) -> Option<Duration> {
        self.0.lock().unwrap().push(attempt.clone());
        Some(Duration::ZERO)
    }
}

#[tokio::test]
async fn retry_policy_receives_state_of_tries() -> Outcome {
    let fixture = Fixture::new().await;
    let faults = [
        Fault::CutBefore,
        Fault::answer(503, &["Retry-After: 3"], ""),
        Fault::answer(429, &["Retry-After: Wed, 21 Oct 2015 07:28:00 GMT"], ""),
        Fault::answer(502, &["Retry-After: soon"], ""),
    ];
    let (proxy, todos) = through(&fixture, in_order(faults)).await;
    let asked = Asked::default();
    todos.get_records::<Value>().retry(asked.clone()).await?;
    let told: Vec<_> = asked.0.lock().unwrap().iter().map(|a| (a.tries, a.status, a.retry_after)).collect();
    let [unavailable, many, gateway] = [503, 429, 502].map(|status| StatusCode::from_u16(status).ok());
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    assert_eq!(told, [(1, None, None), (2, unavailable, seconds(3)), (3, many, seconds(0)), (4, gateway, None)]);
    assert_eq!(proxy.lines().len(), 5);
    Ok(())
}

#[tokio::test]
async fn call_uses_its_own_retry_policy() -> Outcome {
    let fixture = Fixture::new().await;
    let busy = |times| in_order((0..times).map(|_| Fault::answer(503, &["Retry-After: 7"], "")));
    let (proxy, todos) = through(&fixture, busy(9)).await;
    let error = todos.get_records::<Value>().retry(NeverRetry).await.unwrap_err();
    assert_eq!(
        (predicates(&error), error.retry_after()),
        (vec!["unavailable"], Some(Duration::from_secs(7))),
        "{error}"
    );
    assert_eq!(proxy.lines().len(), 1);
    assert_eq!(predicates(&todos.get_records::<Value>().await.unwrap_err()), ["unavailable"]);
    assert_eq!(proxy.lines().len(), 1 + 3, "the client's own is three tries");
    todos.get_records::<Value>().retry(Tries(6)).await?;
    assert_eq!(proxy.lines().len(), 1 + 3 + 6);
    Ok(())
}

#[tokio::test]
async fn call_retries_each_time_server_is_unavailable() -> Outcome {
    let fixture = Fixture::new().await;
    let mut turn = 0;
    let flapping = move |_: &_| {
        turn += 1;
        if turn % 3 == 0 { Fault::Pass } else { Fault::answer(503, &[], "") }
    };
    let (proxy, todos) = through(&fixture, flapping).await;
    for n in 1..=4 {
        assert_eq!(todos.get_records::<Value>().await?.len(), 0);
        assert_eq!(proxy.lines().len(), 3 * n);
    }
    Ok(())
}

#[tokio::test]
async fn retry_is_skipped_when_delay_exceeds_max_elapsed() -> Outcome {
    let fixture = Fixture::new().await;
    let century = |_: &_| Fault::answer(503, &["Retry-After: 3155760000"], "");
    let (proxy, todos) = through(&fixture, century).await;
    let error = todos.get_records::<Value>().retry(ExponentialBackoff::default()).await.unwrap_err();
    assert_eq!(
        (predicates(&error), error.retry_after()),
        (vec!["unavailable"], Some(Duration::from_secs(3_155_760_000)))
    );
    assert_eq!(proxy.lines().len(), 1);
    Ok(())
}

/// Returns the number of tries and the time of a call, by a clock that advances only while every task waits.
async fn waits(answer: &str, policy: impl RetryPolicy) -> (usize, Duration) {
    let script = Script::new(answer.as_bytes());
    let client = Client::builder("https://kinto.example.org/v1").transport(script.clone()).retry(policy).build();
    let started = tokio::time::Instant::now();
    client.expect("a client").server_info().await.unwrap_err();
    (script.requests().len(), started.elapsed())
}

#[tokio::test(start_paused = true)]
async fn retry_delays_grow_and_honour_retry_after() {
    let (tries, waited) = waits("503\n\n", ExponentialBackoff::default()).await;
    assert_eq!(tries, 5);
    assert!((Duration::from_millis(1500)..=Duration::from_millis(3010)).contains(&waited), "{waited:?}");

    let (tries, waited) = waits("503\nRetry-After: 9\n\n", ExponentialBackoff::default()).await;
    assert_eq!(tries, 5);
    assert!((Duration::from_secs(36)..Duration::from_secs(37)).contains(&waited), "{waited:?}");

    let policy = ExponentialBackoff::default()
        .first_delay(Duration::from_secs(4))
        .max_delay(Duration::from_secs(5))
        .max_tries(3);
    let (tries, waited) = waits("cut", policy).await;
    assert_eq!(tries, 3);
    assert!((Duration::from_secs(8)..=Duration::from_millis(10_010)).contains(&waited), "{waited:?}");

    assert_eq!(waits("refused", NeverRetry).await, (1, Duration::ZERO));
    assert_eq!(waits("500\n\n", ExponentialBackoff::default()).await, (1, Duration::ZERO));
}
