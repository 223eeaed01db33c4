//! Merge patches and JSON patches of any object. The input is the object as the server has it, NUL, and the patch.

#![no_main]

use kinto_client_fuzz::{laws, run, two_parts};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((received, patch)) = two_parts(input) else { return };
    run(laws::merge_patch(received, patch));
    run(laws::json_patch(received, patch));
});
