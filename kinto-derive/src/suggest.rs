//! Suggestions for misspelled words in messages.

use strsim::levenshtein as distance;

/// Returns the candidate that `given` is most likely a misspelling of.
pub(crate) fn nearest<'a>(given: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let given = given.to_lowercase();
    candidates
        .iter()
        .map(|candidate| (score(&given, candidate), *candidate))
        .min()
        .filter(|(score, candidate)| *score <= candidate.chars().count().div_ceil(3))
        .map(|(_, candidate)| candidate)
}

/// Formats all candidates, as the end of "expected …".
pub(crate) fn one_of(candidates: &[&str]) -> String {
    let quoted: Vec<_> = candidates.iter().map(|candidate| format!("`{candidate}`")).collect();
    match quoted.as_slice() {
        [one] => one.clone(),
        all => format!("one of {}", all.join(", ")),
    }
}

/// Returns the edit distance, which is small for an abbreviation of the candidate.
fn score(given: &str, candidate: &str) -> usize {
    let abbreviates = |short: &str, long: &str| short.len() >= 3 && long.starts_with(short);
    if abbreviates(given, candidate) || abbreviates(candidate, given) { 1 } else { distance(given, candidate) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &[&str] = &["bucket", "collection", "crate", "nested"];

    #[test]
    fn distances() {
        assert_eq!(distance("", ""), 0);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("bucket", "bukket"), 1);
        assert_eq!(distance("bucket", "bcuket"), 2);
    }

    #[test]
    fn suggests_what_was_probably_meant() {
        assert_eq!(nearest("bukket", KEYS), Some("bucket"));
        assert_eq!(nearest("Bucket", KEYS), Some("bucket"));
        assert_eq!(nearest("colection", KEYS), Some("collection"));
        assert_eq!(nearest("coll", KEYS), Some("collection"));
        assert_eq!(nearest("collections", KEYS), Some("collection"));
        assert_eq!(nearest("nest", KEYS), Some("nested"));
    }

    #[test]
    fn suggests_nothing_far_fetched() {
        assert_eq!(nearest("schema", KEYS), None);
        assert_eq!(nearest("id", KEYS), None);
        assert_eq!(nearest("", KEYS), None);
        assert_eq!(nearest("bucket", &[]), None);
    }
}
