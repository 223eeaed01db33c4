use std::{fmt, marker::PhantomData};

use super::filter::name::is_operable;
use crate::error::{Error, Result};

/// A sort order of objects: by a field, ascending or descending.
///
/// Objects without the field come last in ascending order. The server sorts text by code points or by the
/// collation of its database, and `false` before `true`; equal objects are sorted by the time of their last
/// change, the latest first.
#[must_use = "an order does nothing until it is given to a call"]
pub struct Sort<R> {
    field: String,
    descending: bool,
    of: PhantomData<fn(R)>,
}

impl<R> Sort<R> {
    pub(crate) fn new(field: impl Into<String>, descending: bool) -> Self {
        Self { field: field.into(), descending, of: PhantomData }
    }

    /// Sorts by the field with this name in ascending order, for untyped JSON; dots lead to nested fields.
    pub fn asc(field: impl Into<String>) -> Self {
        Self::new(field, false)
    }

    /// Sorts by the field with this name in descending order.
    pub fn desc(field: impl Into<String>) -> Self {
        Self::new(field, true)
    }

    /// Returns the name of the field.
    pub(crate) fn field(&self) -> Result<&str> {
        // The server ignores a field that it cannot parse, and returns the objects in another order.
        if self.field.is_empty() || !is_operable(&self.field) {
            let reason = "only names of letters, digits, `_` and `.` can be";
            return Err(Error::invalid(format!("the field {:?} cannot be sorted by: {reason}", self.field)));
        }
        Ok(&self.field)
    }

    /// Returns the same order for objects that have these ones below a path, which ends with a dot.
    pub(crate) fn under<U>(&self, path: &str) -> Sort<U> {
        Sort::new([path, &self.field].concat(), self.descending)
    }

    #[cfg(feature = "local")]
    pub(crate) fn is_descending(&self) -> bool {
        self.descending
    }

    pub(crate) fn encoded(&self) -> Result<String> {
        let field = self.field()?;
        Ok(format!("{}{field}", if self.descending { "-" } else { "" }))
    }
}

impl<R> Clone for Sort<R> {
    fn clone(&self) -> Self {
        Self::new(self.field.clone(), self.descending)
    }
}

impl<R> fmt::Debug for Sort<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sort({}{})", if self.descending { "-" } else { "" }, self.field)
    }
}
