//! Structs of fields.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::generate::{Gen, Shape};

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
