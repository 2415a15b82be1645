//! The functions that all regions share: the way in, and the look-up of permissions.

use std::mem::offset_of;

use causality_machine::memory::Perms;
use causality_machine::registers::Slot;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{AbiParam, InstBuilder, Signature, UserFuncName, types};
use cranelift_codegen::isa::CallConv;
use cranelift_frontend::FunctionBuilder;

use super::{TranslateError, Translator, memory, own, region_signature};
use crate::context::{CHECKS, Near, Range, SPANS, WINDOW, field};

/// Code that is the same for every program.
#[derive(Clone, Debug)]
pub(crate) struct Runtime {
    /// `extern "C" fn(vm, pc, function) -> next pc`.
    pub(crate) enter: Vec<u8>,
    /// What runs where there is no code.
    pub(crate) missing: Vec<u8>,
    /// Takes floating-point registers from their homes; empty if code has them nowhere else.
    pub(crate) floats: Vec<u8>,
    /// Checks pages for loads and for stores.
    pub(crate) check: [Vec<u8>; CHECKS],
}

impl Runtime {
    /// How many functions there are.
    pub(crate) const COUNT: usize = 3 + CHECKS;

    /// Their names.
    pub(crate) const NAMES: [&str; Self::COUNT] = [
        "enter",
        "missing",
        "floats",
        "check_load_8",
        "check_load_64",
        "check_load_512",
        "check_load_4096",
        "check_store_8",
        "check_store_64",
        "check_store_512",
        "check_store_4096",
        "check_window_load",
        "check_window_store",
    ];

    /// All functions.
    pub(crate) fn functions(&self) -> [&[u8]; Self::COUNT] {
        std::array::from_fn(|i| match i {
            0 => &*self.enter,
            1 => &*self.missing,
            2 => &*self.floats,
            _ => &*self.check[i - 3],
        })
    }

    /// From what [`Runtime::functions`] gives.
    pub(crate) fn of(functions: [Vec<u8>; Self::COUNT]) -> Self {
        let [enter, missing, floats, check @ ..] = functions;
        Runtime { enter, missing, floats, check }
    }
}

/// `fn(vm, pc, function) -> next pc`: how code of either tier is entered.
fn way_in_signature() -> Signature {
    let mut signature = Signature::new(CallConv::SystemV);
    signature.params.extend([AbiParam::new(types::I64); 3]);
    signature.returns.push(AbiParam::new(types::I64));
    signature
}

impl Translator {
    /// Generates the shared functions.
    pub(crate) fn runtime(&mut self) -> Result<Runtime, TranslateError> {
        let mut check = <[Vec<u8>; CHECKS]>::default();
        for (i, code) in check.iter_mut().enumerate() {
            *code = match i.checked_sub(WINDOW) {
                Some(is_store) => self.window(is_store == 1)?,
                None => {
                    let perms = if i < SPANS.len() { Perms::R } else { Perms::RW };
                    self.check(perms, SPANS[i % SPANS.len()])?
                }
            };
        }
        Ok(Runtime { enter: self.enter()?, missing: self.missing()?, floats: Vec::new(), check })
    }

