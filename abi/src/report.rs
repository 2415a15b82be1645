//! What a guest asked of its host.

use std::collections::BTreeMap;

use crate::{Signal, syscall_name};

/// Counts of one run. Deterministic: the same run has the same report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// How often each call was made, by `ecall` number. Numbers nothing answers are listed too, as long
    /// as they are below 512.
    pub calls: BTreeMap<u64, u64>,
    /// How many calls had a number that nothing answers.
    pub unknown: u64,
    /// The most bytes that `brk` and `mmap` had in use at once.
    pub peak_heap: u64,
    /// Bytes that read calls delivered, from files and standard input.
    pub bytes_read: u64,
    /// Bytes that write calls took, to files and standard streams.
    pub bytes_written: u64,
    /// The signal that ended the guest, if one did.
    pub signal: Option<Signal>,
}

impl Report {
    /// The Linux calls by name and how often each was made, in the order of their numbers. Host
    /// functions are not among them; their names are known to
    /// [`HostFunctions`](crate::HostFunctions::name_of).
    pub fn by_name(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.calls.iter().filter_map(|(&number, &count)| Some((syscall_name(number)?, count)))
    }
}
