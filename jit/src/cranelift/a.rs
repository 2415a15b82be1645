//! A: load-reserved, store-conditional and atomic memory operations.
//!
//! There is one hart, so each is a plain read, modify, write. All must be naturally aligned; one that is not
//! leaves at the checkpoint before it has done anything, and the interpreter traps.

use causality_machine::isa::format::{Amo, Lr};
use causality_machine::isa::reg::X;
use causality_machine::isa::visit::VisitA;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Type, Value, types};

use super::{Emitted, Emitter};
use crate::context::field;

impl Emitter<'_> {
    /// A checkpoint follows, so that whoever sees the hart at the last one does not see a reservation yet to
    /// be made.
    fn load_reserved(&mut self, ops: Lr, ty: Type) -> Emitted {
        let addr = self.x(ops.rs1);
        let size = i64::from(ty.bytes());
        let place = self.aligned(ops.rs1, size, false);
        let value = self.load_at(ty, place);
        let size = self.iconst(size as u64);
        self.set_reservation(addr, size);
        self.is_checkpoint_due = true;
        self.set_extended(ops.rd, value);
        Emitted::Done
    }

    /// Without a reservation of this very word, stores what is there already.
    fn store_conditional(&mut self, ops: Amo, ty: Type) -> Emitted {
        let addr = self.x(ops.rs1);
        let new = self.narrow(ops.rs2, ty);
        let size = i64::from(ty.bytes());
        let place = self.aligned(ops.rs1, size, true);
        let is_reserved = self.is_reserved(addr, size);
        let old = self.load_at(ty, place);
        let value = self.b.ins().select(is_reserved, new, old);
        self.store_at(value, place);
        let zero = self.iconst(0);
        self.set_reservation(zero, zero);
        let failed = self.b.ins().bxor_imm_u(is_reserved, 1);
        let failed = self.b.ins().uextend(types::I64, failed);
        self.set_x(ops.rd, failed);
        Emitted::Done
    }

    /// `rd` = the word, the word = `f(word, rs2)`.
    fn atomic(&mut self, ops: Amo, ty: Type, f: impl FnOnce(&mut Self, Value, Value) -> Value) -> Emitted {
        let operand = self.narrow(ops.rs2, ty);
        let place = self.aligned(ops.rs1, i64::from(ty.bytes()), true);
        let old = self.load_at(ty, place);
        let new = f(self, old, operand);
        self.store_at(new, place);
        self.set_extended(ops.rd, old);
        Emitted::Done
    }

    /// A register's low bits, as many as `ty` has.
    fn narrow(&mut self, r: X, ty: Type) -> Value {
        if ty == types::I32 { self.w(r) } else { self.x(r) }
    }

    /// Gives `rd` a word or a doubleword.
    fn set_extended(&mut self, rd: X, value: Value) {
        if self.b.func.dfg.value_type(value) == types::I32 {
            self.set_w(rd, value);
        } else {
            self.set_x(rd, value);
        }
    }

    fn is_reserved(&mut self, addr: Value, size: i64) -> Value {
        let reserved_addr = self.field(types::I64, field!(hart.reservation.addr));
        let reserved_size = self.field(types::I64, field!(hart.reservation.size));
        let same_addr = self.b.ins().icmp(IntCC::Equal, reserved_addr, addr);
        let same_size = self.b.ins().icmp_imm_s(IntCC::Equal, reserved_size, size);
        self.b.ins().band(same_addr, same_size)
    }

    fn set_reservation(&mut self, addr: Value, size: Value) {
        self.set_field(field!(hart.reservation.addr), addr);
        self.set_field(field!(hart.reservation.size), size);
    }
}

impl VisitA for Emitter<'_> {
    fn lr_w(&mut self, ops: Lr) -> Emitted {
        self.load_reserved(ops, types::I32)
    }

    fn sc_w(&mut self, ops: Amo) -> Emitted {
        self.store_conditional(ops, types::I32)
    }

    fn amoswap_w(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, types::I32, |_, _, b| b)
    }

    fn amoadd_w(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, types::I32, |e, a, b| e.b.ins().iadd(a, b))
    }

    fn amoxor_w(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, types::I32, |e, a, b| e.b.ins().bxor(a, b))
    }

    fn amoand_w(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, types::I32, |e, a, b| e.b.ins().band(a, b))
    }

    fn amoor_w(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, types::I32, |e, a, b| e.b.ins().bor(a, b))
    }

    fn amomin_w(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, types::I32, |e, a, b| e.b.ins().smin(a, b))
    }

    fn amomax_w(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, types::I32, |e, a, b| e.b.ins().smax(a, b))
    }

    fn amominu_w(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, types::I32, |e, a, b| e.b.ins().umin(a, b))
    }

    fn amomaxu_w(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, types::I32, |e, a, b| e.b.ins().umax(a, b))
    }

    fn lr_d(&mut self, ops: Lr) -> Emitted {
        self.load_reserved(ops, types::I64)
    }

    fn sc_d(&mut self, ops: Amo) -> Emitted {
        self.store_conditional(ops, types::I64)
    }

    fn amoswap_d(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, types::I64, |_, _, b| b)
    }

    fn amoadd_d(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, types::I64, |e, a, b| e.b.ins().iadd(a, b))
    }

    fn amoxor_d(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, types::I64, |e, a, b| e.b.ins().bxor(a, b))
    }

    fn amoand_d(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, types::I64, |e, a, b| e.b.ins().band(a, b))
    }

    fn amoor_d(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, types::I64, |e, a, b| e.b.ins().bor(a, b))
    }

    fn amomin_d(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, types::I64, |e, a, b| e.b.ins().smin(a, b))
    }

    fn amomax_d(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, types::I64, |e, a, b| e.b.ins().smax(a, b))
    }

    fn amominu_d(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, types::I64, |e, a, b| e.b.ins().umin(a, b))
    }

    fn amomaxu_d(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, types::I64, |e, a, b| e.b.ins().umax(a, b))
    }
}
