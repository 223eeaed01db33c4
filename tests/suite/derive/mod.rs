//! Structs that the derive takes, in crates of all kinds. That they compile without a warning is most of the test.

pub mod allowed_lints;
mod crate_path;
pub mod deprecated;
pub mod forbidden_lints;
mod generics;
mod names;
pub mod strict_lints;
