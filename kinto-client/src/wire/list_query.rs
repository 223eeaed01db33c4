use super::{
    batch,
    filter::{self, Filter},
    page_token::PageToken,
    query::Query,
    request::{Alone, Request},
    sort::Sort,
    timestamp::Timestamp,
};
use crate::error::{Error, Result};

/// The parameters of a list request: filter, order, limits, fields and position.
pub(crate) struct Listing<R> {
    pub(crate) filter: Option<Filter<R>>,
    pub(crate) sort: Vec<Sort<R>>,
    pub(crate) limit: Option<usize>,
    pub(crate) page_size: Option<u32>,
    pub(crate) since: Option<Timestamp>,
    pub(crate) before: Option<Timestamp>,
    pub(crate) fields: Option<Vec<String>>,
    pub(crate) resume: Option<PageToken>,
}

/// The largest timestamp that the server takes.
pub(crate) const LATEST: u64 = i64::MAX.cast_unsigned();

/// The most objects that a page is asked to have.
const MOST_OF_A_PAGE: usize = 1_000_000_000;

// Written by hand, so that it can be cloned whatever the type of the records can do.
impl<R> Clone for Listing<R> {
    fn clone(&self) -> Self {
        Self {
            filter: self.filter.clone(),
            sort: self.sort.clone(),
            limit: self.limit,
            page_size: self.page_size,
            since: self.since,
            before: self.before,
            fields: self.fields.clone(),
            resume: self.resume.clone(),
        }
    }
}

impl<R> Default for Listing<R> {
    fn default() -> Self {
        Self {
            filter: None,
            sort: Vec::new(),
            limit: None,
            page_size: None,
            since: None,
            before: None,
            fields: None,
            resume: None,
        }
    }
}

impl<R> Listing<R> {
    /// Returns the same conditions, without an order, for objects that are decoded as another type.
    #[cfg(feature = "attachments")]
    pub(crate) fn with_type<U>(&self) -> Listing<U> {
        let filter = self.filter.as_ref().map(Filter::with_type);
        Listing { filter, since: self.since, before: self.before, ..Listing::default() }
    }

    pub(crate) fn add_filter(&mut self, filter: Filter<R>) {
        self.filter = Some(match self.filter.take() {
            Some(known) => known.and(filter),
            None => filter,
        });
    }

    /// Returns `true` if it is restricted by the time of the last change, because the server then lists tombstones
    /// as well.
    pub(crate) fn is_by_time(&self) -> bool {
        self.since.is_some()
            || self.before.is_some()
            || self.filter.as_ref().is_some_and(Filter::is_by_time)
            || self.resume.as_ref().is_some_and(PageToken::is_by_time)
    }

    /// Returns `true` if the caller leaves the order to the client: whole lists, without a sort, a limit or a page token.
    pub(crate) fn is_unordered(&self) -> bool {
        self.sort.is_empty() && self.limit.is_none() && self.resume.is_none()
    }

    /// The query of the first page of the list at this path.
    pub(crate) fn query(&self, path: &str) -> Result<Query> {
        let mut query = self.conditions()?;
        if !self.sort.is_empty() {
            let keys: Vec<String> = self.sort.iter().map(Sort::encoded).collect::<Result<_>>()?;
            query.push("_sort", &keys.join(","));
        }
        if let Some(fields) = &self.fields {
            if let Some(filter) = &self.filter {
                filter.check_unseen("a selection of fields")?;
            }
            // Tombstones are recognized by this field, which the server leaves out unless it is selected.
            let deleted = if self.is_by_time() { ",deleted" } else { "" };
            query.push("_fields", &(field_list(fields)? + deleted));
        }
        if let Some(limit) = self.page_limit()? {
            query.push("_limit", &limit.to_string());
        }
        match &self.resume {
            Some(token) => token.goes_on(path, &query),
            None => Ok(query),
        }
    }

    /// Returns the request for objects of the list, unless it is longer than any that can be sent.
    pub(crate) fn ask(&self, request: Request) -> Result<Request> {
        let (length, longest) = (request.target().len(), batch::max_length(&request));
        if length > longest {
            return Err(filter::too_long(self.filter.as_ref(), length, longest));
        }
        Ok(Request { alone: Alone::InBatchIfLong, ..request })
    }

    /// Returns the part of the query that selects the objects.
    pub(crate) fn conditions(&self) -> Result<Query> {
        let mut query = Query::default();
        if let Some(filter) = &self.filter {
            filter.write(&mut query)?;
        }
        if let (Some(since), Some(before)) = (self.since, self.before)
            && since >= before
        {
            return Err(Error::invalid(format!("`.since({since})` must be earlier than `.before({before})`")));
        }
        // The server answers a later time with a 400 that does not say why.
        if let Some(late) = [self.since, self.before].into_iter().flatten().find(|time| time.as_millis() > LATEST) {
            return Err(Error::invalid(format!(
                "{late} is later than the server's timestamps can be: at most {LATEST}"
            )));
        }
        if let Some(since) = self.since {
            query.push("_since", &since.to_string());
        }
        if let Some(before) = self.before {
            query.push("_before", &before.to_string());
        }
        Ok(query)
    }

    fn page_limit(&self) -> Result<Option<usize>> {
        // The server would interpret both as no limit.
        if self.limit == Some(0) {
            return Err(Error::invalid("a limit of 0 is not allowed: `limit` must be at least 1"));
        }
        if self.page_size == Some(0) {
            return Err(Error::invalid("`page_size` must be at least 1"));
        }
        let page_size = self.page_size.map(|size| usize::try_from(size).unwrap_or(usize::MAX));
        let wanted = match (self.limit, page_size) {
            (Some(limit), Some(size)) => Some(limit.min(size)),
            (limit, size) => limit.or(size),
        };
        // A page has far fewer, and the server refuses numbers that its database has no room for.
        Ok(wanted.map(|wanted| wanted.min(MOST_OF_A_PAGE)))
    }
}

fn field_list(fields: &[String]) -> Result<String> {
    if fields.is_empty() {
        return Err(Error::invalid("no field is selected: name at least one"));
    }
    if let Some(field) = fields.iter().find(|field| field.is_empty() || field.contains(',') || field.contains('\0')) {
        return Err(Error::invalid(format!(
            "the field {field:?} cannot be selected: the server would misinterpret its name"
        )));
    }
    Ok(fields.join(","))
}
