//! Comparison of a request with the one that is expected.

use std::panic::Location;

use http::StatusCode;
use serde_json::json;

use super::{
    RecordedRequest, difference,
    expectation::{Expected, Reply},
    report::pretty,
    target,
};

/// The first request that is not as expected.
pub(super) struct Mismatch {
    /// The number of the request, from 1.
    pub(super) place: usize,
    /// The line of the test that expects another request, if it expects one.
    pub(super) location: Option<&'static Location<'static>>,
    /// The lines of the report.
    pub(super) lines: Vec<String>,
    /// The reason for the client.
    summary: String,
}

impl Mismatch {
    /// Returns a response that the client does not retry, and does not take for one of the cases that programs handle, such
    /// as a missing object.
    pub(super) fn reply(&self) -> Reply {
        let message = format!("{}; the test fails when the script ends", self.summary);
        let mut reply = Reply::new(StatusCode::UNPROCESSABLE_ENTITY);
        reply.set_json(&json!({"code": 422, "errno": 999, "error": "Unexpected Request", "message": message}));
        reply
    }
}

/// Returns the response to a request, if it is the first of those that are expected.
pub(super) fn reply(expected: &mut [Expected], request: &RecordedRequest, place: usize) -> Result<Reply, Mismatch> {
    let mut mismatch = Mismatch { place, location: None, lines: Vec::new(), summary: String::new() };
    let Some((next, later)) = expected.split_first_mut() else {
        mismatch.lines = received(request, "received, but nothing else is expected: ");
        mismatch.summary = format!("the script did not expect request {place}, {}", request.line());
        return Err(mismatch);
    };
    mismatch.location = Some(next.location);
    mismatch.summary = format!("the script expected {} {} as request {place}", next.method, next.target);
    if !is_for(next, request) {
        mismatch.summary.extend([" and received ", &request.line()]);
        mismatch.lines = vec![format!("expected {} {}", next.method, next.target)];
        mismatch.lines.extend(received(request, "received "));
        if let Some(distance) = later.iter().position(|other| is_for(other, request)) {
            mismatch.lines.push(format!("which is expected as request {}: the order differs", place + 1 + distance));
        }
        return Err(mismatch);
    }
    let differences = differences(next, request);
    if !differences.is_empty() {
        mismatch.summary += " with another content";
        mismatch.lines = vec![request.line()];
        mismatch.lines.extend(differences);
        return Err(mismatch);
    }
    next.reply.take().ok_or_else(|| {
        mismatch.summary += ", and has no response to it";
        mismatch.lines = vec![request.line(), "has no response: end its expectation with `respond`".to_owned()];
        mismatch
    })
}

fn is_for(expected: &Expected, request: &RecordedRequest) -> bool {
    expected.method.eq_ignore_ascii_case(request.method.as_str()) && target::is_same(&expected.target, &request.target)
}

/// Returns a request with its body, after a few words.
fn received(request: &RecordedRequest, words: &str) -> Vec<String> {
    let mut lines = vec![format!("{words}{}", request.line())];
    lines.extend(pretty(&request.body).lines().map(|line| format!("  {line}")));
    lines
}

fn differences(expected: &Expected, request: &RecordedRequest) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, wanted) in &expected.headers {
        let value = request.headers.get(name);
        if value != wanted.as_ref() {
            let shown = |value: Option<&http::HeaderValue>| {
                value.map_or_else(
                    || "(absent)".to_owned(),
                    |value| String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            };
            lines.push(format!("header {name} (- expected, + received):"));
            lines.extend([format!("- {}", shown(wanted.as_ref())), format!("+ {}", shown(value))]);
        }
    }
    if let Some(json) = &expected.json
        && serde_json::from_slice::<serde_json::Value>(&request.body).ok().as_ref() != Some(json)
    {
        lines.push("body (- expected, + received):".to_owned());
        lines.extend(difference::of(&pretty(json.to_string().as_bytes()), &pretty(&request.body)));
    }
    lines
}
