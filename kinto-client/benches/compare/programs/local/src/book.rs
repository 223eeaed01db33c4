//! The records.

use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(PartialEq, Serialize, Deserialize, KintoRecord)]
#[kinto(bucket = "bench", collection = "books")]
pub(crate) struct Book {
    pub(crate) title: String,
    pub(crate) author: String,
    #[kinto(index)]
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
