//! The server: what it stores, and how it responds. The rules are those that were measured of Kinto on PostgreSQL.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::{HeaderValue, Method, header};
use serde_json::{Map, Value, json};

mod access;
mod account;
mod answer;
mod batch;
mod body;
pub(super) mod database;
mod default_bucket;
mod entries;
mod events;
mod fields;
mod filter;
mod list;
mod media_type;
mod object;
mod parameters;
mod patch;
mod precondition;
mod python;
mod query;
pub(super) mod race;
mod request;
mod resource;
mod root;
mod schema;
mod selection;
pub(super) mod settings;
mod time;
mod who;
mod write;

use answer::{
    Answer, Body, Failure, Outcome, method_not_allowed, not_allowed_here, preflight, redirect, server_error,
    unknown_url, unknown_version,
};
use database::{Database, Kind};
use events::Event;
use parameters::percent_decode;
pub(super) use request::is_id;
use request::{Place, Request, Route};
use settings::Settings;

/// A Kinto.
pub(super) struct Server {
    pub(super) settings: Settings,
    pub(super) database: Database,
    /// The tokens of deletions that were not used yet.
    nonces: BTreeSet<String>,
    /// The users of `basicauth` by their credentials.
    users: BTreeMap<String, String>,
    /// The last credentials of each account that were right, and until when they are taken for it.
    verified: BTreeMap<String, (String, i64)>,
    /// The number of ids that were made.
    ids: u64,
}

/// The first time, in milliseconds, of which HTTP has no date.
pub(super) const LAST_TIME: i64 = 253_402_300_800_000;

/// The seconds for which a redirect to the path without a slash is good.
const SLASH: u64 = 3600;

/// State that the parts of one request share.
#[derive(Default)]
struct Bound {
    collections: BTreeMap<String, Map<String, Value>>,
    #[cfg_attr(not(feature = "schema"), allow(dead_code, reason = "only schemas need it"))]
    buckets: BTreeMap<String, Map<String, Value>>,
    groups: BTreeMap<String, BTreeSet<String>>,
    implicit: BTreeSet<String>,
    events: Vec<Event>,
}

impl Server {
    pub(super) fn new(settings: Settings) -> Self {
        let database = Database::default();
        Self { settings, database, nonces: BTreeSet::new(), users: BTreeMap::new(), verified: BTreeMap::new(), ids: 0 }
    }

    /// Carries out a request, in a transaction of its own.
    pub(super) fn respond(&mut self, request: http::Request<Bytes>, now: i64) -> http::Response<Bytes> {
        self.database.now = now;
        let mut response = if request.headers().get_all(header::CONTENT_TYPE).iter().nth(1).is_some() {
            answer::two_media_types()
        } else {
            self.transact(&read(request))
        };
        if let Ok(date) = HeaderValue::try_from(time::http_date(now)) {
            response.headers_mut().insert(header::DATE, date);
        }
        response
    }

    fn transact(&mut self, request: &Request) -> http::Response<Bytes> {
        let mut bound = Bound::default();
        let reached = self.settings.end_of_service.as_ref().is_some_and(|end| end.reached);
        let outcome = if reached { Ok(answer::gone()) } else { self.respond_to(request, &mut bound) };
        let (answer, raised) = match outcome {
            Ok(answer) | Err(Failure::Returned(answer)) => match self.follow(bound.events) {
                Ok(()) => (answer, false),
                Err(Failure::Raised(answer) | Failure::Returned(answer)) => (answer, true),
            },
            Err(Failure::Raised(answer)) => (answer, true),
        };
        if raised {
            self.database.roll_back();
        }
        self.database.commit();
        self.written(request, &answer)
    }

    /// Returns the headers that everything has which a view returns, also a part of a batch.
    fn headers_of_views(&self) -> Vec<(&'static str, String)> {
        let backoff = self.settings.backoff.map(|seconds| ("Backoff", seconds.to_string()));
        [("X-Content-Type-Options", "nosniff".to_owned())].into_iter().chain(backoff).collect()
    }

