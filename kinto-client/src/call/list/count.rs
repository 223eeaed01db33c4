use http::Method;

use super::GetAll;
use crate::{
    call::{Subject, sealed::Operation},
    error::{Error, Result},
    wire::{kind::Kind, object::Data, request::Request, response::Response},
};

/// Counts the objects of a list.
pub struct Count<K: Kind, T>(pub(super) GetAll<K, T>);

impl<K: Kind, T: Data> Operation for Count<K, T> {
    type Output = usize;

    fn subject(&self) -> Subject {
        Subject::new("count", &self.0.list)
    }

    fn request(&self) -> Result<Option<Request>> {
        let listing = &self.0.listing;
        if listing.limit.is_some() || listing.resume.is_some() {
            return Err(Error::invalid(
                "the server counts all objects that match, so a limit or a page makes no sense",
            ));
        }
        if let Some(filter) = &listing.filter {
            filter.check_unseen("a count")?;
        }
        let mut request = Request::new(Method::HEAD, self.0.list.checked()?);
        request.query = listing.conditions()?;
        listing.ask(request).map(Some)
    }

    fn response(self, response: Response) -> Result<usize> {
        response.success()?.total()
    }
}

debug_as_place!(Count [K: Kind, T] [K, T] 0.list);
