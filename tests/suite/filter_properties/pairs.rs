use kinto_client::{KintoRecord, json};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    case::{Case, Held},
    operators::{equalities, ranges},
    source::{Source, World},
};

#[derive(Clone, Debug, Serialize, Deserialize, KintoRecord)]
struct Two {
    a: Option<i64>,
    b: Option<String>,
}

/// Two filters at once, each of a field of its own.
pub(super) fn pairs(mut source: Source) {
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
    source.check(&world, &world.fixture.todos.typed(), &held, &cases.boxed());
}
