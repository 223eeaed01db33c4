//! Records in a file, which are there without a network.

#[cfg_attr(not(test), expect(dead_code, unused_imports, reason = "the store, which is yet to come, uses it"))]
pub(crate) mod row;
