//! Times as the server writes them.

use std::time::{Duration, UNIX_EPOCH};

/// The last second of the year 9999, after which HTTP has no dates.
const LAST: u64 = 253_402_300_799;

/// Returns a time in milliseconds as HTTP writes it.
pub(super) fn http_date(millis: i64) -> String {
    let seconds = u64::try_from(millis).unwrap_or_default() / 1000;
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds.min(LAST)))
}

/// Returns a time in milliseconds as Python's `isoformat` writes it: `2026-11-26T10:21:03.123000+00:00`.
pub(super) fn iso_date(millis: i64) -> String {
    let millis = u64::try_from(millis).unwrap_or_default().min(LAST * 1000);
    let (days, of_day) = (millis / 86_400_000, millis % 86_400_000);
    let (hour, minute, second) = (of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1000 % 60);
    let (year, month, day) = civil(days);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}000+00:00", of_day % 1000)
}

/// Returns year, month and day of a number of days since 1970. Years begin in March here, so that a leap day is the last day
/// of its year, and eras of 400 years have the same number of days.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(iso_date(0), "1970-01-01T00:00:00.000000+00:00");
        assert_eq!(iso_date(951_782_400_001), "2000-02-29T00:00:00.001000+00:00");
        assert_eq!(iso_date(1_795_688_463_123), "2026-11-26T10:21:03.123000+00:00");
        assert_eq!(iso_date(4_107_542_399_999), "2100-02-28T23:59:59.999000+00:00");
        assert_eq!(iso_date(4_107_542_400_000), "2100-03-01T00:00:00.000000+00:00");
        assert_eq!(http_date(i64::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
    }
}
