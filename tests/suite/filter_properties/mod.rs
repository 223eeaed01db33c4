//! A filter selects the records that the same predicate in Rust selects, whatever the values: generated ones are stored
//! on a real server, and each generated filter is asked of it. These are some 600 filters on each storage backend.
//!
//! Left out is where the backends differ:
//!
//! - `like` with letters other than ASCII's in its pattern, whose case one backend knows and the other does not, and of
//!   text with several lines, where `*` ends at the end of the first to memory.
//! - Order of text where PostgreSQL sorts by a language. The server of these tests sorts by code points, as memory does.
//! - `contains` where the field may hold text or an object, which memory takes for a list of characters or of keys, and
//!   of lists and objects in the list, where PostgreSQL is content with a part of them.
//! - Floats of more than 15 digits, on either backend: the server's own parser takes one in ten of them for its neighbour,
//!   and those in batches twice.
//! - Whole floats above 2⁵³ beside integers: PostgreSQL compares them in decimal, memory as what they are.
//! - The numbers 0 and 1 beside booleans, which are the same to the memory backend in `is_in` and inside of lists.
//! - Two of `has_key` and `is_missing` in one filter, of which memory knows the last only.
//!
//! Everything is decided by a seed, which a failure names. `KINTO_TEST_SEED` sets another.

use kinto_server::Backend;
use proptest::{collection::vec, prelude::*, sample::select};

mod case;
mod mixed;
mod operators;
mod pairs;
mod patterns;
mod source;
mod values;

use operators::{contents, equalities, ranges, ranges_or_missing};
use source::Source;
use values::{FLOATS, INTEGERS, UNSIGNED, check_field, near, text};

/// A property on each backend: the number is how many filters are asked.
macro_rules! properties {
    ($($name:ident($source:ident, $cases:literal) $body:block)+) => {$(
        mod $name {
            use super::*;

            fn check($source: Source) $body

            #[test]
            fn memory() {
                check(Source::new(stringify!($name), Backend::Memory, $cases));
            }

            #[test]
            fn postgresql() {
                check(Source::new(stringify!($name), Backend::PostgreSql, $cases));
            }
        }
    )+};
}

properties! {
    of_text(source, 110) {
        check_field(source, &text(), |f, v| prop_oneof![equalities(f, v), ranges(f, v), ranges_or_missing(f, v)].boxed());
    }

    of_signed_integers(source, 60) {
        let value = near(INTEGERS, prop_oneof![any::<i64>(), -9_i64..9]);
        check_field(source, &value, |f, v| prop_oneof![equalities(f, v), ranges(f, v), ranges_or_missing(f, v)].boxed());
    }

    of_unsigned_integers(source, 50) {
        let value = near(UNSIGNED, any::<u64>());
        check_field(source, &value, |f, v| prop_oneof![equalities(f, v), ranges(f, v)].boxed());
    }

    of_floats(source, 80) {
        const MOST: i64 = 999_999_999_999_999;
        let digits = prop_oneof![-MOST..=MOST, -500_i64..500];
        let any = (digits, -20_i32..8).prop_map(|(digits, exponent)| format!("{digits}e{exponent}").parse::<f64>().unwrap());
        let value = near(FLOATS, any);
        check_field(source, &value, |f, v| prop_oneof![equalities(f, v), ranges(f, v)].boxed());
    }

    of_booleans(source, 30) {
        check_field(source, &any::<bool>().boxed(), equalities);
    }

    of_lists_of_text(source, 70) {
        let item = prop_oneof![text(), select(vec!["x".to_owned(), "X".to_owned(), "1".to_owned(), String::new()])].boxed();
        let list = vec(item.clone(), 0..4).boxed();
        check_field(source, &list, move |f, list| contents(f, &item, list));
    }

    of_lists_of_numbers(source, 50) {
        let item = near(INTEGERS, -3_i64..3);
        let list = vec(item.clone(), 0..5).boxed();
        check_field(source, &list, move |f, list| contents(f, &item, list));
    }

    of_patterns(source, 60) { patterns::patterns(source); }

    of_json(source, 80) { mixed::mixed(source); }

    of_two_fields(source, 70) { pairs::pairs(source); }
}
