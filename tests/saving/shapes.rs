//! The types of the standard library, and keys of maps.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    hash::Hash,
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::generate::{Gen, Shape};

macro_rules! plain {
    ($($type:ty: $g:ident => $make:expr;)+) => {$(
        impl Shape for $type {
            fn make($g: &mut Gen) -> Self {
                $make
            }

            fn store(&self, _: &mut Gen) -> Value {
                serde_json::to_value(self).unwrap()
            }

            fn change(&mut self, g: &mut Gen) {
                *self = Self::make(g);
            }
        }
    )+};
}

plain! {
    u8: g => u8::try_from(g.number(4)).unwrap();
    i64: g => i64::try_from(g.number(9)).unwrap() - 4;
    f64: g => f64::from(u32::try_from(g.number(9)).unwrap()) / 4.0;
    bool: g => g.chance(2);
    String: g => g.word();
    Uuid: g => Uuid::from_u128(u128::from(g.number(5)) << 100 | 0xab);
}

fn place(g: &mut Gen, length: usize) -> usize {
    usize::try_from(g.number(length.max(1) as u64)).unwrap()
}

impl<T: Shape> Shape for Vec<T> {
    fn make(g: &mut Gen) -> Self {
        (0..g.number(5)).map(|_| T::make(g)).collect()
    }

    fn store(&self, g: &mut Gen) -> Value {
        self.iter().map(|item| item.store(g)).collect::<Vec<_>>().into()
    }

    fn change(&mut self, g: &mut Gen) {
        let length = self.len();
        if length == 0 || g.chance(6) {
            let at = place(g, length + 1);
            return self.insert(at, T::make(g));
        }
        let (one, other) = (place(g, length), place(g, length));
        match g.number(8) {
            0 => drop(self.remove(one)),
            1 => self.swap(one, other),
            2 => self.reverse(),
            3 => {
                let item = self.remove(one);
                self.push(item);
            }
            4 => self[one] = T::make(g),
            5 => self.rotate_left(one),
            6 => self.iter_mut().for_each(|item| item.change(g)),
            _ => self[one].change(g),
        }
    }

    fn parts(&self, parts: &mut Vec<u64>) {
        for item in self {
            item.parts(parts);
        }
    }
}

impl<T: Shape> Shape for Option<T> {
    fn make(g: &mut Gen) -> Self {
        if g.chance(3) { None } else { Some(T::make(g)) }
    }

    fn store(&self, g: &mut Gen) -> Value {
        self.as_ref().map_or(Value::Null, |inner| inner.store(g))
    }

    fn change(&mut self, g: &mut Gen) {
        match self {
            Some(inner) if !g.chance(4) => inner.change(g),
            _ => *self = Self::make(g),
        }
    }

    fn parts(&self, parts: &mut Vec<u64>) {
        if let Some(inner) = self {
            inner.parts(parts);
        }
    }
}

impl<T: Shape> Shape for Box<T> {
    fn make(g: &mut Gen) -> Self {
        Self::new(T::make(g))
    }

    fn store(&self, g: &mut Gen) -> Value {
        (**self).store(g)
    }

    fn change(&mut self, g: &mut Gen) {
        (**self).change(g);
    }

    fn parts(&self, parts: &mut Vec<u64>) {
        (**self).parts(parts);
    }
}

impl<T: Shape> Shape for [T; 2]
where
    [T; 2]: Serialize + DeserializeOwned,
{
    fn make(g: &mut Gen) -> Self {
        [T::make(g), T::make(g)]
    }

    fn store(&self, g: &mut Gen) -> Value {
        let [one, other] = self;
        json!([one.store(g), other.store(g)])
    }

    fn change(&mut self, g: &mut Gen) {
        self[place(g, 2)].change(g);
    }

    fn parts(&self, parts: &mut Vec<u64>) {
        for item in self {
            item.parts(parts);
        }
    }
}

