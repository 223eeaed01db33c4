//! A filter selects the records that the same predicate in Rust selects, whatever the values: generated ones are stored
//! on a real server, and each generated filter is asked of it. These are some 600 filters on each storage backend.
//!
//! Left out is where the backends differ:
//!
//! - `like` with letters other than ASCII's in its pattern, whose case one backend knows and the other does not, and of
//!   text with several lines, where `*` ends at the end of the first to memory.
//! - Order of text where PostgreSQL sorts by a language. The server of these tests sorts by code points, as memory does.
//! - `contains` where the field may hold text or an object, which memory takes for a list of characters or of keys, and
//!   of lists and objects in the list, where PostgreSQL is content with a part of them.
//! - Floats of more than 15 digits, on either backend: the server's own parser takes one in ten of them for its neighbour,
//!   and those in batches twice.
//! - Whole floats above 2⁵³ beside integers: PostgreSQL compares them in decimal, memory as what they are.
//! - The numbers 0 and 1 beside booleans, which are the same to the memory backend in `is_in` and inside of lists.
//! - Two of `is_set` and `is_missing` in one filter, of which memory knows the last only.
//!
//! Everything is decided by a seed, which a failure names. `KINTO_TEST_SEED` sets another.

use std::{cmp::Ordering, fmt, rc::Rc};

use kinto_client::{
    Data, Filter, KintoRecord, TypedCollection, Value,
    field::{Field, Operand, Ordered},
    json,
};
use kinto_server::Backend;
use kinto_tests::{Scene, server_on};
use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    strategy::ValueTree as _,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::runtime::{Builder, Runtime};

/// What a record holds of a field.
#[derive(Clone, Debug, PartialEq)]
enum Held<T> {
    Missing,
    Null,
    Is(T),
}

impl<T> Held<T> {
    fn is(&self, predicate: impl Fn(&T) -> bool) -> bool {
        matches!(self, Self::Is(value) if predicate(value))
    }
}

impl<T: Serialize> Held<T> {
    /// Adds it to the data of a record.
    fn write(&self, data: &mut Value, field: &str) {
        match self {
            Self::Missing => {}
            Self::Null => data[field] = Value::Null,
            Self::Is(value) => data[field] = json!(value),
        }
    }

    /// The data of a record whose only field is this.
    fn record(&self) -> Value {
        let mut data = json!({});
        self.write(&mut data, "v");
        data
    }
}

type Predicate<H> = Rc<dyn Fn(&H) -> bool>;

/// A filter of records `R`, and the predicate that it ought to be on what they hold, which is an `H`.
struct Case<R, H> {
    shown: String,
    filter: Filter<R>,
    matches: Predicate<H>,
    is_presence: bool,
}

impl<R, H> Case<R, H> {
    fn new(shown: String, filter: Filter<R>, matches: impl Fn(&H) -> bool + 'static) -> Self {
        Self { shown, filter, matches: Rc::new(matches), is_presence: false }
    }

    fn presence(self) -> Self {
        Self { is_presence: true, ..self }
    }
}

impl<R, H> Clone for Case<R, H> {
    fn clone(&self) -> Self {
        let Self { shown, filter, matches, is_presence } = self;
        Self { shown: shown.clone(), filter: filter.clone(), matches: Rc::clone(matches), is_presence: *is_presence }
    }
}

impl<R, H> fmt::Debug for Case<R, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.shown, self.filter)
    }
}

/// A value of a field: anything that is compared, moved about and shown.
trait Comparable: Operand<Option<Self>> + Clone + PartialEq + fmt::Debug + Serialize + 'static {}

impl<T: Operand<Option<T>> + Clone + PartialEq + fmt::Debug + Serialize + 'static> Comparable for T {}

/// Filters that every field can have.
fn equalities<R: 'static, T: Comparable>(
    f: Field<R, Option<T>>,
    value: &BoxedStrategy<T>,
) -> BoxedStrategy<Case<R, Held<T>>> {
    let values = vec(value.clone(), 1..5);
    prop_oneof![
        4 => value.clone().prop_map(move |v| {
            Case::new(format!("eq({v:?})"), f.eq(v.clone()), move |held: &Held<T>| held.is(|held| *held == v))
        }),
        3 => value.clone().prop_map(move |v| {
            Case::new(format!("not({v:?})"), f.not(v.clone()), move |held: &Held<T>| !held.is(|held| *held == v))
        }),
        3 => values.clone().prop_map(move |vs| {
            Case::new(format!("is_in({vs:?})"), f.is_in(vs.clone()), move |held: &Held<T>| held.is(|v| vs.contains(v)))
        }),
        3 => values.prop_map(move |vs| {
            let filter = f.not_in(vs.clone());
            Case::new(format!("not_in({vs:?})"), filter, move |held: &Held<T>| !held.is(|v| vs.contains(v)))
        }),
        1 => presences(f),
    ]
    .boxed()
}

