//! What a program may use.

use causality_vm::Config;
use clap::Args;

use super::{parse_count, parse_size};

#[derive(Debug, Args)]
pub(crate) struct LimitArgs {
    /// Instructions the program may retire: a number, or one with k, M or G (powers of 1000)
    #[arg(long, value_name = "N", value_parser = parse_count)]
    pub(crate) fuel: Option<u64>,
    /// Most memory of all segments: bytes, or a number with k, M or G (powers of 1024) [default: 1G]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) memory: Option<u64>,
    /// Size of the stack [default: 8M]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) stack: Option<u64>,
    /// Size of the guest address space [default: 4G]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) address_space: Option<u64>,
}

impl LimitArgs {
    /// The configuration with these limits.
    pub(crate) fn of(&self, config: Config) -> Config {
        let config = self.fuel.map_or(config.clone(), |fuel| config.fuel(fuel));
        let config = self.memory.map_or(config.clone(), |bytes| config.memory(bytes));
        let config = self.stack.map_or(config.clone(), |bytes| config.stack(bytes));
        self.address_space.map_or(config.clone(), |bytes| config.address_space(bytes))
    }
}
