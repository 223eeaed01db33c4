use kinto_client::KintoRecord as _;
use proptest::prelude::*;

use super::{
    case::{Case, Held},
    source::{Source, World},
    values::One,
};

/// `like`.
pub(super) fn patterns(mut source: Source) {
    let held = source.held(&"([a-cA-C0-9 -/]|[ -~]|é){0,6}".boxed(), 80);
    let world = World::with(source.backend, held.iter().map(Held::record));
    let f = One::<String>::fields().v;
    let cases =
        prop_oneof!["[a-cA-C0-9*]{0,3}", "[ -~]{0,2}", "[a-c0-9]?[ -/\\[-`][a-c0-9*]?"].prop_map(move |pattern| {
            let filter = f.like(pattern.as_str());
            let matches = {
                let pattern = pattern.clone();
                move |held: &Held<String>| held.is(|text| is_like(text, &pattern))
            };
            Case::new(format!("like({pattern:?})"), filter, matches)
        });
    source.check(&world, &world.fixture.todos.typed(), &held, &cases.boxed());
}

fn is_like(text: &str, pattern: &str) -> bool {
    fn from_here(text: &[u8], pattern: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|skipped| from_here(&text[skipped..], rest)),
            Some((wanted, rest)) => text.first() == Some(wanted) && from_here(&text[1..], rest),
        }
    }
    let [text, pattern] = [text, pattern].map(str::to_ascii_lowercase);
    if pattern.contains('*') { from_here(text.as_bytes(), pattern.as_bytes()) } else { text.contains(&pattern) }
}

#[test]
fn like_pattern_matches_as_documented() {
    for (text, pattern, is) in [
        ("Milk", "il", true),
        ("Milk", "", true),
        ("Milk", "im", false),
        ("Milk", "m*", true),
        ("Milk", "*m", false),
        ("Milk", "*IL*", true),
        ("Milk", "m*k", true),
        ("", "*", true),
    ] {
        assert_eq!(is_like(text, pattern), is, "{text} {pattern}");
    }
}
