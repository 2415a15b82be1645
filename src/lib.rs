//! placeholder docs
#![forbid(unsafe_code)]
pub mod elf;
pub use causality_machine as machine;
