//! Where guest registers live: some in host registers for good, the others in their homes in the context.
//!
//! The map is the same for all code, so that calls, returns and jumps between units move nothing. `x0` is read from its
//! home, which is always zero.

use causality_machine::isa::reg::{F, X};

use super::Emitter;
use super::assembler::{
    Alu, Assembler, Extend, Gpr, Mem, R8, R9, R10, R11, R12, R13, R15, RAX, RBP, RBX, RDI, RDX, RSI, Rm,
    Width, Xm, Xmm,
};
use crate::context::{f_home, x_home};
use crate::region::RegSet;

/// The context; see [`crate::context`].
pub(super) const VM: Gpr = R15;

/// All ones, wherever floating-point registers are in their places.
pub(super) const ONES: Xmm = Xmm(3);

/// Integer registers that live in host registers: those that compiled code uses most. Free for anything are `rax` and
/// `rcx`, and `rdx` where it is saved.
pub(super) const PINNED: [(X, Gpr); 11] = [
    (X::A5, RBX),
    (X::A4, RSI),
    (X::A3, RDI),
    (X::A0, RBP),
    (X::A2, R8),
    (X::A1, R9),
    (X::S2, R10),
    (X::S1, R11),
    (X::S0, R12),
    (X::SP, R13),
    (X::S3, RDX),
];

/// Floating-point registers that live in vector registers. Free for anything are the first three.
pub(super) const PINNED_F: [(F, Xmm); 12] = [
    (F::FA0, Xmm(4)),
    (F::FA1, Xmm(5)),
    (F::FA2, Xmm(6)),
    (F::FA3, Xmm(7)),
    (F::FA4, Xmm(8)),
    (F::FA5, Xmm(9)),
    (F::FA6, Xmm(10)),
    (F::FA7, Xmm(11)),
    (F::FS0, Xmm(12)),
    (F::FS1, Xmm(13)),
    (F::FT0, Xmm(14)),
    (F::FT1, Xmm(15)),
];

const fn places() -> [Rm; 32] {
    let mut places = [Rm::Reg(RAX); 32];
    let mut i = 0;
    while i < 32 {
        places[i] = Rm::Mem(Mem::at(VM, x_home(i)));
        i += 1;
    }
    let mut i = 0;
    while i < PINNED.len() {
        places[PINNED[i].0.index()] = Rm::Reg(PINNED[i].1);
        i += 1;
    }
    places
}

const fn places_f() -> [Xm; 32] {
    let mut places = [Xm::Reg(Xmm(0)); 32];
    let mut i = 0;
    while i < 32 {
        places[i] = Xm::Mem(Mem::at(VM, f_home(i)));
        i += 1;
    }
    let mut i = 0;
    while i < PINNED_F.len() {
        places[PINNED_F[i].0.index()] = Xm::Reg(PINNED_F[i].1);
        i += 1;
    }
    places
}

/// Registers that are operands in memory.
pub(crate) const IN_MEMORY: RegSet = {
    let mut set = RegSet::ALL;
    let mut i = 0;
    while i < PINNED.len() {
        set = set.without(RegSet::x(PINNED[i].0));
        i += 1;
    }
    let mut i = 0;
    while i < PINNED_F.len() {
        set = set.without(RegSet::f(PINNED_F[i].0));
        i += 1;
    }
    set
};

static PLACES: [Rm; 32] = places();
static PLACES_F: [Xm; 32] = places_f();

/// Where an integer register lives.
pub(super) fn place(r: X) -> Rm {
    PLACES[r.index()]
}

/// Where a floating-point register lives.
pub(super) fn place_f(r: F) -> Xm {
    PLACES_F[r.index()]
}

/// The host register of an integer register, if it has one.
pub(super) fn pinned(r: X) -> Option<Gpr> {
    match place(r) {
        Rm::Reg(reg) => Some(reg),
        Rm::Mem(_) => None,
    }
}

/// Takes all pinned integer registers from their homes. Leaves flags and other registers as they are.
pub(super) fn load_all(a: &mut Assembler) {
    for (r, reg) in PINNED {
        a.mov(Width::Double, reg, Mem::at(VM, x_home(r.index())));
    }
}

/// The same of floating-point registers.
pub(super) fn load_floats(a: &mut Assembler) {
    for (r, reg) in PINNED_F {
        a.vector_load(8, reg, Mem::at(VM, f_home(r.index())));
    }
    a.vector_ones(ONES);
}

/// Writes all pinned integer registers to their homes.
pub(super) fn store_all(a: &mut Assembler) {
    for (r, reg) in PINNED {
        a.store(8, Mem::at(VM, x_home(r.index())), reg);
    }
}

/// The same of floating-point registers.
pub(super) fn store_floats(a: &mut Assembler) {
    for (r, reg) in PINNED_F {
        a.vector_store(8, Mem::at(VM, f_home(r.index())), reg);
    }
}

