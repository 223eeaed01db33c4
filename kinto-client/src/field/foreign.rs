//! The types of other crates that the server has an order for.

/// Text that sorts by time, as these types serialize by default.
///
/// Years beyond 9999 or before 0 do not sort.
#[cfg(feature = "chrono")]
mod chrono {
    use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

    use crate::field::operand::{Ordered, Text};

    impl Ordered for NaiveDate {}
    impl Text for NaiveDate {}
    impl Ordered for NaiveDateTime {}
    impl Text for NaiveDateTime {}
    impl Ordered for NaiveTime {}
    impl Text for NaiveTime {}

    /// Written with as many digits of a second as it has, and sorted as text: of two times in the same second, one of which
    /// has more digits, the server may take the earlier for the later. `#[serde(with = "chrono::serde::ts_milliseconds")]`
    /// and [`Field::as_number`](crate::field::Field::as_number) are exact.
    impl Ordered for DateTime<Utc> {}
    impl Text for DateTime<Utc> {}
}

/// Text that sorts by time, as these types serialize with the feature `serde-human-readable` of `time`. Without it they are
/// lists of numbers, and a range fails before anything is sent.
#[cfg(feature = "time")]
mod time {
    use time::{Date, PrimitiveDateTime, Time, UtcDateTime};

    use crate::field::operand::Ordered;

    impl Ordered for Date {}
    impl Ordered for Time {}
    impl Ordered for PrimitiveDateTime {}
    impl Ordered for UtcDateTime {}
}

#[cfg(feature = "uuid")]
mod uuid {
    use crate::field::operand::{Ordered, Text};

    impl Ordered for uuid::Uuid {}
    impl Text for uuid::Uuid {}
}
