//! A machine and a host for wild programs ([`Shape::wild`](crate::Shape::wild)): memory with edges of all kinds, and
//! calls that change what they like.

use causality_machine::memory::{Loaded, MapError, Perms, SegmentKind};
use causality_machine::registers::{Lifecycle, Rights};
use causality_machine::{Cause, Flow, Hart, Host, HostError, Machine, Memory, Tracked};

use crate::Program;
use crate::program::{CODE, DATA, DATA_END, WINDOW};

/// Constants, right below the data.
const RODATA: u64 = DATA - 0x1000;
/// Writable, followed by what is only readable, a hole, and the page that calls move.
const HEAP: u64 = 0x40_0000;
const HEAP_END: u64 = HEAP + 0x4000;
const HEAP_RODATA_END: u64 = HEAP_END + 0x1000;
/// The page that calls map, unmap and protect.
pub const MOVING: u64 = HEAP_RODATA_END + 0x1000;
const MOVING_END: u64 = MOVING + 0x1000;
/// The stack and its guard.
const STACK_GUARD: u64 = STACK - 0x1000;
const STACK: u64 = 0x7f_0000;
/// Where `sp` starts.
pub const STACK_TOP: u64 = 0x80_0000;

/// Where what may be accessed begins or ends, and where addresses do. Up to most of the first twelve, all is well.
pub const EDGES: &[u64] = &[
    DATA_END,
    HEAP_END,
    MOVING_END,
    STACK_TOP,
    HEAP + 0x1000,
    STACK + 0x8000,
    DATA + 0x1000,
    WINDOW,
    HEAP_RODATA_END,
    CODE + 0x1000,
    DATA,
    HEAP,
    0,
    RODATA,
    CODE,
    MOVING,
    STACK_GUARD,
    STACK,
    super::ADDRESS_SPACE,
    super::WINDOWS + super::SLOT_BYTES,
    super::WINDOWS + super::SLOTS as u64 * super::SLOT_BYTES,
    1 << 31,
    1 << 32,
    1 << 47,
    1 << 63,
];

/// A machine about to start `program`, with memory that has edges.
///
/// # Panics
/// If the host has no memory.
#[must_use]
pub fn machine(program: &Program) -> Machine {
    let mut machine = super::machine(program);
    let mut map = |range, perms, kind, name| machine.memory.map(range, perms, kind, name).expect("room");
    map(RODATA..DATA, Perms::R, SegmentKind::Rodata, "rodata");
    map(HEAP..HEAP_END, Perms::RW, SegmentKind::Heap, "heap");
    map(HEAP_END..HEAP_RODATA_END, Perms::R, SegmentKind::Rodata, "more rodata");
    map(MOVING..MOVING_END, Perms::RW, SegmentKind::Heap, "moving");
    map(STACK_GUARD..STACK, Perms::NONE, SegmentKind::Guard, Memory::STACK_GUARD);
    map(STACK..STACK_TOP, Perms::RW, SegmentKind::Stack, "stack");
    machine
}

/// A host whose calls change registers, memory, fuel and what is mapped, always in the same way.
///
/// The `ecall` behind a program ends it.
#[derive(Clone, Debug)]
pub struct Meddler {
    end: u64,
    calls: u64,
}

impl Meddler {
    /// The host of one run of `program`.
    #[must_use]
    pub fn of(program: &Program) -> Self {
        Meddler { end: CODE + program.code.len().next_multiple_of(4) as u64, calls: 0 }
    }

    /// How many calls were answered.
    #[must_use]
    pub const fn calls(&self) -> u64 {
        self.calls
    }
}

/// The first call about resource registers; the slot is in `a0`.
pub const LOCK: u64 = 16;
/// The last one.
pub const LOAD: u64 = 23;

/// A call about the resource register in slot `a0`; what cannot be done traps.
fn register_call(hart: &mut Hart, memory: &mut Memory) -> Result<(), causality_machine::Fault> {
    let (slot, now) = (hart.x[10], hart.instret());
    match hart.x[17] {
        LOCK => memory.lock_register(slot, now + 20),
        17 => memory.unlock_register(slot),
        18 => memory.freeze_register(slot),
        19 => memory.unfreeze_register(slot),
        20 => memory.take_register(slot).map(|_| ()),
        21 => {
            let number = u32::try_from(slot).unwrap_or(u32::MAX);
            memory.revoke_register(number, Rights::CONSUME);
            Ok(())
        }
        22 => {
            let number = u32::try_from(slot).unwrap_or(u32::MAX);
            memory.revoke_register(number, Rights::READ);
            Ok(())
        }
        _ => {
            let states = [Lifecycle::Active, Lifecycle::Locked, Lifecycle::Frozen, Lifecycle::Pending];
            let bytes: Vec<u8> = (0..40 + now as u8 % 32).collect();
            let loaded = Loaded {
                bytes: &bytes,
                rights: if now % 3 == 0 { Rights::ALL.without(Rights::UPDATE) } else { Rights::ALL },
                state: states[if now % 5 == 0 { now as usize / 5 % 4 } else { 0 }],
                until: now + 10,
                section: "loaded",
            };
            memory.load_register(slot, loaded).map(|_| ())
        }
    }
}

/// What is mapped already, or no longer, stays as it is.
fn ignore(_: Result<(), MapError>) {}

impl Host for Meddler {
    fn ecall(&mut self, hart: &mut Hart, memory: &mut Tracked<Memory>) -> Result<Flow, HostError> {
        if hart.pc == self.end {
            return Ok(Flow::Exit(hart.x[10] as i32));
        }
        self.calls += 1;
        let moving = MOVING..MOVING_END;
        match hart.x[17] {
            0 => hart.x[10] = self.calls,
            1 => memory.slice_mut(WINDOW + 8, 8)?.copy_from_slice(&self.calls.to_le_bytes()),
            2 => hart.f.swap(10, 11),
            3 => hart.fcsr = hart.fcsr & !0xe0 | (self.calls as u32 % 5) << 5,
            4 => hart.fuel = hart.fuel.saturating_sub(17),
            5 => hart.add_fuel(5),
            8 => ignore(memory.unmap(moving)),
            9 => ignore(memory.map(moving, Perms::RW, SegmentKind::Heap, "moving")),
            10 => ignore(memory.protect(moving, Perms::R)),
            11 => ignore(memory.protect(moving, Perms::NONE)),
            LOCK..=LOAD => {
                if let Err(fault) = register_call(hart, memory) {
                    return Ok(Flow::Trap(fault.cause, fault.tval));
                }
            }
            93 => return Ok(Flow::Trap(Cause::EnvironmentCall, 7)),
            _ => {}
        }
        Ok(Flow::Continue)
    }
}
