use crate::error::doubt::Doubt;
use http::Method;
use serde_json::{Map, Value};

use super::survey::on;
use super::{Lists, observed::Present, target::Target};
use crate::{
    error::{Error, Result},
    operation::{CallContext, sealed},
    wire::{
        request::{self, Precondition, Request},
        response::Response,
        timestamp::Timestamp,
    },
};

/// Creates an object, or changes some of its attributes and lists of permissions.
pub(crate) struct Carry<'a> {
    pub(crate) target: &'a Target,
    pub(crate) guard: Precondition,
    pub(crate) data: &'a Map<String, Value>,
    /// The lists of permissions to set; if both data and lists are empty, the request only adds the writer to the
    /// `write` list.
    pub(crate) lists: &'a Lists,
}

/// Deletes an object if it has not been changed since it was read.
pub(crate) struct Remove<'a> {
    pub(crate) target: &'a Target,
    pub(crate) if_match: Timestamp,
}

impl sealed::Operation for Carry<'_> {
    const NAME: &'static str = "Carry";

    type Output = Present;

    fn context(&self) -> CallContext {
        let verb = if self.guard == Precondition::Absent { "create" } else { "patch" };
        CallContext::new(on(verb, self.target.piece), self.target.path.as_str())
    }

    /// Builds a request that may be retried: if the retry is refused because the first try was executed, the
    /// caller finds that out by reading the object.
    fn request(&self) -> Result<Option<Request>> {
        let (method, path) = match self.guard {
            Precondition::Absent => (Method::PUT, self.target.creation_path()),
            _ => (Method::PATCH, &*self.target.path),
        };
        let data = serde_json::value::to_raw_value(self.data).map_err(|error| Error::invalid(error.to_string()))?;
        // A group needs `members`, which a PUT without data lacks; the server refuses an empty PATCH.
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
    const NAME: &'static str = "Remove";

    type Output = ();

    fn context(&self) -> CallContext {
        CallContext::new(on("delete", self.target.piece), self.target.path.as_str())
    }

    fn request(&self) -> Result<Option<Request>> {
        let request = Request::new(Method::DELETE, self.target.path.clone());
        Ok(Some(request.provided(Precondition::Unchanged(self.if_match)).repeatable()))
    }

    fn response(self, response: Response) -> Result<()> {
        // Another client may have deleted it: it is as planned.
        if matches!(response.doubt, Some(Doubt::Gone { .. })) {
            return Ok(());
        }
        response.success().map(drop)
    }
}
