//! [`Program`]: a state to start from, and code.

use std::fmt;

use causality_isa::decode;
use causality_isa::disasm::Style;
use causality_isa::format::Operand;
use causality_isa::reg::{F, X};

use crate::Assembler;

/// Address of the data a program works on. It lies across a page boundary, 128 bytes on each side.
pub const WINDOW: u64 = DATA + 0x1000 - WINDOW_SIZE as u64 / 2;
/// Bytes of data a program works on.
pub const WINDOW_SIZE: usize = 256;
/// Start of the two writable pages around the window.
pub const DATA: u64 = 0x3_0000;
/// End of the writable pages around the window. Nothing is mapped here.
pub const DATA_END: u64 = DATA + 0x2000;
/// Where code is placed. Close to the harness of a [`Batch`](crate::Batch): executors have tables from the first
/// instruction to the last.
pub const CODE: u64 = 0x10_0000;

/// All that a program can see when it starts.
#[derive(Clone, PartialEq, Eq)]
pub struct State {
    /// Integer registers; `x[0]` is 0.
    pub x: [u64; 32],
    /// Floating-point registers.
    pub f: [u64; 32],
    /// `fflags` and `frm`.
    pub fcsr: u64,
    /// The bytes at [`WINDOW`].
    pub window: Box<[u8; WINDOW_SIZE]>,
}

impl Default for State {
    fn default() -> Self {
        State { x: [0; 32], f: [0; 32], fcsr: 0, window: Box::new([0; WINDOW_SIZE]) }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, x) in self.x.iter().enumerate() {
            write!(f, "{:>5} {x:#018x}{}", X::ALL[i].name(), if i % 4 == 3 { "\n" } else { "" })?;
        }
        for (i, v) in self.f.iter().enumerate() {
            write!(f, "{:>5} {v:#018x}{}", F::ALL[i].name(), if i % 4 == 3 { "\n" } else { "" })?;
        }
        writeln!(f, " fcsr {:#x}\n data {:02x?}", self.fcsr, self.window)
    }
}

/// Code that ends by falling off its end or by a trap, and the state to start it in.
///
/// Code is position independent and leaves one integer register alone, the anchor, by which a harness finds its
/// own data again; that register holds the address of the code when it starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// What it starts with; the anchor's value is not used.
    pub start: State,
    /// Its instructions, and data words among them.
    pub code: Vec<u8>,
    /// How many instructions of it are tests, for counting.
    pub tested: usize,
}

impl Program {
    /// The same, but integer registers that the code reads get their values from instructions, so that an executor
    /// that translates can know them when it does.
    #[must_use]
    pub fn with_constants(&self, anchor: X) -> Self {
        let mut program = self.clone();
        let mut asm = Assembler::new();
        for x in self.sources().into_iter().filter(|&x| x != anchor && !x.is_zero()) {
            asm.li(x, self.start.x[x.index()]);
            program.start.x[x.index()] = !self.start.x[x.index()];
        }
        program.code = asm.finish();
        program.code.extend_from_slice(&self.code);
        program
    }

    /// The integer registers that are read.
    fn sources(&self) -> Vec<X> {
        let mut read = 0_u32;
        for (_, word) in self.words() {
            let Some(decoded) = decode(word) else { continue };
            for name in ["rs1", "rs2"] {
                if let Some(Operand::X(x)) = decoded.inst.operand(name) {
                    read |= 1 << x.index();
                }
            }
        }
        X::ALL.into_iter().filter(|x| read >> x.index() & 1 != 0).collect()
    }

    /// Offsets and words, as if all of the code were instructions in a row.
    fn words(&self) -> impl Iterator<Item = (usize, u32)> {
        let mut offset = 0;
        std::iter::from_fn(move || {
            if offset + 2 > self.code.len() {
                return None;
            }
            let mut bytes = [0; 4];
            let len = (self.code.len() - offset).min(4);
            bytes[..len].copy_from_slice(&self.code[offset..offset + len]);
            let (at, word) = (offset, u32::from_le_bytes(bytes));
            offset += if word & 3 == 3 { 4 } else { 2 };
            Some((at, word))
        })
    }

    /// The code in assembly, one instruction a line.
    #[must_use]
    pub fn listing(&self, at: u64) -> String {
        let mut text = String::new();
        for (offset, word) in self.words() {
            let pc = at + offset as u64;
            let style = Style { pseudo: false, pc: Some(pc) };
            match decode(word) {
                Some(inst) => text += &format!("{pc:#10x}  {word:08x}  {}\n", inst.display(style)),
                None => text += &format!("{pc:#10x}  {word:08x}  ?\n"),
            }
        }
        text
    }
}