/// Filters by whether there is something, and whether that is null.
fn presences<R: 'static, T: Comparable>(f: Field<R, Option<T>>) -> BoxedStrategy<Case<R, Held<T>>> {
    let null = Case::new("eq(None)".to_owned(), f.eq(None::<T>), |held: &Held<T>| *held == Held::Null);
    let not_null = Case::new("not(None)".to_owned(), f.not(None::<T>), |held: &Held<T>| *held != Held::Null);
    let set = Case::new("is_set".to_owned(), f.is_set(), |held: &Held<T>| *held != Held::Missing).presence();
    let missing =
        Case::new("is_missing".to_owned(), f.is_missing(), |held: &Held<T>| *held == Held::Missing).presence();
    prop_oneof![Just(null), Just(not_null), Just(set), Just(missing)].boxed()
}

/// Filters that fields of numbers and text can have.
fn ranges<R: 'static, T: Comparable + PartialOrd + Ordered>(
    f: Field<R, Option<T>>,
    value: &BoxedStrategy<T>,
) -> BoxedStrategy<Case<R, Held<T>>> {
    let value = value.clone();
    prop_oneof![
        value.clone().prop_map(move |v| {
            Case::new(format!("lt({v:?})"), f.lt(v.clone()), move |held: &Held<T>| held.is(|held| *held < v))
        }),
        value.clone().prop_map(move |v| {
            Case::new(format!("at_most({v:?})"), f.at_most(v.clone()), move |held: &Held<T>| held.is(|held| *held <= v))
        }),
        value.clone().prop_map(move |v| {
            Case::new(format!("gt({v:?})"), f.gt(v.clone()), move |held: &Held<T>| held.is(|held| *held > v))
        }),
        value.clone().prop_map(move |v| {
            let filter = f.at_least(v.clone());
            Case::new(format!("at_least({v:?})"), filter, move |held: &Held<T>| held.is(|held| *held >= v))
        }),
        (value.clone(), value).prop_map(move |(from, to)| {
            let filter = f.at_least(from.clone()).and(f.lt(to.clone()));
            let matches = move |held: &Held<T>| held.is(|held| *held >= from && *held < to);
            Case::new("between".to_owned(), filter, matches)
        }),
    ]
    .boxed()
}

/// The lower bounds again, that let through what is missing too.
fn ranges_or_missing<R: 'static, T: Comparable + PartialOrd + Ordered>(
    f: Field<R, Option<T>>,
    value: &BoxedStrategy<T>,
) -> BoxedStrategy<Case<R, Held<T>>> {
    prop_oneof![
        value.clone().prop_map(move |v| {
            let filter = f.gt(v.clone()).or_missing();
            let matches = move |held: &Held<T>| *held == Held::Missing || held.is(|held| *held > v);
            Case::new("gt, or missing".to_owned(), filter, matches)
        }),
        value.clone().prop_map(move |v| {
            let filter = f.at_least(v.clone()).or_missing();
            let matches = move |held: &Held<T>| *held == Held::Missing || held.is(|held| *held >= v);
            Case::new("at_least, or missing".to_owned(), filter, matches)
        }),
    ]
    .boxed()
}

/// Filters that fields of lists can have.
fn contents<R: 'static, T: Comparable + Operand<T>>(
    f: Field<R, Option<Vec<T>>>,
    item: &BoxedStrategy<T>,
    list: &BoxedStrategy<Vec<T>>,
) -> BoxedStrategy<Case<R, Held<Vec<T>>>> {
    let (some, list) = (vec(item.clone(), 0..4), list.clone());
    prop_oneof![
        3 => item.clone().prop_map(move |v| {
            let filter = f.contains(v.clone());
            Case::new(format!("contains({v:?})"), filter, move |held: &Held<Vec<T>>| held.is(|list| list.contains(&v)))
        }),
        3 => some.clone().prop_map(move |vs| {
            let filter = f.contains_all(vs.clone());
            let all = move |list: &Vec<T>| vs.iter().all(|v| list.contains(v));
            Case::new("contains_all".to_owned(), filter, move |held: &Held<Vec<T>>| held.is(&all))
        }),
        3 => some.prop_map(move |vs| {
            let filter = f.contains_any(vs.clone());
            let any = move |list: &Vec<T>| vs.iter().any(|v| list.contains(v));
            Case::new("contains_any".to_owned(), filter, move |held: &Held<Vec<T>>| held.is(&any))
        }),
        2 => list.clone().prop_map(move |v| {
            Case::new(format!("eq({v:?})"), f.eq(v.clone()), move |held: &Held<Vec<T>>| held.is(|held| *held == v))
        }),
        2 => list.prop_map(move |v| {
            Case::new(format!("not({v:?})"), f.not(v.clone()), move |held: &Held<Vec<T>>| !held.is(|held| *held == v))
        }),
        1 => presences(f),
    ]
    .boxed()
}

