//! What was read, changed and saved: what is sent is what it was changed into, and what its type does not know is as it
//! was. The input is the object as the server has it, NUL, and what it is changed into.

#![no_main]

use kinto_client_fuzz::{laws, run, two_parts};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((received, changed)) = two_parts(input) else { return };
    run(laws::save_json(received, changed));
    run(laws::save_note(received, changed));
});
