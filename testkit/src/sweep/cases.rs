//! The operands that instructions that compute are tried with.

use causality_isa::Opcode;

use super::{Effort, Values};
use crate::corners::{self, CONVERTED_INTEGERS, INTEGERS};
use crate::operands::{Operands, Slot, source_format};
use crate::source::Source;

/// Immediates: none, all, each bit alone and absent, patterns.
fn immediates(mask: u32, junk: &mut Source<'_>) -> Vec<u32> {
    if mask.count_ones() <= 6 {
        return subsets(mask);
    }
    let bits = (0..32).map(|bit| 1 << bit).filter(|bit| mask & bit != 0);
    let mut all = vec![0, mask];
    bits.for_each(|bit| all.extend_from_slice(&[bit, mask & !bit]));
    all.extend([0x5555_5555, 0xaaaa_aaaa].map(|pattern| pattern & mask));
    all.extend((0..4).map(|_| junk.bits() as u32 & mask));
    all.sort_unstable();
    all.dedup();
    all
}

/// All values of a narrow field.
fn subsets(mask: u32) -> Vec<u32> {
    let next = |&subset: &u32| Some(subset.wrapping_sub(mask) & mask).filter(|&subset| subset != 0);
    std::iter::successors(Some(0), next).collect()
}

/// The operands an instruction that computes is tried with.
#[must_use]
pub fn value_cases(opcode: Opcode, operands: &Operands, effort: Effort) -> Vec<Values> {
    let mut junk = Source::Seed(opcode as u64);
    let pools = [operands.rs1, operands.rs2, operands.rs3].map(|slot| pool(opcode, operands, slot));
    let mut sources = Vec::new();
    if operands.rs3 == Slot::None {
        for &a in &pools[0] {
            sources.extend(pools[1].iter().map(|&b| [a, b, 0]));
        }
    } else {
        sources.extend((0..effort.choose(600, 6000)).map(|_| [0, 1, 2].map(|i| junk.pick(&pools[i]))));
        // A product and an addend that cancel, or nearly.
        sources.extend(pools[0].iter().map(|&a| [a, pools[0][2], a ^ (a & 1)]));
    }
    let modes = modes(operands, effort);
    let mut cases = Vec::new();
    for immediate in immediates(operands.immediate, &mut junk) {
        for &sources in &sources {
            for &(rm, frm) in modes(cases.len()) {
                // Executors take other ways where a flag is raised already, inexact above all.
                let flags = [0, 1, 0, 1, 0, 1, 0, 1, 31, 0, 16, 1, 4][cases.len() % 13];
                cases.push(Values { sources, immediate, rm, frm, flags });
            }
        }
    }
    cases
}

/// A rounding mode field and what to write to `frm` before.
type Mode = (u32, Option<u8>);

/// The rounding modes to try the nth operands in.
fn modes(operands: &Operands, effort: Effort) -> impl Fn(usize) -> &'static [Mode] + use<> {
    const MODES: [Mode; 10] = [
        (0, None),
        (7, Some(2)),
        (4, None),
        (7, Some(0)),
        (1, None),
        (7, Some(4)),
        (3, None),
        (7, Some(1)),
        (2, None),
        (7, Some(3)),
    ];
    let rounds = operands.rm;
    move |n| match (rounds, effort) {
        (false, _) => &MODES[..1],
        (true, Effort::Full) => &MODES,
        (true, Effort::Quick) => &MODES[n / 2 % 5 * 2..][..2],
    }
}

/// The values for one source operand.
fn pool(opcode: Opcode, operands: &Operands, slot: Slot) -> Vec<u64> {
    match slot {
        Slot::None => vec![0],
        Slot::X if operands.rd == Slot::F => [INTEGERS, CONVERTED_INTEGERS].concat(),
        Slot::X => INTEGERS.to_vec(),
        Slot::F if operands.rs2 == Slot::None => corners::converted_floats(source_format(opcode)),
        Slot::F => corners::floats(source_format(opcode)),
    }
}
