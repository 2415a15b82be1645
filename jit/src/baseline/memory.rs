//! Loads, stores and their guards: the only file of this tier that emits guest addresses.
//!
//! A guard compares the address with a range known to have no holes: the stack, if the address is made from `sp`, else
//! text to heap for loads and data to heap for stores. Outside that range the permissions of the pages are looked up, out
//! of line; only if they do not allow the access does control leave, before the instruction. Where most memory is outside that
//! range, the page table is looked at in its place: one entry, which speaks of two pages. A guard covers what follows
//! it through the same base as far as that keeps its value, and what was guarded is not guarded again until control
//! may have come from elsewhere.

use std::mem::offset_of;

use causality_machine::Memory;
use causality_machine::isa::Inst;
use causality_machine::isa::reg::X;
use causality_machine::memory::Perms;

use super::Emitter;
use super::assembler::{Alu, Assembler, Cond, Extend, Gpr, Label, Mem, RAX, RCX, Shift, Short, Width};
use super::float::Open;
use super::loops::{Ahead, Sum};
use super::register::{VM, pinned};
use super::trap::{Kind, Shared};
use super::unit::Marks;
use crate::context::{GUEST, Range, SPANS, WINDOW, field, near};
use crate::cranelift::access;
use crate::region::{Flow, RegSet, changes_access, flow, is_link};

/// The most bytes that are guarded together.
pub(super) const GROUP: i64 = 512;

/// How many instructions a guard looks ahead.
const AHEAD: usize = 20;

/// How many instructions of a loop are looked at for what becomes of stack addresses.
const LOOP: usize = 64;

/// The most facts kept.
const FACTS: usize = 12;

/// These bytes, relative to a register, or absolute for `x0`, may be accessed.
#[derive(Clone, Copy, Debug)]
struct Fact {
    base: X,
    lo: i64,
    hi: i64,
    store: bool,
}

/// What is known about addresses.
#[derive(Clone, Debug)]
pub(super) struct Guards {
    facts: Vec<Fact>,
    /// Registers there are facts about.
    bases: u32,
}

impl Guards {
    /// Nothing.
    pub(super) const NONE: Guards = Guards { facts: Vec::new(), bases: 0 };

    /// Forgets what is known about a register.
    pub(super) fn forget(&mut self, r: X) {
        if self.bases >> r.index() & 1 != 0 && !r.is_zero() {
            self.facts.retain(|fact| fact.base != r);
            self.bases &= !(1 << r.index());
        }
    }

    /// Forgets everything.
    pub(super) fn forget_all(&mut self) {
        self.facts.clear();
        self.bases = 0;
    }

    /// `x[r]` is `change` more than it was.
    pub(super) fn shift(&mut self, r: X, change: i64) {
        for fact in self.facts.iter_mut().filter(|fact| fact.base == r) {
            fact.lo -= change;
            fact.hi -= change;
        }
    }

    /// Keeps what is known there too.
    pub(super) fn meet(&mut self, other: &Guards) {
        let theirs = if self.bases & other.bases == 0 { &[] } else { &other.facts[..] };
        let both = |ours: &Fact| {
            let common = theirs.iter().filter(|fact| fact.base == ours.base).map(|fact| Fact {
                base: ours.base,
                lo: ours.lo.max(fact.lo),
                hi: ours.hi.min(fact.hi),
                store: ours.store & fact.store,
            });
            common.filter(|fact| fact.lo < fact.hi).max_by_key(|fact| fact.hi - fact.lo)
        };
        self.facts = self.facts.iter().filter_map(both).collect();
        self.bases = self.facts.iter().fold(0, |bases, fact| bases | 1 << fact.base.index());
    }

    /// `x[to]` becomes what `x[from]` is, plus `change`.
    pub(super) fn copy(&mut self, to: X, from: X, change: i64) {
        for i in 0..self.facts.len() {
            let fact = self.facts[i];
            if fact.base == from {
                self.learn(Fact { base: to, lo: fact.lo - change, hi: fact.hi - change, ..fact });
            }
        }
    }

    fn knows(&self, base: X, lo: i64, hi: i64, store: bool) -> bool {
        self.bases >> base.index() & 1 != 0
            && self
                .facts
                .iter()
                .any(|fact| fact.base == base && fact.lo <= lo && hi <= fact.hi && fact.store >= store)
    }

