//! Any answers to any call: it ends, with a value or an error. The first byte chooses the call, the rest is a `Script`.

#![no_main]

use kinto_client_fuzz::{CALLS, Script, run};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((choice, answers)) = input.split_first() else { return };
    let (_, call) = CALLS[usize::from(*choice) % CALLS.len()];
    let client = Script::new(answers).client();
    run(call(&client));
});
