//! Three nodes of one PostgreSQL, two of waitress and one of gunicorn with threads, behind an nginx that sends requests again.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use kinto_server::{Error, Server};
use kinto_tests::{Fixture, Nginx};

use crate::{AtWork, Item, report, report::Report, task};

/// What happens to the nodes, in turn.
const HARMS: usize = 4;
/// How often something happens.
const EVERY: Duration = Duration::from_millis(2_500);

/// `None` where there is no nginx.
pub(crate) async fn soak(
    first: Arc<Server>,
    duration: Duration,
    seed: u64,
) -> Result<Option<Report>, Box<dyn std::error::Error>> {
    let node = || Server::builder().node_of(&first).and_then(kinto_server::Builder::start);
    let nodes = Arc::new([Arc::clone(&first), Arc::new(node()?), Arc::new(node()?)]);
    let fixture = Fixture::on(first.url()).await;
    for counter in 0..crate::SHARED {
        fixture
            .plain
            .put_data(&fixture.record(&format!("counter-{counter}")), &kinto_client::json!({"count": 0}))
            .await;
    }
    let nginx = Nginx::before(nodes.iter().map(|node| node.url()))
        .resending("http_502 http_503 http_504")
        .caching(false)
        .compressing()
        .max_body("8k")
        .location("proxy_read_timeout 3s; proxy_connect_timeout 1s;");
    let Some(nginx) = nginx.start().await else { return Ok(None) };
    let items = fixture.todos_of(&fixture.client_at(nginx.url()).timeout(task::TRY).build()?).typed::<Item>();

    let started = Instant::now();
    let at_work = AtWork::start(&items, seed, started + duration);
    let (mut memory, mut harmed, mut met) = (Vec::new(), 0, std::collections::BTreeMap::new());
    while started.elapsed() + EVERY < duration {
        tokio::time::sleep(EVERY).await;
        if harmed % 2 == 0 {
            memory.push(report::memory());
        }
        let nodes = Arc::clone(&nodes);
        let name = tokio::task::spawn_blocking(move || harm(&nodes[..], harmed)).await??;
        *met.entry(name).or_insert(0) += 1;
        harmed += 1;
    }
    let (records, tally) = at_work.end(&fixture).await;
    memory.push(report::memory());
    let answered = nginx.answered(0).await;
    met.insert("none", answered.len().try_into()?);
    for status in ["412", "413", "500", "502", "503", "504"] {
        let count = answered.iter().filter(|line| line.ends_with(status)).count();
        tally.add(status, count.try_into()?);
    }
    Ok(Some(Report { elapsed: started.elapsed(), records, tally, met, memory }))
}

fn harm(nodes: &[Arc<Server>], place: usize) -> Result<&'static str, Error> {
    let node = &nodes[place % nodes.len()];
    match place % HARMS {
        0 => node.renew_server().map(|()| "nodes renewed"),
        1 => node.restart_server().map(|()| "nodes killed"),
        2 => nodes[0].restart_database().map(|()| "restarts of the database"),
        _ => {
            node.kill_server()?;
            std::thread::sleep(Duration::from_millis(500));
            node.restart_server().map(|()| "nodes killed, and away for a while")
        }
    }
}
