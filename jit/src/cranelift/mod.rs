//! The optimising tier: a region becomes one Cranelift function.
//!
//! The function takes `vm` and the pc at which it is entered, and returns the pc where control goes next, which is
//! even, or [`LEFT`] after storing that pc in the hart because the executor has to do something there. Integer
//! registers are SSA values and *dirty* when they differ from their homes; whatever leaves the function stores the
//! dirty ones first. Nothing in the code refers to an address of the host, so it can be stored and mapped anywhere.

mod a;
mod control;
mod d;
mod f;
mod float;
mod fuel;
mod i;
mod libcall;
mod m;
mod memory;
mod register;
mod runtime;
mod trap;
mod trips;
mod xrr;
mod zb;
mod zfa;
mod zfhmin;
mod zi;

use std::collections::HashMap;

use causality_machine::isa::visit::Visitor;
use cranelift_codegen::ir::{self, InstBuilder, MemFlagsData, SigRef, Signature, Value, types};
use cranelift_codegen::ir::{AbiParam, UserFuncName};
use cranelift_codegen::isa::{Builder, CallConv, LookupError, OwnedTargetIsa};
use cranelift_codegen::{Context as Codegen, settings, settings::Configurable};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext, Variable};

use crate::region::{
    At, Charges, Dataflow, RegSet, Region, changes_access, definitions, fold, is_unsafe_to_speculate,
};
use crate::tunables::Tunables;
use memory::Guards;
pub(crate) use memory::{Access, access};
use register::Held;
pub(crate) use runtime::Runtime;
use trap::{Checkpoint, Exit};
pub(crate) use zfa::immediate;

/// What a region's function returns when it has stored the next pc in the hart. Odd, so it is no pc.
pub(crate) const LEFT: i64 = 1;

/// The same where there is no code for that pc.
pub(crate) const NO_CODE: i64 = 3;

/// The translator is wrong, or the host is not supported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TranslateError {
    /// This host has no code generator.
    #[error("no code generator for this host: {0}")]
    Host(String),
    /// Cranelift refused the region.
    #[error("Cranelift refused the region at {start:#x}: {reason}")]
    Codegen {
        /// The region.
        start: u64,
        /// What it said.
        reason: String,
    },
}

/// A region in host code, to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Translation {
    /// Position-independent code.
    pub code: Vec<u8>,
    /// The pcs at which it can be entered.
    pub entries: Vec<u64>,
    /// Where in the code that is for each; empty if it is the start for all.
    pub offsets: Vec<u32>,
    /// Guest instructions translated, copies counted.
    pub insts: usize,
    /// Instructions on the longest way from one check of fuel to the next.
    pub longest: u64,
    /// Host offset and guest pc, ascending by offset, for those who look inside.
    pub map: Locations,
}

/// Host offsets with the guest pc that the code from there on is for, ascending by offset.
pub type Locations = Vec<(u32, u64)>;

/// Translates regions for one host and one set of tunables.
pub struct Translator {
    isa: OwnedTargetIsa,
    tunables: Tunables,
    builder: FunctionBuilderContext,
    codegen: Codegen,
}

impl std::fmt::Debug for Translator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Translator").field("isa", &self.isa.name()).field("tunables", &self.tunables).finish()
    }
}

impl Translator {
    /// A translator for this host.
    ///
    /// # Errors
    /// If Cranelift does not support it.
    pub fn new(tunables: &Tunables) -> Result<Self, TranslateError> {
        Self::with(tunables, crate::host::isa_builder())
    }

    /// A translator whose code does not depend on what this host has, to compare with code that was written down.
    ///
    /// # Errors
    /// As [`Translator::new`].
    pub fn pinned(tunables: &Tunables) -> Result<Self, TranslateError> {
        Self::with(tunables, crate::host::pinned_isa_builder())
    }

