//! The messages of the server's validator, Python's jsonschema, by whose ends a client tells the keywords apart.

/// For keywords: the words that begin the end of a message here, and the end of the server's.
const ENDS: [(&str, &str, &str); 10] = [
    ("maxLength", " is longer than ", " is too long"),
    ("minLength", " is shorter than ", " is too short"),
    ("maxItems", " has more than ", " is too long"),
    ("minItems", " has less than ", " is too short"),
    ("maxProperties", " has more than ", " has too many properties"),
    ("minProperties", " has less than ", " does not have enough properties"),
    ("anyOf", " is not valid under any of ", " is not valid under any of the given schemas"),
    ("oneOf", " is not valid under any of ", " is not valid under any of the given schemas"),
    ("oneOf", " is valid under more than one of ", " is valid under each of the given schemas"),
    ("dependencies", " is a required property", " is a dependency of another property"),
];

/// Returns a message as the server has it.
pub(super) fn in_python(keyword: &str, message: &str) -> String {
    let message = message.replace('"', "'");
    for (of, here, there) in ENDS {
        // The value before it may say the same.
        if let Some((value, _)) = message.rsplit_once(here).filter(|_| of == keyword) {
            return format!("{value}{there}");
        }
    }
    let cut = |words: &str| message.rsplit_once(words);
    match keyword {
        "enum" => cut(" is not one of ").map(|(value, options)| format!("{value} is not one of [{options}]")),
        "not" => {
            let parts = message.split_once(" is not allowed for ");
            parts.map(|(schema, value)| format!("{value} should not be valid under {schema}"))
        }
        "type" => {
            let parts = cut(" is not of types ").or_else(|| cut(" is not of type "));
            parts.map(|(value, types)| format!("{value} is not of type {}", types.trim_matches(['[', ']'])))
        }
        _ => None,
    }
    .unwrap_or(message.clone())
}

#[cfg(test)]
mod tests {
    use super::in_python;

    #[test]
    fn messages_are_those_of_the_server() {
        for (keyword, here, there) in [
            ("maxLength", r#""far too long" is longer than 5 characters"#, "'far too long' is too long"),
            ("maxLength", r#""a is longer than b" is longer than 1 character"#, "'a is longer than b' is too long"),
            ("minItems", "[1] has less than 2 items", "[1] is too short"),
            ("enum", r#""c" is not one of "a" or "b""#, "'c' is not one of ['a' or 'b']"),
            ("type", r#"3 is not of types "null", "string""#, "3 is not of type 'null', 'string'"),
            ("type", r#"3 is not of type ["null","string"]"#, "3 is not of type 'null','string'"),
            ("minimum", "1 is less than the minimum of 2", "1 is less than the minimum of 2"),
            ("not", r#"{"const":1} is not allowed for 1"#, "1 should not be valid under {'const':1}"),
        ] {
            assert_eq!(in_python(keyword, here), there);
        }
    }
}
