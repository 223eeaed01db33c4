//! "Did you mean …?"

/// The candidate that `given` is most likely a misspelling of.
pub(crate) fn nearest<'a>(given: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let given = given.to_lowercase();
    candidates
        .iter()
        .map(|candidate| (score(&given, candidate), *candidate))
        .min()
        .filter(|(score, candidate)| *score <= candidate.chars().count().div_ceil(3))
        .map(|(_, candidate)| candidate)
}

/// All candidates, as the end of "expected …".
pub(crate) fn one_of(candidates: &[&str]) -> String {
    let quoted: Vec<_> = candidates.iter().map(|candidate| format!("`{candidate}`")).collect();
    match quoted.as_slice() {
        [one] => one.clone(),
        all => format!("one of {}", all.join(", ")),
    }
}

/// The edit distance, except that an abbreviation is never far from the whole.
fn score(given: &str, candidate: &str) -> usize {
    let abbreviates = |short: &str, long: &str| short.len() >= 3 && long.starts_with(short);
    if abbreviates(given, candidate) || abbreviates(candidate, given) { 1 } else { distance(given, candidate) }
}

/// How many insertions, removals and replacements lead from `a` to `b`.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut left = i + 1;
        let mut diagonal = i;
        for (cell, to) in row.iter_mut().skip(1).zip(b.chars()) {
            let replaced = diagonal + usize::from(from != to);
            diagonal = *cell;
            left = replaced.min(left + 1).min(diagonal + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
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
