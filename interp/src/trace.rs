//! Decoded code.
//!
//! A trace starts wherever control arrived and follows it as far as it is likely to go: along direct
//! jumps, along conditional branches backward as if taken and forward as if not. Small loops are thus
//! unrolled. It ends with an indirect jump or a call of the host, before a breakpoint, before something
//! that cannot be fetched or decoded, or when it is long. It is valid for one version of code memory and
//! breakpoints; when either changes, all go.

use std::collections::HashMap;

use causality_isa::{Decoded, Inst, decode};
use causality_machine::{Breakpoints, Cause, Fault, Memory};

use crate::beside::Beside;
use crate::dispatch::{Op, pair_up};

/// The longest trace, in instructions. Bounds how late a pause request is noticed, and how much is
/// decoded that never runs.
const MAX_LEN: usize = 64;
/// Decoded instructions kept before all are dropped.
const MAX_OPS: usize = 1 << 20;
/// The most entries of the table that finds a trace by pc without hashing.
const RECENT: usize = 4096;

/// A range of the decoded instructions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trace {
    pub(crate) pc: u64,
    /// Address behind the last instruction.
    pub(crate) end: u64,
    first: u32,
    len: u32,
    /// The version of another executor's entries that it ends before.
    entries: u64,
}

/// All decoded traces.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    ops: Vec<Op>,
    by_pc: HashMap<u64, Trace>,
    /// Empty until there is a trace, as many instances never interpret any, and grows with their number. Its length is a power of
    /// two.
    recent: Vec<Trace>,
    /// Versions of code memory and breakpoints that the traces were decoded under; 0 is none.
    valid_for: (u64, u64),
    /// The version of another executor's entries that traces have to end before; 0 if there is none.
    entries: u64,
}

/// An odd pc never has a trace.
const NO_TRACE: Trace = Trace { pc: 1, end: 1, first: 0, len: 0, entries: 0 };

impl Traces {
    /// Drops everything decoded under other versions of code memory or breakpoints.
    pub(crate) fn keep_only_current(&mut self, memory: &Memory, breakpoints: &Breakpoints) {
        let current = (memory.code_version(), breakpoints.version());
        if self.valid_for != current {
            self.clear();
            self.valid_for = current;
        }
    }

    /// From now on traces end before what another executor can enter. Each is looked at again when it is wanted.
    pub(crate) fn end_before_entries(&mut self, beside: &impl Beside) {
        self.entries = beside.version();
    }

    /// The trace at `pc`, or `None` if there is a breakpoint, an entry of another executor or no instruction.
    #[inline]
    pub(crate) fn at(
        &mut self,
        pc: u64,
        memory: &Memory,
        breakpoints: &Breakpoints,
        beside: &impl Beside,
    ) -> Option<Trace> {
        match self.recent.get(self.slot(pc)) {
            Some(trace) if trace.pc == pc && trace.entries == self.entries => Some(*trace),
            _ => self.find(pc, memory, breakpoints, beside),
        }
    }

    /// The instructions of a trace.
    #[inline]
    pub(crate) fn ops(&self, trace: Trace) -> &[Op] {
        &self.ops[trace.first as usize..][..trace.len as usize]
    }

    #[inline]
    const fn slot(&self, pc: u64) -> usize {
        (pc >> 1) as usize & self.recent.len().wrapping_sub(1)
    }

    fn clear(&mut self) {
        self.ops.clear();
        self.by_pc.clear();
        self.recent.fill(NO_TRACE);
    }

    #[cold]
    fn find(
        &mut self,
        pc: u64,
        memory: &Memory,
        breakpoints: &Breakpoints,
        beside: &impl Beside,
    ) -> Option<Trace> {
        let known = self.by_pc.get(&pc).copied();
        let trace = match known {
            Some(trace) if trace.entries == self.entries => trace,
            Some(trace) => self.shorten(trace, beside),
            None => self.decode(pc, memory, breakpoints, beside),
        };
        if trace.len == 0 {
            self.by_pc.remove(&pc);
            return None;
        }
        if known.is_none_or(|known| known.entries != trace.entries) {
            self.by_pc.insert(pc, trace);
        }
        if self.by_pc.len() > self.recent.len() && self.recent.len() < RECENT {
            let len = (self.recent.len() * 8).clamp(RECENT / 64, RECENT);
            self.recent = vec![NO_TRACE; len];
        }
        let slot = self.slot(pc);
        self.recent[slot] = trace;
        Some(trace)
    }

    /// What of a trace is in front of another executor's entries.
    fn shorten(&self, mut trace: Trace, beside: &impl Beside) -> Trace {
        if let Some(len) = self.ops(trace).iter().position(|op| beside.is_entry(op.pc)) {
            trace.end = self.ops(trace)[len].pc;
            trace.len = len as u32;
        }
        trace.entries = self.entries;
        trace
    }

    fn decode(&mut self, pc: u64, memory: &Memory, breakpoints: &Breakpoints, beside: &impl Beside) -> Trace {
        if self.ops.len() > MAX_OPS {
            self.clear();
        }
        let first = self.ops.len();
        let mut at = pc;
        let ends = |at| breakpoints.contains(at) || beside.is_entry(at);
        while !ends(at) && self.ops.len() - first < MAX_LEN {
            // Whatever is wrong there is wrong when control gets there, not before.
            let Ok(decoded) = decode_at(at, memory) else { break };
            self.ops.push(Op::new(decoded, at));
            match follow(decoded, at) {
                Some(next) => at = next,
                None => {
                    at = at.wrapping_add(decoded.len() as u64);
                    break;
                }
            }
        }
        pair_up(&mut self.ops[first..]);
        let len = (self.ops.len() - first) as u32;
        Trace { pc, end: at, first: first as u32, len, entries: self.entries }
    }
}

/// Fetches and decodes one instruction.
///
/// # Errors
/// The fault of executing whatever is there.
pub(crate) fn decode_at(pc: u64, memory: &Memory) -> Result<Decoded, Fault> {
    let word = memory.fetch(pc)?;
    decode(word).ok_or(Fault { cause: Cause::IllegalInstruction, tval: u64::from(word) })
}

/// Where a trace goes on behind an instruction.
fn follow(decoded: Decoded, pc: u64) -> Option<u64> {
    match decoded.inst {
        Inst::Jal(ops) => Some(pc.wrapping_add_signed(i64::from(ops.imm))),
        Inst::Beq(ops)
        | Inst::Bne(ops)
        | Inst::Blt(ops)
        | Inst::Bge(ops)
        | Inst::Bltu(ops)
        | Inst::Bgeu(ops)
            if ops.imm < 0 =>
        {
            Some(pc.wrapping_add_signed(i64::from(ops.imm)))
        }
        Inst::Jalr(_) | Inst::Ecall(_) | Inst::Ebreak(_) => None,
        _ => Some(pc.wrapping_add(decoded.len() as u64)),
    }
}
