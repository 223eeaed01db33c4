//! The stamp that the server puts on a record which it has checked against a schema: it is no data, and the server's alone.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::{
    error::{Error, Result},
    json::{entries::Entries, merge::three_way::alike},
    wire::object::decode::schema_stamp,
};

const FIELD: &str = "schema";

/// Returns true if there is none of both, or if they are the same but for their stamps.
pub(crate) fn alike_unstamped(one: Option<&str>, other: Option<&str>) -> bool {
    let same = |(one, other)| stamped(one, other).is_ok_and(|one| alike(Some(&one), Some(other)));
    alike(one, other) || one.zip(other).is_some_and(same)
}

/// Returns this data with the stamp that the server's has, or without any if that has none.
pub(super) fn stamped<'a>(body: &'a str, server: &str) -> Result<Cow<'a, str>> {
    // Most records have no such field.
    if ![body, server].iter().any(|text| text.contains("\"schema\"")) {
        return Ok(Cow::Borrowed(body));
    }
    let invalid = |error: serde_json::Error| Error::invalid(format!("a copy of the record is no JSON object: {error}"));
    let (own, theirs) = (Entries::of(body).map_err(invalid)?, Entries::of(server).map_err(invalid)?);
    let (own_field, stamp) = (own.get(FIELD), theirs.get(FIELD));
    let is_data = |field: Option<&RawValue>| field.is_some_and(|field| !is_stamp(field));
    if is_data(own_field) || is_data(stamp) || own_field.map(RawValue::get) == stamp.map(RawValue::get) {
        return Ok(Cow::Borrowed(body));
    }
    let rest = own.text_without(&[FIELD]).map_err(invalid)?;
    let Some(stamp) = stamp else { return Ok(Cow::Owned(rest)) };
    let comma = if rest == "{}" { "" } else { "," };
    let fields = rest.strip_suffix('}').unwrap_or_default();
    Ok(Cow::Owned(format!("{fields}{comma}\"{FIELD}\":{stamp}}}")))
}

fn is_stamp(field: &RawValue) -> bool {
    serde_json::from_str(field.get()).is_ok_and(|value| schema_stamp(&value).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_takes_the_stamp_of_the_server_and_nothing_else() {
        const STAMP: &str = r#"{"b":2,"schema":1700000000001}"#;
        for (body, server, expected) in [
            (r#"{"a":1.50}"#, STAMP, r#"{"a":1.50,"schema":1700000000001}"#),
            ("{}", STAMP, r#"{"schema":1700000000001}"#),
            (r#"{"schema":1700000000000,"a":1}"#, STAMP, r#"{"a":1,"schema":1700000000001}"#),
            (r#"{"schema":1700000000000,"a":1}"#, "{}", r#"{"a":1}"#),
            (r#"{"schema":"data","a":1}"#, STAMP, r#"{"schema":"data","a":1}"#),
            (r#"{"a":1}"#, r#"{"schema":"data"}"#, r#"{"a":1}"#),
            (r#"{"a":{"schema":1}}"#, "{}", r#"{"a":{"schema":1}}"#),
        ] {
            assert_eq!(stamped(body, server).unwrap(), expected, "{body} {server}");
        }
        assert!(alike_unstamped(Some(STAMP), Some(r#"{"b":2.0}"#)) && alike_unstamped(None, None));
        assert!(!alike_unstamped(Some(STAMP), Some(r#"{"b":3}"#)) && !alike_unstamped(Some(STAMP), None));
        assert!(!alike_unstamped(Some(r#"{"schema":1}"#), Some(r#"{"schema":"data"}"#)));
    }
}
