//! The architectural state of the one hart of a machine.

/// What the guest's instructions can see and change besides memory.
///
/// `repr(C)`, because generated code addresses the fields. The layout is part of the contract
/// between `machine` and `jit`. Fuel, which generated code stores whenever control leaves it, has no neighbour that is
/// read with it: compilers make that one wide load, which would wait for the store.
///
/// ```
/// use causality_machine::Hart;
///
/// let mut hart = Hart::new(0x10000);
/// hart.add_fuel(100);
/// hart.fuel -= 30;
/// assert_eq!(hart.instret(), 30);
/// assert_eq!(hart.take_fuel(), 70);
/// assert_eq!((hart.instret(), hart.fuel), (30, 0));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Hart {
    /// Integer registers; `x[0]` is always zero.
    pub x: [u64; 32],
    /// Floating-point registers as raw bits; narrower values are NaN-boxed.
    pub f: [u64; 32],
    /// Address of the next instruction.
    pub pc: u64,
    /// All fuel ever granted; `granted - fuel` instructions have retired.
    pub granted: u64,
    /// The reservation that `lr` made.
    pub reservation: Reservation,
    /// Instructions that can still be paid. See [`Hart::add_fuel`].
    pub fuel: u64,
    /// Floating-point control and status: `fflags` in bits 4:0, `frm` in bits 7:5.
    pub fcsr: u32,
}

/// The reservation set of `lr`: the naturally aligned word it read.
///
/// On this machine's single hart a reservation is lost only by an `sc`, whether it succeeds or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(C)]
pub struct Reservation {
    /// Address of the reserved word.
    pub addr: u64,
    /// Its size in bytes, 4 or 8; 0 when there is no reservation.
    pub size: u64,
}

impl Hart {
    /// The most fuel a hart can ever be granted, so that generated code may count in signed words.
    pub const MAX_FUEL: u64 = i64::MAX as u64;

    /// A hart at `pc` with all registers zero and no fuel.
    #[must_use]
    pub const fn new(pc: u64) -> Self {
        Hart {
            x: [0; 32],
            f: [0; 32],
            pc,
            granted: 0,
            reservation: Reservation { addr: 0, size: 0 },
            fuel: 0,
            fcsr: 0,
        }
    }

    /// Grants `amount` more instructions, as far as [`Hart::MAX_FUEL`] in total allows.
    pub fn add_fuel(&mut self, amount: u64) {
        let amount = amount.min(Self::MAX_FUEL - self.granted);
        self.fuel += amount;
        self.granted += amount;
    }

    /// Takes back all fuel that was not used, and returns how much that was.
    pub fn take_fuel(&mut self) -> u64 {
        self.granted -= self.fuel;
        core::mem::take(&mut self.fuel)
    }

    /// Instructions retired so far: what `instret` and `cycle` read.
    #[inline]
    #[must_use]
    pub const fn instret(&self) -> u64 {
        self.granted - self.fuel
    }

    /// Guest time in nanoseconds: what `time` reads. One retired instruction is one nanosecond.
    #[inline]
    #[must_use]
    pub const fn time(&self) -> u64 {
        self.instret()
    }
}

impl Default for Hart {
    fn default() -> Self {
        Hart::new(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fuel_given_and_taken_back_leaves_instret_alone() {
        let mut hart = Hart::new(0);
        hart.add_fuel(100);
        hart.fuel -= 30;
        assert_eq!(hart.instret(), 30);
        assert_eq!(hart.take_fuel(), 70);
        assert_eq!((hart.instret(), hart.fuel), (30, 0));
        hart.add_fuel(5);
        assert_eq!((hart.instret(), hart.fuel), (30, 5));
    }

    #[test]
    fn fuel_never_exceeds_what_signed_code_can_count() {
        let mut hart = Hart::new(0);
        hart.add_fuel(u64::MAX);
        hart.add_fuel(1);
        assert_eq!(hart.fuel, Hart::MAX_FUEL);
    }
}
