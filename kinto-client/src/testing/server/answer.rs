//! Responses of the server, and its errors.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::{Map, Value, json};

use super::{database::Permissions, python::text, request::Request, time::http_date};

/// A response before it is written.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Body,
}

#[derive(Clone, Debug)]
pub(super) enum Body {
    Json(Value),
    Empty,
}

/// A failure. One that is raised rolls the transaction of its request back; one that is returned does not.
#[derive(Debug)]
pub(super) enum Failure {
    Raised(Answer),
    Returned(Answer),
}

pub(super) type Outcome<T = Answer> = Result<T, Failure>;

impl Answer {
    pub(super) fn ok(body: Value) -> Self {
        Self { status: 200, headers: Vec::new(), body: Body::Json(body) }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn stamped(self, timestamp: i64) -> Self {
        self.with("ETag", format!("\"{timestamp}\"")).with("Last-Modified", http_date(timestamp))
    }

    /// Says for how many seconds a cache may keep the response.
    pub(super) fn kept_for(self, seconds: u64, now: i64) -> Self {
        let end = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000).saturating_add(now);
        self.with("Expires", http_date(end)).with("Cache-Control", format!("max-age={seconds}"))
    }

    /// Returns an error with a body as all errors of Kinto have it.
    fn error(status: u16, errno: u16, message: Option<String>, details: Option<Value>) -> Self {
        let code = StatusCode::from_u16(status).ok();
        let title = code.and_then(|code| code.canonical_reason()).unwrap_or_default();
        Self::titled(status, errno, title, message, details)
    }

    fn titled(status: u16, errno: u16, title: &str, message: Option<String>, details: Option<Value>) -> Self {
        let mut body = Map::from_iter([
            ("code".to_owned(), status.into()),
            ("errno".to_owned(), errno.into()),
            ("error".to_owned(), title.into()),
        ]);
        body.extend(message.map(|message| ("message".to_owned(), message.into())));
        body.extend(details.map(|details| ("details".to_owned(), details)));
        Self { status, headers: Vec::new(), body: Body::Json(Value::Object(body)) }
    }
}

/// Returns the body of a response with data alone.
pub(super) fn data_body(data: impl Into<Value>) -> Value {
    Value::Object(Map::from_iter([("data".to_owned(), data.into())]))
}

/// Returns the body of a response about an object. What it is made of is moved, since most of the time goes into that.
pub(super) fn object_body(data: Map<String, Value>, permissions: Permissions) -> Value {
    let list = |principals: BTreeSet<String>| principals.into_iter().map(Value::String).collect();
    let permissions: Map<String, Value> =
        permissions.into_iter().map(|(name, principals)| (name, list(principals))).collect();
    let parts = [("data".to_owned(), Value::Object(data)), ("permissions".to_owned(), Value::Object(permissions))];
    Value::Object(Map::from_iter(parts))
}

/// One error of a request's parameters.
#[derive(Clone, Debug)]
pub(super) struct Invalid {
    pub(super) location: &'static str,
    /// The name of the parameter; null if it has none.
    pub(super) name: Value,
    pub(super) description: String,
}

impl Invalid {
    pub(super) fn new(location: &'static str, name: &str, description: impl Into<String>) -> Self {
        Self { location, name: name.into(), description: description.into() }
    }
}

/// Returns the error for parameters that are not valid; the message is of the first one by name.
pub(super) fn invalid_with(status: u16, mut errors: Vec<Invalid>) -> Answer {
    errors.sort_by_cached_key(|error| text(&error.name));
    let message = errors.first().map(|error| {
        let name = text(&error.name);
        match &error.name {
            Value::Null => format!("{}: {}", error.location, error.description),
            _ if error.description.contains(&name) => error.description.clone(),
            _ => format!("{name} in {}: {}", error.location, error.description),
        }
    });
    let detail =
        |error: Invalid| json!({"location": error.location, "name": error.name, "description": error.description});
    let details = errors.into_iter().map(detail).collect();
    Answer::titled(status, 107, "Invalid parameters", message, Some(Value::Array(details)))
}

/// The failure of a request that is found invalid while it is carried out.
pub(super) fn invalid(location: &'static str, name: Option<&str>, description: impl Into<String>) -> Failure {
    let name = name.map_or(Value::Null, Value::from);
    Failure::Raised(invalid_with(400, vec![Invalid { location, name, description: description.into() }]))
}

/// The failure of a request whose form is refused before anything is done.
pub(super) fn refused(errors: Vec<Invalid>) -> Failure {
    Failure::Returned(invalid_with(400, errors))
}

pub(super) fn missing_object(errno: u16, kind: &str, id: &str) -> Failure {
    let details = json!({"id": id, "resource_name": kind});
    Failure::Raised(Answer::error(404, errno, None, Some(details)))
}

pub(super) fn unknown_url() -> Failure {
    let message = "The resource you are looking for could not be found.";
    Failure::Raised(Answer::error(404, 111, Some(message.to_owned()), None))
}

pub(super) fn unknown_version() -> Failure {
    let message = "The requested API version is not available on this server.";
    Failure::Raised(Answer::error(404, 116, Some(message.to_owned()), None))
}

pub(super) fn method_not_allowed() -> Failure {
    let message = "Method not allowed on this endpoint.";
    Failure::Raised(Answer::error(405, 115, Some(message.to_owned()), None))
}

/// Returns the failure of a method that an endpoint does not have, with those that it has.
pub(super) fn not_allowed_here(allowed: &[Method]) -> Failure {
    let mut names: Vec<&str> = allowed.iter().map(Method::as_str).chain(["OPTIONS"]).collect();
    names.sort_unstable();
    match method_not_allowed() {
        Failure::Raised(answer) => Failure::Raised(answer.with("Allow", names.join(", "))),
        returned @ Failure::Returned(_) => returned,
    }
}

