//! Compressed (16-bit) instructions.
//!
//! A row names its operands, its bit diagram, and the 32-bit instruction it stands for; it has no semantics
//! of its own, so executors never see this module. [`CInst`] keeps what the expansion forgets, which lets a
//! word be encoded again exactly, HINTs included. An `if` after the diagram excludes operand values that the
//! manual reserves or gives to another instruction.
//!
//! As with 32-bit rows, two diagrams are disjoint or one specialises the other, and the more specific row
//! wins, whether or not its `if` then accepts the word.

use crate::decode::{Finder, Selector};
use crate::format::{self, *};
use crate::opcode::{Row, mnemonic};
use crate::pattern::{Bits, Pattern, assert_unambiguous};
use crate::reg::{F, X};
use crate::{Extension, Inst};
use core::fmt;

format::formats! {
    /// No operands.
    CBare("") {}

    /// Stack address.
    Ciw("rd, sp, imm") {
        /// Destination, `x8` to `x15`.
        rd: X as Popular "4:2",
        /// Bytes, a multiple of 4.
        imm: i32 as Unsigned "12:5=5:4|9:6|2|3",
    }

    /// Load of a word.
    Clw("rd, imm(rs1)") {
        /// Destination, `x8` to `x15`.
        rd: X as Popular "4:2",
        /// Base address, `x8` to `x15`.
        rs1: X as Popular "9:7",
        /// Byte offset, a multiple of 4.
        imm: i32 as Unsigned "12:10=5:3 6:5=2|6",
    }

    /// Load of a doubleword.
    Cld("rd, imm(rs1)") {
        /// Destination, `x8` to `x15`.
        rd: X as Popular "4:2",
        /// Base address, `x8` to `x15`.
        rs1: X as Popular "9:7",
        /// Byte offset, a multiple of 8.
        imm: i32 as Unsigned "12:10=5:3 6:5=7:6",
    }

    /// Load of a double.
    Cfld("rd, imm(rs1)") {
        /// Destination, `f8` to `f15`.
        rd: F as PopularF "4:2",
        /// Base address, `x8` to `x15`.
        rs1: X as Popular "9:7",
        /// Byte offset, a multiple of 8.
        imm: i32 as Unsigned "12:10=5:3 6:5=7:6",
    }

    /// Load of a byte.
    Clb("rd, imm(rs1)") {
        /// Destination, `x8` to `x15`.
        rd: X as Popular "4:2",
        /// Base address, `x8` to `x15`.
        rs1: X as Popular "9:7",
        /// Byte offset, 0 to 3.
        imm: i32 as Unsigned "6:5=0|1",
    }

    /// Load of a halfword.
    Clh("rd, imm(rs1)") {
        /// Destination, `x8` to `x15`.
        rd: X as Popular "4:2",
        /// Base address, `x8` to `x15`.
        rs1: X as Popular "9:7",
        /// Byte offset, 0 or 2.
        imm: i32 as Unsigned "5=1",
    }

    /// Store of a word.
    Csw("rs2, imm(rs1)") {
        /// Base address, `x8` to `x15`.
        rs1: X as Popular "9:7",
        /// The value, `x8` to `x15`.
        rs2: X as Popular "4:2",
        /// Byte offset, a multiple of 4.
        imm: i32 as Unsigned "12:10=5:3 6:5=2|6",
    }

    /// Store of a doubleword.
    Csd("rs2, imm(rs1)") {
        /// Base address, `x8` to `x15`.
        rs1: X as Popular "9:7",
        /// The value, `x8` to `x15`.
        rs2: X as Popular "4:2",
        /// Byte offset, a multiple of 8.
        imm: i32 as Unsigned "12:10=5:3 6:5=7:6",
    }

    /// Store of a double.
    Cfsd("rs2, imm(rs1)") {
        /// Base address, `x8` to `x15`.
        rs1: X as Popular "9:7",
        /// The value, `f8` to `f15`.
        rs2: F as PopularF "4:2",
        /// Byte offset, a multiple of 8.
        imm: i32 as Unsigned "12:10=5:3 6:5=7:6",
    }

    /// Store of a byte.
    Csb("rs2, imm(rs1)") {
        /// Base address, `x8` to `x15`.
        rs1: X as Popular "9:7",
        /// The value, `x8` to `x15`.
        rs2: X as Popular "4:2",
        /// Byte offset, 0 to 3.
        imm: i32 as Unsigned "6:5=0|1",
    }

    /// Store of a halfword.
    Csh("rs2, imm(rs1)") {
        /// Base address, `x8` to `x15`.
        rs1: X as Popular "9:7",
        /// The value, `x8` to `x15`.
        rs2: X as Popular "4:2",
        /// Byte offset, 0 or 2.
        imm: i32 as Unsigned "5=1",
    }

    /// Immediate alone.
    Cnop("imm") {
        /// Ignored.
        imm: i32 as Signed "12=5 6:2=4:0",
    }

    /// Register and immediate.
    Ci("rd, imm") {
        /// Source and destination.
        rd: X "11:7",
        /// Immediate, -32 to 31.
        imm: i32 as Signed "12=5 6:2=4:0",
    }

    /// Stack adjustment.
    C16sp("sp, imm") {
        /// Bytes, a multiple of 16.
        imm: i32 as Signed "12=9 6:2=4|6|8:7|5",
    }

    /// Upper immediate.
    Clui("rd, imm20") {
        /// Destination.
        rd: X "11:7",
        /// The full value: the lower 12 bits are zero.
        imm: i32 as Signed "12=17 6:2=16:12",
    }

    /// Shift of any register.
    Cshift("rd, shamt") {
        /// Source and destination.
        rd: X "11:7",
        /// Shift amount, 0 to 63.
        shamt: u8 "12=5 6:2=4:0",
    }

    /// Shift of a popular register.
    CshiftP("rd, shamt") {
        /// Source and destination, `x8` to `x15`.
        rd: X as Popular "9:7",
        /// Shift amount, 0 to 63.
        shamt: u8 "12=5 6:2=4:0",
    }

    /// Popular register and immediate.
    Candi("rd, imm") {
        /// Source and destination, `x8` to `x15`.
        rd: X as Popular "9:7",
        /// Immediate, -32 to 31.
        imm: i32 as Signed "12=5 6:2=4:0",
    }

    /// Two popular registers.
    Ca("rd, rs2") {
        /// First source and destination, `x8` to `x15`.
        rd: X as Popular "9:7",
        /// Second source, `x8` to `x15`.
        rs2: X as Popular "4:2",
    }

    /// One popular register.
    Cu("rd") {
        /// Source and destination, `x8` to `x15`.
        rd: X as Popular "9:7",
    }

    /// Jump.
    Cj("offset") {
        /// Byte offset from this instruction, even, within 2 KiB.
        imm: i32 as Signed "12:2=11|4|9:8|10|6|7|3:1|5",
    }

    /// Branch.
    Cb("rs1, offset") {
        /// Source, `x8` to `x15`.
        rs1: X as Popular "9:7",
        /// Byte offset from this instruction, even, within 256 bytes.
        imm: i32 as Signed "12:10=8|4:3 6:2=7:6|2:1|5",
    }

    /// Two registers.
    Cr("rd, rs2") {
        /// Destination.
        rd: X "11:7",
        /// Source.
        rs2: X "6:2",
    }

    /// One register.
    Cr1("rs1") {
        /// Source.
        rs1: X "11:7",
    }

    /// Load of a word from the stack.
    Clwsp("rd, imm(sp)") {
        /// Destination.
        rd: X "11:7",
        /// Byte offset, a multiple of 4.
        imm: i32 as Unsigned "12=5 6:2=4:2|7:6",
    }

    /// Load of a doubleword from the stack.
    Cldsp("rd, imm(sp)") {
        /// Destination.
        rd: X "11:7",
        /// Byte offset, a multiple of 8.
        imm: i32 as Unsigned "12=5 6:2=4:3|8:6",
    }

    /// Load of a double from the stack.
    Cfldsp("rd, imm(sp)") {
        /// Destination.
        rd: F "11:7",
        /// Byte offset, a multiple of 8.
        imm: i32 as Unsigned "12=5 6:2=4:3|8:6",
    }

    /// Store of a word to the stack.
    Cswsp("rs2, imm(sp)") {
        /// The value.
        rs2: X "6:2",
        /// Byte offset, a multiple of 4.
        imm: i32 as Unsigned "12:7=5:2|7:6",
    }

    /// Store of a doubleword to the stack.
    Csdsp("rs2, imm(sp)") {
        /// The value.
        rs2: X "6:2",
        /// Byte offset, a multiple of 8.
        imm: i32 as Unsigned "12:7=5:3|8:6",
    }

    /// Store of a double to the stack.
    Cfsdsp("rs2, imm(sp)") {
        /// The value.
        rs2: F "6:2",
        /// Byte offset, a multiple of 8.
        imm: i32 as Unsigned "12:7=5:3|8:6",
    }
}

