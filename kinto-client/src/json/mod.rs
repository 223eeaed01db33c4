//! JSON as it is received and sent: read without copies, decoded, encoded, compared and merged.

pub(crate) mod encode;
pub(crate) mod entries;
pub(crate) mod equal;
mod extent;
#[cfg(any(feature = "local", feature = "testing"))]
pub(crate) mod jsonb;
pub(crate) mod key;
pub(crate) mod merge;
pub(crate) mod rank;
pub(crate) mod reader;
#[cfg(feature = "local")]
pub(crate) mod sort_key;

/// A JSON object, as the data of a record without a type of its own.
pub type JsonObject = serde_json::Map<String, serde_json::Value>;

/// The fields that the server adds to the data of every object.
pub(crate) const RESERVED_KEYS: [&str; 2] = ["id", "last_modified"];
