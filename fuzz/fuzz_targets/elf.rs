//! Any bytes as an executable: refused with a reason, or placed in memory without one, and run the same in native code.

#![no_main]

use causality_testkit::targets;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| targets::elf(file));
