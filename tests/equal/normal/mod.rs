//! Answers without what two servers may answer differently, so that the rest can be compared.

mod body;
mod names;
mod text;
mod times;

use http::HeaderMap;
use serde_json::{Map, Value, json};

use crate::concrete::Asked;
use crate::side::Answer;
use crate::step::decoded;

pub(crate) use names::Names;
pub(crate) use times::Times;

/// The headers that are compared by their value.
const SAME: [&str; 9] = [
    "alert",
    "backoff",
    "cache-control",
    "content-type",
    "location",
    "pragma",
    "retry-after",
    "total-objects",
    "total-records",
];
/// The headers of which it matters that they are there.
const THERE: [&str; 3] = ["expires", "last-modified", "www-authenticate"];

/// The compared parts of a response.
pub(crate) fn normal(names: &mut Names, asked: &Asked, answer: &Answer) -> Value {
    let text = String::from_utf8_lossy(&answer.body);
    let body = match serde_json::from_str(&text) {
        Ok(body) => body,
        Err(_) if text.is_empty() => Value::Null,
        Err(_) => "<text>".into(),
    };
    let headers = of_map(&answer.headers);
    let status = answer.status.as_u16();
    let Some(parts) = body.get("responses").and_then(Value::as_array).filter(|_| asked.path == "/batch") else {
        return part(names, asked, status, &headers, body);
    };
    let mut shown_parts = Vec::new();
    for (answer, asked) in parts.iter().zip(asked.parts()) {
        let part = of_batch(names, &asked, answer);
        if part["status"] == 409 {
            // All that was answered before is taken back, with its timestamps.
            names.forget("/");
        }
        shown_parts.push(part);
    }
    let parts = shown_parts;
    json!({"status": status, "headers": shown(names, asked, "", &headers), "body": {"responses": parts}})
}

fn of_batch(names: &mut Names, asked: &Asked, answer: &Value) -> Value {
    let headers = answer["headers"].as_object().cloned().unwrap_or_default();
    let headers: Vec<(String, String)> = headers
        .iter()
        .map(|(name, value)| (name.to_lowercase(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect();
    let status = answer["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or_default();
    let mut part = part(names, asked, status, &headers, answer["body"].clone());
    part["path"] = answer["path"].as_str().map(|path| names.text(path)).into();
    part
}

fn part(names: &mut Names, asked: &Asked, status: u16, headers: &[(String, String)], body: Value) -> Value {
    let id = body.get("data").and_then(|data| data.get("id")).and_then(Value::as_str);
    let is_made = status == 201 && asked.method == "POST" && id.is_some_and(|id| !asked.body.contains(id));
    if let Some(id) = id.filter(|_| is_made) {
        names.meet(id, &format!("of {}", asked.label));
    }
    let list = match (asked.path.trim_end_matches('/'), id) {
        ("/accounts", Some(id)) => format!("/accounts/{id}"),
        ("/accounts", None) => format!("/accounts of {:?}", asked.who),
        (path, _) => names.list(path, asked.who),
    };
    let gone = gone(names, asked, status, &body);
    let has_next = headers.iter().any(|(name, _)| name == "next-page");
    let body = body::normal(names, asked, &list, has_next, body);
    let mut headers = shown(names, asked, &list, headers);
    if (300..400).contains(&status) {
        // The page of a redirection is for nobody.
        headers["content-type"] = Value::Null;
    }
    let body = if (300..400).contains(&status) { Value::Null } else { body };
    for path in &gone {
        names.forget(path);
    }
    json!({"status": status, "headers": headers, "body": body})
}

/// The paths of what is deleted by this, and with it all that is below.
fn gone(names: &mut Names, asked: &Asked, status: u16, body: &Value) -> Vec<String> {
    if asked.method != "DELETE" || status != 200 || asked.path.contains("/records") {
        return Vec::new();
    }
    let list = names.list(&asked.path, asked.who);
    let data = &body["data"];
    let objects = data.as_array().map_or_else(|| std::slice::from_ref(data), Vec::as_slice);
    let ids: Vec<&str> = objects.iter().filter_map(|object| object["id"].as_str()).collect();
    ids.into_iter().map(|id| format!("{list}/{}/", names.text(id))).collect()
}

fn of_map(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

fn shown(names: &mut Names, asked: &Asked, list: &str, headers: &[(String, String)]) -> Value {
    let mut shown = Map::new();
    for (name, value) in headers {
        let value: Value = match name.as_str() {
            "etag" => match value.trim_matches('"').parse() {
                Ok(time) if *value == format!("\"{time}\"") => names.time(list, time),
                _ => names.text(value).into(),
            },
            "allow" => {
                let mut methods: Vec<&str> = value.split(',').map(str::trim).collect();
                methods.sort_unstable();
                methods.join(", ").into()
            }
            "next-page" => next_page(names, value).into(),
            name if SAME.contains(&name) => names.text(&decoded(value)).into(),
            name if THERE.contains(&name) => "there".into(),
            _ => continue,
        };
        shown.insert(name.clone(), value);
    }
    // A `HEAD` has no body, and what type it would have is nobody's concern where there is none.
    if asked.method == "HEAD" {
        shown.remove("content-type");
    }
    shown.into()
}

/// The address of the next page without its token, which holds a random word.
fn next_page(names: &mut Names, address: &str) -> String {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let kept = query.split('&').filter(|pair| !pair.starts_with("_token=")).map(|pair| pair.replace('+', "%20"));
    let kept: Vec<String> = kept.map(|pair| names.text(&decoded(&pair))).collect();
    format!("{}?{}", names.text(path), kept.join("&"))
}
