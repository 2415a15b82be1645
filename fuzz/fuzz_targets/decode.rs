//! Any word: decoding and encoding are inverse, and disassembly never panics.

#![no_main]

use causality_testkit::property::decoding_loses_nothing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    for bytes in data.as_chunks::<4>().0 {
        decoding_loses_nothing(u32::from_le_bytes(*bytes));
    }
});
