//! Running generated code: the way in, and the libcalls that lead out of it and back.
//!
//! This is an island of `unsafe`. Generated code uses the hart where it lives, in the executor page. While it runs, the
//! machine and the host are reachable only through the session whose address the context holds; nothing else in Rust
//! refers to them until control is back.

mod door;

use std::any::Any;
use std::hint::cold_path;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use causality_machine::memory::Perms;
use causality_machine::{
    Exit, Flow, Hart, Host, HostError, Machine, Memory, Otherwise, PauseReason, RETURN_GATE, Tracked, Trap,
    call_host,
};

use crate::Compiler;
use crate::baseline::LONGEST;
use crate::code::{Links, Space};
use crate::context::{BIAS, Context, Libcalls, Near, Range, Registers, Tier};
use crate::cranelift::{LEFT, NO_CODE};
use crate::sys::mxcsr::Floats;
use crate::sys::stack_pointer;
use crate::tunables::{Layout, NativeTier};

pub use door::{Door, Entered, Stopped};

/// Executes what generated code does not: exactly one instruction of the machine.
pub trait Step {
    /// Executes the instruction at `hart.pc`, which is no `ecall`. The exit says why it did not retire.
    ///
    /// # Errors
    /// If the host failed.
    fn step(
        &mut self,
        hart: &mut Hart,
        memory: &mut Tracked<Memory>,
        host: &mut dyn Host,
    ) -> Result<Option<Exit>, HostError>;

    /// Where what native code retires is counted.
    fn retired(&mut self) -> &mut Retired;
}

/// Why generated code gave control back.
#[derive(Debug)]
pub enum Outcome {
    /// There is no code at `hart.pc`.
    NoCode,
    /// The instruction at `hart.pc` has to be executed otherwise.
    Left,
    /// The run ends.
    Exit(Exit),
}

/// Host stack that generated code may use.
const STACK: usize = 256 << 10;

/// What libcalls need besides the context.
struct Session<'a, H: ?Sized, S> {
    machine: &'a mut Machine,
    host: &'a mut H,
    step: &'a mut S,
    context: *mut Context,
    /// The hart's fuel when what generated code had retired was counted last.
    fuel: u64,
    course: Course,
}

/// What has become of a run so far.
enum Course {
    /// Nothing has changed that generated code relies on.
    Plain,
    /// Anything may have changed.
    Changed,
    /// It ends.
    Exit(Exit),
    /// The host has failed.
    Host(HostError),
    /// The host has panicked.
    Panic(Box<dyn Any + Send>),
}

/// How control came from generated code for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    /// It is at the gate.
    Returned,
    /// It was left where there is code.
    Left,
    /// There is no code.
    NoCode,
}

/// How many instructions were retired, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retired {
    /// By generated code, and `ecall`s it made.
    pub native: u64,
    /// How many of them by Cranelift's code.
    pub optimised: u64,
    /// By libcalls that execute one instruction.
    pub stepped: u64,
    /// How often Cranelift's code was entered in the place of baseline code.
    pub entries: u64,
    /// Where it was last.
    pub last_entry: u64,
}

/// Rounding modes in `frm` that the host has too.
const HOST_MODES: u32 = 4;

/// Whether code may run natively with this `fcsr`.
#[inline]
#[must_use]
pub const fn is_host_mode(fcsr: u32) -> bool {
    fcsr >> 5 & 7 < HOST_MODES
}

/// Runs generated code from `hart.pc` as long as there is some, for at most `max` instructions.
///
/// The caller has made sure that the code in the compiler's space is what the machine sees.
///
/// # Errors
/// If the host failed in a call; the hart is then as before it.
pub fn run<H: Host + ?Sized, S: Step>(
    compiler: &Compiler,
    machine: &mut Machine,
    host: &mut H,
    step: &mut S,
    max: u64,
) -> Result<Outcome, HostError> {
    let Some(ways_in) = WaysIn::of(compiler, machine.hart.pc) else { return Ok(Outcome::NoCode) };
    if !is_host_mode(machine.hart.fcsr) {
        return Ok(Outcome::Left);
    }
    let fuel = machine.hart.fuel;
    let most = fuel.min(max);
    let Some(context) = prepare(&ways_in, machine, (fuel - most, max - most)) else {
        return Ok(Outcome::Left);
    };
    machine.memory.set_floor((fuel - most) as i64);
    if machine.pause_requested() {
        return Ok(Outcome::Left);
    }
    let Some(way) = ways_in.at(machine.hart.pc) else { return Ok(Outcome::NoCode) };
    let mut session = Session { machine, host, step, context, fuel, course: Course::Plain };
    let next = session.pass(way);
    let came = session.go_on(next, |pc| ways_in.at(pc));
    session.count();
    outcome(session.course, came)
}

