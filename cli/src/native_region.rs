//! A region of a program with the code made for it.

use std::collections::{BTreeSet, HashSet};
use std::time::{Duration, Instant};

use causality_vm::codegen::{At, Block, Callee, Codegen, End, Region, To, Translation};
use causality_vm::elf::{Program, SymbolKind};

use crate::failure::Failure;
use crate::host_code::{HostInst, disassemble};

/// A region in both forms.
#[derive(Debug)]
pub(crate) struct NativeRegion {
    pub(crate) region: Region,
    pub(crate) translation: Translation,
    /// How long translating took.
    pub(crate) time: Duration,
}

impl NativeRegion {
    /// The region at `pc`; `None` if nothing there can be executed.
    pub(crate) fn at(codegen: &mut Codegen<'_>, pc: u64) -> Result<Option<Self>, Failure> {
        let start = Instant::now();
        let Some(region) = codegen.region(pc) else {
            return Ok(None);
        };
        let native = NativeRegion::of(codegen, region)?;
        Ok(Some(NativeRegion { time: start.elapsed(), ..native }))
    }

    /// A region that is known.
    pub(crate) fn of(codegen: &mut Codegen<'_>, region: Region) -> Result<Self, Failure> {
        let start = Instant::now();
        let translation = codegen.translate(&region).map_err(Failure::new)?;
        Ok(NativeRegion { region, translation, time: start.elapsed() })
    }

    /// Its host instructions, each with the guest instruction it is for.
    pub(crate) fn host(&self) -> Vec<(HostInst, Option<u64>)> {
        let known: HashSet<_> = self.region.blocks.iter().flat_map(insts).map(|at| at.pc).collect();
        let owner = |inst: &HostInst| {
            let map = &self.translation.map;
            let before = map.partition_point(|&(offset, _)| offset as usize <= inst.offset);
            // What comes before any guest instruction belongs to none.
            before.checked_sub(1).map(|last| map[last].1).filter(|pc| known.contains(pc))
        };
        let host = disassemble(&self.translation.code).into_iter();
        host.map(|inst| (owner(&inst), inst)).map(|(pc, inst)| (inst, pc)).collect()
    }

    /// Host bytes for each guest instruction.
    pub(crate) fn bytes_per_inst(&self) -> f64 {
        self.translation.code.len() as f64 / self.translation.insts.max(1) as f64
    }
}

/// All instructions of a block.
pub(crate) fn insts(block: &Block) -> impl Iterator<Item = &At> {
    block.insts.iter().chain(block.end.at())
}

/// Where regions of a program start, as far as one can tell without running it: at its functions, and where
/// control goes directly from one to another. `visit` is called once for each region, in no special order, and says
/// whether to go on.
pub(crate) fn for_each_region(
    program: &Program,
    codegen: &mut Codegen<'_>,
    visit: &mut dyn FnMut(NativeRegion) -> Result<bool, Failure>,
) -> Result<(), Failure> {
    let is_code = |addr: u64| program.code().iter().any(|range| range.contains(&addr));
    let functions = program.symbols().iter().filter(|symbol| symbol.kind == SymbolKind::Function);
    let mut waiting: BTreeSet<u64> = functions.map(|symbol| symbol.addr).filter(|&pc| is_code(pc)).collect();
    waiting.insert(program.image().entry);
    let mut seen = waiting.clone();
    while let Some(pc) = waiting.pop_first() {
        let Some(native) = NativeRegion::at(codegen, pc)? else {
            continue;
        };
        for block in &native.region.blocks {
            let next = targets(&block.end).filter(|&pc| is_code(pc) && seen.insert(pc));
            waiting.extend(next.collect::<Vec<_>>());
        }
        if !visit(native)? {
            break;
        }
    }
    Ok(())
}

/// Where control can leave the region to, as far as it is known.
fn targets(end: &End) -> impl Iterator<Item = u64> {
    let out = |to: To| match to {
        To::Out(pc) => Some(pc),
        To::Block(_) => None,
    };
    let pair = match *end {
        End::Fall(to) | End::Jump { to, .. } => [out(to), None],
        End::Branch { taken, fall, .. } => [out(taken), out(fall)],
        End::Call { callee: Callee::Direct(pc), back, .. } => [Some(pc), out(back)],
        End::Call { back, .. } => [out(back), None],
        End::Return { .. } | End::Indirect { .. } | End::Leave { .. } => [None, None],
    };
    pair.into_iter().flatten()
}
