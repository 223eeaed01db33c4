//! The feature `testing`, as the tests of an application use it.

mod faults;
mod preset;
mod script;
mod tools;
mod writers;

use kinto_client::{TypedCollection, Value, json, testing::Kinto};

use crate::Todo;

/// The path of the collection.
const RECORDS: &str = "/buckets/lists/collections/todos/records";

/// A server with this bucket, its collection, and these records in it.
fn with_records(records: &Value) -> (Kinto, TypedCollection<Todo>) {
    let kinto = Kinto::new();
    kinto.preset(json!({"lists": {"collections": {"todos": {"records": records}}}})).expect("a preset");
    let todos = todos(&kinto);
    (kinto, todos)
}

fn todos(kinto: &Kinto) -> TypedCollection<Todo> {
    kinto.client().bucket("lists").collection("todos").typed()
}

/// The data of the records that are stored, by their ids.
fn stored(kinto: &Kinto) -> Value {
    let dump = kinto.dump();
    let records = dump["lists"]["collections"]["todos"]["records"].as_object().cloned().unwrap_or_default();
    let data = records.into_iter().map(|(id, mut record)| {
        record["data"].as_object_mut().expect("an object").remove("last_modified");
        (id, record["data"].take())
    });
    Value::Object(data.collect())
}

/// The requests that were received, without the path of the collection, which are then forgotten.
fn take_lines(kinto: &Kinto) -> Vec<String> {
    let lines = kinto.requests().iter().map(|request| request.line().replace(RECORDS, "…")).collect();
    kinto.clear_requests();
    lines
}