/// How code of a tier is entered: with the context, the pc, and the address of the code there. Returns the next pc.
type Enter = unsafe extern "C" fn(*mut u8, u64, usize) -> u64;

/// The way into the code at a pc, as long as the compiler lives.
#[derive(Clone, Copy, Debug)]
struct Way {
    pc: u64,
    enter: Enter,
    function: usize,
    /// Whether it is Cranelift's.
    is_optimised: bool,
}

/// How code is entered: that of the first tier, and that which takes its place.
struct WaysIn<'a> {
    compiler: &'a Compiler,
    space: &'a Space,
    links: &'a Links,
    promoted: Option<(&'a Space, &'a Links)>,
}

impl<'a> WaysIn<'a> {
    /// `None` if there is no code at `pc`.
    #[inline]
    fn of(compiler: &'a Compiler, pc: u64) -> Option<Self> {
        let space = &**compiler.space();
        space.enter_at(pc)?;
        let promoted = compiler.promoted().and_then(|space| Some((&**space, space.links()?)));
        Some(WaysIn { compiler, space, links: space.links()?, promoted })
    }

    /// The way into the code at `pc`, if there is any.
    fn at(&self, pc: u64) -> Option<Way> {
        let promoted = self.promoted.and_then(|(space, links)| Some((links, space.function(pc)?)));
        let (links, function) = match promoted {
            Some(promoted) => promoted,
            None => (self.links, self.space.enter_at(pc)?),
        };
        let is_optimised = promoted.is_some() || self.space.tunables().tier == NativeTier::Cranelift;
        // SAFETY: what a space says is its way in is a function of this type, by the convention of its tier.
        let enter: Enter = unsafe { std::mem::transmute(links.enter()) };
        Some(Way { pc, enter, function: function.expose_provenance(), is_optimised })
    }
}

/// Fills in the context for a run that ends at so much fuel, and might retire so many instructions beyond that.
/// `None` if hart and memory do not belong together: code may run then that uses the context.
fn prepare(ways_in: &WaysIn<'_>, machine: &mut Machine, (last, beyond): (u64, u64)) -> Option<*mut Context> {
    if !machine.is_whole() {
        return None;
    }
    let context = machine.memory.executor_page().as_ptr().cast::<Context>();
    let layout = ways_in.space.tunables().layout;
    let windows = machine.memory.registers().windows();
    let registers = Registers {
        slots: machine.memory.slots_for_code(),
        count: u64::from(windows.count),
        windows: windows.start,
        shift: u64::from(windows.shift),
        mask: windows.stride() - 1,
    };
    let pages = machine.memory.page_table();
    let (baseline, cranelift) = match (ways_in.space.tunables().tier, ways_in.promoted) {
        (NativeTier::Cranelift, _) => (Tier::NONE, ways_in.links.tier()),
        (NativeTier::Baseline, promoted) => {
            (ways_in.links.tier(), promoted.map_or(Tier::NONE, |(_, links)| links.tier()))
        }
    };
    // SAFETY: the executor page is larger than a context and aligned to a page, belongs to whoever runs the machine,
    // and every field but the floor and the hart is plain data that nobody reads before this.
    unsafe {
        (&raw mut (*context).floats).write(Floats::new(machine.hart.fcsr));
        (&raw mut (*context).pages).write(pages.as_ptr());
        (&raw mut (*context).page_count).write(pages.len() as u64);
        (&raw mut (*context).baseline).write(baseline);
        (&raw mut (*context).cranelift).write(cranelift);
        (&raw mut (*context).registers).write(registers);
        (&raw mut (*context).promoted).write(0);
        (&raw mut (*context).entries).write(0);
        (&raw mut (*context).text).write(layout.text);
        (&raw mut (*context).text_len).write(layout.text_len);
        (&raw mut (*context).near_read).write(Near::default());
        (&raw mut (*context).near_write).write(Near::default());
        (&raw mut (*context).stack_limit).write(stack_limit());
        (&raw mut (*context).prepared).write(0);
        (&raw mut (*context).compiler).write(ways_in.compiler);
        (&raw mut (*context).last).write(last);
        (&raw mut (*context).beyond).write(beyond);
        (&raw mut (*context).code_version).write(machine.memory.code_version());
        measure(&mut *context, &machine.memory, layout);
    }
    Some(context)
}

