//! The bodies of answers.

use serde_json::{Map, Value, json};

use super::names::Names;
use super::text::message;
use crate::concrete::Asked;

/// A body with names for what the server has made.
pub(super) fn normal(names: &mut Names, asked: &Asked, list: &str, has_next: bool, body: Value) -> Value {
    let Value::Object(body) = body else { return anything(names, list, body) };
    let mut normal = Map::new();
    for (field, value) in body {
        let value = match (field.as_str(), value) {
            ("data", Value::Array(items)) => items_of(names, asked, list, has_next, items),
            ("data", Value::Object(item)) => object(names, list, item),
            ("message", Value::String(text)) => message(&names.text(&text)).into(),
            ("details", Value::Array(details)) => details.into_iter().map(|error| detail(names, list, error)).collect(),
            ("details", Value::Object(mut details)) => {
                let existing = details.remove("existing");
                let mut details = anything(names, list, details.into());
                if let Some(Value::Object(existing)) = existing {
                    details["existing"] = object(names, list, existing);
                }
                details
            }
            // The file the server was configured by is its own.
            ("config", _) => Value::Null,
            ("capabilities", Value::Object(plugins)) => capabilities(plugins),
            ("permissions", value) => as_sets(anything(names, list, value)),
            (_, value) => anything(names, list, value),
        };
        normal.insert(field, value);
    }
    normal.into()
}

/// Returns the capabilities of the server, without the texts about them, and without those that only the real one has.
fn capabilities(plugins: Map<String, Value>) -> Value {
    let plugins = plugins.into_iter().filter(|(name, _)| name != "admin" && name != "flush_endpoint");
    let shown = plugins.map(|(name, mut details)| {
        if let Some(details) = details.as_object_mut() {
            details.retain(|field, _| field != "description" && field != "url");
        }
        (name, details)
    });
    shown.collect()
}

fn detail(names: &mut Names, list: &str, error: Value) -> Value {
    let mut error = anything(names, list, error);
    if let Some(text) = error.get("description").and_then(Value::as_str) {
        error["description"] = message(text).into();
    }
    error
}

/// An object of a list.
fn object(names: &mut Names, list: &str, fields: Map<String, Value>) -> Value {
    let mut normal = Map::new();
    for (field, value) in fields {
        let value = match (field.as_str(), value.as_i64()) {
            // The timestamp of the collection whose schema it was checked by.
            ("schema", Some(time)) if list.ends_with("/records") => {
                let collections = list.rsplitn(3, '/').last().unwrap_or_default();
                names.past_time(collections, time)
            }
            ("date", None) if list.ends_with("/history") => "<date>".into(),
            ("target", None) if list.ends_with("/history") => continue,
            _ => anything(names, list, value),
        };
        normal.insert(field, value);
    }
    normal.into()
}

/// An entry of a history: what was written is an object of another list.
fn entry(names: &mut Names, list: &str, mut fields: Map<String, Value>) -> Value {
    let target = fields.get_mut("target").map(Value::take);
    let of = fields.get("uri").and_then(Value::as_str).map(str::to_owned);
    let mut normal = object(names, list, fields);
    if let Some(mut target) = target {
        let of = of.map_or_else(|| "unknown".to_owned(), |uri| names.list(&uri, crate::step::Who::Nobody));
        let mut data = target.get_mut("data").map(Value::take).unwrap_or_default();
        let mut shown = anything(names, list, target);
        let time = data.as_object_mut().and_then(|data| data.remove("last_modified"));
        shown["data"] = match data {
            Value::Object(data) => object(names, &of, data),
            data => anything(names, &of, data),
        };
        if let Some(time) = time {
            let past = time.as_i64().map(|time| names.past_time(&of, time));
            shown["data"]["last_modified"] = past.unwrap_or(time);
        }
        normal["target"] = shown;
    }
    normal
}

/// Any JSON: texts with names, timestamps as those of the list, and lists of principals, which are sets, in order.
fn anything(names: &mut Names, list: &str, value: Value) -> Value {
    match value {
        Value::String(text) => names.text(&text).into(),
        Value::Number(number) => match number.as_i64() {
            Some(time) => names.time(list, time),
            None => number.into(),
        },
        Value::Array(items) => items.into_iter().map(|item| anything(names, list, item)).collect(),
        Value::Object(fields) => {
            let mut normal = Map::new();
            for (field, value) in fields {
                let is_set = field == "permissions" || field == "principals";
                let value = anything(names, list, value);
                normal.insert(field, if is_set { as_sets(value) } else { value });
            }
            normal.into()
        }
        value => value,
    }
}

