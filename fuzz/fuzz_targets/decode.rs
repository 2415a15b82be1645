//! Any word: decoding and encoding are inverse, and disassembly never panics.

#![no_main]

use causality_testkit::property::{decoding_loses_nothing, operands_of};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    for [number, bytes @ ..] in data.as_chunks::<5>().0 {
        let bits = u32::from_le_bytes(*bytes);
        decoding_loses_nothing(bits);
        decoding_loses_nothing(operands_of(*number, bits));
    }
});