/// How deep generated code may go on the host's stack.
#[inline]
fn stack_limit() -> u64 {
    stack_pointer().wrapping_sub(STACK as u64)
}

/// Finds out how far the ranges go that guards test first.
fn measure(context: &mut Context, memory: &Memory, layout: Layout) {
    let starts = [context.read.start, context.write.start, context.measured_stack];
    let version = memory.map_version();
    if context.measured == version && starts == [layout.read, layout.write, layout.stack] {
        return;
    }
    (context.measured, context.measured_stack) = (version, layout.stack);
    let [write, stack] = [layout.write, layout.stack].map(|start| memory.writable_from(start));
    let is_first = write.start == layout.write;
    context.read = Range::of(layout.read, memory.run_of(layout.read, Perms::R));
    context.write = Range::of(layout.write, if is_first { write.end - write.start } else { 0 });
    context.stack = Range::of(stack.start, stack.end - stack.start);
}

impl<'a, H: Host + ?Sized, S: Step> Session<'a, H, S> {
    const LIBCALLS: &'static Libcalls =
        &Libcalls { step: step_libcall::<'a, H, S>, ecall: ecall_libcall::<'a, H, S> };

    /// After code came back with `next`: goes on as long as there is some.
    fn go_on(&mut self, next: u64, way_at: impl Fn(u64) -> Option<Way>) -> Came {
        let mut next = next;
        let came = loop {
            if next == LEFT as u64 {
                break Came::Left;
            }
            if next == NO_CODE as u64 {
                break Came::NoCode;
            }
            let pc = next & !1;
            self.machine.hart.pc = pc;
            if pc == RETURN_GATE {
                break Came::Returned;
            }
            // To look code up may be to load it, of which the embedder is told.
            self.leave();
            match catch_unwind(AssertUnwindSafe(|| way_at(pc))) {
                Ok(Some(way)) => next = self.pass(way),
                Ok(None) => break Came::NoCode,
                Err(panic) => {
                    self.course = Course::Panic(panic);
                    break Came::NoCode;
                }
            }
        };
        self.leave();
        self.step.retired().native += self.fuel - self.machine.hart.fuel;
        came
    }

    /// Floating-point state is the host's again.
    fn leave(&mut self) {
        if self.context().floats.live != 0 {
            self.machine.hart.fcsr |= self.context().floats.leave();
        }
    }

    /// Runs code until it comes back, and returns what it does: the pc where control goes on, or why that is in the hart.
    fn pass(&mut self, way: Way) -> u64 {
        let context = self.context();
        if way.is_optimised {
            context.floats.switch();
            context.promoted = context.promoted.wrapping_add(context.hart.fuel);
        }
        let next = self.pass_plainly(way);
        if way.is_optimised {
            let context = self.context();
            context.promoted = context.promoted.wrapping_sub(context.hart.fuel);
        }
        next
    }