/// Returns what a browser asks for before it sends a request to another origin.
pub(super) fn preflight(request: &Request, allowed: &[Method]) -> Outcome {
    let missing = |name: &str| {
        let is_missing = request.header(name).is_none();
        is_missing.then(|| Invalid::new("header", name, "this header is mandatory"))
    };
    let errors: Vec<Invalid> = ["Origin", "Access-Control-Request-Method"].into_iter().filter_map(missing).collect();
    if !errors.is_empty() {
        return Err(refused(errors));
    }
    let methods: Vec<&str> = allowed.iter().map(Method::as_str).chain(["OPTIONS"]).collect();
    if request.header("Access-Control-Request-Method").is_none_or(|asked| !methods.contains(&asked)) {
        let error = Invalid::new("header", "Access-Control-Request-Method", "Method not allowed");
        return Err(refused(vec![error]));
    }
    let answer = Answer::ok(Value::Null).with("Access-Control-Allow-Origin", "*");
    Ok(answer.with("Access-Control-Allow-Methods", methods.join(",")).with("Access-Control-Max-Age", "3600"))
}

/// The failure of a query that is not UTF-8.
pub(super) fn not_utf8(query: &str) -> Failure {
    let message = format!(
        "A request with an incorrect encoding in the querystring wasreceived. Please make sure your requests are encoded in \
         UTF-8: {query}"
    );
    Failure::Raised(Answer::titled(400, 107, "Bad Request", Some(message), None))
}

/// Returns a response as a batch gives it where a redirect was followed: what has no details loses its message, and nobody
/// is asked to authenticate.
pub(super) fn after_redirect(answer: Answer) -> Answer {
    let of = |name: &str| match &answer.body {
        Body::Json(body) => body.get(name),
        Body::Empty => None,
    };
    match answer.status {
        300..=399 => Answer::error(404, 999, None, None),
        401 if of("errno") == Some(&json!(104)) => Answer::error(403, 999, None, None),
        403..=405 if of("details").is_none() => {
            let bare = Answer::error(answer.status, 999, None, None);
            Answer { body: bare.body, ..answer }
        }
        _ => answer,
    }
}

/// The failure of the first reading of an empty list of a server that may not write.
pub(super) fn timestamp_unwritten(retry_after: u64) -> Failure {
    let message =
        "Resource timestamp cannot be written. Plural endpoint must be hit at least once from a writable instance.";
    Failure::Raised(
        Answer::error(503, 201, Some(message.to_owned()), None).with("Retry-After", retry_after.to_string()),
    )
}

/// Returns 401 for an anonymous request, and 403 for others.
pub(super) fn forbidden(known: bool) -> Failure {
    Failure::Raised(if known {
        Answer::error(403, 121, Some("This user cannot access this resource.".to_owned()), None)
    } else {
        let message = "Please authenticate yourself to use this endpoint.";
        Answer::error(401, 104, Some(message.to_owned()), None).with("WWW-Authenticate", "Basic realm=\"Realm\"")
    })
}

pub(super) fn unauthorized_listing() -> Failure {
    Failure::Raised(Answer::titled(401, 999, "Cannot read accounts.", None, None))
}

pub(super) fn modified_meanwhile(existing: Option<Value>, timestamp: i64) -> Failure {
    let message = "Resource was modified meanwhile".to_owned();
    let details = existing.map(|existing| json!({"existing": existing}));
    Failure::Raised(Answer::error(412, 114, Some(message), details).stamped(timestamp))
}

pub(super) fn not_modified(timestamp: i64) -> Failure {
    Failure::Raised(Answer { status: 304, headers: Vec::new(), body: Body::Empty }.stamped(timestamp))
}

pub(super) fn collision(retry_after: u64) -> Failure {
    let message = "Integrity constraint violated, please retry.".to_owned();
    Failure::Raised(Answer::error(409, 122, Some(message), None).with("Retry-After", retry_after.to_string()))
}

pub(super) fn unavailable(retry_after: u64) -> Failure {
    let message = "Service temporary unavailable due to overloading or maintenance, please retry later.".to_owned();
    Failure::Raised(Answer::error(503, 201, Some(message), None).with("Retry-After", retry_after.to_string()))
}

pub(super) fn server_error() -> Failure {
    let message = "A programmatic error occurred, developers have been informed.".to_owned();
    let mut answer = Answer::error(500, 999, Some(message), None);
    if let Body::Json(Value::Object(body)) = &mut answer.body {
        body.insert("info".to_owned(), "https://github.com/Kinto/kinto/issues/".into());
    }
    Failure::Raised(answer)
}

/// Returns the response to a request with two media types, which the HTTP server refuses that runs Kinto.
pub(super) fn two_media_types() -> http::Response<Bytes> {
    let mut response = http::Response::new(Bytes::from_static(b"Invalid HTTP Header: 'CONTENT-TYPE'"));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    response
}

pub(super) fn gone() -> Answer {
    let message = "The service you are trying to connect no longer exists at this location.".to_owned();
    Answer::error(410, 202, Some(message), None)
}

/// Returns a redirect to a path of this server, which may be kept for so many seconds.
pub(super) fn redirect(origin: &str, path: &str, seconds: Option<u64>, now: i64) -> Failure {
    let location = format!("{origin}{path}");
    let answer = Answer { status: 307, headers: Vec::new(), body: Body::Empty }.with("Location", location);
    Failure::Raised(match seconds {
        Some(seconds) => answer.kept_for(seconds, now),
        None => answer,
    })
}

/// The failure of a change whose result is not valid.
pub(super) fn refused_later(error: Invalid) -> Failure {
    Failure::Raised(invalid_with(400, vec![error]))
}
