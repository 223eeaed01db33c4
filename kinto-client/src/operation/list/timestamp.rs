use http::Method;

use crate::{
    error::Result,
    operation::{CallContext, sealed::Operation},
    wire::{object::kind::Kind, path::List, request::Request, response::Response, timestamp::Timestamp},
};

/// Reads the timestamp of a list, without its objects.
pub struct GetTimestamp<K: Kind> {
    list: List<K>,
}

impl<K: Kind> GetTimestamp<K> {
    pub(crate) fn new(list: List<K>) -> Self {
        Self { list }
    }
}

impl<K: Kind> Operation for GetTimestamp<K> {
    const NAME: &'static str = "GetTimestamp";

    type Output = Timestamp;

    fn context(&self) -> CallContext {
        CallContext::new("get the timestamp of", &self.list)
    }

    fn request(&self) -> Result<Option<Request>> {
        Ok(Some(Request::new(Method::HEAD, self.list.checked()?)))
    }

    fn response(self, response: Response) -> Result<Timestamp> {
        response.success()?.etag()
    }
}

debug_as_place!(GetTimestamp [K: Kind] [K] list);
