//! Loads, stores and their guards: the only file of this tier that emits guest addresses.
//!
//! A guard compares the address with a range known to have no holes: the stack, if the address is made from `sp`,
//! else text to heap for loads and data to heap for stores. Outside that range the permissions of the pages are
//! looked up, out of line; only if they do not allow the access is the region left. Accesses of a block through
//! the same base are guarded together, at the start of the block if the base is known there, and what was
//! guarded on every way to an access is not guarded again.

use std::collections::BTreeMap;
use std::mem::offset_of;

use causality_machine::Memory;
use causality_machine::isa::Inst;
use causality_machine::isa::format::Load;
use causality_machine::isa::reg::X;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, AbiParam, InstBuilder, MemFlagsData, Signature, Type, Value, types};
use cranelift_codegen::isa::CallConv;

use super::trips::Pointer;
use super::{Emitter, Facts};
use crate::context::{GUEST, Range, SPANS, field, near};
use crate::region::{At, Block, End, Loop, RegSet, Table, changes_access, definitions};

/// `fn(vm)`: whether the pages of the range at `check_address` allow it goes to `check_denied`. Nothing is passed or
/// returned in registers and all are kept, so that a call out of line costs nothing in line.
pub(super) fn check_signature() -> Signature {
    let mut signature = Signature::new(CallConv::PreserveAll);
    signature.params.push(AbiParam::new(types::I64));
    signature
}

/// Guest memory: any alignment, never an exception of the host.
pub(super) fn guest() -> MemFlagsData {
    MemFlagsData::new().with_notrap()
}

/// The most bytes that are guarded together.
const GROUP: i64 = 2048;

/// The most facts kept.
const FACTS: usize = 32;

/// What an address is relative to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Root {
    Value(Value),
    /// Absolute.
    Zero,
}

/// These bytes may be accessed.
#[derive(Clone, Copy, Debug)]
struct Fact {
    root: Root,
    hull: Hull,
}

/// A range of bytes relative to something, to be loaded from or stored to. Addresses wrap around, so `lo` has no order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hull {
    lo: i64,
    /// How many.
    len: i64,
    store: bool,
}

impl Hull {
    /// Relative to something that is `distance` below.
    const fn shifted(self, distance: i64) -> Self {
        Hull { lo: self.lo.wrapping_add(distance), ..self }
    }

    /// By how much more it may grow and still be guarded at once.
    pub(super) const fn room(self) -> i64 {
        SPANS[SPANS.len() - 1] as i64 - self.len
    }

    /// All it touches on the way when it moves.
    pub(super) const fn moved_by(self, distance: i64) -> Self {
        let lo = if distance < 0 { self.lo.wrapping_add(distance) } else { self.lo };
        Hull { lo, len: self.len + distance.abs(), ..self }
    }

    /// Both, if that is not too much.
    fn with(self, other: Self) -> Option<Self> {
        let distance = other.lo.wrapping_sub(self.lo);
        if !(-GROUP..=GROUP).contains(&distance) {
            return None;
        }
        let (lo, hi) = (distance.min(0), (distance + other.len).max(self.len));
        let both = Hull { lo: self.lo.wrapping_add(lo), len: hi - lo, store: self.store | other.store };
        (both.len <= GROUP).then_some(both)
    }

    /// Whether all of `other` may be accessed if this may.
    const fn covers(self, other: Self) -> bool {
        let distance = other.lo.wrapping_sub(self.lo);
        distance >= 0 && distance <= self.len - other.len && (self.store || !other.store)
    }

    /// Which of [`SPANS`] it needs.
    fn slot(self) -> usize {
        let span = self.len as u64;
        SPANS.iter().position(|&s| span <= s).unwrap_or(SPANS.len() - 1)
    }
}

