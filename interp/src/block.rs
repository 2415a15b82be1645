//! Decoded straight-line code.
//!
//! A block starts wherever control arrived and ends with the first instruction that may send it
//! elsewhere, before a breakpoint, before something that cannot be fetched or decoded, or when it is
//! long. It is valid for one version of code memory and breakpoints; when either changes, all go.

use std::collections::HashMap;

use causality_isa::{Inst, csr};
use causality_machine::{Breakpoints, Cause, Fault, Memory};

use crate::dispatch::Op;

/// The longest block, in instructions. Bounds how late a pause request is noticed.
const MAX_LEN: usize = 256;
/// Decoded instructions kept before all are dropped.
const MAX_OPS: usize = 1 << 20;
/// Entries of the table that finds a block by pc without hashing.
const RECENT: usize = 4096;

/// A range of the decoded instructions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    pub(crate) pc: u64,
    /// Address behind the last instruction.
    pub(crate) end: u64,
    first: u32,
    len: u32,
}

/// All decoded blocks.
#[derive(Debug)]
pub(crate) struct Blocks {
    ops: Vec<Op>,
    by_pc: HashMap<u64, Block>,
    recent: Box<[Block; RECENT]>,
    /// Versions of code memory and breakpoints that the blocks were decoded under.
    valid_for: (u64, u64),
}

const NO_BLOCK: Block = Block {
    pc: 1,
    end: 1,
    first: 0,
    len: 0,
};

impl Default for Blocks {
    fn default() -> Self {
        Blocks {
            ops: Vec::new(),
            by_pc: HashMap::new(),
            // An odd pc never has a block.
            recent: Box::new([NO_BLOCK; RECENT]),
            valid_for: (0, 0),
        }
    }
}

impl Blocks {
    /// The block at `pc`.
    ///
    /// # Errors
    /// If there is no instruction at `pc`: the fault of fetching or executing it.
    #[inline]
    pub(crate) fn at(&mut self, pc: u64, memory: &Memory, breakpoints: &Breakpoints) -> Result<Block, Fault> {
        if self.valid_for != (memory.code_version(), breakpoints.version()) {
            self.clear();
            self.valid_for = (memory.code_version(), breakpoints.version());
        }
        let block = self.recent[Self::slot(pc)];
        if block.pc == pc {
            Ok(block)
        } else {
            self.find(pc, memory, breakpoints)
        }
    }

    /// The instructions of a block.
    #[inline]
    pub(crate) fn ops(&self, block: Block) -> &[Op] {
        &self.ops[block.first as usize..][..block.len as usize]
    }

    const fn slot(pc: u64) -> usize {
        (pc >> 1) as usize % RECENT
    }

    fn clear(&mut self) {
        self.ops.clear();
        self.by_pc.clear();
        self.recent.fill(NO_BLOCK);
    }

    #[cold]
    fn find(&mut self, pc: u64, memory: &Memory, breakpoints: &Breakpoints) -> Result<Block, Fault> {
        let block = match self.by_pc.get(&pc) {
            Some(&block) => block,
            None => self.decode(pc, memory, breakpoints)?,
        };
        self.recent[Self::slot(pc)] = block;
        Ok(block)
    }

    fn decode(&mut self, pc: u64, memory: &Memory, breakpoints: &Breakpoints) -> Result<Block, Fault> {
        if self.ops.len() > MAX_OPS {
            self.clear();
        }
        let first = self.ops.len();
        let mut at = pc;
        loop {
            let decoded = match decode_at(at, memory) {
                Ok(decoded) => decoded,
                // Whatever is wrong there is wrong when control gets there, not before.
                Err(_) if at != pc => break,
                Err(fault) => return Err(fault),
            };
            let place = place_in_block(decoded.inst);
            if at != pc && (place == Place::Alone || breakpoints.contains(at)) {
                break;
            }
            self.ops.push(Op::new(decoded.inst, at));
            at = at.wrapping_add(decoded.len() as u64);
            if place != Place::Anywhere || self.ops.len() - first == MAX_LEN {
                break;
            }
        }
        let block = Block {
            pc,
            end: at,
            first: first as u32,
            len: (self.ops.len() - first) as u32,
        };
        self.by_pc.insert(pc, block);
        Ok(block)
    }
}

fn decode_at(pc: u64, memory: &Memory) -> Result<causality_isa::Decoded, Fault> {
    let word = memory.fetch(pc)?;
    causality_isa::decode(word).ok_or(Fault {
        cause: Cause::IllegalInstruction,
        tval: u64::from(word),
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Anywhere,
    Last,
    /// Reads the count of retired instructions, which is exact between blocks.
    Alone,
}

fn place_in_block(inst: Inst) -> Place {
    let counter = |number| matches!(number, csr::CYCLE | csr::TIME | csr::INSTRET);
    match inst {
        Inst::Jal(_) | Inst::Jalr(_) => Place::Last,
        Inst::Beq(_) | Inst::Bne(_) | Inst::Blt(_) | Inst::Bge(_) | Inst::Bltu(_) | Inst::Bgeu(_) => {
            Place::Last
        }
        Inst::Ecall(_) | Inst::Ebreak(_) | Inst::FenceI(_) => Place::Last,
        Inst::Csrrw(o) | Inst::Csrrs(o) | Inst::Csrrc(o) if counter(o.csr) => Place::Alone,
        Inst::Csrrwi(o) | Inst::Csrrsi(o) | Inst::Csrrci(o) if counter(o.csr) => Place::Alone,
        _ => Place::Anywhere,
    }
}
