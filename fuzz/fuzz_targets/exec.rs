//! Any program: it runs without a panic, and how its fuel is given does not show.

#![no_main]

use causality_testkit::targets;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| targets::exec(data));
