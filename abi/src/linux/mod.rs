//! A deterministic subset of the Linux riscv64 user ABI.
//!
//! `table` is the list of calls; the other modules hold one group of handlers each, and the part of
//! the process' state that only they touch.

mod call;
mod errno;
mod start;
mod table;

use std::collections::BTreeMap;

use causality_machine::{Flow, Hart, HostError, Image, Machine, Memory};

pub use errno::Errno;
pub use start::StartError;
pub use table::{Syscall, TABLE, syscall_name};

use crate::{Options, Report};
use call::{Answer, Call, Stop};

/// The reason code of the `HostFunction` trap that ends a guest which waits for something that can
/// never happen, such as a futex that no other thread can wake.
pub const DEADLOCK: u64 = 0xdead_10cc;

/// Calls with numbers below this are counted one by one.
const COUNTED: usize = 512;

/// The kernel's side of one process.
#[derive(Debug)]
pub(crate) struct Linux {
    options: Options,
    counts: Vec<u64>,
    host_functions: BTreeMap<u64, u64>,
    unknown: u64,
}

impl Linux {
    pub(crate) fn new(options: Options) -> Self {
        Linux {
            options,
            counts: vec![0; COUNTED],
            host_functions: BTreeMap::new(),
            unknown: 0,
        }
    }

    /// See [`Abi::enter`](crate::Abi::enter).
    pub(crate) fn start(&mut self, image: &Image, machine: &mut Machine) -> Result<(), StartError> {
        self.counts.fill(0);
        start::start(self, image, machine)
    }

    /// Counts a call of a number that a host function answers.
    pub(crate) fn count(&mut self, number: u64) {
        *self.host_functions.entry(number).or_default() += 1;
    }

    /// Answers one call.
    pub(crate) fn ecall(&mut self, hart: &mut Hart, memory: &mut Memory) -> Result<Flow, HostError> {
        let number = hart.x[17];
        if let Some(count) = self.counts.get_mut(number as usize) {
            *count += 1;
        }
        let arguments = std::array::from_fn(|i| hart.x[10 + i]);
        let mut call = Call {
            linux: self,
            memory,
            time: hart.time(),
        };
        let answer = table::dispatch(&mut call, number, arguments).unwrap_or_else(|| {
            self.unknown += 1;
            Err(Errno::NOSYS.into())
        });
        match answer {
            Ok(value) => hart.x[10] = value,
            Err(Stop::Errno(errno)) => hart.x[10] = errno.to_register(),
            Err(Stop::Flow(flow)) => return Ok(flow),
            Err(Stop::Host(error)) => return Err(error),
        }
        Ok(Flow::Continue)
    }

    pub(crate) fn report(&self) -> Report {
        let linux = (0..).zip(&self.counts).filter(|&(_, &count)| count > 0);
        let mut calls: BTreeMap<u64, u64> = linux.map(|(number, &count)| (number, count)).collect();
        calls.extend(&self.host_functions);
        Report {
            calls,
            unknown: self.unknown,
            ..Report::default()
        }
    }
}
