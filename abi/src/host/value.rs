//! How Rust values travel in registers: the LP64D calling convention. When a guest calls a host function, `a7` is taken by
//! the number; when the embedder calls a function of the guest, it is an argument like others.
//!
//! Integers arrive in `a0` and the following and floats in `fa0` and the following, each kind counted on its own. A narrow
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

/// Fills argument registers in order.
#[derive(Debug)]
pub struct Registers<'a> {
    hart: &'a mut Hart,
    integers: usize,
    floats: usize,
}

impl Registers<'_> {
    #[inline]
    fn integer(&mut self, value: u64) {
        self.hart.x[X::A0.index() + self.integers] = value;
        self.integers += 1;
    }

    #[inline]
    fn float(&mut self, bits: u64) {
        self.hart.f[F::FA0.index() + self.floats] = bits;
        self.floats += 1;
    }
}

/// A type that a host function can take, and that a function of the guest can be called with.
///
/// ```
/// use causality_vm::{Caller, Engine, FIRST_HOST_FUNCTION, Linker, Module, Options};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let engine = Engine::default();
/// let module = Module::from_file(&engine, "../testkit/guests/calls.elf")?;
/// let mut linker = Linker::<()>::new(&engine);
/// // Each type takes its part of a register.
/// linker.function_at(FIRST_HOST_FUNCTION, "narrow", |_: &mut Caller<'_, ()>, value: u8| -> i32 { -i32::from(value) })?;
/// let mut guest = linker.instantiate(&module, Options::new(), ())?;
/// assert_eq!(guest.call::<_, i64>("ask", 0x1_02_u64)?, -2);
/// assert_eq!(guest.call::<_, f32>("half", 5.0_f32)?, 2.5);
/// assert!(!guest.call::<_, bool>("is_even", 5_u64)?);
/// # Ok(())
/// # }
/// ```
pub trait Parameter: Sized {
    /// Takes the value from the next register of its kind.
    fn take(from: &mut Arguments<'_>) -> Self;

    /// Puts the value into the next register of its kind.
    fn give(self, to: &mut Registers<'_>);
}

/// What a function of the guest is called with: nothing, one [`Parameter`], or a tuple of up to eight. They travel as
/// the calling convention LP64D says.
pub trait CallArguments {
    /// Puts the values into registers.
    fn give(self, to: &mut Registers<'_>);
}

/// Puts arguments into the registers of a hart where a function expects them.
#[inline]
pub fn give_arguments(hart: &mut Hart, arguments: impl CallArguments) {
    arguments.give(&mut Registers { hart, integers: 0, floats: 0 });
}

/// What a function of the guest returns: nothing, or any [`Parameter`].
pub trait CallResult: Sized {
    /// Takes the value from `a0` or `fa0`.
    fn take(hart: &Hart) -> Self;
}

impl CallResult for () {
    fn take(_: &Hart) -> Self {}
}

impl<P: Parameter> CallResult for P {
    #[inline]
    fn take(hart: &Hart) -> Self {
        P::take(&mut Arguments::of(hart))
    }
}

impl<P: Parameter> CallArguments for P {
    #[inline]
    fn give(self, to: &mut Registers<'_>) {
        Parameter::give(self, to);
    }
}

macro_rules! call_arguments {
    ($($P:ident)*) => {
        impl<$($P: Parameter),*> CallArguments for ($($P,)*) {
            #[inline]
            #[allow(unused_variables, unused_mut, non_snake_case, reason = "parameters are named by their types, and there may be none")]
            fn give(self, to: &mut Registers<'_>) {
                let ($($P,)*) = self;
                $(Parameter::give($P, to);)*
            }
        }
    };
}
call_arguments!();
call_arguments!(A);
call_arguments!(A B);
call_arguments!(A B C);
call_arguments!(A B C D);
call_arguments!(A B C D E);
call_arguments!(A B C D E G);
call_arguments!(A B C D E G H);
call_arguments!(A B C D E G H I);

/// All registers that arguments and results travel in, for functions whose types are known only when they are called.
///
/// ```
/// use causality_vm::{CallRegisters, Engine, Linker, Module, Options};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let engine = Engine::default();
/// # let module = Module::from_file(&engine, "../testkit/guests/calls.elf")?;
/// # let linker = Linker::<()>::new(&engine);
/// let mut guest = linker.instantiate(&module, Options::new(), ())?;
/// let mut registers = CallRegisters::default();
/// registers.x[..2].copy_from_slice(&[2, 3]);
/// let registers: CallRegisters = guest.call("add", registers)?;
/// assert_eq!(registers.x[0], 5);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallRegisters {
    /// `a0` to `a7`: integers, each extended to 64 bits as the calling convention says.
    pub x: [u64; 8],
    /// `fa0` to `fa7`: bits of floats; a single is in the low half, the high one being all ones.
    pub f: [u64; 8],
}

impl CallArguments for CallRegisters {
    fn give(self, to: &mut Registers<'_>) {
        to.hart.x[X::A0.index()..][..8].copy_from_slice(&self.x);
        to.hart.f[F::FA0.index()..][..8].copy_from_slice(&self.f);
    }
}

impl CallResult for CallRegisters {
    fn take(hart: &Hart) -> Self {
        let mut registers = CallRegisters::default();
        registers.x.copy_from_slice(&hart.x[X::A0.index()..][..8]);
        registers.f.copy_from_slice(&hart.f[F::FA0.index()..][..8]);
        registers
    }
}

/// A type that a host function can return.
///
/// ```
/// use causality_vm::{Caller, FIRST_HOST_FUNCTION, HostFault, Returns};
/// # use causality_vm::{Engine, Linker, Module, Options};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let engine = Engine::default();
/// # let module = Module::from_file(&engine, "../testkit/guests/calls.elf")?;
/// # let mut linker = Linker::new(&engine);
/// /// What guests know by numbers.
/// enum Colour {
///     Red,
///     Green,
/// }
///
/// impl Returns for Colour {
///     fn put<T>(self, caller: &mut Caller<'_, T>) -> Result<(), HostFault> {
///         let number: u64 = match self {
///             Colour::Red => 0xff_0000,
///             Colour::Green => 0xff00,
///         };
///         number.put(caller)
///     }
/// }
///
/// let colour = |_: &mut Caller<'_, ()>, is_ripe: bool| if is_ripe { Colour::Red } else { Colour::Green };
/// linker.function_at(FIRST_HOST_FUNCTION, "colour", colour)?;
/// let mut guest = linker.instantiate(&module, Options::new(), ())?;
/// assert_eq!(guest.call::<_, u64>("ask", true)?, 0xff_0000);
/// # Ok(())
/// # }
/// ```
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
            #[inline]
            fn take(from: &mut Arguments<'_>) -> Self {
                from.integer() as $ty
            }

            #[inline]
            fn give(self, to: &mut Registers<'_>) {
                to.integer(self as $extend as u64);
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

    fn give(self, to: &mut Registers<'_>) {
        to.integer(self.into());
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

    #[inline]
    fn give(self, to: &mut Registers<'_>) {
        to.integer(self.0);
    }
}

impl Returns for Ptr {
    fn put<T>(self, caller: &mut Caller<'_, T>) -> Result<(), HostFault> {
        self.0.put(caller)
    }
}

/// The bits of a double. Any NaN becomes the canonical one, so that no payload of the host's arithmetic shows.
fn double(value: f64) -> u64 {
    if value.is_nan() { 0x7ff8 << 48 } else { value.to_bits() }
}

/// The NaN-boxed bits of a single, canonical as those of a double.
fn single(value: f32) -> u64 {
    BOXED | u64::from(if value.is_nan() { NAN32 } else { value.to_bits() })
}

impl Parameter for f64 {
    fn take(from: &mut Arguments<'_>) -> Self {
        f64::from_bits(from.float())
    }

    fn give(self, to: &mut Registers<'_>) {
        to.float(double(self));
    }
}

impl Returns for f64 {
    fn put<T>(self, caller: &mut Caller<'_, T>) -> Result<(), HostFault> {
        caller.set_f(F::FA0, double(self));
        Ok(())
    }
}

/// A register that is not NaN-boxed holds the canonical NaN, as the manual says (section 21.2).
impl Parameter for f32 {
    fn take(from: &mut Arguments<'_>) -> Self {
        let bits = from.float();
        f32::from_bits(if bits & BOXED == BOXED { bits as u32 } else { NAN32 })
    }

    fn give(self, to: &mut Registers<'_>) {
        to.float(single(self));
    }
}

impl Returns for f32 {
    fn put<T>(self, caller: &mut Caller<'_, T>) -> Result<(), HostFault> {
        caller.set_f(F::FA0, single(self));
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
