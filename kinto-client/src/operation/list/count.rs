use http::Method;

use super::GetAll;
use crate::{
    error::{Error, Result},
    operation::{CallContext, sealed::Operation},
    wire::{
        object::{RecordData, kind::Kind},
        request::Request,
        response::Response,
    },
};

/// Counts the objects of a list.
pub struct Count<K: Kind, T>(pub(super) GetAll<K, T>);

impl<K: Kind, T: RecordData> Operation for Count<K, T> {
    const NAME: &'static str = "Count";

    type Output = usize;

    fn context(&self) -> CallContext {
        CallContext::new("count", &self.0.list)
    }

    fn request(&self) -> Result<Option<Request>> {
        let listing = &self.0.listing;
        if listing.limit.is_some() || listing.resume.is_some() {
            return Err(Error::invalid("`count` counts all matching objects: remove `.limit(…)` and `.resume(…)`"));
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
