//! What fuzz targets do with an input. Each is a function that panics if something that must hold does not, so that tests
//! can run the same on committed seeds and on random inputs, without a fuzzer.

pub mod api;
pub mod cache;
pub mod duels;
pub mod exec;
pub mod instruction;
pub mod program_file;

pub use api::api;
pub use cache::cache;
pub use duels::{native, registers};
pub use exec::exec;
pub use instruction::instruction;
pub use program_file::elf;

use crate::Source;

/// A target: its name, what it does with an input, and how many bytes its seeds have.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Of the fuzz target and the folder of its seeds.
    pub name: &'static str,
    /// What it does with an input.
    pub run: fn(&[u8]),
    /// Bytes of a seed.
    pub size: usize,
}

/// The targets whose inputs are choices: any bytes are some.
pub const TARGETS: [Target; 5] = [
    Target { name: "instruction", run: instruction, size: 96 },
    Target { name: "api", run: api, size: 512 },
    Target { name: "cache", run: cache, size: 32 },
    Target { name: "native", run: native, size: 1024 },
    Target { name: "exec", run: exec, size: 1024 },
];

impl Target {
    /// Bytes that make choices of their own for each number.
    #[must_use]
    pub fn input(&self, number: u64) -> Vec<u8> {
        let mut source = Source::Seed(number);
        (0..self.size).map(|_| source.byte()).collect()
    }
}
