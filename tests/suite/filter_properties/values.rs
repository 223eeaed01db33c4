use std::fmt;

use kinto_client::{KintoRecord, field::Field};
use proptest::{collection::vec, prelude::*, sample::select};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    case::{Case, Held},
    operators::Comparable,
    source::{Source, World},
};

/// A record with one field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
pub(super) struct One<T> {
    pub(super) v: Option<T>,
}

/// Values that are stored, and others.
pub(super) fn stored_or<T: Comparable>(held: &[Held<T>], other: &BoxedStrategy<T>) -> BoxedStrategy<T> {
    let stored = held.iter().filter_map(|held| if let Held::Is(value) = held { Some(value.clone()) } else { None });
    prop_oneof![2 => select(stored.collect::<Vec<_>>()), 1 => other.clone()].boxed()
}

/// Checks a field of `T`s: that they come back as they were stored, and that each filter is what it ought to be.
pub(super) fn check_field<T: Comparable + Send + Sync + DeserializeOwned>(
    mut source: Source,
    value: &BoxedStrategy<T>,
    cases: impl Fn(Field<One<T>, Option<T>>, &BoxedStrategy<T>) -> BoxedStrategy<Case<One<T>, Held<T>>>,
) {
    let held = source.held(value, 60);
    let world = World::with(source.backend, held.iter().map(Held::record));
    let records = world.fixture.todos.typed::<One<T>>();
    let cases = cases(One::<T>::fields().v, &stored_or(&held, value));
    let (name, backend) = (source.name, source.backend);
    source.check(&world, &records, &held, &cases);

    let read = world.runtime.block_on(records.get_records().into_future()).expect("the records");
    assert_eq!(read.len(), held.len());
    for record in &read {
        let place: usize = record.id[1..].parse().expect("a place");
        let expected = if let Held::Is(value) = &held[place] { Some(value) } else { None };
        assert_eq!(record.data.v.as_ref(), expected, "{name} on {backend:?}, what is read");
    }
}

/// Text of any kind, and of those kinds that something on the way might take for something else.
pub(super) fn text() -> BoxedStrategy<String> {
    const PIECES: &str =
        ",|\"|;|'|\\|\\u002c|u002c|&|=|%|%2C|+| |\n|\t|null|true|[|]|{|}|a|B|b|é|_|*|#|?|/|.|-|0|42|日|\u{1f95b}";
    let any = any::<char>().prop_filter("PostgreSQL holds no NUL", |c| *c != '\0');
    prop_oneof![
        2 => vec(any, 0..8).prop_map(String::from_iter),
        1 => "-?[0-9]{1,20}",
        1 => "[0-9]{1,3}[.e][0-9]{1,2}",
        3 => vec(select(PIECES.split('|').collect::<Vec<_>>()), 0..5).prop_map(|pieces| pieces.concat()),
    ]
    .boxed()
}

pub(super) fn near<T: Copy + fmt::Debug + 'static>(
    special: &'static [T],
    any: impl Strategy<Value = T> + 'static,
) -> BoxedStrategy<T> {
    prop_oneof![select(special), any].boxed()
}

pub(super) const INTEGERS: &[i64] = &[
    i64::MIN,
    i64::MIN + 1,
    -9_007_199_254_740_993,
    -9_007_199_254_740_992,
    -1,
    0,
    1,
    42,
    9_007_199_254_740_992,
    9_007_199_254_740_993,
    i64::MAX - 1,
    i64::MAX,
];

pub(super) const UNSIGNED: &[u64] =
    &[0, 1, 9_007_199_254_740_993, (1 << 63) - 1, 1 << 63, (1 << 63) + 1, u64::MAX - 1, u64::MAX];

pub(super) const FLOATS: &[f64] =
    &[0.0, -0.0, 0.1, 0.3, 1.0, -1.5, 1e22, 1e23, 1e-7, 1e-300, 5e-324, 1e300, f64::MIN, f64::MAX];
