//! The records of the collection, and the pages of its list.

use std::fmt::Write as _;

use super::{RECORDS, TIMESTAMP, response};

/// The number of different records; a longer list repeats them with other ids.
const DIFFERENT: u64 = 100_000;
/// The number of digits of a timestamp.
const DIGITS: usize = 13;
/// The offset of the timestamp from the beginning of the id.
const ID_TO_TIME: usize = "00000000-6b97-4fb1-a1ff-67b68f4e258d\",\"last_modified\":".len();

/// A collection of so many records, in pages of so many.
pub(super) struct List {
    records: u64,
    page: u64,
    pages: Vec<Page>,
}

/// The parts of the response for one page.
struct Page {
    body: String,
    /// The places in it of each record's id and time.
    stamps: Vec<(usize, usize)>,
    /// The number of the record after it.
    next: u64,
}

impl List {
    pub(super) fn new(records: u64, page: u64) -> Self {
        let starts = (0..records.min(DIFFERENT)).step_by(usize::try_from(page).unwrap_or(usize::MAX));
        let pages = starts.map(|first| Page::new(first, records.min(first + page))).collect();
        Self { records, page, pages }
    }

    /// Returns the response for the page that begins with this record, to a request that was sent to `host`.
    pub(super) fn page(&self, first: u64, rising: bool, host: &str) -> String {
        let index = usize::try_from(first % DIFFERENT / self.page).unwrap_or_default();
        let Some(page) = self.pages.get(index) else { return response("400 Bad Request", "", "{}") };
        let mut headers = format!("Etag: \"{TIMESTAMP}\"\r\n");
        let next = first - first % DIFFERENT + page.next;
        if next < self.records {
            let sort = if rising { "_sort=last_modified&" } else { "" };
            let _ = write!(headers, "Next-Page: http://{host}{RECORDS}?{sort}_token={next}\r\n");
        }
        let mut body = page.body.clone();
        for (number, (id, time)) in (first..).zip(&page.stamps) {
            let last_modified = if rising { TIMESTAMP + 1 + number - self.records } else { TIMESTAMP - number };
            body.replace_range(*id..id + 8, &format!("{number:08x}"));
            body.replace_range(*time..time + DIGITS, &last_modified.to_string());
        }
        response("200 OK", &headers, &body)
    }

    /// Returns the number of records.
    pub(super) fn len(&self) -> u64 {
        self.records
    }

    /// Returns the record with this id, and its time.
    pub(super) fn record(&self, id: &str) -> Option<(String, u64)> {
        let number = u64::from_str_radix(id.get(..8)?, 16).ok().filter(|number| *number < self.records)?;
        let mut record = String::new();
        write_record(&mut record, number);
        Some((record, TIMESTAMP - number))
    }
}

impl Page {
    fn new(first: u64, end: u64) -> Self {
        let (mut body, mut stamps) = ("{\"data\":[".to_owned(), Vec::new());
        for number in first..end {
            if number > first {
                body.push(',');
            }
            write_record(&mut body, number);
            let time = body.len() - 1 - DIGITS;
            stamps.push((time - ID_TO_TIME, time));
        }
        body.push_str("]}");
        Self { body, stamps, next: end }
    }
}

/// The keys in the order in which PostgreSQL keeps them, and then what Kinto adds.
fn write_record(out: &mut String, number: u64) {
    let _ = write!(
        out,
        "{{\"lent\":{lent},\"tags\":[\"fiction\",\"shelf-{shelf}\"],\"pages\":{pages},\"price\":{price:?},\
         \"title\":\"The book with the number {number}, in two volumes\",\"author\":\"Author {author}\",\
         \"id\":\"{number:08x}-6b97-4fb1-a1ff-67b68f4e258d\",\"last_modified\":{last_modified}}}",
        lent = number.is_multiple_of(3),
        shelf = number % 50,
        pages = 100 + number % 900,
        price = f64::from(u32::try_from(number % 10_000).unwrap_or_default()) / 100.0,
        author = number % 1000,
        last_modified = TIMESTAMP - number,
    );
}
