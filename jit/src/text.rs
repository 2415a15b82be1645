//! Code as it is read by translators.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use causality_machine::memory::{Perms, Segment, SegmentKind};
use causality_machine::{Breakpoints, Memory};

use crate::region::Source;

/// Code as a machine sees it now.
#[derive(Debug)]
pub struct Text<'a> {
    /// The memory it is in.
    pub memory: &'a Memory,
    /// Where control must be given back.
    pub breakpoints: &'a Breakpoints,
}

impl Source for Text<'_> {
    fn fetch(&self, pc: u64) -> Option<u32> {
        self.memory.fetch(pc).ok()
    }

    fn data(&self, addr: u64, size: usize) -> Option<u64> {
        if self.memory.perms_at(addr).is_writable() {
            return None;
        }
        self.memory.slice(addr, size as u64).ok().map(number)
    }

    fn breaks_at(&self, pc: u64) -> bool {
        self.breakpoints.contains(pc)
    }

    fn is_scattered(&self, addr: u64) -> bool {
        /// More segments are not looked at.
        const MOST: usize = 256;
        let piece = addr..addr + self.memory.run_of(addr, Perms::RW);
        let written = self.memory.segments().take(MOST).filter(|segment| {
            segment.perms.is_writable()
                && segment.kind != SegmentKind::Stack
                && !piece.contains(&segment.range.start)
        });
        written.map(Segment::size).sum::<u64>() > piece.end - piece.start
    }
}

/// Little-endian, as the guest reads it.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte))
}

/// Code and constants as a machine saw them once: a copy, for other threads.
#[derive(Debug)]
pub struct Snapshot {
    /// Segments that are executable or cannot be written, ascending.
    parts: Vec<Part>,
    breakpoints: BTreeSet<u64>,
    functions: OnceLock<Vec<u64>>,
}

#[derive(Debug)]
struct Part {
    start: u64,
    bytes: Box<[u8]>,
    perms: Perms,
}

impl Snapshot {
    /// What `memory` holds now.
    #[must_use]
    pub fn of(memory: &Memory, breakpoints: &Breakpoints) -> Self {
        let is_part = |perms: Perms| perms.is_executable() || perms.is_readable() && !perms.is_writable();
        let parts = memory.segments().filter(|segment| is_part(segment.perms)).map(|segment| {
            let (start, size) = (segment.range.start, segment.size());
            let bytes = if segment.perms.contains(Perms::RWX) {
                halves(memory, start, size)
            } else {
                memory.slice(start, size).map(Box::from).unwrap_or_default()
            };
            Part { start, bytes, perms: segment.perms }
        });
        Snapshot {
            parts: parts.collect(),
            breakpoints: breakpoints.iter().collect(),
            functions: OnceLock::new(),
        }
    }

    fn bytes(&self, addr: u64, size: usize, is_wanted: fn(Perms) -> bool) -> Option<&[u8]> {
        let after = self.parts.partition_point(|part| part.start <= addr);
        let part = self.parts.get(after.checked_sub(1)?).filter(|part| is_wanted(part.perms))?;
        let at = (addr - part.start) as usize;
        part.bytes.get(at..at.checked_add(size)?)
    }

    fn half(&self, pc: u64) -> Option<u16> {
        self.bytes(pc, 2, Perms::is_executable).map(|bytes| number(bytes) as u16)
    }

    /// What is called directly from anywhere, ascending. Constants among the code may add what is no function.
    pub(crate) fn functions(&self) -> &[u64] {
        self.functions.get_or_init(|| {
            let code = self.parts.iter().filter(|part| part.perms.is_executable());
            let called: BTreeSet<u64> = code.flat_map(Part::calls).collect();
            called.into_iter().collect()
        })
    }
}

/// What fetches see of writable code, which is not what loads see.
fn halves(memory: &Memory, start: u64, size: u64) -> Box<[u8]> {
    let fetch = |pc| memory.fetch(pc).unwrap_or(u32::MAX) as u16;
    (start..start + size).step_by(2).flat_map(|pc| fetch(pc).to_le_bytes()).collect()
}

impl Part {
    /// Targets of `jal ra` and `jal t0`.
    fn calls(&self) -> impl Iterator<Item = u64> + '_ {
        let mut at = 0;
        std::iter::from_fn(move || {
            loop {
                let here = at;
                let low = u16::from_le_bytes([*self.bytes.get(here)?, *self.bytes.get(here + 1)?]);
                if low & 3 != 3 {
                    at += 2;
                    continue;
                }
                at += 4;
                let high = u16::from_le_bytes([*self.bytes.get(here + 2)?, *self.bytes.get(here + 3)?]);
                let word = u32::from(low) | u32::from(high) << 16;
                if let Some(offset) = call_offset(word) {
                    return Some((self.start + here as u64).wrapping_add_signed(offset));
                }
            }
        })
    }
}

/// The offset of a `jal` that links a return address (unprivileged manual, "Unconditional Jumps").
fn call_offset(word: u32) -> Option<i64> {
    use causality_machine::isa::reg::X;
    use causality_machine::isa::{Inst, decode};
    const JAL: u32 = 0x6f;
    if word & 0x7f != JAL {
        return None;
    }
    match decode(word)?.inst {
        Inst::Jal(ops) if ops.rd == X::RA || ops.rd == X::T0 => Some(i64::from(ops.imm)),
        _ => None,
    }
}

impl Source for Snapshot {
    fn fetch(&self, pc: u64) -> Option<u32> {
        if pc & 1 != 0 {
            return None;
        }
        let low = self.half(pc)?;
        if low & 3 != 3 {
            return Some(u32::from(low));
        }
        Some(u32::from(low) | u32::from(self.half(pc.wrapping_add(2))?) << 16)
    }

    fn data(&self, addr: u64, size: usize) -> Option<u64> {
        self.bytes(addr, size, |perms| !perms.is_writable()).map(number)
    }

    fn breaks_at(&self, pc: u64) -> bool {
        self.breakpoints.contains(&pc)
    }
}
