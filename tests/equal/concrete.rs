//! Makes a step into a request to one of the servers, from what that server has answered so far.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;

use crate::side::Answer;
use crate::step::{Step, Who, decoded, fill};

/// A person as one server knows it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Person {
    pub(crate) principal: String,
    pub(crate) bucket: String,
}

/// The parts of a response that later steps refer to.
#[derive(Clone, Debug, Default)]
struct Note {
    id: Option<String>,
    etag: Option<i64>,
    next: Option<String>,
}

/// The responses of one server in a sequence.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    /// The start of the sequence, in milliseconds.
    start: i64,
    origin: String,
    people: Vec<Person>,
    notes: BTreeMap<usize, Vec<Note>>,
}

impl Memory {
    pub(crate) fn new(start: i64, origin: &str, people: &[Person]) -> Self {
        Self { start, origin: origin.to_owned(), people: people.to_vec(), notes: BTreeMap::new() }
    }

    /// The request; `None` where it is of a page that there is not.
    pub(crate) fn request(&self, step: &Step) -> Option<http::Request<Bytes>> {
        let of = |name: &str| self.value(name);
        let path = fill(&step.path, &of)?;
        let mut request = http::Request::builder().method(step.method.as_str()).uri(self.origin.clone() + &path);
        if let Some(value) = step.who.authorization() {
            request = request.header("authorization", value);
        }
        for (name, value) in &step.headers {
            request = request.header(name.as_str(), fill(value, &of)?);
        }
        let body = step.body.as_ref().map_or(Some(String::new()), |body| fill(body, &of))?;
        Some(request.body(Bytes::from(body)).unwrap_or_else(|error| panic!("{error}: {step} {path:?}")))
    }

    /// Returns the value that a name in a step stands for: `missing` or 1 for what should have been made and was not.
    fn value(&self, name: &str) -> Option<String> {
        let (kind, of) = name.split_once(' ').unwrap_or((name, ""));
        let person = || self.people.get(of.parse::<usize>().ok()?);
        match kind {
            "id" => Some(self.note(of).and_then(|note| note.id.clone()).unwrap_or_else(|| "missing".to_owned())),
            "etag" => {
                let (of, delta) = match of.find(['+', '-']) {
                    Some(at) => (&of[..at], of[at..].parse::<i64>().ok()?),
                    None => (of, 0),
                };
                Some((self.note(of).and_then(|note| note.etag).unwrap_or(1) + delta).to_string())
            }
            "time" => Some((self.start + of.parse::<i64>().ok()?).to_string()),
            "me" => person().map(|person| person.principal.clone()),
            "bucket" => person().map(|person| person.bucket.clone()),
            "auth" => Who::Person(of.parse().ok()?).authorization(),
            "next" => self.note(of)?.next.clone(),
            "token" => {
                let next = self.note(of).and_then(|note| note.next.as_deref()).unwrap_or_default();
                let token = next.split(['?', '&']).find_map(|pair| pair.strip_prefix("_token="));
                Some(token.unwrap_or("none").to_owned())
            }
            _ => panic!("a step refers to {name:?}"),
        }
    }

    fn note(&self, of: &str) -> Option<&Note> {
        let (step, part) = of.split_once('.').unwrap_or((of, "0"));
        self.notes.get(&step.parse().ok()?)?.get(part.parse::<usize>().ok()?)
    }

    /// Remembers an answer.
    pub(crate) fn remember(&mut self, step: usize, answer: &Answer) {
        let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok());
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let notes = match body.get("responses").and_then(Value::as_array) {
            Some(parts) => parts.iter().map(|part| self.part(part)).collect(),
            None => vec![self.noted(&body, header("etag"), header("next-page"))],
        };
        self.notes.insert(step, notes);
    }

    fn part(&self, part: &Value) -> Note {
        let headers = part.get("headers").and_then(Value::as_object);
        let header = |wanted: &str| {
            let (_, value) = headers?.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
            value.as_str()
        };
        self.noted(&part["body"], header("etag"), header("next-page"))
    }

    fn noted(&self, body: &Value, etag: Option<&str>, next: Option<&str>) -> Note {
        let id = body.get("data").and_then(|data| data.get("id")).and_then(Value::as_str);
        Note {
            // It may hold what a path has to have encoded.
            id: id.map(|id| id.replace('%', "%25").replace(['\n', ' ', '?', '#', '/'], "_")),
            etag: etag.and_then(|etag| etag.trim_matches('"').parse().ok()),
            next: next.and_then(|next| next.strip_prefix(&self.origin)).map(str::to_owned),
        }
    }
}

/// A request, as far as it matters for how its response is read.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Without the query, the version and the encoding.
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) who: Who,
    pub(crate) body: String,
    /// By which step and part of a batch.
    pub(crate) label: String,
}

impl Asked {
    fn new(label: String, method: &str, path: &str, who: Who, body: &str) -> Self {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let path = decoded(path);
        let path = path.strip_prefix("/v1").unwrap_or(&path).to_owned();
        Self { method: method.to_owned(), path, query: query.to_owned(), who, body: body.to_owned(), label }
    }

    pub(crate) fn of(step: &Step, request: &http::Request<Bytes>) -> Self {
        let authorization = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        let path = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let body = String::from_utf8_lossy(request.body());
        Self::new(step.number.to_string(), request.method().as_str(), path, Who::of(authorization), &body)
    }

    /// The requests of the parts of a batch.
    pub(crate) fn parts(&self) -> Vec<Self> {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        let requests = body.get("requests").and_then(Value::as_array).cloned().unwrap_or_default();
        let part = |(index, request): (usize, &Value)| {
            let field = |name: &str| {
                let own = request.get(name).filter(|own| !own.is_null());
                own.or_else(|| body.get("defaults").and_then(|defaults| defaults.get(name))).cloned()
            };
            let text = |name: &str| field(name).and_then(|value| value.as_str().map(str::to_owned));
            let headers = field("headers");
            let headers = headers.as_ref().and_then(Value::as_object);
            let own = headers.and_then(|all| all.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization")));
            let who = own.map_or(self.who, |(_, value)| Who::of(value.as_str()));
            let (method, path) = (text("method").unwrap_or_else(|| "GET".to_owned()), text("path").unwrap_or_default());
            Self::new(
                format!("{}.{index}", self.label),
                &method,
                &path,
                who,
                &field("body").unwrap_or_default().to_string(),
            )
        };
        requests.iter().enumerate().map(part).collect()
    }
}