    fn with(tunables: &Tunables, isa: Result<Builder, LookupError>) -> Result<Self, TranslateError> {
        let refused = |error: &dyn std::fmt::Display| TranslateError::Host(error.to_string());
        let mut flags = settings::builder();
        for (name, value) in [
            ("opt_level", "none"),
            ("is_pic", "true"),
            ("preserve_frame_pointers", "true"),
            ("unwind_info", "false"),
            ("enable_verifier", if cfg!(debug_assertions) { "true" } else { "false" }),
            ("enable_alias_analysis", "true"),
            ("enable_probestack", "false"),
            ("enable_pinned_reg", "true"),
        ] {
            flags.set(name, value).map_err(|error| refused(&error))?;
        }
        let isa = isa.map_err(|error| refused(&error))?;
        let isa = isa.finish(settings::Flags::new(flags)).map_err(|error| refused(&error))?;
        Ok(Translator {
            isa,
            tunables: tunables.clone(),
            builder: FunctionBuilderContext::new(),
            codegen: Codegen::new(),
        })
    }

    /// What it was made with.
    #[must_use]
    pub const fn tunables(&self) -> &Tunables {
        &self.tunables
    }

    /// Translates a region.
    ///
    /// # Errors
    /// If Cranelift refuses what was built, which is a bug here.
    pub fn translate(&mut self, region: &Region) -> Result<Translation, TranslateError> {
        self.build(region)?;
        let (code, map) = self.emit(region.start)?;
        let entries = region.entries().map(|(pc, _)| pc).collect();
        let longest = Charges::of(region).longest;
        Ok(Translation { code, entries, offsets: Vec::new(), insts: region.len(), longest, map })
    }

    /// The region in Cranelift's intermediate language, as built and as Cranelift lowers it.
    ///
    /// # Errors
    /// As [`Translator::translate`].
    pub fn clif(&mut self, region: &Region) -> Result<(String, String), TranslateError> {
        self.build(region)?;
        let built = self.codegen.func.display().to_string();
        let legalised = self.codegen.optimize(&*self.isa, &mut Default::default());
        let text = self.codegen.func.display().to_string();
        self.codegen.clear();
        legalised
            .map_err(|error| TranslateError::Codegen { start: region.start, reason: error.to_string() })?;
        Ok((built, text))
    }

    fn build(&mut self, region: &Region) -> Result<(), TranslateError> {
        self.codegen.clear();
        self.codegen.func.signature = region_signature();
        self.codegen.func.name = UserFuncName::user(0, 0);
        let flow = Dataflow::of(region);
        let charges = Charges::of(region);
        let config = self.isa.frontend_config();
        let builder = FunctionBuilder::new(&mut self.codegen.func, &mut self.builder);
        let builder = Emitter::new(builder, &self.tunables, region, &flow, &charges).emit();
        builder.finalize(config);
        Ok(())
    }

    /// Compiles what is in `self.codegen`.
    fn emit(&mut self, start: u64) -> Result<(Vec<u8>, Locations), TranslateError> {
        let failed = |reason: String| TranslateError::Codegen { start, reason };
        let compiled = self
            .codegen
            .compile(&*self.isa, &mut Default::default())
            .map_err(|error| failed(format!("{:?}", error.inner)))?;
        if !compiled.buffer.relocs().is_empty() {
            return Err(failed(format!("unexpected relocation {:?}", compiled.buffer.relocs()[0])));
        }
        let locations = compiled.buffer.get_srclocs_sorted().iter();
        let map = locations
            .map(|place| (place.start, start.wrapping_add_signed(i64::from(place.loc.bits() as i32))));
        let result = (compiled.code_buffer().to_vec(), map.collect());
        self.codegen.clear();
        Ok(result)
    }
}

/// `fn(vm, pc) -> next pc`.
fn region_signature() -> Signature {
    let mut signature = Signature::new(CallConv::Tail);
    signature.params.extend([AbiParam::new(types::I64); 2]);
    signature.returns.push(AbiParam::new(types::I64));
    signature
}

/// What a visitor method did with an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Emitted {
    /// Emitted code for it.
    Done,
    /// It is left to the libcall that executes one instruction.
    Libcall,
}

