//! Operand formats: what an instruction is applied to.
//!
//! One plain struct per combination of operands; the name of a format stands in the table row. Fields are
//! named as in the manual, immediates are sign-extended and in bytes, and register operands say which file
//! they index. Each field carries the manual's bit positions, from which `decode` and `encode` are derived,
//! and each format the operand syntax of the assembler.
//!
//! The structs are packed to two bytes so that an [`Inst`](crate::Inst) is eight bytes with its opcode. Take
//! a field out by value (`let format::I { rd, rs1, imm } = ops;` or `{ ops.imm }`); a reference to `imm` does
//! not compile.

use crate::pattern::Bits;
use crate::reg::{F, X};
use core::fmt;

/// A rounding mode, the `rm` field.
///
/// Encodings 5 and 6 are reserved (F chapter, "Floating-Point Control and Status Register"); no instruction
/// decodes with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Rm {
    /// To nearest, ties to even.
    Rne = 0,
    /// Towards zero.
    Rtz = 1,
    /// Down, towards minus infinity.
    Rdn = 2,
    /// Up, towards plus infinity.
    Rup = 3,
    /// To nearest, ties to the larger magnitude.
    Rmm = 4,
    /// The mode in `frm`.
    Dyn = 7,
}

impl Rm {
    /// The mode with this three-bit encoding, unless it is reserved.
    pub const fn from_bits(bits: u32) -> Option<Self> {
        Some(match bits {
            0 => Self::Rne,
            1 => Self::Rtz,
            2 => Self::Rdn,
            3 => Self::Rup,
            4 => Self::Rmm,
            7 => Self::Dyn,
            _ => return None,
        })
    }

    /// The name in assembly.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rne => "rne",
            Self::Rtz => "rtz",
            Self::Rdn => "rdn",
            Self::Rup => "rup",
            Self::Rmm => "rmm",
            Self::Dyn => "dyn",
        }
    }
}

impl fmt::Display for Rm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The value of one operand, for code that treats all formats alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operand {
    /// An integer register.
    X(X),
    /// A floating-point register.
    F(F),
    /// A rounding mode.
    Rm(Rm),
    /// Any other field: an immediate, a CSR number, a set of fence bits, a flag.
    Int(i32),
}

/// How the raw bits of a field become its value and back.
pub(crate) trait Field {
    /// The type of the struct field.
    type Value: Copy;
    /// `None` if the bits are a reserved encoding; `width` is the number of operand bits.
    fn unpack(bits: u32, width: u32) -> Option<Self::Value>;
    /// The raw bits; those above the width of the field are dropped later.
    fn pack(value: Self::Value) -> u32;
    /// For generic code.
    fn operand(value: Self::Value) -> Operand;
}

macro_rules! fields {
    ($($Kind:ty => $Value:ty: |$bits:ident, $width:pat_param| $unpack:expr,
        |$value:ident| $pack:expr, $operand:expr;)+) => {
        $(impl Field for $Kind {
            type Value = $Value;
            #[inline(always)]
            fn unpack($bits: u32, $width: u32) -> Option<$Value> {
                $unpack
            }
            #[inline(always)]
            fn pack($value: $Value) -> u32 {
                $pack
            }
            fn operand($value: $Value) -> Operand {
                $operand
            }
        })+
    };
}

/// One of `x8` to `x15`, in three bits.
pub(crate) struct Popular;
/// One of `f8` to `f15`, in three bits.
pub(crate) struct PopularF;
/// An immediate whose top bit is the sign.
pub(crate) struct Signed;
/// An immediate that is never negative.
pub(crate) struct Unsigned;

