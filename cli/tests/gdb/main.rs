//! `causality-vm debug` as people use it: with a real GDB at the other end.
//!
//! Without `gdb-multiarch` in `PATH` these tests say so and pass, unless `CAUSALITY_REQUIRE_ORACLES` is 1.

mod backwards;
mod forwards;
mod inspection;
mod session;