/// What is known about addresses.
#[derive(Default)]
pub(super) struct Guards {
    /// Values that are another value plus a constant.
    roots: Facts<(Root, i64)>,
    /// Those of them that code uses as such, too.
    sums: Facts<(Root, i64)>,
    /// Values that are another value shifted left.
    shifts: Facts<(Value, u8)>,
    /// Values that were in `sp`.
    stack: Facts<()>,
    now: Vec<Fact>,
    /// What is known at the end of each block.
    at_end: BTreeMap<usize, Vec<Fact>>,
    /// For each access of the block, relative to its own address, what is guarded with it.
    groups: BTreeMap<u64, Hull>,
    /// Registers that may hold stack addresses.
    in_stack: RegSet,
}

impl Guards {
    /// Forgets what may have changed.
    pub(super) fn forget(&mut self) {
        self.now.clear();
    }

    fn root(&self, value: Value) -> (Root, i64) {
        self.roots.get(&value).copied().unwrap_or((Root::Value(value), 0))
    }

    /// What `value` is, if it was noted to be a constant.
    pub(super) fn constant(&self, value: Value) -> Option<u64> {
        match self.root(value) {
            (Root::Zero, constant) => Some(constant as u64),
            (Root::Value(_), _) => None,
        }
    }

    fn sum(&self, value: Value) -> (Root, i64) {
        self.sums.get(&value).copied().unwrap_or((Root::Value(value), 0))
    }

    fn knows(&self, fact: Fact) -> bool {
        self.now.iter().any(|known| known.root == fact.root && known.hull.covers(fact.hull))
    }
}

/// What a base is in the look ahead: a register's value at the start of the block, or a later one, or a constant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Symbol {
    Start(X),
    Later(usize),
    /// Constants on the same page.
    Page(i64),
}

/// A load or store.
pub(crate) struct Access {
    pub(crate) base: X,
    pub(crate) imm: i64,
    pub(crate) size: i64,
    pub(crate) store: bool,
}

/// What `inst` accesses, if it is a plain load or store.
pub(crate) fn access(inst: Inst) -> Option<Access> {
    let (base, imm, size, store) = match inst {
        Inst::Lb(ops) | Inst::Lbu(ops) => (ops.rs1, ops.imm, 1, false),
        Inst::Lh(ops) | Inst::Lhu(ops) => (ops.rs1, ops.imm, 2, false),
        Inst::Lw(ops) | Inst::Lwu(ops) => (ops.rs1, ops.imm, 4, false),
        Inst::Ld(ops) => (ops.rs1, ops.imm, 8, false),
        Inst::Sb(ops) => (ops.rs1, ops.imm, 1, true),
        Inst::Sh(ops) => (ops.rs1, ops.imm, 2, true),
        Inst::Sw(ops) => (ops.rs1, ops.imm, 4, true),
        Inst::Sd(ops) => (ops.rs1, ops.imm, 8, true),
        Inst::Flh(ops) => (ops.rs1, ops.imm, 2, false),
        Inst::Flw(ops) => (ops.rs1, ops.imm, 4, false),
        Inst::Fld(ops) => (ops.rs1, ops.imm, 8, false),
        Inst::Fsh(ops) => (ops.rs1, ops.imm, 2, true),
        Inst::Fsw(ops) => (ops.rs1, ops.imm, 4, true),
        Inst::Fsd(ops) => (ops.rs1, ops.imm, 8, true),
        _ => return None,
    };
    Some(Access { base, imm: i64::from(imm), size, store })
}

