//! Requests, responses and their contents as values, without I/O.

pub(crate) mod batch;
pub(crate) mod batch_parts;
mod batch_permissions;
pub(crate) mod change_token;
pub(crate) mod claim;
mod error_body;
pub(crate) mod fence;
pub(crate) mod filter;
pub(crate) mod headers;
pub(crate) mod id_text;
pub(crate) mod list_query;
pub(crate) mod names;
pub(crate) mod object;
pub(crate) mod order;
pub(crate) mod page;
pub(crate) mod page_token;
pub(crate) mod path;
pub(crate) mod preview;
pub(crate) mod query;
pub(crate) mod random;
pub(crate) mod request;
pub(crate) mod request_path;
pub(crate) mod response;
pub(crate) mod server_info;
pub(crate) mod sort;
#[cfg(feature = "attachments")]
pub(crate) mod streamed_body;
pub(crate) mod timestamp;
mod token_number;