    fn function(
        &mut self,
        signature: Signature,
        build: impl FnOnce(&mut FunctionBuilder<'_>),
    ) -> Result<Vec<u8>, TranslateError> {
        self.codegen.clear();
        self.codegen.func.signature = signature;
        self.codegen.func.name = UserFuncName::user(1, 0);
        let config = self.isa.frontend_config();
        let mut b = FunctionBuilder::new(&mut self.codegen.func, &mut self.builder);
        let start = b.create_block();
        b.append_block_params_for_function_params(start);
        b.switch_to_block(start);
        build(&mut b);
        b.seal_all_blocks();
        b.finalize(config);
        Ok(self.emit(0)?.0)
    }

    fn enter(&mut self) -> Result<Vec<u8>, TranslateError> {
        self.function(way_in_signature(), |b| {
            let block = b.current_block().unwrap_or_else(|| b.create_block());
            let [vm, pc, function] = [0, 1, 2].map(|i| b.block_params(block)[i]);
            let region = b.import_signature(region_signature());
            // Others that were entered before wait for this to come back.
            let before = b.ins().load(types::I64, own(), vm, field!(entered));
            let sp = b.ins().get_stack_pointer(types::I64);
            b.ins().store(own(), sp, vm, field!(entered));
            // The host's code expects its own value back.
            let saved = b.ins().get_pinned_reg(types::I64);
            b.ins().set_pinned_reg(vm);
            let call = b.ins().call_indirect(region, function, &[vm, pc]);
            let next = b.inst_results(call)[0];
            let vm = b.ins().get_pinned_reg(types::I64);
            b.ins().store(own(), before, vm, field!(entered));
            b.ins().set_pinned_reg(saved);
            b.ins().return_(&[next]);
        })
    }

    /// There is no code of this tier. Where there is baseline code, that is called, unless nothing here waits for it to
    /// come back: then the pc is returned with its lowest bit set, and who has entered goes on there.
    fn missing(&mut self) -> Result<Vec<u8>, TranslateError> {
        self.function(region_signature(), |b| {
            let block = b.current_block().unwrap_or_else(|| b.create_block());
            let pc = b.block_params(block)[1];
            let vm = b.ins().get_pinned_reg(types::I64);
            let [alone, beside, inside, other, waits] = [(); 5].map(|()| b.create_block());
            let call = b.ins().load(types::I64, own(), vm, field!(baseline.call));
            b.ins().brif(call, beside, &[], alone, &[]);
            b.switch_to_block(alone);
            b.ins().return_(&[pc]);
            b.switch_to_block(beside);
            let text = b.ins().load(types::I64, own(), vm, field!(text));
            let len = b.ins().load(types::I64, own(), vm, field!(text_len));
            let offset = b.ins().isub(pc, text);
            let is_inside = b.ins().icmp(IntCC::UnsignedLessThan, offset, len);
            // What is returned must be neither of the numbers that say that control has left.
            let is_above = b.ins().icmp_imm_u(IntCC::UnsignedGreaterThan, pc, super::NO_CODE);
            let both = b.ins().band(is_inside, is_above);
            b.ins().brif(both, inside, &[], alone, &[]);
            b.switch_to_block(inside);
            let table = b.ins().load(types::I64, own(), vm, field!(baseline.table));
            let scaled = b.ins().ishl_imm_u(offset, 2);
            let entry = b.ins().iadd(table, scaled);
            let distance = b.ins().load(types::I64, own(), entry, 0);
            // The caller's frame is that of the way in if its call has pushed the return address, and this function
            // the frame pointer, right below.
            let frame = b.ins().get_frame_pointer(types::I64);
            let entered = b.ins().load(types::I64, own(), vm, field!(entered));
            let depth = b.ins().isub(entered, frame);
            let is_first = b.ins().icmp_imm_u(IntCC::Equal, depth, 2 * 8);
            let is_missing = b.ins().icmp_imm_u(IntCC::Equal, distance, 0);
            let goes_on = b.ins().bor(is_first, is_missing);
            b.ins().brif(goes_on, other, &[], waits, &[]);
            b.switch_to_block(other);
            let marked = b.ins().bor_imm_u(pc, 1);
            b.ins().return_(&[marked]);
            b.switch_to_block(waits);
            let base = b.ins().load(types::I64, own(), vm, field!(baseline.base));
            let function = b.ins().iadd(base, distance);
            let fuel = b.ins().load(types::I64, own(), vm, field!(hart.fuel));
            let before = b.ins().load(types::I64, own(), vm, field!(promoted));
            let before = b.ins().isub(before, fuel);
            b.ins().store(own(), before, vm, field!(promoted));
            let signature = b.import_signature(way_in_signature());
            let called = b.ins().call_indirect(signature, call, &[vm, pc, function]);
            let next = b.inst_results(called)[0];
            let vm = b.ins().get_pinned_reg(types::I64);
            let fuel = b.ins().load(types::I64, own(), vm, field!(hart.fuel));
            let after = b.ins().load(types::I64, own(), vm, field!(promoted));
            let after = b.ins().iadd(after, fuel);
            b.ins().store(own(), after, vm, field!(promoted));
            b.ins().return_(&[next]);
        })
    }

    /// All bytes lie in one page or two adjacent ones, which both allow the access.
    fn check(&mut self, perms: Perms, span: u64) -> Result<Vec<u8>, TranslateError> {
        self.function(memory::check_signature(), |b| {
            let block = b.current_block().unwrap_or_else(|| b.create_block());
            let vm = b.block_params(block)[0];
            let address = b.ins().load(types::I64, own(), vm, field!(check_address));
            // Mostly it is the stack, through a pointer that does not show it.
            let start = b.ins().load(types::I64, own(), vm, field!(stack) + offset_of!(Range, start) as i32);
            let offset = b.ins().isub(address, start);
            let slot = SPANS.iter().position(|&s| s == span).unwrap_or(SPANS.len() - 1);
            let bound = field!(stack) + offset_of!(Range, bounds) as i32 + 8 * slot as i32;
            let bound = b.ins().load(types::I64, own(), vm, bound);
            let in_stack = b.ins().icmp(IntCC::UnsignedLessThan, offset, bound);
            let (stack, elsewhere) = (b.create_block(), b.create_block());
            b.ins().brif(in_stack, stack, &[], elsewhere, &[]);
            b.switch_to_block(stack);
            let no = b.ins().iconst(types::I64, 0);
            b.ins().store(own(), no, vm, field!(check_denied));
            b.ins().return_(&[]);
            b.switch_to_block(elsewhere);
            let last = b.ins().iadd_imm_s(address, span as i64 - 1);
            let (first_page, last_page) = (b.ins().ushr_imm_u(address, 12), b.ins().ushr_imm_u(last, 12));
            let count = b.ins().load(types::I64, own(), vm, field!(page_count));
            let wraps = b.ins().icmp(IntCC::UnsignedLessThan, last, address);
            let beyond = b.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, last_page, count);
            let outside = b.ins().bor(wraps, beyond);
            let (denied, inside) = (b.create_block(), b.create_block());
            b.ins().brif(outside, denied, &[], inside, &[]);
            b.switch_to_block(denied);
            let window = WINDOW + usize::from(perms == Perms::RW);
            let window = b.ins().load(types::I64, own(), vm, field!(cranelift.check) + 8 * window as i32);
            let signature = b.import_signature(memory::check_signature());
            b.ins().call_indirect(signature, window, &[vm]);
            b.ins().return_(&[]);
            b.switch_to_block(inside);
            let pages = b.ins().load(types::I64, own(), vm, field!(pages));
            let [first, last] = [first_page, last_page].map(|page| {
                let entry = b.ins().iadd(pages, page);
                b.ins().load(types::I8, own(), entry, 0)
            });
            let both = b.ins().band(first, last);
            let wanted = b.ins().band_imm_u(both, i64::from(perms.bits()));
            let denied = b.ins().icmp_imm_u(IntCC::NotEqual, wanted, i64::from(perms.bits()));
            let denied = b.ins().uextend(types::I64, denied);
            b.ins().store(own(), denied, vm, field!(check_denied));
            b.ins().return_(&[]);
        })
    }