    fn learn(&mut self, fact: Fact) {
        if self.facts.len() == FACTS {
            self.facts.remove(0);
        }
        self.facts.push(fact);
        self.bases |= 1 << fact.base.index();
    }
}

/// What to do if the first comparison of a guard fails.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outside {
    back: Label,
    /// Whether what is compared is relative to the stack.
    is_stack: bool,
    /// Which of the functions that look up permissions.
    check: usize,
    /// How many bytes.
    len: i64,
    /// What holds the base, if the address has to be made from it again.
    safe: Option<Gpr>,
    /// The same where the page table has been looked at first, and how far the address is from it.
    paged: Option<(Gpr, i64)>,
    /// Where to go if the access is not allowed, instead of leaving.
    pub(super) denied: Option<Label>,
}

impl Outside {
    const fn is_store(&self) -> bool {
        self.check >= SPANS.len()
    }
}

/// What a guard does where the access is not allowed.
#[derive(Clone, Copy, Debug)]
enum Otherwise {
    Leave,
    Go(Label),
    /// Leaves, and has the base in `rcx`, or 0 on mispredicted paths.
    Safe,
}

/// A range of bytes relative to a register.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hull {
    pub(super) lo: i64,
    pub(super) hi: i64,
    pub(super) store: bool,
}

impl Hull {
    /// How many bytes.
    pub(super) const fn len(self) -> i64 {
        self.hi - self.lo
    }

    /// Both, if that is not too much to be guarded together.
    pub(super) fn with(self, other: Hull) -> Option<Hull> {
        let both =
            Hull { lo: self.lo.min(other.lo), hi: self.hi.max(other.hi), store: self.store | other.store };
        (both.len() <= GROUP).then_some(both)
    }

    /// Which of [`SPANS`] it needs.
    fn slot(self) -> usize {
        let span = self.len() as u64;
        SPANS.iter().position(|&s| span <= s).unwrap_or(SPANS.len() - 1)
    }
}

/// What has been guarded, relative to a register that holds a guest address.
pub(super) fn guarded((base, offset): (Gpr, i64), more: i64) -> Mem {
    Mem::indexed(VM, base, 0, GUEST + (offset + more) as i32)
}

