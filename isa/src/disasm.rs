//! From instruction to assembly text, in the syntax that GNU and LLVM tools share.
//!
//! The operand syntax of every format is a template ("rd, imm(rs1)"); a pseudo-instruction is another
//! mnemonic and another template over the same operands. Immediates are decimal, and a branch shows its byte
//! offset unless the [`Style`] says at which `pc` it stands.

use crate::compressed::Cr;
use crate::format::{B, Csr, CsrImm, Fence, I, J, Jalr, Operand, R, Rm};
use crate::reg::X;
use crate::{CInst, Decoded, Inst, Opcode, csr};
use core::fmt::{self, Display, Write};

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Use pseudo-instructions (`li`, `mv`, `ret`…) and print compressed instructions, HINTs apart, as their
    /// expansion; otherwise exactly what is encoded (`c.li`, `addi`…) with all operands.
    pub pseudo: bool,
    /// The address of the instruction, to print absolute branch targets.
    pub pc: Option<u64>,
}

impl Default for Style {
    fn default() -> Self {
        Self { pseudo: true, pc: None }
    }
}

/// Text of an instruction; made by `display`.
#[derive(Clone, Copy, Debug)]
pub struct Disassembly<T> {
    subject: T,
    style: Style,
}

impl Inst {
    /// The text in a given style.
    pub fn display(self, style: Style) -> Disassembly<Self> {
        Disassembly { subject: self, style }
    }
}

impl Decoded {
    /// The text in a given style.
    pub fn display(self, style: Style) -> Disassembly<Self> {
        Disassembly { subject: self, style }
    }
}

impl fmt::Display for Inst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.display(Style::default()).fmt(f)
    }
}

impl fmt::Display for Decoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.display(Style::default()).fmt(f)
    }
}

impl fmt::Display for Disassembly<Decoded> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.subject.compressed {
            Some(compressed) if !self.style.pseudo || compressed.is_hint() => {
                write_compressed(f, compressed, self.style)
            }
            // Its expansion `add rd, zero, rs2` is not what an assembler calls `mv`.
            Some(CInst::CMv(Cr { rd, rs2 })) => write!(f, "mv {rd}, {rs2}"),
            _ => self.subject.inst.display(self.style).fmt(f),
        }
    }
}

impl fmt::Display for Disassembly<Inst> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (inst, style) = (self.subject, self.style);
        let real = (inst.opcode().mnemonic(), inst.opcode().syntax());
        let (mnemonic, syntax) = if style.pseudo { pseudo(inst).unwrap_or(real) } else { real };
        f.write_str(mnemonic)?;
        f.write_str(ordering_suffix(inst))?;
        let omit_rm = inst.operand("rm") == implied_rm(inst.opcode(), style).map(Operand::Rm);
        let syntax = if omit_rm { syntax.trim_end_matches(", rm") } else { syntax };
        write_operands(f, syntax, style, |name| inst.operand(name))
    }
}

fn write_compressed(f: &mut fmt::Formatter<'_>, inst: CInst, style: Style) -> fmt::Result {
    f.write_str(inst.opcode().mnemonic())?;
    // `c.nop` shows its immediate only as a HINT.
    let bare = matches!(inst, CInst::CNop(ops) if ops.imm == 0);
    write_operands(f, if bare { "" } else { inst.opcode().syntax() }, style, |name| inst.operand(name))
}

/// `.aq`, `.rl`, `.aqrl` or nothing.
fn ordering_suffix(inst: Inst) -> &'static str {
    let is_set = |name| inst.operand(name) == Some(Operand::Int(1));
    match (is_set("aq"), is_set("rl")) {
        (false, false) => "",
        (true, false) => ".aq",
        (false, true) => ".rl",
        (true, true) => ".aqrl",
    }
}

/// The rounding mode that is not printed: the assembler's default where it makes no difference (exact
/// conversions), or the dynamic mode.
fn implied_rm(opcode: Opcode, style: Style) -> Option<Rm> {
    match opcode {
        Opcode::FcvtDS | Opcode::FcvtDW | Opcode::FcvtDWu | Opcode::FcvtSH | Opcode::FcvtDH => Some(Rm::Rne),
        _ if style.pseudo => Some(Rm::Dyn),
        _ => None,
    }
}

/// Writes a template, replacing each word that names an operand; other words (`sp`, `rtz`) stand for
/// themselves.
fn write_operands(
    f: &mut fmt::Formatter<'_>,
    syntax: &str,
    style: Style,
    operand: impl Fn(&str) -> Option<Operand>,
) -> fmt::Result {
    let mut rest = syntax;
    if !rest.is_empty() {
        f.write_char(' ')?;
    }
    while !rest.is_empty() {
        let word_len = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let (word, after) = rest.split_at(word_len);
        write_word(f, word, style, &operand)?;
        let gap_len = after.find(|c: char| c.is_ascii_alphanumeric()).unwrap_or(after.len());
        f.write_str(&after[..gap_len])?;
        rest = &after[gap_len..];
    }
    Ok(())
}

