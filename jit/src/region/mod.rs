//! Regions: the guest blocks that are translated together.
//!
//! A region has one start, and holds what direct control flow reaches from there: a guest function or the rest of
//! one, with small callees (and a few levels of recursion) copied in as *frames*. Calls of anything else leave
//! the region and come back to the block behind the call, with every register in its home; such blocks can also be
//! entered from outside. A block is identified by frame and pc, so overlapping code and jumps into the middle of an
//! instruction need no special care. Size is bounded: what does not fit is outside.

mod constants;
mod dataflow;
mod discover;
mod fuel;
mod loops;
mod order;
mod registers;
pub(crate) mod table;

pub(crate) use constants::{Constants, fold};
pub(crate) use dataflow::Dataflow;
pub use discover::{Bounds, discover};
pub(crate) use discover::{Flow, decode_at, flow, is_link};
pub(crate) use fuel::Charges;
pub(crate) use loops::{Loop, loops};
pub(crate) use registers::{RegSet, changes_access, definitions, is_float, is_unsafe_to_speculate, uses};

use std::collections::BTreeSet;
use std::ops::Range;

use causality_machine::Hart;
use causality_machine::isa::{Inst, reg::X};

use crate::code::Space;

/// Where instructions come from.
pub trait Source: std::fmt::Debug {
    /// The instruction word at `pc`, as [`Memory::fetch`](causality_machine::Memory::fetch) gives it; `None` where
    /// a fetch would trap.
    fn fetch(&self, pc: u64) -> Option<u32>;

    /// `size` bytes of constant data at `addr`, little-endian, zero-extended; used to guess where jumps through tables
    /// lead.
    fn data(&self, _addr: u64, _size: usize) -> Option<u64> {
        None
    }

    /// Whether control must be given back before the instruction at `pc`.
    fn breaks_at(&self, _pc: u64) -> bool {
        false
    }

    /// Where the function begins that `pc` is in, as far as that is known.
    fn function_of(&self, _pc: u64) -> Option<u64> {
        None
    }

    /// Whether other code runs at `pc`, which is reached by the table.
    fn is_elsewhere(&self, _pc: u64) -> bool {
        false
    }

    /// Which integer registers, by bit, held stack addresses when the region was asked for. Accesses through them are
    /// guarded as accesses to the stack first; being wrong costs time only.
    fn stack_pointers(&self) -> u32 {
        0
    }

    /// Whether there is code already that control can enter at `pc`.
    fn has_code(&self, _pc: u64) -> bool {
        false
    }

    /// Whether most of the memory that is written to, but for the stack, is not in the one piece that `addr` is in.
    fn is_scattered(&self, _addr: u64) -> bool {
        false
    }

    /// Where control is to come from outside too, if a block begins there: the header of a loop that runs already.
    fn entry(&self) -> Option<u64> {
        None
    }
}

/// Which integer registers of a hart, by bit, hold addresses in `stack`.
#[must_use]
pub fn stack_pointers(hart: &Hart, stack: &Range<u64>) -> u32 {
    let bit = |(i, value): (usize, &u64)| u32::from(stack.contains(value)) << i;
    hart.x.iter().enumerate().map(bit).sum()
}

/// Where functions begin.
pub trait Functions: std::fmt::Debug + Send + Sync {
    /// The start of the function that `pc` is in, if it is known where that begins and ends.
    fn function_of(&self, pc: u64) -> Option<u64>;
}

/// A source for code that is asked for in some state of a machine.
#[derive(Debug)]
pub struct Asked<'a> {
    /// Where the code comes from.
    pub source: &'a dyn Source,
    /// What [`stack_pointers`] says.
    pub stack_pointers: u32,
    /// What [`Source::entry`] says.
    pub entry: Option<u64>,
    /// What is to be translated, if not everything that control leads to.
    pub within: Option<&'a BTreeSet<u64>>,
    /// Where other code has taken over.
    pub without: Option<&'a BTreeSet<u64>>,
    /// Who knows where functions begin.
    pub functions: Option<&'a dyn Functions>,
    /// Where there is code already.
    pub code: Option<&'a Space>,
}