/// Finds the groups of a block, at whose start some registers hold constants.
fn groups(block: &Block, constants: impl Iterator<Item = (X, u64)>) -> (BTreeMap<u64, Hull>, Vec<(X, Hull)>) {
    let mut symbols: [(Symbol, i64); 32] = std::array::from_fn(|i| (Symbol::Start(X::ALL[i]), 0));
    symbols[0] = (Symbol::Page(0), 0);
    for (r, constant) in constants {
        symbols[r.index()] = (Symbol::Page(0), constant as i64);
    }
    let mut hulls: BTreeMap<Symbol, Hull> = BTreeMap::new();
    let mut accesses: Vec<(u64, Symbol, Hull)> = Vec::new();
    for (index, at) in block.insts.iter().enumerate() {
        if let Some(access) = access(at.inst) {
            let (symbol, offset) = symbols[access.base.index()];
            let lo = offset.wrapping_add(access.imm);
            let symbol = if let Symbol::Page(_) = symbol { Symbol::Page(lo >> 12) } else { symbol };
            let own = Hull { lo, len: access.size, store: access.store };
            let hull = hulls.entry(symbol).or_insert(own);
            *hull = hull.with(own).unwrap_or(*hull);
            accesses.push((at.pc, symbol, own));
        }
        let new = match at.inst {
            Inst::Addi(ops) => {
                let (symbol, offset) = symbols[ops.rs1.index()];
                Some((ops.rd, symbol, offset.wrapping_add(i64::from(ops.imm))))
            }
            Inst::Add(ops) if ops.rs1.is_zero() => {
                let (symbol, offset) = symbols[ops.rs2.index()];
                Some((ops.rd, symbol, offset))
            }
            Inst::Lui(ops) => Some((ops.rd, Symbol::Page(0), i64::from(ops.imm))),
            Inst::Auipc(ops) => {
                Some((ops.rd, Symbol::Page(0), at.pc.wrapping_add_signed(i64::from(ops.imm)) as i64))
            }
            _ => None,
        };
        match new {
            Some((rd, symbol, offset)) if !rd.is_zero() => symbols[rd.index()] = (symbol, offset),
            Some(_) => {}
            None => {
                for rd in definitions(at.inst).iter_x() {
                    symbols[rd.index()] = (Symbol::Later(index), 0);
                }
            }
        }
        if changes_access(at.inst) {
            // What is mapped may change; only what comes before is grouped.
            break;
        }
    }
    let early = hulls.iter().filter_map(|(&symbol, &hull)| match symbol {
        Symbol::Start(r) => Some((r, hull)),
        _ => None,
    });
    let early = early.collect();
    let groups = accesses.into_iter().filter_map(|(pc, symbol, own)| {
        let hull = *hulls.get(&symbol)?;
        hull.covers(own).then(|| (pc, hull.shifted(own.lo.wrapping_neg())))
    });
    (groups.collect(), early)
}

