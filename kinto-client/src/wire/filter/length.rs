//! Filters that are too long to be sent.

use super::{
    Filter,
    term::{Operand, Operator, Term},
};
use crate::error::Error;
use crate::wire::query::Query;

/// Returns the error for a path with a query of so many bytes, which says how many values can be asked for.
pub(crate) fn too_long<R>(filter: Option<&Filter<R>>, length: usize, longest: usize) -> Error {
    let message = format!("the path and the query have {length} bytes, and at most {longest} can be sent");
    let terms = filter.into_iter().flat_map(|filter| filter.terms.iter().flatten());
    let many = terms.filter_map(|term| match &term.value {
        Operand::Many(values) => Some((term, values.len(), size(term))),
        Operand::One(_) => None,
    });
    let Some((term, values, bytes)) = many.max_by_key(|(_, _, bytes)| *bytes) else {
        return Error::invalid(message);
    };
    let fit = values * bytes.saturating_sub(length - longest) / bytes.max(1);
    let hint = match term.operator {
        Operator::In => "use several calls",
        _ => "use fewer, and leave out the other objects in your program",
    };
    let parameter = term.parameter();
    Error::invalid(format!("{message}: `{parameter}` has {values} values, of which about {fit} fit; {hint}"))
}

fn size(term: &Term) -> usize {
    let mut query = Query::default();
    query.push(&term.parameter(), &term.value.encoded());
    query.as_str().len()
}
