use std::{fmt, marker::PhantomData};

use super::filter::is_operable;
use crate::error::{Error, Result};

/// An order of objects: by a field, from the least to the greatest or the other way round.
///
/// Objects that lack the field come last in ascending order. The server sorts text by its code points or by its
/// database's collation, `false` before `true`, and what is equal by the time of the last change, the latest first.
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

    /// By the field of that name, the least first; nested ones are reached with dots. For JSON without a type.
    pub fn asc(field: impl Into<String>) -> Self {
        Self::new(field, false)
    }

    /// By the field of that name, the greatest first.
    pub fn desc(field: impl Into<String>) -> Self {
        Self::new(field, true)
    }

    pub(crate) fn encoded(&self) -> Result<String> {
        // The server passes over what it cannot parse, and answers in another order.
        if self.field.is_empty() || !is_operable(&self.field) {
            let reason = "only names of letters, digits, `_` and `.` can be";
            return Err(Error::invalid(format!("the field {:?} cannot be sorted by: {reason}", self.field)));
        }
        Ok(format!("{}{}", if self.descending { "-" } else { "" }, self.field))
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
