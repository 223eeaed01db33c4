use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::error::{Error, Result};

/// The headers that each request sets itself, so that callers cannot set them.
const OWN: [HeaderName; 5] =
    [header::IF_MATCH, header::IF_NONE_MATCH, header::CONTENT_TYPE, header::CONTENT_LENGTH, header::HOST];

/// Reads a header that a caller gives; its value is treated as a secret.
pub(crate) fn header_of(name: &str, value: &str) -> Result<(HeaderName, HeaderValue)> {
    match (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
        (Ok(header::AUTHORIZATION), _) => {
            Err(Error::invalid("`authorization` cannot be set as a header: use `.auth(…)`"))
        }
        (Ok(name), Ok(mut value)) => {
            value.set_sensitive(name != header::USER_AGENT);
            Ok((name, value))
        }
        (Err(_), _) => Err(Error::invalid(format!("{name:?} is not the name of a header"))),
        (_, Err(_)) => Err(Error::invalid(format!(
            "the value of the header {name:?} contains a character that a header cannot have"
        ))),
    }
}

/// Adds a header to those of a call, where it is not one of the library's own.
pub(super) fn add_to(headers: &mut HeaderMap, name: &str, value: &str) -> Result<()> {
    let (name, value) = header_of(name, value)?;
    if OWN.contains(&name) {
        return Err(Error::invalid(format!(
            "the header `{name}` is set by the library itself and cannot be set on a call"
        )));
    }
    headers.insert(name, value);
    Ok(())
}
