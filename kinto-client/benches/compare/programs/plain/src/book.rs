//! The records.

use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(crate) struct Book {
    pub(crate) title: String,
    pub(crate) author: String,
    pub(crate) pages: u64,
    pub(crate) price: f64,
    pub(crate) lent: bool,
    pub(crate) tags: Vec<String>,
}

/// One plain struct for everything that a record holds; the server sets the first two fields.
#[derive(Serialize, Deserialize)]
pub(crate) struct Whole {
    #[serde(rename = "id", skip_serializing)]
    _id: String,
    #[serde(skip_serializing)]
    pub(crate) last_modified: u64,
    #[serde(rename = "title")]
    _title: String,
    #[serde(rename = "author")]
    _author: String,
    pub(crate) pages: u64,
    #[serde(rename = "price")]
    _price: f64,
    #[serde(rename = "lent")]
    _lent: bool,
    #[serde(rename = "tags")]
    _tags: Vec<String>,
}

/// The common fields of every record, defined once for all types.
#[derive(Deserialize)]
pub(crate) struct Envelope<T> {
    #[serde(rename = "id")]
    _id: String,
    #[serde(rename = "last_modified")]
    _last_modified: u64,
    #[serde(flatten)]
    pub(crate) data: T,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Data<T> {
    pub(crate) data: T,
}

pub(crate) fn book(number: u64) -> Book {
    Book {
        title: format!("The book with the number {number}, in two volumes"),
        author: format!("Author {}", number % 1000),
        pages: 100 + number % 900,
        price: f64::from(u32::try_from(number % 10_000).unwrap_or_default()) / 100.0,
        lent: number.is_multiple_of(3),
        tags: vec!["fiction".to_owned(), format!("shelf-{}", number % 50)],
    }
}

/// The id that the canned server gives to a record.
pub(crate) fn id(number: u64) -> String {
    format!("{number:08x}-6b97-4fb1-a1ff-67b68f4e258d")
}

/// An id that stands as far from that of the next number as a random one: the database's index is to have the same work
/// as with the random ids of kinto-client.
pub(crate) fn scattered_id(number: u64) -> String {
    let scattered = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!("{:08x}-{:04x}-4fb1-a1ff-{:04x}8f4e258d", scattered >> 32, scattered >> 16 & 0xffff, scattered & 0xffff)
}