impl Emitter<'_> {
    /// The hull of this access and of those behind it through the same base.
    fn hull(&self, base: X, own: Hull) -> Hull {
        let mut hull = own;
        // What has been added to the base meanwhile.
        let mut shift = 0;
        let mut is_certain = true;
        for code in self.unit.codes.iter().skip(self.index + 1).take(AHEAD) {
            if code.marks.has(Marks::ENTERED) {
                break;
            }
            if let Some(next) = access(code.at.inst)
                && next.base == base
                && (is_certain || hull.store >= next.store)
            {
                let lo = shift + next.imm;
                hull = hull.with(Hull { lo, hi: lo + next.size, store: next.store }).unwrap_or(hull);
            }
            if code.rd == base {
                match code.at.inst {
                    Inst::Addi(ops) if ops.rs1 == base => shift += i64::from(ops.imm),
                    _ => break,
                }
            }
            match flow(&code.at) {
                Flow::Straight if changes_access(code.at.inst) => break,
                Flow::Straight => {}
                Flow::Jump { .. } | Flow::Return | Flow::Indirect => break,
                // What may not be executed must not make a load one that is denied.
                _ => is_certain = false,
            }
        }
        hull
    }

    /// Makes sure that `size` bytes at `x[base] + imm` may be accessed. Returns where they are, and a scratch register
    /// that this does not use.
    pub(super) fn address(&mut self, base: X, imm: i32, size: i64, store: bool) -> (Mem, Gpr) {
        if let Some(constant) = self.facts.constants[base.index()].filter(|_| !self.tunables.speculation_safe)
            && let Some(mem) = self.absolute(constant.wrapping_add_signed(i64::from(imm)), size, store)
        {
            return (mem, RAX);
        }
        let reg = self.read(base, RAX);
        let is_stack = self.in_stack.contains_x(base);
        let imm = i64::from(imm);
        let own = Hull { lo: imm, hi: imm + size, store };
        if self.tunables.speculation_safe {
            self.guard(reg, is_stack, own, Otherwise::Safe);
            return (Mem::indexed(VM, RCX, 0, GUEST + imm as i32), RAX);
        }
        if !self.facts.guards.knows(base, own.lo, own.hi, store) {
            let hull = self.hull(base, own);
            self.guard(reg, is_stack, hull, Otherwise::Leave);
            self.learn(base, hull);
        }
        let scratch = if reg == RAX { RCX } else { RAX };
        (Mem::indexed(VM, reg, 0, GUEST + imm as i32), scratch)
    }

    /// The same for a known address, if it is in the range that is looked at first.
    fn absolute(&mut self, address: u64, size: i64, store: bool) -> Option<Mem> {
        let disp = i32::try_from(address).ok()?.checked_add(GUEST)?;
        let layout = &self.tunables.layout;
        let (start, range) = if store { (layout.write, field!(write)) } else { (layout.read, field!(read)) };
        let offset = i32::try_from(address.checked_sub(start)?).ok()?;
        let (lo, hi) = (address as i64, address as i64 + size);
        if !self.facts.guards.knows(X::ZERO, lo, hi, store) {
            let hull = Hull { lo, hi, store };
            let bound = range + offset_of!(Range, bounds) as i32 + 8 * hull.slot() as i32;
            self.a.alu_imm(Alu::Cmp, Width::Double, Mem::at(VM, bound), offset);
            // Not looked up: what is known to the translator is rarely elsewhere.
            self.leave_if(Cond::BelowEqual);
            self.facts.guards.learn(Fact { base: X::ZERO, lo, hi, store });
        }
        Some(Mem::at(VM, disp))
    }

    /// `hull`, relative to `x[base]`, has been guarded.
    pub(super) fn learn(&mut self, base: X, hull: Hull) {
        self.facts.guards.learn(Fact { base, lo: hull.lo, hi: hull.hi, store: hull.store });
    }

    /// Guards some trips ahead of a loop's header, or one if `trips` is none. `denied`: where to go otherwise.
    pub(super) fn guard_ahead(&mut self, ahead: Ahead, trips: i64, denied: Option<Label>) {
        let reg = match ahead.base() {
            Some(base) => self.read(base, RAX),
            None => self.sum(ahead.sum, RCX),
        };
        self.guard(
            reg,
            ahead.is_stack,
            ahead.of_trips(trips),
            denied.map_or(Otherwise::Leave, Otherwise::Go),
        );
    }

    /// `reg` = a sum of registers.
    pub(super) fn sum(&mut self, [more, one, other]: Sum, reg: Gpr) -> Gpr {
        self.load(reg, other);
        for r in [one, more].into_iter().filter(|r| !r.is_zero()) {
            self.a.alu(Alu::Add, Width::Double, reg, self.now(r));
        }
        reg
    }

    /// Guards `hull`, relative to `reg`.
    fn guard(&mut self, reg: Gpr, is_stack: bool, hull: Hull, otherwise: Otherwise) {
        let layout = &self.tunables.layout;
        let (start, range) = if is_stack {
            (layout.stack, field!(stack))
        } else if hull.store {
            (layout.write, field!(write))
        } else {
            (layout.read, field!(read))
        };
        let field = |offset: usize| Mem::at(VM, range + offset as i32);
        let is_far = Memory::is_far(start);
        let disp = i32::try_from(hull.lo.wrapping_sub(start as i64)).ok().filter(|_| !is_far);
        let is_safe = matches!(otherwise, Otherwise::Safe);
        let is_paged = self.is_paged && !is_stack && !is_safe;
        let outside = Outside {
            back: self.a.label(),
            is_stack,
            check: hull.slot() + if hull.store { SPANS.len() } else { 0 },
            len: hull.len(),
            safe: is_safe.then_some(reg),
            paged: is_paged.then_some((reg, hull.lo)),
            denied: if let Otherwise::Go(label) = otherwise { Some(label) } else { None },
        };
        let cold = self.cold(Kind::Guard(outside));
        if is_paged {
            match hull.lo as i32 {
                0 => self.a.copy(RCX, reg),
                lo => self.a.lea(RCX, Mem::at(reg, lo)),
            }
            if reg == RCX {
                self.a.store(8, CHECK_ADDRESS, RCX);
            }
            self.a.shift_imm(Shift::Shr, Width::Double, RCX, 12);
            self.a.alu(Alu::Cmp, Width::Double, RCX, Mem::at(VM, field!(page_count)));
            self.a.jump_if(Cond::AboveEqual, cold);
            self.a.alu(Alu::Add, Width::Double, RCX, Mem::at(VM, field!(pages)));
            self.a.test_byte(Mem::at(RCX, 0), pair_bit(hull.store));
            self.a.jump_if(Cond::Equal, cold);
            return self.a.bind_back(outside.back);
        }
        match disp.unwrap_or(hull.lo as i32) {
            0 => self.a.copy(RCX, reg),
            disp => self.a.lea(RCX, Mem::at(reg, disp)),
        }
        if disp.is_none() {
            self.a.alu(Alu::Sub, Width::Double, RCX, field(offset_of!(Range, start)));
        }
        self.a.alu(Alu::Cmp, Width::Double, RCX, field(offset_of!(Range, bounds) + 8 * hull.slot()));
        self.a.jump_if(Cond::AboveEqual, cold);
        if is_safe {
            self.a.alu(Alu::Sbb, Width::Double, RCX, RCX);
            self.a.alu(Alu::And, Width::Double, RCX, reg);
        }
        // Asking the page table changes `rcx` only.
        self.a.bind_back(outside.back);
    }

    /// Emits what happens if the first comparison fails. `at`: pc and what is pending, for leaving.
    pub(super) fn emit_outside(&mut self, outside: Outside, at: (u64, u32), open: Open) {
        if let Some((reg, lo)) = outside.paged {
            match reg {
                RCX => self.a.mov(Width::Double, RCX, CHECK_ADDRESS),
                reg => self.a.lea(RCX, Mem::at(reg, lo as i32)),
            }
            let range = if outside.is_store() { field!(write) } else { field!(read) };
            let start = Mem::at(VM, range + offset_of!(Range, start) as i32);
            self.a.alu(Alu::Sub, Width::Double, RCX, start);
        }
        if outside.is_stack {
            // The function expects it relative to the other range.
            let start = |range: i32| Mem::at(VM, range + offset_of!(Range, start) as i32);
            let other = if outside.is_store() { field!(write) } else { field!(read) };
            self.a.alu(Alu::Add, Width::Double, RCX, start(field!(stack)));
            self.a.alu(Alu::Sub, Width::Double, RCX, start(other));
        }
        let (pc, pending) = at;
        if open.is_empty() && outside.safe.is_none() && outside.denied.is_none() {
            let check = self.shared(Shared::Check(outside.check as u8));
            self.a.call(check);
            self.a.jump_far(outside.back);
            return self.note_with_len(pc, pending, outside.len);
        }
        if outside.safe.is_none() {
            self.emit_last_window(outside);
        }
        self.a.call_indirect(Mem::at(VM, field!(baseline.check) + 8 * outside.check as i32));
        let allowed = self.a.skip_if(Cond::Equal);
        self.a.constant(RCX, outside.len as u64);
        let window = WINDOW + usize::from(outside.is_store());
        self.a.call_indirect(Mem::at(VM, field!(baseline.check) + 8 * window as i32));
        self.a.arrive(allowed);
        if let Some(reg) = outside.safe {
            self.a.constant(RCX, 0);
            self.a.move_if(Cond::Equal, RCX, reg);
        }
        self.a.jump_if(Cond::Equal, outside.back);
        match outside.denied {
            Some(label) => self.a.jump(label),
            None => {
                self.emit_canonical(open);
                self.leave(pc, pending);
            }
        }
    }

    /// Goes back if what is guarded is in the window that was accessed last.
    fn emit_last_window(&mut self, outside: Outside) {
        let (distance, len) = near(outside.is_store());
        let bytes = outside.len as i32;
        self.a.alu(Alu::Sub, Width::Double, RCX, Mem::at(VM, distance));
        // Where it ends; what begins before the window and reaches into it wraps around.
        self.a.alu_imm(Alu::Add, Width::Double, RCX, bytes);
        let wraps = self.a.skip_if(Cond::Below);
        self.a.alu(Alu::Cmp, Width::Double, RCX, Mem::at(VM, len));
        self.a.jump_if(Cond::BelowEqual, outside.back);
        self.a.arrive(wraps);
        self.a.alu_imm(Alu::Sub, Width::Double, RCX, bytes);
        self.a.alu(Alu::Add, Width::Double, RCX, Mem::at(VM, distance));
    }

    /// `x[rd]` = what is at `x[base] + imm`.
    pub(super) fn load_from(&mut self, how: Extend, rd: X, base: X, imm: i32) {
        let (mem, _) = self.address(base, imm, how.size(), false);
        if rd.is_zero() {
            return;
        }
        let dst = pinned(rd).unwrap_or(RAX);
        self.a.extend(how, dst, mem);
        self.write(rd, dst);
    }

    /// The low bytes of `x[rs2]` go to `x[base] + imm`.
    pub(super) fn store_to(&mut self, size: i64, rs2: X, base: X, imm: i32) {
        let (mem, scratch) = self.address(base, imm, size, true);
        if rs2.is_zero() {
            self.a.store_imm(size, mem, 0);
        } else {
            let value = self.read(rs2, scratch);
            self.a.store(size, mem, value);
        }
    }

    /// Notes what the current instruction does to stack addresses.
    pub(super) fn follow_stack(&mut self) {
        let code = &self.unit.codes[self.index];
        self.in_stack = match code.at.inst {
            Inst::Jal(ops) if is_link(ops.rd) => self.in_stack.and(RegSet::SAVED),
            Inst::Jalr(ops) if is_link(ops.rd) => self.in_stack.and(RegSet::SAVED),
            inst if is_in_stack(self.in_stack, inst) => self.in_stack.with(RegSet::x(code.rd)),
            _ => self.in_stack.without(RegSet::x(code.rd)).with(RegSet::SP),
        };
    }

    /// Here a loop begins, in which registers may become other than stack addresses.
    pub(super) fn guess_for_loop(&mut self) {
        let last = self.unit.codes[self.index].latch as usize;
        for code in self.unit.codes.iter().take(last + 1).skip(self.index).take(LOOP) {
            if !is_in_stack(self.in_stack, code.at.inst) {
                self.in_stack = self.in_stack.without(RegSet::x(code.rd)).with(RegSet::SP);
            }
        }
    }
}

