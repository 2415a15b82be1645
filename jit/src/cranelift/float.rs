//! What the floating-point extensions share: registers, flags, and the canonical NaN.
//!
//! Arithmetic is the host's: its control register holds the guest's rounding mode while code runs, and its sticky
//! flags are the guest's. Cranelift takes arithmetic for pure and, as we use it, leaves it where it is, unless its result
//! is not needed: then it is dropped. So two things are seen to here: what raises flags is always needed, and results
//! that are NaN become the canonical one.
//!
//! A result whose NaN is yet to be made canonical is *open*. At checkpoints all are closed together: only values that
//! no other open one was computed from are compared, since a NaN goes through arithmetic. The branch on that
//! comparison also keeps Cranelift from dropping the arithmetic.
//!
//! A register holds 64 bits, or is known to hold a boxed single-precision value, which is then a value of its own.

use causality_machine::isa::format::{FBinary, FCompare, FR4};
use causality_machine::isa::reg::F;
use causality_machine::isa::{Extension, Inst};
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::immediates::{Ieee32, Ieee64};
use cranelift_codegen::ir::{self, InstBuilder, MemFlagsData, Type, Value, types};
use cranelift_frontend::{FunctionBuilder, Variable};

use super::Emitter;
use crate::context::{f_home, field};
use crate::region::{Block, RegSet, Region, definitions};

/// Invalid operation, in `fflags`.
const NV: i64 = 1 << 4;

/// Whether this tier translates `inst` on this host: floats only where the host raises flags as RISC-V does.
pub(super) fn is_native(inst: Inst) -> bool {
    use Extension::{D, F, Zfa, Zfhmin};
    cfg!(target_arch = "x86_64") || !matches!(inst.opcode().extension(), F | D | Zfa | Zfhmin)
}

/// What is known about floating-point registers.
pub(super) struct Floats {
    /// The values of registers that hold a boxed single-precision value.
    singles: [Variable; 32],
    /// Registers that hold one at the start of each block; their values are in `singles`, others in `Emitter::f`.
    boxed_in: Vec<u32>,
    /// What registers were given in this block, as 64 bits and in single precision.
    wide: [Option<Value>; 32],
    narrow: [Option<Value>; 32],
    /// Registers that hold a boxed single-precision value now.
    boxed: u32,
    /// Homes whose upper half is all ones.
    boxed_homes: u32,
    open: Vec<Open>,
}

/// A result that may be a NaN other than the canonical one.
struct Open {
    value: Value,
    operands: Vec<Value>,
}

/// Whether the register that `inst` writes then holds a boxed single-precision value.
fn boxes(inst: Inst) -> bool {
    let name = inst.opcode().mnemonic();
    match name.strip_prefix("fcvt.") {
        Some(rest) => rest.starts_with("s."),
        None => name.ends_with(".s") || name == "flw" || name == "fmv.w.x",
    }
}

const fn bit(r: F) -> u32 {
    1 << r.index()
}

impl Floats {
    pub(super) fn of(b: &mut FunctionBuilder<'_>, region: &Region) -> Self {
        Floats {
            singles: std::array::from_fn(|_| b.declare_var(types::F32)),
            boxed_in: boxed_in(region),
            wide: [None; 32],
            narrow: [None; 32],
            boxed: 0,
            boxed_homes: 0,
            open: Vec::new(),
        }
    }

    fn is_open(&self, value: Value) -> bool {
        self.open.iter().any(|open| open.value == value)
    }

    /// `value` and every open value it was computed from.
    fn sources(&self, value: Value) -> Vec<Value> {
        let mut found = vec![value];
        let mut next = 0;
        while let Some(&value) = found.get(next) {
            next += 1;
            let operands = self.open.iter().find(|open| open.value == value).map(|open| &open.operands);
            for &operand in operands.into_iter().flatten() {
                if self.is_open(operand) && !found.contains(&operand) {
                    found.push(operand);
                }
            }
        }
        found
    }

