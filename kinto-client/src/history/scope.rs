//! The part of a bucket's history that a call is about.

use std::fmt;

use http::Method;

use super::{entry::HistoryEntry, fields};
use crate::{
    error::Result,
    operation::CallContext,
    wire::{
        filter::{Filter, Operand, Operator},
        list_query::Listing,
        object::kind::{self, Kind},
        path::Place,
        query::Query,
        request::{Capability, Request},
        request_path::RequestPath,
    },
};

const TEMPLATE: &str = "/buckets/{bucket}/history";

/// The part of a bucket's history that a call is about.
#[derive(Clone)]
pub(super) struct Scope {
    /// The path of the bucket's history, or the error if an id is invalid.
    path: Result<String>,
    /// The fields that entries have, each with its value.
    fields: Vec<(&'static str, String)>,
}

impl Scope {
    /// Returns the scope of an object: what happened to it and in it.
    pub(super) fn of<K: Kind>(place: &Place<K>) -> Self {
        let path = place.checked();
        let named = |path: &RequestPath| {
            let mut fields = Vec::new();
            if let (Some(collection), true) = (path.collection(), K::NAME != kind::Group::NAME) {
                fields.push(("collection_id", collection.to_owned()));
            }
            let own = match K::NAME {
                "group" => Some("group_id"),
                "record" => Some("record_id"),
                _ => None,
            };
            fields.extend(own.zip(path.id().map(str::to_owned)));
            fields
        };
        Self {
            fields: path.as_ref().map(named).unwrap_or_default(),
            path: path.map(|path| format!("/buckets/{}/history", path.bucket().unwrap_or_default())),
        }
    }

    /// Restricts the scope to entries about records.
    pub(super) fn records(mut self) -> Self {
        self.fields.push(("resource_name", kind::Record::NAME.to_owned()));
        self
    }

    pub(super) fn context(&self, operation: &'static str) -> CallContext {
        CallContext::new(operation, self.path.as_deref().unwrap_or(TEMPLATE))
    }

    pub(super) fn path(&self) -> Result<&str> {
        self.path.as_deref().map_err(Clone::clone)
    }

    /// Returns the conditions of the scope and those of a list.
    pub(super) fn listing<T>(&self, listing: &Listing<HistoryEntry<T>>) -> Result<Listing<HistoryEntry<T>>> {
        fields::check(listing)?;
        let mut all = Listing { filter: self.filter(), ..listing.clone() };
        if let Some(filter) = &listing.filter {
            all.add_filter(filter.clone());
        }
        Ok(all)
    }

    /// Returns the request for entries, without the conditions of the scope.
    pub(super) fn request(&self, method: Method, query: Query) -> Result<Request> {
        let request = Request::new(method, self.path()?).needing(Capability("history"));
        Ok(Request { query, ..request })
    }

    fn filter<T>(&self) -> Option<Filter<HistoryEntry<T>>> {
        let terms = self.fields.iter().map(|(field, value)| equal(field, value));
        terms.reduce(Filter::and)
    }
}

/// Returns the filter for entries whose field is this text.
pub(super) fn equal<T>(field: &str, value: &str) -> Filter<HistoryEntry<T>> {
    Filter::new(field, Operator::Eq, Ok(Operand::One(value.into())))
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path.as_deref().unwrap_or(TEMPLATE))
    }
}
