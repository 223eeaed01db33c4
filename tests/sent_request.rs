use http::{HeaderMap, Method};
use serde_json::Value;

/// A request as it was sent.
#[derive(Clone, Debug)]
pub struct SentRequest {
    /// The method.
    pub method: Method,
    /// Path and query, the version prefix included.
    pub target: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; empty if there was none.
    pub body: String,
}

impl SentRequest {
    /// Method and target, without the version prefix: `GET /buckets`.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.target.strip_prefix("/v1").unwrap_or(&self.target))
    }

    /// A header's value, if there is that header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("headers are text"))
    }

    /// The same request with another body, made of its own.
    pub(crate) fn with_body(mut self, alter: impl FnOnce(String) -> String) -> Self {
        self.body = alter(self.body);
        self.headers.insert("content-length", self.body.len().into());
        self
    }

    pub(crate) fn without_header(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    /// The requests that are in this one, if it is a batch: [`line`](Self::line)s.
    #[must_use]
    pub fn batched(&self) -> Vec<String> {
        let Value::Array(requests) = self.json()["requests"].take() else { panic!("no batch: {self:?}") };
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        requests.iter().map(|request| format!("{} {}", text(&request["method"]), text(&request["path"]))).collect()
    }

    /// Returns `true` if it is a batch.
    #[must_use]
    pub fn is_batch(&self) -> bool {
        self.line() == "POST /batch"
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("the body is JSON")
    }
}
