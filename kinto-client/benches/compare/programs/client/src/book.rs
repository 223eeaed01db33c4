//! The records.

use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(PartialEq, Serialize, Deserialize, KintoRecord)]
#[kinto(bucket = "bench", collection = "books")]
pub(crate) struct Book {
    pub(crate) title: String,
    pub(crate) author: String,
    pub(crate) pages: u64,
    pub(crate) price: f64,
    pub(crate) lent: bool,
    pub(crate) tags: Vec<String>,
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