fn write_word(
    f: &mut fmt::Formatter<'_>,
    word: &str,
    style: Style,
    operand: impl Fn(&str) -> Option<Operand>,
) -> fmt::Result {
    let field = match word {
        "offset" | "imm20" | "constant" => "imm",
        _ => word,
    };
    match (operand(field), word) {
        (None, _) => f.write_str(word),
        (Some(Operand::X(register)), _) => register.fmt(f),
        (Some(Operand::F(register)), _) => register.fmt(f),
        (Some(Operand::Rm(mode)), _) => mode.fmt(f),
        (Some(Operand::Int(value)), "offset") => write_target(f, value, style),
        (Some(Operand::Int(value)), "imm20") => (value as u32 >> 12).fmt(f),
        (Some(Operand::Int(value)), "constant") => f.write_str(FLI_CONSTANTS[(value & 31) as usize]),
        (Some(Operand::Int(value)), "csr") => write_csr(f, value as u16),
        (Some(Operand::Int(value)), "pred" | "succ") => write_fence_set(f, value),
        (Some(Operand::Int(value)), _) => value.fmt(f),
    }
}

fn write_target(f: &mut fmt::Formatter<'_>, offset: i32, style: Style) -> fmt::Result {
    match style.pc {
        Some(pc) => write!(f, "{:#x}", pc.wrapping_add_signed(offset.into())),
        None => offset.fmt(f),
    }
}

fn write_csr(f: &mut fmt::Formatter<'_>, csr: u16) -> fmt::Result {
    match csr::name(csr) {
        Some(name) => f.write_str(name),
        None => csr.fmt(f),
    }
}

fn write_fence_set(f: &mut fmt::Formatter<'_>, set: i32) -> fmt::Result {
    if set == 0 {
        return f.write_char('0');
    }
    for (bit, letter) in [(8, 'i'), (4, 'o'), (2, 'r'), (1, 'w')] {
        if set & bit != 0 {
            f.write_char(letter)?;
        }
    }
    Ok(())
}

/// The values of `fli` (Zfa chapter, "Load-Immediate Instructions").
const FLI_CONSTANTS: [&str; 32] = [
    "-1.0",
    "min",
    "1.52587890625e-05",
    "3.0517578125e-05",
    "0.00390625",
    "0.0078125",
    "0.0625",
    "0.125",
    "0.25",
    "0.3125",
    "0.375",
    "0.4375",
    "0.5",
    "0.625",
    "0.75",
    "0.875",
    "1.0",
    "1.25",
    "1.5",
    "1.75",
    "2.0",
    "2.5",
    "3.0",
    "4.0",
    "8.0",
    "16.0",
    "128.0",
    "256.0",
    "32768.0",
    "65536.0",
    "inf",
    "nan",
];

/// The pseudo-instruction for `inst`, as mnemonic and template.
fn pseudo(inst: Inst) -> Option<(&'static str, &'static str)> {
    pseudo_integer(inst)
        .or_else(|| pseudo_jump(inst))
        .or_else(|| pseudo_csr(inst))
        .or_else(|| pseudo_float(inst))
}

fn pseudo_integer(inst: Inst) -> Option<(&'static str, &'static str)> {
    const ZERO: X = X::ZERO;
    Some(match inst {
        Inst::Addi(I { rd: ZERO, rs1: ZERO, imm: 0 }) => ("nop", ""),
        Inst::Addi(I { rs1: ZERO, .. }) => ("li", "rd, imm"),
        Inst::Addi(I { imm: 0, .. }) => ("mv", "rd, rs1"),
        Inst::Addiw(I { imm: 0, .. }) => ("sext.w", "rd, rs1"),
        Inst::Xori(I { imm: -1, .. }) => ("not", "rd, rs1"),
        Inst::Sltiu(I { imm: 1, .. }) => ("seqz", "rd, rs1"),
        Inst::Sub(R { rs1: ZERO, .. }) => ("neg", "rd, rs2"),
        Inst::Subw(R { rs1: ZERO, .. }) => ("negw", "rd, rs2"),
        Inst::Sltu(R { rs1: ZERO, .. }) => ("snez", "rd, rs2"),
        Inst::Slt(R { rs2: ZERO, .. }) => ("sltz", "rd, rs1"),
        Inst::Slt(R { rs1: ZERO, .. }) => ("sgtz", "rd, rs2"),
        Inst::AddUw(R { rs2: ZERO, .. }) => ("zext.w", "rd, rs1"),
        Inst::Fence(Fence { rd: ZERO, rs1: ZERO, fm: 0, pred: 15, succ: 15 }) => ("fence", ""),
        _ => return None,
    })
}

