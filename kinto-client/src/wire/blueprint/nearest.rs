//! "Did you mean …?"

/// What an unknown word was most likely meant to be, and what it can be, for the end of a message.
pub(super) fn meant<'a>(word: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let nearest = known.clone().map(|known| (distance(word, known), known)).min();
    match nearest {
        Some((far, nearest)) if far <= nearest.len().div_ceil(3) => format!("did you mean `{nearest}`?"),
        Some(_) => format!("it can be {}", known.map(|known| format!("`{known}`")).collect::<Vec<_>>().join(", ")),
        None => "there can be none here".to_owned(),
    }
}

/// How many letters have to be added, removed or replaced, by way of the distances of all shorter beginnings.
fn distance(a: &str, b: &str) -> usize {
    let start: Vec<usize> = (0..=b.chars().count()).collect();
    let last = a.chars().enumerate().fold(start, |above, (i, from)| {
        let mut left = i + 1;
        let row = above.windows(2).zip(b.chars()).map(|(pair, to)| {
            let [diagonal, up] = *pair else { return left };
            left = (left + 1).min(up + 1).min(diagonal + usize::from(from != to));
            left
        });
        let row: Vec<usize> = row.collect();
        std::iter::once(i + 1).chain(row).collect()
    });
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_letters() {
        for (a, b, far) in [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("read", "raed", 2)]
        {
            assert_eq!(distance(a, b), far, "{a} {b}");
        }
    }

    #[test]
    fn what_is_near_is_named_and_else_all() {
        let known = ["groups", "collections"];
        assert_eq!(meant("colections", known.into_iter()), "did you mean `collections`?");
        assert_eq!(meant("records", known.into_iter()), "it can be `groups`, `collections`");
        assert_eq!(meant("records", std::iter::empty()), "there can be none here");
    }
}
