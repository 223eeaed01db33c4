//! Objects within the items of a list, which can come to another item.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::{
    json::{is_telling, parsed},
    likeness::Paired,
};

/// An object within an item: the last key of its path, and its JSON.
type Part = (String, String);

/// Returns true if an object within an item, which holds something that the type does not know, has come to another item,
/// under another key.
pub(super) fn is_part_elsewhere<'a: 'p, 'p>(
    before: impl Iterator<Item = (Option<&'a str>, &'p Paired<'a>)>,
    after: &[Paired<'_>],
) -> bool {
    let parts_of = |item: &str| {
        let mut found = HashSet::new();
        parts("", &parsed(item), &mut found);
        found
    };
    let json_of = |item: &str| parts_of(item).into_iter().map(|(_, part)| part).collect::<HashSet<String>>();
    let came = |paired: &Paired<'_>| {
        let had = paired.with.map(json_of).unwrap_or_default();
        parts_of(paired.item).into_iter().filter(move |(_, part)| !had.contains(part))
    };
    let mut now: HashMap<String, HashSet<String>> = HashMap::new();
    for (key, part) in after.iter().flat_map(came) {
        now.entry(part).or_default().insert(key);
    }
    let mut before = before.filter_map(|(raw, paired)| Some((raw?, paired)));
    !now.is_empty()
        && before.any(|(raw, paired)| {
            let mut carrying = Vec::new();
            carrying_parts("", &parsed(paired.item), &parsed(raw), &mut carrying);
            carrying.retain(|(key, part)| now.get(part).is_some_and(|keys| keys.iter().any(|other| other != key)));
            let own = paired.with.filter(|_| !carrying.is_empty()).map(json_of).unwrap_or_default();
            carrying.iter().any(|(_, part)| !own.contains(part))
        })
}

/// Adds the objects within an item that hold more than the type knows, as the type writes them. Those in an array have its
/// key.
fn carrying_parts(key: &str, known: &Value, raw: &Value, parts: &mut Vec<Part>) {
    let pairs: Vec<(&str, &Value, &Value)> = match (known, raw) {
        (Value::Object(known), Value::Object(raw)) => {
            known.iter().filter_map(|(key, known)| Some((key.as_str(), known, raw.get(key)?))).collect()
        }
        (Value::Array(known), Value::Array(raw)) if known.len() == raw.len() => {
            known.iter().zip(raw).map(|(known, raw)| (key, known, raw)).collect()
        }
        _ => return,
    };
    for (key, known, raw) in pairs {
        if let (Value::Object(object), Value::Object(raw)) = (known, raw)
            && is_telling(known)
            && raw.keys().any(|key| !object.contains_key(key))
        {
            parts.push((key.to_owned(), known.to_string()));
        }
        carrying_parts(key, known, raw, parts);
    }
}

/// Adds all objects within an item.
fn parts(key: &str, item: &Value, found: &mut HashSet<Part>) {
    let inner: Vec<(&str, &Value)> = match item {
        Value::Object(object) => object.iter().map(|(key, value)| (key.as_str(), value)).collect(),
        Value::Array(items) => items.iter().map(|item| (key, item)).collect(),
        _ => return,
    };
    for (key, value) in inner {
        if value.is_object() {
            found.insert((key.to_owned(), value.to_string()));
        }
        parts(key, value, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_of_an_item_is_elsewhere_only_if_it_carries_something_and_left_its_own() {
        let (known, raw) = (r#"{"a":{"k":3}}"#, r#"{"a":{"k":3,"note":"x"}}"#);
        let (other, own) = (r#"{"b":{"k":3}}"#, r#"{"a":{"k":4}}"#);
        let elsewhere = |raw: &str, with: &str| {
            let before = Paired { item: known, with: Some(with) };
            let after = [Paired { item: with, with: Some(known) }, Paired { item: other, with: None }];
            is_part_elsewhere([(Some(raw), &before)].into_iter(), &after)
        };
        assert!(elsewhere(raw, own));
        assert!(!elsewhere(raw, known), "it is still in its own item");
        assert!(!elsewhere(known, own), "there is nothing that the type does not know");
    }

    #[test]
    fn part_under_the_same_key_is_the_item_s_own() {
        let elsewhere = |items: &[(&str, &str, &str)]| {
            let before: Vec<Paired<'_>> = items.iter().map(|(_, item, now)| Paired { item, with: Some(now) }).collect();
            let after: Vec<Paired<'_>> =
                items.iter().map(|(_, item, now)| Paired { item: now, with: Some(item) }).collect();
            is_part_elsewhere(items.iter().map(|(raw, ..)| Some(*raw)).zip(&before), &after)
        };
        let raw = r#"{"n":"A","by":{"name":"Ann","email":"x"}}"#;
        let of_equals = [
            (raw, r#"{"n":"A","by":{"name":"Ann"}}"#, r#"{"n":"A","by":{"name":"Bob"}}"#),
            (raw, r#"{"n":"B","by":{"name":"Ann"}}"#, r#"{"n":"C","by":{"name":"Ann"}}"#),
        ];
        assert!(!elsewhere(&of_equals), "the second had an equal part before");
        let counted = [
            (r#"{"stock":{"count":5,"unit":"kg"}}"#, r#"{"stock":{"count":5}}"#, r#"{"stock":{"count":4}}"#),
            (r#"{"stock":{"count":4,"unit":"kg"}}"#, r#"{"stock":{"count":4}}"#, r#"{"stock":{"count":3}}"#),
        ];
        assert!(!elsewhere(&counted), "a number that another had is hardly that one's part");
    }
}
