//! What goes wrong on the way, and what calls make of it.

mod accounts;
mod doubt;
mod lists;
mod matrix;
mod policy;
mod restart;
mod untried;

use std::time::Duration;

use kinto_client::{Attempt, Collection, RetryPolicy};
use kinto_tests::{Fault, Proxy, Scene, Sent};

/// So many tries, without waits.
#[derive(Clone, Copy, Debug)]
struct Tries(u32);

impl RetryPolicy for Tries {
    fn delay(&self, attempt: &Attempt) -> Option<Duration> {
        (attempt.tries < self.0).then_some(Duration::ZERO)
    }
}

/// The scene's collection through a proxy with that rule, with three tries of each request and no waits.
async fn through(scene: &Scene, rule: impl FnMut(&Sent) -> Fault + Send + 'static) -> (Proxy, Collection) {
    let proxy = Proxy::start(scene.url(), rule).await;
    let client = scene.client_at(proxy.url()).retry(Tries(3)).build().expect("a client");
    let todos = scene.todos_of(&client);
    (proxy, todos)
}

/// These faults for the first requests that write, and no fault for any other.
fn of_writes(faults: impl IntoIterator<Item = Fault>) -> impl FnMut(&Sent) -> Fault + Send {
    let mut faults: std::collections::VecDeque<Fault> = faults.into_iter().collect();
    move |sent| if sent.method == "GET" { None } else { faults.pop_front() }.unwrap_or(Fault::Pass)
}
