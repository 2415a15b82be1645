//! One instruction with any operands: native code of every kind does what the interpreter does.

#![no_main]

use causality_testkit::targets;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| targets::instruction(data));
