//! Machine register names: [`X`] for the integer file, [`F`] for the floating-point file.
//!
//! Both are numbers that are always below 32. They are separate types so that an operand cannot index the
//! wrong file, and [`X::index`] is written so that indexing a 32-element array needs no bounds check.

use core::fmt;

macro_rules! register_file {
    ($(#[doc = $doc:literal])+ $Reg:ident, $($number:literal $NAME:ident $abi:literal),+ $(,)?) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $Reg(u8);

        impl $Reg {
            $(#[doc = concat!("Register ", $number, ", `", $abi, "` in the calling convention.")]
            pub const $NAME: Self = Self($number);)+

            /// All 32 registers in order.
            pub const ALL: [Self; 32] = [$(Self::$NAME),+];

            /// The register with this number, if it is below 32.
            pub const fn new(number: u8) -> Option<Self> {
                if number < 32 { Some(Self(number)) } else { None }
            }

            /// The register named by the low five bits.
            #[inline]
            pub const fn from_bits(bits: u32) -> Self {
                Self((bits & 31) as u8)
            }

            /// The number, for indexing a 32-element register file without a bounds check.
            #[inline(always)]
            pub const fn index(self) -> usize {
                (self.0 & 31) as usize
            }

            /// The name in the calling convention.
            pub const fn name(self) -> &'static str {
                const NAMES: [&str; 32] = [$($abi),+];
                NAMES[self.index()]
            }
        }

        impl fmt::Display for $Reg {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }

        impl fmt::Debug for $Reg {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }
    };
}

register_file! {
    /// An integer register, `x0` to `x31`.
    X,
    0 ZERO "zero", 1 RA "ra", 2 SP "sp", 3 GP "gp", 4 TP "tp", 5 T0 "t0", 6 T1 "t1", 7 T2 "t2",
    8 S0 "s0", 9 S1 "s1", 10 A0 "a0", 11 A1 "a1", 12 A2 "a2", 13 A3 "a3", 14 A4 "a4", 15 A5 "a5",
    16 A6 "a6", 17 A7 "a7", 18 S2 "s2", 19 S3 "s3", 20 S4 "s4", 21 S5 "s5", 22 S6 "s6", 23 S7 "s7",
    24 S8 "s8", 25 S9 "s9", 26 S10 "s10", 27 S11 "s11", 28 T3 "t3", 29 T4 "t4", 30 T5 "t5", 31 T6 "t6",
}

register_file! {
    /// A floating-point register, `f0` to `f31`.
    F,
    0 FT0 "ft0", 1 FT1 "ft1", 2 FT2 "ft2", 3 FT3 "ft3", 4 FT4 "ft4", 5 FT5 "ft5", 6 FT6 "ft6", 7 FT7 "ft7",
    8 FS0 "fs0", 9 FS1 "fs1", 10 FA0 "fa0", 11 FA1 "fa1", 12 FA2 "fa2", 13 FA3 "fa3", 14 FA4 "fa4", 15 FA5 "fa5",
    16 FA6 "fa6", 17 FA7 "fa7", 18 FS2 "fs2", 19 FS3 "fs3", 20 FS4 "fs4", 21 FS5 "fs5", 22 FS6 "fs6", 23 FS7 "fs7",
    24 FS8 "fs8", 25 FS9 "fs9", 26 FS10 "fs10", 27 FS11 "fs11", 28 FT8 "ft8", 29 FT9 "ft9", 30 FT10 "ft10",
    31 FT11 "ft11",
}

impl X {
    /// Whether this is `x0`, which reads as zero and ignores writes.
    #[inline]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn register_lists_are_in_order() {
        for n in 0..32u8 {
            assert_eq!(X::new(n), Some(X::ALL[n as usize]));
            assert_eq!(F::ALL[n as usize].index(), n as usize);
        }
        assert_eq!(X::new(32), None);
    }
}
