//! Suggestions for misspelled words in messages.

use strsim::levenshtein as distance;

/// Returns the end of a message about an unknown word: the most similar known word, or all known words.
pub(super) fn meant<'a>(word: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let nearest = known.clone().map(|known| (distance(word, known), known)).min();
    match nearest {
        Some((far, nearest)) if far <= nearest.len().div_ceil(3) => format!("did you mean `{nearest}`?"),
        Some(_) => format!("it can be {}", known.map(|known| format!("`{known}`")).collect::<Vec<_>>().join(", ")),
        None => "none is allowed here".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits() {
        for (a, b, far) in [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("read", "raed", 2)]
        {
            assert_eq!(distance(a, b), far, "{a} {b}");
        }
    }

    #[test]
    fn suggestion_names_nearest_or_all_words() {
        let known = ["groups", "collections"];
        assert_eq!(meant("colections", known.into_iter()), "did you mean `collections`?");
        assert_eq!(meant("records", known.into_iter()), "it can be `groups`, `collections`");
        assert_eq!(meant("records", std::iter::empty()), "none is allowed here");
    }
}
