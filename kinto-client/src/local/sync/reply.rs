//! One write of a push: its request, and what the response to it means.

use bytes::Bytes;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    error::{Error, Result, kind::ErrorKind},
    json::entries::Entries,
    local::{
        record,
        row::{Guard, Problem, Push, PushResult, Version},
    },
    operation::delete::tombstone,
    wire::{
        object::{decode, diff::text, kind},
        path::Place,
        request::{Precondition, Request},
        response::Response,
        timestamp::Timestamp,
    },
};

/// A write that is in the journal, or a read of a record that may have been created.
pub(super) struct Job {
    pub(super) id: String,
    pub(super) attempt: u64,
    pub(super) revision: u64,
    pub(super) push: Push,
    pub(super) place: Place<kind::Record>,
}

/// The response to a job.
pub(super) enum Reply {
    Written(PushResult),
    /// The record as it is, in response to a read.
    Found(Version),
    Absent,
    /// The user has no rights on a record of that id: it was deleted, or is not shared any more.
    Hidden,
}

/// A reply, and the error that ends the push, if it is one that is not about this record alone.
pub(super) struct Outcome {
    pub(super) job: Job,
    pub(super) reply: Reply,
    pub(super) stop: Option<Error>,
}

impl Job {
    pub(super) fn request(&self) -> Result<Option<Request>> {
        let path = self.place.checked()?;
        let provided = |guard: &Guard| match guard {
            Guard::Absent => Precondition::Absent,
            Guard::Version(version) => Precondition::Unchanged(*version),
        };
        let request = match &self.push {
            Push::Put { body, guard } => {
                let body = Bytes::from(format!(r#"{{"data":{body}}}"#));
                Request::new(Method::PUT, path).provided(provided(guard)).with_body(body).repeatable()
            }
            Push::Delete { guard } => Request::new(Method::DELETE, path).provided(provided(guard)).repeatable(),
            Push::Get => Request::get(path),
        };
        // A proxy may send a PUT or a DELETE twice, and a POST not.
        Ok(Some(request.in_batch()))
    }

    pub(super) fn finish(self, response: Result<Response>) -> Outcome {
        let (reply, stop) = match response {
            Ok(response) => self.read(&response),
            // The server refuses the batch that it was alone in.
            Err(error) if self.push != Push::Get && is_refusal(&error) => {
                let refused = PushResult::Refused { problem: self.problem(&error), in_doubt: false };
                (Reply::Written(refused), None)
            }
            Err(error) => (unanswered(&self.push, &error), Some(error)),
        };
        Outcome { job: self, reply, stop }
    }

    fn read(&self, response: &Response) -> (Reply, Option<Error>) {
        let in_doubt = response.doubt.is_some();
        let status = response.status;
        if status.is_success() {
            return match self.stored(response) {
                Ok(version) if self.push == Push::Get => (Reply::Found(version), None),
                Ok(version) => (Reply::Written(PushResult::Stored(version)), None),
                Err(error) => (unanswered(&self.push, &error.clone().maybe_applied()), Some(error)),
            };
        }
        let error = response.to_error();
        let of_kinto = error.errno().is_some();
        let result = match (status, &self.push) {
            (StatusCode::NOT_FOUND, Push::Get) if of_kinto => return (Reply::Absent, None),
            // Kinto does not tell a user without rights on the collection whether there is a record.
            (StatusCode::FORBIDDEN, Push::Get) if of_kinto => return (Reply::Hidden, None),
            (_, Push::Get) => return (Reply::Written(PushResult::NotSent), Some(error)),
            (StatusCode::NOT_FOUND, Push::Delete { .. }) if error.errno() == Some(110) => PushResult::NotFound,
            (StatusCode::PRECONDITION_FAILED, _) if of_kinto => match self.existing(&error) {
                Ok(Some(existing)) => PushResult::Failed { existing, in_doubt },
                Ok(None) | Err(_) if in_doubt => return (Reply::Written(PushResult::Lost), Some(error)),
                Ok(None) => PushResult::NotSent,
                Err(error) => return (Reply::Written(PushResult::NotSent), Some(error)),
            },
            (StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN | StatusCode::PAYLOAD_TOO_LARGE, _) if !in_doubt => {
                PushResult::Refused { problem: self.problem(&error), in_doubt: false }
            }
            // It was sent alone at last, and so the server fails on this record.
            (StatusCode::INTERNAL_SERVER_ERROR, _) => {
                PushResult::Refused { problem: self.problem(&error), in_doubt: true }
            }
            _ => return (unanswered(&self.push, &error), Some(error)),
        };
        (Reply::Written(result), None)
    }

    /// Returns the version in the response to a success.
    fn stored(&self, response: &Response) -> Result<Version> {
        #[derive(Deserialize)]
        struct Envelope<'a> {
            #[serde(borrow)]
            data: &'a RawValue,
        }
        if matches!(self.push, Push::Delete { .. }) {
            let deleted = tombstone(&response.body)?;
            let last_modified = deleted.last_modified.unwrap_or(Version::gone().last_modified);
            return Ok(Version { body: None, last_modified });
        }
        let body = &response.body;
        let envelope: Envelope<'_> = serde_json::from_slice(body).map_err(|error| Error::not_kinto(&error, body))?;
        version(envelope.data.get().as_bytes()).map(|(_, version)| version)
    }

    /// Returns the version that the server has, as the refusal of a precondition says; `None` if it does not.
    fn existing(&self, error: &Error) -> Result<Option<Version>> {
        let existing = error.refusal().and_then(|refusal| refusal.existing.as_ref());
        match (existing, &self.push) {
            (Some(existing), _) => version(existing).map(|(_, version)| Some(version)),
            // The server has no version to show of a record that is gone.
            (None, Push::Put { guard: Guard::Version(_), .. } | Push::Delete { .. }) => Ok(Some(Version::gone())),
            _ => Ok(None),
        }
    }

    fn problem(&self, error: &Error) -> Problem {
        Problem {
            revision: self.revision,
            collection: Timestamp::from_millis(0),
            status: error.status().map_or(0, |status| status.as_u16()),
            errno: error.errno(),
            message: error.server_message().map_or_else(|| error.to_string(), str::to_owned),
            field: error.field().map(str::to_owned),
        }
    }
}

/// Returns the id and the version in the JSON of a record.
pub(super) fn version(received: &[u8]) -> Result<(String, Version)> {
    let not_kinto = |error| Error::not_kinto(&error, received);
    let record = Entries::of(text(received)?).map_err(not_kinto)?;
    let (id, last_modified) = decode::stamp(&record)?;
    let body = record::body_of(&record).map_err(not_kinto)?;
    Ok((id.to_string(), Version { body: Some(body), last_modified }))
}

fn is_refusal(error: &Error) -> bool {
    let is_about_data =
        matches!(error.status(), Some(StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN | StatusCode::PAYLOAD_TOO_LARGE));
    is_about_data && !error.may_have_been_applied()
}

fn unanswered(push: &Push, error: &Error) -> Reply {
    let is_lost = error.may_have_been_applied() || matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Server);
    let is_lost = is_lost && *push != Push::Get;
    Reply::Written(if is_lost { PushResult::Lost } else { PushResult::NotSent })
}
