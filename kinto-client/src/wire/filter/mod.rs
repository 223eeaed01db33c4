use std::{collections::BTreeMap, fmt, marker::PhantomData};

use super::query::Query;
use crate::error::{Error, Result};

mod term;
#[cfg(test)]
mod tests;

use term::Term;
pub(crate) use term::{Operand, Operator, is_operable};

/// Which objects of a list are meant: those that match every part of it.
///
/// Typed ones come from the fields of a record, `Todo::fields().done.eq(false)`, and filter that record's collection only.
/// [`Filter::field`] names a field of JSON by text.
///
/// Values are sent with their type, so that the text `"42"` matches that text and never the number 42. What the server
/// does with each operator is said there; where its storage backends differ, what PostgreSQL does counts, and the memory
/// backend is for development.
#[must_use = "a filter does nothing until it is given to a call"]
pub struct Filter<R> {
    terms: Vec<Result<Term>>,
    of: PhantomData<fn(R)>,
}

impl<R> Filter<R> {
    pub(crate) fn new(field: impl Into<String>, operator: Operator, value: Result<Operand>) -> Self {
        let field = field.into();
        let term = value.and_then(|value| Term { field, operator, value, or_missing: false }.checked());
        Self { terms: vec![term], of: PhantomData }
    }

    /// Both this and the other.
    pub fn and(mut self, other: Self) -> Self {
        self.terms.extend(other.terms);
        self
    }

    /// Objects that lack the field as well, which `gt` and `at_least` leave out: to the server, what is missing is
    /// greater than everything.
    pub fn or_missing(mut self) -> Self {
        let mut found = false;
        for term in self.terms.iter_mut().flatten().filter(|term| term.operator.is_lower_bound()) {
            term.or_missing = true;
            found = true;
        }
        if !found {
            let message = "`.or_missing()` is for `gt` and `at_least`, and there is neither";
            self.terms.push(Err(Error::invalid(message)));
        }
        self
    }

    /// Whether any part of it is about the time of the last change.
    pub(crate) fn is_by_time(&self) -> bool {
        self.terms.iter().flatten().any(|term| term.field == "last_modified")
    }

    /// Adds the parameters that say this.
    pub(crate) fn write(&self, query: &mut Query) -> Result<()> {
        let terms: Vec<&Term> =
            self.terms.iter().map(|term| term.as_ref().map_err(Clone::clone)).collect::<Result<_>>()?;
        let mut parameters = BTreeMap::new();
        for term in &terms {
            if parameters.insert(term.parameter(), term.encoded()).is_some() {
                return Err(Error::invalid(format!("the filter says `{}` twice", term.parameter())));
            }
        }
        for term in &terms {
            let fenced = |upper: bool| {
                let bounds =
                    |operator: Operator| if upper { operator.is_upper_bound() } else { operator.is_lower_bound() };
                terms.iter().any(|other| other.field == term.field && bounds(other.operator))
            };
            for (operator, fence) in term.fences() {
                if !fenced(operator.is_upper_bound()) {
                    parameters.insert(format!("{}{}", operator.prefix(), term.field), fence.to_owned());
                }
            }
        }
        // The memory backend forgets all that stands before a `has_`, and fails where a `like_` comes to what is no text.
        let place = |parameter: &str| match parameter {
            parameter if parameter.starts_with("has_") => 0,
            parameter if parameter.starts_with("like_") => 2,
            _ => 1,
        };
        let mut ordered: Vec<_> = parameters.iter().collect();
        ordered.sort_by_key(|(parameter, _)| place(parameter));
        for (parameter, value) in ordered {
            query.push(parameter, value);
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
