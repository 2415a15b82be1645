//! Zfhmin: half precision as a storage format. Conversions are libcalls.

use causality_machine::isa::format::{FLoad, FMoveToX, FStore, FUnary, XMoveToF};
use causality_machine::isa::visit::VisitZfhmin;
use cranelift_codegen::ir::{InstBuilder, Value, types};

use super::{Emitted, Emitter};

impl Emitter<'_> {
    /// Boxes the low half-word of `value`.
    fn box_half(&mut self, value: Value) -> Value {
        let bits = self.b.ins().bor_imm_s(value, !0xffff);
        self.float_of_bits(bits)
    }
}

impl VisitZfhmin for Emitter<'_> {
    fn flh(&mut self, ops: FLoad) -> Emitted {
        let half = self.load(types::I16, ops.rs1, ops.imm);
        let half = self.b.ins().uextend(types::I64, half);
        let value = self.box_half(half);
        self.set_float(ops.rd, value);
        Emitted::Done
    }

    fn fsh(&mut self, ops: FStore) -> Emitted {
        let half = self.low_bits(types::I16, ops.rs2);
        self.store(half, ops.rs1, ops.imm);
        Emitted::Done
    }

    fn fcvt_s_h(&mut self, _: FUnary) -> Emitted {
        Emitted::Libcall
    }

    fn fcvt_h_s(&mut self, _: FUnary) -> Emitted {
        Emitted::Libcall
    }

    fn fcvt_d_h(&mut self, _: FUnary) -> Emitted {
        Emitted::Libcall
    }

    fn fcvt_h_d(&mut self, _: FUnary) -> Emitted {
        Emitted::Libcall
    }

    fn fmv_x_h(&mut self, ops: FMoveToX) -> Emitted {
        let half = self.low_bits(types::I16, ops.rs1);
        let value = self.b.ins().sextend(types::I64, half);
        self.set_x(ops.rd, value);
        Emitted::Done
    }

    fn fmv_h_x(&mut self, ops: XMoveToF) -> Emitted {
        let bits = self.x(ops.rs1);
        let value = self.box_half(bits);
        self.set_float(ops.rd, value);
        Emitted::Done
    }
}
