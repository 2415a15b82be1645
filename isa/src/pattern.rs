//! Bit diagrams and bit fields, parsed while the crate compiles.
//!
//! Both notations are the manual's, so that a table can be compared with the page by eye. A malformed string
//! is a compile error, because all parsing happens in constants.

/// The fixed bits of an instruction word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    /// Ones where the bit is fixed.
    pub mask: u32,
    /// The value of the fixed bits; zero elsewhere.
    pub bits: u32,
}

impl Pattern {
    /// Parses a diagram of exactly `width` bits, most significant first: `0` and `1` are fixed, `.` is free.
    pub(crate) const fn parse(diagram: &str, width: usize) -> Self {
        let text = diagram.as_bytes();
        let (mut i, mut seen, mut mask, mut bits) = (0, 0, 0u32, 0u32);
        while i < text.len() {
            if text[i] != b' ' {
                mask <<= 1;
                bits <<= 1;
                seen += 1;
                match text[i] {
                    b'.' => {}
                    b'0' => mask |= 1,
                    b'1' => {
                        mask |= 1;
                        bits |= 1;
                    }
                    _ => panic!("a diagram has only `0`, `1`, `.` and spaces"),
                }
            }
            i += 1;
        }
        assert!(seen == width, "a diagram has exactly as many bits as the instruction");
        Self { mask, bits }
    }

    /// Whether `word` has these fixed bits.
    #[inline]
    pub const fn matches(self, word: u32) -> bool {
        word & self.mask == self.bits
    }

    /// Whether some word matches both patterns.
    pub const fn overlaps(self, other: Self) -> bool {
        (self.bits ^ other.bits) & self.mask & other.mask == 0
    }

    /// Whether every word that matches `self` matches `other` too, and not the other way round.
    pub const fn specialises(self, other: Self) -> bool {
        self.overlaps(other) && self.mask & other.mask == other.mask && self.mask != other.mask
    }
}

/// Panics unless any two patterns are disjoint or one is a strict specialisation of the other.
pub(crate) const fn assert_unambiguous(patterns: &[Pattern]) {
    let mut i = 0;
    while i < patterns.len() {
        let mut j = 0;
        while j < i {
            let (a, b) = (patterns[i], patterns[j]);
            assert!(
                !a.overlaps(b) || a.specialises(b) || b.specialises(a),
                "two rows overlap and neither is a specialisation of the other"
            );
            j += 1;
        }
        i += 1;
    }
}

/// A run of consecutive bits that is consecutive in the operand as well.
#[derive(Clone, Copy)]
struct Run {
    word_low: u32,
    value_low: u32,
    len: u32,
}

/// Where the bits of an operand sit in the word.
#[derive(Clone, Copy)]
pub(crate) struct Bits {
    runs: [Run; Bits::MAX_RUNS],
    count: usize,
}

impl Bits {
    const MAX_RUNS: usize = 8;

    /// Parses the manual's notation: `"24:20"` is the operand itself, `"31:25=12|10:5 11:7=4:1|11"` says that
    /// word bits 31 to 25 hold operand bits 12 and 10 to 5, and so on.
    pub(crate) const fn parse(text: &str) -> Self {
        let text = text.as_bytes();
        let mut bits = Self { runs: [Run { word_low: 0, value_low: 0, len: 0 }; Self::MAX_RUNS], count: 0 };
        let mut at = 0;
        while at < text.len() {
            let (high, low, next) = range(text, at);
            at = next;
            if at < text.len() && text[at] == b'=' {
                let mut above = high + 1;
                while at < text.len() && text[at] != b' ' {
                    let (value_high, value_low, next) = range(text, at + 1);
                    let len = value_high - value_low + 1;
                    above -= len;
                    bits = bits.with(Run { word_low: above, value_low, len });
                    at = next;
                }
                assert!(above == low, "the operand bits fill the word bits");
            } else {
                bits = bits.with(Run { word_low: low, value_low: 0, len: high - low + 1 });
            }
            at += 1;
        }
        bits
    }

    const fn with(mut self, run: Run) -> Self {
        assert!(self.mask() & ones(run.len) << run.word_low == 0, "an operand bit has one place");
        self.runs[self.count] = run;
        self.count += 1;
        self
    }

    /// The word bits that belong to the operand.
    pub(crate) const fn mask(&self) -> u32 {
        self.scatter(u32::MAX)
    }

    /// One more than the highest operand bit.
    pub(crate) const fn width(&self) -> u32 {
        let (mut i, mut width) = (0, 0);
        while i < self.count {
            let top = self.runs[i].value_low + self.runs[i].len;
            if top > width {
                width = top;
            }
            i += 1;
        }
        width
    }

    /// Reads the operand out of a word.
    #[inline(always)]
    pub(crate) const fn gather(&self, word: u32) -> u32 {
        let (mut i, mut value) = (0, 0);
        while i < self.count {
            let run = self.runs[i];
            value |= (word >> run.word_low & ones(run.len)) << run.value_low;
            i += 1;
        }
        value
    }

    /// Puts the operand into an otherwise empty word; bits that have no place are dropped.
    #[inline(always)]
    pub(crate) const fn scatter(&self, value: u32) -> u32 {
        let (mut i, mut word) = (0, 0);
        while i < self.count {
            let run = self.runs[i];
            word |= (value >> run.value_low & ones(run.len)) << run.word_low;
            i += 1;
        }
        word
    }
}

const fn ones(len: u32) -> u32 {
    u32::MAX >> (32 - len)
}

/// Parses `high:low` or a single number at `at`; returns both ends and the place behind.
const fn range(text: &[u8], at: usize) -> (u32, u32, usize) {
    let (high, next) = number(text, at);
    if next < text.len() && text[next] == b':' {
        let (low, next) = number(text, next + 1);
        assert!(low <= high, "a range is written high:low");
        (high, low, next)
    } else {
        (high, high, next)
    }
}

const fn number(text: &[u8], mut at: usize) -> (u32, usize) {
    assert!(at < text.len() && text[at].is_ascii_digit(), "a number is expected");
    let mut value = 0;
    while at < text.len() && text[at].is_ascii_digit() {
        value = value * 10 + (text[at] - b'0') as u32;
        at += 1;
    }
    (value, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_diagram_of_add_gives_the_official_mask_and_match() {
        let add = Pattern::parse("0000000 ..... ..... 000 ..... 0110011", 32);
        assert_eq!(add, Pattern { mask: 0xfe00_707f, bits: 0x33 });
    }

    #[test]
    fn branch_offset_bits_land_where_the_manual_puts_them() {
        let bits = Bits::parse("31:25=12|10:5 11:7=4:1|11");
        assert_eq!(bits.mask(), 0xfe00_0f80);
        assert_eq!(bits.width(), 13);
        for bit in 1..13 {
            assert_eq!(bits.gather(bits.scatter(1 << bit)), 1 << bit);
        }
        assert_eq!(bits.scatter(1 << 11), 1 << 7);
        assert_eq!(bits.scatter(1 << 12), 1 << 31);
    }

    #[test]
    fn a_specialisation_is_strict() {
        let (general, special) = (Pattern::parse("0.", 2), Pattern::parse("00", 2));
        assert!(special.specialises(general));
        assert!(!general.specialises(special) && !general.specialises(general));
        assert!(!Pattern::parse("0.", 2).overlaps(Pattern::parse("1.", 2)));
    }

    #[test]
    #[should_panic(expected = "neither is a specialisation")]
    fn crossing_patterns_are_refused() {
        assert_unambiguous(&[Pattern::parse("0.", 2), Pattern::parse(".0", 2)]);
    }
}