impl Emitter<'_> {
    /// `rax` holds `x[r]` too.
    fn is_in_rax(&mut self, r: X) {
        if pinned(r).is_none() {
            self.in_rax = Some((r, self.a.rax()));
        }
    }

    /// Where `x[r]` can be read now: its place, or `rax`, if that holds it still.
    pub(super) fn now(&self, r: X) -> Rm {
        if self.in_rax == Some((r, self.a.rax())) { RAX.into() } else { place(r) }
    }

    /// A host register that holds `x[r]`: its own, or `scratch`, loaded.
    pub(super) fn read(&mut self, r: X, scratch: Gpr) -> Gpr {
        match place(r) {
            Rm::Reg(reg) => reg,
            Rm::Mem(_) => {
                self.load(scratch, r);
                scratch
            }
        }
    }

    /// `dst = x[r]`.
    pub(super) fn load(&mut self, dst: Gpr, r: X) {
        match self.now(r) {
            Rm::Reg(reg) => self.a.copy(dst, reg),
            Rm::Mem(home) => {
                self.a.mov(Width::Double, dst, home);
                if dst == RAX {
                    self.is_in_rax(r);
                }
            }
        }
    }

    /// `dst = x[r][31:0]`.
    pub(super) fn load_word(&mut self, dst: Gpr, r: X) {
        self.a.mov(Width::Word, dst, self.now(r));
    }

    /// The register to compute `x[rd]` in, for [`Emitter::write`].
    pub(super) fn target(&self, rd: X) -> Gpr {
        pinned(rd).unwrap_or(RAX)
    }

    /// `x[rd] = value`.
    pub(super) fn write(&mut self, rd: X, value: Gpr) {
        self.changes(rd);
        match place(rd) {
            _ if rd.is_zero() => {}
            Rm::Reg(reg) => self.a.copy(reg, value),
            Rm::Mem(home) => {
                self.a.store(8, home, value);
                if value == RAX {
                    self.is_in_rax(rd);
                }
            }
        }
    }

    /// Adds a constant to `x[rd]`, of which other facts are kept.
    pub(super) fn advance(&mut self, rd: X, imm: i32) {
        let now = self.now(rd);
        self.a.alu_imm(Alu::Add, Width::Double, now, imm);
        match place(rd) {
            Rm::Mem(home) if now == RAX.into() => {
                self.a.store(8, home, RAX);
                self.is_in_rax(rd);
            }
            _ => self.in_rax = self.in_rax.filter(|&(r, _)| r != rd),
        }
    }

    /// `x[rd] = sext(value[31:0])`; changes `value`, unless it is another guest register.
    pub(super) fn write_word(&mut self, rd: X, value: Gpr) {
        self.changes(rd);
        match place(rd) {
            _ if rd.is_zero() => {}
            Rm::Reg(reg) => self.a.extend(Extend::I32, reg, value),
            Rm::Mem(home) => {
                self.a.extend(Extend::I32, RAX, value);
                self.a.store(8, home, RAX);
                self.is_in_rax(rd);
            }
        }
    }

    /// `x[rd]` = a constant.
    pub(super) fn write_constant(&mut self, rd: X, value: u64) {
        if rd.is_zero() {
            return;
        }
        self.changes(rd);
        self.facts.constants[rd.index()] = Some(value);
        match place(rd) {
            Rm::Reg(reg) if value == 0 => self.a.zero(reg),
            Rm::Reg(reg) => self.a.constant(reg, value),
            Rm::Mem(home) => match i32::try_from(value as i64) {
                Ok(value) => self.a.store_imm(8, home, value),
                Err(_) => {
                    self.a.constant(RAX, value);
                    self.a.store(8, home, RAX);
                }
            },
        }
    }

    /// Flags of comparing `x[a]` with `x[b]`.
    pub(super) fn compare(&mut self, a: X, b: X) {
        match (self.now(a), self.now(b)) {
            (one, _) if b.is_zero() => match one {
                Rm::Reg(reg) => self.a.test(Width::Double, reg, reg),
                Rm::Mem(home) => self.a.alu_imm(Alu::Cmp, Width::Double, home, 0),
            },
            (Rm::Reg(reg), other) => self.a.alu(Alu::Cmp, Width::Double, reg, other),
            (Rm::Mem(home), Rm::Reg(reg)) => self.a.alu_mem(Alu::Cmp, Width::Double, home, reg),
            (Rm::Mem(home), other) => {
                self.a.mov(Width::Double, RAX, home);
                self.a.alu(Alu::Cmp, Width::Double, RAX, other);
            }
        }
    }

    /// `x[rd]` is about to get another value.
    pub(super) fn changes(&mut self, rd: X) {
        if !rd.is_zero() {
            self.facts.constants[rd.index()] = None;
            self.facts.guards.forget(rd);
            if self.in_rax.is_some_and(|(r, _)| r == rd) {
                self.in_rax = None;
            }
        }
    }
}
