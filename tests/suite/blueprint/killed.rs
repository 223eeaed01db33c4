//! Stopped at any request of a plan, and made again: the end is the same.

use std::time::Duration;

use kinto_client::retry::{RetryPolicy, RetryState};
use kinto_server::Backend;
use kinto_tests::{Fault, Gate, Outcome, Proxy, TestUser, on_each_backend, server_on};

use super::{applied, at_request, at_write, blueprint, dump, two};

on_each_backend!(
    new_plan_completes_after_kill_before_request,
    new_plan_completes_after_kill_after_request,
    apply_succeeds_when_response_is_lost,
    apply_reports_steps_when_response_is_lost
);

/// Sends nothing again whose answer was lost.
#[derive(Debug)]
struct OnlyCollisions;

impl RetryPolicy for OnlyCollisions {
    fn delay(&self, attempt: &RetryState) -> Option<Duration> {
        attempt.status.filter(|status| status.as_u16() == 409).map(|_| Duration::from_millis(10))
    }
}

async fn new_plan_completes_after_kill_before_request(backend: Backend) -> Outcome {
    killed(backend, Fault::Hold).await
}

async fn new_plan_completes_after_kill_after_request(backend: Backend) -> Outcome {
    killed(backend, Fault::HoldAnswer).await
}

async fn killed(backend: Backend, fault: fn(Gate) -> Fault) -> Outcome {
    let server = server_on(backend);
    let me = TestUser::new(server.url(), "me").await;
    for place in 0.. {
        let names = two();
        let (blueprint, gate) = (blueprint(&names), Gate::default());
        let held = gate.clone();
        let proxy = Proxy::start(server.url(), at_request(place, move || fault(held.clone()))).await;
        let client = me.client_at(proxy.url()).build()?;
        let finished = tokio::select! {
            done = async { client.plan(&blueprint).await?.apply().await } => { done?; true }
            () = gate.arrival() => false,
        };
        let arrived = proxy.lines();
        // Its connections too: nothing of what it was doing goes on.
        drop(proxy);
        if finished {
            // The server's information, 8 looks for the plan, 2 of whether a bucket is hidden, 8 looks before it is
            // applied, and 11 writes.
            assert_eq!(place, 30, "{arrived:?}");
            return Ok(());
        }
        me.client.plan(&blueprint).await?.apply().await?;
        assert_eq!(dump(&me.plain, &names).await, applied(me.principal().as_str()), "killed at {place}: {arrived:?}");
        assert!(me.client.plan(&blueprint).await?.is_empty());
    }
    Ok(())
}

async fn apply_succeeds_when_response_is_lost(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let me = TestUser::new(server.url(), "me").await;
    for place in 0..11 {
        let names = two();
        let proxy = Proxy::start(server.url(), at_write(place, || Fault::CutAfter)).await;
        let client = me.client_at(proxy.url()).build()?;
        client.plan(&blueprint(&names)).await?.apply().await?;
        assert_eq!(dump(&me.plain, &names).await, applied(me.principal().as_str()), "{place}: {:?}", proxy.lines());
        assert!(proxy.lines().len() > 30, "it was sent again");
    }
    Ok(())
}

async fn apply_reports_steps_when_response_is_lost(backend: Backend) -> Outcome {
    let server = server_on(backend);
    let me = TestUser::new(server.url(), "me").await;
    for place in 0..11 {
        let names = two();
        let proxy = Proxy::start(server.url(), at_write(place, || Fault::CutAfter)).await;
        let client = me.client_at(proxy.url()).retry(OnlyCollisions).build()?;
        let error = client.plan(&blueprint(&names)).await?.apply().await.unwrap_err();
        assert!(error.is_connect() && error.may_have_been_applied(), "{error}");
        let said = error.to_string();
        let (done, left) = said.split_once("; steps not done: ").expect("what was done, and what was not");
        assert_eq!(done.split("steps done: ").nth(1).expect("what was done") == "nothing", place == 0, "{said}");
        let left = left.strip_suffix("; make a new plan for the rest and apply it").expect("what to do");
        assert_eq!(left.split(", ").count(), 11 - place, "{said}");
        me.client.plan(&blueprint(&names)).await?.apply().await?;
        assert_eq!(dump(&me.plain, &names).await, applied(me.principal().as_str()));
    }
    Ok(())
}
