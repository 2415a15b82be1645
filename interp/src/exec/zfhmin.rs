//! Zfhmin: half-precision as a storage format.

use causality_isa::format::{FLoad, FMoveToX, FStore, FUnary, XMoveToF};
use causality_isa::visit::VisitZfhmin;

use super::{Exec, Retire};
use crate::softfloat::{self as sf, F16, F32, F64};

impl<const FULL: bool> VisitZfhmin for Exec<'_, FULL> {
    fn flh(&mut self, ops: FLoad) -> Retire {
        let bits = u16::from_le_bytes(self.load_bytes(self.address(ops.rs1, ops.imm))?);
        self.hart.f[ops.rd.index()] = !0xffff | u64::from(bits);
        Ok(())
    }

    fn fsh(&mut self, ops: FStore) -> Retire {
        let bits = self.hart.f[ops.rs2.index()] as u16;
        self.store_bytes(self.address(ops.rs1, ops.imm), bits.to_le_bytes())
    }

    fn fcvt_s_h(&mut self, ops: FUnary) -> Retire {
        self.convert(ops, sf::convert::<F16, F32>)
    }

    fn fcvt_h_s(&mut self, ops: FUnary) -> Retire {
        self.convert(ops, sf::convert::<F32, F16>)
    }

    fn fcvt_d_h(&mut self, ops: FUnary) -> Retire {
        self.convert(ops, sf::convert::<F16, F64>)
    }

    fn fcvt_h_d(&mut self, ops: FUnary) -> Retire {
        self.convert(ops, sf::convert::<F64, F16>)
    }

    fn fmv_x_h(&mut self, ops: FMoveToX) -> Retire {
        self.set_x(ops.rd, self.hart.f[ops.rs1.index()] as i16 as u64);
        Ok(())
    }

    fn fmv_h_x(&mut self, ops: XMoveToF) -> Retire {
        self.hart.f[ops.rd.index()] = !0xffff | self.x(ops.rs1);
        Ok(())
    }
}
