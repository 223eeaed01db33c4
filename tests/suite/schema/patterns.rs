//! Regular expressions mean the same here and to Python, or are left to the server.

use kinto_client::{Value, json, schema::Schema};
use kinto_tests::{Fixture, Outcome};
use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};

/// What the patterns are tried on.
const TEXTS: [&str; 24] = [
    "", "a", "A", "ab", "aB\n", "a\n", "\n", "a\nb", "b{", "]", "^", "-", "é", "É", "٣", "\u{1c}", "\u{85}", " ", "_",
    "İ", "ſk", "K", "aa{1}", "x.y",
];

/// The number of patterns in one schema: the server checks a schema as a whole at each write under it.
const IN_ONE_SCHEMA: usize = 5;

/// What the server says of each text under each pattern: one list for each pattern.
async fn verdicts(fixture: &Fixture, patterns: &[String]) -> Vec<Vec<bool>> {
    let name = |at: usize| format!("p{at}");
    let path = format!("/buckets/{}/collections/todos", fixture.bucket.id());
    let put = |at: usize, text: &str| json!({"path": fixture.record("r"), "body": {"data": {name(at): text}}});
    let mut verdicts = Vec::new();
    for patterns in patterns.chunks(IN_ONE_SCHEMA) {
        let properties: serde_json::Map<String, Value> =
            patterns.iter().enumerate().map(|(at, pattern)| (name(at), json!({"pattern": pattern}))).collect();
        fixture.plain.put(&path, &json!({"data": {"schema": {"properties": properties}}})).await;
        for at in 0..patterns.len() {
            let requests: Vec<Value> = TEXTS.iter().map(|text| put(at, text)).collect();
            let body = json!({"defaults": {"method": "PUT"}, "requests": requests});
            let answer = fixture.plain.post("/batch", &body).await;
            let responses = answer["responses"].as_array().unwrap_or_else(|| panic!("{answer}"));
            verdicts.push(responses.iter().map(|response| response["status"] != 400).collect());
        }
    }
    verdicts
}

/// Gives how many of the patterns were left to the server.
async fn assert_agreement(fixture: &Fixture, patterns: &[String]) -> usize {
    let mut left = 0;
    for (pattern, verdicts) in patterns.iter().zip(verdicts(fixture, patterns).await) {
        let schema = Schema::new(&json!({"properties": {"a": {"pattern": pattern}}}));
        let schema = schema.unwrap_or_else(|error| panic!("{pattern:?}, which the server takes: {error}"));
        left += schema.patterns_left_to_server().len();
        for (text, server) in TEXTS.iter().zip(verdicts) {
            let here = schema.check(&json!({"a": text}));
            let is_left = !schema.patterns_left_to_server().is_empty();
            assert!(
                here.is_ok() == server || (is_left && here.is_ok()),
                "{pattern:?} on {text:?}: the server says {server}"
            );
            if let Err(error) = here {
                assert_eq!((error.field(), error.schema_keyword()), (Some("a"), Some("pattern")));
                assert!(error.to_string().contains(&format!("does not match {pattern:?}")), "{error}");
            }
        }
    }
    left
}

#[tokio::test]
async fn pythons_own_syntax_is_understood() -> Outcome {
    let fixture = Fixture::new().await;
    let patterns = [
        r"(?i)ab",
        "(?i)^[a-c]+$",
        "(?i)[^a]",
        "(?i)i",
        "(?i)s",
        "(?i)k",
        r"\Aa",
        r"a\Z",
        "(?s)a.b",
        "a.b",
        "(?x) a b # c",
        "(?m)^b$",
        "b{",
        "{",
        "a{,1}$",
        "a{1",
        "a{}",
        "[]a]",
        "[^]]",
        "[]-a]",
        "[a-]",
        "[-a]",
        r"[\W]",
        r"[^\W]",
        r"\W",
        r"[\w-]",
        r"\s",
        r"[\s]",
        r"\S",
        r"[^\s]",
        r"\d",
        r"\D",
        r"\ba\b",
        r"\B",
        r"\x61",
        r"\u0061",
        r"\0",
        r"[\b]",
        "(?P<n>a)b",
        "(?:a|b)+$",
        "(?#c)a",
        "(?a)\\w",
        "(?i:a)b",
        "(?-i:a)",
        "(?=a).",
        "(?!a).",
        "(?<=a)b",
        "(?<!a)b",
        r"\.",
        "[[]",
        "[a&&b]",
        "[~~]",
        "a??",
        "$",
        "^",
        "",
        "a|",
        "()",
        "[\\n]",
        r"[\]]",
    ];
    let patterns = patterns.map(str::to_owned);
    assert_eq!(assert_agreement(&fixture, &patterns).await, 0);
    let left = [r"(a)\1", "a++", "(?>a)b", "(?i)é", "(?P<n>a)(?P=n)", "(a)?(?(1)b|A)"].map(str::to_owned);
    assert_eq!(assert_agreement(&fixture, &left).await, left.len());
    Ok(())
}

