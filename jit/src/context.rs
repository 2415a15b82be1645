//! The context of generated code: what it finds in the executor page, and where.
//!
//! One host register, `vm`, addresses everything generated code touches: the context at small negative and positive
//! offsets, so that the homes of registers take one byte of displacement, and guest memory at a fixed distance.

use std::marker::PhantomPinned;
use std::mem::offset_of;
use std::sync::atomic::{AtomicI64, AtomicU64};

use causality_machine::Hart;
use causality_machine::memory::{EXECUTOR_PAGE_SIZE, GUEST_OFFSET, HART_OFFSET};
use causality_machine::registers::Slot;

use crate::Compiler;
use crate::sys::mxcsr::Floats;

/// Sizes of accesses that have a bound of their own in a [`Range`]; others use the next larger one.
pub(crate) const SPANS: [u64; 4] = [8, 64, 512, 4096];

/// How far an access may begin behind the start of a hole-free range, by size: an access of at most `SPANS[i]` bytes
/// at `start + offset` is inside if `offset < bounds[i]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Range {
    pub(crate) start: u64,
    pub(crate) bounds: [u64; SPANS.len()],
}

impl Range {
    /// The range of `len` bytes at `start`.
    pub(crate) fn of(start: u64, len: u64) -> Self {
        Range { start, bounds: SPANS.map(|span| (len + 1).saturating_sub(span)) }
    }
}

/// Functions that look up permissions: for loads of each of [`SPANS`], then for stores, then for windows of resource
/// registers, loads and stores.
pub(crate) const CHECKS: usize = WINDOW + 2;

/// The first of those for windows.
pub(crate) const WINDOW: usize = 2 * SPANS.len();

/// The resource-register file.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Registers {
    pub(crate) slots: *const Slot,
    /// How many there are.
    pub(crate) count: u64,
    /// Address of the first window.
    pub(crate) windows: u64,
    /// Two to this power is the distance from one window to the next.
    pub(crate) shift: u64,
    /// One less than that distance.
    pub(crate) mask: u64,
}

/// The window that was accessed last: a guard that fails looks here before it asks anybody.
///
/// It is the host's, or generated code's, to forget whenever another access than before may be allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Near {
    /// How far it begins behind the start of the range that is tested first.
    pub(crate) distance: u64,
    /// How many bytes may be accessed; 0 stands for no window.
    pub(crate) len: u64,
}

/// Offsets from `vm` of the [`Near`] for loads, or for stores: of its distance and of its length.
pub(crate) const fn near(is_store: bool) -> (i32, i32) {
    if is_store {
        (field!(near_write.distance), field!(near_write.len))
    } else {
        (field!(near_read.distance), field!(near_read.len))
    }
}

/// What generated code calls when the host has to do something. `C` is the System V convention on all hosts we run on.
pub(crate) type Libcall = unsafe extern "C" fn(vm: *mut u8, argument: u64) -> u64;

/// What generated code has the host do at a pc, which is odd if it is Cranelift's code that asks. They return how control
/// goes on.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Libcalls {
    /// Executes one instruction.
    pub(crate) step: Libcall,
    /// Makes an `ecall`.
    pub(crate) ecall: Libcall,
}