fn as_sets(value: Value) -> Value {
    match value {
        Value::Array(items) => sorted(items).into(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, as_sets(value))).collect(),
        value => value,
    }
}

fn sorted(mut items: Vec<Value>) -> Vec<Value> {
    items.sort_by_cached_key(Value::to_string);
    items
}

/// The objects of a list, or what is left of those that were deleted.
fn items_of(names: &mut Names, asked: &Asked, list: &str, has_next: bool, items: Vec<Value>) -> Value {
    let is_page = has_next || asked.query.contains("_token") || asked.query.contains("_limit");
    let ids = || items.iter().filter_map(|item| item.get("id")?.as_str());
    if asked.path.trim_end_matches('/') == "/permissions" {
        return of_permissions(names, is_page, items);
    }
    if asked.method == "DELETE" {
        // PostgreSQL returns them in no order, and so it gave them their timestamps: the entries of the history too.
        names.meet_all(ids());
        let times: Vec<i64> = items.iter().filter_map(time_of).collect();
        if times.len() > 1 {
            names.loosen(list, &times);
        }
        return sorted(items.into_iter().map(|item| one(names, list, item)).collect()).into();
    }
    if list.ends_with("/history") {
        loosen_entries(names, list, &items);
    }
    let groups: Vec<Option<String>> =
        items.iter().map(|item| names.loose_time(list, time_of(item)?).map(str::to_owned)).collect();
    let is_cut = groups.first().is_some_and(Option::is_some) || groups.last().is_some_and(Option::is_some);
    if is_page && is_cut {
        // Which of them are on this page is not promised.
        return json!({"objects": items.len()});
    }
    let items = items.into_iter().map(|item| one(names, list, item));
    let mut all: Vec<(Option<String>, Value)> = groups.into_iter().zip(items).collect();
    for run in all.chunk_by_mut(|(one, _), (other, _)| one == other) {
        if run[0].0.is_some() {
            run.sort_by_cached_key(|(_, item)| item.to_string());
        }
    }
    all.into_iter().map(|(_, item)| item).collect()
}

fn one(names: &mut Names, list: &str, item: Value) -> Value {
    match item {
        Value::Object(fields) if list.ends_with("/history") => entry(names, list, fields),
        Value::Object(fields) if list.starts_with("/accounts") => {
            let id = fields.get("id").and_then(Value::as_str).unwrap_or_default();
            let list = format!("/accounts/{id}");
            object(names, &list, fields)
        }
        Value::Object(fields) => object(names, list, fields),
        item => anything(names, list, item),
    }
}

fn time_of(item: &Value) -> Option<i64> {
    item.get("last_modified")?.as_i64()
}

/// The entries about objects that were deleted at once have an order as little as those.
fn loosen_entries(names: &mut Names, list: &str, items: &[Value]) {
    let mut groups: Vec<(String, Vec<i64>, Vec<&str>)> = Vec::new();
    for item in items {
        let uri = item["uri"].as_str().unwrap_or_default();
        let of = names.list(uri, crate::step::Who::Nobody);
        let deleted = item.get("target").and_then(|target| target.get("data")).and_then(time_of);
        let Some(group) = deleted.and_then(|time| names.loose_time(&of, time)) else { continue };
        let group = format!("entry of {group}");
        let (Some(time), Some(id)) = (time_of(item), item["id"].as_str()) else { continue };
        match groups.iter_mut().find(|(name, ..)| *name == group) {
            Some((_, times, ids)) => {
                times.push(time);
                ids.push(id);
            }
            None => groups.push((group, vec![time], vec![id])),
        }
    }
    for (group, times, ids) in groups {
        names.loosen_as(list, &times, &group);
        names.meet_all(ids.into_iter());
    }
}

/// By default they are in the order of the URIs: where ids are made by the server that is by chance.
fn of_permissions(names: &mut Names, is_page: bool, items: Vec<Value>) -> Value {
    let by_chance = names.is_random();
    if by_chance && is_page {
        return json!({"objects": items.len()});
    }
    let items: Vec<Value> = items.into_iter().map(|item| as_sets_of(anything(names, "/permissions", item))).collect();
    if by_chance { sorted(items).into() } else { items.into() }
}

fn as_sets_of(mut item: Value) -> Value {
    if let Some(permissions) = item.get_mut("permissions") {
        *permissions = as_sets(permissions.take());
    }
    item
}
