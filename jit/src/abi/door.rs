//! A way into generated code that stays prepared from one call of a guest's function to the next.

use std::hint::cold_path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use causality_machine::{Host, HostError, Machine};

use super::{Came, End, Outcome, Retired, Session, Step, Way, WaysIn, is_host_mode, prepare, stack_limit};
use crate::Compiler;
use crate::context::{Context, Near};
use crate::sys::mxcsr::Floats;

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
    /// Below so much fuel the run ends.
    floor: u64,
    /// With no more than so much it is closed.
    least: u64,
    /// Whether the context knows the code that takes the place of other code: it is prepared for what there was.
    has_promoted: bool,
    /// The hart's `fcsr` when it was entered with everything made sure of.
    fcsr: u32,
    /// Where it was entered last.
    way: Way,
    /// The version of the code space then.
    seen: u64,
}

/// What became of entering.
#[derive(Debug)]
pub enum Entered {
    /// Control is at the [gate](causality_machine::RETURN_GATE). Whether nothing but generated code has run, so that what
    /// the door relies on is as it was, but for what other threads do.
    Returned(bool),
    /// It came back otherwise.
    Stopped(Stopped),
    /// Something is not as it was. Nothing has been done, and the door is of no use any more.
    Closed,
}

/// Why control has not come to the gate.
pub struct Stopped {
    end: Option<End>,
    came: Came,
}

impl std::fmt::Debug for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stopped").finish_non_exhaustive()
    }
}

impl Stopped {
    /// Why that is. Goes on with a panic of the host, if it was one.
    ///
    /// # Errors
    /// If the host failed.
    pub fn outcome(self) -> Result<Outcome, HostError> {
        Session::outcome(self.end, self.came)
    }
}

/// The way to the code at `pc`, in a context that knows the code which takes the place of other code, or does not. There is
/// none if that is not so any more.
fn way_at(compiler: &Compiler, pc: u64, has_promoted: bool) -> Option<Way> {
    let ways_in = WaysIn::of(compiler, pc)?;
    if ways_in.promoted.is_some() == has_promoted { ways_in.at(pc) } else { None }
}