    /// Open values that no other was computed from.
    fn roots(&self) -> Vec<Value> {
        let is_root = |value: &Value| !self.open.iter().any(|open| open.operands.contains(value));
        self.open.iter().map(|open| open.value).filter(is_root).collect()
    }
}

/// Registers that hold boxed single-precision values at the start of each block.
fn boxed_in(region: &Region) -> Vec<u32> {
    let mut set = Vec::new();
    let mut cleared = Vec::new();
    for block in &region.blocks {
        let (mut ones, mut zeros) = (0, 0);
        for at in block.insts.iter().chain(block.end.at()) {
            if matches!(at.inst, Inst::Ecall(_)) {
                (ones, zeros) = (0, u32::MAX);
            }
            for r in definitions(at.inst).iter_f() {
                let (to, from) =
                    if boxes(at.inst) { (&mut ones, &mut zeros) } else { (&mut zeros, &mut ones) };
                *to |= bit(r);
                *from &= !bit(r);
            }
        }
        set.push(ones);
        cleared.push(zeros);
    }
    let mut boxed: Vec<u32> = region.blocks.iter().map(|b| if b.is_entry { 0 } else { u32::MAX }).collect();
    let mut changed = true;
    while changed {
        changed = false;
        for (index, block) in region.blocks.iter().enumerate() {
            let out = |&pred: &usize| (boxed[pred] | set[pred]) & !cleared[pred];
            let new = block.preds.iter().map(out).fold(boxed[index], |all, one| all & one);
            changed |= new != boxed[index];
            boxed[index] = new;
        }
    }
    boxed
}

