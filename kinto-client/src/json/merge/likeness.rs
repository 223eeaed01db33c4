//! Compares the items of lists.

use std::{cmp::Ordering, collections::HashMap};

use serde_json::Value;

use super::json::parsed;

/// A scalar that could tell an item from others: its path, and its JSON.
pub(super) type Mark = (String, String);

/// The text and the numbers in an item.
pub(super) fn marks(json: &str) -> Vec<Mark> {
    const MOST: usize = 32;
    fn look(value: &Value, path: &str, marks: &mut Vec<(String, String)>) {
        if marks.len() >= MOST {
            return;
        }
        match value {
            Value::String(_) | Value::Number(_) => marks.push((path.to_owned(), value.to_string())),
            Value::Object(object) => {
                object.iter().for_each(|(key, value)| look(value, &format!("{path}.{key}"), marks));
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(index, value)| look(value, &format!("{path}[{index}]"), marks));
            }
            Value::Null | Value::Bool(_) => {}
        }
    }
    let (value, mut marks) = (parsed(json), Vec::new());
    let mut inner = &value;
    // What has one key for all it holds may be the variant of an enum, and have been another.
    if let Some((_, only)) =
        inner.as_object().filter(|object| object.len() == 1).and_then(|object| object.iter().next())
        && (only.is_object() || only.is_array())
    {
        inner = only;
    }
    look(inner, "", &mut marks);
    marks
}

/// The same, by the last key of each path: it may be in more, or in less, than it was.
fn tokens(marks: Vec<Mark>) -> Vec<Mark> {
    let last = |path: String| {
        let key = path.rsplit('.').next().unwrap_or_default();
        key.split('[').next().unwrap_or_default().to_owned()
    };
    marks.into_iter().map(|(path, value)| (last(path), value)).collect()
}

fn common(one: &[Mark], other: &[Mark]) -> usize {
    one.iter().filter(|mark| other.contains(mark)).count()
}

/// Returns true if more than half of what tells two values from others is the same in both.
pub(super) fn are_mostly_same(one: &str, other: &str) -> bool {
    let (one, other) = (tokens(marks(one)), tokens(marks(other)));
    common(&one, &other) * 2 > one.len().max(other.len())
}

/// Returns true if what one item said may be what the other says now, after so much of it was changed.
fn may_be_same(common: usize, one: &[Mark], other: &[Mark]) -> bool {
    let least = one.len().min(other.len());
    common * 2 > least || (common >= 2 && common * 5 > least * 2)
}

/// Returns true if both have a field that tells items apart by its name, and with different values.
fn are_others_by_name(one: &str, other: &str) -> bool {
    let names = |item: &str| marks(item).into_iter().filter(|(path, _)| is_identity(path)).collect::<Vec<_>>();
    let (one, other) = (names(one), names(other));
    one.iter().any(|(path, value)| other.iter().any(|(known, other)| known == path && other != value))
}

/// An item, and the one of the other state that it was paired with.
pub(super) struct Paired<'a> {
    pub(super) item: &'a str,
    pub(super) with: Option<&'a str>,
}

/// Returns true if one of the items that were, and one of those that are, have more in common than each with the one that
/// it is paired with; or as much for one of the two, or both are paired with none, and so much that they may be the same.
pub(super) fn belong_together(before: &[Paired<'_>], after: &[Paired<'_>], is_set: &dyn Fn() -> bool) -> bool {
    /// A value that more items have says nothing.
    const MOST: usize = 16;
    let of = |item: &str| tokens(marks(item));
    let own = |tokens: &[Mark], paired: &Paired<'_>| paired.with.map(|with| common(tokens, &of(with)));
    let after = after.iter().map(|paired| {
        let tokens = of(paired.item);
        let own = own(&tokens, paired);
        (paired.item, tokens, own)
    });
    let after: Vec<(&str, Vec<Mark>, Option<usize>)> = after.collect();
    let mut index: HashMap<&Mark, Vec<usize>> = HashMap::new();
    for (place, (_, tokens, _)) in after.iter().enumerate() {
        for token in tokens {
            index.entry(token).or_default().push(place);
        }
    }
    before.iter().any(|paired| {
        let tokens = of(paired.item);
        let own = own(&tokens, paired);
        let mut counts: HashMap<usize, usize> = HashMap::new();
        let telling = tokens.iter().filter_map(|token| index.get(token)).filter(|places| places.len() <= MOST);
        for place in telling.flatten() {
            *counts.entry(*place).or_default() += 1;
        }
        counts.into_iter().any(|(place, count)| {
            let Some((item, others, of_other)) = after.get(place) else { return false };
            let (own, of_other) = (own.map(|own| count.cmp(&own)), of_other.map(|own| count.cmp(&own)));
            match (own, of_other) {
                (Some(Ordering::Less), _) | (_, Some(Ordering::Less)) => false,
                (None, None) => may_be_same(count, &tokens, others) && !are_others_by_name(paired.item, item),
                (Some(Ordering::Equal), Some(Ordering::Greater)) | (Some(Ordering::Greater), Some(Ordering::Equal)) => {
                    may_be_same(count, &tokens, others)
                }
                (Some(Ordering::Equal), _) | (_, Some(Ordering::Equal)) => {
                    may_be_same(count, &tokens, others) && paired.with != Some(*item) && is_set()
                }
                _ => true,
            }
        })
    })
}