macro_rules! tuples {
    ($(($($type:ident $at:tt),+))+) => {$(
        impl<$($type: Shape),+> Shape for ($($type,)+) {
            fn make(g: &mut Gen) -> Self {
                ($($type::make(g),)+)
            }

            fn store(&self, g: &mut Gen) -> Value {
                json!([$(self.$at.store(g)),+])
            }

            fn change(&mut self, g: &mut Gen) {
                $(if g.chance(2) {
                    self.$at.change(g);
                })+
            }

            fn parts(&self, parts: &mut Vec<u64>) {
                $(self.$at.parts(parts);)+
            }
        }
    )+};
}

tuples! { (A 0, B 1) (A 0, B 1, C 2) }

/// The items in an order that is the same in each run.
fn by_text<'a, T: Serialize + 'a>(items: impl IntoIterator<Item = &'a T>) -> Vec<&'a T> {
    let mut items: Vec<&T> = items.into_iter().collect();
    items.sort_by_cached_key(|item| json!(item).to_string());
    items
}

macro_rules! sets {
    ($($set:ident [$($bound:ident)+])+) => {$(
        impl<T: Shape $(+ $bound)+> Shape for $set<T> {
            fn make(g: &mut Gen) -> Self {
                Vec::make(g).into_iter().collect()
            }

            fn store(&self, g: &mut Gen) -> Value {
                let mut items: Vec<Value> = by_text(self).into_iter().map(|item| item.store(g)).collect();
                for at in 0..items.len() {
                    let other = place(g, items.len());
                    items.swap(at, other);
                }
                items.into()
            }

            fn change(&mut self, g: &mut Gen) {
                match by_text(&*self).get(place(g, self.len())).map(|item| (*item).clone()) {
                    Some(mut item) if !g.chance(3) => {
                        self.remove(&item);
                        if g.chance(2) {
                            item.change(g);
                            self.insert(item);
                        }
                    }
                    _ => drop(self.insert(T::make(g))),
                }
            }

            fn parts(&self, parts: &mut Vec<u64>) {
                for item in self {
                    item.parts(parts);
                }
            }
        }
    )+};
}

sets! { HashSet [Eq Hash] BTreeSet [Ord] }

/// A key of a map, whose text need not be the one that is stored.
pub(crate) trait Key: Shape + Eq + Hash + Ord {
    fn stored(&self, g: &mut Gen) -> String;
}

impl Key for String {
    fn stored(&self, _: &mut Gen) -> String {
        self.clone()
    }
}

impl Key for Uuid {
    fn stored(&self, g: &mut Gen) -> String {
        if g.chance(2) { self.to_string().to_uppercase() } else { self.to_string() }
    }
}

impl Key for i64 {
    fn stored(&self, _: &mut Gen) -> String {
        self.to_string()
    }
}

macro_rules! maps {
    ($($map:ident)+) => {$(
        impl<K: Key, T: Shape> Shape for $map<K, T> {
            fn make(g: &mut Gen) -> Self {
                (0..g.number(4)).map(|_| (K::make(g), T::make(g))).collect()
            }

            fn store(&self, g: &mut Gen) -> Value {
                let mut entries: Vec<(&K, &T)> = self.iter().collect();
                entries.sort_by_key(|(key, _)| *key);
                entries.into_iter().map(|(key, value)| (key.stored(g), value.store(g))).collect::<Map<_, _>>().into()
            }

            fn change(&mut self, g: &mut Gen) {
                let mut keys: Vec<K> = self.keys().cloned().collect();
                keys.sort();
                let key = keys.get(place(g, self.len())).cloned();
                match (key, g.number(4)) {
                    (Some(key), 0) => drop(self.remove(&key)),
                    (Some(key), 1) => {
                        let value = self.remove(&key).unwrap();
                        g.moves(&value);
                        let key = K::make(g);
                        self.entry(key).or_insert(value);
                    }
                    (Some(key), 2) => {
                        let value = self.get_mut(&key).unwrap();
                        value.change(g);
                        g.edits(value);
                    }
                    _ => drop(self.insert(K::make(g), T::make(g))),
                }
            }

            fn parts(&self, parts: &mut Vec<u64>) {
                for value in self.values() {
                    value.parts(parts);
                }
            }
        }
    )+};
}

maps! { HashMap BTreeMap }
