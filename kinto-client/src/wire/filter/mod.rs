//! Filters of lists: their terms, their query parameters, and what the server would misread.

use std::{fmt, marker::PhantomData};

use super::query::Query;
use crate::error::{Error, Result};

mod length;
pub(crate) mod name;
pub(crate) mod parameters;
pub(crate) mod term;
#[cfg(test)]
mod tests;

pub(crate) use length::too_long;
pub(crate) use parameters::Parameter;
use term::Term;
pub(crate) use term::{Operand, Operator};

/// A filter of the objects of a list, which match if they match every part of it.
///
/// Typed filters come from the fields of a record, `Todo::fields().done.eq(false)`, and apply to the collection
/// of that record only. [`Filter::field`] names a field of untyped JSON.
///
/// Values are sent with their type, so that the text `"42"` matches that text and never the number 42. The
/// documentation of each operator describes its effect on PostgreSQL. The memory backend is for development: the
/// [module of fields](crate::field#storage-backends) lists its differences.
#[must_use = "a filter does nothing until it is given to a call"]
pub struct Filter<R> {
    terms: Vec<Result<Term>>,
    of: PhantomData<fn(R)>,
}

impl<R> Filter<R> {
    /// A filter on a field whose type is known.
    pub(crate) fn new(field: impl Into<String>, operator: Operator, value: Result<Operand>) -> Self {
        Self::of_term(
            Term { field: field.into(), operator, value: Operand::null(), or_missing: false, untyped: false },
            value,
        )
    }

    /// A filter on a field that may hold values of any type.
    pub(crate) fn untyped(field: impl Into<String>, operator: Operator, value: Result<Operand>) -> Self {
        Self::of_term(
            Term { field: field.into(), operator, value: Operand::null(), or_missing: false, untyped: true },
            value,
        )
    }

    /// Returns the same filter for objects that are decoded as another type.
    #[cfg(feature = "attachments")]
    pub(crate) fn with_type<U>(&self) -> Filter<U> {
        Filter { terms: self.terms.clone(), of: PhantomData }
    }

    fn of_term(term: Term, value: Result<Operand>) -> Self {
        Self { terms: vec![value.and_then(|value| Term { value, ..term }.checked())], of: PhantomData }
    }

    /// Joins this filter with another: objects that match both.
    pub fn and(mut self, other: Self) -> Self {
        self.terms.extend(other.terms);
        self
    }

    /// Adds the objects that lack the field to those that `gt` or `ge` selects.
    ///
    /// The server has no operator for this: it sorts missing fields after all values, and therefore also returns the
    /// booleans, lists and objects that the field holds. In a typed list these do not fit the field, and are an error;
    /// where they would go unnoticed, `or_missing` is rejected: on an untyped [`Filter::field`], in a count, in a
    /// deletion and in a selection of fields. Use two calls there, with `gt(…)` and with `is_missing()`.
    pub fn or_missing(mut self) -> Self {
        let mut found = false;
        let mut untyped = None;
        for term in self.terms.iter_mut().flatten().filter(|term| term.operator.is_lower_bound()) {
            term.or_missing = true;
            found = true;
            if term.untyped {
                untyped = Some(term.field.clone());
            }
        }
        if let Some(field) = untyped {
            self.terms.push(Err(Error::invalid(format!(
                "`.or_missing()` needs a typed field: on {field:?} the server would return booleans, lists and objects, \
                 too; ask for `gt` or `ge` and for `is_missing()` in two calls"
            ))));
        } else if !found && self.terms.iter().all(Result::is_ok) {
            let message = "`.or_missing()` applies to `gt` and `ge`, and the filter has neither";
            self.terms.push(Err(Error::invalid(message)));
        }
        self
    }

    /// Returns an error if it would go unnoticed that the filter selects more than it says.
    pub(crate) fn check_unseen(&self, where_: &str) -> Result<()> {
        match self.terms.iter().flatten().find(|term| term.or_missing) {
            Some(Term { field, .. }) => Err(Error::invalid(format!(
                "`.or_missing()` on {field:?} cannot be asked for in {where_}: the server would take booleans, lists and \
                 objects, too; use `gt` or `ge` and `is_missing()` in two calls"
            ))),
            None => Ok(()),
        }
    }

    /// Returns an error if some storage backend of the server would delete other objects than those that match.
    pub(crate) fn check_deletion(&self) -> Result<()> {
        self.check_unseen("a deletion")?;
        let hint = "read them with the same filter, check them, and delete what was read (`delete_records`)";
        if self.parameters()?.iter().filter(|parameter| parameter.operator == Operator::Has).count() > 1 {
            return Err(Error::invalid(format!(
                "a deletion cannot ask for the presence or absence of more than one field: not every storage backend of \
                 the server looks at all of them; {hint}"
            )));
        }
        for term in self.terms.iter().flatten() {
            if let (Operator::Eq | Operator::Plain, Operand::One(value)) = (term.operator, &term.value)
                && parameters::is_ambiguous_inside(value)
            {
                return Err(Error::invalid(format!(
                    "a deletion cannot compare {:?} with a list or object that holds a boolean, 0 or 1: not every storage \
                     backend of the server tells these apart there; {hint}",
                    term.field
                )));
            }
        }
        Ok(())
    }

    fn terms(&self) -> Result<Vec<&Term>> {
        self.terms.iter().map(|term| term.as_ref().map_err(Clone::clone)).collect()
    }

    /// Returns `true` if any part of it restricts the time of the last change.
    pub(crate) fn is_by_time(&self) -> bool {
        self.terms.iter().flatten().any(|term| term.field == "last_modified")
    }

    /// Returns the same filter for objects that have these ones below a path, which ends with a dot.
    pub(crate) fn under<U>(self, path: &str) -> Filter<U> {
        let under = |term: Term| Term { field: [path, &term.field].concat(), ..term }.checked();
        Filter { terms: self.terms.into_iter().map(|term| term.and_then(under)).collect(), of: PhantomData }
    }

    /// Returns the fields that it is about.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &str> {
        self.terms.iter().flatten().map(|term| term.field.as_str())
    }

    /// Returns the query parameters of the filter.
    pub(crate) fn parameters(&self) -> Result<Vec<Parameter>> {
        parameters::of(&self.terms()?)
    }

    /// Adds the query parameters of the filter.
    pub(crate) fn write(&self, query: &mut Query) -> Result<()> {
        for parameter in self.parameters()? {
            query.push(&parameter.name(), &parameter.value.encoded());
        }
        Ok(())
    }
}

impl<R> Clone for Filter<R> {
    fn clone(&self) -> Self {
        Self { terms: self.terms.clone(), of: PhantomData }
    }
}

impl<R> fmt::Debug for Filter<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut query = Query::default();
        match self.write(&mut query) {
            Ok(()) => write!(f, "Filter({})", query.as_str()),
            Err(error) => write!(f, "Filter({error})"),
        }
    }
}
