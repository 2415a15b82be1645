//! A way into generated code that stays prepared from one call of a guest's function to the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use causality_machine::{Host, HostError, Machine, RETURN_GATE};

use super::{Outcome, Retired, Session, Step, WaysIn, is_host_mode, prepare, stack_limit};
use crate::Compiler;
use crate::context::{Context, Near};

/// What [`run`](super::run) does before it enters code, done once: nothing is prepared anew as long as everything is as
/// it was, which each call makes sure of.
#[derive(Debug)]
pub struct Door {
    compiler: Arc<Compiler>,
    /// What the context says if it is prepared for this door.
    id: u64,
    code_version: u64,
    map_version: u64,
    breakpoints: u64,
    /// Below so much fuel it is closed.
    floor: u64,
    /// Whether the context knows the code that takes the place of other code: it is prepared for what there was.
    has_promoted: bool,
}

impl Door {
    /// Prepares the machine for the code at `hart.pc`, to be entered as long as at most `most` instructions have retired
    /// in all. `None` if there is no code, or it could not run far.
    ///
    /// The caller has made sure that the code in the compiler's space is what the machine sees.
    #[must_use]
    pub fn open(compiler: Arc<Compiler>, machine: &mut Machine, most: u64) -> Option<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let ways_in = WaysIn::of(&compiler, machine.hart.pc)?;
        let has_promoted = ways_in.promoted.is_some();
        let context = prepare(&ways_in, machine);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the context of the machine, which nobody else uses.
        unsafe { (*context).prepared = id };
        Some(Door {
            id,
            code_version: machine.memory.code_version(),
            map_version: machine.memory.map_version(),
            breakpoints: machine.breakpoints.version(),
            floor: machine.hart.fuel - machine.hart.fuel.min(most),
            compiler,
            has_promoted,
        })
    }

    /// What made the code behind it.
    #[must_use]
    pub fn compiler(&self) -> &Compiler {
        &self.compiler
    }

    /// Runs from `hart.pc` as long as there is code; whether control is at the [gate](RETURN_GATE) then, and if not,
    /// why it came back. `None` if something is not as it was: nothing has been done then, and the door is of no use any
    /// more.
    #[inline(always)]
    pub fn enter(
        &self,
        machine: &mut Machine,
        host: &mut dyn Host,
        step: &mut dyn Step,
        retired: &mut Retired,
    ) -> Option<Result<(), Result<Outcome, HostError>>> {
        let fuel = machine.hart.fuel;
        let is_as_it_was = machine.memory.code_version() == self.code_version
            && machine.memory.map_version() == self.map_version
            && machine.breakpoints.version() == self.breakpoints
            && is_host_mode(machine.hart.fcsr)
            && !self.compiler.is_retired()
            && fuel > self.floor.saturating_add(self.compiler.longest());
        if !is_as_it_was {
            return None;
        }
        let ways_in = WaysIn::of(&self.compiler, machine.hart.pc)?;
        if ways_in.promoted.is_some() != self.has_promoted || !machine.is_whole() {
            return None;
        }
        machine.memory.set_floor(self.floor as i64);
        if machine.pause_requested() {
            return None;
        }
        let slots = machine.memory.slots_for_code();
        let context = machine.memory.executor_page().as_ptr().cast::<Context>();
        // SAFETY: the executor page begins with a context, which belongs to whoever runs the machine. If it is prepared
        // for this door, `prepare` has filled it in, and these are what changes from run to run.
        unsafe {
            if (*context).prepared != self.id {
                return None;
            }
            (&raw mut (*context).promoted).write(0);
            (&raw mut (*context).entries).write(0);
            (&raw mut (*context).near_read).write(Near::default());
            (&raw mut (*context).near_write).write(Near::default());
            (&raw mut (*context).registers.slots).write(slots);
            (&raw mut (*context).stack_limit).write(stack_limit());
        }
        let left = fuel - self.floor;
        let mut session = Session::new(&self.compiler, machine, host, step, left, context);
        let is_left = session.enter(&ways_in);
        session.count(retired);
        let has_returned = session.end.is_none() && session.machine.hart.pc == RETURN_GATE;
        Some(if has_returned { Ok(()) } else { Err(Session::outcome(session.end, is_left)) })
    }
}