macro_rules! compressed_table {
    ($($Ext:ident { $(
        $(#[doc = $doc:literal])+
        $snake:ident = $Name:ident($Fmt:ident $fields:tt) $diagram:literal $(if $guard:expr)?
            => $Inst:ident($Full:ident $operands:tt);
    )* })*) => {
        /// A decoded compressed instruction.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum CInst {
            $($($(#[doc = $doc])+ $Name($Fmt),)*)*
        }

        /// The name of a compressed instruction.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum COpcode {
            $($($(#[doc = $doc])+ $Name,)*)*
        }

        impl COpcode {
            /// All compressed opcodes, in table order.
            pub const ALL: &'static [Self] = &[$($(Self::$Name),*),*];

            const ROWS: &'static [Row] = &[$($(Row {
                mnemonic: mnemonic!($snake),
                extension: Extension::$Ext,
                diagram: $diagram,
                pattern: {
                    let pattern = Pattern::parse($diagram, 16);
                    assert!(!pattern.mask & !$Fmt::MASK & 0xffff == 0, "each free bit belongs to an operand");
                    pattern
                },
                syntax: $Fmt::SYNTAX,
                doc: concat!($($doc),+),
            }),*),*];

            /// The opcode of the expansion.
            pub const fn expansion(self) -> crate::Opcode {
                match self {
                    $($(Self::$Name => crate::Opcode::$Inst,)*)*
                }
            }
        }

        impl CInst {
            /// The name of the instruction.
            pub const fn opcode(self) -> COpcode {
                match self {
                    $($(Self::$Name(_) => COpcode::$Name,)*)*
                }
            }

            /// The 32-bit instruction with the same meaning.
            #[inline]
            pub fn expand(self) -> Inst {
                match self {
                    $($(Self::$Name($Fmt $fields) => Inst::$Inst(format::$Full $operands),)*)*
                }
            }

            /// The operand called `name` in the manual, if this instruction has it.
            pub fn operand(self, name: &str) -> Option<Operand> {
                match self {
                    $($(Self::$Name(ops) => ops.operand(name),)*)*
                }
            }

            fn operand_bits(self) -> u32 {
                match self {
                    $($(Self::$Name(ops) => ops.encode(),)*)*
                }
            }

            #[inline]
            #[allow(unused_variables, reason = "most rows have no `if` to use the operands")]
            fn with_operands(opcode: COpcode, word: u32) -> Option<Self> {
                match opcode {
                    $($(COpcode::$Name => {
                        let ops = $Fmt::decode(word)?;
                        $(
                            let $Fmt $fields = ops;
                            if !($guard) {
                                return None;
                            }
                        )?
                        Some(Self::$Name(ops))
                    })*)*
                }
            }
        }
    };
}

compressed_table! {
    C {
        /// `addi rd, sp, imm`
        c_addi4spn = CAddi4spn(Ciw { rd, imm }) "000 ........ ... 00" if imm != 0
            => Addi(I { rd, rs1: X::SP, imm });
        /// `fld rd, imm(rs1)`
        c_fld = CFld(Cfld { rd, rs1, imm }) "001 ... ... .. ... 00" => Fld(FLoad { rd, rs1, imm });
        /// `lw rd, imm(rs1)`
        c_lw = CLw(Clw { rd, rs1, imm }) "010 ... ... .. ... 00" => Lw(Load { rd, rs1, imm });
        /// `ld rd, imm(rs1)`
        c_ld = CLd(Cld { rd, rs1, imm }) "011 ... ... .. ... 00" => Ld(Load { rd, rs1, imm });
        /// `fsd rs2, imm(rs1)`
        c_fsd = CFsd(Cfsd { rs1, rs2, imm }) "101 ... ... .. ... 00" => Fsd(FStore { rs1, rs2, imm });
        /// `sw rs2, imm(rs1)`
        c_sw = CSw(Csw { rs1, rs2, imm }) "110 ... ... .. ... 00" => Sw(S { rs1, rs2, imm });
        /// `sd rs2, imm(rs1)`
        c_sd = CSd(Csd { rs1, rs2, imm }) "111 ... ... .. ... 00" => Sd(S { rs1, rs2, imm });
        /// `addi x0, x0, imm`; a HINT unless `imm` is 0
        c_nop = CNop(Cnop { imm }) "000 . 00000 ..... 01" => Addi(I { rd: X::ZERO, rs1: X::ZERO, imm });
        /// `addi rd, rd, imm`; a HINT if `imm` is 0
        c_addi = CAddi(Ci { rd, imm }) "000 . ..... ..... 01" => Addi(I { rd, rs1: rd, imm });
        /// `addiw rd, rd, imm`
        c_addiw = CAddiw(Ci { rd, imm }) "001 . ..... ..... 01" if !rd.is_zero()
            => Addiw(I { rd, rs1: rd, imm });
        /// `addi rd, x0, imm`; a HINT if `rd` is `x0`
        c_li = CLi(Ci { rd, imm }) "010 . ..... ..... 01" => Addi(I { rd, rs1: X::ZERO, imm });
        /// `addi sp, sp, imm`
        c_addi16sp = CAddi16sp(C16sp { imm }) "011 . 00010 ..... 01" if imm != 0
            => Addi(I { rd: X::SP, rs1: X::SP, imm });
        /// `lui rd, imm`; a HINT if `rd` is `x0`
        c_lui = CLui(Clui { rd, imm }) "011 . ..... ..... 01" if imm != 0 => Lui(U { rd, imm });
        /// `srli rd, rd, shamt`; a HINT if `shamt` is 0
        c_srli = CSrli(CshiftP { rd, shamt }) "100 . 00 ... ..... 01" => Srli(Shift { rd, rs1: rd, shamt });
        /// `srai rd, rd, shamt`; a HINT if `shamt` is 0
        c_srai = CSrai(CshiftP { rd, shamt }) "100 . 01 ... ..... 01" => Srai(Shift { rd, rs1: rd, shamt });
        /// `andi rd, rd, imm`
        c_andi = CAndi(Candi { rd, imm }) "100 . 10 ... ..... 01" => Andi(I { rd, rs1: rd, imm });
        /// `sub rd, rd, rs2`
        c_sub = CSub(Ca { rd, rs2 }) "100 0 11 ... 00 ... 01" => Sub(R { rd, rs1: rd, rs2 });
        /// `xor rd, rd, rs2`
        c_xor = CXor(Ca { rd, rs2 }) "100 0 11 ... 01 ... 01" => Xor(R { rd, rs1: rd, rs2 });
        /// `or rd, rd, rs2`
        c_or = COr(Ca { rd, rs2 }) "100 0 11 ... 10 ... 01" => Or(R { rd, rs1: rd, rs2 });
        /// `and rd, rd, rs2`
        c_and = CAnd(Ca { rd, rs2 }) "100 0 11 ... 11 ... 01" => And(R { rd, rs1: rd, rs2 });
        /// `subw rd, rd, rs2`
        c_subw = CSubw(Ca { rd, rs2 }) "100 1 11 ... 00 ... 01" => Subw(R { rd, rs1: rd, rs2 });
        /// `addw rd, rd, rs2`
        c_addw = CAddw(Ca { rd, rs2 }) "100 1 11 ... 01 ... 01" => Addw(R { rd, rs1: rd, rs2 });
        /// `jal x0, imm`
        c_j = CJ(Cj { imm }) "101 ........... 01" => Jal(J { rd: X::ZERO, imm });
        /// `beq rs1, x0, imm`
        c_beqz = CBeqz(Cb { rs1, imm }) "110 ... ... ..... 01" => Beq(B { rs1, rs2: X::ZERO, imm });
        /// `bne rs1, x0, imm`
        c_bnez = CBnez(Cb { rs1, imm }) "111 ... ... ..... 01" => Bne(B { rs1, rs2: X::ZERO, imm });
        /// `slli rd, rd, shamt`; a HINT if `shamt` is 0 or `rd` is `x0`
        c_slli = CSlli(Cshift { rd, shamt }) "000 . ..... ..... 10" => Slli(Shift { rd, rs1: rd, shamt });
        /// `fld rd, imm(sp)`
        c_fldsp = CFldsp(Cfldsp { rd, imm }) "001 . ..... ..... 10" => Fld(FLoad { rd, rs1: X::SP, imm });
        /// `lw rd, imm(sp)`
        c_lwsp = CLwsp(Clwsp { rd, imm }) "010 . ..... ..... 10" if !rd.is_zero()
            => Lw(Load { rd, rs1: X::SP, imm });
        /// `ld rd, imm(sp)`
        c_ldsp = CLdsp(Cldsp { rd, imm }) "011 . ..... ..... 10" if !rd.is_zero()
            => Ld(Load { rd, rs1: X::SP, imm });
        /// `jalr x0, 0(rs1)`
        c_jr = CJr(Cr1 { rs1 }) "100 0 ..... 00000 10" if !rs1.is_zero()
            => Jalr(Jalr { rd: X::ZERO, rs1, imm: 0 });
        /// `add rd, x0, rs2`; a HINT if `rd` is `x0`
        c_mv = CMv(Cr { rd, rs2 }) "100 0 ..... ..... 10" => Add(R { rd, rs1: X::ZERO, rs2 });
        /// `ebreak`
        c_ebreak = CEbreak(CBare {}) "100 1 00000 00000 10" => Ebreak(Bare {});
        /// `jalr ra, 0(rs1)`
        c_jalr = CJalr(Cr1 { rs1 }) "100 1 ..... 00000 10" => Jalr(Jalr { rd: X::RA, rs1, imm: 0 });
        /// `add rd, rd, rs2`; a HINT if `rd` is `x0`
        c_add = CAdd(Cr { rd, rs2 }) "100 1 ..... ..... 10" => Add(R { rd, rs1: rd, rs2 });
        /// `fsd rs2, imm(sp)`
        c_fsdsp = CFsdsp(Cfsdsp { rs2, imm }) "101 ...... ..... 10" => Fsd(FStore { rs1: X::SP, rs2, imm });
        /// `sw rs2, imm(sp)`
        c_swsp = CSwsp(Cswsp { rs2, imm }) "110 ...... ..... 10" => Sw(S { rs1: X::SP, rs2, imm });
        /// `sd rs2, imm(sp)`
        c_sdsp = CSdsp(Csdsp { rs2, imm }) "111 ...... ..... 10" => Sd(S { rs1: X::SP, rs2, imm });
    }
    Zcb {
        /// `lbu rd, imm(rs1)`
        c_lbu = CLbu(Clb { rd, rs1, imm }) "100 000 ... .. ... 00" => Lbu(Load { rd, rs1, imm });
        /// `lhu rd, imm(rs1)`
        c_lhu = CLhu(Clh { rd, rs1, imm }) "100 001 ... 0. ... 00" => Lhu(Load { rd, rs1, imm });
        /// `lh rd, imm(rs1)`
        c_lh = CLh(Clh { rd, rs1, imm }) "100 001 ... 1. ... 00" => Lh(Load { rd, rs1, imm });
        /// `sb rs2, imm(rs1)`
        c_sb = CSb(Csb { rs1, rs2, imm }) "100 010 ... .. ... 00" => Sb(S { rs1, rs2, imm });
        /// `sh rs2, imm(rs1)`
        c_sh = CSh(Csh { rs1, rs2, imm }) "100 011 ... 0. ... 00" => Sh(S { rs1, rs2, imm });
        /// `andi rd, rd, 0xff`
        c_zext_b = CZextB(Cu { rd }) "100 1 11 ... 11 000 01" => Andi(I { rd, rs1: rd, imm: 0xff });
        /// `sext.b rd, rd`
        c_sext_b = CSextB(Cu { rd }) "100 1 11 ... 11 001 01" => SextB(Unary { rd, rs1: rd });
        /// `zext.h rd, rd`
        c_zext_h = CZextH(Cu { rd }) "100 1 11 ... 11 010 01" => ZextH(Unary { rd, rs1: rd });
        /// `sext.h rd, rd`
        c_sext_h = CSextH(Cu { rd }) "100 1 11 ... 11 011 01" => SextH(Unary { rd, rs1: rd });
        /// `add.uw rd, rd, x0`
        c_zext_w = CZextW(Cu { rd }) "100 1 11 ... 11 100 01" => AddUw(R { rd, rs1: rd, rs2: X::ZERO });
        /// `xori rd, rd, -1`
        c_not = CNot(Cu { rd }) "100 1 11 ... 11 101 01" => Xori(I { rd, rs1: rd, imm: -1 });
        /// `mul rd, rd, rs2`
        c_mul = CMul(Ca { rd, rs2 }) "100 1 11 ... 10 ... 01" => Mul(R { rd, rs1: rd, rs2 });
    }
}

impl COpcode {
    const fn row(self) -> &'static Row {
        &Self::ROWS[self as usize]
    }

    /// The mnemonic, as in `c.addi4spn`.
    pub const fn mnemonic(self) -> &'static str {
        self.row().mnemonic
    }

    /// The extension whose block holds the row.
    pub const fn extension(self) -> Extension {
        self.row().extension
    }

    /// The bit diagram as it stands in the table.
    pub const fn diagram(self) -> &'static str {
        self.row().diagram
    }

    /// The fixed bits; the upper half is not part of the instruction.
    pub const fn pattern(self) -> Pattern {
        self.row().pattern
    }

    /// The operands in assembly syntax, by their names in the manual.
    pub const fn syntax(self) -> &'static str {
        self.row().syntax
    }

    /// The expansion in assembly, and whether some operands make it a HINT.
    pub const fn doc(self) -> &'static str {
        self.row().doc.trim_ascii()
    }

    /// An instruction halfword of this opcode with the operand bits taken from `free_bits`.
    ///
    /// As with [`Opcode::fill`](crate::Opcode::fill), it may decode to a more specific row or, reserved, to
    /// nothing.
    pub const fn fill(self, free_bits: u16) -> u16 {
        let Pattern { mask, bits } = self.pattern();
        (bits | free_bits as u32 & !mask) as u16
    }
}

