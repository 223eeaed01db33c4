//! Types as programs have them, of all the shapes that serde knows.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::generate::{Gen, Shape};

/// A struct of fields, each of which is made, stored and changed on its own.
macro_rules! fields {
    ($type:ident <$($generic:ident),*> { $($field:ident: $name:expr),+ }) => {
        impl<$($generic: Shape),*> Shape for $type<$($generic),*> {
            fn make(g: &mut Gen) -> Self {
                Self { $($field: Shape::make(g)),+ }
            }

            fn store(&self, g: &mut Gen) -> Value {
                let mut object = Map::new();
                $(
                    #[allow(clippy::redundant_closure_call)]
                    let names: &[&str] = &$name;
                    let name = names[usize::try_from(g.number(names.len() as u64)).unwrap()];
                    object.insert(name.to_owned(), self.$field.store(g));
                )+
                object.into()
            }

            fn change(&mut self, g: &mut Gen) {
                $(if g.chance(2) {
                    self.$field.change(g);
                })+
            }

            fn parts(&self, parts: &mut Vec<u64>) {
                $(self.$field.parts(parts);)+
            }
        }
    };
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Aliased<T> {
    #[serde(alias = "titel", alias = "TITLE")]
    title: T,
    #[serde(rename = "other-name")]
    other: u8,
}

fields!(Aliased<T> { title: ["title", "titel", "TITLE"], other: ["other-name"] });

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "snake_case"))]
pub(crate) struct Split<T> {
    first_name: T,
    last_name: String,
}

fields!(Split<T> { first_name: ["first_name"], last_name: ["last_name"] });

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Newtype<T>(T);

impl<T: Shape> Shape for Newtype<T> {
    fn make(g: &mut Gen) -> Self {
        Self(T::make(g))
    }

    fn store(&self, g: &mut Gen) -> Value {
        self.0.store(g)
    }

    fn change(&mut self, g: &mut Gen) {
        self.0.change(g);
    }

    fn parts(&self, parts: &mut Vec<u64>) {
        self.0.parts(parts);
    }
}

