//! What operands a row of the table has, found out by decoding, so that new rows need nothing here.

use causality_isa::format::Operand;
use causality_isa::{Inst, Opcode};

use crate::corners::Format;

/// A register operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// There is none.
    None,
    /// An integer register.
    X,
    /// A floating-point register.
    F,
}

/// The operands of an opcode.
#[derive(Clone, Copy, Debug)]
pub struct Operands {
    /// Destination.
    pub rd: Slot,
    /// First source.
    pub rs1: Slot,
    /// Second source.
    pub rs2: Slot,
    /// Third source.
    pub rs3: Slot,
    /// Whether there is a rounding mode.
    pub rm: bool,
    /// The free bits that are neither registers nor rounding mode.
    pub immediate: u32,
}

/// Places of the register fields and of the rounding mode.
pub const RD: u32 = 7;
/// First source.
pub const RS1: u32 = 15;
/// Second source.
pub const RS2: u32 = 20;
/// Third source.
pub const RS3: u32 = 27;
/// Rounding mode.
pub const RM: u32 = 12;

impl Operands {
    /// The operands of `opcode`.
    ///
    /// # Panics
    /// If no word of the opcode decodes to it, which the instruction table excludes.
    #[must_use]
    pub fn of(opcode: Opcode) -> Self {
        let sample = [0, 1 << RD, 1 << RD | 1 << RS2]
            .iter()
            .filter_map(|&bits| Inst::decode32(opcode.fill(bits)))
            .find(|inst| inst.opcode() == opcode)
            .expect("an opcode has words");
        let slot = |name| match sample.operand(name) {
            Some(Operand::X(_)) => Slot::X,
            Some(Operand::F(_)) => Slot::F,
            _ => Slot::None,
        };
        let (rd, rs1, rs2, rs3) = (slot("rd"), slot("rs1"), slot("rs2"), slot("rs3"));
        let rm = sample.operand("rm").is_some();
        let mut immediate = !opcode.pattern().mask;
        for (slot, at) in [(rd, RD), (rs1, RS1), (rs2, RS2), (rs3, RS3)] {
            if slot != Slot::None {
                immediate &= !(31 << at);
            }
        }
        if rm {
            immediate &= !(7 << RM);
        }
        Operands { rd, rs1, rs2, rs3, rm, immediate }
    }

    /// Whether a floating-point register or rounding is involved.
    #[must_use]
    pub fn is_float(&self) -> bool {
        self.rm || [self.rd, self.rs1, self.rs2].contains(&Slot::F)
    }
}

/// The format of an opcode's floating-point sources: the last part of its mnemonic says it.
#[must_use]
pub fn source_format(opcode: Opcode) -> Format {
    match opcode.mnemonic().rsplit('.').next() {
        Some("h") => Format::H,
        Some("s" | "w") => Format::S,
        _ => Format::D,
    }
}

/// What an opcode is about, as far as tests must treat it in their own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Registers and immediates in, register out.
    Value,
    /// Address in `rs1` plus an immediate; the number of bytes.
    Load(u32),
    /// The same, storing.
    Store(u32),
    /// Address in `rs1`; the number of bytes.
    Atomic(u32),
    /// `beq` and the like.
    Branch,
    /// `jal`.
    Jal,
    /// `jalr`.
    Jalr,
    /// Access to a CSR.
    Csr,
    /// `ecall`, `ebreak`.
    System,
    /// Resource registers: slot in `rs1`.
    Register,
    /// Cache-block management: address in `rs1`.
    Block,
}

/// The class of an opcode.
#[must_use]
pub fn class(opcode: Opcode) -> Class {
    use Opcode as O;
    match opcode {
        O::Lb | O::Lbu => Class::Load(1),
        O::Lh | O::Lhu | O::Flh => Class::Load(2),
        O::Lw | O::Lwu | O::Flw => Class::Load(4),
        O::Ld | O::Fld => Class::Load(8),
        O::Sb => Class::Store(1),
        O::Sh | O::Fsh => Class::Store(2),
        O::Sw | O::Fsw => Class::Store(4),
        O::Sd | O::Fsd => Class::Store(8),
        O::Jal => Class::Jal,
        O::Jalr => Class::Jalr,
        O::Beq | O::Bne | O::Blt | O::Bge | O::Bltu | O::Bgeu => Class::Branch,
        O::Ecall | O::Ebreak => Class::System,
        _ => class_by_name(opcode.mnemonic()),
    }
}

fn class_by_name(mnemonic: &str) -> Class {
    let atomic = ["lr.", "sc.", "amo"].iter().any(|start| mnemonic.starts_with(start));
    if atomic {
        Class::Atomic(if mnemonic.ends_with('w') { 4 } else { 8 })
    } else if mnemonic.starts_with("csr") {
        Class::Csr
    } else if mnemonic.starts_with("xrr.") {
        Class::Register
    } else if mnemonic.starts_with("cbo.") {
        Class::Block
    } else {
        Class::Value
    }
}
