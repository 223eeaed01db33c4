//! Batches: many requests in one transaction.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde_json::{Map, Value, json};

use super::{
    Bound, Server,
    answer::{Answer, Body, Failure, Invalid, Outcome, after_redirect, refused, server_error},
    body, media_type,
    python::{pairs, text},
    request::Request,
    written,
};

const METHODS: [&str; 7] = ["GET", "HEAD", "DELETE", "TRACE", "POST", "PUT", "PATCH"];

impl Server {
    pub(super) fn batch(&mut self, request: &Request, bound: &mut Bound) -> Outcome {
        media_type::check_content_type(request)?;
        let mut errors = Vec::new();
        let value = body::parse(&request.body, &mut errors);
        if !errors.is_empty() {
            return Err(refused(errors));
        }
        let Value::Object(object) = value else { return Err(server_error()) };
        let parts = parts(object, &mut errors)?;
        if !errors.is_empty() {
            return Err(refused(errors));
        }
        let most = self.settings.batch_max_requests;
        if parts.len() > most {
            let description = format!("Number of requests is limited to {most}");
            return Err(refused(vec![Invalid::new("body", "requests", description)]));
        }
        if parts.iter().any(|part| part.path.contains("/batch")) {
            let description = "Recursive call on /batch endpoint is forbidden.";
            return Err(refused(vec![Invalid::new("body", "requests", description)]));
        }
        let mut responses = Vec::with_capacity(parts.len());
        for part in &parts {
            responses.push(self.part(request, part, bound)?);
        }
        let responses = responses.into_iter().collect::<Option<Vec<Value>>>().ok_or_else(server_error)?;
        Ok(Answer::ok(Value::Object(Map::from_iter([("responses".to_owned(), Value::Array(responses))]))))
    }

    /// Carries out one part. A conflict undoes everything before it, whatever was said about that. `None` for a response that
    /// the server cannot write, since its body is not JSON: it fails once all parts were carried out.
    fn part(&mut self, whole: &Request, part: &Part, bound: &mut Bound) -> Outcome<Option<Value>> {
        let mut request = part.request(whole);
        let sent = request.path.clone();
        let mut outcome = self.respond_to(&request, bound);
        if let Err(Failure::Raised(answer)) = &outcome
            && (300..400).contains(&answer.status)
        {
            // A 304 is taken for a redirect, and has no place to go to.
            let location =
                answer.headers.iter().find(|(name, _)| *name == "Location").ok_or_else(server_error)?.1.clone();
            let location = location.strip_prefix(&request.origin).unwrap_or(&location);
            let (path, query) = location.split_once('?').unwrap_or((location, ""));
            request = Request { path: super::parameters::percent_decode(path), query: query.to_owned(), ..request };
            outcome = match self.respond_to(&request, bound) {
                Err(Failure::Raised(answer)) => {
                    request.path = sent;
                    Err(Failure::Raised(after_redirect(answer)))
                }
                outcome => outcome,
            };
        }
        // Only what a view returns gets the headers of all responses.
        let mut common = Vec::new();
        let answer = match outcome {
            Ok(answer) | Err(Failure::Returned(answer)) => {
                common = self.headers_of_views();
                answer
            }
            Err(Failure::Raised(answer)) if answer.status >= 500 => return Err(Failure::Raised(answer)),
            Err(Failure::Raised(answer)) => {
                if answer.status == 412 && request.path.ends_with("/permissions") {
                    return Err(server_error());
                }
                if answer.status == 409 {
                    self.database.roll_back();
                }
                answer
            }
        };
        let is_json = matches!(answer.body, Body::Json(_));
        let body = match answer.body {
            _ if request.method == Method::HEAD => Value::String(String::new()),
            Body::Json(body) => body,
            Body::Empty => return Ok(None),
        };
        let content_type = is_json.then(|| ("Content-Type", "application/json".to_owned()));
        let length = ("Content-Length", written(&body).len().to_string());
        let headers: Map<String, Value> = answer
            .headers
            .into_iter()
            .chain(common)
            .chain(content_type)
            .chain([length])
            .map(|(name, value)| (name.to_owned(), Value::String(value)))
            .collect();
        Ok(Some(Value::Object(Map::from_iter([
            ("status".to_owned(), answer.status.into()),
            ("path".to_owned(), request.path.into()),
            ("headers".to_owned(), Value::Object(headers)),
            ("body".to_owned(), body),
        ]))))
    }
}

/// One request of a batch.
struct Part {
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Map<String, Value>>,
}

impl Part {
    /// Returns the request, which has the headers of the batch and its own.
    fn request(&self, whole: &Request) -> Request {
        let mut headers: HeaderMap = whole.headers.clone();
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
                headers.insert(name, value);
            }
        }
        headers.remove(header::CONTENT_LENGTH);
        let body = match &self.body {
            Some(body) if !body.is_empty() => {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
                Bytes::from(serde_json::to_vec(body).unwrap_or_default())
            }
            _ => Bytes::new(),
        };
        let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let path = if path.starts_with("/v1") { path.to_owned() } else { format!("/v1{path}") };
        Request {
            method: self.method.clone(),
            path: super::parameters::percent_decode(&path),
            query: query.to_owned(),
            headers,
            body,
            origin: whole.origin.clone(),
        }
    }
}

