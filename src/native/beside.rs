//! Native code as the interpreter sees it: where it takes over, and where it is wanted.

use std::collections::HashMap;
use std::sync::Arc;

use causality_interp::Beside;
use causality_jit::code::{Code, Space};
use causality_jit::region::stack_pointers;
use causality_jit::{Background, Compiler, Snapshot, abi};
use causality_machine::Machine;

use super::Current;

/// Places that are counted; those that share a counter are hot together.
const COUNTERS: usize = 4096;

/// A stay in native code of fewer instructions than this takes longer than interpreting them.
const SHORT: u64 = 200;
/// So many short stays in a row show that it is not worth while to enter somewhere.
const SHORT_STAYS: u32 = 8;

/// Finds out what is hot, and has it translated.
#[derive(Debug)]
pub struct Hot {
    background: Arc<Background>,
    threshold: u32,
    counters: Box<[u32]>,
    stays: Stays,
}

/// How long control stayed in native code. Where it only passes through, on the way between code that is yet to be
/// translated, the interpreter goes on until there is more native code.
#[derive(Debug, Default)]
struct Stays {
    /// Short stays in a row, by where control entered.
    short: HashMap<u64, u32>,
    /// The version of the space they were in.
    version: u64,
}

impl Stays {
    fn are_short(&self, pc: u64) -> bool {
        self.short.get(&pc).is_some_and(|&stays| stays >= SHORT_STAYS)
    }
}

impl Hot {
    /// Code is hot where the interpreter came `threshold` times.
    #[must_use]
    pub fn new(background: Arc<Background>, threshold: u32) -> Self {
        Hot {
            background,
            threshold: threshold.max(1),
            counters: vec![0; COUNTERS].into(),
            stays: Stays::default(),
        }
    }

    /// Control entered native code at `pc` and stayed for some instructions.
    pub(super) fn stayed(&mut self, pc: u64, retired: u64) {
        if retired < SHORT {
            *self.stays.short.entry(pc).or_default() += 1;
        } else if !self.stays.short.is_empty() {
            self.stays.short.remove(&pc);
        }
    }

    /// Counts; whether it is time to ask for code.
    #[inline]
    fn count(&mut self, pc: u64) -> bool {
        let counter = &mut self.counters[(pc >> 1) as usize % COUNTERS];
        *counter += 1;
        let is_hot = *counter >= self.threshold;
        if is_hot {
            *counter = 0;
        }
        is_hot
    }
}

/// The native code beside a run of the interpreter.
pub(super) struct NativeCode<'a> {
    code: &'a Code,
    compiler: &'a Arc<Compiler>,
    space: &'a Space,
    code_version: u64,
    /// The version of the space as the interpreter's traces know it.
    seen: u64,
    /// Without, code is made wherever control arrives.
    hot: Option<&'a mut Hot>,
    /// Fuel below which native code gets nowhere.
    needed: u64,
    arrived: bool,
    /// Where code is wanted, and whether something jumps there.
    wanted: Option<(u64, bool)>,
}

impl<'a> NativeCode<'a> {
    pub(super) fn new(now: &'a Current, mut hot: Option<&'a mut Hot>, needed: u64) -> Self {
        let version = now.compiler.space().version();
        if let Some(hot) = &mut hot
            && hot.stays.version != version
        {
            hot.stays = Stays { version, ..Stays::default() };
        }
        NativeCode {
            code: &now.code,
            compiler: &now.compiler,
            space: now.compiler.space(),
            code_version: now.versions.0,
            seen: version,
            hot,
            needed,
            arrived: false,
            wanted: None,
        }
    }

    /// Whether there is code at `pc`, and it is worth while to enter it.
    fn is_good_at(&self, pc: u64) -> bool {
        self.space.has(pc) && !self.hot.as_ref().is_some_and(|hot| hot.stays.are_short(pc))
    }

    /// Control came from native code, which knows of no code at `hart.pc`.
    pub(super) fn comes_from_native(&mut self, machine: &Machine) {
        let pc = machine.hart.pc;
        if let Some(hot) = &mut self.hot
            && (hot.count(pc) || self.compiler.awaits(pc))
        {
            self.request(pc, true, machine);
        }
    }

    /// Whether control came by a jump to where the interpreter stopped.
    pub(super) fn arrived(&self) -> bool {
        self.arrived
    }

    #[cold]
    fn request(&self, pc: u64, is_target: bool, machine: &Machine) {
        if let Some(hot) = &self.hot
            && machine.memory.code_version() == self.code_version
        {
            let text = self.code.text(|| Snapshot::of(&machine.memory, &machine.breakpoints));
            let pointers = stack_pointers(&machine.hart, &self.space.tunables().layout.stack_range());
            hot.background.request(self.compiler, text, pc, is_target, pointers);
        }
    }
}

impl Beside for NativeCode<'_> {
    #[inline]
    fn version(&self) -> u64 {
        self.space.version()
    }

    #[inline]
    fn is_entry(&self, pc: u64) -> bool {
        self.is_good_at(pc) || self.compiler.awaits(pc)
    }

    #[inline]
    fn arrives(&mut self, pc: u64, is_target: bool) -> bool {
        let Some(hot) = &mut self.hot else {
            self.arrived = true;
            return true;
        };
        let is_hot = hot.count(pc);
        if is_hot {
            self.wanted = Some((pc, is_target));
        }
        is_hot || self.space.version() != self.seen
    }

    fn takes_over(&mut self, machine: &Machine) -> bool {
        self.seen = self.space.version();
        let pc = machine.hart.pc;
        if let Some((pc, is_target)) = self.wanted.take() {
            self.request(pc, is_target, machine);
        } else if let Some(hot) = &mut self.hot
            && (hot.count(pc) || self.compiler.awaits(pc))
        {
            self.request(pc, false, machine);
        }
        if machine.memory.code_version() != self.code_version || self.compiler.is_retired() {
            return true;
        }
        let is_able = machine.hart.fuel > self.needed && abi::is_host_mode(machine.hart.fcsr);
        is_able && (self.arrived || self.is_good_at(pc))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_stays_in_a_row_make_an_entry_bad_and_a_long_one_good_again() {
        let mut hot = Hot::new(Arc::default(), 1);
        for _ in 1..SHORT_STAYS {
            hot.stayed(8, SHORT - 1);
        }
        assert!(!hot.stays.are_short(8));
        hot.stayed(8, SHORT);
        hot.stayed(8, 0);
        assert!(!hot.stays.are_short(8), "not in a row");
        for _ in 1..SHORT_STAYS {
            hot.stayed(8, 0);
        }
        assert!(hot.stays.are_short(8) && !hot.stays.are_short(10));
        hot.stayed(8, SHORT);
        assert!(!hot.stays.are_short(8));
    }
}
