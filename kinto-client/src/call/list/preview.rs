//! The first request of each way to read a list.

use super::{GetAll, GetChanges, GetFirst, GetIfChanged, GetLenient, GetOne, GetParallel, GetSelected};
use crate::{
    call::sealed::Preview,
    error::Result,
    wire::{kind::Kind, object::Data, preview::RequestPreview},
};

const PAGES: &str = "then a GET of each further page, as its `Next-Page` says";
const BOTH_ENDS: &str =
    "at the same time the same in the order of `last_modified`, then a GET of each further page until both meet";

impl<K: Kind, T> GetAll<K, T> {
    fn preview_with(&self, follows: &'static str) -> Result<RequestPreview> {
        let request = self.request().map_err(|error| self.subject().blame(error))?;
        RequestPreview::first(request, follows)
    }
}

impl<K: Kind, T> Preview for GetAll<K, T> {
    fn preview(&self) -> Result<RequestPreview> {
        let Self { list, listing, .. } = self;
        let read = Self { list: list.clone(), listing: listing.clone(), ..*self };
        read.oldest_first().preview_with(PAGES)
    }
}

impl<K: Kind, T> Preview for GetFirst<K, T> {
    fn preview(&self) -> Result<RequestPreview> {
        self.0.preview()
    }
}

impl<K: Kind, T> Preview for GetOne<K, T> {
    fn preview(&self) -> Result<RequestPreview> {
        self.0.preview()
    }
}

impl<K: Kind, T> Preview for GetLenient<K, T> {
    fn preview(&self) -> Result<RequestPreview> {
        self.0.preview()
    }
}

impl<K: Kind, T> Preview for GetIfChanged<K, T> {
    fn preview(&self) -> Result<RequestPreview> {
        self.get.preview()
    }
}

impl<K: Kind, T: Data> Preview for GetParallel<K, T> {
    fn preview(&self) -> Result<RequestPreview> {
        self.check().map_err(|error| self.0.subject().blame(error))?;
        self.0.preview_with(BOTH_ENDS)
    }
}

impl<K: Kind, T, S, O> Preview for GetSelected<K, T, S, O> {
    fn preview(&self) -> Result<RequestPreview> {
        self.wrong.clone().map_or(Ok(()), |error| Err(self.get.subject().blame(error)))?;
        self.get.preview()
    }
}

impl<T: Data> Preview for GetChanges<T> {
    fn preview(&self) -> Result<RequestPreview> {
        let request = self.request(self.start_after(&self.since)).map_err(|error| self.subject().blame(error))?;
        RequestPreview::first(request, PAGES)
    }
}
