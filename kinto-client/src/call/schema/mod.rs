//! What is done with the schema of a whole collection.

pub(crate) mod drift;
pub(crate) mod migrate;
mod rewrite;
pub(crate) mod violations;
