//! The difference of two texts, line by line.

use std::iter::repeat_n;

/// The number of equal lines that are shown around a difference.
const CONTEXT: usize = 3;
/// The number of pairs of lines up to which the shortest difference is looked for; bodies of tests are far below.
const MAX_PAIRS: usize = 4_000_000;

/// A line of one text or of both.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Both,
    Expected,
    Received,
}

/// Returns the lines of both texts: after `-` those that only the first has, after `+` those that only the second has.
pub(super) fn of(expected: &str, received: &str) -> Vec<String> {
    let (expected, received): (Vec<_>, Vec<_>) = (expected.lines().collect(), received.lines().collect());
    let lines = if expected.len().saturating_mul(received.len()) > MAX_PAIRS {
        let of = |side, lines: &[&'_ str]| repeat_n(side, lines.len());
        let sides = of(Side::Expected, &expected).chain(of(Side::Received, &received));
        sides.zip(expected.into_iter().chain(received)).collect()
    } else {
        aligned(&expected, &received)
    };
    shown(&lines)
}

/// Keeps the changed lines and a few around them.
fn shown(lines: &[(Side, &str)]) -> Vec<String> {
    let is_near = |place: usize| {
        let around = place.saturating_sub(CONTEXT)..lines.len().min(place + CONTEXT + 1);
        lines.get(around).is_some_and(|near| near.iter().any(|(side, _)| *side != Side::Both))
    };
    let mut shown = Vec::new();
    let mut skips = false;
    for (place, (side, line)) in lines.iter().enumerate() {
        if !is_near(place) {
            if !skips {
                shown.push("  …".to_owned());
            }
            skips = true;
            continue;
        }
        skips = false;
        let sign = match side {
            Side::Both => ' ',
            Side::Expected => '-',
            Side::Received => '+',
        };
        shown.push(format!("{sign} {line}"));
    }
    shown
}

/// Aligns two texts by their longest common subsequence of lines.
fn aligned<'a>(mut expected: &[&'a str], mut received: &[&'a str]) -> Vec<(Side, &'a str)> {
    // From the rest of `expected` that a row is about, the last one being that of all lines: the length of the common
    // subsequence with the last 0, 1, 2, … lines of `received`.
    let mut rows = vec![vec![0_u32; received.len() + 1]];
    for line in expected.iter().rev() {
        let below = rows.last().map(Vec::as_slice).unwrap_or_default();
        let mut row = vec![0];
        for (other, (without_both, without_line)) in received.iter().rev().zip(below.iter().zip(below.iter().skip(1))) {
            let without_other = row.last().copied().unwrap_or_default();
            row.push(if line == other { without_both + 1 } else { without_other.max(*without_line) });
        }
        rows.push(row);
    }
    let mut lines = Vec::new();
    loop {
        let row = rows.pop().unwrap_or_default();
        let Some((line, rest)) = expected.split_first() else { break };
        // The lines of `received` alone that stand before the next line of `expected`.
        let below = rows.last().map(Vec::as_slice).unwrap_or_default();
        let length = |row: &[u32], lines: usize| row.get(lines).copied().unwrap_or_default();
        loop {
            match received.split_first() {
                Some((other, others)) if line == other => {
                    lines.push((Side::Both, *line));
                    received = others;
                    break;
                }
                Some((other, others)) if length(&row, others.len()) > length(below, received.len()) => {
                    lines.push((Side::Received, *other));
                    received = others;
                }
                _ => {
                    lines.push((Side::Expected, *line));
                    break;
                }
            }
        }
        expected = rest;
    }
    lines.extend(received.iter().map(|line| (Side::Received, *line)));
    lines
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
