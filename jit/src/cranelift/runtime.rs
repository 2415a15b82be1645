//! The functions that all regions share: the way in, and the look-up of permissions.

use causality_machine::memory::Perms;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{AbiParam, InstBuilder, Signature, UserFuncName, types};
use cranelift_codegen::isa::CallConv;
use cranelift_frontend::FunctionBuilder;

use super::{TranslateError, Translator, memory, own, region_signature};
use crate::context::field;

/// Code that is the same for every program.
#[derive(Clone, Debug)]
pub(crate) struct Runtime {
    /// `extern "sysv64" fn(vm, pc, function) -> next pc`.
    pub(crate) enter: Vec<u8>,
    /// What the table holds where there is no code: returns the pc.
    pub(crate) missing: Vec<u8>,
    /// Checks pages for loads and for stores.
    pub(crate) check: [Vec<u8>; 2],
}

impl Runtime {
    /// How many functions there are.
    pub(crate) const COUNT: usize = 4;

    /// All functions.
    pub(crate) fn functions(&self) -> [&[u8]; Self::COUNT] {
        let [for_load, for_store] = &self.check;
        [&self.enter, &self.missing, for_load, for_store]
    }

    /// From what [`Runtime::functions`] gives.
    pub(crate) fn of([enter, missing, for_load, for_store]: [Vec<u8>; Self::COUNT]) -> Self {
        Runtime { enter, missing, check: [for_load, for_store] }
    }
}

impl Translator {
    /// Generates the shared functions.
    pub(crate) fn runtime(&mut self) -> Result<Runtime, TranslateError> {
        Ok(Runtime {
            enter: self.enter()?,
            missing: self.missing()?,
            check: [self.check(Perms::R)?, self.check(Perms::RW)?],
        })
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
        let mut signature = Signature::new(CallConv::SystemV);
        signature.params.extend([AbiParam::new(types::I64); 3]);
        signature.returns.push(AbiParam::new(types::I64));
        self.function(signature, |b| {
            let block = b.current_block().unwrap_or_else(|| b.create_block());
            let [vm, pc, function] = [0, 1, 2].map(|i| b.block_params(block)[i]);
            let region = b.import_signature(region_signature());
            let call = b.ins().call_indirect(region, function, &[vm, pc]);
            let next = b.inst_results(call)[0];
            b.ins().return_(&[next]);
        })
    }

    fn missing(&mut self) -> Result<Vec<u8>, TranslateError> {
        self.function(region_signature(), |b| {
            let block = b.current_block().unwrap_or_else(|| b.create_block());
            let pc = b.block_params(block)[1];
            b.ins().return_(&[pc]);
        })
    }

    /// All bytes lie in one page or two adjacent ones, which both allow the access.
    fn check(&mut self, perms: Perms) -> Result<Vec<u8>, TranslateError> {
        self.function(memory::check_signature(), |b| {
            let block = b.current_block().unwrap_or_else(|| b.create_block());
            let [vm, address, span] = [0, 1, 2].map(|i| b.block_params(block)[i]);
            let less = b.ins().iadd_imm_s(span, -1);
            let last = b.ins().iadd(address, less);
            let (first_page, last_page) = (b.ins().ushr_imm_u(address, 12), b.ins().ushr_imm_u(last, 12));
            let count = b.ins().load(types::I64, own(), vm, field!(page_count));
            let wraps = b.ins().icmp(IntCC::UnsignedLessThan, last, address);
            let beyond = b.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, last_page, count);
            let outside = b.ins().bor(wraps, beyond);
            let (denied, inside) = (b.create_block(), b.create_block());
            b.ins().brif(outside, denied, &[], inside, &[]);
            b.switch_to_block(denied);
            let no = b.ins().iconst(types::I64, 0);
            b.ins().store(own(), no, vm, field!(scratch));
            b.ins().return_(&[]);
            b.switch_to_block(inside);
            let pages = b.ins().load(types::I64, own(), vm, field!(pages));
            let [first, last] = [first_page, last_page].map(|page| {
                let entry = b.ins().iadd(pages, page);
                b.ins().load(types::I8, own(), entry, 0)
            });
            let both = b.ins().band(first, last);
            let wanted = b.ins().band_imm_u(both, i64::from(perms.bits()));
            let allowed = b.ins().icmp_imm_u(IntCC::Equal, wanted, i64::from(perms.bits()));
            let allowed = b.ins().uextend(types::I64, allowed);
            b.ins().store(own(), allowed, vm, field!(scratch));
            b.ins().return_(&[]);
        })
    }
}
