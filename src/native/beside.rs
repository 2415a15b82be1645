//! Native code as the interpreter sees it: where it takes over, and where it is wanted.

use std::sync::Arc;

use causality_interp::Beside;
use causality_jit::code::{Code, Space};
use causality_jit::region::stack_pointers;
use causality_jit::{Background, Compiler, Snapshot, abi};
use causality_machine::Machine;

use super::Current;

/// Places that are counted; those that share a counter are hot together.
const COUNTERS: usize = 4096;

/// Finds out what is hot, and has it translated.
#[derive(Debug)]
pub struct Hot {
    background: Arc<Background>,
    threshold: u32,
    counters: Box<[u32]>,
}

impl Hot {
    /// Code is hot where the interpreter came `threshold` times.
    #[must_use]
    pub fn new(background: Arc<Background>, threshold: u32) -> Self {
        Hot { background, threshold: threshold.max(1), counters: vec![0; COUNTERS].into() }
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
    pub(super) fn new(now: &'a Current, hot: Option<&'a mut Hot>, needed: u64) -> Self {
        NativeCode {
            code: &now.code,
            compiler: &now.compiler,
            space: now.compiler.space(),
            code_version: now.versions.0,
            seen: now.compiler.space().version(),
            hot,
            needed,
            arrived: false,
            wanted: None,
        }
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
    fn version(&self) -> Option<u64> {
        Some(self.space.version())
    }

    #[inline]
    fn is_entry(&self, pc: u64) -> bool {
        self.space.has(pc) || self.compiler.awaits(pc)
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
        is_able && (self.arrived || self.space.has(pc))
    }
}