/// One function in the making.
struct Emitter<'a> {
    b: FunctionBuilder<'a>,
    tunables: &'a Tunables,
    region: &'a Region,
    flow: &'a Dataflow,
    charges: &'a Charges,
    /// The Cranelift block of each block.
    blocks: Vec<ir::Block>,
    /// For loops with guards in front of them, where jumps back go to.
    backs: Vec<Option<ir::Block>>,
    /// For blocks that are entered with all registers in their homes, the block that loads them.
    stubs: Vec<Option<ir::Block>>,
    vm: Value,
    x: [Variable; 32],
    f: [Variable; 32],
    /// Fuel, less the longest way to a check, plus what is pending.
    fuel: Variable,
    signatures: Signatures,
    /// Whether something in the region can change what is mapped.
    changes_mappings: bool,

    /// The block being translated.
    block: usize,
    /// The instruction being translated.
    at: At,
    /// Instructions executed but not charged before `at`.
    pending: u64,
    /// Values of integer registers, as far as the block has used or set them.
    now: [Option<Held>; 32],
    /// Values that are the sign extension of a word.
    words: Facts<Value>,
    /// Registers the block has set.
    written: RegSet,
    /// Registers that may differ from their homes.
    dirty: RegSet,
    checkpoint: Checkpoint,
    is_checkpoint_due: bool,
    guards: Guards,
    floats: float::Floats,
    /// What a branch depends on.
    condition: Option<Value>,
    /// Where an indirect jump goes.
    target: Option<Value>,
    /// Value and offset that make the address of the jump table's entry that it was loaded from.
    entry: Option<(Value, i64)>,

    /// Cold blocks to be emitted at the end.
    exits: Vec<Exit>,
    looks: Vec<trips::Look<'a>>,
    stops: Vec<ir::Block>,
    give_up: Option<(ir::Block, Value)>,
    /// Stores pc and fuel and returns.
    leave: Option<ir::Block>,
}

#[derive(Clone, Copy)]
struct Signatures {
    region: SigRef,
    libcall: SigRef,
    check: SigRef,
}

impl Visitor for Emitter<'_> {
    type Output = Emitted;
}

/// Memory that belongs to the engine: the context, and the tables it points to.
fn own() -> MemFlagsData {
    MemFlagsData::trusted()
}

impl<'a> Emitter<'a> {
    fn new(
        mut b: FunctionBuilder<'a>,
        tunables: &'a Tunables,
        region: &'a Region,
        flow: &'a Dataflow,
        charges: &'a Charges,
    ) -> Self {
        let blocks: Vec<_> = region.blocks.iter().map(|_| b.create_block()).collect();
        let stubs = region.blocks.iter().map(|block| block.is_entry.then(|| b.create_block())).collect();
        let x = std::array::from_fn(|_| b.declare_var(types::I64));
        let f = std::array::from_fn(|_| b.declare_var(types::F64));
        let fuel = b.declare_var(types::I64);
        let floats = float::Floats::of(&mut b, region);
        let signatures = Signatures {
            region: b.import_signature(region_signature()),
            libcall: b.import_signature(libcall::signature()),
            check: b.import_signature(memory::check_signature()),
        };
        let changes = |at: &At| changes_access(at.inst);
        Emitter {
            vm: Value::from_u32(0),
            b,
            tunables,
            region,
            flow,
            charges,
            backs: vec![None; blocks.len()],
            blocks,
            stubs,
            x,
            f,
            fuel,
            signatures,
            changes_mappings: region.blocks.iter().any(|block| block.insts.iter().any(changes)),
            block: 0,
            at: At { pc: region.start, inst: control::NOP, len: 0 },
            pending: 0,
            now: [None; 32],
            words: Facts::new(),
            written: RegSet::EMPTY,
            dirty: RegSet::EMPTY,
            checkpoint: Checkpoint::default(),
            is_checkpoint_due: false,
            guards: Guards::default(),
            floats,
            condition: None,
            target: None,
            entry: None,
            exits: Vec::new(),
            looks: Vec::new(),
            stops: Vec::new(),
            give_up: None,
            leave: None,
        }
    }