/// The executor page.
#[repr(C)]
pub(crate) struct Context {
    /// Loops are left when fuel falls below it.
    pub(crate) floor: AtomicI64,
    /// The hart of the machine.
    pub(crate) hart: Hart,
    /// Whose the host's floating-point state is.
    pub(crate) floats: Floats,
    /// What loads may usually touch.
    pub(crate) read: Range,
    /// What stores may usually touch.
    pub(crate) write: Range,
    /// The stack, as far as it may be written already. If its start is [far](causality_machine::Memory::is_far), code takes it from
    /// here.
    pub(crate) stack: Range,
    /// Permissions by page.
    pub(crate) pages: *const u8,
    /// How many pages there are.
    pub(crate) page_count: u64,
    /// First pc of the table.
    pub(crate) text: u64,
    /// Bytes of text the table is for.
    pub(crate) text_len: u64,
    /// Lowest host stack pointer with which a function may begin.
    pub(crate) stack_limit: u64,
    /// The resource registers.
    pub(crate) registers: Registers,
    /// The window that was loaded from last.
    pub(crate) near_read: Near,
    /// The one that was stored to last.
    pub(crate) near_write: Near,
    /// What they look up.
    pub(crate) check_address: u64,
    /// How many bytes, if it is in a window; not set by baseline code.
    pub(crate) check_len: u64,
    /// What they say: 0 if the access is allowed.
    pub(crate) check_denied: u64,
    /// What libcalls need.
    pub(crate) session: *mut (),
    /// The libcalls, for sessions of that type.
    pub(crate) libcalls: *const Libcalls,
    /// What made the code.
    pub(crate) compiler: *const Compiler,
    /// The hart's fuel at which the run ends: the floor unless a pause is wanted.
    pub(crate) last: u64,
    /// Instructions the run might retire beyond that if it had more fuel.
    pub(crate) beyond: u64,
    /// A place to store what must be computed but is not needed.
    pub(crate) scratch: u64,
    /// The version of code memory that generated code relies on.
    pub(crate) code_version: u64,
    /// The version of the map that the ranges were measured with; 0 is none.
    pub(crate) measured: u64,
    /// The door it is prepared for; 0 is none.
    pub(crate) prepared: u64,
    /// What baseline code works with.
    pub(crate) baseline: Tier,
    /// What Cranelift's code works with.
    pub(crate) cranelift: Tier,
    /// The host stack pointer with which Cranelift's code was entered last.
    pub(crate) entered: u64,
    /// Instructions that Cranelift's code has retired, modulo 2^64; while it runs, plus the fuel it began with.
    pub(crate) promoted: u64,
    /// How often Cranelift's code was entered in the place of baseline code.
    pub(crate) entries: u64,
    /// Where it was last.
    pub(crate) last_entry: u64,
    /// Fuel at which a loop of baseline code looks ahead again.
    pub(crate) trips_end: i64,
    /// Where the stack begins by the layout of the code that ranges were measured for.
    pub(crate) measured_stack: u64,
    /// Other threads store to the floor, also while there is a `&mut` of all this: that does not say it is the only way there.
    pub(crate) pinned: PhantomPinned,
}

/// What the code of one tier works with. All zero as long as there is none.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Tier {
    /// Code by pc: entry `(pc - text) / 2` is its distance from `base`.
    pub(crate) table: *const AtomicU64,
    /// The function that runs where there is no code.
    pub(crate) base: *const u8,
    /// How code of another tier calls a function: `extern "C" fn(vm, pc, function) -> next pc`.
    pub(crate) call: *const u8,
    /// Functions that look up permissions.
    pub(crate) check: [*const u8; CHECKS],
    /// Takes floating-point registers from their homes, for code that has them elsewhere.
    pub(crate) floats: *const u8,
}

impl Tier {
    /// There is no code.
    pub(crate) const NONE: Tier = Tier {
        table: std::ptr::null(),
        base: std::ptr::null(),
        call: std::ptr::null(),
        check: [std::ptr::null(); CHECKS],
        floats: std::ptr::null(),
    };
}

const _: () = assert!(size_of::<Context>() <= EXECUTOR_PAGE_SIZE);
const _: () = assert!(offset_of!(Context, floor) == 0, "the doorbell's place");
const _: () = assert!(offset_of!(Context, hart) == HART_OFFSET, "the hart's place");

/// Distance from the start of the page to what `vm` points to.
pub(crate) const BIAS: i32 = 128;

/// Distance from `vm` to guest address 0.
pub(crate) const GUEST: i32 = GUEST_OFFSET as i32 - BIAS;

/// Offset of a field from `vm`.
macro_rules! field {
    ($($path:tt)+) => {
        (core::mem::offset_of!($crate::context::Context, $($path)+) as i32 - $crate::context::BIAS)
    };
}
pub(crate) use field;

/// Offset of the home of `x[index]`.
pub(crate) const fn x_home(index: usize) -> i32 {
    field!(hart.x) + 8 * index as i32
}

/// Offset of the home of `f[index]`.
pub(crate) const fn f_home(index: usize) -> i32 {
    field!(hart.f) + 8 * index as i32
}
