//! What can be tuned about generated code. Part of the key of the code cache.

use crate::region::Bounds;

/// What makes host code of guest code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum NativeTier {
    /// One pass, registers in fixed places: at once, and good for most code.
    Baseline,
    /// By Cranelift: slowly, and best for loops with many values.
    #[default]
    Cranelift,
}

/// How code is generated, apart from what it does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tunables {
    /// By what it is generated.
    pub tier: NativeTier,
    /// Of baseline code: when Cranelift's takes its place; `None` if never.
    pub promotion: Option<Promotion>,
    /// How large regions get.
    pub bounds: Bounds,
    /// Whether fuel is charged and checked. Without, nothing but a pause ends an endless loop, and counters stand still.
    pub fuel: bool,
    /// Whether guards also hold on mispredicted paths (Spectre variant 1).
    pub speculation_safe: bool,
    /// What guards of baseline code look at first.
    pub guards: Guards,
    /// Where the hole-free ranges begin that most accesses lie in.
    pub layout: Layout,
}

/// What guards of baseline code look at first. Whatever it is, what is not allowed there is looked up exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Guards {
    /// What suits the memory as it is when code is translated.
    #[default]
    Fitting,
    /// Ranges without holes: shortest, and best where memory is in one piece.
    Ranges,
    /// The page table, for all but the stack: as fast wherever memory is.
    Pages,
}

/// When Cranelift's code takes the place of baseline code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Promotion {
    /// Instructions from one sample of where control is to the next.
    pub sample: u64,
    /// Instructions that must have been executed in a region for each that it has. Translating one takes as long as
    /// executing some ten thousand.
    pub worth: u64,
    /// Operands in memory that baseline code must have for each hundred instructions of a region that makes no calls;
    /// 0 if any region will do.
    pub least_pressure: u32,
    /// A region goes back that is left after fewer instructions.
    pub least_stay: u64,
    /// Samples of the time that is taken before a region is promoted, and as many after. If these are not shorter, it
    /// goes back.
    pub trial: usize,
    /// Whether another thread translates while the guest goes on.
    pub in_background: bool,
}

impl Default for Promotion {
    fn default() -> Self {
        Promotion {
            sample: 10_000_000,
            worth: 40_000,
            least_pressure: 60,
            least_stay: 400,
            trial: 6,
            in_background: true,
        }
    }
}

impl Promotion {
    /// Changes tiers as often as it can, on the guest's thread: for tests.
    pub const EAGER: Promotion =
        Promotion { sample: 1, worth: 0, least_pressure: 0, least_stay: 20, trial: 1, in_background: false };
}

/// Starts of ranges that guards test first. Any values are correct; good ones make guards pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Layout {
    /// Lowest address of what is readable: text, constants, data and heap.
    pub read: u64,
    /// Lowest address of what is writable: data and heap.
    pub write: u64,
    /// Lowest address of the stack.
    pub stack: u64,
    /// Lowest address that may hold code.
    pub text: u64,
    /// Bytes from there that may hold code.
    pub text_len: u64,
}

impl Layout {
    /// Addresses that are on the stack. How far it goes does not matter much, because nothing else lies above it.
    #[must_use]
    pub const fn stack_range(&self) -> std::ops::Range<u64> {
        const ABOVE: u64 = 1 << 30;
        if self.stack == 0 { 0..0 } else { self.stack..self.stack.saturating_add(ABOVE) }
    }
}

impl Tunables {
    /// Of each kind of native code: the baseline tier's, Cranelift's, one in the place of the other as often as
    /// possible, and the baseline tier's that looks at the page table. For tests that compare.
    #[must_use]
    pub fn of_all_kinds() -> [Self; 4] {
        let baseline = Tunables { tier: NativeTier::Baseline, guards: Guards::Ranges, ..Tunables::default() };
        let both = Tunables { promotion: Some(Promotion::EAGER), ..baseline.clone() };
        let paged = Tunables { guards: Guards::Pages, ..baseline.clone() };
        [baseline, Tunables::default(), both, paged]
    }

    /// Those of Cranelift's code, alone or in the place of baseline code.
    #[must_use]
    pub fn optimising(&self) -> Self {
        Tunables { tier: NativeTier::Cranelift, promotion: None, ..self.clone() }
    }
}

impl Default for Tunables {
    fn default() -> Self {
        Tunables {
            tier: NativeTier::default(),
            promotion: None,
            bounds: Bounds::default(),
            fuel: true,
            speculation_safe: false,
            guards: Guards::default(),
            layout: Layout::default(),
        }
    }
}
