//! The ledger of a program that may be killed at any moment: what it tried to store, and what it was told is stored.

use std::collections::BTreeMap;

use kinto_client::Value;

/// The values that a field may have: several if the program was killed before it was told.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    fields: BTreeMap<String, Vec<Option<u64>>>,
    /// The number of times that a counter was certainly increased, and that it may have been.
    counters: BTreeMap<String, (u64, u64)>,
    /// The number of changes that the program was told are stored.
    pub(crate) done: usize,
    /// The number of changes of which the program was not told.
    pub(crate) tried: usize,
    pub(crate) synchronizations: usize,
}

/// Returns the line of a change for the ledger; no value for a deletion.
pub(crate) fn line(stage: &str, field: &str, value: Option<u64>) -> String {
    format!("@{stage} {field} {}", value.map_or_else(|| "-".to_owned(), |value| value.to_string()))
}

impl Ledger {
    /// Reads a line of the program. Returns true if something is stored now.
    pub(crate) fn read(&mut self, line: &str) -> bool {
        let Some((_, line)) = line.split_once('@') else { return false };
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["synced"] => self.synchronizations += 1,
            ["try", field, value] => self.try_to_set(field, value.parse().ok()),
            ["done", field, value] => {
                self.set(field, value.parse().ok());
                return true;
            }
            _ => panic!("the program says: {line}"),
        }
        false
    }

    fn try_to_set(&mut self, field: &str, value: Option<u64>) {
        self.tried += 1;
        match field.strip_prefix("count.") {
            Some(id) => self.counters.entry(id.to_owned()).or_default().1 += 1,
            None => self.fields.entry(field.to_owned()).or_insert_with(|| vec![None]).push(value),
        }
    }

    /// Notes that a field certainly has this value.
    pub(crate) fn set(&mut self, field: &str, value: Option<u64>) {
        self.done += 1;
        match field.strip_prefix("count.") {
            Some(id) => self.counters.entry(id.to_owned()).or_default().0 += 1,
            None => drop(self.fields.insert(field.to_owned(), vec![value])),
        }
    }

    /// Checks that records are what the ledger says: each field has one of its possible values, and nothing is there twice.
    pub(crate) fn check(&self, records: &BTreeMap<String, Value>) {
        let mut stored = BTreeMap::new();
        for (id, data) in records {
            for (name, value) in data.as_object().unwrap() {
                let value = value.as_u64().unwrap();
                if name == "count" {
                    let (least, most) = self.counters.get(id).copied().unwrap_or_default();
                    assert!((least..=most).contains(&value), "{id} counts {value}, and {least} to {most} were made");
                } else if name != "number" {
                    let field = data.get("number").map_or_else(|| format!("{id}.{name}"), |n| format!("number-{n}"));
                    let before = stored.insert(field.clone(), value);
                    assert_eq!(before, None, "{field} is there twice");
                }
            }
        }
        for (field, possible) in &self.fields {
            let value = stored.remove(field);
            assert!(possible.contains(&value), "{field} is {value:?}, and may be {possible:?}");
        }
        assert_eq!(stored, BTreeMap::new(), "nobody stored this");
    }
}
