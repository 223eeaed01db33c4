//! Arbitrary responses to every call: each call ends with a value, or with an error of one line.
//!
//! The responses are real ones that were corrupted, and JSON that no server sends; `tests/fuzz/` does the same
//! with coverage guidance.

use kinto_client::{Value, json};
use kinto_tests::{CALLS, Script, laws};
use proptest::{collection::vec, option, prelude::*, sample::select, test_runner::Config};

/// Runs it to its end; waits take no time.
fn run(future: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(future);
}

/// Any JSON, of keys and texts that mean something to the client among others.
fn json() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e9..1e9_f64).prop_map(Value::from),
        Just(json!(1e300)),
    ];
    let text = prop_oneof![select(WORDS).prop_map(str::to_owned), ".{0,8}"].prop_map(Value::from);
    let leaf = prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), number, text];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec((prop_oneof![select(WORDS).prop_map(str::to_owned), "[a-c]{0,3}"], inner), 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

fn object() -> impl Strategy<Value = Value> {
    let entry = (prop_oneof![select(WORDS).prop_map(str::to_owned), "[a-c]{1,3}"], json());
    vec(entry, 0..8).prop_map(|entries| Value::Object(entries.into_iter().collect()))
}

const WORDS: &[&str] = &[
    "id",
    "last_modified",
    "deleted",
    "data",
    "permissions",
    "write",
    "read",
    "title",
    "rank",
    "place",
    "name",
    "lines",
    "n",
    "schema",
    "details",
    "existing",
    "errno",
    "code",
    "message",
    "error",
    "responses",
    "status",
    "headers",
    "body",
    "path",
    "settings",
    "capabilities",
    "user",
    "principals",
    "url",
    "target",
    "action",
    "account:alexis",
    "/buckets/b/groups/g",
    "project_name",
    "project_version",
    "http_api_version",
    "batch_max_requests",
    "members",
    "resource_name",
    "uri",
    "",
];

/// A note as the server has it, with what a note does not know.
fn received() -> impl Strategy<Value = Value> {
    let lines = vec((any::<i64>(), option::of(json())), 0..4);
    (object(), "[a-z]{0,3}", option::of(-9.0..9.0_f64), object(), lines, "[a-z]{0,3}").prop_map(
        |(mut note, title, rank, mut place, lines, name)| {
            let lines = lines.into_iter().map(|(n, extra)| json!({"n": n, "extra": extra})).collect::<Vec<_>>();
            place["name"] = name.into();
            let known = json!({"id": "r", "last_modified": 1, "title": title, "place": place, "lines": lines});
            note.as_object_mut().expect("an object").extend(known.as_object().expect("an object").clone());
            match rank {
                Some(rank) => note["rank"] = rank.into(),
                None => drop(note.as_object_mut().expect("an object").remove("rank")),
            }
            note
        },
    )
}

/// A note without anything else.
fn note() -> impl Strategy<Value = Value> {
    received().prop_map(|mut note| {
        let fields = note.as_object_mut().expect("an object");
        fields.retain(|key, _| ["title", "rank", "place", "lines"].contains(&&**key));
        fields["place"].as_object_mut().expect("an object").retain(|key, _| key == "name");
        for line in fields["lines"].as_array_mut().expect("a list") {
            line.as_object_mut().expect("an object").remove("extra");
        }
        note
    })
}

fn header() -> impl Strategy<Value = String> {
    const NAMES: &[&str] =
        &["ETag", "Retry-After", "Backoff", "Next-Page", "Alert", "Location", "Total-Objects", "Content-Type"];
    const VALUES: &[&str] = &[
        "\"42\"",
        "42",
        "W/\"42\"",
        "\"-1\"",
        "\"99999999999999999999\"",
        "0",
        "-1",
        "soon",
        "18446744073709551615",
        "Wed, 21 Oct 2015 07:28:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "https://kinto.example.org/v1/x?_token=a",
        "https://elsewhere.example.org/v1/x?_token=a",
        "/x",
        "?",
        "http://[",
        "{\"code\":\"soft-eol\"}",
        "{",
        "null",
        "application/json",
        "text/html",
    ];
    let value = prop_oneof![select(VALUES).prop_map(str::to_owned), "[ -~\u{a1}-\u{ff}]{0,20}"];
    (select(NAMES), value).prop_map(|(name, value)| format!("{name}: {value}"))
}

/// An answer of a [`Script`].
fn answer() -> impl Strategy<Value = Vec<u8>> {
    const STATUSES: &[&str] = &[
        "200",
        "200",
        "200",
        "201",
        "204",
        "304",
        "307",
        "400",
        "401",
        "403",
        "404",
        "409",
        "410",
        "412",
        "429",
        "500",
        "503",
        "100",
        "999",
        "200 broken",
        "412 broken",
        "cut",
        "late",
        "refused",
    ];
    let real = (received(), vec(received(), 0..3), object()).prop_flat_map(|(one, many, details)| {
        let error = json!({"code": 412, "errno": 114, "error": "x", "message": "y", "details": {"existing": one}});
        let parts: Vec<Value> =
            (0..3).map(|n| json!({"status": 200 + n, "headers": {}, "body": {"data": one}})).collect();
        select(vec![
            json!({"data": one, "permissions": {"write": ["account:alexis"], "read": []}}),
            json!({ "data": many }),
            error,
            json!({"code": 404, "errno": 110, "details": details}),
            json!({"responses": parts}),
        ])
    });
    let body = prop_oneof![
        4 => real.prop_map(|body| body.to_string().into_bytes()),
        2 => json().prop_map(|body| body.to_string().into_bytes()),
        1 => vec(1..=255_u8, 0..40),
    ];
    let spoilt =
        (body, option::weighted(0.3, (any::<prop::sample::Index>(), 1..=255_u8))).prop_map(|(mut body, spoil)| {
            if let (Some((at, byte)), false) = (spoil, body.is_empty()) {
                let at = at.index(body.len());
                body[at] = byte;
                body.truncate(if byte < 64 { at } else { body.len() });
            }
            body
        });
    (select(STATUSES), vec(header(), 0..4), spoilt).prop_map(|(status, headers, body)| {
        let head = format!("{status}\nETag: \"7\"\n{}\n\n", headers.join("\n"));
        [head.into_bytes(), body].concat()
    })
}

/// An operation of a JSON patch, on what may be there.
fn operation() -> impl Strategy<Value = Value> {
    const PLACES: [&str; 9] =
        ["", "title", "place", "place/name", "lines/0", "lines/-", "new", "new/deep", "missing/x"];
    let name = select(["add", "remove", "replace", "move", "copy", "test"].as_slice());
    (name, select(PLACES.as_slice()), select(PLACES.as_slice()), json())
        .prop_map(|(op, from, path, value)| json!({"op": op, "from": from, "path": path, "value": value}))
}

proptest! {
    #![proptest_config(Config { cases: 100, failure_persistence: None, ..Config::default() })]

    #[test]
    fn every_call_ends_for_any_response(answers in vec(answer(), 1..5)) {
        let text = answers.join(&0);
        for (_, call) in CALLS {
            let client = Script::new(&text).client();
            run(call(&client));
        }
    }

    #[test]
    fn save_sends_exactly_the_changes(received in received(), changed in note(), json in object()) {
        run(laws::save_note(&received.to_string(), &changed.to_string()));
        run(laws::save_json(&received.to_string(), &json.to_string()));
    }

    #[test]
    fn merge_patch_follows_rfc(received in received(), patch in object()) {
        run(laws::merge_patch(&received.to_string(), &patch.to_string()));
    }

    #[test]
    fn json_patch_is_atomic(received in received(), operations in vec(operation(), 1..6)) {
        run(laws::json_patch(&received.to_string(), &Value::from(operations).to_string()));
    }
}

/// Tests responses that were a problem once, found by fuzzing or by review.
#[test]
fn known_problem_responses_are_handled() {
    const FOUND: &[(&str, &[u8])] = &[
        ("get", b"400\n\n{\"code\":400,\"errno\":107,\"error\":\"x\",\"message\":\"two\\nlines\\u001b[31m\"}"),
        ("list", b"200\nETag: \"1\"\n\n{\"data\":[{\"id\":\"a\\nb\",\"last_modified\":1,\"title\":7}]}"),
        // A page that one could not go on after.
        ("pages", b"200\nETag: \"1\"\nNext-Page: https://kinto.example.org/v1/x?_token.a&_limit=2\n\n{\"data\":[]}"),
    ];
    for (name, answers) in FOUND {
        let (_, call) = CALLS.iter().find(|(known, _)| known == name).expect("a call of that name");
        let client = Script::new(answers).client();
        run(call(&client));
    }
    let half_done = r#"[{"op":"add","path":"x","value":1},{"op":"move","from":"x","path":"missing/y"}]"#;
    run(laws::json_patch(r#"{"id":"r","last_modified":7}"#, half_done));
    // Bears the stamp of a schema, which JSON is not shown.
    let stamped = r#"{"id":"r","last_modified":7,"schema":1000000000000,"a":1}"#;
    run(laws::save_json(stamped, r#"{"a":2}"#));
    run(laws::merge_patch(stamped, r#"{"a":2}"#));
    run(laws::json_patch(stamped, r#"[{"op":"replace","path":"/a","value":2}]"#));
}

#[test]
fn deep_or_huge_or_invalid_json_is_handled() {
    let deep = format!("200\nETag: \"1\"\n\n{{\"data\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let wide = format!("412\n\n{{\"errno\":114,\"message\":\"{}\"}}", "x".repeat(1 << 16));
    let etag = format!("200\nETag: \"{}\"\n\n{{\"data\":[]}}", "9".repeat(1 << 16));
    for answers in [deep, wide, etag, "200\nContent-Type: image/png\n\n\u{1}PNG".to_owned()] {
        for (_, call) in CALLS {
            run(call(&Script::new(answers.as_bytes()).client()));
        }
    }
}
