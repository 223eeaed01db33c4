//! Types that write other JSON than they read.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

use crate::generate::{Gen, Shape};

/// A struct and a map in the place of fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Flat<T> {
    own: T,
    #[serde(flatten)]
    part: Sides,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sides {
    left: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    right: Option<String>,
}

impl<T: Shape> Shape for Flat<T> {
    fn make(g: &mut Gen) -> Self {
        let rest = (0..g.number(3)).map(|n| (format!("rest {n}"), json!(g.word()))).collect();
        let right = Option::make(g);
        Self { own: T::make(g), part: Sides { left: u8::make(g), right }, rest }
    }

    fn store(&self, g: &mut Gen) -> Value {
        let mut object = serde_json::to_value(self).unwrap();
        object["own"] = self.own.store(g);
        object
    }

    fn change(&mut self, g: &mut Gen) {
        match g.number(5) {
            0 => self.part.right = Option::make(g),
            1 => self.part.left = u8::make(g),
            2 => drop(self.rest.insert(format!("rest {}", g.number(4)), json!(g.number(3)))),
            3 => self.rest.clear(),
            _ => self.own.change(g),
        }
    }

    fn parts(&self, parts: &mut Vec<u64>) {
        self.own.parts(parts);
    }
}

/// Reads an old form and a new one, and writes the new one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Forms<T>", into = "NewForm<T>", bound = "T: Shape")]
pub(crate) struct Person<T> {
    first: String,
    last: String,
    inner: T,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct NewForm<T> {
    first: String,
    last: String,
    inner: T,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Forms<T> {
    Old { name: String, inner: T },
    New(NewForm<T>),
}

impl<T> From<Forms<T>> for Person<T> {
    fn from(form: Forms<T>) -> Self {
        match form {
            Forms::Old { name, inner } => {
                let (first, last) = name.split_once('|').unwrap_or((&name, ""));
                Self { first: first.to_owned(), last: last.to_owned(), inner }
            }
            Forms::New(NewForm { first, last, inner }) => Self { first, last, inner },
        }
    }
}

impl<T> From<Person<T>> for NewForm<T> {
    fn from(Person { first, last, inner }: Person<T>) -> Self {
        Self { first, last, inner }
    }
}

impl<T: Shape> Shape for Person<T> {
    fn make(g: &mut Gen) -> Self {
        Self { first: g.word(), last: g.word(), inner: T::make(g) }
    }

    fn store(&self, g: &mut Gen) -> Value {
        let (inner, Self { first, last, .. }) = (self.inner.store(g), self);
        if g.chance(2) {
            json!({"name": format!("{first}|{last}"), "inner": inner})
        } else {
            json!({"first": first, "last": last, "inner": inner})
        }
    }

    fn change(&mut self, g: &mut Gen) {
        match g.number(3) {
            0 => self.first = g.word(),
            1 => self.last = g.word(),
            _ => self.inner.change(g),
        }
    }

    fn parts(&self, parts: &mut Vec<u64>) {
        self.inner.parts(parts);
    }
}

/// A pair of numbers that need not be normal as it is stored; and one that is refused if it is too large.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Price {
    units: u64,
    cents: u64,
    small: Small,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
struct Small(u64);

impl TryFrom<u64> for Small {
    type Error = String;

    fn try_from(number: u64) -> Result<Self, String> {
        if number < 100 { Ok(Self(number)) } else { Err(format!("{number} is too large")) }
    }
}

impl From<Small> for u64 {
    fn from(Small(number): Small) -> Self {
        number
    }
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Raw {
            units: u64,
            cents: u64,
            small: Small,
        }
        let Raw { units, cents, small } = Raw::deserialize(deserializer)?;
        Ok(Self { units: units + cents / 100, cents: cents % 100, small })
    }
}

impl Shape for Price {
    fn make(g: &mut Gen) -> Self {
        Self { units: g.number(5), cents: g.number(100), small: Small(g.number(100)) }
    }

    fn store(&self, g: &mut Gen) -> Value {
        let moved = g.number(self.units + 1);
        json!({"units": self.units - moved, "cents": self.cents + 100 * moved, "small": self.small})
    }

    fn change(&mut self, g: &mut Gen) {
        match g.number(3) {
            0 => self.units += 1,
            1 => self.cents = g.number(100),
            _ => self.small = Small(g.number(120)),
        }
    }
}

/// A list that leaves out what does not fit; one in an order of its own; and a number that is written as text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "T: Shape")]
pub(crate) struct With<T> {
    #[serde(deserialize_with = "those_that_fit")]
    fitting: Vec<T>,
    #[serde(deserialize_with = "sorted")]
    sorted: Vec<u8>,
    #[serde(with = "as_text")]
    text: u8,
    #[serde(skip)]
    skipped: u8,
}

fn those_that_fit<'de, T: Shape, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let all: Vec<Value> = Vec::deserialize(deserializer)?;
    Ok(all.into_iter().filter_map(|value| serde_json::from_value(value).ok()).collect())
}

fn sorted<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let mut items = Vec::deserialize(deserializer)?;
    items.sort_unstable();
    Ok(items)
}

mod as_text {
    use super::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(super) fn serialize<S: Serializer>(number: &u8, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.trim().parse().map_err(serde::de::Error::custom)
    }
}

impl<T: Shape> Shape for With<T> {
    fn make(g: &mut Gen) -> Self {
        let mut sorted: Vec<u8> = Shape::make(g);
        sorted.sort_unstable();
        Self { fitting: Shape::make(g), sorted, text: u8::make(g), skipped: 0 }
    }

    fn store(&self, g: &mut Gen) -> Value {
        let mut fitting: Vec<Value> = Vec::new();
        for item in &self.fitting {
            if g.chance(4) {
                fitting.push(json!({"misfit": g.number(9)}));
            }
            fitting.push(item.store(g));
        }
        let mut sorted = self.sorted.clone();
        sorted.reverse();
        json!({"fitting": fitting, "sorted": sorted, "text": format!(" {}", self.text)})
    }

    fn change(&mut self, g: &mut Gen) {
        match g.number(3) {
            0 => self.fitting.change(g),
            1 => {
                self.sorted.push(u8::make(g));
                self.sorted.sort_unstable();
            }
            _ => self.text = u8::make(g),
        }
    }

    fn parts(&self, parts: &mut Vec<u64>) {
        self.fitting.parts(parts);
    }
}
