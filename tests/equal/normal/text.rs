//! The texts of errors, without what is an implementation's own.

/// Kinds of messages whose text comes from a library: that there is one is all that is compared.
const CLASSES: [(&str, &[&str]); 4] = [
    // It ends with the query, which may have timestamps in it.
    ("<of an encoding>", &["Please make sure your requests are encoded in UTF-8: "]),
    ("<of a JSON parser>", &["Invalid JSON: "]),
    ("<of a JSON patch>", &["JSON Patch operation failed: "]),
    (
        "<of a JSON schema>",
        &[
            "' is a required property",
            " is not of type '",
            " is not one of [",
            " is not one of '",
            " is not valid under any of ",
            " is shorter than ",
            " is longer than ",
            " has more than ",
            " has less than ",
            " is valid under each of ",
            " does not match '",
            " do not match any of ",
            " is too short",
            " is too long",
            " should be non-empty",
            " is less than ",
            " is greater than ",
            " is not a multiple of ",
            " has non-unique elements",
            " was expected",
            " has too many properties",
            " does not have enough properties",
            " does not contain items ",
            " should not be valid under ",
            " is not a '",
            "Additional properties are not allowed",
            "Unevaluated properties are not allowed",
            "False schema does not allow ",
            "Unresolvable",
            "PointerToNowhere",
        ],
    ),
];

/// A message, or the kind of it, with quotes and literals as in JSON or Python alike.
pub(crate) fn message(text: &str) -> String {
    let text = text.replace("\\\"", "'").replace("\\'", "'").replace('"', "'");
    if let Some((class, _)) = CLASSES.iter().find(|(_, signs)| signs.iter().any(|sign| text.contains(sign))) {
        return (*class).to_owned();
    }
    let words = text.split_inclusive(|c: char| !c.is_alphanumeric() && c != '-');
    let words = words.map(|word| match word.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '-') {
        "True" => word.replace("True", "true"),
        "False" => word.replace("False", "false"),
        "None" => word.replace("None", "null"),
        _ => word.to_owned(),
    });
    in_order(&words.collect::<String>())
}

/// With the items of lists in order, which Python took from sets.
fn in_order(text: &str) -> String {
    let sorted = |list: &str| {
        let mut items: Vec<&str> = list.split(',').map(str::trim).collect();
        items.sort_unstable();
        items.join(", ")
    };
    if let Some(start) = text.find("should be one of [") {
        let start = start + "should be one of [".len();
        let end = text[start..].find(']').map_or(text.len(), |length| start + length);
        return format!("{}{}{}", &text[..start], sorted(&text[start..end]), &text[end..]);
    }
    if let (Some(start), Some(end)) = (text.find("Fields "), text.find(" do not exist")) {
        let start = start + "Fields ".len();
        return format!("{}{}{}", &text[..start], sorted(&text[start..end]), &text[end..]);
    }
    text.to_owned()
}