impl fmt::Display for COpcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.mnemonic())
    }
}

impl CInst {
    /// Decodes a 16-bit instruction; `None` if it is reserved or the first half of a longer one.
    #[inline]
    pub fn decode16(half: u16) -> Option<Self> {
        let row = FINDER.find(&PATTERNS, MAJOR.gather(half as u32), half as u32)?;
        Self::with_operands(COpcode::ALL[row], half as u32)
    }

    /// Whether this is a HINT: an encoding set aside for performance hints, without effect on registers or
    /// memory.
    pub fn is_hint(self) -> bool {
        match self {
            Self::CNop(Cnop { imm }) => imm != 0,
            Self::CAddi(Ci { imm, .. }) => imm == 0,
            Self::CLi(Ci { rd, .. }) => rd.is_zero(),
            Self::CLui(Clui { rd, .. }) => rd.is_zero(),
            Self::CSlli(Cshift { rd, shamt }) => rd.is_zero() || shamt == 0,
            Self::CSrli(CshiftP { shamt, .. }) | Self::CSrai(CshiftP { shamt, .. }) => shamt == 0,
            Self::CMv(Cr { rd, .. }) | Self::CAdd(Cr { rd, .. }) => rd.is_zero(),
            _ => false,
        }
    }

    /// The 16-bit instruction; operands that do not fit are cut off.
    pub fn encode(self) -> u16 {
        self.opcode().fill(self.operand_bits() as u16)
    }
}

const PATTERNS: [Pattern; COpcode::ALL.len()] = {
    let (mut patterns, mut i) = ([Pattern { mask: 0, bits: 0 }; COpcode::ALL.len()], 0);
    while i < patterns.len() {
        patterns[i] = COpcode::ROWS[i].pattern;
        i += 1;
    }
    assert_unambiguous(&patterns);
    patterns
};

/// `funct3` and the quadrant.
const MAJOR: Bits = Bits::parse("15:13=4:2 1:0");

static FINDER: Finder<512, 512> =
    Finder::new(&PATTERNS, MAJOR, &[Selector::new(12, 12), Selector::new(12, 10)]);

const _: () = assert!(size_of::<CInst>() == 8 && size_of::<Option<CInst>>() == 8);
