//! Native code as the interpreter sees it: where it takes over, and where it is wanted.

use std::sync::Arc;
use std::time::Instant;

use causality_interp::Beside;
use causality_jit::abi::Retired;
use causality_jit::code::Space;
use causality_jit::region::{Source, stack_pointers};
use causality_jit::{Background, Compiler, Guards, NativeTier, Sample, Text, Verdict, abi};
use causality_machine::Machine;

use super::Current;

/// Places that are counted; those that share a counter are hot together.
const COUNTERS: usize = 4096;

/// Finds out what is hot, and has it translated.
#[derive(Debug)]
pub struct Hot {
    background: Arc<Background>,
    threshold: u32,
    /// Empty until something is counted.
    counters: Vec<u32>,
    /// When the last sample was taken in this run, and how much had been retired by anything.
    last: Option<(Instant, u64)>,
    /// What native code had retired at the last sample of any run.
    before: Retired,
}

impl Hot {
    /// Code is hot where the interpreter came `threshold` times; 0 is before it has come there.
    #[must_use]
    pub fn new(background: Arc<Background>, threshold: u32) -> Self {
        Hot { background, threshold, counters: Vec::new(), last: None, before: Retired::default() }
    }

    /// Control came from native code, which knows of no code at `hart.pc`: whether it is to be made here and now.
    pub(super) fn is_wanted(&mut self, now: &Current, machine: &Machine) -> bool {
        let pc = machine.hart.pc;
        let is_hot = self.count(pc);
        let is_slow = is_slow(&now.compiler);
        if is_hot && is_slow {
            self.request(now, pc, true, machine);
        }
        is_hot && !is_slow
    }

    #[cold]
    fn request(&self, now: &Current, pc: u64, is_target: bool, machine: &Machine) {
        let pointers = stack_pointers(&machine.hart, &now.compiler.space().tunables().layout.stack_range());
        self.background.request(&now.compiler, now.text(machine), pc, is_target, pointers);
    }

    /// A run begins: what happened before it says nothing about time.
    pub(super) fn begin(&mut self) {
        self.last = None;
    }

    /// Native code has given control back to show where it is. So much has been `retired` by it so far, and `all` by
    /// anything.
    pub(super) fn sample(&mut self, now: &Current, machine: &Machine, retired: Retired, all: u64) {
        let (pc, time) = (machine.hart.pc, Instant::now());
        let before = std::mem::replace(&mut self.before, retired);
        let last = self.last.replace((time, all));
        let sample = Sample {
            pc,
            time: last.map(|(then, before)| (time - then, all - before)),
            optimised: retired.optimised - before.optimised,
            entered: retired.entries - before.entries,
            last_entry: retired.last_entry,
        };
        let text = Text { memory: &machine.memory, breakpoints: &machine.breakpoints };
        match now.compiler.sampled(&sample) {
            Verdict::GoOn => {}
            Verdict::Promote(executed) => {
                let tunables = now.compiler.space().tunables();
                // Cranelift's code has guards for memory in one piece only.
                if tunables.guards == Guards::Fitting && text.is_scattered(tunables.layout.write) {
                    return;
                }
                let stack = tunables.layout.stack_range();
                let pointers = stack_pointers(&machine.hart, &stack);
                self.background.promote(&now.compiler, now.text(machine), pc, pointers, executed);
            }
            Verdict::Demote(region) => {
                if let Err(error) = now.compiler.demote(&text, region) {
                    tracing::warn!(%error, "code that was put back is interpreted until it is translated again");
                }
            }
        }
    }

    /// Whether nothing is interpreted that could be translated.
    pub(super) fn is_at_once(&self) -> bool {
        self.threshold == 0
    }

    /// Counts; whether it is time to ask for code.
    #[inline]
    fn count(&mut self, pc: u64) -> bool {
        if self.threshold == 0 {
            return true;
        }
        self.counters.resize(COUNTERS, 0);
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
    now: &'a Current,
    space: &'a Space,
    /// The version of the space as the interpreter's traces know it.
    seen: u64,
    /// Without, code is made wherever control arrives.
    hot: Option<&'a mut Hot>,
    /// Whether what is hot is translated in the background.
    is_slow: bool,
    /// Fuel below which native code gets nowhere.
    needed: u64,
    arrived: bool,
    /// Where code is wanted, and whether something jumps there.
    wanted: Option<(u64, bool)>,
}

impl<'a> NativeCode<'a> {
    pub(super) fn new(now: &'a Current, hot: Option<&'a mut Hot>, needed: u64) -> Self {
        let space = now.compiler.space();
        NativeCode {
            now,
            space,
            seen: space.version(),
            hot,
            is_slow: is_slow(&now.compiler),
            needed,
            arrived: false,
            wanted: None,
        }
    }

    /// Whether control came by a jump to where the interpreter stopped, and code is to be made there.
    pub(super) fn arrived(&self) -> bool {
        self.arrived
    }
}

/// Whether native code is worth while only where the program spends its time, and then made in the background.
fn is_slow(compiler: &Compiler) -> bool {
    compiler.space().tunables().tier == NativeTier::Cranelift
}

impl Beside for NativeCode<'_> {
    #[inline]
    fn version(&self) -> u64 {
        self.space.version()
    }

    #[inline]
    fn is_entry(&self, pc: u64) -> bool {
        self.space.has(pc) || self.now.compiler.waits_at(pc, false)
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
        let Current { compiler, versions, .. } = self.now;
        if machine.memory.code_version() != versions.0 || compiler.is_retired() {
            return true;
        }
        let pc = machine.hart.pc;
        self.arrived |= compiler.waits_at(pc, true);
        if let Some(hot) = &mut self.hot
            && !self.arrived
        {
            // Control passes here, or has come by a jump.
            let passes = || hot.count(pc).then_some((pc, false));
            match self.wanted.take().or_else(passes) {
                Some((pc, is_target)) if self.is_slow => hot.request(self.now, pc, is_target, machine),
                Some((pc, _)) => self.arrived = hot.is_at_once() || !compiler.waits_for(pc),
                None => {}
            }
        }
        let is_able = machine.hart.fuel > self.needed && abi::is_host_mode(machine.hart.fcsr);
        is_able && (self.arrived || self.space.has(pc))
    }
}