impl Emitter<'_> {
    /// Takes over what is known at the start of a block.
    pub(super) fn inherit_guards(&mut self, block: &Block) {
        self.guards.in_stack = self.flow.stack_in[self.block];
        let inherited =
            block.idom.filter(|&idom| !self.changes_mappings || block.preds.iter().all(|&pred| pred == idom));
        self.guards.now =
            inherited.and_then(|idom| self.guards.at_end.get(&idom).cloned()).unwrap_or_default();
    }

    /// Emits the guards that belong to the start of a block.
    pub(super) fn start_guards(&mut self, block: &Block) {
        let early;
        (self.guards.groups, early) = groups(block, self.flow.constants.at(self.block));
        if self.tunables.speculation_safe {
            return;
        }
        for (base, hull) in early {
            let value = self.base(base);
            self.guard(value, hull);
        }
    }

    /// What every trip of a loop accesses through registers that stay or advance by a constant.
    pub(super) fn steady_accesses(&self, looped: &Loop) -> Vec<Pointer> {
        let mut pointers: Vec<Pointer> = Vec::new();
        for &block in &looped.always {
            let (_, accesses) = groups(&self.region.blocks[block], self.flow.constants.at(block));
            for (base, hull) in accesses {
                let (Some(step), Some(moved)) = (looped.step(base), looped.moved(self.region, base, block))
                else {
                    continue;
                };
                let hull = hull.shifted(moved);
                match pointers.iter_mut().find(|pointer| pointer.base == base) {
                    Some(pointer) => pointer.hull = pointer.hull.with(hull).unwrap_or(pointer.hull),
                    None => pointers.push(Pointer { base, step, hull }),
                }
            }
        }
        pointers
    }

    /// Makes sure that a trip may access what `pointer` does, and tells for how many more trips that is known.
    pub(super) fn guard_trips(&mut self, value: Value, pointer: &Pointer) -> Option<Value> {
        if pointer.step == 0 {
            self.guard(value, pointer.hull);
            return None;
        }
        let (offset, bound) = self.place(value, pointer.hull);
        let outside = self.b.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, offset, bound);
        let (cold, inside, done) = (self.b.create_block(), self.b.create_block(), self.b.create_block());
        let trips = self.b.append_block_param(done, types::I64);
        self.b.set_cold_block(cold);
        let exit = self.exit();
        self.b.ins().brif(outside, cold, &[], inside, &[]);
        self.b.seal_block(cold);
        self.b.seal_block(inside);
        self.b.switch_to_block(cold);
        let denied = self.look_up_pages(value, pointer.hull);
        let (looked_up, near) = (self.b.create_block(), self.b.create_block());
        self.b.ins().brif(denied, exit, &[], looked_up, &[]);
        self.b.seal_block(looked_up);
        self.b.switch_to_block(looked_up);
        let (is_elsewhere, before, behind) = self.near(value, pointer.hull);
        let none = self.iconst(0);
        self.b.ins().brif(is_elsewhere, done, &[none.into()], near, &[]);
        self.b.seal_block(near);
        self.b.switch_to_block(near);
        self.trips_in(pointer.step, before, behind, done);
        self.b.switch_to_block(inside);
        let behind = self.b.ins().isub(bound, offset);
        let behind = self.b.ins().iadd_imm_s(behind, -1);
        self.trips_in(pointer.step, offset, behind, done);
        self.b.seal_block(done);
        self.b.switch_to_block(done);
        Some(trips)
    }

    /// Goes to `done` with how many trips of `step` there is room for, with so many bytes before and behind.
    fn trips_in(&mut self, step: i64, before: Value, behind: Value, done: ir::Block) {
        let room = if step > 0 { behind } else { before };
        let step = step.unsigned_abs().next_power_of_two();
        let trips = self.b.ins().ushr_imm_u(room, i64::from(step.trailing_zeros()));
        self.b.ins().jump(done, &[trips.into()]);
    }

    /// Whether `hull` is elsewhere than in the window that was accessed last, and if not, how many bytes of that are
    /// before it and behind.
    fn near(&mut self, value: Value, hull: Hull) -> (Value, Value, Value) {
        let range = if hull.store { field!(write) } else { field!(read) };
        let (distance, len) = near(hull.store);
        let address = self.offset(value, hull.lo);
        let start = self.field(types::I64, range + offset_of!(Range, start) as i32);
        let distance = self.field(types::I64, distance);
        let len = self.field(types::I64, len);
        let offset = self.b.ins().isub(address, start);
        let before = self.b.ins().isub(offset, distance);
        // Where it ends; what begins before the window and reaches into it wraps around.
        let end = self.b.ins().iadd_imm_s(before, hull.len);
        let wraps = self.b.ins().icmp_imm_u(IntCC::UnsignedLessThan, end, hull.len);
        let is_beyond = self.b.ins().icmp(IntCC::UnsignedGreaterThan, end, len);
        let is_elsewhere = self.b.ins().bor(wraps, is_beyond);
        (is_elsewhere, before, self.b.ins().isub(len, end))
    }

    /// Notes that `hull`, relative to `value`, may be accessed.
    pub(super) fn learn(&mut self, value: Value, hull: Hull) {
        let fact = self.fact(value, hull);
        self.guards.now.push(fact);
    }

    fn fact(&self, value: Value, hull: Hull) -> Fact {
        let (root, offset) = self.guards.root(value);
        Fact { root, hull: hull.shifted(offset) }
    }

    pub(super) fn end_guards(&mut self) {
        let mut facts = std::mem::take(&mut self.guards.now);
        if facts.len() > FACTS {
            facts.drain(..facts.len() - FACTS);
        }
        self.guards.at_end.insert(self.block, facts);
    }

    /// Notes that `sum` is `value + offset`.
    pub(super) fn derive(&mut self, sum: Value, value: Value, offset: i64) {
        let (root, base) = self.guards.root(value);
        self.guards.roots.insert(sum, (root, base.wrapping_add(offset)));
    }

    /// `value` plus a constant, with one addition if `value` is such a sum itself.
    pub(super) fn offset(&mut self, value: Value, offset: i64) -> Value {
        let (root, base) = self.guards.sum(value);
        let total = base.wrapping_add(offset);
        match root {
            Root::Zero => self.iconst(total as u64),
            Root::Value(root) if total == 0 => root,
            Root::Value(root) => {
                let sum = self.b.ins().iadd_imm_s(root, total);
                self.derive(sum, root, total);
                self.guards.sums.insert(sum, (Root::Value(root), total));
                sum
            }
        }
    }

    /// `value` plus a constant, in place of `value`, which is not needed any more: nothing behind this is computed from
    /// `value` instead. A subtraction, because Cranelift would join additions.
    pub(super) fn advance(&mut self, value: Value, offset: i64) -> Value {
        let negated = self.iconst(offset.wrapping_neg() as u64);
        let sum = self.b.ins().isub(value, negated);
        self.derive(sum, value, offset);
        sum
    }

    /// Notes that `shifted` is `value << n`.
    pub(super) fn derive_shift(&mut self, shifted: Value, value: Value, n: u8) {
        self.guards.shifts.insert(shifted, (value, n));
    }

    /// Notes that `value` is a constant.
    pub(super) fn derive_constant(&mut self, value: Value, constant: u64) {
        self.guards.roots.insert(value, (Root::Zero, constant as i64));
        self.guards.sums.insert(value, (Root::Zero, constant as i64));
    }

    pub(super) fn base(&mut self, base: X) -> Value {
        let value = self.x(base);
        if self.guards.in_stack.contains_x(base)
            && let (Root::Value(root), _) = self.guards.root(value)
        {
            self.guards.stack.insert(root, ());
        }
        value
    }

    /// Makes sure that `hull`, relative to `value`, may be accessed; leaves at the checkpoint if not.
    fn guard(&mut self, value: Value, hull: Hull) {
        let fact = self.fact(value, hull);
        if self.guards.knows(fact) {
            return;
        }
        let outside = self.is_outside(value, hull);
        let (cold, go_on) = (self.b.create_block(), self.b.create_block());
        self.b.set_cold_block(cold);
        let exit = self.exit();
        self.b.ins().brif(outside, cold, &[], go_on, &[]);
        self.b.seal_block(cold);
        self.b.switch_to_block(cold);
        let (is_elsewhere, ..) = self.near(value, hull);
        let far = self.b.create_block();
        self.b.set_cold_block(far);
        self.b.ins().brif(is_elsewhere, far, &[], go_on, &[]);
        self.b.seal_block(far);
        self.b.switch_to_block(far);
        let denied = self.look_up_pages(value, hull);
        self.b.ins().brif(denied, exit, &[], go_on, &[]);
        self.b.seal_block(go_on);
        self.b.switch_to_block(go_on);
        self.guards.now.push(fact);
    }

    /// Whether `hull` leaves the range it is most likely in.
    pub(super) fn is_outside(&mut self, value: Value, hull: Hull) -> Value {
        let (offset, bound) = self.place(value, hull);
        self.b.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, offset, bound)
    }

    /// Where `hull` begins in the range that it is most likely in, and where it must not begin.
    fn place(&mut self, value: Value, hull: Hull) -> (Value, Value) {
        let (root, _) = self.guards.root(value);
        let is_stack = matches!(root, Root::Value(root) if self.guards.stack.contains_key(&root));
        let layout = &self.tunables.layout;
        let (start, bounds) = if is_stack {
            (layout.stack, field!(stack))
        } else if hull.store {
            (layout.write, field!(write))
        } else {
            (layout.read, field!(read))
        };
        let offset = match Memory::is_far(start) {
            false => self.offset(value, hull.lo.wrapping_sub(start as i64)),
            // Too large for an operand, and perhaps elsewhere.
            true => {
                let address = self.offset(value, hull.lo);
                let start = self.field(types::I64, bounds + offset_of!(Range, start) as i32);
                self.b.ins().isub(address, start)
            }
        };
        let bound = bounds + offset_of!(Range, bounds) as i32 + 8 * hull.slot() as i32;
        (offset, self.field(types::I64, bound))
    }

    /// Whether the pages of `hull` deny the access.
    fn look_up_pages(&mut self, value: Value, hull: Hull) -> Value {
        let address = self.offset(value, hull.lo);
        self.set_field(field!(check_address), address);
        let len = self.iconst(hull.len as u64);
        self.set_field(field!(check_len), len);
        let check =
            field!(cranelift.check) + 8 * (SPANS.len() * usize::from(hull.store) + hull.slot()) as i32;
        let check = self.field(types::I64, check);
        self.b.ins().call_indirect(self.signatures.check, check, &[self.vm]);
        self.field(types::I64, field!(check_denied))
    }

    /// The index of the entry of a jump table that was read at `value + imm`; anything, if that is outside the table.
    pub(super) fn table_index(&mut self, (value, imm): (Value, i64), table: &Table) -> Value {
        let in_table = imm.wrapping_sub(table.start as i64);
        let (root, offset) = self.guards.sum(value);
        if let Root::Value(root) = root
            && let Some(&(index, n)) = self.guards.shifts.get(&root)
            && n == table.scale
            && offset.wrapping_add(in_table) == 0
        {
            return self.b.ins().ireduce(types::I32, index);
        }
        let offset = self.offset(value, in_table);
        let index = self.b.ins().ushr_imm_u(offset, i64::from(table.scale));
        self.b.ins().ireduce(types::I32, index)
    }

    /// The host address of `size` bytes at `x[base] + imm`, less the offset that is returned with it.
    fn address(&mut self, base: X, imm: i32, size: i64, store: bool) -> (Value, i32) {
        let value = self.base(base);
        let imm = i64::from(imm);
        let own = Hull { lo: imm, len: size, store };
        if self.tunables.speculation_safe {
            let value = self.safe(value, own);
            return (self.b.ins().iadd(self.vm, value), GUEST + imm as i32);
        }
        let needed = self.fact(value, own);
        if !self.guards.knows(needed) {
            let group = self.guards.groups.get(&self.at.pc);
            let hull = group.map_or(own, |group| group.shifted(imm));
            self.guard(value, hull);
        }
        let (root, offset) = self.guards.sum(value);
        let total = offset.checked_add(imm + i64::from(GUEST)).and_then(|total| i32::try_from(total).ok());
        match (root, total) {
            (Root::Zero, Some(total)) => (self.vm, total),
            (Root::Value(root), Some(total)) => (self.b.ins().iadd(self.vm, root), total),
            _ => (self.b.ins().iadd(self.vm, value), GUEST + imm as i32),
        }
    }

    /// `value` if `hull` may be accessed, and otherwise, on mispredicted paths too, nothing of the guest's choice.
    fn safe(&mut self, value: Value, hull: Hull) -> Value {
        let outside = self.is_outside(value, hull);
        let zero = self.iconst(0);
        let inside = self.b.ins().select_spectre_guard(outside, zero, value);
        let (cold, go_on) = (self.b.create_block(), self.b.create_block());
        self.b.set_cold_block(cold);
        let safe = self.b.append_block_param(go_on, types::I64);
        let exit = self.exit();
        self.b.ins().brif(outside, cold, &[], go_on, &[inside.into()]);
        self.b.seal_block(cold);
        self.b.switch_to_block(cold);
        let denied = self.look_up_pages(value, hull);
        let looked_up = self.b.ins().select_spectre_guard(denied, zero, value);
        self.b.ins().brif(denied, exit, &[], go_on, &[looked_up.into()]);
        self.b.seal_block(go_on);
        self.b.switch_to_block(go_on);
        safe
    }

    /// Loads from `x[base] + imm`.
    pub(super) fn load(&mut self, ty: Type, base: X, imm: i32) -> Value {
        let (address, offset) = self.load_address(ty, base, imm);
        self.b.ins().load(ty, guest(), address, offset)
    }

    /// Loads a narrow integer and extends it, by its sign or with zeros.
    pub(super) fn load_extended(&mut self, ty: Type, ops: Load, is_signed: bool) -> Value {
        let (address, offset) = self.load_address(ty, ops.rs1, ops.imm);
        let (flags, to) = (guest(), types::I64);
        match (ty, is_signed) {
            (types::I8, true) => self.b.ins().sload8(to, flags, address, offset),
            (types::I8, false) => self.b.ins().uload8(to, flags, address, offset),
            (types::I16, true) => self.b.ins().sload16(to, flags, address, offset),
            (types::I16, false) => self.b.ins().uload16(to, flags, address, offset),
            (_, true) => self.b.ins().sload32(flags, address, offset),
            (_, false) => self.b.ins().uload32(flags, address, offset),
        }
    }

    fn load_address(&mut self, ty: Type, base: X, imm: i32) -> (Value, i32) {
        if let End::Indirect { table: Some(table), .. } = &self.region.blocks[self.block].end
            && table.load == self.at.pc
        {
            let value = self.x(base);
            self.entry = Some((value, i64::from(imm)));
        }
        self.address(base, imm, i64::from(ty.bytes()), false)
    }

    /// Stores to `x[base] + imm`. What came before cannot be done again.
    pub(super) fn store(&mut self, value: Value, base: X, imm: i32) {
        let size = self.b.func.dfg.value_type(value).bytes();
        let (address, offset) = self.address(base, imm, i64::from(size), true);
        self.b.ins().store(guest(), value, address, offset);
        self.stored();
    }

    /// The host address of an aligned `size` bytes at `x[base]`, to be read and written by [`Emitter::load_at`] and
    /// [`Emitter::store_at`].
    pub(super) fn aligned(&mut self, base: X, size: i64, store: bool) -> (Value, i32) {
        let value = self.base(base);
        let exit = self.exit();
        let low = self.b.ins().band_imm_s(value, size - 1);
        self.go_on_unless(low, exit);
        self.address(base, 0, size, store)
    }

    pub(super) fn load_at(&mut self, ty: Type, (address, offset): (Value, i32)) -> Value {
        self.b.ins().load(ty, guest(), address, offset)
    }

    pub(super) fn store_at(&mut self, value: Value, (address, offset): (Value, i32)) {
        self.b.ins().store(guest(), value, address, offset);
        self.stored();
    }

    /// A new checkpoint behind the current instruction, which must not write a register after this.
    fn stored(&mut self) {
        self.is_checkpoint_due = true;
    }

    /// Called behind each instruction: makes the checkpoint that a store asked for.
    pub(super) fn retire(&mut self, at: At) {
        self.guards.in_stack = self.guards.in_stack.after_stack(at.inst);
        if std::mem::take(&mut self.is_checkpoint_due) {
            self.checkpoint(at.next());
        }
    }
}
