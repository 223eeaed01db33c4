use std::fmt;

use kinto_client::field::{Field, Operand, Ordered};
use proptest::{collection::vec, prelude::*};
use serde::Serialize;

use super::case::{Case, Held};

/// A value of a field: anything that is compared, moved about and shown.
pub(super) trait Comparable:
    Operand<Option<Self>> + Clone + PartialEq + fmt::Debug + Serialize + 'static
{
}

impl<T: Operand<Option<T>> + Clone + PartialEq + fmt::Debug + Serialize + 'static> Comparable for T {}

/// Filters that every field can have.
pub(super) fn equalities<R: 'static, T: Comparable>(
    f: Field<R, Option<T>>,
    value: &BoxedStrategy<T>,
) -> BoxedStrategy<Case<R, Held<T>>> {
    let values = vec(value.clone(), 1..5);
    prop_oneof![
        4 => value.clone().prop_map(move |v| {
            Case::new(format!("eq({v:?})"), f.eq(v.clone()), move |held: &Held<T>| held.is(|held| *held == v))
        }),
        3 => value.clone().prop_map(move |v| {
            Case::new(format!("ne({v:?})"), f.ne(v.clone()), move |held: &Held<T>| !held.is(|held| *held == v))
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
pub(super) fn presences<R: 'static, T: Comparable>(f: Field<R, Option<T>>) -> BoxedStrategy<Case<R, Held<T>>> {
    let null = Case::new("eq(None)".to_owned(), f.eq(None::<T>), |held: &Held<T>| *held == Held::Null);
    let not_null = Case::new("ne(None)".to_owned(), f.ne(None::<T>), |held: &Held<T>| *held != Held::Null);
    let set = Case::new("has_key".to_owned(), f.has_key(), |held: &Held<T>| *held != Held::Missing).presence();
    let missing =
        Case::new("is_missing".to_owned(), f.is_missing(), |held: &Held<T>| *held == Held::Missing).presence();
    prop_oneof![Just(null), Just(not_null), Just(set), Just(missing)].boxed()
}

/// Filters that fields of numbers and text can have.
pub(super) fn ranges<R: 'static, T: Comparable + PartialOrd + Ordered>(
    f: Field<R, Option<T>>,
    value: &BoxedStrategy<T>,
) -> BoxedStrategy<Case<R, Held<T>>> {
    let value = value.clone();
    prop_oneof![
        value.clone().prop_map(move |v| {
            Case::new(format!("lt({v:?})"), f.lt(v.clone()), move |held: &Held<T>| held.is(|held| *held < v))
        }),
        value.clone().prop_map(move |v| {
            Case::new(format!("le({v:?})"), f.le(v.clone()), move |held: &Held<T>| held.is(|held| *held <= v))
        }),
        value.clone().prop_map(move |v| {
            Case::new(format!("gt({v:?})"), f.gt(v.clone()), move |held: &Held<T>| held.is(|held| *held > v))
        }),
        value.clone().prop_map(move |v| {
            let filter = f.ge(v.clone());
            Case::new(format!("ge({v:?})"), filter, move |held: &Held<T>| held.is(|held| *held >= v))
        }),
        (value.clone(), value).prop_map(move |(from, to)| {
            let filter = f.ge(from.clone()).and(f.lt(to.clone()));
            let matches = move |held: &Held<T>| held.is(|held| *held >= from && *held < to);
            Case::new("between".to_owned(), filter, matches)
        }),
    ]
    .boxed()
}

/// The lower bounds again, that let through what is missing too.
pub(super) fn ranges_or_missing<R: 'static, T: Comparable + PartialOrd + Ordered>(
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
            let filter = f.ge(v.clone()).or_missing();
            let matches = move |held: &Held<T>| *held == Held::Missing || held.is(|held| *held >= v);
            Case::new("ge, or missing".to_owned(), filter, matches)
        }),
    ]
    .boxed()
}

/// Filters that fields of lists can have.
pub(super) fn contents<R: 'static, T: Comparable + Operand<T>>(
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
            Case::new(format!("ne({v:?})"), f.ne(v.clone()), move |held: &Held<Vec<T>>| !held.is(|held| *held == v))
        }),
        1 => presences(f),
    ]
    .boxed()
}
