//! A way into generated code that stays prepared from one call of a guest's function to the next.

use std::any::Any;
use std::hint::cold_path;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use causality_machine::{Host, HostError, Machine, RETURN_GATE};

use super::{Came, Course, Outcome, Session, Step, Way, WaysIn, is_host_mode, outcome, prepare, stack_limit};
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
    /// The [number](causality_machine::Tracked::changes) of the memory then.
    changes: u64,
}

/// What became of entering.
#[derive(Debug, Default)]
pub enum Entered {
    /// Control is at the [gate](causality_machine::RETURN_GATE). Whether nothing but generated code has run, so that what
    /// the door relies on is as it was, but for what other threads do.
    Returned(bool),
    /// It came back otherwise.
    Stopped(Stopped),
    /// Something is not as it was. Nothing has been done, and the door is of no use any more.
    #[default]
    Closed,
}

/// Why control has not come to the gate.
pub struct Stopped {
    course: Course,
    came: Came,
}

impl std::fmt::Debug for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stopped").finish_non_exhaustive()
    }
}

impl Stopped {
    /// The host has failed.
    #[must_use]
    pub fn failed(error: HostError) -> Self {
        Stopped { course: Course::Host(error), came: Came::NoCode }
    }

    fn panicked(panic: Box<dyn Any + Send>) -> Self {
        Stopped { course: Course::Panic(panic), came: Came::NoCode }
    }

    /// Why that is. Goes on with a panic of the host, if it was one.
    ///
    /// # Errors
    /// If the host failed.
    pub fn outcome(self) -> Result<Outcome, HostError> {
        outcome(self.course, self.came)
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
    /// in all. `None` if there is no code, or hart and memory do not belong together.
    ///
    /// The caller has made sure that the code in the compiler's space is what the machine sees.
    #[must_use]
    pub fn open(compiler: Arc<Compiler>, machine: &mut Machine, most: u64) -> Option<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let seen = compiler.space().version();
        let ways_in = WaysIn::of(&compiler, machine.hart.pc)?;
        let way = ways_in.at(machine.hart.pc)?;
        let has_promoted = ways_in.promoted.is_some();
        let floor = machine.hart.fuel - machine.hart.fuel.min(most);
        let context = prepare(&ways_in, machine, (floor, 0))?;
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the context of the machine, which nobody else uses.
        unsafe { (*context).prepared = id };
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
            changes: machine.memory.changes(),
        })
    }

    /// What made the code behind it.
    #[must_use]
    pub fn compiler(&self) -> &Compiler {
        &self.compiler
    }

    /// Runs from `hart.pc` as long as there is code.
    pub fn enter<H: Host + ?Sized, S: Step>(
        &mut self,
        machine: &mut Machine,
        host: &mut H,
        step: &mut S,
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
            (&raw mut (*context).last).write(self.floor);
            (&raw mut (*context).beyond).write(0);
            (&raw mut (*context).promoted).write(0);
            (&raw mut (*context).entries).write(0);
            (&raw mut (*context).near_read).write(Near::default());
            (&raw mut (*context).near_write).write(Near::default());
            (&raw mut (*context).registers.slots).write(slots);
            (&raw mut (*context).stack_limit).write(stack_limit());
            (&raw mut (*context).floats).write(Floats::new(machine.hart.fcsr));
        }
        (self.fcsr, self.changes) = (machine.hart.fcsr, machine.memory.changes());
        let mut session = Session { machine, host, step, context, fuel, course: Course::Plain };
        let next = session.pass(self.way);
        self.go_on(session, next)
    }

    /// As [`enter`](Door::enter), after control came back to the gate and nothing but generated code had run. If nobody has had
    /// memory or breakpoints to change since, there is nothing to be made sure of but what other threads do, and what is in
    /// the hart. The caller answers for the breakpoints.
    ///
    /// Whether control has come to the gate once more, and that still holds. If not, `entered` is what became of it.
    #[inline(always)]
    pub fn enter_again<H: Host + ?Sized, S: Step>(
        &mut self,
        machine: &mut Machine,
        host: &mut H,
        step: &mut S,
        entered: &mut Entered,
    ) -> bool {
        if machine.memory.changes() != self.changes || !machine.is_whole() {
            cold_path();
            return false;
        }
        let context = machine.memory.executor_page_again().as_ptr().cast::<Context>();
        // SAFETY: the executor page begins with a context, which belongs to whoever runs the machine. This door has filled it in,
        // and nobody else could have since without having memory to change.
        let known = unsafe { &mut *context };
        let (fuel, pc) = (known.hart.fuel, known.hart.pc);
        // A pause that was asked for has raised the floor.
        let is_open = known.floor.load(Ordering::SeqCst) == self.floor as i64
            && known.hart.fcsr == self.fcsr
            && fuel > self.least
            && self.seen == self.compiler.space().version()
            && (self.way.pc == pc || self.find_again(pc, entered));
        if !is_open {
            cold_path();
            return false;
        }
        known.stack_limit = stack_limit();
        let mut session = Session { machine, host, step, context, fuel, course: Course::Plain };
        let next = if self.way.is_optimised {
            cold_path();
            session.pass(self.way)
        } else {
            session.pass_plainly(self.way)
        };
        let context = session.context();
        // Floats are live once Cranelift's code has run.
        if context.floats.live != 0 {
            cold_path();
            session.leave();
            session.count();
        }
        if next != RETURN_GATE || !matches!(session.course, Course::Plain) {
            cold_path();
            *entered = self.go_on(session, next);
            return false;
        }
        let context = session.context();
        context.hart.pc = RETURN_GATE;
        let fuel = context.hart.fuel;
        session.step.retired().native += session.fuel - fuel;
        // There is nothing to drop.
        std::mem::forget(session);
        true
    }

    /// After code came back with `next`.
    #[inline(never)]
    fn go_on<H: Host + ?Sized, S: Step>(&self, mut session: Session<'_, H, S>, next: u64) -> Entered {
        let came = session.go_on(next, |pc| way_at(&self.compiler, pc, self.has_promoted));
        session.count();
        match session.course {
            Course::Plain if came == Came::Returned => Entered::Returned(true),
            Course::Changed if came == Came::Returned => Entered::Returned(false),
            course => Entered::Stopped(Stopped { course, came }),
        }
    }

    /// As [`find`](Door::find), where a panic of the embedder's, who is told of code, is what became of entering.
    #[cold]
    fn find_again(&mut self, pc: u64, entered: &mut Entered) -> bool {
        catch_unwind(AssertUnwindSafe(|| self.find(pc))).unwrap_or_else(|panic| {
            *entered = Entered::Stopped(Stopped::panicked(panic));
            false
        })
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