/// The address that is looked up.
const CHECK_ADDRESS: Mem = Mem::at(VM, field!(check_address));

/// What the entry of a page says if the access may begin there, and end in the next page.
const fn pair_bit(is_store: bool) -> u8 {
    if is_store { Perms::WRITE_PAIR_BIT } else { Perms::READ_PAIR_BIT }
}

/// Looks up whether the page of the address in `rcx`, which is relative to the range that is compared with first, and the
/// next one allow the access. If not, goes on where the short jumps lead, with `rcx` as it was in `check_address`.
pub(super) fn look_up(a: &mut Assembler, is_store: bool) -> [Short; 2] {
    let range = if is_store { field!(write) } else { field!(read) };
    a.alu(Alu::Add, Width::Double, RCX, Mem::at(VM, range + offset_of!(Range, start) as i32));
    a.store(8, CHECK_ADDRESS, RCX);
    a.shift_imm(Shift::Shr, Width::Double, RCX, 12);
    a.alu(Alu::Cmp, Width::Double, RCX, Mem::at(VM, field!(page_count)));
    let beyond = a.skip_if(Cond::AboveEqual);
    a.alu(Alu::Add, Width::Double, RCX, Mem::at(VM, field!(pages)));
    a.test_byte(Mem::at(RCX, 0), pair_bit(is_store));
    [beyond, a.skip_if(Cond::Equal)]
}

/// Whether the result of `inst` may be a stack address, if these registers may hold some.
fn is_in_stack(set: RegSet, inst: Inst) -> bool {
    match inst {
        Inst::Addi(ops) => set.contains_x(ops.rs1),
        Inst::Add(ops) => set.contains_x(ops.rs1) != set.contains_x(ops.rs2),
        Inst::Sub(ops) => set.contains_x(ops.rs1) && !set.contains_x(ops.rs2),
        Inst::Sh1add(ops) | Inst::Sh2add(ops) | Inst::Sh3add(ops) | Inst::AddUw(ops) => {
            set.contains_x(ops.rs2)
        }
        _ => false,
    }
}
