//! From one decoded instruction to the next without returning in between.
//!
//! Every instruction has a handler that executes it and then calls the handler of the next one in the
//! trace. The optimiser turns that last call into a jump, so the machine's state stays in registers
//! and each instruction has an indirect jump of its own for the host to predict. Nothing depends on
//! it: in an unoptimised build the calls nest, at most as deep as a trace is long.
//!
//! A handler does only what is common and gives up at the rest, without having changed anything. The
//! instruction is then executed again in full by [`Op::execute`], which alone knows about traps.

use causality_isa::{Decoded, Inst, for_each_inst, visit};
use causality_machine::{Hart, Memory};

use crate::exec::{Exec, Retire, Stop};

/// Executes `op` and then `rest`. Returns how many did not retire. If control left the trace or a
/// handler gave up, `hart.pc` says where; else it is untouched.
type Handler = fn(hart: &mut Hart, memory: &mut Memory, op: &Op, rest: &[Op]) -> usize;

/// One decoded instruction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Op {
    handler: Handler,
    inst: Inst,
    pub(crate) pc: u64,
    /// Address of the instruction behind it.
    next: u64,
}

impl Op {
    pub(crate) fn new(decoded: Decoded, pc: u64) -> Self {
        let next = pc.wrapping_add(decoded.len() as u64);
        Op { handler: handler_of(decoded.inst), inst: decoded.inst, pc, next }
    }

    /// Executes this one instruction, whatever it takes.
    pub(crate) fn execute(&self, hart: &mut Hart, memory: &mut Memory) -> Retire {
        memory.settle_registers(hart.instret());
        self.inst.visit(&mut Exec::<true> { hart, memory, pc: self.pc, next: self.next })
    }
}

/// Executes the instructions of a trace, as far as control stays on it and handlers can. Returns how
/// many retired.
#[inline]
pub(crate) fn run(ops: &[Op], hart: &mut Hart, memory: &mut Memory) -> usize {
    ops.len() - go_on(hart, memory, ops)
}

#[inline(always)]
fn go_on(hart: &mut Hart, memory: &mut Memory, ops: &[Op]) -> usize {
    match ops.split_first() {
        Some((op, rest)) => (op.handler)(hart, memory, op, rest),
        None => 0,
    }
}

/// A row of the instruction table.
trait Row {
    /// Does what is common of an instruction of this row.
    fn execute(op: &Op, hart: &mut Hart, memory: &mut Memory) -> Retire;
}

/// The handler of one instruction.
#[inline(always)]
fn one<A: Row>(hart: &mut Hart, memory: &mut Memory, op: &Op, rest: &[Op]) -> usize {
    match A::execute(op, hart, memory) {
        Ok(()) => go_on(hart, memory, rest),
        // The trace goes on where the jump was expected to lead.
        Err(Stop::Jump(target)) if rest.first().is_some_and(|next| next.pc == target) => {
            go_on(hart, memory, rest)
        }
        Err(Stop::Jump(target)) => {
            hart.pc = target;
            rest.len()
        }
        Err(_) => {
            hart.pc = op.pc;
            rest.len() + 1
        }
    }
}

/// The handler of an instruction that never jumps and is followed by one of row `B`: one indirect jump
/// less.
fn two<A: Row, B: Row>(hart: &mut Hart, memory: &mut Memory, op: &Op, rest: &[Op]) -> usize {
    match A::execute(op, hart, memory) {
        Ok(()) => match rest.split_first() {
            Some((op, rest)) => one::<B>(hart, memory, op, rest),
            // The trace was cut short.
            None => 0,
        },
        Err(_) => {
            hart.pc = op.pc;
            rest.len() + 1
        }
    }
}

macro_rules! define_handlers {
    ($( $(#[$edoc:meta])* extension $Ext:ident: $Visit:ident {
        $( $(#[$doc:meta])* $snake:ident = $Name:ident($Fmt:ident) $diagram:literal; )*
    } )*) => {
        /// A type for each row.
        mod rows {
            use super::*;
            $($(
                pub(super) struct $Name;

                impl Row for $Name {
                    #[inline(always)]
                    fn execute(op: &Op, hart: &mut Hart, memory: &mut Memory) -> Retire {
                        let mut exec = Exec::<false> { hart, memory, pc: op.pc, next: op.next };
                        match &op.inst {
                            Inst::$Name(ops) => visit::$Visit::$snake(&mut exec, *ops),
                            // A handler is chosen by the row of its instruction.
                            _ => Err(Stop::Slow),
                        }
                    }
                }
            )*)*
        }

        fn handler_of(inst: Inst) -> Handler {
            match inst {
                $($( Inst::$Name(_) => one::<rows::$Name>, )*)*
            }
        }
    };
}

for_each_inst!(define_handlers);

/// Defines which pairs of rows have a handler of their own: the rows that make up most of what
/// compiled programs execute.
macro_rules! define_pairs {
    (first: $($First:ident)*; second: $($Second:ident)*;) => {
        fn handler_of_pair(first: Inst, second: Inst) -> Option<Handler> {
            match first {
                $( Inst::$First(_) => handler_of_pair_with::<rows::$First>(second), )*
                _ => None,
            }
        }

        fn handler_of_pair_with<A: Row>(second: Inst) -> Option<Handler> {
            match second {
                $( Inst::$First(_) => Some(two::<A, rows::$First>), )*
                $( Inst::$Second(_) => Some(two::<A, rows::$Second>), )*
                _ => None,
            }
        }
    };
}

define_pairs! {
    first: Addi Add Addiw Addw Sub Slli Srli And Andi Or Xor Lui Mul Lw Ld Lbu Sw Sd Sb Fld FaddD FmulD;
    second: Beq Bne Blt Bge Bltu Bgeu Jal Jalr;
}

/// Gives the instructions of a trace handlers that do two at once, where there are such.
pub(crate) fn pair_up(ops: &mut [Op]) {
    let mut ops = ops;
    while let [first, second, ..] = ops {
        let paired = handler_of_pair(first.inst, second.inst);
        if let Some(handler) = paired {
            first.handler = handler;
        }
        ops = &mut ops[if paired.is_some() { 2 } else { 1 }..];
    }
}
