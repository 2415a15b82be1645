//! [`Source`]: where generators take their choices from, a seed or the bytes of a fuzzer.

/// A stream of choices. The same seed or bytes give the same choices everywhere.
#[derive(Clone, Debug)]
pub enum Source<'a> {
    /// An endless stream that a number stands for.
    Seed(u64),
    /// Given bytes, then zeros.
    Bytes(&'a [u8]),
}

impl Source<'_> {
    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        match self {
            // SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators").
            Source::Seed(state) => {
                *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let z = (*state ^ *state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
                z ^ z >> 31
            }
            Source::Bytes(_) => u64::from_le_bytes(std::array::from_fn(|_| self.byte())),
        }
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        match self {
            Source::Seed(_) => self.bits() as u8,
            Source::Bytes(bytes) => match bytes.split_first() {
                Some((&byte, rest)) => {
                    *bytes = rest;
                    byte
                }
                None => 0,
            },
        }
    }

    /// A number below `n`, or 0 if `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        let choice = match n {
            0..=0x100 => usize::from(self.byte()),
            _ => usize::from(u16::from_le_bytes([self.byte(), self.byte()])),
        };
        choice % n.max(1)
    }

    /// True about `percent` times in a hundred; false once given bytes are used up.
    pub fn chance(&mut self, percent: usize) -> bool {
        99 - self.below(100) < percent
    }

    /// One of `choices`.
    ///
    /// # Panics
    /// If there are none.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}
