//! JSON Schemas of records: made from types, and what the server makes of them.

mod adapt;
mod alternatives;
mod class;
mod compare;
mod difference;
mod evolution;
mod impls;
mod of;
mod pattern;
mod python;
#[expect(clippy::module_inception, reason = "it holds the type `Schema`")]
mod schema;

pub(crate) use difference::differences;

pub use compare::compare;
pub use difference::Difference;
pub use evolution::{Evolution, SchemaChange};
pub use of::of;
pub use schema::Schema;
