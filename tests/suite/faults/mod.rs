//! Faults of the network, and their effects on calls.

mod accounts;
mod between_tries;
mod hidden;
mod lists;
mod lost_responses;
mod matrix;
mod partial;
mod policy;
mod restart;
mod without_retries;

use std::time::Duration;

use kinto_client::{
    Collection,
    retry::{RetryPolicy, RetryState},
};
use kinto_tests::{Fault, Fixture, Proxy, SentRequest};

/// A policy with this many tries and without delays.
#[derive(Clone, Copy, Debug)]
struct Tries(u32);

impl RetryPolicy for Tries {
    fn delay(&self, attempt: &RetryState) -> Option<Duration> {
        (attempt.tries < self.0).then_some(Duration::ZERO)
    }
}

/// The fixture's collection through a proxy with that rule, with three tries of each request and no waits.
async fn through(fixture: &Fixture, rule: impl FnMut(&SentRequest) -> Fault + Send + 'static) -> (Proxy, Collection) {
    let proxy = Proxy::start(fixture.url(), rule).await;
    let client = fixture.client_at(proxy.url()).retry(Tries(3)).build().expect("a client");
    let todos = fixture.todos_of(&client);
    (proxy, todos)
}

/// Injects these faults into the first write requests, and none into any other.
fn of_writes(faults: impl IntoIterator<Item = Fault>) -> impl FnMut(&SentRequest) -> Fault + Send {
    let mut faults: std::collections::VecDeque<Fault> = faults.into_iter().collect();
    move |sent| if sent.method == "GET" { None } else { faults.pop_front() }.unwrap_or(Fault::Pass)
}
