//! The settings that servers are compared under, and the two servers of each.

use std::time::Duration;

use bytes::Bytes;
use kinto_client::testing::Kinto;
use kinto_server::{Backend, Server};
use serde_json::Value;

use crate::concrete::Person;
use crate::side::Side;
use crate::step::{PEOPLE, Who};

/// Settings, and how much is done under them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct World {
    pub(crate) name: &'static str,
    /// The number of sequences of 20 that run here.
    share: usize,
    /// The number of pairs of servers. Each runs one sequence at a time: two that write one list, as all do the
    /// list of buckets, would meet conflicts by chance.
    pub(crate) pairs: usize,
    /// The number of objects in a page.
    page: Option<u32>,
    /// The largest number of parts in a batch.
    pub(crate) batch: u32,
    /// The author of an object may write it.
    pub(crate) is_explicit: bool,
    special: Special,
}

/// The settings of a world that few requests depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Special {
    Nothing,
    Readonly,
    NoPlugins,
    /// All that have logged in may read and write all accounts, and the end of the service has been announced.
    Ending,
}

const PAGED: World = World {
    name: "paged",
    share: 12,
    pairs: 2,
    page: Some(5),
    batch: 10,
    is_explicit: true,
    special: Special::Nothing,
};

pub(crate) const WORLDS: [World; 6] = [
    PAGED,
    World { name: "implicit", share: 3, pairs: 1, is_explicit: false, ..PAGED },
    World { name: "default", share: 2, pairs: 1, page: None, batch: 25, ..PAGED },
    World { name: "readonly", share: 1, pairs: 1, page: None, batch: 25, special: Special::Readonly, ..PAGED },
    World { name: "plain", share: 1, pairs: 1, special: Special::NoPlugins, ..PAGED },
    World { name: "ending", share: 1, pairs: 1, special: Special::Ending, ..PAGED },
];

const END: (&str, &str) = ("Say goodbye", "https://kinto.example/end");

impl World {
    /// The world of the sequence with that number.
    pub(crate) fn of(number: u64) -> &'static Self {
        // All have their share among the first already.
        let mut at = usize::try_from(number.wrapping_mul(7) % 20).expect("below 20");
        let world = WORLDS.iter().find(|world| {
            let is_here = at < world.share;
            at = at.saturating_sub(world.share);
            is_here
        });
        world.expect("the shares are 20 in all")
    }

    /// Returns true if all that have logged in may read and write all accounts.
    pub(crate) fn has_administrators(&self) -> bool {
        self.special == Special::Ending
    }

    /// Starts a real server.
    fn server(&self) -> Result<Server, kinto_server::Error> {
        let mut builder = Server::builder().backend(Backend::PostgreSql).workers(1).batch_max_requests(self.batch);
        if let Some(objects) = self.page {
            builder = builder.paginate_by(objects);
        }
        if !self.is_explicit {
            builder = builder.setting("kinto.explicit_permissions", "false");
        }
        builder = match self.special {
            Special::Nothing => builder,
            Special::Readonly => builder.setting("kinto.readonly", "true"),
            Special::NoPlugins => builder
                .setting("kinto.includes", "kinto.plugins.flush")
                .setting("multiauth.policies", "basicauth")
                .setting("kinto.experimental_permissions_endpoint", "false")
                .setting("kinto.experimental_collection_schema_validation", "false")
                .setting("kinto.backoff", "7")
                .setting("kinto.retry_after_seconds", "9"),
            Special::Ending => builder
                .setting("kinto.account_read_principals", "system.Authenticated")
                .setting("kinto.account_write_principals", "system.Authenticated")
                .setting("kinto.eos", "2099-01-01")
                .setting("kinto.eos_message", END.0)
                .setting("kinto.eos_url", END.1),
        };
        builder.start()
    }

    /// Makes one in memory. The settings are those of the real one, whose plugins are those of the tests.
    pub(crate) fn fake(&self) -> Kinto {
        let mut builder = Kinto::builder()
            .batch_max_requests(self.batch as usize)
            .explicit_permissions(self.is_explicit)
            .readonly(self.special == Special::Readonly);
        if let Some(objects) = self.page {
            builder = builder.paginate_by(objects as usize);
        }
        builder = match self.special {
            Special::Nothing | Special::Readonly => builder,
            Special::NoPlugins => builder
                .accounts(false)
                .default_bucket(false)
                .history(false)
                .permissions_endpoint(false)
                .schemas(false)
                .backoff(Duration::from_secs(7))
                .retry_after(Duration::from_secs(9)),
            Special::Ending => builder
                .allow("account_read", ["system.Authenticated"])
                .allow("account_write", ["system.Authenticated"])
                .soft_end_of_service(END.0, END.1),
        };
        builder.build()
    }
}

/// The two servers, and how each of them knows the people.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) sides: [Side; 2],
    pub(crate) people: [Vec<Person>; 2],
}

impl Pair {
    /// Starts both.
    pub(crate) async fn start(world: &'static World) -> Result<Self, crate::Failure> {
        // The server closes a connection that has been idle for two seconds, perhaps just as it is used again.
        let idle = Duration::from_secs(1);
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(60))
            .pool_idle_timeout(idle)
            .no_proxy()
            .build()?;
        let start = move || world.server().map_err(|error| error.to_string());
        let first = Side::real(tokio::task::spawn_blocking(start).await??, http.clone());
        let second = match std::env::var("KINTO_TEST_AGAINST").as_deref() {
            Ok("server") => Side::real(tokio::task::spawn_blocking(start).await??, http),
            _ => Side::fake(world),
        };
        let second = second.forgetting(std::env::var("KINTO_TEST_FORGET").ok());
        let people = [people(&first).await, people(&second).await];
        Ok(Self { sides: [first, second], people })
    }
}

async fn people(side: &Side) -> Vec<Person> {
    let mut people = Vec::new();
    for number in 0..PEOPLE.len() {
        let request = http::Request::get(format!("{}/v1/", side.origin()));
        let request = request.header("authorization", Who::Person(number).authorization().expect("credentials"));
        let answer = side.send(request.body(Bytes::new()).expect("a request")).await;
        let body: Value = serde_json::from_slice(&answer.body).expect("JSON");
        let text = |name: &str| body["user"][name].as_str().map(str::to_owned);
        let principal = text("id").expect("a principal");
        // Without the plugin of the default bucket nobody has one.
        people.push(Person { bucket: text("bucket").unwrap_or_else(|| format!("none-of-{number}")), principal });
    }
    people
}
