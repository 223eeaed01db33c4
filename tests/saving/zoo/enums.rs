//! Enums in each representation.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::generate::{Gen, Shape};

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
