//! Keeping Cranelift from moving and folding what raises flags.
//!
//! To Cranelift, arithmetic on floats is pure. It is folded if its operands are constants, and placed in front of a
//! loop if they do not change in it, where the loop may not have executed it. So before Cranelift optimises, every
//! such operation gets an operand that is neither: one that goes through memory. Compilers have moved what they could
//! out of loops themselves, so this is rare.
//!
//! It relies on two things. What is a float's value in a loop before optimisation is one after it, because loads of
//! floats are fenced and integers become floats only through memory. And Cranelift moves pure operations nowhere but
//! in front of loops and towards their first use.

use cranelift_codegen::CodegenError;
use cranelift_codegen::Context as Codegen;
use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::{Block, Inst, InstBuilder, Opcode, ValueDef};
use cranelift_codegen::isa::TargetIsa;

use super::own;
use crate::context::field;

/// Whether an operation raises flags or depends on the rounding mode.
fn is_sensitive(opcode: Opcode) -> bool {
    matches!(
        opcode,
        Opcode::Fadd
            | Opcode::Fsub
            | Opcode::Fmul
            | Opcode::Fdiv
            | Opcode::Sqrt
            | Opcode::Fma
            | Opcode::Fmin
            | Opcode::Fmax
            | Opcode::Fcmp
            | Opcode::Fpromote
            | Opcode::Fdemote
            | Opcode::FcvtToSintSat
            | Opcode::FcvtFromSint
            | Opcode::FcvtFromUint
    )
}

/// Whether Cranelift leaves an instruction where it is.
fn stays(opcode: Opcode) -> bool {
    opcode.can_load()
        || opcode.can_store()
        || opcode.other_side_effects()
        || opcode.is_call()
        || opcode.is_branch()
}

/// Where a value can be at the earliest.
#[derive(Clone, Copy)]
enum Place {
    /// It is a constant.
    Anywhere,
    /// In this block.
    In(Block),
}

/// Makes sensitive operations stay where they are.
pub(super) fn anchor(codegen: &mut Codegen, isa: &dyn TargetIsa) -> Result<(), CodegenError> {
    let func = &codegen.func;
    let insts = func.layout.blocks().flat_map(|block| func.layout.block_insts(block));
    if !insts.map(|inst| func.dfg.insts[inst].opcode()).any(is_sensitive) {
        return Ok(());
    }
    // As Cranelift does before it optimises.
    codegen.flowgraph();
    codegen.eliminate_unreachable_code(isa)?;
    codegen.remove_constant_phis(isa)?;
    codegen.func.dfg.resolve_all_aliases();
    codegen.flowgraph();
    codegen.compute_loop_analysis();
    for inst in movable(codegen) {
        shroud(codegen, inst);
    }
    Ok(())
}

/// Sensitive operations that are folded or moved if nothing is done.
fn movable(codegen: &Codegen) -> Vec<Inst> {
    let Codegen { func, domtree, loop_analysis: loops, .. } = codegen;
    let mut places = std::collections::HashMap::new();
    let mut movable = Vec::new();
    let order: Vec<Block> = domtree.cfg_postorder().iter().rev().copied().collect();
    let rank: std::collections::HashMap<Block, usize> =
        order.iter().enumerate().map(|(rank, &block)| (block, rank)).collect();
    for &block in &order {
        for inst in func.layout.block_insts(block) {
            let opcode = func.dfg.insts[inst].opcode();
            let [result] = *func.dfg.inst_results(inst) else { continue };
            if stays(opcode) {
                places.insert(result, Place::In(block));
                continue;
            }
            let mut place = Place::Anywhere;
            for &argument in func.dfg.inst_args(inst) {
                let other = match func.dfg.value_def(argument) {
                    ValueDef::Param(block, _) => Place::In(block),
                    _ => places.get(&argument).copied().unwrap_or(Place::In(block)),
                };
                place = match (place, other) {
                    (Place::In(a), Place::In(b)) => Place::In(if rank[&a] < rank[&b] { b } else { a }),
                    (Place::Anywhere, other) => other,
                    (place, Place::Anywhere) => place,
                };
            }
            if is_sensitive(opcode) {
                let stays = match (place, loops.innermost_loop(block)) {
                    (Place::Anywhere, _) => false,
                    (Place::In(_), None) => true,
                    (Place::In(place), Some(innermost)) => loops.is_in_loop(place, innermost),
                };
                if !stays {
                    movable.push(inst);
                }
                place = Place::In(block);
            }
            places.insert(result, place);
        }
    }
    movable
}

/// Takes the first operand through memory.
fn shroud(codegen: &mut Codegen, inst: Inst) {
    let func = &mut codegen.func;
    let Some(entry) = func.layout.entry_block() else { return };
    let vm = func.dfg.block_params(entry)[0];
    let value = func.dfg.inst_args(inst)[0];
    let ty = func.dfg.value_type(value);
    let mut cursor = FuncCursor::new(func).at_inst(inst);
    cursor.ins().store(own(), value, vm, field!(scratch));
    cursor.ins().sequence_point();
    let value = cursor.ins().load(ty, own(), vm, field!(scratch));
    cursor.func.dfg.inst_args_mut(inst)[0] = value;
}
