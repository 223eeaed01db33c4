use http::StatusCode;

use super::{
    CallContext,
    create::{Create, operation},
    sealed::Operation,
};
use crate::{
    error::{Error, Result},
    wire::{
        object::{Object, RecordData, kind::Kind, outcome::CreateOutcome},
        request::Request,
        response::Response,
    },
};

/// Creates an object, or returns the existing one.
pub struct CreateIfNotExists<K: Kind, T>(pub(crate) Create<K, T>);

impl<K: Kind, T: RecordData> Operation for CreateIfNotExists<K, T> {
    const NAME: &'static str = "CreateIfNotExists";

    type Output = CreateOutcome<Object<K, T>>;

    fn context(&self) -> CallContext {
        CallContext { operation: operation::<K>("create"), ..self.0.context() }
    }

    /// Sends a POST with an id: if the object exists, the server returns it and ignores the request's data.
    ///
    /// That takes one request, and the response includes the permissions, unlike that of a refused PUT.
    fn request(&self) -> Result<Option<Request>> {
        let data = self.0.new_data()?;
        let Some(id) = self.0.chosen(&data)? else {
            return Err(Error::invalid("`.if_not_exists()` needs an id: the server would choose a new one each time"));
        };
        let object = self.0.list.checked_at(&id)?;
        let own_id = self.0.has_own_id(&data);
        let body = data.with_id(&id)?.into_body(self.0.checked_permissions()?)?;
        let request = Request::post(object).with_own_id(own_id);
        Ok(Some(request.repeatable().with_body(body)))
    }

    fn response(self, response: Response) -> Result<Self::Output> {
        let response = response.success()?;
        let object = Object::from_answer(&response)?;
        Ok(match response.doubt {
            _ if response.status == StatusCode::CREATED => CreateOutcome::Created(object),
            Some(_) => CreateOutcome::InDoubt(object),
            None => CreateOutcome::Existing(object),
        })
    }
}

debug_as_place!(CreateIfNotExists [K: Kind, T] [K, T] 0.list);
