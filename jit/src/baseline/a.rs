//! A: load-reserved, store-conditional and atomic memory operations.
//!
//! There is one hart, so each is a plain read, modify, write. All must be naturally aligned; one that is not leaves, and
//! the interpreter traps. The old value is in `rdx`, which is saved meanwhile.

use causality_machine::isa::format::{Amo, Lr};
use causality_machine::isa::reg::X;
use causality_machine::isa::visit::VisitA;

use super::assembler::{Alu, Cond, Extend, Mem, RAX, RCX, RDX, Width};
use super::register::VM;
use super::{Emitted, Emitter};
use crate::context::{GUEST, field};

/// How the value in memory changes.
#[derive(Clone, Copy)]
enum Change {
    Replace,
    Operate(Alu),
    /// To the operand, if the old value compares so with it.
    ReplaceIf(Cond),
}

const ADDRESS: Mem = Mem::at(VM, field!(hart.reservation.addr));
const SIZE: Mem = Mem::at(VM, field!(hart.reservation.size));

/// Bytes of a word or doubleword.
const fn size(width: Width) -> i64 {
    match width {
        Width::Word => 4,
        Width::Double => 8,
    }
}

/// How it is loaded.
const fn extension(width: Width) -> Extend {
    match width {
        Width::Word => Extend::I32,
        Width::Double => Extend::U64,
    }
}

impl Emitter<'_> {
    fn load_reserved(&mut self, ops: Lr, width: Width) -> Emitted {
        let mem = self.take_address(ops.rs1, width, false);
        self.load(RCX, ops.rs1);
        self.a.store(8, ADDRESS, RCX);
        self.a.store_imm(8, SIZE, size(width) as i32);
        self.a.extend(extension(width), RCX, mem);
        self.write(ops.rd, RCX);
        Emitted::Done
    }

    /// The place of the aligned `x[base]`, guarded, which takes `rax` and not `rcx`.
    fn take_address(&mut self, base: X, width: Width, store: bool) -> Mem {
        let reg = self.read(base, RAX);
        self.a.test_imm(reg, size(width) as i32 - 1);
        self.leave_if(Cond::NotEqual);
        self.address(base, 0, size(width), store);
        if self.tunables.speculation_safe {
            self.a.copy(RAX, RCX);
        } else {
            self.load(RAX, base);
        }
        Mem::indexed(VM, RAX, 0, GUEST)
    }

    /// `rd` = the value in memory, which then changes.
    fn atomic(&mut self, ops: Amo, width: Width, change: Change) -> Emitted {
        let Amo { rd, rs1, rs2, .. } = ops;
        let mem = self.take_address(rs1, width, true);
        self.load(RCX, rs2);
        self.save_rdx();
        self.a.extend(extension(width), RDX, mem);
        match change {
            Change::Replace => {}
            Change::Operate(op) => self.a.alu(op, Width::Double, RCX, RDX),
            Change::ReplaceIf(cond) => {
                self.a.alu(Alu::Cmp, width, RDX, RCX);
                // Keeps the old value where the operand does not win.
                self.a.move_if(opposite(cond), RCX, RDX);
            }
        }
        self.a.store(size(width), mem, RCX);
        self.a.copy(RCX, RDX);
        self.restore_rdx();
        self.write(rd, RCX);
        Emitted::Done
    }

    /// Without a reservation of this very word, stores nothing.
    fn store_conditional(&mut self, ops: Amo, width: Width) -> Emitted {
        let Amo { rd, rs1, rs2, .. } = ops;
        let mem = self.take_address(rs1, width, true);
        let address = self.read(rs1, RCX);
        self.a.alu(Alu::Cmp, Width::Double, address, ADDRESS);
        let elsewhere = self.a.skip_if(Cond::NotEqual);
        self.a.alu_imm(Alu::Cmp, Width::Double, SIZE, size(width) as i32);
        let differs = self.a.skip_if(Cond::NotEqual);
        let value = self.read(rs2, RCX);
        self.a.store(size(width), mem, value);
        self.a.constant(RAX, 0);
        let done = self.a.skip();
        self.a.arrive(elsewhere);
        self.a.arrive(differs);
        self.a.constant(RAX, 1);
        self.a.arrive(done);
        self.a.store_imm(8, ADDRESS, 0);
        self.a.store_imm(8, SIZE, 0);
        self.write(rd, RAX);
        Emitted::Done
    }
}

const fn opposite(cond: Cond) -> Cond {
    match cond {
        Cond::Greater => Cond::LessEqual,
        Cond::Less => Cond::GreaterEqual,
        Cond::Above => Cond::BelowEqual,
        _ => Cond::AboveEqual,
    }
}

impl VisitA for Emitter<'_> {
    fn lr_w(&mut self, ops: Lr) -> Emitted {
        self.load_reserved(ops, Width::Word)
    }

    fn sc_w(&mut self, ops: Amo) -> Emitted {
        self.store_conditional(ops, Width::Word)
    }

    fn amoswap_w(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, Width::Word, Change::Replace)
    }

    fn amoadd_w(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, Width::Word, Change::Operate(Alu::Add))
    }

    fn amoxor_w(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, Width::Word, Change::Operate(Alu::Xor))
    }

    fn amoand_w(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, Width::Word, Change::Operate(Alu::And))
    }

    fn amoor_w(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, Width::Word, Change::Operate(Alu::Or))
    }

    fn amomin_w(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, Width::Word, Change::ReplaceIf(Cond::Greater))
    }

    fn amomax_w(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, Width::Word, Change::ReplaceIf(Cond::Less))
    }

    fn amominu_w(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, Width::Word, Change::ReplaceIf(Cond::Above))
    }

    fn amomaxu_w(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, Width::Word, Change::ReplaceIf(Cond::Below))
    }

    fn lr_d(&mut self, ops: Lr) -> Emitted {
        self.load_reserved(ops, Width::Double)
    }

    fn sc_d(&mut self, ops: Amo) -> Emitted {
        self.store_conditional(ops, Width::Double)
    }

    fn amoswap_d(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, Width::Double, Change::Replace)
    }

    fn amoadd_d(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, Width::Double, Change::Operate(Alu::Add))
    }

    fn amoxor_d(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, Width::Double, Change::Operate(Alu::Xor))
    }

    fn amoand_d(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, Width::Double, Change::Operate(Alu::And))
    }

    fn amoor_d(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, Width::Double, Change::Operate(Alu::Or))
    }

    fn amomin_d(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, Width::Double, Change::ReplaceIf(Cond::Greater))
    }

    fn amomax_d(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, Width::Double, Change::ReplaceIf(Cond::Less))
    }

    fn amominu_d(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, Width::Double, Change::ReplaceIf(Cond::Above))
    }

    fn amomaxu_d(&mut self, ops: Amo) -> Emitted {
        self.atomic(ops, Width::Double, Change::ReplaceIf(Cond::Below))
    }
}
