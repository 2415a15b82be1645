//! A small assembler over the instruction table: instructions, labels, constants.

use causality_isa::reg::X;
use causality_isa::{Inst, Opcode, format};

/// A place in the code, bound once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label(usize);

/// How an instruction refers to a label.
#[derive(Clone, Copy, Debug)]
enum Reference {
    /// The offset of a conditional branch.
    Branch,
    /// The offset of `jal`.
    Jump,
    /// `auipc` and `addi`, eight bytes.
    Pair(X),
    /// A 32-bit word: the label's distance from the second label.
    Distance(Label),
}

/// Code in the making. It runs wherever it is placed: all references are relative.
#[derive(Clone, Debug, Default)]
pub struct Assembler {
    code: Vec<u8>,
    labels: Vec<Option<usize>>,
    references: Vec<(usize, Label, Reference)>,
}

impl Assembler {
    /// No code yet.
    #[must_use]
    pub fn new() -> Self {
        Assembler::default()
    }

    /// Bytes so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.code.len()
    }

    /// Whether there is no code yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.code.is_empty()
    }

    /// Appends an instruction.
    pub fn inst(&mut self, inst: Inst) {
        self.word(inst.encode());
    }

    /// Appends a 32-bit word.
    pub fn word(&mut self, word: u32) {
        self.code.extend_from_slice(&word.to_le_bytes());
    }

    /// Appends a 16-bit instruction.
    pub fn half(&mut self, half: u16) {
        self.code.extend_from_slice(&half.to_le_bytes());
    }

    /// A label to be bound later.
    pub fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// A label bound here.
    pub fn here(&mut self) -> Label {
        let label = self.label();
        self.bind(label);
        label
    }

    /// Binds a label here.
    pub fn bind(&mut self, label: Label) {
        self.labels[label.0] = Some(self.code.len());
    }

    /// Byte offset of a bound label from the start of the code.
    #[must_use]
    pub fn offset(&self, label: Label) -> Option<usize> {
        self.labels[label.0]
    }

    /// A conditional branch of this opcode to a label within 4 KiB.
    pub fn branch(&mut self, opcode: Opcode, rs1: X, rs2: X, to: Label) {
        self.refer(to, Reference::Branch);
        self.word(opcode.fill(format::B { rs1, rs2, imm: 0 }.encode()));
    }

    /// `jal rd, to`, within 1 MiB.
    pub fn jump(&mut self, rd: X, to: Label) {
        self.refer(to, Reference::Jump);
        self.inst(Inst::Jal(format::J { rd, imm: 0 }));
    }

    /// `rd` = address of a label.
    pub fn address(&mut self, rd: X, of: Label) {
        self.refer(of, Reference::Pair(rd));
        self.word(0);
        self.word(0);
    }

    /// A data word: how far `to` lies behind `from`.
    pub fn distance(&mut self, from: Label, to: Label) {
        self.refer(to, Reference::Distance(from));
        self.word(0);
    }

    /// `rd` = `value`, in as few instructions as the usual recursion finds.
    pub fn li(&mut self, rd: X, value: u64) {
        let value = value as i64;
        let low = (value << 52 >> 52) as i32;
        if i64::from(low) == value {
            self.inst(Inst::Addi(format::I { rd, rs1: X::ZERO, imm: low }));
            return;
        }
        if let Ok(word) = i32::try_from(value) {
            self.inst(Inst::Lui(format::U { rd, imm: word.wrapping_sub(low) }));
            if low != 0 {
                self.inst(Inst::Addiw(format::I { rd, rs1: rd, imm: low }));
            }
            return;
        }
        self.li(rd, (value.wrapping_sub(i64::from(low)) >> 12) as u64);
        self.inst(Inst::Slli(format::Shift { rd, rs1: rd, shamt: 12 }));
        if low != 0 {
            self.inst(Inst::Addi(format::I { rd, rs1: rd, imm: low }));
        }
    }

    /// `rd = rd + imm`, for any immediate within 32 bits but the last 2 KiB; in steps if it is small.
    pub fn add(&mut self, rd: X, mut imm: i32) {
        while imm != 0 {
            let step = imm.clamp(-2048, 2047);
            self.inst(Inst::Addi(format::I { rd, rs1: rd, imm: step }));
            imm -= step;
        }
    }

    /// The finished code.
    ///
    /// # Panics
    /// If a label was not bound, or lies out of reach of an instruction that refers to it.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        for (at, label, reference) in std::mem::take(&mut self.references) {
            let target = self.bound(label);
            let distance =
                |from: usize| i32::try_from(target as i64 - from as i64).expect("code is smaller than 2 GiB");
            match reference {
                Reference::Branch => {
                    let imm = distance(at);
                    assert!((-4096..4096).contains(&imm), "branch out of reach");
                    self.merge(at, format::B { rs1: X::ZERO, rs2: X::ZERO, imm }.encode());
                }
                Reference::Jump => {
                    let imm = distance(at);
                    assert!((-(1 << 20)..1 << 20).contains(&imm), "jump out of reach");
                    self.merge(at, format::J { rd: X::ZERO, imm }.encode());
                }
                Reference::Pair(rd) => {
                    let offset = distance(at);
                    let low = offset << 20 >> 20;
                    self.merge(at, Inst::Auipc(format::U { rd, imm: offset.wrapping_sub(low) }).encode());
                    self.merge(at + 4, Inst::Addi(format::I { rd, rs1: rd, imm: low }).encode());
                }
                Reference::Distance(from) => {
                    let word = distance(self.bound(from)) as u32;
                    self.merge(at, word);
                }
            }
        }
        self.code
    }

    fn refer(&mut self, label: Label, reference: Reference) {
        self.references.push((self.code.len(), label, reference));
    }

    fn bound(&self, label: Label) -> usize {
        self.labels[label.0].expect("every label is bound")
    }

    fn merge(&mut self, at: usize, bits: u32) {
        let mut word = [0; 4];
        word.copy_from_slice(&self.code[at..at + 4]);
        let word = u32::from_le_bytes(word) | bits;
        self.code[at..at + 4].copy_from_slice(&word.to_le_bytes());
    }
}