impl<'a> Asked<'a> {
    /// What [`stack_pointers`] says, and nothing else.
    #[must_use]
    pub fn new(source: &'a dyn Source, stack_pointers: u32) -> Self {
        Asked {
            source,
            stack_pointers,
            entry: None,
            within: None,
            without: None,
            functions: None,
            code: None,
        }
    }
}

impl Source for Asked<'_> {
    fn fetch(&self, pc: u64) -> Option<u32> {
        self.source.fetch(pc)
    }

    fn data(&self, addr: u64, size: usize) -> Option<u64> {
        self.source.data(addr, size)
    }

    fn breaks_at(&self, pc: u64) -> bool {
        self.source.breaks_at(pc)
    }

    fn stack_pointers(&self) -> u32 {
        self.stack_pointers
    }

    fn is_scattered(&self, addr: u64) -> bool {
        self.source.is_scattered(addr)
    }

    fn entry(&self) -> Option<u64> {
        self.entry
    }

    fn function_of(&self, pc: u64) -> Option<u64> {
        self.functions?.function_of(pc)
    }

    fn has_code(&self, pc: u64) -> bool {
        self.code.is_some_and(|code| code.has(pc))
    }

    fn is_elsewhere(&self, pc: u64) -> bool {
        self.within.is_some_and(|within| !within.contains(&pc))
            || self.without.is_some_and(|without| without.contains(&pc))
    }
}

/// One instruction in its place.
#[derive(Clone, Copy, Debug)]
pub struct At {
    /// Its address.
    pub pc: u64,
    /// What it is.
    pub inst: Inst,
    /// Its length in bytes.
    pub len: u8,
}

impl At {
    /// Address of the instruction behind it.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.pc.wrapping_add(self.len as u64)
    }
}

/// Where control goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// To this block of the region.
    Block(usize),
    /// Out of the region, to this pc.
    Out(u64),
}

/// What a call calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callee {
    /// A fixed pc.
    Direct(u64),
    /// `x[rs1] + imm`.
    Register(X, i32),
}

/// A table that an indirect jump seems to take its target from. A guess: every target is compared before it is used.
#[derive(Clone, Debug)]
pub struct Table {
    /// The load that reads the table.
    pub load: u64,
    /// Address of the first entry.
    pub start: u64,
    /// Bytes of an entry, as a power of two.
    pub scale: u8,
    /// Where the entries lead.
    pub targets: Vec<(u64, To)>,
}

/// How a block ends. The instruction that ends it, if there is one, is not among its `insts`.
#[derive(Clone, Debug)]
pub enum End {
    /// The next instruction begins another block.
    Fall(To),
    /// `jal`, or a call that was copied in: `link` gets the return address.
    Jump {
        /// The jump.
        at: At,
        /// Register of the return address.
        link: X,
        /// The target.
        to: To,
    },
    /// A conditional branch.
    Branch {
        /// The branch.
        at: At,
        /// Where it goes if taken.
        taken: To,
        /// Where it goes if not.
        fall: To,
    },
    /// A call of something that is not in the region.
    Call {
        /// The call.
        at: At,
        /// Register of the return address.
        link: X,
        /// What is called.
        callee: Callee,
        /// The block behind the call.
        back: To,
    },
    /// `jalr` through a return-address register: `expected` is where the frame's caller goes on.
    Return {
        /// The jump.
        at: At,
        /// Return address and block, for a copied function.
        expected: Option<(u64, To)>,
    },
    /// Any other indirect jump.
    Indirect {
        /// The jump.
        at: At,
        /// The table it probably takes its target from.
        table: Option<Table>,
    },
    /// Control is given back before the instruction at `pc`: it cannot be fetched or is illegal.
    Leave {
        /// Its address.
        pc: u64,
    },
}

impl End {
    /// The instruction that ends the block.
    #[must_use]
    pub const fn at(&self) -> Option<&At> {
        match self {
            End::Fall(_) | End::Leave { .. } => None,
            End::Jump { at, .. }
            | End::Branch { at, .. }
            | End::Call { at, .. }
            | End::Return { at, .. }
            | End::Indirect { at, .. } => Some(at),
        }
    }

