//! From one decoded instruction to the next without returning in between.
//!
//! Every instruction has a handler that executes it and then calls the handler of the next one in the
//! block. The optimiser turns that last call into a jump, so the machine's state stays in registers
//! and each instruction has an indirect jump of its own for the host to predict. Nothing depends on
//! it: in an unoptimised build the calls nest, at most as deep as a block is long.

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

macro_rules! define_handlers {
    ($( $(#[$edoc:meta])* extension $Ext:ident: $Visit:ident {
        $( $(#[$doc:meta])* $snake:ident = $Name:ident($Fmt:ident) $diagram:literal; )*
    } )*) => {
        mod handlers {
            use super::*;
            $($(
                pub(super) fn $snake(hart: &mut Hart, memory: &mut Memory, op: &Op, rest: &[Op]) -> usize {
                    let mut exec = Exec::<false> { hart, memory, pc: op.pc, next: op.next };
                    let result = match &op.inst {
                        Inst::$Name(ops) => visit::$Visit::$snake(&mut exec, *ops),
                        // Handlers are chosen by `handler_of` alone.
                        _ => Err(Stop::Slow),
                    };
                    match result {
                        Ok(()) => go_on(hart, memory, rest),
                        // The trace may go where the jump does.
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
            )*)*
        }

        fn handler_of(inst: Inst) -> Handler {
            match inst {
                $($( Inst::$Name(_) => handlers::$snake, )*)*
            }
        }
    };
}

for_each_inst!(define_handlers);