#[tokio::test]
async fn schema_with_pattern_refused_by_python_is_refused() -> Outcome {
    let fixture = Fixture::new().await;
    let path = format!("/buckets/{}/collections/todos", fixture.bucket.id());
    for pattern in [r"\p{L}", "(", "[", "*", "a**", r"\q", "[z-a]", "a(?i)", "a{2,1}"] {
        let schema = json!({"properties": {"a": {"pattern": pattern}}});
        assert!(Schema::new(&schema).is_err_and(|error| error.is_invalid()), "{pattern}");
        let answer = fixture.plain.send("PUT".parse()?, &path, Some(&json!({"data": {"schema": schema}}))).await;
        assert_eq!(answer.status, 400, "{pattern}: {}", answer.text);
    }
    Ok(())
}

fn pattern() -> impl Strategy<Value = String> {
    let atom = prop::sample::select(vec![
        "a", "b", "A", ".", r"\w", r"\W", r"\s", r"\S", r"\d", r"\D", r"\.", r"\n", "[ab]", "[^a]", r"[\w.]", r"[\W]",
        r"[^\s]", "[a-c]", "[]a]", "[^]]", "{", "é", "k", "i", " ", "_", "-", "]", r"\x41", r"[\d-]",
    ]);
    let position =
        prop::sample::select(vec!["^", "$", r"\A", r"\Z", r"\b", r"\B", "(?=a)", "(?!b)", "(?<=a)", "(?<!a)"]);
    let leaf = prop_oneof![
        4 => atom.prop_map(str::to_owned),
        2 => (prop::sample::select(vec!["a", "[ab]", r"\w", ".", "é"]), prop::sample::select(vec!["*", "+", "?", "{2}", "{,2}", "{1,}", "*?"]))
            .prop_map(|(atom, times)| format!("{atom}{times}")),
        1 => position.prop_map(str::to_owned),
    ];
    let body = leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|all| all.concat()),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("(?:{one}|{other})")),
            inner.clone().prop_map(|one| format!("({one})")),
            inner.clone().prop_map(|one| format!("(?:{one})?")),
            inner.clone().prop_map(|one| format!("(?i:{one})")),
            inner.prop_map(|one| format!("(?s:{one})")),
        ]
    });
    let flags = prop::sample::select(vec!["", "", "(?i)", "(?m)", "(?s)", "(?x)", "(?a)", "(?im)"]);
    (flags, body).prop_map(|(flags, body)| format!("{flags}{body}"))
}

#[tokio::test]
async fn any_pattern_gets_the_servers_verdict() -> Outcome {
    let fixture = Fixture::new().await;
    let mut runner = TestRunner::deterministic();
    let rounds = if std::env::var_os("KINTO_TEST_LONG").is_some() { 100 } else { 4 };
    let (mut all, mut left) = (0, 0);
    for _ in 0..rounds {
        let patterns: Vec<String> =
            (0..100).map(|_| pattern().new_tree(&mut runner).expect("a pattern").current()).collect();
        all += patterns.len();
        left += assert_agreement(&fixture, &patterns).await;
    }
    assert!(left * 5 < all, "{left} of {all} were left to the server");
    Ok(())
}