    fn emit(mut self) -> FunctionBuilder<'a> {
        let start = self.b.create_block();
        self.b.append_block_params_for_function_params(start);
        self.b.switch_to_block(start);
        self.b.seal_block(start);
        self.take_vm();
        let pc = self.b.block_params(start)[1];
        self.enter(pc);
        for block in 0..self.region.blocks.len() {
            self.emit_block(block);
        }
        self.emit_looks();
        self.emit_exits();
        self.emit_stops();
        self.emit_give_up();
        self.emit_leave();
        self.b.seal_all_blocks();
        self.b
    }

    fn emit_block(&mut self, index: usize) {
        let region = self.region;
        let block = &region.blocks[index];
        self.block = index;
        let first = block.insts.first().or(block.end.at());
        self.at = first.copied().unwrap_or(At { pc: block.pc, inst: control::NOP, len: 0 });
        self.locate();
        if let Some(stub) = self.stubs[index] {
            // Not sealed: a call further down may come back here.
            self.b.switch_to_block(stub);
            self.take_vm();
            self.load_homes(self.flow.live_in[index]);
            self.load_fuel(0);
            self.b.ins().jump(self.blocks[index], &[]);
        }
        self.b.switch_to_block(self.blocks[index]);
        if !block.is_header {
            self.b.seal_block(self.blocks[index]);
        }
        self.begin(index, RegSet::EMPTY);
        self.inherit_guards(block);
        match self.loop_to_enter() {
            Some((looped, pointers)) => self.enter_loop(looped, pointers),
            None if Charges::checks(region, index) => {
                self.check_fuel();
            }
            None => {}
        }
        self.start_guards(block);
        for (number, at) in block.insts.iter().enumerate() {
            self.at = *at;
            self.locate();
            if let Some(constant) = fold(at, |r| self.constant_of(r)) {
                definitions(at.inst).iter_x().for_each(|rd| self.set(rd, Held::Constant(constant)));
            } else if self.tunables.speculation_safe && is_unsafe_to_speculate(at.inst)
                || !float::is_native(at.inst)
                || at.inst.visit(self) == Emitted::Libcall
            {
                self.libcall(number);
            }
            self.pending += 1;
            self.retire(*at);
        }
        self.emit_end(block);
        self.end_guards();
    }

    /// At the start of a block: registers are in their variables, those of `kept` too, or constants.
    fn begin(&mut self, index: usize, kept: RegSet) {
        self.take_vm();
        self.pending = self.charges.pending[index];
        self.dirty = self.flow.dirty_in[index].with(kept);
        self.start_floats();
        self.now = [None; 32];
        for (r, constant) in self.flow.constants.at(index) {
            self.now[r.index()] = Some(Held::Constant(constant));
        }
        self.written = RegSet::EMPTY;
        self.entry = None;
        self.checkpoint(self.region.blocks[index].pc);
    }

    /// Takes `vm` from the host register that is reserved for it. Once for each block: kept in another register for the
    /// whole function, it would be the first that the allocator gives up.
    fn take_vm(&mut self) {
        self.vm = self.b.ins().get_pinned_reg(types::I64);
    }

    /// Says which guest instruction the code that follows is for.
    fn locate(&mut self) {
        let offset = self.at.pc.wrapping_sub(self.region.start) as u32;
        self.b.set_srcloc(ir::SourceLoc::new(offset));
    }

    fn iconst(&mut self, value: u64) -> Value {
        self.b.ins().iconst(types::I64, value as i64)
    }

    /// Loads a field of the context.
    fn field(&mut self, ty: ir::Type, offset: i32) -> Value {
        self.b.ins().load(ty, own(), self.vm, offset)
    }

    fn set_field(&mut self, offset: i32, value: Value) {
        self.b.ins().store(own(), value, self.vm, offset);
    }
}

/// Values with what is known about them.
type Facts<T> = HashMap<Value, T>;
