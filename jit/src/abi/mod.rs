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
    Exit, Flow, Host, HostError, Machine, Memory, PauseReason, RETURN_GATE, Trap, call_host,
};

use crate::Compiler;
use crate::code::{Links, Space};
use crate::context::{BIAS, Context, Near, Range, Registers, Tier};
use crate::cranelift::{LEFT, NO_CODE};
use crate::sys::mxcsr::Floats;
use crate::tunables::{Layout, NativeTier};

pub use door::{Door, Entered, Stopped};

/// Executes what generated code does not: exactly one instruction of the machine.
pub trait Step {
    /// Executes the instruction at `hart.pc`, which is no `ecall`. The exit says why it did not retire.
    ///
    /// # Errors
    /// If the host failed.
    fn step(&mut self, machine: &mut Machine, host: &mut dyn Host) -> Result<Option<Exit>, HostError>;
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

/// What libcalls need.
struct Session<'a> {
    machine: &'a mut Machine,
    host: &'a mut dyn Host,
    step: &'a mut dyn Step,
    /// The hart's fuel at which the run ends, as the context has it unless a pause is wanted.
    floor: u64,
    /// Instructions the run might retire beyond that if it had more fuel.
    beyond: u64,
    /// The hart's fuel, as of the last time control came from or went to generated code.
    fuel: u64,
    retired: &'a mut Retired,
    compiler: &'a Compiler,
    /// The version of code memory that generated code relies on.
    code_version: u64,
    context: *mut Context,
    /// Whether anything else than generated code has run.
    has_waited: bool,
    /// Why the run ends.
    end: Option<End>,
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

enum End {
    Exit(Exit),
    Host(HostError),
    Panic(Box<dyn Any + Send>),
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
pub fn run(
    compiler: &Compiler,
    machine: &mut Machine,
    host: &mut dyn Host,
    step: &mut dyn Step,
    max: u64,
    retired: &mut Retired,
) -> Result<Outcome, HostError> {
    let Some(ways_in) = WaysIn::of(compiler, machine.hart.pc) else { return Ok(Outcome::NoCode) };
    if !is_host_mode(machine.hart.fcsr) || !machine.is_whole() {
        return Ok(Outcome::Left);
    }
    let fuel = machine.hart.fuel;
    let most = fuel.min(max);
    machine.memory.set_floor((fuel - most) as i64);
    if machine.pause_requested() {
        return Ok(Outcome::Left);
    }
    let context = prepare(&ways_in, machine);
    let mut session =
        Session::new(compiler, machine, host, step, (fuel, fuel - most, max - most), context, retired);
    let Some(way) = ways_in.at(session.machine.hart.pc) else { return Ok(Outcome::NoCode) };
    let came = session.enter(way, |pc| ways_in.at(pc));
    session.count();
    Session::outcome(session.end, came)
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
        Some(WaysIn { space, links: space.links()?, promoted })
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

/// Fills in the context for a run.
fn prepare(ways_in: &WaysIn<'_>, machine: &mut Machine) -> *mut Context {
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
        (NativeTier::Cranelift, _) => (Tier::NONE, ways_in.links.tier(step_libcall::<true>)),
        (NativeTier::Baseline, promoted) => {
            let promoted = promoted.map(|(_, links)| links.tier(step_libcall::<true>));
            (ways_in.links.tier(step_libcall::<false>), promoted.unwrap_or(Tier::NONE))
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
        measure(&mut *context, &machine.memory, layout);
    }
    context
}

/// How deep generated code may go on the host's stack.
#[inline]
fn stack_limit() -> u64 {
    let here = std::hint::black_box(0_u8);
    (&raw const here as u64).saturating_sub(STACK as u64)
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

impl<'a> Session<'a> {
    /// The context is that of the machine, and prepared.
    #[inline]
    fn new(
        compiler: &'a Compiler,
        machine: &'a mut Machine,
        host: &'a mut dyn Host,
        step: &'a mut dyn Step,
        (fuel, floor, beyond): (u64, u64, u64),
        context: *mut Context,
        retired: &'a mut Retired,
    ) -> Self {
        Session {
            floor,
            beyond,
            fuel,
            retired,
            compiler,
            code_version: machine.memory.code_version(),
            context,
            has_waited: false,
            end: None,
            machine,
            host,
            step,
        }
    }

    /// Runs the code at `hart.pc`, which `way` leads to, and goes on as long as there is some.
    #[inline(always)]
    fn enter(&mut self, way: Way, way_at: impl Fn(u64) -> Option<Way>) -> Came {
        self.context().session = (&raw mut *self).cast();
        let mut way = way;
        let came = loop {
            let next = self.pass(way);
            if next == LEFT as u64 || next == NO_CODE as u64 {
                cold_path();
                break if next == LEFT as u64 { Came::Left } else { Came::NoCode };
            }
            let pc = next & !1;
            self.machine.hart.pc = pc;
            if pc == RETURN_GATE {
                break Came::Returned;
            }
            cold_path();
            match way_at(pc) {
                Some(next) => way = next,
                None => break Came::NoCode,
            }
        };
        self.came();
        came
    }

    /// Runs code until it comes back, and returns what it does: the pc where control goes on, or why that is in the hart.
    #[inline(always)]
    fn pass(&mut self, way: Way) -> u64 {
        let context = self.context;
        // SAFETY: the context is in the executor page of the machine's memory, which stays where it is and is nobody
        // else's. The code follows the convention of its tier, as does the way in. The session outlives this function and
        // is used by libcalls only, while nothing here refers to it.
        unsafe {
            let vm = context.cast::<u8>().offset(BIAS as isize);
            if way.is_optimised {
                cold_path();
                (*context).floats.switch();
                (*context).promoted = (*context).promoted.wrapping_add((*context).hart.fuel);
            }
            let next = (way.enter)(vm, way.pc, way.function);
            if way.is_optimised {
                cold_path();
                (*context).promoted = (*context).promoted.wrapping_sub((*context).hart.fuel);
            }
            next
        }
    }

    /// The context of the machine.
    #[inline]
    fn context(&mut self) -> &mut Context {
        // SAFETY: it is in the executor page, and this session alone uses it while generated code does not run. `&mut self`
        // excludes another reference.
        unsafe { &mut *self.context }
    }

    /// Adds what the context says was retired.
    fn count(&mut self) {
        let &mut Context { promoted, entries, last_entry, .. } = self.context();
        if promoted != 0 {
            self.retired.optimised = self.retired.optimised.wrapping_add(promoted);
        }
        if entries > 0 {
            self.retired.entries += entries;
            self.retired.last_entry = last_entry;
        }
    }

    fn outcome(end: Option<End>, came: Came) -> Result<Outcome, HostError> {
        match end {
            Some(End::Exit(exit)) => Ok(Outcome::Exit(exit)),
            Some(End::Host(error)) => Err(error),
            Some(End::Panic(panic)) => std::panic::resume_unwind(panic),
            None if came == Came::Left => Ok(Outcome::Left),
            None => Ok(Outcome::NoCode),
        }
    }

    /// Control came from generated code, for good.
    #[inline]
    fn came(&mut self) {
        if self.context().floats.live != 0 {
            cold_path();
            self.machine.hart.fcsr |= self.context().floats.leave();
        }
        self.retired.native += self.fuel - self.machine.hart.fuel;
    }

    /// Control came from generated code, and will go back.
    #[inline]
    fn waits(&mut self) {
        self.has_waited = true;
        if self.context().floats.live != 0 {
            cold_path();
            self.machine.hart.fcsr |= self.context().floats.pause();
        }
        self.retired.native += self.fuel - self.machine.hart.fuel;
    }

    /// Control goes back to generated code, if that may go on. `spent` is what the hart's fuel would be if the host had
    /// not changed it, `fcsr` what that was.
    #[inline(always)]
    fn goes(&mut self, spent: u64, fcsr: u32) -> bool {
        let hart = &self.machine.hart;
        let fuel = hart.fuel;
        self.fuel = fuel;
        if hart.fcsr != fcsr || self.context().floats.live != 0 {
            cold_path();
            let fcsr = self.machine.hart.fcsr;
            self.context().floats.resume(fcsr);
            if !is_host_mode(fcsr) {
                return false;
            }
        }
        if fuel != spent {
            cold_path();
            let left = spent.saturating_sub(self.floor).saturating_add(self.beyond);
            self.floor = fuel - fuel.min(left);
            self.beyond = left - fuel.min(left);
            self.machine.memory.set_floor(self.floor as i64);
            if self.machine.pause_requested() {
                return false;
            }
        }
        let floor = self.context().floor.load(Ordering::SeqCst);
        // A pause that was asked for has raised it.
        floor == self.floor as i64
            && fuel - self.floor >= self.compiler.longest()
            && self.machine.memory.code_version() == self.code_version
            && self.machine.is_whole()
    }

    /// Makes the call of the `ecall` at `pc`; whether control goes on behind it.
    fn call<const IS_OPTIMISED: bool>(&mut self, pc: u64) -> bool {
        self.waits();
        let (hart, memory, ..) = self.machine.parts();
        hart.pc = pc;
        let (fuel, fcsr) = (hart.fuel, hart.fcsr);
        let flow = call_host(self.host, hart, memory);
        let mut goes_on = true;
        if !matches!(flow, Ok(Flow::Continue)) {
            cold_path();
            match flow {
                Ok(Flow::Continue) => {}
                Ok(Flow::Exit(code)) => {
                    self.end = Some(End::Exit(Exit::Completed(code)));
                    goes_on = false;
                }
                Ok(Flow::Pause) => return self.ends(End::Exit(Exit::Paused(PauseReason::Host))),
                Ok(Flow::Trap(cause, tval)) => {
                    return self.ends(End::Exit(Exit::Trap(Trap { cause, pc, tval })));
                }
                Err(error) => return self.ends(End::Host(error)),
            }
        }
        let hart = &mut self.machine.hart;
        hart.pc = pc.wrapping_add(4);
        hart.fuel -= 1;
        self.retired.native += 1;
        if IS_OPTIMISED {
            self.retired.optimised += 1;
        }
        self.goes(fuel - 1, fcsr) && goes_on
    }

    /// Executes the instruction at `pc`, which is no `ecall`; whether control goes on behind it.
    fn execute(&mut self, pc: u64) -> bool {
        self.waits();
        self.machine.hart.pc = pc;
        let (fuel, fcsr) = (self.machine.hart.fuel, self.machine.hart.fcsr);
        let word = self.machine.memory.fetch(pc).unwrap_or(0);
        let next = pc.wrapping_add(if word & 3 == 3 { 4 } else { 2 });
        match self.step.step(self.machine, self.host) {
            Ok(None) => {}
            Ok(Some(exit)) => return self.ends(End::Exit(exit)),
            Err(error) => return self.ends(End::Host(error)),
        }
        self.retired.stepped += 1;
        self.goes(fuel - 1, fcsr) && self.end.is_none() && self.machine.hart.pc == next
    }

    fn ends(&mut self, end: End) -> bool {
        self.end = Some(end);
        let (fuel, fcsr) = (self.machine.hart.fuel, self.machine.hart.fcsr);
        self.fuel = fuel;
        self.context().floats.resume(fcsr);
        false
    }
}

/// Added to the pc of an `ecall` where that is an argument of the libcall.
pub(crate) const IS_ECALL: u64 = 1;

/// The libcall that executes one instruction, of baseline code or of Cranelift's.
unsafe extern "C" fn step_libcall<const IS_OPTIMISED: bool>(vm: *mut u8, place: u64) -> u64 {
    // SAFETY: generated code passes what `run` gave it: a pointer into the executor page, whose context holds the
    // session of the run that this thread is in. Nothing else uses either while generated code waits for us.
    let (context, session) = unsafe {
        let context = vm.offset(-(BIAS as isize)).cast::<Context>();
        (context, &mut *(*context).session.cast::<Session<'_>>())
    };
    let before = session.machine.hart.fuel;
    let execute = || match place & IS_ECALL {
        0 => session.execute(place),
        _ => session.call::<IS_OPTIMISED>(place - IS_ECALL),
    };
    let goes_on = match catch_unwind(AssertUnwindSafe(execute)) {
        Ok(goes_on) => goes_on,
        Err(panic) => session.ends(End::Panic(panic)),
    };
    let fuel = session.machine.hart.fuel;
    // SAFETY: as above. The context contains the hart, to which nothing refers now.
    let context = unsafe { &mut *context };
    if IS_OPTIMISED {
        // What the host did to the fuel is not what the code did.
        context.promoted = context.promoted.wrapping_add(fuel).wrapping_sub(before);
    }
    if goes_on {
        // Whatever was executed may have changed what may be accessed, and slots are made for the first register.
        (context.near_read, context.near_write) = (Near::default(), Near::default());
        context.registers.slots = session.machine.memory.slots_for_code();
        // Generated code goes on writing, whatever the host has frozen meanwhile: asking for the page says so.
        let _ = session.machine.memory.executor_page();
        if context.measured != session.machine.memory.map_version() {
            measure(context, &session.machine.memory, session.compiler.space().tunables().layout);
        }
    }
    u64::from(!goes_on)
}
