//! Which registers an instruction reads and writes.

use causality_machine::isa::format::Operand;
use causality_machine::isa::reg::{F, X};
use causality_machine::isa::{Extension, Inst};

/// A set of machine registers: `x` in the low half, `f` in the high half. `x0` is never in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct RegSet(u64);

impl RegSet {
    pub(crate) const EMPTY: RegSet = RegSet(0);

    pub(crate) const ALL: RegSet = RegSet(!1);

    pub(crate) const fn x(r: X) -> Self {
        RegSet(1 << r.index() & !1)
    }

    pub(crate) const fn f(r: F) -> Self {
        RegSet(1 << 32 << r.index())
    }

    pub(crate) const fn with(self, other: Self) -> Self {
        RegSet(self.0 | other.0)
    }

    pub(crate) const fn without(self, other: Self) -> Self {
        RegSet(self.0 & !other.0)
    }

    pub(crate) const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The stack pointer alone.
    pub(crate) const SP: RegSet = RegSet::x(X::SP);

    /// `sp`, and what calls preserve by convention: `s0` to `s11`.
    pub(crate) const SAVED: RegSet = RegSet(0x0ffc_0304);

    /// The integer registers whose bits are set.
    pub(crate) const fn of_x(bits: u32) -> Self {
        RegSet(bits as u64 & !1)
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        RegSet(self.0 & other.0)
    }

    /// The registers that may hold stack addresses behind `inst`, if these may before it.
    pub(crate) fn after_stack(self, inst: Inst) -> Self {
        let is_address = match inst {
            Inst::Addi(ops) => self.contains_x(ops.rs1),
            Inst::Add(ops) => self.contains_x(ops.rs1) || self.contains_x(ops.rs2),
            Inst::Sub(ops) => self.contains_x(ops.rs1) && !self.contains_x(ops.rs2),
            Inst::Sh1add(ops) | Inst::Sh2add(ops) | Inst::Sh3add(ops) => self.contains_x(ops.rs2),
            _ => false,
        };
        let rd = definitions(inst);
        if is_address { self.with(rd) } else { self.without(rd).with(Self::SP) }
    }

    pub(crate) const fn contains_x(self, r: X) -> bool {
        self.0 >> r.index() & 1 != 0
    }

    pub(crate) const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    pub(crate) fn iter_x(self) -> impl Iterator<Item = X> {
        X::ALL.into_iter().filter(move |&r| !r.is_zero() && self.contains(RegSet::x(r)))
    }

    pub(crate) fn iter_f(self) -> impl Iterator<Item = F> {
        F::ALL.into_iter().filter(move |&r| self.contains(RegSet::f(r)))
    }
}

fn operand(inst: Inst, name: &str) -> RegSet {
    match inst.operand(name) {
        Some(Operand::X(r)) => RegSet::x(r),
        Some(Operand::F(r)) => RegSet::f(r),
        _ => RegSet::EMPTY,
    }
}

/// What `inst` may read.
pub(crate) fn uses(inst: Inst) -> RegSet {
    if matches!(inst, Inst::Fence(_) | Inst::FenceI(_)) {
        return RegSet::EMPTY;
    }
    operand(inst, "rs1").with(operand(inst, "rs2")).with(operand(inst, "rs3"))
}

/// What `inst` writes.
pub(crate) fn definitions(inst: Inst) -> RegSet {
    if matches!(inst, Inst::Fence(_) | Inst::FenceI(_)) {
        return RegSet::EMPTY;
    }
    operand(inst, "rd")
}

/// Whether `inst` may use floating-point registers.
pub(crate) fn is_float(inst: Inst) -> bool {
    use Extension::{D, F, Zfa, Zfhmin};
    matches!(inst.opcode().extension(), F | D | Zfa | Zfhmin)
}

/// Whether another access than before may be allowed behind `inst`.
pub(crate) fn changes_access(inst: Inst) -> bool {
    use Inst::{Ecall, XrrConsume, XrrCreate, XrrSeal, XrrUpdate};
    matches!(inst, Ecall(_) | XrrConsume(_) | XrrCreate(_) | XrrSeal(_) | XrrUpdate(_))
}

/// Whether the host executes `inst` where code must hold on mispredicted paths too: its guards do not.
pub(crate) fn is_unsafe_to_speculate(inst: Inst) -> bool {
    inst.opcode().extension() == Extension::Xrr
}