impl Emitter<'_> {
    /// Begins a block: registers are in variables.
    pub(super) fn start_floats(&mut self) {
        let dirty = self.dirty.iter_f().fold(0, |set, r| set | bit(r));
        let floats = &mut self.floats;
        floats.boxed = floats.boxed_in[self.block];
        floats.boxed_homes = floats.boxed & !dirty;
        (floats.wide, floats.narrow) = ([None; 32], [None; 32]);
        floats.open.clear();
    }

    /// Gives the variables that the block's successors read their values.
    pub(super) fn end_floats(&mut self, block: &Block) {
        let (mut singles, mut doubles) = (0, 0);
        for next in block.successors() {
            let live = self.flow.live_at(self.block, next).iter_f().fold(0, |set, r| set | bit(r));
            singles |= live & self.floats.boxed_in[next];
            doubles |= live & !self.floats.boxed_in[next];
        }
        for r in F::ALL {
            let has = |set: u32| set & bit(r) != 0;
            let i = r.index();
            let is_new = self.floats.wide[i].is_some() || self.floats.narrow[i].is_some();
            let was_boxed = has(self.floats.boxed_in[self.block]);
            if has(singles) && (is_new || !was_boxed) {
                let value = self.single(r);
                self.b.def_var(self.floats.singles[i], value);
            }
            if has(doubles) && (is_new || was_boxed) {
                let value = self.double(r);
                self.b.def_var(self.f[i], value);
            }
        }
    }

    /// Somebody may have written any register.
    pub(super) fn forget_floats(&mut self) {
        (self.floats.boxed, self.floats.boxed_homes) = (0, 0);
    }

    /// Takes a floating-point register from its home, which somebody else wrote, or into a new value.
    pub(super) fn load_f_home(&mut self, r: F) {
        let value = self.field(types::F64, f_home(r.index()));
        self.b.def_var(self.f[r.index()], value);
        self.floats.wide[r.index()] = Some(value);
        self.floats.narrow[r.index()] = None;
        self.dirty = self.dirty.without(RegSet::f(r));
        if definitions(self.at.inst).contains(RegSet::f(r)) {
            let is_boxed = if boxes(self.at.inst) { bit(r) } else { 0 };
            self.floats.boxed = self.floats.boxed & !bit(r) | is_boxed;
            self.floats.boxed_homes = self.floats.boxed_homes & !bit(r) | is_boxed;
        }
    }

    /// Closes all results.
    pub(super) fn close_floats(&mut self) {
        let roots = self.floats.roots();
        let open = self.floats.open.iter().map(|open| open.value).collect();
        self.close(open, &roots, None);
    }

    /// What a register holds, in double precision, or in single if it is boxed; `None` if it is still what it was at the
    /// start of the block.
    pub(super) fn float_now(&self, r: F) -> Option<Value> {
        self.floats.wide[r.index()].or(self.floats.narrow[r.index()])
    }

    /// What a register held at the start of the block.
    pub(super) fn float_before(&mut self, r: F) -> Value {
        let is_boxed = self.floats.boxed_in[self.block] & bit(r) != 0;
        self.b.use_var(if is_boxed { self.floats.singles[r.index()] } else { self.f[r.index()] })
    }

    /// What a register holds, in double precision, or in single if it is boxed.
    pub(super) fn float_of(&mut self, r: F) -> Value {
        self.float_now(r).unwrap_or_else(|| self.float_before(r))
    }

    /// Writes `value`, as [`Emitter::float_of`] gives it, to the home of `r`.
    pub(super) fn store_f_home(&mut self, r: F, value: Value) {
        let home = f_home(r.index());
        self.set_field(home, value);
        if self.ty(value) == types::F64 {
            self.floats.boxed_homes &= !bit(r);
        } else if self.floats.boxed_homes & bit(r) == 0 {
            let ones = self.b.ins().iconst(types::I32, 0xffff_ffff);
            self.set_field(home + 4, ones);
        }
    }

    /// Before a loop: takes a floating-point register that it keeps from its home.
    pub(super) fn load_kept(&mut self, r: F) {
        let is_boxed = self.floats.boxed_in[self.block] & bit(r) != 0;
        let (ty, variable) = if is_boxed {
            (types::F32, self.floats.singles[r.index()])
        } else {
            (types::F64, self.f[r.index()])
        };
        let value = self.field(ty, f_home(r.index()));
        self.b.def_var(variable, value);
    }

    /// Makes sure that `value` is computed here, whether or not it is needed.
    fn pin(&mut self, value: Value) {
        self.set_field(field!(scratch), value);
    }

    /// Raises the flags in `flags`.
    fn raise(&mut self, flags: Value) {
        let fcsr = self.field(types::I32, field!(hart.fcsr));
        let fcsr = self.b.ins().bor(fcsr, flags);
        self.set_field(field!(hart.fcsr), fcsr);
    }

    fn raise_invalid(&mut self) {
        let invalid = self.b.ins().iconst(types::I32, NV);
        self.raise(invalid);
    }

    /// A constant number.
    pub(super) fn float(&mut self, ty: Type, value: f64) -> Value {
        if ty == types::F32 {
            self.b.ins().f32const(Ieee32::with_float(value as f32))
        } else {
            self.b.ins().f64const(Ieee64::with_float(value))
        }
    }

    pub(super) fn canonical_nan(&mut self, ty: Type) -> Value {
        if ty == types::F32 {
            self.b.ins().f32const(Ieee32::with_bits(0x7fc0_0000))
        } else {
            self.b.ins().f64const(Ieee64::with_bits(0x7ff8_0000_0000_0000))
        }
    }

    fn is_nan(&mut self, value: Value) -> Value {
        self.b.ins().fcmp(FloatCC::Unordered, value, value)
    }

    fn ty(&self, value: Value) -> Type {
        self.b.func.dfg.value_type(value)
    }

    /// Makes `values` canonical where registers hold them. If none of `roots` is NaN, none of `values` is. `fused` are
    /// the factors of a fused operation among them, for which the host does not raise all flags.
    fn close(&mut self, values: Vec<Value>, roots: &[Value], fused: Option<(Value, Value)>) {
        let mut tests = Vec::new();
        for ty in [types::F64, types::F32] {
            let of_type: Vec<Value> = roots.iter().copied().filter(|&root| self.ty(root) == ty).collect();
            // Unordered, if either is NaN.
            tests.extend(of_type.chunks(2).map(|pair| (pair[0], pair[pair.len() - 1])));
        }
        let Some(last) = tests.pop() else { return };
        let registers = self.floats.wide.iter().chain(&self.floats.narrow);
        let mut held: Vec<Value> =
            registers.flatten().copied().filter(|value| values.contains(value)).collect();
        held.sort_unstable();
        held.dedup();
        // The cold block computes what registers hold. What none holds any more would be skipped with the tests that
        // follow the first one that fails.
        for root in roots.iter().filter(|root| !held.contains(root)) {
            self.pin(*root);
        }
        let (cold, go_on) = (self.b.create_block(), self.b.create_block());
        self.b.set_cold_block(cold);
        for (a, b) in tests {
            let any = self.b.ins().fcmp(FloatCC::Unordered, a, b);
            self.go_on_unless(any, cold);
        }
        let any = self.b.ins().fcmp(FloatCC::Unordered, last.0, last.1);
        let arguments: Vec<_> = held.iter().map(|&value| value.into()).collect();
        self.b.ins().brif(any, cold, &[], go_on, &arguments);
        self.b.seal_block(cold);
        self.b.switch_to_block(cold);
        let mut arguments = Vec::new();
        for &value in &held {
            let ty = self.ty(value);
            let (is_nan, nan) = (self.is_nan(value), self.canonical_nan(ty));
            arguments.push(self.b.ins().select(is_nan, nan, value).into());
        }
        if let Some((a, b)) = fused {
            self.raise_for_factors(a, b);
        }
        self.b.ins().jump(go_on, &arguments);
        self.b.seal_block(go_on);
        self.b.switch_to_block(go_on);
        for &old in &held {
            let ty = self.ty(old);
            let new = self.b.append_block_param(go_on, ty);
            for place in self.floats.wide.iter_mut().chain(&mut self.floats.narrow) {
                if *place == Some(old) {
                    *place = Some(new);
                }
            }
        }
        self.floats.open.retain(|open| !values.contains(&open.value));
    }

    /// Infinity times zero is invalid even if a quiet NaN is added, which the host leaves out.
    fn raise_for_factors(&mut self, a: Value, b: Value) {
        let ty = self.ty(a);
        let (zero, infinity) = (self.float(ty, 0.0), self.float(ty, f64::INFINITY));
        let mut invalid = None;
        for (a, b) in [(a, b), (b, a)] {
            let is_zero = self.b.ins().fcmp(FloatCC::Equal, a, zero);
            let magnitude = self.b.ins().fabs(b);
            let is_infinite = self.b.ins().fcmp(FloatCC::Equal, magnitude, infinity);
            let both = self.b.ins().band(is_zero, is_infinite);
            invalid = Some(invalid.map_or(both, |other| self.b.ins().bor(other, both)));
        }
        if let Some(invalid) = invalid {
            let flag = self.b.ins().uextend(types::I32, invalid);
            let flag = self.b.ins().ishl_imm_u(flag, i64::from(NV.trailing_zeros()));
            self.raise(flag);
        }
    }

    /// Closes what `value` depends on, if it is open.
    fn close_one(&mut self, value: Value, fused: Option<(Value, Value)>) {
        if self.floats.is_open(value) {
            let values = self.floats.sources(value);
            self.close(values, &[value], fused);
        }
    }

    /// The 64 bits of a register. Where bits are observed, use [`Emitter::double_bits`].
    pub(super) fn double(&mut self, r: F) -> Value {
        let i = r.index();
        if let Some(value) = self.floats.wide[i] {
            return value;
        }
        if self.floats.narrow[i].is_none() && self.floats.boxed_in[self.block] & bit(r) == 0 {
            return self.b.use_var(self.f[i]);
        }
        let single = self.single_bits(r);
        let bits = self.b.ins().bitcast(types::I32, MemFlagsData::new(), single);
        let bits = self.b.ins().uextend(types::I64, bits);
        let boxed = self.b.ins().bor_imm_s(bits, !0xffff_ffff);
        let value = self.b.ins().bitcast(types::F64, MemFlagsData::new(), boxed);
        self.floats.wide[i] = Some(value);
        value
    }

    /// The single-precision value in a register. If it is not boxed, leaves: the interpreter then takes it for the
    /// canonical NaN. Where bits are observed, use [`Emitter::single_bits`].
    pub(super) fn single(&mut self, r: F) -> Value {
        let i = r.index();
        if let Some(value) = self.floats.narrow[i] {
            return value;
        }
        if self.floats.wide[i].is_none() && self.floats.boxed_in[self.block] & bit(r) != 0 {
            return self.b.use_var(self.floats.singles[i]);
        }
        let is_boxed = self.floats.boxed & bit(r) != 0;
        let value = if !self.dirty.contains(RegSet::f(r)) {
            // The home holds the same.
            if !is_boxed {
                let upper = self.field(types::I32, f_home(i) + 4);
                self.leave_unless_ones(upper);
            }
            self.field(types::F32, f_home(i))
        } else {
            let wide = self.double_bits(r);
            let bits = self.b.ins().bitcast(types::I64, MemFlagsData::new(), wide);
            if !is_boxed {
                let upper = self.b.ins().ushr_imm_u(bits, 32);
                let upper = self.b.ins().ireduce(types::I32, upper);
                self.leave_unless_ones(upper);
            }
            let low = self.b.ins().ireduce(types::I32, bits);
            self.b.ins().bitcast(types::F32, MemFlagsData::new(), low)
        };
        self.floats.narrow[i] = Some(value);
        self.floats.boxed |= bit(r);
        // With both, the wide one is what the register holds.
        if self.floats.wide[i].is_none() {
            self.floats.wide[i] = Some(self.b.use_var(self.f[i]));
        }
        value
    }

    fn leave_unless_ones(&mut self, upper: Value) {
        let exit = self.exit();
        let is_unboxed = self.b.ins().icmp_imm_s(IntCC::NotEqual, upper, -1);
        self.go_on_unless(is_unboxed, exit);
    }

    pub(super) fn operand(&mut self, ty: Type, r: F) -> Value {
        if ty == types::F32 { self.single(r) } else { self.double(r) }
    }

    /// The 64 bits of a register, to be observed.
    pub(super) fn double_bits(&mut self, r: F) -> Value {
        let value = self.double(r);
        self.close_one(value, None);
        self.double(r)
    }

    /// The single-precision value in a register, its bits to be observed.
    pub(super) fn single_bits(&mut self, r: F) -> Value {
        let value = self.single(r);
        self.close_one(value, None);
        self.single(r)
    }

    pub(super) fn bits(&mut self, ty: Type, r: F) -> Value {
        if ty == types::F32 { self.single_bits(r) } else { self.double_bits(r) }
    }

    /// Whether the low half of a register is at hand in single precision.
    pub(super) fn is_single(&self, r: F) -> bool {
        self.floats.boxed & bit(r) != 0
    }

    pub(super) fn set_float(&mut self, rd: F, value: Value) {
        let i = rd.index();
        if self.ty(value) == types::F32 {
            (self.floats.wide[i], self.floats.narrow[i]) = (None, Some(value));
            self.floats.boxed |= bit(rd);
        } else {
            (self.floats.wide[i], self.floats.narrow[i]) = (Some(value), None);
            self.floats.boxed &= !bit(rd);
        }
        self.dirty = self.dirty.with(RegSet::f(rd));
    }

    /// `rd = op(operands)`, arithmetic: a NaN among the operands makes the result one.
    pub(super) fn arithmetic(
        &mut self,
        ty: Type,
        rd: F,
        operands: &[F],
        op: impl FnOnce(&mut Self, &[Value]) -> Value,
    ) {
        let operands: Vec<Value> = operands.iter().map(|&r| self.operand(ty, r)).collect();
        let value = op(self, &operands);
        self.set_float(rd, value);
        self.floats.open.push(Open { value, operands });
    }

    /// `rd = ±(rs1 * rs2) ± rs3`.
    pub(super) fn fused(&mut self, ty: Type, ops: FR4, signs: (bool, bool)) {
        let [a, b, c] = [ops.rs1, ops.rs2, ops.rs3].map(|r| self.operand(ty, r));
        let x = if signs.0 { self.b.ins().fneg(a) } else { a };
        let z = if signs.1 { self.b.ins().fneg(c) } else { c };
        let value = self.b.ins().fma(x, b, z);
        self.set_float(ops.rd, value);
        self.floats.open.push(Open { value, operands: vec![a, b, c] });
        self.close_one(value, Some((a, b)));
    }

    /// `rd` = 1 if the comparison holds, else 0. Signaling ones raise invalid for every NaN, others for signaling NaN.
    pub(super) fn compare_floats(&mut self, ty: Type, ops: FCompare, condition: FloatCC, is_signaling: bool) {
        let (a, b) = (self.operand(ty, ops.rs1), self.operand(ty, ops.rs2));
        let go_on = self.cold_if_unordered(a, b);
        if is_signaling {
            self.raise_invalid();
        }
        self.b.ins().jump(go_on, &[]);
        self.b.seal_block(go_on);
        self.b.switch_to_block(go_on);
        let holds = self.b.ins().fcmp(condition, a, b);
        let value = self.b.ins().uextend(types::I64, holds);
        self.set_x(ops.rd, value);
    }

    /// Branches to a cold block, which is then current, if `a` or `b` is NaN, and else to the one returned.
    fn cold_if_unordered(&mut self, a: Value, b: Value) -> ir::Block {
        let (cold, go_on) = (self.b.create_block(), self.b.create_block());
        self.b.set_cold_block(cold);
        let unordered = self.b.ins().fcmp(FloatCC::Unordered, a, b);
        self.b.ins().brif(unordered, cold, &[], go_on, &[]);
        self.b.seal_block(cold);
        self.b.switch_to_block(cold);
        go_on
    }

    /// `fmin`, `fmax`, and with `keeps_nan`, `fminm`, `fmaxm`.
    pub(super) fn extreme(&mut self, ty: Type, ops: FBinary, is_min: bool, keeps_nan: bool) {
        let (a, b) = (self.operand(ty, ops.rs1), self.operand(ty, ops.rs2));
        let numbers = self.b.create_block();
        let other = self.cold_if_unordered(a, b);
        let nan = self.canonical_nan(ty);
        let value = if keeps_nan {
            nan
        } else {
            let (a_is_nan, b_is_nan) = (self.is_nan(a), self.is_nan(b));
            let b_or_nan = self.b.ins().select(b_is_nan, nan, b);
            self.b.ins().select(a_is_nan, b_or_nan, a)
        };
        self.b.ins().jump(numbers, &[value.into()]);
        self.b.seal_block(other);
        self.b.switch_to_block(other);
        let value = if is_min { self.b.ins().fmin(a, b) } else { self.b.ins().fmax(a, b) };
        self.b.ins().jump(numbers, &[value.into()]);
        self.b.seal_block(numbers);
        self.b.switch_to_block(numbers);
        let value = self.b.append_block_param(numbers, ty);
        self.set_float(ops.rd, value);
    }

    /// `rd` = `rs1` with the sign `sign(rs1, rs2)`, of which both signs can be observed.
    pub(super) fn inject(
        &mut self,
        ty: Type,
        ops: FBinary,
        sign: impl FnOnce(&mut Self, Value, Value) -> Value,
    ) {
        self.bits(ty, ops.rs1);
        let b = self.bits(ty, ops.rs2);
        let a = self.bits(ty, ops.rs1);
        let value = sign(self, a, b);
        self.set_float(ops.rd, value);
    }

    /// `rd = rs1`.
    pub(super) fn copy(&mut self, ty: Type, rd: F, rs1: F) {
        let is_single = ty == types::F32 || self.is_single(rs1);
        let value = if is_single { self.single(rs1) } else { self.double(rs1) };
        self.set_float(rd, value);
    }

    /// `a` with its sign changed where `b` is negative.
    pub(super) fn xor_signs(&mut self, a: Value, b: Value) -> Value {
        let ty = self.ty(a);
        let (int, sign) = if ty == types::F32 { (types::I32, 1 << 31) } else { (types::I64, i64::MIN) };
        let [a, b] = [a, b].map(|value| self.b.ins().bitcast(int, MemFlagsData::new(), value));
        let sign = self.b.ins().iconst(int, sign);
        let b = self.b.ins().band(b, sign);
        let bits = self.b.ins().bxor(a, b);
        self.b.ins().bitcast(ty, MemFlagsData::new(), bits)
    }

    /// The bits of the operand of a move to an integer register or of a store, as an integer of type `int`.
    pub(super) fn low_bits(&mut self, int: Type, r: F) -> Value {
        if int == types::I32 && self.is_single(r) {
            let single = self.single_bits(r);
            return self.b.ins().bitcast(types::I32, MemFlagsData::new(), single);
        }
        let double = self.double_bits(r);
        let bits = self.b.ins().bitcast(types::I64, MemFlagsData::new(), double);
        if int == types::I64 { bits } else { self.b.ins().ireduce(int, bits) }
    }

    /// A float of the bits of an integer of the same size.
    pub(super) fn float_of_bits(&mut self, bits: Value) -> Value {
        let ty = if self.ty(bits) == types::I32 { types::F32 } else { types::F64 };
        self.b.ins().bitcast(ty, MemFlagsData::new(), bits)
    }

    /// An integer as a float, rounded if need be.
    pub(super) fn float_of_integer(&mut self, ty: Type, value: Value, is_signed: bool) -> Value {
        let int = self.ty(value);
        let result = if is_signed {
            self.b.ins().fcvt_from_sint(ty, value)
        } else {
            self.b.ins().fcvt_from_uint(ty, value)
        };
        let is_exact = ty == types::F64 && int == types::I32;
        if !is_exact {
            self.pin(result);
        }
        result
    }

    /// A float as a signed integer of type `int`, truncated; saturating, NaN the largest.
    pub(super) fn signed_of(&mut self, int: Type, value: Value) -> Value {
        let result = self.b.ins().fcvt_to_sint_sat(int, value);
        self.pin(result);
        let is_nan = self.is_nan(value);
        let largest = if int == types::I32 { i64::from(i32::MAX) } else { i64::MAX };
        let largest = self.b.ins().iconst(int, largest);
        self.b.ins().select(is_nan, largest, result)
    }

    /// A float as an unsigned integer of type `int`, truncated; saturating, NaN the largest.
    pub(super) fn unsigned_of(&mut self, int: Type, value: Value) -> Value {
        let ty = self.ty(value);
        let (done, upper, outside) = (self.b.create_block(), self.b.create_block(), self.b.create_block());
        self.b.set_cold_block(outside);
        let half = 2_f64.powi(int.bits() as i32 - 1);
        let (minus_one, half, limit) =
            (self.float(ty, -1.0), self.float(ty, half), self.float(ty, half * 2.0));
        let above = self.b.ins().fcmp(FloatCC::GreaterThan, value, minus_one);
        let inside = self.b.create_block();
        self.b.ins().brif(above, inside, &[], outside, &[]);
        self.b.seal_block(inside);
        self.b.switch_to_block(inside);
        let first = if int == types::I32 { limit } else { half };
        let below = self.b.ins().fcmp(FloatCC::LessThan, value, first);
        let usual = self.b.create_block();
        self.b.ins().brif(below, usual, &[], upper, &[]);
        self.b.seal_block(usual);
        self.b.switch_to_block(usual);
        // Wide enough to hold every value that comes here.
        let wide = self.b.ins().fcvt_to_sint_sat(types::I64, value);
        self.pin(wide);
        let result = if int == types::I64 { wide } else { self.b.ins().ireduce(int, wide) };
        self.b.ins().jump(done, &[result.into()]);

        self.b.seal_block(upper);
        self.b.switch_to_block(upper);
        if int == types::I32 {
            self.b.ins().jump(outside, &[]);
        } else {
            let below = self.b.ins().fcmp(FloatCC::LessThan, value, limit);
            let exact = self.b.create_block();
            self.b.ins().brif(below, exact, &[], outside, &[]);
            self.b.seal_block(exact);
            self.b.switch_to_block(exact);
            // Neither the difference nor its conversion is rounded.
            let rest = self.b.ins().fsub(value, half);
            let rest = self.b.ins().fcvt_to_sint_sat(types::I64, rest);
            let top = self.b.ins().iconst(types::I64, i64::MIN);
            let result = self.b.ins().bxor(rest, top);
            self.b.ins().jump(done, &[result.into()]);
        }

        self.b.seal_block(outside);
        self.b.switch_to_block(outside);
        self.raise_invalid();
        let is_low = self.b.ins().fcmp(FloatCC::LessThanOrEqual, value, minus_one);
        let zero = self.b.ins().iconst(int, 0);
        let largest = self.b.ins().bnot(zero);
        let result = self.b.ins().select(is_low, zero, largest);
        self.b.ins().jump(done, &[result.into()]);
        self.b.seal_block(done);
        self.b.switch_to_block(done);
        self.b.append_block_param(done, int)
    }

    /// The one-hot class of a value, given as bits (manual, F, table of the format of `fclass`).
    pub(super) fn classify(&mut self, ty: Type, bits: Value) -> Value {
        let fraction = if ty == types::F32 { 23 } else { 52 };
        let sign = i64::from(ty.bits()) - 1;
        let infinity = ((1_i64 << (sign - fraction)) - 1) << fraction;
        let int = self.ty(bits);
        let magnitude = self.b.ins().ishl_imm_u(bits, 1);
        let magnitude = self.b.ins().ushr_imm_u(magnitude, 1);
        let mut from_zero = self.iconst(0);
        for limit in [1, 1 << fraction, infinity] {
            let limit = self.b.ins().iconst(int, limit);
            let reached = self.b.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, magnitude, limit);
            let reached = self.b.ins().uextend(types::I64, reached);
            from_zero = self.b.ins().iadd(from_zero, reached);
        }
        let (three, four) = (self.iconst(3), self.iconst(4));
        let below = self.b.ins().isub(three, from_zero);
        let above = self.b.ins().iadd(four, from_zero);
        let is_negative = self.b.ins().icmp_imm_s(IntCC::SignedLessThan, bits, 0);
        let number = self.b.ins().select(is_negative, below, above);
        let limit = self.b.ins().iconst(int, infinity | 1 << (fraction - 1));
        let is_quiet = self.b.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, magnitude, limit);
        let is_quiet = self.b.ins().uextend(types::I64, is_quiet);
        let eight = self.iconst(8);
        let nan = self.b.ins().iadd(eight, is_quiet);
        let limit = self.b.ins().iconst(int, infinity);
        let is_nan = self.b.ins().icmp(IntCC::UnsignedGreaterThan, magnitude, limit);
        let class = self.b.ins().select(is_nan, nan, number);
        let one = self.iconst(1);
        self.b.ins().ishl(one, class)
    }
}
