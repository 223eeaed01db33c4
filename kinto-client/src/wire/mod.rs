//! What goes over the wire, as values: no I/O here, and nothing that waits.

pub(crate) mod account;
pub(crate) mod alert;
pub(crate) mod attributes;
pub(crate) mod batch;
pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod filter;
pub(crate) mod id;
pub mod kind;
pub(crate) mod listing;
pub(crate) mod merge;
pub(crate) mod object;
pub(crate) mod page;
pub(crate) mod patch;
pub(crate) mod path;
pub(crate) mod permissions;
pub(crate) mod principal;
pub(crate) mod query;
pub(crate) mod refusal;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod server_info;
pub(crate) mod settle;
pub(crate) mod sort;
pub(crate) mod timestamp;
