//! The records of the input, read one after the other, and the id of each, which is the same each time it is read.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

use kinto_client::{JsonObject, Value};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::failure::{Failure, Result};

/// Opens a file; `-` is the standard input.
pub(crate) fn open(file: &Path) -> Result<Box<dyn Read + Send>> {
    if file == Path::new("-") {
        return Ok(Box::new(io::stdin()));
    }
    let opened = File::open(file).map_err(|error| Failure::new(format!("{}: {error}", file.display())))?;
    Ok(Box::new(opened))
}

/// Reads records until `take` returns `false`, and returns their number.
///
/// Only one of them is in memory, with 16 bytes for the id of each that came before.
pub(crate) fn read(input: impl Read, take: impl FnMut(Value) -> bool) -> Result<usize, String> {
    let mut records = Records { ids: Ids::default(), count: 0, stopped: false, take };
    let mut json = serde_json::Deserializer::from_reader(BufReader::new(input));
    let read = json.deserialize_any(Document(&mut records)).and_then(|()| json.end());
    match read {
        _ if records.stopped => Ok(records.count),
        Ok(()) => Ok(records.count),
        Err(error) if error.is_data() => Err(error.to_string()),
        Err(error) => Err(format!("this is not JSON: {error}")),
    }
}

struct Records<F> {
    ids: Ids,
    count: usize,
    /// True once no further record is taken.
    stopped: bool,
    take: F,
}

/// The whole document: a list, or an object with a list.
struct Document<'a, F>(&'a mut Records<F>);

const NEITHER: &str = r#"this is neither a list of records nor {"data": [a list of records]}"#;

impl<'de, F: FnMut(Value) -> bool> Visitor<'de> for Document<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"a list of records, or {"data": [a list of records]}"#)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut found = false;
        while let Some(key) = map.next_key::<String>()? {
            if key == "data" {
                map.next_value_seed(List(&mut *self.0))?;
                found = true;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        if found { Ok(()) } else { Err(A::Error::custom(NEITHER)) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(record) = list.next_element::<Value>()? {
            let records = &mut *self.0;
            records.count += 1;
            let record = records.ids.with_id(record);
            let record = record.map_err(|why| A::Error::custom(format!("record {}: {why}", records.count)))?;
            if !(records.take)(record) {
                records.stopped = true;
                return Err(A::Error::custom("it was stopped"));
            }
        }
        Ok(())
    }
}

/// The list within the document.
struct List<'a, F>(&'a mut Records<F>);

impl<'de, F: FnMut(Value) -> bool> DeserializeSeed<'de> for List<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(Document(self.0))
    }
}

#[derive(Default)]
struct Ids {
    taken: HashSet<u128>,
    /// The number of records with the same content and without an id so far.
    seen: HashMap<u128, usize>,
}

impl Ids {
    /// Returns the record with its id.
    fn with_id(&mut self, record: Value) -> Result<Value, String> {
        let Value::Object(mut data) = record else { return Err("this is no JSON object".to_owned()) };
        match data.get("id") {
            Some(Value::String(id)) => {
                if !self.taken.insert(fnv(id)) {
                    return Err(format!("there is another record with the id {id:?} before it"));
                }
            }
            Some(other) => return Err(format!("an id must be text, and this one is {other}")),
            None => {
                let id = self.of_content(&data)?;
                data.insert("id".to_owned(), id.into());
            }
        }
        Ok(data.into())
    }

    /// Another run has to find the same id for it, and the second of two equal records is another record.
    fn of_content(&mut self, data: &JsonObject) -> Result<String, String> {
        let content = serde_json::to_string(data).map_err(|error| error.to_string())?;
        let before = self.seen.entry(fnv(&content)).or_default();
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