fields! {
    X => X: |bits, _| Some(X::from_bits(bits)), |value| value.index() as u32, Operand::X(value);
    F => F: |bits, _| Some(F::from_bits(bits)), |value| value.index() as u32, Operand::F(value);
    Rm => Rm: |bits, _| Rm::from_bits(bits), |value| value as u32, Operand::Rm(value);
    u8 => u8: |bits, _| Some(bits as u8), |value| value as u32, Operand::Int(value as i32);
    u16 => u16: |bits, _| Some(bits as u16), |value| value as u32, Operand::Int(value as i32);
    bool => bool: |bits, _| Some(bits != 0), |value| value as u32, Operand::Int(value as i32);
    Signed => i32: |bits, width| Some((bits << (32 - width)) as i32 >> (32 - width)), |value| value as u32,
        Operand::Int(value);
    Unsigned => i32: |bits, _| Some(bits as i32), |value| value as u32, Operand::Int(value);
    Popular => X: |bits, _| Some(X::from_bits(bits | 8)), |value| value.index() as u32, Operand::X(value);
    PopularF => F: |bits, _| Some(F::from_bits(bits | 8)), |value| value.index() as u32, Operand::F(value);
}

/// Defines operand formats: `Name("assembly syntax") { field: Type "bits", … }`, where `Type as Kind` stands for a
/// type that has several encodings.
macro_rules! formats {
    ($($(#[doc = $doc:literal])+
        $Format:ident($syntax:literal) {
            $($(#[doc = $fdoc:literal])+ $field:ident: $Type:ident $(as $Kind:ident)? $bits:literal),* $(,)?
        })+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(Rust, packed(2))]
        pub struct $Format {
            $($(#[doc = $fdoc])+ pub $field: $Type,)*
        }

        impl $Format {
            /// The operands in the syntax of the assembler.
            pub const SYNTAX: &'static str = $syntax;

            /// The word bits that belong to an operand; two fields never share one.
            pub(crate) const MASK: u32 = {
                let mask = 0;
                $(let bits = Bits::parse($bits).mask();
                assert!(mask & bits == 0, "two operands share a bit");
                let mask = mask | bits;)*
                mask
            };

            /// Takes the operands out of an instruction word; `None` if one has a reserved value.
            #[inline]
            pub fn decode(word: u32) -> Option<Self> {
                let _ = word;
                Some(Self {$(
                    $field: {
                        const BITS: Bits = Bits::parse($bits);
                        const WIDTH: u32 = BITS.width();
                        <kind!($Type $($Kind)?) as Field>::unpack(BITS.gather(word), WIDTH)?
                    },
                )*})
            }

            /// The operands in their places, all other bits zero; what does not fit is dropped.
            #[inline]
            pub fn encode(self) -> u32 {
                let word = 0;
                $(let word = word | {
                    const BITS: Bits = Bits::parse($bits);
                    BITS.scatter(<kind!($Type $($Kind)?) as Field>::pack(self.$field))
                };)*
                word
            }

            /// The operand called `name` in the manual.
            pub fn operand(self, name: &str) -> Option<Operand> {
                match name {
                    $(stringify!($field) => {
                        Some(<kind!($Type $($Kind)?) as Field>::operand(self.$field))
                    })*
                    _ => None,
                }
            }
        }
    )+};
}

/// The field kind: the one named, or the type itself.
macro_rules! kind {
    ($Type:ident) => {
        $Type
    };
    ($Type:ident $Kind:ident) => {
        crate::format::$Kind
    };
}

pub(crate) use {formats, kind};

formats! {
    /// No operands.
    Bare("") {}

    /// Two integer registers to one.
    R("rd, rs1, rs2") {
        /// Destination.
        rd: X "11:7",
        /// First source.
        rs1: X "19:15",
        /// Second source.
        rs2: X "24:20",
    }

    /// One integer register to one.
    Unary("rd, rs1") {
        /// Destination.
        rd: X "11:7",
        /// Source.
        rs1: X "19:15",
    }

    /// One integer register, which says which resource register.
    Slot("rs1") {
        /// The slot.
        rs1: X "19:15",
    }

    /// Three integer registers, the last of which goes to a resource register.
    Write("rs1, rs2, rs3") {
        /// The slot.
        rs1: X "19:15",
        /// Byte offset.
        rs2: X "24:20",
        /// The value.
        rs3: X "31:27",
    }

    /// Integer register and 12-bit immediate to integer register.
    I("rd, rs1, imm") {
        /// Destination.
        rd: X "11:7",
        /// Source.
        rs1: X "19:15",
        /// Immediate, -2048 to 2047.
        imm: i32 as Signed "31:20",
    }

    /// Integer register and shift amount to integer register.
    Shift("rd, rs1, shamt") {
        /// Destination.
        rd: X "11:7",
        /// Source.
        rs1: X "19:15",
        /// Shift amount, 0 to 63 (0 to 31 for instructions on words).
        shamt: u8 "25:20",
    }

    /// Upper immediate to integer register.
    U("rd, imm20") {
        /// Destination.
        rd: X "11:7",
        /// The full value: the lower 12 bits are zero.
        imm: i32 as Signed "31:12=31:12",
    }

    /// Direct jump.
    J("rd, offset") {
        /// Where the return address goes.
        rd: X "11:7",
        /// Byte offset from this instruction, even, within 1 MiB.
        imm: i32 as Signed "31:12=20|10:1|11|19:12",
    }

    /// Indirect jump.
    Jalr("rd, imm(rs1)") {
        /// Where the return address goes.
        rd: X "11:7",
        /// Base address.
        rs1: X "19:15",
        /// Byte offset from the base, -2048 to 2047.
        imm: i32 as Signed "31:20",
    }

    /// Conditional branch.
    B("rs1, rs2, offset") {
        /// First source.
        rs1: X "19:15",
        /// Second source.
        rs2: X "24:20",
        /// Byte offset from this instruction, even, within 4 KiB.
        imm: i32 as Signed "31:25=12|10:5 11:7=4:1|11",
    }

    /// Load to an integer register.
    Load("rd, imm(rs1)") {
        /// Destination.
        rd: X "11:7",
        /// Base address.
        rs1: X "19:15",
        /// Byte offset from the base, -2048 to 2047.
        imm: i32 as Signed "31:20",
    }

    /// Store from an integer register.
    S("rs2, imm(rs1)") {
        /// Base address.
        rs1: X "19:15",
        /// The value.
        rs2: X "24:20",
        /// Byte offset from the base, -2048 to 2047.
        imm: i32 as Signed "31:25=11:5 11:7=4:0",
    }

    /// Memory ordering.
    Fence("pred, succ") {
        /// Reserved; ignored.
        rd: X "11:7",
        /// Reserved; ignored.
        rs1: X "19:15",
        /// Fence mode; 0 is a normal fence, and reserved modes are treated as such.
        fm: u8 "31:28",
        /// Predecessor set, bits `i o r w` from the top.
        pred: u8 "27:24",
        /// Successor set, bits `i o r w` from the top.
        succ: u8 "23:20",
    }

    /// Instruction-fetch ordering: all operands are reserved and ignored, and kept to encode the same word
    /// again.
    FenceI("") {
        /// Reserved; ignored.
        rd: X "11:7",
        /// Reserved; ignored.
        rs1: X "19:15",
        /// Reserved; ignored.
        imm: i32 as Signed "31:20",
    }

    /// CSR access with a register.
    Csr("rd, csr, rs1") {
        /// Where the old value goes.
        rd: X "11:7",
        /// Source.
        rs1: X "19:15",
        /// CSR number, 0 to 4095.
        csr: u16 "31:20",
    }

    /// CSR access with an immediate.
    CsrImm("rd, csr, uimm") {
        /// Where the old value goes.
        rd: X "11:7",
        /// Immediate, 0 to 31.
        uimm: u8 "19:15",
        /// CSR number, 0 to 4095.
        csr: u16 "31:20",
    }

    /// Load-reserved.
    Lr("rd, (rs1)") {
        /// Destination.
        rd: X "11:7",
        /// Address.
        rs1: X "19:15",
        /// Acquire.
        aq: bool "26",
        /// Release.
        rl: bool "25",
    }

    /// Atomic memory operation or store-conditional.
    Amo("rd, rs2, (rs1)") {
        /// Destination.
        rd: X "11:7",
        /// Address.
        rs1: X "19:15",
        /// Source.
        rs2: X "24:20",
        /// Acquire.
        aq: bool "26",
        /// Release.
        rl: bool "25",
    }

    /// Cache-block operation.
    Cbo("(rs1)") {
        /// Address, anywhere in the block.
        rs1: X "19:15",
    }

    /// Cache-block prefetch.
    Prefetch("imm(rs1)") {
        /// Base address.
        rs1: X "19:15",
        /// Byte offset from the base, a multiple of 32, -2048 to 2016.
        imm: i32 as Signed "31:25=11:5",
    }

    /// Load to a floating-point register.
    FLoad("rd, imm(rs1)") {
        /// Destination.
        rd: F "11:7",
        /// Base address.
        rs1: X "19:15",
        /// Byte offset from the base, -2048 to 2047.
        imm: i32 as Signed "31:20",
    }

    /// Store from a floating-point register.
    FStore("rs2, imm(rs1)") {
        /// Base address.
        rs1: X "19:15",
        /// The value.
        rs2: F "24:20",
        /// Byte offset from the base, -2048 to 2047.
        imm: i32 as Signed "31:25=11:5 11:7=4:0",
    }

    /// Two floating-point registers to one, rounding.
    FR("rd, rs1, rs2, rm") {
        /// Destination.
        rd: F "11:7",
        /// First source.
        rs1: F "19:15",
        /// Second source.
        rs2: F "24:20",
        /// Rounding mode.
        rm: Rm "14:12",
    }

    /// Three floating-point registers to one, rounding.
    FR4("rd, rs1, rs2, rs3, rm") {
        /// Destination.
        rd: F "11:7",
        /// First factor.
        rs1: F "19:15",
        /// Second factor.
        rs2: F "24:20",
        /// Addend.
        rs3: F "31:27",
        /// Rounding mode.
        rm: Rm "14:12",
    }

    /// One floating-point register to one, rounding.
    FUnary("rd, rs1, rm") {
        /// Destination.
        rd: F "11:7",
        /// Source.
        rs1: F "19:15",
        /// Rounding mode.
        rm: Rm "14:12",
    }

    /// Two floating-point registers to one, no rounding.
    FBinary("rd, rs1, rs2") {
        /// Destination.
        rd: F "11:7",
        /// First source.
        rs1: F "19:15",
        /// Second source.
        rs2: F "24:20",
    }

    /// Comparison of two floating-point registers.
    FCompare("rd, rs1, rs2") {
        /// Destination: 0 or 1.
        rd: X "11:7",
        /// First source.
        rs1: F "19:15",
        /// Second source.
        rs2: F "24:20",
    }

    /// Floating-point to integer, rounding.
    FToX("rd, rs1, rm") {
        /// Destination.
        rd: X "11:7",
        /// Source.
        rs1: F "19:15",
        /// Rounding mode.
        rm: Rm "14:12",
    }

    /// Integer to floating-point, rounding.
    XToF("rd, rs1, rm") {
        /// Destination.
        rd: F "11:7",
        /// Source.
        rs1: X "19:15",
        /// Rounding mode.
        rm: Rm "14:12",
    }

    /// Floating-point to integer, always truncating.
    FToXRtz("rd, rs1, rtz") {
        /// Destination.
        rd: X "11:7",
        /// Source.
        rs1: F "19:15",
    }

    /// Floating-point to integer register, no rounding mode.
    FMoveToX("rd, rs1") {
        /// Destination.
        rd: X "11:7",
        /// Source.
        rs1: F "19:15",
    }

    /// Integer to floating-point register, no rounding mode.
    XMoveToF("rd, rs1") {
        /// Destination.
        rd: F "11:7",
        /// Source.
        rs1: X "19:15",
    }

    /// Floating-point constant.
    Fli("rd, constant") {
        /// Destination.
        rd: F "11:7",
        /// Number of the constant, 0 to 31.
        imm: u8 "19:15",
    }
}
