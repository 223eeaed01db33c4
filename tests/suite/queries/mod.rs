//! Whatever a query says, every way of asking it gives what the documentation says of it: generated records, filters and
//! orders are asked of a real server by all ends of a list, by name and by the fields of a struct, and of a store that has the
//! same records, and held against the evaluator of this workspace.
//!
//! Left out is where the documentation says that the backends differ, or that a number is not stored as it was sent.
//!
//! Everything is decided by a seed, which a failure names: `KINTO_TEST_SEED` sets another, and `KINTO_TEST_QUERIES` how
//! many queries are asked of each backend.

use kinto_client::{Filter, Sort, Value, object::RecordData};
use kinto_server::Backend;
use kinto_tests::{
    Chance, Fixture,
    evaluator::{Condition, Key, Stored, Test, evaluate},
    server_on,
};

mod generate;
mod long;
mod readers;
mod typed;

use generate::Generator;

/// How many records there are at a time, and how many queries are asked of them.
const RECORDS: usize = 40;
const QUERIES: usize = 50;

/// A query, and what it ought to give.
pub(crate) struct Case<'a, T> {
    filter: Option<Filter<T>>,
    sort: Vec<Sort<T>>,
    expected: Vec<&'a str>,
}

/// A way to ask: of JSON by names, or of a struct by its fields.
trait Asker {
    type Of: RecordData;

    fn record(generator: &mut Generator) -> Value;
    fn filter(generator: &mut Generator, stored: &[Stored]) -> Vec<Condition>;
    fn sort(generator: &mut Generator) -> Vec<Key>;
    fn asked(condition: &Condition) -> Filter<Self::Of>;
    fn sorted(key: &Key) -> Sort<Self::Of>;
}

struct ByName;

impl Asker for ByName {
    type Of = Value;

    fn record(generator: &mut Generator) -> Value {
        generator.record()
    }

    fn filter(generator: &mut Generator, stored: &[Stored]) -> Vec<Condition> {
        generator.filter(stored)
    }

    fn sort(generator: &mut Generator) -> Vec<Key> {
        generator.sort()
    }

    fn asked(condition: &Condition) -> Filter<Value> {
        asked(condition)
    }

    fn sorted(key: &Key) -> Sort<Value> {
        if key.descending { Sort::desc(&key.field) } else { Sort::asc(&key.field) }
    }
}

fn asked(condition: &Condition) -> Filter<Value> {
    let Condition { field, test } = condition;
    let f = Filter::field(field);
    match test {
        Test::Eq(value) if field.contains('-') => Filter::plain(field, value),
        Test::Eq(value) => f.eq(value),
        Test::Ne(value) => f.ne(value),
        Test::IsIn(values) => f.is_in(values),
        Test::NotIn(values) => f.not_in(values),
        Test::Lt(value) => f.lt(value),
        Test::Le(value) => f.le(value),
        Test::Gt(value) => f.gt(value),
        Test::Ge(value) => f.ge(value),
        Test::Like(pattern) => f.like(pattern),
        Test::HasKey => f.has_key(),
        Test::IsMissing => f.is_missing(),
        Test::ContainsAll(values) if values.len() == 1 => f.contains(&values[0]),
        Test::ContainsAll(values) => f.contains_all(values),
        Test::ContainsAny(values) => f.contains_any(values),
    }
}

async fn check<A: Asker>(backend: Backend) {
    let number = |name, default: usize| {
        std::env::var(name)
            .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
    };
    let (first, queries) = (number("KINTO_TEST_SEED", 16), number("KINTO_TEST_QUERIES", 100));
    let server = server_on(backend);
    let (mut answered, mut refused) = (0, 0);
    for seed in first..first + queries.div_ceil(QUERIES) {
        let fixture = Fixture::on(server.url()).await;
        let mut generator = Generator::new(Chance::new(seed as u64, 0), backend);
        let records: Vec<Value> = (0..RECORDS).map(|_| A::record(&mut generator)).collect();
        let mut stored = readers::store(&fixture, records).await;
        let local = readers::in_a_store(&fixture).await;
        local.sync().await.expect("a synchronization");
        for query in 0..QUERIES {
            let (filter, sort) = (A::filter(&mut generator, &stored), A::sort(&mut generator));
            let case = Case {
                filter: filter.iter().map(A::asked).reduce(Filter::and),
                sort: sort.iter().map(A::sorted).collect(),
                expected: evaluate(&stored, &filter, &sort),
            };
            let shown = format!("KINTO_TEST_SEED={seed}, {backend:?}, query {query}: {filter:?} {sort:?}");
            if readers::check(&fixture, &local, &case, generator.chance(), &shown).await {
                answered += 1;
            } else {
                refused += 1;
            }
            if generator.chance().one_in(8) {
                let expected: Vec<String> = case.expected.iter().map(|&id| id.to_owned()).collect();
                let filter = case.filter;
                stored = readers::delete(&fixture, stored, filter, expected, &shown).await;
                local.sync().await.expect("a synchronization");
            }
        }
    }
    eprintln!("{backend:?}: {answered} queries answered, {refused} refused beforehand");
    assert!(answered > refused * 5, "{answered} answered, {refused} refused");
}

macro_rules! tests {
    ($($name:ident: $asker:ty),+) => {$(
        mod $name {
            use super::*;

            #[tokio::test]
            async fn give_what_they_say_in_memory() {
                check::<$asker>(Backend::Memory).await;
            }

            #[tokio::test]
            async fn give_what_they_say_on_postgresql() {
                check::<$asker>(Backend::PostgreSql).await;
            }
        }
    )+};
}

tests!(queries_by_name: ByName, queries_by_field: typed::ByField);