/// A source of cases whose every decision is that of its seed.
struct Source {
    name: &'static str,
    backend: Backend,
    seed: u64,
    runner: TestRunner,
}

impl Source {
    fn new(name: &'static str, backend: Backend, cases: u32) -> Self {
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
    fn one<S: Strategy>(&mut self, strategy: &S) -> S::Value {
        strategy.new_tree(&mut self.runner).expect("a value").current()
    }

    /// What so many records hold of a field; some hold nothing or null.
    fn held<T: fmt::Debug + Clone + 'static>(&mut self, value: &BoxedStrategy<T>, records: usize) -> Vec<Held<T>> {
        let held = prop_oneof![
            1 => Just(Held::Missing),
            1 => Just(Held::Null),
            12 => value.clone().prop_map(Held::Is),
        ];
        self.one(&vec(held, records))
    }

    /// Asks every case of a server whose records hold these, the one at each place under the id of its number.
    fn check<R: Data, H: fmt::Debug>(
        mut self,
        world: &World,
        records: &TypedCollection<R>,
        held: &[H],
        cases: &BoxedStrategy<Case<R, H>>,
    ) {
        let outcome = self.runner.run(cases, |case| {
            let expected = (0..).zip(held).filter(|(_, held)| (case.matches)(held)).map(|(place, _)| id(place));
            let expected: Vec<String> = expected.collect();
            let call = records.get_records().filter(case.filter).into_future();
            let found = world.runtime.block_on(call).map_err(|error| TestCaseError::fail(error.to_string()))?;
            let mut found: Vec<String> = found.into_iter().map(|record| record.id.to_string()).collect();
            found.sort_unstable();
            if found == expected {
                return Ok(());
            }
            let wrong =
                (0..).zip(held).filter(|(place, _)| found.contains(&id(*place)) != expected.contains(&id(*place)));
            let show =
                |(place, held)| format!("\n  {} {held:?}", if found.contains(&id(place)) { "not" } else { "also" });
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

fn id(place: usize) -> String {
    format!("r{place:03}")
}

/// A scene, and what it takes to be in it without async code, which proptest knows nothing of.
struct World {
    runtime: Runtime,
    scene: Scene,
    _server: kinto_server::Server,
}

impl World {
    /// A scene with these records.
    fn with(backend: Backend, records: impl IntoIterator<Item = Value>) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let server = server_on(backend);
        let scene = runtime.block_on(Scene::on(server.url()));
        runtime.block_on(scene.fill((0..).zip(records).map(|(place, data)| (id(place), data))));
        Self { runtime, scene, _server: server }
    }
}

/// A record with one field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
struct One<T> {
    v: Option<T>,
}

/// Values that are stored, and others.
fn stored_or<T: Comparable>(held: &[Held<T>], other: &BoxedStrategy<T>) -> BoxedStrategy<T> {
    let stored = held.iter().filter_map(|held| if let Held::Is(value) = held { Some(value.clone()) } else { None });
    prop_oneof![2 => select(stored.collect::<Vec<_>>()), 1 => other.clone()].boxed()
}

/// Checks a field of `T`s: that they come back as they were stored, and that each filter is what it ought to be.
fn check_field<T: Comparable + Send + Sync + DeserializeOwned>(
    mut source: Source,
    value: &BoxedStrategy<T>,
    cases: impl Fn(Field<One<T>, Option<T>>, &BoxedStrategy<T>) -> BoxedStrategy<Case<One<T>, Held<T>>>,
) {
    let held = source.held(value, 60);
    let world = World::with(source.backend, held.iter().map(Held::record));
    let records = world.scene.todos.typed::<One<T>>();
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

/// A property on each backend: the number is how many filters are asked.
macro_rules! properties {
    ($($name:ident($source:ident, $cases:literal) $body:block)+) => {$(
        mod $name {
            use super::*;

            fn check($source: Source) $body

            #[test]
            fn memory() {
                check(Source::new(stringify!($name), Backend::Memory, $cases));
            }

            #[test]
            fn postgresql() {
                check(Source::new(stringify!($name), Backend::PostgreSql, $cases));
            }
        }
    )+};
}

/// Text of any kind, and of those kinds that something on the way might take for something else.
fn text() -> BoxedStrategy<String> {
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

fn near<T: Copy + fmt::Debug + 'static>(
    special: &'static [T],
    any: impl Strategy<Value = T> + 'static,
) -> BoxedStrategy<T> {
    prop_oneof![select(special), any].boxed()
}

const INTEGERS: &[i64] = &[
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

const UNSIGNED: &[u64] = &[0, 1, 9_007_199_254_740_993, (1 << 63) - 1, 1 << 63, (1 << 63) + 1, u64::MAX - 1, u64::MAX];

const FLOATS: &[f64] = &[0.0, -0.0, 0.1, 0.3, 1.0, -1.5, 1e22, 1e23, 1e-7, 1e-300, 5e-324, 1e300, f64::MIN, f64::MAX];

properties! {
    of_text(source, 110) {
        check_field(source, &text(), |f, v| prop_oneof![equalities(f, v), ranges(f, v), ranges_or_missing(f, v)].boxed());
    }

    of_signed_integers(source, 60) {
        let value = near(INTEGERS, prop_oneof![any::<i64>(), -9_i64..9]);
        check_field(source, &value, |f, v| prop_oneof![equalities(f, v), ranges(f, v), ranges_or_missing(f, v)].boxed());
    }

    of_unsigned_integers(source, 50) {
        let value = near(UNSIGNED, any::<u64>());
        check_field(source, &value, |f, v| prop_oneof![equalities(f, v), ranges(f, v)].boxed());
    }

    of_floats(source, 80) {
        const MOST: i64 = 999_999_999_999_999;
        let digits = prop_oneof![-MOST..=MOST, -500_i64..500];
        let any = (digits, -20_i32..8).prop_map(|(digits, exponent)| format!("{digits}e{exponent}").parse::<f64>().unwrap());
        let value = near(FLOATS, any);
        check_field(source, &value, |f, v| prop_oneof![equalities(f, v), ranges(f, v)].boxed());
    }

    of_booleans(source, 30) {
        check_field(source, &any::<bool>().boxed(), equalities);
    }

    of_lists_of_text(source, 70) {
        let item = prop_oneof![text(), select(vec!["x".to_owned(), "X".to_owned(), "1".to_owned(), String::new()])].boxed();
        let list = vec(item.clone(), 0..4).boxed();
        check_field(source, &list, move |f, list| contents(f, &item, list));
    }

    of_lists_of_numbers(source, 50) {
        let item = near(INTEGERS, -3_i64..3);
        let list = vec(item.clone(), 0..5).boxed();
        check_field(source, &list, move |f, list| contents(f, &item, list));
    }

    of_patterns(source, 60) { patterns(source); }

    of_json(source, 80) { mixed(source); }

    of_two_fields(source, 70) { pairs(source); }
}

/// `like`.
fn patterns(mut source: Source) {
    let held = source.held(&"([a-cA-C0-9 -/]|[ -~]|é){0,6}".boxed(), 80);
    let world = World::with(source.backend, held.iter().map(Held::record));
    let f = One::<String>::fields().v;
    let cases =
        prop_oneof!["[a-cA-C0-9*]{0,3}", "[ -~]{0,2}", "[a-c0-9]?[ -/\\[-`][a-c0-9*]?"].prop_map(move |pattern| {
            let filter = f.like(pattern.as_str());
            let matches = {
                let pattern = pattern.clone();
                move |held: &Held<String>| held.is(|text| is_like(text, &pattern))
            };
            Case::new(format!("like({pattern:?})"), filter, matches)
        });
    source.check(&world, &world.scene.todos.typed(), &held, &cases.boxed());
}

fn is_like(text: &str, pattern: &str) -> bool {
    fn from_here(text: &[u8], pattern: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|skipped| from_here(&text[skipped..], rest)),
            Some((wanted, rest)) => text.first() == Some(wanted) && from_here(&text[1..], rest),
        }
    }
    let [text, pattern] = [text, pattern].map(str::to_ascii_lowercase);
    if pattern.contains('*') { from_here(text.as_bytes(), pattern.as_bytes()) } else { text.contains(&pattern) }
}

#[test]
fn a_pattern_is_what_the_documentation_says() {
    for (text, pattern, is) in [
        ("Milk", "il", true),
        ("Milk", "", true),
        ("Milk", "im", false),
        ("Milk", "m*", true),
        ("Milk", "*m", false),
        ("Milk", "*IL*", true),
        ("Milk", "m*k", true),
        ("", "*", true),
    ] {
        assert_eq!(is_like(text, pattern), is, "{text} {pattern}");
    }
}

/// Values of any type in one field, filtered by its name.
fn mixed(mut source: Source) {
    let number = prop_oneof![(2_i64..20).prop_map(Value::from), (2_i32..9).prop_map(|n| json!(f64::from(n) + 0.5))];
    let scalar = prop_oneof![
        text().prop_map(Value::from),
        number,
        "[2-9]|1[0-9]|true|false|null".prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ];
    let item = scalar.clone().boxed();
    let value = prop_oneof![
        6 => scalar.clone(),
        1 => vec(item.clone(), 0..3).prop_map(Value::from),
        1 => (item.clone(), item).prop_map(|(a, b)| json!({"a": a, "b": [b]})),
    ]
    .boxed();
    let held = source.held(&value, 80);
    let world = World::with(source.backend, held.iter().map(Held::record));
    // Null as a value is null.
    let held: Vec<Held<Value>> =
        held.into_iter().map(|held| if held == Held::Null { Held::Is(Value::Null) } else { held }).collect();
    let any = stored_or(&held, &value);
    let ordered = scalar.clone().prop_filter("nothing else has an order", |v| v.is_number() || v.is_string());
    let cases = prop_oneof![
        (select(vec!["eq", "not"]), any.prop_map(|v| vec![v])),
        (select(vec!["is_in", "not_in"]), vec(scalar, 1..5)),
        (select(vec!["lt", "at_most", "gt", "at_least"]), ordered.prop_map(|v| vec![v])),
    ]
    .prop_map(|(operator, values)| json_case(operator, values));
    source.check(&world, &world.scene.todos.typed(), &held, &cases.boxed());
}

fn json_case(operator: &'static str, values: Vec<Value>) -> Case<Value, Held<Value>> {
    let (f, v) = (Filter::field("v"), &values[0]);
    let filter = match operator {
        "eq" => f.eq(v),
        "not" => f.not(v),
        "is_in" => f.is_in(&values),
        "not_in" => f.not_in(&values),
        "lt" => f.lt(v),
        "at_most" => f.at_most(v),
        "gt" => f.gt(v),
        _ => f.at_least(v),
    };
    let shown = format!("{operator}({values:?})");
    Case::new(shown, filter, move |held: &Held<Value>| match operator {
        "eq" | "is_in" => held.is(|held| values.contains(held)),
        "not" | "not_in" => !held.is(|held| values.contains(held)),
        _ => held.is(|held| {
            ordering(held, &values[0]).is_some_and(|ordering| match operator {
                "lt" => ordering.is_lt(),
                "at_most" => ordering.is_le(),
                "gt" => ordering.is_gt(),
                _ => ordering.is_ge(),
            })
        }),
    })
}

/// The order of two numbers or two texts.
fn ordering(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64()?.partial_cmp(&other.as_f64()?),
        (Value::String(one), Value::String(other)) => Some(one.cmp(other)),
        _ => None,
    }
}

#[derive(Clone, Debug, Serialize, Deserialize, KintoRecord)]
struct Two {
    a: Option<i64>,
    b: Option<String>,
}

/// Two filters at once, each of a field of its own.
fn pairs(mut source: Source) {
    let (number, letter) = ((-4_i64..5).boxed(), "[a-d]|[0-3]|a,b".boxed());
    let (numbers, letters) = (source.held(&number, 60), source.held(&letter, 60));
    let held: Vec<(Held<i64>, Held<String>)> = numbers.into_iter().zip(letters).collect();
    let world = World::with(
        source.backend,
        held.iter().map(|(a, b)| {
            let mut data = json!({});
            a.write(&mut data, "a");
            b.write(&mut data, "b");
            data
        }),
    );
    let f = Two::fields();
    let cases = (
        prop_oneof![equalities(f.a, &number), ranges(f.a, &number)],
        prop_oneof![equalities(f.b, &letter), ranges(f.b, &letter)],
    )
        .prop_filter("memory knows one only", |(a, b)| !(a.is_presence && b.is_presence))
        .prop_map(|(a, b)| {
            let matches = move |held: &(Held<i64>, Held<String>)| (a.matches)(&held.0) && (b.matches)(&held.1);
            Case::new(format!("{} and {}", a.shown, b.shown), a.filter.and(b.filter), matches)
        });
    source.check(&world, &world.scene.todos.typed(), &held, &cases.boxed());
}
