//! JSON Schemas of records: made from types, and what the server makes of them.

mod impls;
mod of;

pub use of::of;
