//! Any program that uses resource registers, or misuses them: native code does what the interpreter does.

#![no_main]

use causality_testkit::targets;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| targets::registers(data));
