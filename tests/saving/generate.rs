//! Values of all kinds, the JSON they could be stored as, and changes of them.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fmt::Debug,
    hash::Hash,
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// Chance, and what was made by it.
#[derive(Debug)]
pub(crate) struct Gen {
    state: u64,
    next: u64,
    /// What no type knows: its key, its value, and the `k` of the part that it is in; 0 for the record.
    pub(crate) unknown: Vec<(String, Value, u64)>,
    /// The `k` that parts had, and have now.
    pub(crate) renamed: HashMap<u64, u64>,
    /// The `k` of parts in which something else was changed.
    pub(crate) edited: HashSet<u64>,
    /// The `k` of parts that stand under another key.
    pub(crate) moved: HashSet<u64>,
    /// The other fields of the parts, by their `k`.
    pub(crate) said: HashMap<u64, (String, u8, Option<String>)>,
}

impl Gen {
    pub(crate) fn new(seed: u64) -> Self {
        let state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut made = Self {
            state,
            next: 1,
            unknown: Vec::new(),
            renamed: HashMap::new(),
            edited: HashSet::new(),
            moved: HashSet::new(),
            said: HashMap::new(),
        };
        for _ in 0..4 {
            made.number(2);
        }
        made
    }

    pub(crate) fn number(&mut self, below: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 11) % below
    }

    pub(crate) fn chance(&mut self, one_in: u64) -> bool {
        self.number(one_in) == 0
    }

    pub(crate) fn moves(&mut self, value: &impl Shape) {
        let mut parts = Vec::new();
        value.parts(&mut parts);
        self.moved.extend(parts);
    }

    /// Notes that something in the value was changed, or in what holds it.
    pub(crate) fn edits(&mut self, value: &impl Shape) {
        let mut parts = Vec::new();
        value.parts(&mut parts);
        self.edited.extend(parts);
    }

    fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(crate) fn word(&mut self) -> String {
        const WORDS: [&str; 8] = ["red", "green", "blue", "a.b", "say \"hi\"", "é", "", "x"];
        let number = self.number(8);
        WORDS[usize::try_from(number).unwrap()].to_owned()
    }

    /// Puts things into an object that its type does not know.
    pub(crate) fn strangers(&mut self, object: &mut Map<String, Value>, owner: u64) {
        while self.chance(2) {
            let key = format!("u_{}", self.fresh());
            let value = match self.number(5) {
                0 => json!(null),
                1 => json!({"k": 7, "deep": [1, {"x": null}]}),
                2 => json!([[], {}, "x"]),
                3 => json!(self.number(100)),
                _ => json!(self.word()),
            };
            object.insert(key.clone(), value.clone());
            self.unknown.push((key, value, owner));
        }
    }
}

/// A type that can be anywhere in a record.
pub(crate) trait Shape:
    Serialize + DeserializeOwned + Clone + PartialEq + Debug + Send + Sync + 'static
{
    fn make(g: &mut Gen) -> Self;
    /// JSON that is read as this value.
    fn store(&self, g: &mut Gen) -> Value;
    fn change(&mut self, g: &mut Gen);
    /// The `k` of all parts in it.
    fn parts(&self, _: &mut Vec<u64>) {}
}

/// A struct in which there are things that it does not know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize)]
pub(crate) struct Part {
    pub(crate) k: u64,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) count: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
}

impl Shape for Part {
    fn make(g: &mut Gen) -> Self {
        let note = if g.chance(2) { Some(g.word()) } else { None };
        Self { k: g.fresh(), name: g.word(), count: u8::make(g), note }
    }

    fn store(&self, g: &mut Gen) -> Value {
        g.said.insert(self.k, (self.name.clone(), self.count, self.note.clone()));
        let Value::Object(mut object) = serde_json::to_value(self).unwrap() else { unreachable!() };
        if self.count == 0 && g.chance(2) {
            object.remove("count");
        }
        if self.note.is_none() && g.chance(3) {
            object.insert("note".to_owned(), Value::Null);
        }
        g.strangers(&mut object, self.k);
        object.into()
    }

    fn change(&mut self, g: &mut Gen) {
        let number = g.number(6);
        if number < 4 {
            g.edited.insert(self.k);
        }
        match number {
            0 => self.name = g.word(),
            1 => self.count = self.count.wrapping_add(1),
            2 => self.note = Some(g.word()),
            3 => self.note = None,
            4 => {
                let k = g.fresh();
                g.renamed.insert(self.k, k);
                self.k = k;
            }
            _ => *self = Self::make(g),
        }
    }

    fn parts(&self, parts: &mut Vec<u64>) {
        parts.push(self.k);
    }
}

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

/// What can be a key; its text need not be the one that is stored.
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
