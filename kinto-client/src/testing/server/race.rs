//! Writes that overlap. Kinto reads an object and compares its version before it locks the row, so that of two guarded
//! writes in two processes both can succeed, and the second overwrites the first.

use bytes::Bytes;
use http::{HeaderValue, Method, header};
use serde_json::{Value, json};

use super::{
    Bound, Server,
    answer::{Body, Failure, collision, unavailable},
    patch::Flavour,
    read,
    request::{Request, Route},
};

/// A write that was compared, and not carried out yet.
pub(in crate::testing) enum Compared {
    /// It is refused whatever happens meanwhile.
    Refused(http::Response<Bytes>),
    /// It is carried out later, without comparing again.
    Accepted(Accepted),
}

pub(in crate::testing) struct Accepted {
    request: Request,
    status: u16,
}

impl Server {
    /// Compares a write of one object with what is stored; `None` for other requests, which are carried out at once.
    pub(in crate::testing) fn compare(&mut self, request: &http::Request<Bytes>, now: i64) -> Option<Compared> {
        self.database.now = now;
        if !matches!(*request.method(), Method::PUT | Method::PATCH | Method::DELETE) {
            return None;
        }
        let request = read(request.clone());
        let path = request.path.strip_prefix("/v1").unwrap_or_default();
        if !matches!(Route::of(path), Route::Object(..)) {
            return None;
        }
        let mut bound = Bound::default();
        let outcome = self.respond_to(&request, &mut bound);
        self.database.roll_back();
        Some(match outcome {
            Ok(answer) => {
                let status = answer.status;
                Compared::Accepted(Accepted { request: without_guard(request, &answer.body), status })
            }
            Err(Failure::Raised(answer) | Failure::Returned(answer)) => {
                Compared::Refused(self.written(&request, &answer))
            }
        })
    }

    /// Responds to a batch whose last write collides with another writer: the others are said to have succeeded, and nothing
    /// is stored.
    pub(in crate::testing) fn collide(&mut self, request: http::Request<Bytes>, now: i64) -> http::Response<Bytes> {
        self.database.now = now;
        let request = read(request);
        let sent: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let outcome = self.respond_to(&request, &mut Bound::default());
        self.database.roll_back();
        let (Ok(mut answer) | Err(Failure::Raised(mut answer) | Failure::Returned(mut answer))) = outcome;
        let is_write =
            |part: &Value| !matches!(part.get("method").and_then(Value::as_str), None | Some("GET" | "HEAD"));
        let parts = sent.get("requests").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let last = parts.iter().rposition(is_write);
        if let (Some(last), Body::Json(body)) = (last, &mut answer.body)
            && let Some(response) = body.get_mut("responses").and_then(|responses| responses.get_mut(last))
            && let Failure::Raised(collision) = collision(self.settings.retry_after)
            && let Body::Json(conflict) = collision.body
        {
            let headers = json!({"Retry-After": self.settings.retry_after.to_string()});
            *response = json!({"status": 409, "path": response.get("path"), "headers": headers, "body": conflict});
        }
        self.written(&request, &answer)
    }

    /// Refuses a request as an overloaded server does, without carrying it out.
    pub(in crate::testing) fn overload(&mut self, request: http::Request<Bytes>, now: i64) -> http::Response<Bytes> {
        self.database.now = now;
        let (Failure::Raised(answer) | Failure::Returned(answer)) = unavailable(self.settings.retry_after);
        self.written(&read(request), &answer)
    }

    /// Carries out a write that was compared before.
    pub(in crate::testing) fn finish(&mut self, accepted: Accepted, now: i64) -> http::Response<Bytes> {
        self.database.now = now;
        let Accepted { request, status } = accepted;
        if status == 201 && self.exists(&request) {
            let (Failure::Raised(answer) | Failure::Returned(answer)) = collision(self.settings.retry_after);
            return self.written(&request, &answer);
        }
        let mut response = self.transact(&request);
        if response.status().is_success() {
            *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
        }
        response
    }
}

impl Server {
    fn exists(&self, request: &Request) -> bool {
        match Route::of(request.path.strip_prefix("/v1").unwrap_or_default()) {
            Route::Object(place, id) => self.database.get(&place.key(), &id).is_some(),
            _ => false,
        }
    }
}

/// Returns the write as the database sees it: the whole object, whatever is there by now.
fn without_guard(mut request: Request, body: &Body) -> Request {
    request.headers.remove(header::IF_MATCH);
    let sent: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let changes_permissions = match Flavour::of(&request) {
        Flavour::Operations => sent.to_string().contains("\"/permissions"),
        Flavour::Plain | Flavour::Merge => sent.get("permissions").is_some(),
    };
    if request.method == Method::PATCH
        && !changes_permissions
        && let Body::Json(body) = body
        && let Some(Value::Object(mut data)) = body.get("data").cloned()
    {
        data.remove("last_modified");
        request.method = Method::PUT;
        request.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request.body = Bytes::from(json!({"data": data}).to_string());
    }
    request
}
