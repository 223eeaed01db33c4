//! The difference of two texts, line by line.

use similar::{ChangeTag, TextDiff};

/// The number of equal lines that are shown around a difference.
const CONTEXT: usize = 3;

/// Returns the lines of both texts: after `-` those that only the first has, after `+` those that only the second has.
pub(super) fn of(expected: &str, received: &str) -> Vec<String> {
    let (expected, received): (Vec<_>, Vec<_>) = (expected.lines().collect(), received.lines().collect());
    let difference = TextDiff::from_slices(&expected, &received);
    let mut shown = Vec::new();
    let mut end = 0;
    let skips_to = |shown: &mut Vec<String>, end: usize, start: usize| {
        if start > end {
            shown.push("  …".to_owned());
        }
    };
    for operations in difference.grouped_ops(CONTEXT) {
        for operation in operations {
            skips_to(&mut shown, end, operation.old_range().start);
            end = operation.old_range().end;
            shown.extend(difference.iter_changes(&operation).map(|change| {
                let sign = match change.tag() {
                    ChangeTag::Equal => ' ',
                    ChangeTag::Delete => '-',
                    ChangeTag::Insert => '+',
                };
                format!("{sign} {}", change.value())
            }));
        }
    }
    skips_to(&mut shown, end, expected.len());
    shown
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn difference_marks_lines_of_one_text() {
        for (expected, received, lines) in [
            ("", "", vec![]),
            ("a", "a", vec!["  …"]),
            ("a", "b", vec!["- a", "+ b"]),
            ("a\nb\nc", "a\nc", vec!["  a", "- b", "  c"]),
            ("a\nc", "a\nb\nc", vec!["  a", "+ b", "  c"]),
            ("a\nb", "", vec!["- a", "- b"]),
            ("", "a", vec!["+ a"]),
            ("a\nb\nc\nd", "a\nx\nc\ny", vec!["  a", "- b", "+ x", "  c", "- d", "+ y"]),
            ("1\n2\n3\n4\n5\n6\na", "1\n2\n3\n4\n5\n6\nb", vec!["  …", "  4", "  5", "  6", "- a", "+ b"]),
        ] {
            assert_eq!(of(expected, received), lines, "{expected:?} and {received:?}");
        }
    }

    #[test]
    fn difference_of_long_texts_has_all_lines() {
        let long = "a\n".repeat(3_000);
        assert_eq!(of(&long, &long.replace('a', "b")).len(), 6_000);
    }
}
