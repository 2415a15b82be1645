//! One call of an embedder, or a few that belong together.

use std::ops::Range;

use causality_isa::reg::{F, X};
use causality_vm::memory::Perms;

use crate::Source;
use crate::corners::INTEGERS;
use crate::program::{CODE, DATA, DATA_END, WINDOW};
use crate::vm::wild::EDGES;

/// What is done to one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Makes a new instance in its place.
    Instantiate,
    /// Drops it.
    Drop,
    /// Does the next on another thread.
    Elsewhere(Box<Step>),
    /// Runs as long as there is fuel, or for long.
    Run,
    /// Runs for so many instructions.
    RunFor(u64),
    /// Executes one instruction.
    StepOnce,
    /// Runs while other threads pause it all the time.
    RunPaused,
    /// Gives fuel.
    AddFuel(u64),
    /// Changes a register.
    SetX(X, u64),
    /// Changes a floating-point register.
    SetF(F, u64),
    /// Changes `fcsr`.
    SetFcsr(u32),
    /// Goes on elsewhere.
    SetPc(u64),
    /// Maps pages.
    Map(Range<u64>, Perms),
    /// Unmaps pages.
    Unmap(Range<u64>),
    /// Changes the permissions of pages.
    Protect(Range<u64>, Perms),
    /// Makes pages zero.
    Zero(Range<u64>),
    /// Writes into guest memory.
    Store(u64, Vec<u8>),
    /// Makes writes to writable code visible.
    SyncCode,
    /// Creates a register in a slot.
    CreateRegister(u64, u64),
    /// Seals the register in a slot.
    SealRegister(u64),
    /// Consumes the register in a slot.
    ConsumeRegister(u64),
    /// Sets a breakpoint.
    Break(u64),
    /// Takes all breakpoints away.
    Unbreak,
    /// Does not pause at the breakpoint where it is.
    PassBreakpoint,
    /// Asks for a pause of the next run.
    Pause,
    /// Starts anew.
    Reset,
    /// Ends it.
    Abort,
    /// Makes a trapped one able to go on.
    Revive,
    /// Copies everything.
    Moment,
    /// Goes back to one of the copies.
    GoBack(usize),
    /// Goes back to the start.
    GoBackToStart,
    /// Keeps answers of the world.
    KeepAnswers,
    /// Forgets later answers.
    ForgetLater,
    /// Shows each instruction to an observer.
    Observe,
    /// Ends that.
    StopObserving,
    /// Asks for all that can be said about it.
    Report,
    /// Waits for the code that was asked for.
    WaitForCode,
    /// Calls what is there as a function of two arguments, again and again if it returns.
    Call(u64, u64, u64),
    /// Goes on with such a call.
    ResumeCall(u64),
    /// Gives the last one up.
    AbandonCall,
    /// Puts a fork in its place.
    Fork,
    /// Runs a fork for so many instructions, which must not show.
    ForkAside(u64),
    /// Puts one in its place that was made of its snapshot.
    Snapshot,
}

/// The most instructions of one step.
pub(super) const MOST: u64 = 5000;

impl Step {
    /// A made-up one; runs most often.
    #[must_use]
    pub fn choose(source: &mut Source<'_>) -> Self {
        match source.below(88) {
            0 | 1 => Step::Instantiate,
            2 => Step::Drop,
            3 => Step::Elsewhere(Box::new(Step::choose(source))),
            4..16 => Step::Run,
            16..20 => Step::RunFor(source.below(100) as u64),
            20 => Step::RunFor(source.bits() % MOST),
            21 | 22 => Step::StepOnce,
            23 => Step::RunPaused,
            24 | 25 => Step::AddFuel(source.bits() % MOST),
            26 => Step::AddFuel(source.pick(&[0, 1, 2, u64::MAX, 1 << 63])),
            27 => Step::SetX(source.pick(&X::ALL), value(source)),
            28 => Step::SetF(source.pick(&F::ALL), source.bits()),
            29 => Step::SetFcsr(source.pick(&[0, 0x20, 0x60, 0x80, 0xa0, 0xe0, 0x1f, u32::MAX])),
            30 => Step::SetPc(if source.chance(70) { code(source) } else { value(source) }),
            31 => Step::Map(pages(source), perms(source)),
            32 => Step::Unmap(pages(source)),
            33 | 34 => Step::Protect(pages(source), perms(source)),
            35 => Step::Zero(pages(source)),
            36 => Step::Store(value(source), (0..source.below(64)).map(|_| source.byte()).collect()),
            37 => Step::SyncCode,
            38 => Step::CreateRegister(source.below(10) as u64, source.bits() % 9000),
            39 => Step::SealRegister(source.below(10) as u64),
            40 => Step::ConsumeRegister(source.below(10) as u64),
            41 | 42 => Step::Break(code(source)),
            43 => Step::Unbreak,
            44 => Step::PassBreakpoint,
            45 => Step::Pause,
            46..49 => Step::Reset,
            49 => Step::Abort,
            50 | 51 => Step::Revive,
            52..54 => Step::Moment,
            54..56 => Step::GoBack(source.below(4)),
            56 => Step::GoBackToStart,
            57 => Step::KeepAnswers,
            58 => Step::ForgetLater,
            59 => Step::Observe,
            60 => Step::StopObserving,
            61 | 62 => Step::Report,
            63 => Step::WaitForCode,
            // What ends or has no fuel is not much of a test.
            64..68 => Step::AddFuel(source.bits() % MOST),
            68..74 => Step::Call(code(source), value(source), value(source)),
            74 | 75 => Step::ResumeCall(code(source)),
            76 | 77 => Step::AbandonCall,
            78 | 79 => Step::Fork,
            80 | 81 => Step::ForkAside(1 + source.bits() % 200),
            82 | 83 => Step::Snapshot,
            _ => Step::Reset,
        }
    }
}

/// An address, or a number.
fn value(source: &mut Source<'_>) -> u64 {
    match source.below(4) {
        0 => source.pick(INTEGERS),
        1 => source.pick(EDGES).wrapping_add_signed(i64::from(source.byte() as i8) / 4),
        2 => WINDOW + source.below(256) as u64,
        _ => source.bits(),
    }
}

/// Somewhere in the code, at odd addresses too.
fn code(source: &mut Source<'_>) -> u64 {
    let offset = source.below(400) as u64;
    CODE + if source.chance(90) { offset & !1 } else { offset }
}

/// A few pages, in use mostly; some that cannot be.
fn pages(source: &mut Source<'_>) -> Range<u64> {
    let start = match source.below(8) {
        0 | 1 => DATA,
        2 => DATA + 0x1000,
        3 => CODE,
        4 => DATA_END,
        5 => (16 << 20) - 0x2000 - 0x1000 * source.below(8) as u64,
        6 => 0x1000 * source.below(0x1000) as u64,
        _ => source.bits(),
    };
    start..start.wrapping_add(0x1000 * source.pick(&[1, 1, 2, 4, 0]))
}

fn perms(source: &mut Source<'_>) -> Perms {
    source.pick(&[Perms::NONE, Perms::R, Perms::RW, Perms::RW, Perms::RX, Perms::RWX])
}
