//! From word to instruction.
//!
//! Translating a program decodes its whole text, so the search may not look at every row. A [`Finder`], built
//! while the crate compiles, splits the rows first by major opcode and then by whichever further field
//! (`funct3`, `funct7`…) leaves the fewest candidates; only those are compared. Candidates stand most
//! specific first, which is all that "the more specific row wins" takes.

use crate::pattern::{Bits, Pattern};
use crate::{CInst, Inst, Opcode};

/// One instruction as it stood in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Decoded {
    /// What to execute; the expansion if the instruction is compressed.
    pub inst: Inst,
    /// The compressed instruction, if it was one.
    pub compressed: Option<CInst>,
}

impl Decoded {
    /// The length in bytes, 2 or 4.
    #[inline]
    #[allow(clippy::len_without_is_empty, reason = "no instruction is empty")]
    pub const fn len(self) -> usize {
        if self.compressed.is_some() { 2 } else { 4 }
    }
}

/// Decodes the instruction in the low bytes of `word`.
///
/// `word` holds the four bytes at `pc`, little-endian. If they begin with a 16-bit instruction, the upper
/// half is ignored, so that it may be anything when the text ends there. `None` means illegal instruction.
#[inline]
pub fn decode(word: u32) -> Option<Decoded> {
    if word & 3 == 3 {
        Some(Decoded { inst: Inst::decode32(word)?, compressed: None })
    } else {
        let compressed = CInst::decode16(word as u16)?;
        Some(Decoded { inst: compressed.expand(), compressed: Some(compressed) })
    }
}

impl Inst {
    /// Decodes a 32-bit instruction word.
    #[inline]
    pub fn decode32(word: u32) -> Option<Self> {
        let row = FINDER.find(&Opcode::PATTERNS, MAJOR.gather(word), word)?;
        Self::with_operands(Opcode::ALL[row], word)
    }
}

const MAJOR: Bits = Bits::parse("6:2");

static FINDER: Finder<1024, 2048> = Finder::new(
    &Opcode::PATTERNS,
    MAJOR,
    &[Selector::new(14, 12), Selector::new(31, 25), Selector::new(31, 27)],
);

/// Finds the row of a word: major opcode, then the slot within it, then a short scan.
pub(crate) struct Finder<const SLOTS: usize, const ROWS: usize> {
    majors: [Major; 32],
    /// Where the candidates of each slot begin; they end where those of the next slot begin.
    starts: [u16; SLOTS],
    candidates: [u16; ROWS],
}

/// How the words of one major opcode are split into slots.
#[derive(Clone, Copy)]
struct Major {
    selector: Selector,
    first_slot: u16,
}

/// A field of consecutive bits.
#[derive(Clone, Copy)]
pub(crate) struct Selector {
    low: u8,
    ones: u8,
}

impl Selector {
    pub(crate) const fn new(high: u8, low: u8) -> Self {
        Self { low, ones: u8::MAX >> (7 - (high - low)) }
    }

    #[inline]
    const fn value(self, word: u32) -> usize {
        (word >> self.low & self.ones as u32) as usize
    }

    /// What all words with this value have in common.
    const fn pattern(self, value: u32) -> Pattern {
        Pattern { mask: (self.ones as u32) << self.low, bits: value << self.low }
    }
}

/// The rows of one major opcode, most fixed bits first.
#[derive(Clone, Copy)]
struct Rows {
    patterns: [Pattern; Rows::MAX],
    indices: [u16; Rows::MAX],
    len: usize,
}

impl Rows {
    const MAX: usize = 128;

    const fn of(patterns: &[Pattern], within: Pattern) -> Self {
        let mut rows = Self { patterns: [within; Self::MAX], indices: [0; Self::MAX], len: 0 };
        let mut i = 0;
        while i < patterns.len() {
            if patterns[i].overlaps(within) {
                rows.insert(patterns[i], i as u16);
            }
            i += 1;
        }
        rows
    }

    const fn insert(&mut self, pattern: Pattern, index: u16) {
        let mut at = self.len;
        while at > 0 && self.patterns[at - 1].mask.count_ones() < pattern.mask.count_ones() {
            self.patterns[at] = self.patterns[at - 1];
            self.indices[at] = self.indices[at - 1];
            at -= 1;
        }
        self.patterns[at] = pattern;
        self.indices[at] = index;
        self.len += 1;
    }

    /// The selector whose fullest slot has the fewest candidates; the first of equals.
    const fn best_selector(&self, selectors: &[Selector]) -> Selector {
        let (mut best, mut fewest, mut i) = (selectors[0], usize::MAX, 0);
        while i < selectors.len() {
            let fullest = self.fullest_slot(selectors[i]);
            if fullest < fewest {
                (best, fewest) = (selectors[i], fullest);
            }
            i += 1;
        }
        best
    }

    const fn fullest_slot(&self, selector: Selector) -> usize {
        let (mut fullest, mut value) = (0, 0);
        while value <= selector.ones as u32 {
            let slot = selector.pattern(value);
            let (mut count, mut i) = (0, 0);
            while i < self.len {
                count += self.patterns[i].overlaps(slot) as usize;
                i += 1;
            }
            if count > fullest {
                fullest = count;
            }
            value += 1;
        }
        fullest
    }
}

impl<const SLOTS: usize, const ROWS: usize> Finder<SLOTS, ROWS> {
    /// Builds the index over `patterns`. The field `major` has five bits; each of its values gets the
    /// selector that suits it best.
    pub(crate) const fn new(patterns: &[Pattern], major: Bits, selectors: &[Selector]) -> Self {
        let first = Major { selector: selectors[0], first_slot: 0 };
        let mut finder = Self { majors: [first; 32], starts: [0; SLOTS], candidates: [0; ROWS] };
        let (mut slot, mut end, mut m) = (0, 0, 0);
        while m < 32 {
            let rows = Rows::of(patterns, Pattern { mask: major.mask(), bits: major.scatter(m as u32) });
            let selector = rows.best_selector(selectors);
            finder.majors[m] = Major { selector, first_slot: slot as u16 };
            let mut value = 0;
            while value <= selector.ones as u32 {
                finder.starts[slot] = end as u16;
                end = finder.fill_slot(&rows, selector.pattern(value), end);
                slot += 1;
                value += 1;
            }
            m += 1;
        }
        finder.starts[slot] = end as u16;
        finder
    }

    /// Appends the rows that some word of the slot matches; returns the new end.
    const fn fill_slot(&mut self, rows: &Rows, slot: Pattern, mut end: usize) -> usize {
        let mut i = 0;
        while i < rows.len {
            if rows.patterns[i].overlaps(slot) {
                self.candidates[end] = rows.indices[i];
                end += 1;
            }
            i += 1;
        }
        end
    }

    /// The index of the most specific pattern that matches `word`, whose major opcode is given.
    #[inline]
    pub(crate) fn find(&self, patterns: &[Pattern], major: u32, word: u32) -> Option<usize> {
        let Major { selector, first_slot } = self.majors[(major & 31) as usize];
        let slot = first_slot as usize + selector.value(word);
        let range = self.starts[slot] as usize..self.starts[slot + 1] as usize;
        self.candidates[range].iter().map(|&row| row as usize).find(|&row| patterns[row].matches(word))
    }
}
