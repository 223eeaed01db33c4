//! The media types that a request has and that its sender takes.

use http::{Method, header};

use super::{
    answer::{self, Failure, Invalid, Outcome},
    request::Request,
};

const JSON: &str = "application/json";

/// The media types of a PATCH, as the server names them.
const ALL_TYPES: &str = "'application/json', 'application/json-patch+json', 'application/merge-patch+json'";

fn refuse(status: u16, header: &str, allowed: &str) -> Outcome<()> {
    let description = format!("{header} header should be one of [{allowed}]");
    Err(Failure::Raised(answer::invalid_with(status, vec![Invalid::new("header", header, description)])))
}

/// Checks the media types that the sender takes, for which only lists and objects ask.
pub(super) fn check_accept(request: &Request) -> Outcome<()> {
    match request.header(header::ACCEPT) {
        Some(accept) if !takes_json(accept) => refuse(406, "Accept", "'application/json'"),
        _ => Ok(()),
    }
}

/// Checks the media type of a body, whether there is one or not.
pub(super) fn check_content_type(request: &Request) -> Outcome<()> {
    let content_type = request.header(header::CONTENT_TYPE).map(str::trim).filter(|value| !value.is_empty());
    let essence = content_type.map(|value| value.split(';').next().unwrap_or_default().trim().to_owned());
    let patches = ["application/merge-patch+json", "application/json-patch+json"];
    let is_patch = request.method == Method::PATCH;
    match (&request.method, essence.as_deref()) {
        (&Method::POST | &Method::PUT | &Method::PATCH, Some(essence))
            if essence != JSON && !(is_patch && patches.contains(&essence)) =>
        {
            refuse(415, "Content-Type", if is_patch { ALL_TYPES } else { "'application/json'" })
        }
        _ => Ok(()),
    }
}

/// Returns true if JSON is among the media types of an `Accept`, or if it is no list of media types: that is passed over.
fn takes_json(accept: &str) -> bool {
    let mut best = None;
    for range in accept.split(',').map(str::trim).filter(|range| !range.is_empty()) {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        if !name.split_once('/').is_some_and(|(one, other)| !one.is_empty() && !other.is_empty()) {
            return true;
        }
        let mut parameters = parts.filter(|part| !part.is_empty()).map(str::to_ascii_lowercase).peekable();
        let has_parameters = parameters.peek().is_some_and(|first| !first.starts_with("q="));
        let quality = parameters.find_map(|part| part.strip_prefix("q=").map(str::parse::<f32>));
        let Ok(quality) = quality.unwrap_or(Ok(1.0)) else { return true };
        let closeness = match name.as_str() {
            JSON if !has_parameters => 3,
            "application/*" => 2,
            "*/*" => 1,
            _ => 0,
        };
        // The range that names the media type most closely decides.
        if closeness > 0 && best.is_none_or(|(closest, _)| closeness > closest) {
            best = Some((closeness, quality));
        }
    }
    best.is_some_and(|(_, quality)| quality > 0.0)
}

#[cfg(test)]
mod tests {
    use super::takes_json;

    #[test]
    fn json_is_taken_by_the_closest_range() {
        for taken in
            ["*/*", "application/*", "Application/JSON", "text/html, */*;q=0.1", "a", "text/html, a", "a/b;q=x"]
        {
            assert!(takes_json(taken), "{taken}");
        }
        for refused in ["", ",", "text/html", "application/json; a=b", "application/json;q=0, */*", "*/*;q=0"] {
            assert!(!takes_json(refused), "{refused}");
        }
    }
}