    /// The same for code that is entered with floating-point state as it comes, and counts by itself: baseline code.
    #[inline(always)]
    fn pass_plainly(&mut self, way: Way) -> u64 {
        let session = (&raw mut *self).cast();
        let context = self.context;
        // SAFETY: the context is in the executor page of the machine's memory, which stays where it is and is nobody
        // else's. The code follows the convention of its tier, as does the way in. The session outlives this function and
        // is used by libcalls only, which are for sessions of this type, while nothing here refers to it.
        unsafe {
            (*context).session = session;
            (*context).libcalls = Self::LIBCALLS;
            (way.enter)(context.cast::<u8>().offset(BIAS as isize), way.pc, way.function)
        }
    }

    /// What made the code that runs.
    fn compiler(&self) -> &Compiler {
        // SAFETY: whoever has prepared the context keeps it as long as the run takes.
        unsafe { &*(*self.context).compiler }
    }

    /// The context of the machine.
    #[inline]
    fn context(&mut self) -> &mut Context {
        // SAFETY: it is in the executor page, and this session alone uses it while generated code does not run. `&mut self`
        // excludes another reference.
        unsafe { &mut *self.context }
    }

    /// Adds what the context says was retired, which it forgets.
    fn count(&mut self) {
        let context = self.context();
        let promoted = std::mem::take(&mut context.promoted);
        let entries = std::mem::take(&mut context.entries);
        let last_entry = context.last_entry;
        let retired = self.step.retired();
        retired.optimised = retired.optimised.wrapping_add(promoted);
        if entries > 0 {
            retired.entries += entries;
            retired.last_entry = last_entry;
        }
    }

    /// Control goes back to generated code, if that may go on. `spent` is what the hart's fuel would be if the host had
    /// not changed it, `fcsr` what that was.
    fn goes(&mut self, spent: u64, fcsr: u32) -> bool {
        let fuel = self.machine.hart.fuel;
        self.fuel = fuel;
        if self.machine.hart.fcsr != fcsr || self.context().floats.live != 0 {
            let fcsr = self.machine.hart.fcsr;
            self.context().floats.resume(fcsr);
            if !is_host_mode(fcsr) {
                return false;
            }
        }
        if !self.machine.is_whole() {
            return false;
        }
        if fuel != spent {
            let context = self.context();
            let left = spent.saturating_sub(context.last).saturating_add(context.beyond);
            let last = fuel - fuel.min(left);
            (context.last, context.beyond) = (last, left - fuel.min(left));
            self.machine.memory.set_floor(last as i64);
            if self.machine.pause_requested() {
                return false;
            }
        }
        self.may_go(fuel, self.compiler().longest())
            && self.machine.memory.code_version() == self.context().code_version
    }

    /// Whether nobody wants a pause, and there is fuel for `longest` instructions.
    #[inline(always)]
    fn may_go(&mut self, fuel: u64, longest: u64) -> bool {
        let context = self.context();
        let last = context.last;
        // A pause that was asked for has raised the floor.
        if context.floor.load(Ordering::SeqCst) != last as i64 || fuel - last < longest {
            cold_path();
            return false;
        }
        true
    }

    /// Makes the call of the `ecall` at `place`, and returns what the libcall does. Before that, there was so much fuel.
    ///
    /// Mostly the host has changed nothing that generated code relies on. Then nothing is made sure of but what other
    /// threads do, and what is retired is counted later.
    #[inline(always)]
    fn call(&mut self, place: u64, fuel: u64) -> u64 {
        if self.context().floats.live != 0 {
            cold_path();
            return self.call_with_floats(place, fuel);
        }
        self.call_as::<false>(place, fuel)
    }

    /// The same if floating-point state is the guest's.
    #[inline(never)]
    fn call_with_floats(&mut self, place: u64, fuel: u64) -> u64 {
        self.pause();
        self.call_as::<true>(place, fuel)
    }