    /// All `check_len` bytes lie in the window of one register, and may be accessed.
    fn window(&mut self, is_store: bool) -> Result<Vec<u8>, TranslateError> {
        let (range, near) =
            if is_store { (field!(write), field!(near_write)) } else { (field!(read), field!(near_read)) };
        self.function(memory::check_signature(), |b| {
            let block = b.current_block().unwrap_or_else(|| b.create_block());
            let vm = b.block_params(block)[0];
            let [address, len, windows, shift, mask, count, slots] = [
                field!(check_address),
                field!(check_len),
                field!(registers.windows),
                field!(registers.shift),
                field!(registers.mask),
                field!(registers.count),
                field!(registers.slots),
            ]
            .map(|offset| b.ins().load(types::I64, own(), vm, offset));
            let offset = b.ins().isub(address, windows);
            let number = b.ins().ushr(offset, shift);
            let is_elsewhere = b.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, number, count);
            let (elsewhere, inside) = (b.create_block(), b.create_block());
            b.ins().brif(is_elsewhere, elsewhere, &[], inside, &[]);
            b.switch_to_block(elsewhere);
            let yes = b.ins().iconst(types::I64, 1);
            b.ins().store(own(), yes, vm, field!(check_denied));
            b.ins().return_(&[]);
            b.switch_to_block(inside);
            // What is computed from here on is right on mispredicted paths too.
            let zero = b.ins().iconst(types::I64, 0);
            let number = b.ins().select_spectre_guard(is_elsewhere, zero, number);
            let scaled = b.ins().ishl_imm_u(number, i64::from(size_of::<Slot>().trailing_zeros()));
            let slot = b.ins().iadd(slots, scaled);
            let readable = b.ins().uload32(own(), slot, offset_of!(Slot, readable) as i32);
            let bytes = if is_store {
                // A guard of stores may cover loads, too.
                let writable = b.ins().uload32(own(), slot, offset_of!(Slot, writable) as i32);
                b.ins().umin(readable, writable)
            } else {
                readable
            };
            let offset = b.ins().band(offset, mask);
            let end = b.ins().iadd(offset, len);
            let denied = b.ins().icmp(IntCC::UnsignedLessThan, bytes, end);
            let denied = b.ins().bor(denied, is_elsewhere);
            let denied = b.ins().uextend(types::I64, denied);
            b.ins().store(own(), denied, vm, field!(check_denied));
            // That is the window accessed last; none of it if this was denied.
            let none = b.ins().iconst(types::I64, 0);
            let near_len = b.ins().select(denied, none, bytes);
            b.ins().store(own(), near_len, vm, near + offset_of!(Near, len) as i32);
            let window = b.ins().load(types::I64, own(), slot, offset_of!(Slot, window) as i32);
            let start = b.ins().load(types::I64, own(), vm, range + offset_of!(Range, start) as i32);
            let distance = b.ins().isub(window, start);
            b.ins().store(own(), distance, vm, near + offset_of!(Near, distance) as i32);
            b.ins().return_(&[]);
        })
    }
}
