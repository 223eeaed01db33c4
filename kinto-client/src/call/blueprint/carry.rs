use http::Method;
use serde_json::{Map, Value};

use super::survey::on;
use crate::{
    call::{Subject, sealed},
    error::{Error, Result},
    wire::{
        blueprint::Lists,
        plan::{Present, Spot},
        request::{self, Precondition, Request},
        response::{Doubt, Response},
        timestamp::Timestamp,
    },
};

/// Creates an object, or changes some of its attributes and lists of permissions.
pub(super) struct Carry<'a> {
    pub(super) spot: &'a Spot,
    pub(super) guard: Precondition,
    pub(super) data: &'a Map<String, Value>,
    /// Without any, the object is put or left as it is, with the writer among those who may write.
    pub(super) lists: &'a Lists,
}

/// Deletes an object that is still as it was seen.
pub(super) struct Remove<'a> {
    pub(super) spot: &'a Spot,
    pub(super) if_match: Timestamp,
}

impl sealed::Operation for Carry<'_> {
    type Output = Present;

    fn subject(&self) -> Subject {
        let verb = if self.guard == Precondition::Absent { "create" } else { "patch" };
        Subject::new(on(verb, self.spot.piece), self.spot.path.as_str())
    }

    /// Whether a second try is refused because of the first is found out by looking.
    fn request(&self) -> Result<Option<Request>> {
        let (method, path) = match self.guard {
            Precondition::Absent => (Method::PUT, self.spot.creation_path()),
            _ => (Method::PATCH, &*self.spot.path),
        };
        let data = serde_json::value::to_raw_value(self.data).map_err(|error| Error::invalid(error.to_string()))?;
        // A PUT without data would have no `members` in a group, and a PATCH without anything is refused.
        let data = (method == Method::PUT || !self.data.is_empty()).then_some(&*data);
        let permissions = (data.is_none() || !self.lists.is_empty()).then_some(self.lists);
        Request::new(method, path.to_owned())
            .provided(self.guard)
            .repeatable()
            .json(&request::Write { data, permissions })
            .map(Some)
    }

    fn response(self, response: Response) -> Result<Present> {
        let body = response.success()?.body;
        Present::from_answer(&body).map_err(|error| Error::not_kinto(&error, &body))
    }
}

impl sealed::Operation for Remove<'_> {
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::new(on("delete", self.spot.piece), self.spot.path.as_str())
    }

    fn request(&self) -> Result<Option<Request>> {
        let request = Request::new(Method::DELETE, self.spot.path.clone());
        Ok(Some(request.provided(Precondition::Unchanged(self.if_match)).repeatable()))
    }

    fn response(self, response: Response) -> Result<()> {
        // Whoever deleted it: it is as planned.
        if matches!(response.doubt, Some(Doubt::Gone { .. })) {
            return Ok(());
        }
        response.success().map(drop)
    }
}
