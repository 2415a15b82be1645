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
    /// How large regions get.
    pub bounds: Bounds,
    /// Whether fuel is charged and checked. Without, nothing but a pause ends an endless loop, and counters stand still.
    pub fuel: bool,
    /// Whether guards also hold on mispredicted paths (Spectre variant 1).
    pub speculation_safe: bool,
    /// Where the hole-free ranges begin that most accesses lie in.
    pub layout: Layout,
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

impl Default for Tunables {
    fn default() -> Self {
        Tunables {
            tier: NativeTier::default(),
            bounds: Bounds::default(),
            fuel: true,
            speculation_safe: false,
            layout: Layout::default(),
        }
    }
}