macro_rules! enums {
    ($($(#[$attribute:meta])* $name:ident, |$variant:ident, $value:ident| $store:expr;)+) => {$(
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        $(#[$attribute])*
        pub(crate) enum $name<T> {
            Empty {},
            One { inner: T },
            Two { inner: T, side: u8 },
        }

        impl<T: Shape> Shape for $name<T> {
            fn make(g: &mut Gen) -> Self {
                match g.number(3) {
                    0 => Self::Empty {},
                    1 => Self::One { inner: T::make(g) },
                    _ => Self::Two { inner: T::make(g), side: u8::make(g) },
                }
            }

            fn store(&self, g: &mut Gen) -> Value {
                let ($variant, $value) = match self {
                    Self::Empty {} => ("Empty", json!({})),
                    Self::One { inner } => ("One", json!({"inner": inner.store(g)})),
                    Self::Two { inner, side } => ("Two", json!({"inner": inner.store(g), "side": side})),
                };
                $store
            }

            fn change(&mut self, g: &mut Gen) {
                match self {
                    Self::One { inner } | Self::Two { inner, .. } if !g.chance(3) => inner.change(g),
                    Self::Two { inner, .. } if g.chance(2) => {
                        g.moves(inner);
                        *self = Self::One { inner: inner.clone() };
                    }
                    _ => *self = Self::make(g),
                }
            }

            fn parts(&self, parts: &mut Vec<u64>) {
                if let Self::One { inner } | Self::Two { inner, .. } = self {
                    inner.parts(parts);
                }
            }
        }
    )+};
}

fn tagged(mut object: Value, variant: &str) -> Value {
    object["type"] = variant.into();
    object
}

enums! {
    External, |variant, value| json!({variant: value});
    #[serde(tag = "type")]
    Internal, |variant, value| tagged(value, variant);
    #[serde(tag = "type", content = "content")]
    Adjacent, |variant, value| json!({"type": variant, "content": value});
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Untagged<T> {
    Number(i64),
    Text(String),
    Struct { inner: T },
}

impl<T: Shape> Shape for Untagged<T> {
    fn make(g: &mut Gen) -> Self {
        match g.number(4) {
            0 => Self::Number(i64::make(g)),
            1 => Self::Text(g.word()),
            _ => Self::Struct { inner: T::make(g) },
        }
    }

    fn store(&self, g: &mut Gen) -> Value {
        match self {
            Self::Struct { inner } => json!({"inner": inner.store(g)}),
            plain => serde_json::to_value(plain).unwrap(),
        }
    }

    fn change(&mut self, g: &mut Gen) {
        match self {
            Self::Struct { inner } if !g.chance(3) => inner.change(g),
            _ => *self = Self::make(g),
        }
    }

    fn parts(&self, parts: &mut Vec<u64>) {
        if let Self::Struct { inner } = self {
            inner.parts(parts);
        }
    }
}

/// An enum that later versions may have more of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Status {
    Open,
    Done,
    #[serde(other)]
    Unknown,
}

impl Shape for Status {
    fn make(g: &mut Gen) -> Self {
        [Self::Open, Self::Done, Self::Unknown][usize::try_from(g.number(3)).unwrap()]
    }

    fn store(&self, g: &mut Gen) -> Value {
        if *self == Self::Unknown { json!(format!("later {}", g.number(3))) } else { json!(self) }
    }

    fn change(&mut self, g: &mut Gen) {
        *self = if g.chance(2) { Self::Open } else { Self::Done };
    }
}

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

/// Fields that are there or not, in all ways.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, bound = "T: Shape")]
pub(crate) struct Sparse<T> {
    #[serde(skip_serializing_if = "Option::is_none")]
    maybe: Option<T>,
    null: Option<T>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    list: Vec<T>,
    #[serde(alias = "tick")]
    ticked: bool,
}

impl<T> Default for Sparse<T> {
    fn default() -> Self {
        Self { maybe: None, null: None, list: Vec::new(), ticked: false }
    }
}

impl<T: Shape> Shape for Sparse<T> {
    fn make(g: &mut Gen) -> Self {
        Self { maybe: Shape::make(g), null: Shape::make(g), list: Shape::make(g), ticked: g.chance(2) }
    }

    fn store(&self, g: &mut Gen) -> Value {
        let mut object = Map::new();
        let mut put = |key: &str, value: Value, is_default: bool, g: &mut Gen| {
            if !is_default || g.chance(2) {
                object.insert(key.to_owned(), value);
            }
        };
        let (maybe, null, list) = (self.maybe.store(g), self.null.store(g), self.list.store(g));
        put("maybe", maybe, self.maybe.is_none(), g);
        put("null", null, self.null.is_none(), g);
        put("list", list, self.list.is_empty(), g);
        put(if g.chance(2) { "tick" } else { "ticked" }, json!(self.ticked), !self.ticked, g);
        object.into()
    }

    fn change(&mut self, g: &mut Gen) {
        match g.number(4) {
            0 => self.maybe.change(g),
            1 => self.null.change(g),
            2 => self.list.change(g),
            _ => self.ticked = !self.ticked,
        }
    }

    fn parts(&self, parts: &mut Vec<u64>) {
        self.maybe.parts(parts);
        self.null.parts(parts);
        self.list.parts(parts);
    }
}

/// A part that has nothing to tell it from others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plain {
    name: String,
    #[serde(default)]
    done: bool,
}

impl Shape for Plain {
    fn make(g: &mut Gen) -> Self {
        Self { name: g.word(), done: g.chance(2) }
    }

    fn store(&self, g: &mut Gen) -> Value {
        let Value::Object(mut object) = json!(self) else { unreachable!() };
        g.strangers(&mut object, u64::MAX);
        object.into()
    }

    fn change(&mut self, g: &mut Gen) {
        if g.chance(2) { self.name = g.word() } else { self.done = !self.done }
    }
}

/// Makes `$call` with each type of the zoo.
macro_rules! each {
    ($call:ident) => {{
        use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
        use uuid::Uuid;
        use $crate::{generate::Part, zoo::*};
        $call! {
            Part, Vec<Part>, Option<Part>, Vec<Vec<Part>>, Vec<Option<Part>>, Box<Vec<Part>>, Vec<Plain>,
            HashSet<String>, BTreeSet<String>, BTreeSet<Part>, HashSet<Part>, Vec<HashSet<String>>, HashSet<Uuid>,
            BTreeMap<String, HashSet<i64>>, HashMap<Uuid, Part>, BTreeMap<i64, Vec<Part>>, HashMap<String, Part>,
            HashMap<Uuid, HashSet<String>>, (Part, Part), (Part, String, Vec<Part>), Vec<(String, Part)>,
            Aliased<Part>, Vec<Aliased<Part>>, Aliased<Vec<Part>>, HashMap<Uuid, Aliased<Part>>, Split<Part>,
            Vec<Split<Part>>, Newtype<Part>, Vec<Newtype<Part>>, External<Part>, Vec<External<Part>>, Internal<Part>,
            Vec<Internal<Part>>, Adjacent<Vec<Part>>, Vec<Adjacent<Part>>, Untagged<Part>, Vec<Untagged<Part>>,
            Untagged<Aliased<Part>>, Internal<Aliased<Part>>, Vec<Status>, HashMap<String, Status>, Flat<Part>,
            Flat<Aliased<Part>>, Vec<Flat<Part>>, Flat<HashSet<String>>, Person<Part>, Vec<Person<Part>>,
            Person<Aliased<Part>>, Price, Vec<Price>, HashMap<Uuid, Price>, With<Part>, Vec<With<String>>, With<Price>,
            Sparse<Part>, Vec<Sparse<Part>>, Sparse<HashSet<String>>, Sparse<Aliased<Part>>, Vec<f64>, (f64, bool, i64),
            [Part; 2], Vec<[Part; 2]>, Vec<(f64, i64)>, HashSet<BTreeSet<i64>>, Vec<Vec<HashSet<String>>>,
            Option<HashSet<String>>, BTreeMap<String, BTreeMap<i64, Part>>, Vec<BTreeMap<i64, Part>>,
            HashMap<String, Vec<Plain>>, Vec<Internal<Vec<Part>>>, HashMap<String, External<Aliased<Part>>>,
            (HashSet<String>, HashSet<String>), Vec<(i64, HashSet<i64>)>, Person<Vec<Sparse<Part>>>,
            Flat<HashMap<Uuid, Part>>, Untagged<HashMap<Uuid, HashSet<String>>>, Split<HashSet<String>>
        }
    }};
}

/// Makes `$call` with a few of them, of each kind one.
macro_rules! some {
    ($call:ident) => {{
        use std::collections::HashSet;
        use $crate::{generate::Part, zoo::*};
        $call! {
            Vec<Part>, HashSet<String>, Vec<Aliased<Part>>, Vec<External<Part>>, Flat<HashSet<String>>, Person<Part>,
            With<Price>, Sparse<Part>
        }
    }};
}

pub(crate) use {each, some};
