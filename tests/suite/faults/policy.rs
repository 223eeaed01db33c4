//! How often, and after how long, a request is sent again.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use http::StatusCode;
use kinto_client::{Attempt, Client, Exponential, Never, RetryPolicy, Value};
use kinto_tests::{Fault, Outcome, Scene, Script, in_order};

use super::{Tries, through};
use crate::predicates;

/// Remembers what it was asked.
#[derive(Clone, Debug, Default)]
struct Asked(Arc<Mutex<Vec<Attempt>>>);

impl RetryPolicy for Asked {
    fn delay(&self, attempt: &Attempt) -> Option<Duration> {
        self.0.lock().unwrap().push(attempt.clone());
        Some(Duration::ZERO)
    }
}

#[tokio::test]
async fn a_policy_is_told_what_happened() -> Outcome {
    let scene = Scene::new().await;
    let faults = [
        Fault::CutBefore,
        Fault::answer(503, &["Retry-After: 3"], ""),
        Fault::answer(429, &["Retry-After: Wed, 21 Oct 2015 07:28:00 GMT"], ""),
        Fault::answer(502, &["Retry-After: soon"], ""),
    ];
    let (proxy, todos) = through(&scene, in_order(faults)).await;
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
async fn a_call_has_its_own_policy() -> Outcome {
    let scene = Scene::new().await;
    let busy = |times| in_order((0..times).map(|_| Fault::answer(503, &["Retry-After: 7"], "")));
    let (proxy, todos) = through(&scene, busy(9)).await;
    let error = todos.get_records::<Value>().retry(Never).await.unwrap_err();
    assert_eq!((predicates(&error), error.retry_in()), (vec!["unavailable"], Some(Duration::from_secs(7))), "{error}");
    assert_eq!(proxy.lines().len(), 1);
    assert_eq!(predicates(&todos.get_records::<Value>().await.unwrap_err()), ["unavailable"]);
    assert_eq!(proxy.lines().len(), 1 + 3, "the client's own is three tries");
    todos.get_records::<Value>().retry(Tries(6)).await?;
    assert_eq!(proxy.lines().len(), 1 + 3 + 6);
    Ok(())
}

#[tokio::test]
async fn a_server_that_flaps_is_waited_for_each_time() -> Outcome {
    let scene = Scene::new().await;
    let mut turn = 0;
    let flapping = move |_: &_| {
        turn += 1;
        if turn % 3 == 0 { Fault::Pass } else { Fault::answer(503, &[], "") }
    };
    let (proxy, todos) = through(&scene, flapping).await;
    for n in 1..=4 {
        assert_eq!(todos.get_records::<Value>().await?.len(), 0);
        assert_eq!(proxy.lines().len(), 3 * n);
    }
    Ok(())
}

#[tokio::test]
async fn a_wait_beyond_the_time_allowed_is_not_begun() -> Outcome {
    let scene = Scene::new().await;
    let century = |_: &_| Fault::answer(503, &["Retry-After: 3155760000"], "");
    let (proxy, todos) = through(&scene, century).await;
    let error = todos.get_records::<Value>().retry(Exponential::default()).await.unwrap_err();
    assert_eq!((predicates(&error), error.retry_in()), (vec!["unavailable"], Some(Duration::from_secs(3_155_760_000))));
    assert_eq!(proxy.lines().len(), 1);
    Ok(())
}

/// How long a call takes, by a clock that goes on only while all wait.
async fn waits(answer: &str, policy: impl RetryPolicy) -> (usize, Duration) {
    let script = Script::new(answer.as_bytes());
    let client = Client::builder("https://kinto.example.org/v1").transport(script.clone()).retry(policy).build();
    let started = tokio::time::Instant::now();
    client.expect("a client").server_info().await.unwrap_err();
    (script.requests().len(), started.elapsed())
}

#[tokio::test(start_paused = true)]
async fn waits_grow_and_the_servers_word_counts() {
    let (tries, waited) = waits("503\n\n", Exponential::default()).await;
    assert_eq!(tries, 5);
    assert!((Duration::from_millis(1500)..=Duration::from_millis(3010)).contains(&waited), "{waited:?}");

    let (tries, waited) = waits("503\nRetry-After: 9\n\n", Exponential::default()).await;
    assert_eq!(tries, 5);
    assert!((Duration::from_secs(36)..Duration::from_secs(37)).contains(&waited), "{waited:?}");

    let policy =
        Exponential::default().first_delay(Duration::from_secs(4)).max_delay(Duration::from_secs(5)).max_tries(3);
    let (tries, waited) = waits("cut", policy).await;
    assert_eq!(tries, 3);
    assert!((Duration::from_secs(8)..=Duration::from_millis(10_010)).contains(&waited), "{waited:?}");

    assert_eq!(waits("refused", Never).await, (1, Duration::ZERO));
    assert_eq!(waits("500\n\n", Exponential::default()).await, (1, Duration::ZERO));
}