fn parts(mut object: Map<String, Value>, errors: &mut Vec<Invalid>) -> Outcome<Vec<Part>> {
    let before = errors.len();
    let (defaults, mut requests) = (object.remove("defaults"), object.remove("requests"));
    // Only with defaults does a request differ from the one that was sent.
    let sent = if defaults.is_some() { requests.clone() } else { None };
    if let (Some(Value::Object(defaults)), Some(Value::Array(requests))) = (&defaults, &mut requests) {
        for request in requests.iter_mut().filter_map(Value::as_object_mut) {
            add_defaults(request, defaults)?;
        }
    }
    match &defaults {
        Some(Value::Object(defaults)) => _ = check_part(defaults, &Value::Null, "defaults", true, errors),
        Some(other) => errors.push(body::not_a_mapping("defaults", other)),
        None => {}
    }
    let mut parts = Vec::new();
    match &requests {
        Some(Value::Array(requests)) => {
            for (place, request) in requests.iter().enumerate() {
                let name = format!("requests.{place}");
                match request {
                    Value::Object(request) => {
                        let sent = sent.as_ref().and_then(|sent| sent.get(place)).unwrap_or(&Value::Null);
                        parts.extend(check_part(request, sent, &name, false, errors));
                    }
                    other => errors.push(body::not_a_mapping(&name, other)),
                }
            }
        }
        Some(other) => errors.push(Invalid::new("body", "requests", body::not_iterable(other))),
        None => errors.push(Invalid::new("body", "requests", "Required")),
    }
    body::refuse_unknown("", object, before, errors);
    Ok(parts)
}

/// Adds what a request lacks, also within objects.
fn add_defaults(request: &mut Map<String, Value>, defaults: &Map<String, Value>) -> Outcome<()> {
    for (name, default) in defaults {
        match default {
            Value::Object(default) => match request.entry(name.clone()).or_insert_with(|| json!({})) {
                Value::Object(part) => add_defaults(part, default)?,
                _ => return Err(server_error()),
            },
            default => _ = request.entry(name.clone()).or_insert_with(|| default.clone()),
        }
    }
    Ok(())
}

fn mapping(value: &Value) -> String {
    format!("\"{}\" is not a mapping type: Does not implement dict-like functionality.", text(value))
}

/// Reads one part. What the defaults have added to that which was sent comes last.
fn check_part(
    request: &Map<String, Value>,
    sent: &Value,
    name: &str,
    is_default: bool,
    errors: &mut Vec<Invalid>,
) -> Option<Part> {
    let before = errors.len();
    let mut wrong =
        |field: &str, description: String| errors.push(Invalid::new("body", &format!("{name}.{field}"), description));
    let method = match request.get("method") {
        None => Method::GET,
        Some(Value::String(method)) if METHODS.contains(&method.as_str()) => method.parse().unwrap_or(Method::GET),
        Some(other) => {
            wrong("method", format!("\"{}\" is not one of {}", text(other), METHODS.join(", ")));
            Method::GET
        }
    };
    let path = match request.get("path") {
        Some(Value::String(path)) if path.starts_with('/') => path.clone(),
        Some(Value::String(path)) if !path.is_empty() => {
            wrong("path", "String does not match expected pattern".to_owned());
            String::new()
        }
        Some(other) if super::filter::is_true(other) => {
            wrong("path", body::not_a_string(other, "path"));
            String::new()
        }
        _ => {
            if !is_default {
                wrong("path", "Required".to_owned());
            }
            String::new()
        }
    };
    let headers = match request.get("headers") {
        Some(Value::Object(headers)) => {
            let texts = headers.iter().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
            let texts: Vec<_> = texts.collect();
            if texts.len() < headers.len() {
                wrong("headers", format!("{} contains non string value", in_order(headers, &sent["headers"])));
            }
            texts
        }
        Some(other) => {
            wrong("headers", mapping(other));
            Vec::new()
        }
        None => Vec::new(),
    };
    let body = match request.get("body") {
        Some(Value::Object(body)) => Some(body.clone()),
        Some(other) => {
            wrong("body", mapping(other));
            None
        }
        None => None,
    };
    let known = |key: &String| matches!(key.as_str(), "method" | "path" | "headers" | "body");
    let rest: Map<String, Value> =
        request.iter().filter(|(key, _)| !known(key)).map(|(key, value)| (key.clone(), value.clone())).collect();
    if !rest.is_empty() {
        body::refuse_keys(name, &in_order(&rest, sent), before, errors);
    }
    (errors.len() == before).then_some(Part { method, path, headers, body })
}

/// Returns a mapping as Python shows it, with those of its keys first that it has had from the beginning.
fn in_order(mapping: &Map<String, Value>, sent: &Value) -> String {
    let (first, last): (Vec<_>, Vec<_>) = mapping.iter().partition(|(key, _)| sent.get(key.as_str()).is_some());
    pairs(first.into_iter().chain(last))
}
