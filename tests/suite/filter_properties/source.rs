use std::fmt;

use kinto_client::{TypedCollection, Value, local::Store, object::RecordData};
use kinto_server::Backend;
use kinto_tests::{Fixture, server_on};
use proptest::{
    collection::vec,
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner},
};
use tokio::runtime::{Builder, Runtime};

use super::case::{Case, Held};

/// A source of cases whose every decision is that of its seed.
pub(super) struct Source {
    pub(super) name: &'static str,
    pub(super) backend: Backend,
    seed: u64,
    runner: TestRunner,
}

impl Source {
    pub(super) fn new(name: &'static str, backend: Backend, cases: u32) -> Self {
        const SEED: u64 = 20_251_123;
        let seed = std::env::var("KINTO_TEST_SEED").map_or(SEED, |seed| seed.parse().expect("a number"));
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        // A failure is reported with its seed instead of being kept in a file.
        let config = Config { cases, failure_persistence: None, max_shrink_iters: 64, ..Config::default() };
        let runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
        Self { name, backend, seed, runner }
    }

    /// One value.
    pub(super) fn one<S: Strategy>(&mut self, strategy: &S) -> S::Value {
        strategy.new_tree(&mut self.runner).expect("a value").current()
    }

    /// Generates the values of a field in this many records, of which some are missing or null.
    pub(super) fn held<T: fmt::Debug + Clone + 'static>(
        &mut self,
        value: &BoxedStrategy<T>,
        records: usize,
    ) -> Vec<Held<T>> {
        let held = prop_oneof![
            1 => Just(Held::Missing),
            1 => Just(Held::Null),
            12 => value.clone().prop_map(Held::Is),
        ];
        self.one(&vec(held, records))
    }

    /// Asks every case of a server whose records hold these, the one at each place under the id of its number.
    pub(super) fn check<R: RecordData, H: fmt::Debug>(
        mut self,
        world: &World,
        records: &TypedCollection<R>,
        held: &[H],
        cases: &BoxedStrategy<Case<R, H>>,
    ) {
        let local = world.runtime.block_on(async {
            let local = Store::in_memory().await?.bind::<R>(records.untyped()).await?;
            local.sync().await.map(|_| local)
        });
        let local = local.expect("the records in a store");
        let outcome = self.runner.run(cases, |case| {
            let expected = (0..).zip(held).filter(|(_, held)| (case.matches)(held)).map(|(place, _)| id(place));
            let expected: Vec<String> = expected.collect();
            let here = local.get_records().filter(case.filter.clone());
            let call = records.get_records().filter(case.filter).into_future();
            let found = world.runtime.block_on(call).map_err(|error| TestCaseError::fail(error.to_string()))?;
            let mut found: Vec<String> = found.into_iter().map(|record| record.id.to_string()).collect();
            let here =
                world.runtime.block_on(here.into_future()).map_err(|error| TestCaseError::fail(error.to_string()))?;
            let here: Vec<String> = here.into_iter().map(|record| record.id.to_string()).collect();
            prop_assert_eq!(&here, &found, "in a store and on the server");
            found.sort_unstable();
            if found == expected {
                return Ok(());
            }
            let wrong =
                (0..).zip(held).filter(|(place, _)| found.contains(&id(*place)) != expected.contains(&id(*place)));
            let show =
                |(place, held)| format!("\n  {} {held:?}", if found.contains(&id(place)) { "ne" } else { "also" });
            Err(TestCaseError::fail(wrong.map(show).collect::<String>()))
        });
        let Self { name, backend, seed, .. } = self;
        match outcome {
            Ok(()) => {}
            Err(TestError::Fail(reason, case)) => {
                panic!("{name} on {backend:?}, KINTO_TEST_SEED={seed}\n{case:?}\nought to select {reason}")
            }
            Err(TestError::Abort(reason)) => panic!("{name}: {reason}"),
        }
    }
}

pub(super) fn id(place: usize) -> String {
    format!("r{place:03}")
}

/// A fixture, and what it takes to be in it without async code, which proptest knows nothing of.
pub(super) struct World {
    pub(super) runtime: Runtime,
    pub(super) fixture: Fixture,
    _server: kinto_server::Server,
}

impl World {
    /// A fixture with these records.
    pub(super) fn with(backend: Backend, records: impl IntoIterator<Item = Value>) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let server = server_on(backend);
        let fixture = runtime.block_on(Fixture::on(server.url()));
        runtime.block_on(fixture.fill((0..).zip(records).map(|(place, data)| (id(place), data))));
        Self { runtime, fixture, _server: server }
    }
}
