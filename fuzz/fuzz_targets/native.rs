//! Any program, fuel, slices of it, and breakpoints: native code does what the interpreter does.

#![no_main]

use causality_testkit::targets;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| targets::native(data));