    #[inline(always)]
    fn call_as<const HAS_FLOATS: bool>(&mut self, place: u64, fuel: u64) -> u64 {
        let (hart, memory, ..) = self.machine.parts();
        hart.pc = place & !IS_OPTIMISED;
        let (fcsr, changes) = (hart.fcsr, memory.changes());
        let otherwise = call_host(self.host, hart, memory);
        // SAFETY: the hart of the machine lives in the context, whatever has become of the memory.
        let hart = unsafe { &mut (*self.context).hart };
        if otherwise.is_some() || hart.fuel != fuel || hart.fcsr != fcsr || memory.changes() != changes {
            cold_path();
            return self.called(otherwise, place, fuel, fcsr);
        }
        hart.fuel = fuel - 1;
        if HAS_FLOATS {
            self.context().floats.resume(fcsr);
        }
        let is_optimised = place & IS_OPTIMISED != 0;
        let longest = if is_optimised { self.compiler().longest() } else { u64::from(LONGEST) };
        if !self.may_go(fuel - 1, longest) {
            cold_path();
            self.machine.hart.pc = behind(place);
            return STOP;
        }
        if HAS_FLOATS && !is_optimised { ON_CHANGED } else { ON }
    }

    /// The host has answered the `ecall` at `place`, and may have changed anything. Fuel and `fcsr` before that are given.
    #[inline(never)]
    fn called(&mut self, otherwise: Option<Otherwise>, place: u64, before: u64, fcsr: u32) -> u64 {
        self.count_native(before);
        match Otherwise::came(otherwise) {
            Ok(Flow::Continue) => {}
            Ok(Flow::Exit(code)) => self.course = Course::Exit(Exit::Completed(code)),
            Ok(Flow::Pause) => {
                return self.ends(place, before, Course::Exit(Exit::Paused(PauseReason::Host)));
            }
            Ok(Flow::Trap(cause, tval)) => {
                let trap = Trap { cause, pc: place & !IS_OPTIMISED, tval };
                return self.ends(place, before, Course::Exit(Exit::Trap(trap)));
            }
            Err(error) => return self.ends(place, before, Course::Host(error)),
        }
        let hart = &mut self.machine.hart;
        hart.pc = behind(place);
        hart.fuel -= 1;
        let retired = self.step.retired();
        retired.native += 1;
        retired.optimised += u64::from(place & IS_OPTIMISED != 0);
        let goes_on = self.goes(before - 1, fcsr) && matches!(self.course, Course::Changed);
        self.came_back(place, before, goes_on)
    }

    /// Adds what generated code had retired when it called the host, and had so much fuel.
    fn count_native(&mut self, before: u64) {
        self.course = Course::Changed;
        self.step.retired().native += self.fuel - before;
        self.fuel = before;
    }

    /// Floating-point state is the host's for a while, if it was the guest's.
    fn pause(&mut self) {
        if self.context().floats.live != 0 {
            self.machine.hart.fcsr |= self.context().floats.pause();
        }
    }

    /// Executes the instruction at `place`, which is no `ecall`, and returns what the libcall does. Before that, there was so much
    /// fuel.
    fn execute(&mut self, place: u64, before: u64) -> u64 {
        self.pause();
        self.machine.hart.pc = place & !IS_OPTIMISED;
        self.count_native(before);
        let Hart { pc, fcsr, .. } = *self.machine.hart;
        let word = self.machine.memory.fetch(pc).unwrap_or(0);
        let next = pc.wrapping_add(if word & 3 == 3 { 4 } else { 2 });
        let (hart, memory, ..) = self.machine.parts();
        match self.step.step(hart, memory, &mut &mut *self.host) {
            Ok(None) => {}
            Ok(Some(exit)) => return self.ends(place, before, Course::Exit(exit)),
            Err(error) => return self.ends(place, before, Course::Host(error)),
        }
        self.step.retired().stepped += 1;
        let goes_on = self.goes(before - 1, fcsr) && self.machine.hart.pc == next;
        self.came_back(place, before, goes_on)
    }