    /// Returns the announcement that the service will end.
    fn alert(&self) -> Option<(&'static str, String)> {
        let end = self.settings.end_of_service.as_ref()?;
        let code = if end.reached { "hard-eol" } else { "soft-eol" };
        Some(("Alert", json!({"code": code, "message": end.message, "url": end.url}).to_string()))
    }

    fn written(&self, request: &Request, answer: &Answer) -> http::Response<Bytes> {
        let body = match &answer.body {
            Body::Json(body) if request.method != Method::HEAD => Bytes::from(written(body)),
            _ => Bytes::new(),
        };
        let mut response = http::Response::new(body);
        *response.status_mut() = http::StatusCode::from_u16(answer.status).unwrap_or_default();
        let length = response.body().len().to_string();
        let fixed = match answer.body {
            Body::Json(_) => Some(("Content-Type", "application/json".to_owned())),
            Body::Empty if answer.status == 200 => Some(("Content-Type", "text/html; charset=UTF-8".to_owned())),
            Body::Empty => None,
        };
        let common = self.headers_of_views().into_iter().chain(self.alert());
        let headers = answer.headers.iter().cloned().chain(common).chain(fixed).chain([("Content-Length", length)]);
        // Few responses have more, for which the map would have to grow.
        response.headers_mut().reserve(12);
        for (name, value) in headers {
            if let (Ok(name), Ok(value)) =
                (header::HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value))
            {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }

    /// Finds out what a request is for, and has it carried out.
    fn respond_to(&mut self, request: &Request, bound: &mut Bound) -> Outcome {
        let now = self.database.now;
        let is_read = matches!(request.method, Method::GET | Method::HEAD | Method::OPTIONS);
        if self.settings.readonly && !is_read {
            return Err(method_not_allowed());
        }
        parameters::check_encoding(&request.query)?;
        let Some(path) = request.path.strip_prefix("/v1").filter(|path| path.is_empty() || path.starts_with('/'))
        else {
            if request.method == Method::OPTIONS && !request.path.starts_with("/v") {
                return Ok(Answer { status: 200, headers: Vec::new(), body: Body::Empty });
            }
            let version = request.path.trim_start_matches('/').strip_prefix('v');
            let names_version = version.is_some_and(|rest| rest.starts_with(|char: char| char.is_ascii_digit()));
            return Err(if request.path.starts_with("/v1") {
                if request.path.ends_with('/') { self.without_slash(request) } else { unknown_url() }
            } else if names_version {
                unknown_version()
            } else {
                redirect(&request.origin, &with_query(&format!("/v1{}", request.path), request), None, now)
            });
        };
        if path.is_empty() {
            return Err(redirect(&request.origin, &with_query("/v1/", request), Some(SLASH), now));
        }
        let route = self.route(path);
        if route == Route::Unknown && path.len() > 1 && path.ends_with('/') {
            return Err(self.without_slash(request));
        }
        let who = self.who(request, bound);
        match route {
            Route::Unknown => Err(unknown_url()),
            Route::Default(rest) => self.default_bucket(request, &rest, &who?, bound),
            Route::List(place) => self.resource(request, &place, None, who, bound),
            Route::Object(place, id) => self.resource(request, &place, Some(&id), who, bound),
            Route::Batch if request.method == Method::POST => self.batch(request, bound),
            Route::Root | Route::Heartbeat | Route::LoadBalancerHeartbeat | Route::Version | Route::Snapshot { .. }
                if request.method == Method::OPTIONS =>
            {
                preflight(request, &[Method::GET, Method::HEAD])
            }
            Route::Root if is_read => Ok(self.root(request, &who?)),
            // Without authentication, which can fail.
            Route::Heartbeat if is_read => Ok(Answer::ok(json!({"storage": true, "permission": true, "cache": true}))),
            Route::LoadBalancerHeartbeat if is_read => Ok(Answer::ok(json!({}))),
            // The file that it would return is not part of an installation.
            Route::Version if is_read => Err(server_error()),
            Route::Snapshot { bucket, collection, timestamp } if is_read => {
                self.snapshot(&bucket, &collection, &timestamp, &who?)
            }
            Route::Batch if request.method == Method::OPTIONS => preflight(request, &[Method::POST]),
            Route::Batch => Err(not_allowed_here(&[Method::POST])),
            _ => Err(not_allowed_here(&[Method::GET, Method::HEAD])),
        }
    }

    /// Returns the redirect to the path without the slash at its end.
    fn without_slash(&self, request: &Request) -> Failure {
        let path = with_query(request.path.trim_end_matches('/'), request);
        redirect(&request.origin, &path, Some(SLASH), self.database.now)
    }

    /// Returns where a path leads to, without what plugins that are off would serve.
    fn route(&self, path: &str) -> Route {
        let settings = &self.settings;
        let route = match Route::of(path) {
            // It is the name of a bucket like any other, also where a line breaks within the path.
            Route::Default(rest)
                if !settings.default_bucket || rest.strip_suffix('\n').unwrap_or(&rest).contains('\n') =>
            {
                match Route::of(&path.replacen("/default", "/\u{0}default", 1)) {
                    Route::Object(place, id) => Route::Object(renamed(place), id.replace('\u{0}', "")),
                    Route::List(place) => Route::List(renamed(place)),
                    Route::Snapshot { collection, timestamp, .. } => {
                        Route::Snapshot { bucket: "default".to_owned(), collection, timestamp }
                    }
                    route => route,
                }
            }
            route => route,
        };
        let is_on = match &route {
            Route::List(place) | Route::Object(place, _) => match place.kind {
                Kind::Account => settings.accounts,
                Kind::History => settings.history,
                Kind::Permissions => settings.permissions_endpoint,
                _ => true,
            },
            Route::Snapshot { .. } => settings.history,
            _ => true,
        };
        if is_on { route } else { Route::Unknown }
    }

    fn new_id(&mut self, kind: Kind) -> String {
        match kind {
            Kind::Bucket | Kind::Collection | Kind::Group => self.digits().get(..8).unwrap_or_default().to_owned(),
            _ => self.new_uuid(),
        }
    }

    /// Returns digits that no call has returned before, and that a run with the same calls returns again.
    fn digits(&mut self) -> String {
        self.ids += 1;
        who::hex_digest(&format!("id {}", self.ids))
    }

    fn new_uuid(&mut self) -> String {
        let digits = self.digits();
        let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
        format!("{}-{}-4{}-a{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
    }
}

/// Returns a value as JSON.
fn written(value: &Value) -> Vec<u8> {
    // Not `to_string`, which writes piece by piece through a formatter.
    serde_json::to_vec(value).unwrap_or_default()
}

fn with_query(path: &str, request: &Request) -> String {
    match request.query.as_str() {
        "" => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

fn renamed(place: Place) -> Place {
    let name = |name: Option<String>| name.map(|name| name.replace('\u{0}', ""));
    Place::new(place.kind, name(place.bucket).as_deref(), name(place.collection).as_deref())
}

fn read(request: http::Request<Bytes>) -> Request {
    let (mut parts, body) = request.into_parts();
    if !is_as_received(&parts.headers) {
        parts.headers = as_received(&parts.headers);
    }
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).map(str::to_owned);
    let authority = host.or_else(|| parts.uri.authority().map(ToString::to_string)).unwrap_or_default();
    let scheme = parts.uri.scheme_str().unwrap_or("http");
    Request {
        method: parts.method,
        path: percent_decode(parts.uri.path()),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body,
        origin: format!("{scheme}://{authority}"),
    }
}

/// Returns true for headers that a server hands to Python as they are.
fn is_as_received(headers: &http::HeaderMap) -> bool {
    let is_trimmed = |value: &HeaderValue| value.as_bytes().trim_ascii().len() == value.len();
    headers.keys_len() == headers.len() && headers.values().all(is_trimmed)
}

/// Returns the headers as a server hands them to Python: without spaces around them, and those of one name as one.
fn as_received(headers: &http::HeaderMap) -> http::HeaderMap {
    let joined = headers.keys().filter_map(|name| {
        let values: Vec<&[u8]> = headers.get_all(name).iter().map(|value| value.as_bytes().trim_ascii()).collect();
        Some((name.clone(), HeaderValue::from_bytes(&values.join(&b',')).ok()?))
    });
    joined.collect()
}
