use http::{Method, StatusCode};

use super::{Subject, create::Create, create::operation, sealed::Operation};
use crate::{
    error::{Error, Result},
    wire::{
        kind::Kind,
        object::{Data, Object},
        outcome::Ensured,
        request::Request,
        response::Response,
    },
};

/// Creates an object, or gets the one that is there.
pub struct CreateIfNotExists<K: Kind, T>(pub(super) Create<K, T>);

impl<K: Kind, T: Data> Operation for CreateIfNotExists<K, T> {
    type Output = Ensured<Object<K, T>>;

    fn subject(&self) -> Subject {
        Subject { operation: operation::<K>("create"), ..self.0.subject() }
    }

    /// A POST with an id: where the object exists, the server answers with it and ignores the rest. One request, and
    /// the answer has the permissions, which that of a refused PUT has not.
    fn request(&self) -> Result<Option<Request>> {
        let data = self.0.new_data()?;
        let Some(id) = self.0.chosen(&data)? else {
            return Err(Error::invalid("`.if_not_exists()` needs an id: the server would choose a new one each time"));
        };
        let object = self.0.list.checked_at(&id)?;
        let own_id = self.0.has_own_id(&data);
        let body = data.with_id(&id)?.into_body(self.0.checked_permissions()?)?;
        let request = Request::new(Method::POST, self.0.list.checked()?).about(object).with_own_id(own_id);
        Ok(Some(request.repeatable().with_body(body)))
    }

    fn response(self, response: Response) -> Result<Self::Output> {
        let response = response.success()?;
        let object = Object::from_answer(&response)?;
        Ok(match response.doubt {
            _ if response.status == StatusCode::CREATED => Ensured::Created(object),
            Some(_) => Ensured::InDoubt(object),
            None => Ensured::Existing(object),
        })
    }
}

debug_as_place!(CreateIfNotExists [K: Kind, T] [K, T] 0.list);
