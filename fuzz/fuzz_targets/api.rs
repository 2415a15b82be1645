//! Any sequence of calls of the embedding API: no panic, and the same in every tier.

#![no_main]

use causality_testkit::targets;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| targets::api(data));
