//! The laws of saves and patches, for any contents of the server and any change.

use kinto_client::{
    Collection, JsonObject, Record, Result, Value,
    object::{JsonPatch, RecordData},
};

use super::{Note, Script};

/// The fields that the server adds to every object, and that no patch changes.
const STAMP: [&str; 2] = ["id", "last_modified"];

/// A server that has this object, if it is one that can be compared, and fails when it is asked for anything after that.
fn holding(received: &str) -> Option<Script> {
    serde_json::from_str::<JsonObject>(received).ok()?;
    Some(Script::new(format!("200\n\n{{\"data\":{received}}}\x00500\n\n").as_bytes()))
}

fn collection(script: &Script) -> Collection {
    script.client().bucket("b").collection("c")
}

fn without_stamp(mut data: JsonObject) -> JsonObject {
    data.retain(|key, _| !STAMP.contains(&key.as_str()));
    data
}

/// The data in the body of a write.
fn data_in(body: &[u8]) -> JsonObject {
    let mut body: Value = serde_json::from_slice(body).expect("what is sent is JSON");
    serde_json::from_value(body["data"].take()).expect("data is an object")
}

/// Returns the data that a save would send, or `None` if there are no changes.
fn saved<T: RecordData>(collection: &Collection, record: &mut Record<T>) -> Result<Option<JsonObject>> {
    let request =
        collection.save_record(record).preview().inspect_err(|error| assert!(error.is_invalid(), "{error}"))?;
    Ok(request.body().map(|body| data_in(body.as_bytes())))
}

/// The stamp of the schema that the object was checked against, which JSON is not shown and a save leaves where it is.
fn schema_stamp(received: &str) -> Option<Value> {
    const SEPTEMBER_2001: u64 = 1_000_000_000_000;
    let mut received: JsonObject = serde_json::from_str(received).ok()?;
    received.remove("schema").filter(|stamp| stamp.as_u64().is_some_and(|millis| millis >= SEPTEMBER_2001))
}

/// JSON that is changed into other JSON and saved is that other JSON.
pub async fn save_json(received: &str, changed: &str) {
    let (Some(script), Ok(changed)) = (holding(received), serde_json::from_str::<JsonObject>(changed)) else { return };
    let notes = collection(&script);
    let Ok(mut record) = notes.get_record::<JsonObject>("r").await else { return };
    let before = record.data.clone();
    assert!(matches!(saved(&notes, &mut record), Err(_) | Ok(None)), "what was not changed is sent: {received}");
    record.data.clone_from(&changed);
    match saved(&notes, &mut record) {
        Err(_) => {}
        Ok(None) => assert_eq!(before, without_stamp(changed), "a change is not sent"),
        Ok(Some(sent)) => {
            let mut expected = without_stamp(changed);
            if let (false, Some(stamp)) = (expected.contains_key("schema"), schema_stamp(received)) {
                expected.insert("schema".to_owned(), stamp);
            }
            assert_eq!(sent, expected, "another change is sent");
        }
    }
}

/// A [`Note`] that is changed into another one and saved is that other one, with everything that a note does not know.
pub async fn save_note(received: &str, changed: &str) {
    let (Some(script), Ok(changed)) = (holding(received), serde_json::from_str::<Note>(changed)) else { return };
    let notes = collection(&script);
    let Ok(mut record) = notes.get_record::<Note>("r").await else { return };
    let same_lines = record.data.lines == changed.lines;
    record.data.clone_from(&changed);
    let Ok(Some(sent)) = saved(&notes, &mut record) else { return };
    assert_eq!(serde_json::from_value::<Note>(sent.clone().into()).expect("a note"), changed);
    let received: JsonObject = serde_json::from_str(received).expect("it was read");
    let known = |key: &str| STAMP.contains(&key) || ["title", "rank", "place", "lines"].contains(&key);
    assert_eq!(unknown(&sent, known), unknown(&received, known));
    if let (Some(Value::Object(sent)), Some(Value::Object(received))) = (sent.get("place"), received.get("place")) {
        assert_eq!(unknown(sent, |key| key == "name"), unknown(received, |key| key == "name"));
    }
    if same_lines && received.contains_key("lines") {
        assert_eq!(sent["lines"], received["lines"]);
    }
}

fn unknown(object: &JsonObject, known: impl Fn(&str) -> bool) -> JsonObject {
    object.iter().filter(|(key, _)| !known(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// A merge patch makes of the data what RFC 7396 says.
pub async fn merge_patch(received: &str, patch: &str) {
    let (Some(script), Ok(patch)) = (holding(received), serde_json::from_str::<JsonObject>(patch)) else { return };
    let merged = |received: &str| {
        let data = without_stamp(serde_json::from_str(received).expect("it was read"));
        let Value::Object(merged) = rfc_7396(data.into(), patch.clone().into()) else { return JsonObject::new() };
        without_stamp(merged)
    };
    let result = collection(&script).record::<JsonObject>("r").merge_patch(&patch).await;
    match (script.requests().get(1), result) {
        (Some(put), _) => assert_eq!(data_in(put.body()), merged(received)),
        (None, Ok(record)) => assert_eq!(record.data, merged(received), "a change is not sent"),
        (None, Err(_)) => {}
    }
}

/// The algorithm of the RFC, as it stands there.
fn rfc_7396(target: Value, patch: Value) -> Value {
    let Value::Object(patch) = patch else { return patch };
    let mut target = if let Value::Object(target) = target { target } else { JsonObject::new() };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(&name);
        } else {
            let old = target.remove(&name).unwrap_or(Value::Null);
            target.insert(name, rfc_7396(old, value));
        }
    }
    target.into()
}

/// A JSON patch, of which `operations` is the list, is made or refused as a whole.
pub async fn json_patch(received: &str, operations: &str) {
    let (Some(script), Ok(operations)) = (holding(received), serde_json::from_str::<Vec<Value>>(operations)) else {
        return;
    };
    let mut patch = JsonPatch::new();
    for operation in &operations {
        let keys =
            |name: &str| operation[name].as_str().unwrap_or_default().split('/').map(str::to_owned).collect::<Vec<_>>();
        let value = &operation["value"];
        patch = match operation["op"].as_str() {
            Some("add") => patch.add(keys("path"), value),
            Some("replace") => patch.replace(keys("path"), value),
            Some("test") => patch.test(keys("path"), value),
            Some("copy") => patch.copy(keys("from"), keys("path")),
            Some("move") => patch.relocate(keys("from"), keys("path")),
            _ => patch.remove(keys("path")),
        };
    }
    let result = collection(&script).record::<JsonObject>("r").json_patch(patch).await;
    match (script.requests().get(1), result) {
        (Some(put), _) => assert!(data_in(put.body()).keys().all(|key| !STAMP.contains(&key.as_str()))),
        (None, Err(error)) => assert!(!error.may_have_been_applied(), "{error}"),
        (None, Ok(_)) => {}
    }
}
