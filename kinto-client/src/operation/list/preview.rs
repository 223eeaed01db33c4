//! The first request of each way to read a list.

use super::{
    GetAll,
    changes::GetChanges,
    if_changed::GetIfChanged,
    lenient::GetLenient,
    parallel::GetParallel,
    select::GetSelected,
    stream::{GetFirst, GetOne},
};
use crate::{
    error::Result,
    operation::sealed::Preview,
    wire::{
        object::{RecordData, kind::Kind},
        preview::RequestPreview,
    },
};

const PAGES: &str = "then a GET of each further page, as its `Next-Page` says";
const BOTH_ENDS: &str =
    "at the same time the same in the order of `last_modified`, then a GET of each further page until both meet";

impl<K: Kind, T> GetAll<K, T> {
    pub(crate) fn preview_with(&self, follows: &'static str) -> Result<RequestPreview> {
        let request = self.request().map_err(|error| self.context().attach(error))?;
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

impl<K: Kind, T: RecordData> Preview for GetParallel<K, T> {
    fn preview(&self) -> Result<RequestPreview> {
        self.check().map_err(|error| self.0.context().attach(error))?;
        self.0.preview_with(BOTH_ENDS)
    }
}

impl<K: Kind, T, S, O> Preview for GetSelected<K, T, S, O> {
    fn preview(&self) -> Result<RequestPreview> {
        self.wrong.clone().map_or(Ok(()), |error| Err(self.get.context().attach(error)))?;
        self.get.preview()
    }
}

impl<T: RecordData> Preview for GetChanges<T> {
    fn preview(&self) -> Result<RequestPreview> {
        let request = self.request(self.start_after(&self.since)).map_err(|error| self.context().attach(error))?;
        RequestPreview::first(request, PAGES)
    }
}