/// Returns true if a field goes by a name that says that it tells items apart.
pub(super) fn is_identity(field: &str) -> bool {
    matches!(field.trim_start_matches(['.', '_']), "id" | "key" | "slug" | "uuid" | "guid")
}

/// The positions of the values of a field.
pub(super) type Places = Vec<(String, usize)>;

/// The values of all fields that tell items apart.
pub(super) fn by_field(items: &[&str]) -> HashMap<String, Places> {
    let mut fields: HashMap<String, Places> = HashMap::new();
    for (place, item) in items.iter().enumerate() {
        // That two have an empty text in common says nothing.
        for (field, value) in marks(item).into_iter().filter(|(_, value)| value != "\"\"") {
            fields.entry(field).or_default().push((value, place));
        }
    }
    fields
}

/// Returns the position of each value, if none occurs twice.
pub(super) fn unique(places: &Places) -> Option<HashMap<&String, usize>> {
    let unique: HashMap<&String, usize> = places.iter().map(|(value, place)| (value, *place)).collect();
    (unique.len() == places.len()).then_some(unique)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn together(before: &[(&str, Option<&str>)], after: &[(&str, Option<&str>)]) -> bool {
        fn paired<'a>(items: &[(&'a str, Option<&'a str>)]) -> Vec<Paired<'a>> {
            items.iter().map(|(item, with)| Paired { item, with: *with }).collect()
        }
        belong_together(&paired(before), &paired(after), &|| false)
    }

    #[test]
    fn removed_item_and_new_one_are_the_same_if_enough_of_it_is() {
        let removed = r#"{"name":"milk","count":3,"note":"cold"}"#;
        for (new, is_same) in [
            (r#"{"name":"milk","count":4,"note":"cold"}"#, true),
            (r#"{"name":"oats","count":3,"note":"cold"}"#, true),
            (r#"{"name":"oats","count":3,"note":"dry"}"#, false),
            (r#"{"inner":{"name":"milk","count":3},"note":"cold"}"#, true),
        ] {
            assert_eq!(together(&[(removed, None)], &[(new, None)]), is_same, "{new}");
        }
    }

    #[test]
    fn items_of_different_ids_are_different() {
        let removed = r#"{"id":1,"owner":{"id":7},"count":3}"#;
        for (new, is_same) in
            [(r#"{"id":2,"owner":{"id":7},"count":3}"#, false), (r#"{"id":1,"owner":{"id":8},"count":3}"#, true)]
        {
            assert_eq!(together(&[(removed, None)], &[(new, None)]), is_same, "{new}");
        }
    }

    #[test]
    fn paired_items_belong_elsewhere_only_if_both_have_more_in_common_there() {
        let (tea, tea_now) = (r#"{"name":"tea","count":1,"note":"hot"}"#, r#"{"name":"tea","count":2,"note":"hot"}"#);
        let (jam, jam_now) = (r#"{"name":"jam","count":2,"note":"red"}"#, r#"{"name":"jam","count":3,"note":"red"}"#);
        let right = [(tea, Some(tea_now)), (jam, Some(jam_now))];
        assert!(!together(&right, &[(tea_now, Some(tea)), (jam_now, Some(jam))]));
        let wrong = [(tea, Some(jam_now)), (jam, Some(tea_now))];
        assert!(together(&wrong, &[(jam_now, Some(tea)), (tea_now, Some(jam))]));
        // The second may have moved up in place of the first, which was removed, and another one was added.
        let (one, two) = (r#"{"k":1,"name":"tea","count":3}"#, r#"{"k":2,"name":"tea","count":3}"#);
        let (left, added) = (r#"{"k":5,"name":"tea","count":3}"#, r#"{"k":6,"name":"jam","count":1}"#);
        assert!(together(&[(one, Some(left)), (two, Some(added))], &[(left, Some(one)), (added, Some(two))]));
    }

    #[test]
    fn most_is_of_the_longer_one() {
        let list = r#"[{"count":1,"name":"a"},{"count":1,"name":"b"},{"count":1,"name":"c"}]"#;
        assert!(are_mostly_same(list, r#"[{"count":1,"name":"a"},{"count":1,"name":"b"},{"count":2,"name":"d"}]"#));
        assert!(!are_mostly_same(list, r#"[{"count":1,"name":"x"}]"#));
    }
}