    /// All places control can go within what the region knows.
    pub(crate) fn targets(&self) -> Vec<To> {
        match self {
            End::Fall(to) | End::Jump { to, .. } | End::Call { back: to, .. } => vec![*to],
            End::Branch { taken, fall, .. } => vec![*fall, *taken],
            End::Return { expected, .. } => expected.iter().map(|(_, to)| *to).collect(),
            End::Indirect { table, .. } => {
                table.iter().flat_map(|table| table.targets.iter().map(|(_, to)| *to)).collect()
            }
            End::Leave { .. } => Vec::new(),
        }
    }

    pub(crate) fn targets_mut(&mut self) -> Vec<&mut To> {
        match self {
            End::Fall(to) | End::Jump { to, .. } | End::Call { back: to, .. } => vec![to],
            End::Branch { taken, fall, .. } => vec![fall, taken],
            End::Return { expected, .. } => expected.iter_mut().map(|(_, to)| to).collect(),
            End::Indirect { table, .. } => {
                table.iter_mut().flat_map(|table| table.targets.iter_mut().map(|(_, to)| to)).collect()
            }
            End::Leave { .. } => Vec::new(),
        }
    }
}

/// A straight line with one entry.
#[derive(Clone, Debug)]
pub struct Block {
    /// Address of its first instruction.
    pub pc: u64,
    /// Which copy of the code it belongs to; 0 is the region's own.
    pub frame: usize,
    /// Its instructions, without the one that ends it.
    pub insts: Vec<At>,
    /// How it ends.
    pub end: End,
    /// Whether control comes here with all registers in their homes: from outside, or back from a call.
    pub is_entry: bool,
    /// Whether a jump back leads here: every cycle of the region has such a block.
    pub is_header: bool,
    /// Blocks that lead here within the region, without coming back from a call.
    pub(crate) preds: Vec<usize>,
    /// The closest block that is on every way here, if there is one.
    pub(crate) idom: Option<usize>,
}

impl Block {
    /// Instructions it retires when it runs to its end.
    #[must_use]
    pub fn cost(&self) -> u64 {
        self.insts.len() as u64 + u64::from(self.end.at().is_some())
    }

    /// Whether the instruction at `pc` is one of its own.
    pub(crate) fn has_inst(&self, pc: u64) -> bool {
        self.insts.iter().chain(self.end.at()).any(|at| at.pc == pc)
    }

    /// Successors within the region that are reached with registers as they are.
    pub(crate) fn successors(&self) -> impl Iterator<Item = usize> {
        let is_call = matches!(self.end, End::Call { .. });
        self.end.targets().into_iter().filter_map(move |to| match to {
            To::Block(block) if !is_call => Some(block),
            _ => None,
        })
    }
}

/// Blocks that are translated together, in reverse postorder; the first one is at the start.
#[derive(Clone, Debug)]
pub struct Region {
    /// The pc it was made for.
    pub start: u64,
    /// Its blocks.
    pub blocks: Vec<Block>,
    /// Registers that probably hold stack addresses at its start.
    pub(crate) stack: RegSet,
}

impl Region {
    /// Guest instructions in it, copies counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.blocks.iter().map(|block| block.cost() as usize).sum()
    }

    /// Whether there is nothing to execute at its start.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The pcs at which it can be entered from outside, and the block of each; the start comes first.
    pub fn entries(&self) -> impl Iterator<Item = (u64, usize)> {
        let is_entry = |(_, block): &(usize, &Block)| block.is_entry && block.frame == 0;
        self.blocks.iter().enumerate().filter(is_entry).map(|(index, block)| (block.pc, index))
    }

    /// Whether its own code, not a copy of a callee's, includes the instruction at `pc`.
    pub(crate) fn has_inst(&self, pc: u64) -> bool {
        self.blocks.iter().any(|block| block.frame == 0 && block.has_inst(pc))
    }

    /// Whether it calls anything outside itself.
    pub(crate) fn has_calls(&self) -> bool {
        self.blocks.iter().any(|block| matches!(block.end, End::Call { .. }))
    }
}