fn pseudo_jump(inst: Inst) -> Option<(&'static str, &'static str)> {
    const ZERO: X = X::ZERO;
    const RA: X = X::RA;
    Some(match inst {
        Inst::Jal(J { rd: ZERO, .. }) => ("j", "offset"),
        Inst::Jal(J { rd: RA, .. }) => ("jal", "offset"),
        Inst::Jalr(Jalr { rd: ZERO, rs1: RA, imm: 0 }) => ("ret", ""),
        Inst::Jalr(Jalr { rd: ZERO, imm: 0, .. }) => ("jr", "rs1"),
        Inst::Jalr(Jalr { rd: ZERO, .. }) => ("jr", "imm(rs1)"),
        Inst::Jalr(Jalr { rd: RA, imm: 0, .. }) => ("jalr", "rs1"),
        Inst::Jalr(Jalr { rd: RA, .. }) => ("jalr", "imm(rs1)"),
        Inst::Jalr(Jalr { imm: 0, .. }) => ("jalr", "rd, rs1"),
        Inst::Beq(B { rs2: ZERO, .. }) => ("beqz", "rs1, offset"),
        Inst::Bne(B { rs2: ZERO, .. }) => ("bnez", "rs1, offset"),
        Inst::Bge(B { rs1: ZERO, .. }) => ("blez", "rs2, offset"),
        Inst::Bge(B { rs2: ZERO, .. }) => ("bgez", "rs1, offset"),
        Inst::Blt(B { rs2: ZERO, .. }) => ("bltz", "rs1, offset"),
        Inst::Blt(B { rs1: ZERO, .. }) => ("bgtz", "rs2, offset"),
        _ => return None,
    })
}

fn pseudo_csr(inst: Inst) -> Option<(&'static str, &'static str)> {
    const ZERO: X = X::ZERO;
    Some(match inst {
        Inst::Csrrs(Csr { csr: csr::FFLAGS, rs1: ZERO, .. }) => ("frflags", "rd"),
        Inst::Csrrs(Csr { csr: csr::FRM, rs1: ZERO, .. }) => ("frrm", "rd"),
        Inst::Csrrs(Csr { csr: csr::FCSR, rs1: ZERO, .. }) => ("frcsr", "rd"),
        Inst::Csrrs(Csr { csr: csr::CYCLE, rs1: ZERO, .. }) => ("rdcycle", "rd"),
        Inst::Csrrs(Csr { csr: csr::TIME, rs1: ZERO, .. }) => ("rdtime", "rd"),
        Inst::Csrrs(Csr { csr: csr::INSTRET, rs1: ZERO, .. }) => ("rdinstret", "rd"),
        Inst::Csrrw(Csr { rd: ZERO, csr: csr::CYCLE, rs1: ZERO }) => ("unimp", ""),
        Inst::Csrrw(Csr { rd: ZERO, csr: csr::FFLAGS, .. }) => ("fsflags", "rs1"),
        Inst::Csrrw(Csr { csr: csr::FFLAGS, .. }) => ("fsflags", "rd, rs1"),
        Inst::Csrrw(Csr { rd: ZERO, csr: csr::FRM, .. }) => ("fsrm", "rs1"),
        Inst::Csrrw(Csr { csr: csr::FRM, .. }) => ("fsrm", "rd, rs1"),
        Inst::Csrrw(Csr { rd: ZERO, csr: csr::FCSR, .. }) => ("fscsr", "rs1"),
        Inst::Csrrw(Csr { csr: csr::FCSR, .. }) => ("fscsr", "rd, rs1"),
        Inst::Csrrwi(CsrImm { rd: ZERO, csr: csr::FFLAGS, .. }) => ("fsflagsi", "uimm"),
        Inst::Csrrwi(CsrImm { csr: csr::FFLAGS, .. }) => ("fsflagsi", "rd, uimm"),
        Inst::Csrrwi(CsrImm { rd: ZERO, csr: csr::FRM, .. }) => ("fsrmi", "uimm"),
        Inst::Csrrwi(CsrImm { csr: csr::FRM, .. }) => ("fsrmi", "rd, uimm"),
        Inst::Csrrs(Csr { rs1: ZERO, .. }) => ("csrr", "rd, csr"),
        Inst::Csrrw(Csr { rd: ZERO, .. }) => ("csrw", "csr, rs1"),
        Inst::Csrrs(Csr { rd: ZERO, .. }) => ("csrs", "csr, rs1"),
        Inst::Csrrc(Csr { rd: ZERO, .. }) => ("csrc", "csr, rs1"),
        Inst::Csrrwi(CsrImm { rd: ZERO, .. }) => ("csrwi", "csr, uimm"),
        Inst::Csrrsi(CsrImm { rd: ZERO, .. }) => ("csrsi", "csr, uimm"),
        Inst::Csrrci(CsrImm { rd: ZERO, .. }) => ("csrci", "csr, uimm"),
        _ => return None,
    })
}

fn pseudo_float(inst: Inst) -> Option<(&'static str, &'static str)> {
    let (mnemonic, ops) = match inst {
        Inst::FsgnjS(ops) => ("fmv.s", ops),
        Inst::FsgnjnS(ops) => ("fneg.s", ops),
        Inst::FsgnjxS(ops) => ("fabs.s", ops),
        Inst::FsgnjD(ops) => ("fmv.d", ops),
        Inst::FsgnjnD(ops) => ("fneg.d", ops),
        Inst::FsgnjxD(ops) => ("fabs.d", ops),
        _ => return None,
    };
    (ops.rs1 == ops.rs2).then_some((mnemonic, "rd, rs1"))
}
