//! The order in which Python's validator finds violations of a schema that the database has stored.

use jsonschema::ValidationError;

/// Returns what errors are sorted by: the keywords and names on the way to each, which `jsonb` sorts by length and then
/// by their bytes, and the indices of the items on this way.
pub(super) fn of(error: &ValidationError<'_>) -> Vec<(usize, String)> {
    let (rules, instance) = (error.evaluation_path().to_string(), error.instance_path().to_string());
    let mut rules = rules.split('/').skip(1).peekable();
    let mut instance = instance.split('/').skip(1);
    let mut key = Vec::new();
    let mut add = |part: &str| key.push((part.len(), part.to_owned()));
    while let Some(keyword) = rules.next() {
        match keyword {
            // Both are looked at where `if` stands.
            "then" | "else" => {
                add("if");
                add(keyword);
            }
            "properties" | "patternProperties" => {
                add(keyword);
                rules.next().into_iter().for_each(&mut add);
                instance.next();
            }
            "additionalProperties" | "additionalItems" => {
                add(keyword);
                instance.next();
            }
            // An index follows where each item has a schema of its own.
            "items" => {
                add(keyword);
                rules.next_if(|part| part.parse::<usize>().is_ok());
                instance.next().into_iter().for_each(&mut add);
            }
            "allOf" | "dependencies" => {
                add(keyword);
                rules.next().into_iter().for_each(&mut add);
            }
            _ => add(keyword),
        }
    }
    key
}
