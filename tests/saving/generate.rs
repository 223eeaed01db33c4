//! Values of all kinds, the JSON they could be stored as, and changes of them.

use std::{
    collections::{HashMap, HashSet},
    fmt::Debug,
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

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