    /// Control is about to go back to generated code, or to leave it if that does not go on. There was so much fuel before.
    fn came_back(&mut self, place: u64, before: u64, goes_on: bool) -> u64 {
        if place & IS_OPTIMISED != 0 {
            // What the host did to the fuel is not what the code did.
            let fuel = self.machine.hart.fuel;
            let promoted = &mut self.context().promoted;
            *promoted = promoted.wrapping_add(fuel).wrapping_sub(before);
        }
        if goes_on {
            // Whatever was executed may have changed what may be accessed, and slots are made for the first register.
            let slots = self.machine.memory.slots_for_code();
            let context = self.context();
            (context.near_read, context.near_write) = (Near::default(), Near::default());
            context.registers.slots = slots;
            // Generated code goes on writing, whatever the host has frozen meanwhile: asking for the page says so.
            let _ = self.machine.memory.executor_page();
            // SAFETY: as in `context`; what is measured is not in the page.
            let context = unsafe { &mut *self.context };
            if context.measured != self.machine.memory.map_version() {
                measure(context, &self.machine.memory, self.compiler().space().tunables().layout);
            }
        }
        match (goes_on, place & IS_OPTIMISED) {
            (false, _) => STOP,
            (true, 0) => ON_CHANGED,
            (true, _) => ON,
        }
    }

    /// The host has panicked.
    #[cold]
    fn panicked(&mut self, place: u64, before: u64, panic: Box<dyn Any + Send>) -> u64 {
        self.count_native(before);
        self.ends(place, before, Course::Panic(panic))
    }

    /// The run ends before the instruction at `place`.
    fn ends(&mut self, place: u64, before: u64, course: Course) -> u64 {
        self.course = course;
        let (fuel, fcsr) = (self.machine.hart.fuel, self.machine.hart.fcsr);
        self.fuel = fuel;
        self.context().floats.resume(fcsr);
        self.came_back(place, before, false)
    }
}

fn outcome(course: Course, came: Came) -> Result<Outcome, HostError> {
    match course {
        Course::Exit(exit) => Ok(Outcome::Exit(exit)),
        Course::Host(error) => Err(error),
        Course::Panic(panic) => std::panic::resume_unwind(panic),
        Course::Plain | Course::Changed if came == Came::Left => Ok(Outcome::Left),
        Course::Plain | Course::Changed => Ok(Outcome::NoCode),
    }
}

/// Added to the pc that a libcall is for where Cranelift's code makes it.
pub(crate) const IS_OPTIMISED: u64 = 1;

/// What a libcall returns if control goes on behind the instruction. Baseline code then knows its fuel, one less than it was, and
/// its floating-point registers; Cranelift's looks them up.
const ON: u64 = 0;

/// If it does not.
pub(crate) const STOP: u64 = 1;

/// If it does, but baseline code has to look them up too.
const ON_CHANGED: u64 = 2;

/// The pc behind the `ecall` at `place`.
fn behind(place: u64) -> u64 {
    (place & !IS_OPTIMISED).wrapping_add(4)
}

/// The libcall that executes one instruction.
unsafe extern "C" fn step_libcall<'a, H: Host + ?Sized + 'a, S: Step + 'a>(vm: *mut u8, place: u64) -> u64 {
    // SAFETY: the caller keeps the contract.
    unsafe { libcall(vm, place, Session::<'a, H, S>::execute) }
}

/// The libcall that makes an `ecall`.
unsafe extern "C" fn ecall_libcall<'a, H: Host + ?Sized + 'a, S: Step + 'a>(vm: *mut u8, place: u64) -> u64 {
    // SAFETY: the caller keeps the contract.
    unsafe { libcall(vm, place, Session::<'a, H, S>::call) }
}

/// Has something done for the session of the run that this thread is in; says how control goes on.
///
/// # Safety
/// Generated code passes what it was given: a pointer into the executor page, whose context holds that session, which is
/// of this type. Nothing else uses either while generated code waits.
#[inline(always)]
unsafe fn libcall<'a, H: Host + ?Sized + 'a, S: Step + 'a>(
    vm: *mut u8,
    place: u64,
    execute: impl FnOnce(&mut Session<'a, H, S>, u64, u64) -> u64,
) -> u64 {
    // SAFETY: by contract.
    let (session, before) = unsafe {
        let context = vm.offset(-(BIAS as isize)).cast::<Context>();
        (&mut *(*context).session.cast::<Session<'a, H, S>>(), (*context).hart.fuel)
    };
    let answer = catch_unwind(AssertUnwindSafe(|| execute(session, place, before)));
    answer.unwrap_or_else(|panic| session.panicked(place, before, panic))
}
