//! What is done with the schema of a whole collection.

pub(crate) mod drift;
mod form;
pub(crate) mod migrate;
pub(crate) mod report;
mod rewrite;
mod since;
pub(crate) mod violations;
