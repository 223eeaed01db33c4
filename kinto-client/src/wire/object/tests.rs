use http::{HeaderMap, StatusCode};

use super::permissions::RecordPermissions;
use super::*;

fn read(answer: impl AsRef<[u8]>) -> Result<Record<Value>> {
    let body = Bytes::copy_from_slice(answer.as_ref());
    Record::from_answer(&Response::new(StatusCode::OK, HeaderMap::new(), body))
}

#[test]
fn object_decodes_response_in_any_key_order() {
    let data = r#"{"id":"r","last_modified":7,"a":[1, 2]}"#;
    let write = r#"{"write":["me"]}"#;
    let shown = Permissions::Visible(RecordPermissions::default().write("me").into());
    for (answer, permissions) in [
        (format!(r#"{{"data":{data},"permissions":{write}}}"#), &shown),
        (format!(r#"{{"permissions":{write},"data":{data}}}"#), &shown),
        (format!("\n{{ \"data\" : {data} ,\n\"permissions\" : {write} }}\n"), &shown),
        (format!(r#"{{"more":{{"data":1}},"data":{data},"permissions":{write}}}"#), &shown),
        (format!(r#"{{"data":{data},"permissions":{write},"more":1}}"#), &shown),
        (format!(r#"{{"data":{data}}}"#), &Permissions::NotVisible),
        (format!(r#"{{"data":{data},"permissions":{{}}}}"#), &Permissions::NotVisible),
        (format!(r#"{{"data":{data},"permissions":null}}"#), &Permissions::NotVisible),
    ] {
        let record = read(&answer).unwrap();
        assert_eq!((&record.permissions, record.raw_json()), (permissions, data), "{answer}");
        assert_eq!((record.id.as_str(), record.last_modified.as_millis()), ("r", 7));
        assert_eq!(record.data, serde_json::json!({"a": [1, 2]}));
    }
}

#[test]
fn object_rejects_malformed_response() {
    let data = r#"{"id":"r","last_modified":7}"#;
    for answer in [
        String::new(),
        "{}".to_owned(),
        format!(r#"{{"data":{data}}}x"#),
        format!(r#"{{"data":{data}"#),
        format!(r#"{{"data":{data},"data":{data}}}"#),
        format!(r#"{{"data""data":{data}}}"#),
        format!(r#"{{"data":{data},"permissions":{{}},"permissions":{{}}}}"#),
        format!(r#"{{"data":{data},"permissions":[]}}"#),
    ] {
        assert!(read(&answer).is_err_and(|error| error.is_unexpected()), "{answer}");
    }
    let no_text = b"{\"data\":{\"id\":\"r\",\"last_modified\":7,\"a\":\"\xff\"}}";
    assert!(read(no_text).is_err_and(|error| error.is_unexpected()));
    assert!(read(r#"{"data":{"id":"r"}}"#).is_err_and(|error| error.is_decode()));
}
