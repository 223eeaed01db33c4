//! Fuzzing of saves: an object is read, changed and saved; the request must have the change, and keep the
//! fields that the type does not know.
//!
//! The input is the object as the server has it, NUL, and the data it is changed into.

#![no_main]

use kinto_client_fuzz::{laws, run, two_parts};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((received, changed)) = two_parts(input) else { return };
    run(laws::save_json(received, changed));
    run(laws::save_note(received, changed));
});
