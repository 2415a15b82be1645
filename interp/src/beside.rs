//! What the interpreter asks another executor that runs the same machine by turns.

use causality_machine::Machine;

/// Another executor, which can go on at some pcs, its *entries*.
pub trait Beside {
    /// A number that changes whenever the entries do, and that no other set of entries has. 0 if there never are any.
    fn version(&self) -> u64;

    /// Whether `pc` is an entry. Traces end before it.
    fn is_entry(&self, pc: u64) -> bool;

    /// Control came to `pc`, by a jump (`is_target`) or because a trace has no more instructions. Returns whether
    /// [`takes_over`](Beside::takes_over) is to be asked at once; otherwise that happens at the next entry, or when
    /// an instruction needs more than its handler.
    fn arrives(&mut self, pc: u64, is_target: bool) -> bool;

    /// Whether the other executor goes on at `hart.pc`.
    fn takes_over(&mut self, machine: &Machine) -> bool;
}

/// Nobody is there.
pub(crate) struct Alone;

impl Beside for Alone {
    #[inline(always)]
    fn version(&self) -> u64 {
        0
    }

    #[inline(always)]
    fn is_entry(&self, _: u64) -> bool {
        false
    }

    #[inline(always)]
    fn arrives(&mut self, _: u64, _: bool) -> bool {
        false
    }

    #[inline(always)]
    fn takes_over(&mut self, _: &Machine) -> bool {
        false
    }
}
