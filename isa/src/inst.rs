//! [`Inst`]: one decoded 32-bit instruction, or the expansion of a compressed one.

use crate::{Opcode, for_each_inst, format};

macro_rules! define_inst {
    ($($(#[doc = $edoc:literal])+ extension $Ext:ident: $Visit:ident {
        $($(#[doc = $doc:literal])+ $snake:ident = $Name:ident($Fmt:ident) $diagram:literal;)*
    })*) => {
        /// A decoded instruction: its opcode and operands, in eight bytes.
        ///
        /// Every value can be built and [encoded](Inst::encode); [`Inst::is_encodable`] says whether decoding
        /// gives the same value back.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(align(8))]
        pub enum Inst {
            $($($(#[doc = $doc])+ $Name(format::$Fmt),)*)*
        }

        impl Inst {
            /// The name of the instruction.
            #[inline]
            pub const fn opcode(self) -> Opcode {
                match self {
                    $($(Self::$Name(_) => Opcode::$Name,)*)*
                }
            }

            /// The operand called `name` in the manual (`"rd"`, `"rs1"`, `"imm"`…), if this instruction has
            /// it.
            pub fn operand(self, name: &str) -> Option<format::Operand> {
                match self {
                    $($(Self::$Name(ops) => ops.operand(name),)*)*
                }
            }

            /// Takes the operands of `opcode` out of `word`; `None` if one has a reserved value.
            #[inline]
            pub(crate) fn with_operands(opcode: Opcode, word: u32) -> Option<Self> {
                match opcode {
                    $($(Opcode::$Name => Some(Self::$Name(format::$Fmt::decode(word)?)),)*)*
                }
            }

            /// The operand bits of the word, as the format places them.
            #[inline]
            pub(crate) fn operand_bits(self) -> u32 {
                match self {
                    $($(Self::$Name(ops) => ops.encode(),)*)*
                }
            }
        }
    };
}

for_each_inst!(define_inst);

const _: () = assert!(size_of::<Inst>() == 8, "the interpreter keeps one machine word per instruction");
