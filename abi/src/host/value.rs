//! How Rust values travel in registers: the LP64D calling convention, with `a7` taken by the number.
//!
//! Integers arrive in `a0` to `a6` and floats in `fa0` to `fa6`, each kind counted on its own. A narrow
//! integer is its register's low bits, whatever the rest. A narrow result is extended as the psABI
//! says: 32-bit ones by sign, even unsigned ones; 8- and 16-bit ones by their own kind.

use causality_machine::Hart;
use causality_machine::isa::reg::{F, X};

use super::{Caller, HostFault};

const NAN32: u32 = 0x7fc0_0000;
const BOXED: u64 = 0xffff_ffff_0000_0000;

/// Hands out argument registers in order.
#[derive(Debug)]
pub struct Arguments<'a> {
    hart: &'a Hart,
    integers: usize,
    floats: usize,
}

impl<'a> Arguments<'a> {
    pub(super) fn of(hart: &'a Hart) -> Self {
        Arguments { hart, integers: 0, floats: 0 }
    }

    fn integer(&mut self) -> u64 {
        self.integers += 1;
        self.hart.x[X::A0.index() + self.integers - 1]
    }

    fn float(&mut self) -> u64 {
        self.floats += 1;
        self.hart.f[F::FA0.index() + self.floats - 1]
    }
}

/// A type that a host function can take.
pub trait Parameter: Sized {
    /// Takes the value from the next register of its kind.
    fn take(from: &mut Arguments<'_>) -> Self;
}

/// A type that a host function can return.
pub trait Returns {
    /// Puts the value into `a0` or `fa0`.
    ///
    /// # Errors
    /// The fault, if that is what was returned.
    fn put<T>(self, caller: &mut Caller<'_, T>) -> Result<(), HostFault>;
}

/// An address in guest memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Ptr(pub u64);

impl Ptr {
    /// Whether this is the null pointer.
    #[must_use]
    pub const fn is_null(self) -> bool {
        self.0 == 0
    }
}

macro_rules! integers {
    ($($ty:ty => $extend:ty),*) => {$(
        impl Parameter for $ty {
            fn take(from: &mut Arguments<'_>) -> Self {
                from.integer() as $ty
            }
        }

        impl Returns for $ty {
            fn put<T>(self, caller: &mut Caller<'_, T>) -> Result<(), HostFault> {
                caller.set_x(X::A0, self as $extend as u64);
                Ok(())
            }
        }
    )*};
}
integers!(u64 => u64, i64 => i64, u32 => i32, i32 => i32, u16 => u16, i16 => i16, u8 => u8, i8 => i8);

impl Parameter for bool {
    fn take(from: &mut Arguments<'_>) -> Self {
        from.integer() as u8 != 0
    }
}

impl Returns for bool {
    fn put<T>(self, caller: &mut Caller<'_, T>) -> Result<(), HostFault> {
        u8::from(self).put(caller)
    }
}

impl Parameter for Ptr {
    fn take(from: &mut Arguments<'_>) -> Self {
        Ptr(from.integer())
    }
}

impl Returns for Ptr {
    fn put<T>(self, caller: &mut Caller<'_, T>) -> Result<(), HostFault> {
        self.0.put(caller)
    }
}

impl Parameter for f64 {
    fn take(from: &mut Arguments<'_>) -> Self {
        f64::from_bits(from.float())
    }
}

/// Any NaN becomes the canonical one, so that no payload of the host's arithmetic shows.
impl Returns for f64 {
    fn put<T>(self, caller: &mut Caller<'_, T>) -> Result<(), HostFault> {
        caller.set_f(F::FA0, if self.is_nan() { 0x7ff8 << 48 } else { self.to_bits() });
        Ok(())
    }
}

/// A register that is not NaN-boxed holds the canonical NaN, as the manual says (section 21.2).
impl Parameter for f32 {
    fn take(from: &mut Arguments<'_>) -> Self {
        let bits = from.float();
        f32::from_bits(if bits & BOXED == BOXED { bits as u32 } else { NAN32 })
    }
}

/// Any NaN becomes the canonical one, so that no payload of the host's arithmetic shows.
impl Returns for f32 {
    fn put<T>(self, caller: &mut Caller<'_, T>) -> Result<(), HostFault> {
        let bits = if self.is_nan() { NAN32 } else { self.to_bits() };
        caller.set_f(F::FA0, BOXED | u64::from(bits));
        Ok(())
    }
}

/// `a0` keeps what it held.
impl Returns for () {
    fn put<T>(self, _: &mut Caller<'_, T>) -> Result<(), HostFault> {
        Ok(())
    }
}

impl<R: Returns> Returns for Result<R, HostFault> {
    fn put<T>(self, caller: &mut Caller<'_, T>) -> Result<(), HostFault> {
        self?.put(caller)
    }
}
