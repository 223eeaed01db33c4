//! Expectations in JSON.

use std::{collections::BTreeMap, panic::Location};

use http::{HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use super::expectation::{Expected, Reply};
use crate::error::{Error, Result};

/// One request and its response, as a file has them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exchange {
    expect: String,
    #[serde(default)]
    headers: BTreeMap<String, Option<String>>,
    json: Option<Value>,
    respond: Option<Response>,
    #[serde(default)]
    lose: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Response {
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    json: Option<Value>,
}

/// Reads a list of expectations.
pub(super) fn expectations(recorded: Value, location: &'static Location<'static>) -> Result<Vec<Expected>> {
    let exchanges: Vec<Exchange> = serde_path_to_error::deserialize(recorded)
        .map_err(|error| Error::invalid(format!("the script is not of the right form: {error}")))?;
    let read = |(place, exchange): (usize, Exchange)| {
        let reason = format!("entry {place} of the script, `{}`", exchange.expect);
        exchange.read(location).map_err(|what| Error::invalid(format!("{reason}: {what}")))
    };
    exchanges.into_iter().enumerate().map(read).collect()
}

impl Exchange {
    fn read(self, location: &'static Location<'static>) -> Result<Expected, String> {
        let Some((method, target)) = self.expect.split_once(' ') else {
            return Err("`expect` has to be a method and a target, such as `GET /buckets/blog`".to_owned());
        };
        let mut expected = Expected::new(method, target.to_owned(), location);
        for (name, value) in &self.headers {
            let value = value.as_deref().map(header_value).transpose()?;
            expected.headers.push((header_name(name)?, value));
        }
        expected.json = self.json;
        expected.reply = Some(match (self.respond, self.lose) {
            (Some(response), false) => response.read()?,
            (None, true) => Reply::Lost,
            _ => return Err("it needs either `respond` or `\"lose\": true`".to_owned()),
        });
        Ok(expected)
    }
}

impl Response {
    fn read(self) -> Result<Reply, String> {
        let status = StatusCode::from_u16(self.status).map_err(|_| format!("{} is no status", self.status))?;
        let mut reply = Reply::new(status);
        if let Some(json) = &self.json {
            reply.set_json(json);
        }
        for (name, value) in &self.headers {
            reply.set_header(header_name(name)?, header_value(value)?);
        }
        Ok(reply)
    }
}

fn header_name(name: &str) -> Result<HeaderName, String> {
    name.parse().map_err(|_| format!("`{name}` cannot be the name of a header"))
}

fn header_value(value: &str) -> Result<HeaderValue, String> {
    value.parse().map_err(|_| format!("`{value}` cannot be the value of a header"))
}
