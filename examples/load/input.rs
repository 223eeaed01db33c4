//! The contents of the file, and the id of each record, which is the same each time the file is read.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::Path,
};

use kinto_client::{JsonObject, Value};

use crate::failure::{Failure, Result};

/// A record of the file.
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) data: JsonObject,
}

pub(crate) fn read(file: &Path) -> Result<Vec<Item>> {
    let failed = |why: String| Failure::new(format!("{}: {why}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
    let json: Value = serde_json::from_str(&text).map_err(|error| failed(format!("this is not JSON: {error}")))?;
    items(json).map_err(failed)
}

fn items(json: Value) -> Result<Vec<Item>, String> {
    let list = match json {
        Value::Object(mut object) => object.remove("data").unwrap_or_default(),
        other => other,
    };
    let Value::Array(records) = list else {
        return Err(r#"this is neither a list of records nor {"data": [a list of records]}"#.to_owned());
    };
    let mut ids = Ids::default();
    let numbered = (1..).zip(records);
    numbered.map(|(n, record)| ids.item(record).map_err(|why| format!("record {n}: {why}"))).collect()
}

#[derive(Default)]
struct Ids {
    taken: HashSet<String>,
    /// The number of records with the same content and without an id so far.
    seen: HashMap<String, usize>,
}

impl Ids {
    fn item(&mut self, record: Value) -> Result<Item, String> {
        let Value::Object(data) = record else { return Err("this is no JSON object".to_owned()) };
        let id = match data.get("id") {
            Some(Value::String(id)) => id.clone(),
            Some(other) => return Err(format!("an id must be text, and this one is {other}")),
            None => self.of_content(&data)?,
        };
        if !self.taken.insert(id.clone()) {
            return Err(format!("there is another record with the id {id:?} before it"));
        }
        Ok(Item { id, data })
    }

    /// Another run has to find the same id for it, and the second of two equal records is another record.
    fn of_content(&mut self, data: &JsonObject) -> Result<String, String> {
        let content = serde_json::to_string(data).map_err(|error| error.to_string())?;
        let before = self.seen.entry(content.clone()).or_default();
        let id = format!("{:032x}", fnv(&format!("{before} {content}")));
        *before += 1;
        Ok(id)
    }
}

/// FNV-1a with 128 bits: what `std` hashes with may be another thing in the next version.
fn fnv(text: &str) -> u128 {
    const PRIME: u128 = (1 << 88) + 0x13b;
    const START: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    text.bytes().fold(START, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME))
}
