//! Run with `cargo +nightly fuzz run gatekeeper ../corpus/accepted ../corpus/malformed_change …`.
#![no_main]

#[path = "../inputs.rs"]
mod inputs;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    inputs::try_chunks(input);
    inputs::try_message(input);
});