impl Door {
    /// Prepares the machine for the code at `hart.pc`, to be entered as long as at most `most` instructions have retired
    /// in all. `None` if there is no code, or it could not run far.
    ///
    /// The caller has made sure that the code in the compiler's space is what the machine sees.
    #[must_use]
    pub fn open(compiler: Arc<Compiler>, machine: &mut Machine, most: u64) -> Option<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let seen = compiler.space().version();
        let ways_in = WaysIn::of(&compiler, machine.hart.pc)?;
        let way = ways_in.at(machine.hart.pc)?;
        let has_promoted = ways_in.promoted.is_some();
        let context = prepare(&ways_in, machine);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the context of the machine, which nobody else uses.
        unsafe { (*context).prepared = id };
        let floor = machine.hart.fuel - machine.hart.fuel.min(most);
        Some(Door {
            id,
            code_version: machine.memory.code_version(),
            map_version: machine.memory.map_version(),
            breakpoints: machine.breakpoints.version(),
            floor,
            least: floor.saturating_add(compiler.longest()),
            compiler,
            has_promoted,
            fcsr: machine.hart.fcsr,
            way,
            seen,
        })
    }

    /// What made the code behind it.
    #[must_use]
    pub fn compiler(&self) -> &Compiler {
        &self.compiler
    }

    /// Runs from `hart.pc` as long as there is code.
    #[inline(always)]
    pub fn enter(
        &mut self,
        machine: &mut Machine,
        host: &mut dyn Host,
        step: &mut dyn Step,
        retired: &mut Retired,
    ) -> Entered {
        let (fuel, pc) = (machine.hart.fuel, machine.hart.pc);
        let is_as_it_was = machine.memory.code_version() == self.code_version
            && machine.memory.map_version() == self.map_version
            && machine.breakpoints.version() == self.breakpoints
            && is_host_mode(machine.hart.fcsr)
            && machine.is_whole()
            && (self.seen == self.compiler.space().version() && self.way.pc == pc || self.find(pc))
            && fuel > self.least;
        if !is_as_it_was {
            return Entered::Closed;
        }
        machine.memory.set_floor(self.floor as i64);
        if machine.pause_requested() {
            return Entered::Closed;
        }
        let slots = machine.memory.slots_for_code();
        let context = machine.memory.executor_page().as_ptr().cast::<Context>();
        // SAFETY: the executor page begins with a context, which belongs to whoever runs the machine. If it is prepared
        // for this door, `prepare` has filled it in, and these are what changes from run to run.
        unsafe {
            if (*context).prepared != self.id {
                return Entered::Closed;
            }
            (&raw mut (*context).promoted).write(0);
            (&raw mut (*context).entries).write(0);
            (&raw mut (*context).near_read).write(Near::default());
            (&raw mut (*context).near_write).write(Near::default());
            (&raw mut (*context).registers.slots).write(slots);
            (&raw mut (*context).stack_limit).write(stack_limit());
            (&raw mut (*context).floats).write(Floats::new(machine.hart.fcsr));
        }
        self.fcsr = machine.hart.fcsr;
        self.go_in(machine, host, step, retired, context, fuel)
    }

    /// As [`enter`](Door::enter), directly after control came back to the gate and nothing but generated code had run: there is
    /// nothing to be made sure of but what other threads do. Nobody has had the machine to change since, but for
    /// the hart.
    #[inline(always)]
    pub fn enter_again(
        &mut self,
        machine: &mut Machine,
        host: &mut dyn Host,
        step: &mut dyn Step,
        retired: &mut Retired,
    ) -> Entered {
        let context = machine.memory.executor_page().as_ptr().cast::<Context>();
        // SAFETY: the executor page begins with a context, which belongs to whoever runs the machine, and which is prepared.
        let context = unsafe { &mut *context };
        let (fuel, pc) = (machine.hart.fuel, machine.hart.pc);
        // A pause that was asked for has raised the floor.
        let is_open = context.prepared == self.id
            && context.floor.load(Ordering::SeqCst) == self.floor as i64
            && machine.hart.fcsr == self.fcsr
            && fuel > self.least
            && self.seen == self.compiler.space().version()
            && (self.way.pc == pc || self.find(pc));
        if !is_open {
            cold_path();
            return Entered::Closed;
        }
        context.stack_limit = stack_limit();
        self.go_in(machine, host, step, retired, context, fuel)
    }

    /// The context is that of the machine, and prepared, and the fuel its hart's.
    #[inline(always)]
    fn go_in(
        &self,
        machine: &mut Machine,
        host: &mut dyn Host,
        step: &mut dyn Step,
        retired: &mut Retired,
        context: *mut Context,
        fuel: u64,
    ) -> Entered {
        let compiler = &*self.compiler;
        let mut session =
            Session::new(compiler, machine, host, step, (fuel, self.floor, 0), context, retired);
        let came = session.enter(self.way, |pc| way_at(compiler, pc, self.has_promoted));
        let mut is_alone = !session.has_waited;
        if self.way.is_optimised || session.context().entries > 0 {
            cold_path();
            session.count();
            is_alone = false;
        }
        if session.end.is_none() && came == Came::Returned {
            // There is nothing to drop.
            std::mem::forget(session);
            return Entered::Returned(is_alone);
        }
        cold_path();
        Entered::Stopped(Stopped { end: session.end, came })
    }

    /// Finds the way to the code at `pc`; whether there is one for which it is prepared.
    #[cold]
    fn find(&mut self, pc: u64) -> bool {
        if self.compiler.is_retired() {
            return false;
        }
        let seen = self.compiler.space().version();
        let Some(way) = way_at(&self.compiler, pc, self.has_promoted) else { return false };
        (self.way, self.seen) = (way, seen);
        self.least = self.floor.saturating_add(self.compiler.longest());
        true
    }
}
