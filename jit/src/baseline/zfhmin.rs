//! Zfhmin: half precision as a storage format. Conversions are libcalls.

use causality_machine::isa::format::{FLoad, FMoveToX, FStore, FUnary, XMoveToF};
use causality_machine::isa::reg::F;
use causality_machine::isa::visit::VisitZfhmin;

use super::assembler::{Alu, Extend, RAX, RCX, Width};
use super::float::Float;
use super::{Emitted, Emitter};

impl Emitter<'_> {
    /// `f[rd]` = the half-word in `rax`, boxed.
    fn write_half(&mut self, rd: F) -> Emitted {
        self.a.constant(RCX, !0xffff);
        self.a.alu(Alu::Or, Width::Double, RAX, RCX);
        // A boxed half is a boxed single, too, if not one that means anything.
        self.write_bits(Float::Single, rd, RAX);
        Emitted::Done
    }
}

impl VisitZfhmin for Emitter<'_> {
    fn flh(&mut self, ops: FLoad) -> Emitted {
        if !self.host.avx {
            return Emitted::Libcall;
        }
        let (mem, _) = self.address(ops.rs1, ops.imm, 2, false);
        self.a.extend(Extend::U16, RAX, mem);
        self.write_half(ops.rd)
    }

    fn fsh(&mut self, ops: FStore) -> Emitted {
        if !self.host.avx {
            return Emitted::Libcall;
        }
        self.close_one(ops.rs2);
        let (mem, scratch) = self.address(ops.rs1, ops.imm, 2, true);
        self.bits_of(Width::Double, scratch, ops.rs2);
        self.a.store(2, mem, scratch);
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
        if !self.host.avx {
            return Emitted::Libcall;
        }
        self.close_one(ops.rs1);
        self.bits_of(Width::Word, RAX, ops.rs1);
        self.a.extend(Extend::I16, RAX, RAX);
        self.write(ops.rd, RAX);
        Emitted::Done
    }

    fn fmv_h_x(&mut self, ops: XMoveToF) -> Emitted {
        if !self.host.avx {
            return Emitted::Libcall;
        }
        self.a.extend(Extend::U16, RAX, super::register::place(ops.rs1));
        self.write_half(ops.rd)
    }
}
