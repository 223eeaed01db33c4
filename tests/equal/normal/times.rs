//! The timestamps of two servers, which are the same if those of each list were given in the same order.

use std::collections::BTreeMap;

use serde_json::Value;

/// The mark of a timestamp until those of both servers are known. No response holds it.
const MARK: char = '\u{1}';

/// A timestamp that one of the servers has given.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_field_names, reason = "it is the time")]
pub(super) struct Time<'a> {
    pub(super) list: &'a str,
    /// The number of times that the list has begun anew; none for what was in it at any time.
    pub(super) generation: Option<usize>,
    pub(super) time: i64,
}

impl<'a> Time<'a> {
    pub(super) fn marked(self) -> Value {
        let generation = self.generation.map_or_else(String::new, |number| number.to_string());
        format!("{MARK}{}{MARK}{generation}{MARK}{}", self.list, self.time).into()
    }

    fn of(text: &'a str) -> Option<Self> {
        let mut parts = text.strip_prefix(MARK)?.split(MARK);
        let (list, generation, time) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { list, generation: generation.parse().ok(), time: time.parse().ok()? })
    }
}

/// By a timestamp of the one server, that of the other, and the name of both.
type Twins = BTreeMap<i64, (i64, String)>;

/// The timestamps of one server by those of the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times {
    lists: BTreeMap<(String, Option<usize>), Twins>,
}

impl Times {
    /// Gives timestamps of two answers that are in the same place one name, if they are the same.
    pub(crate) fn settle(&mut self, one: &mut Value, other: &mut Value) {
        match (&mut *one, &mut *other) {
            (Value::Object(one), Value::Object(other)) => {
                for (field, one) in &mut *one {
                    if let Some(other) = other.get_mut(field) {
                        self.settle(one, other);
                    }
                }
            }
            (Value::Array(one), Value::Array(other)) => {
                one.iter_mut().zip(other).for_each(|(one, other)| self.settle(one, other));
            }
            (Value::String(text), Value::String(another)) => {
                if let (Some(time), Some(match_)) = (Time::of(text), Time::of(another)) {
                    let (name, other_name) = self.name(time, match_);
                    (*one, *other) = (name.into(), other_name.into());
                }
            }
            _ => {}
        }
        // Those that are not in the same place.
        for value in [one, other] {
            show(value);
        }
    }

    fn name(&mut self, one: Time<'_>, other: Time<'_>) -> (String, String) {
        let differ = |why: &str| (format!("time {} ({why})", one.time), format!("time {}", other.time));
        if one.list != other.list || one.generation != other.generation {
            return differ("of another list");
        }
        let known = self.lists.iter().filter(|((list, generation), _)| {
            list == one.list && (one.generation.is_none() || *generation == one.generation)
        });
        for (_, times) in known {
            if let Some((known, name)) = times.get(&one.time)
                && *known == other.time
            {
                return (name.clone(), name.clone());
            }
        }
        let times = self.lists.entry((one.list.to_owned(), one.generation)).or_default();
        if times.contains_key(&one.time) || times.values().any(|(known, _)| *known == other.time) {
            return differ("one of them is another's");
        }
        let before = times.range(..one.time).next_back().is_none_or(|(_, (before, _))| *before < other.time);
        let after = times.range(one.time..).next().is_none_or(|(_, (after, _))| *after > other.time);
        if one.generation.is_some() && !(before && after) {
            return differ("in another order");
        }
        let name = format!("t{}", times.len());
        times.insert(one.time, (other.time, name.clone()));
        (name.clone(), name)
    }
}

fn show(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(time) = Time::of(text) {
                *value = format!("time {}", time.time).into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(show),
        Value::Object(fields) => fields.values_mut().for_each(show),
        _ => {}
    }
}
