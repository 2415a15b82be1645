//! Randomness: one stream of bytes per run, determined by the seed alone.

use std::sync::LazyLock;

use blake3::{Hasher, OutputReader};

use super::Errno;
use super::call::{Answer, Call, accessible};
use causality_machine::memory::Perms;

/// The stream: the extended output of BLAKE3 over the seed.
#[derive(Clone)]
pub(super) struct Random {
    output: OutputReader,
    /// Its first bytes, of which every program gets some when it starts.
    first: [u8; FIRST],
    position: u64,
}

/// Bytes that BLAKE3 makes at a time.
const FIRST: usize = 64;

impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Random").field(&self.position).finish()
    }
}

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        /// What most have who do not care.
        static ZERO: LazyLock<Random> = LazyLock::new(|| Random::of(0));
        if seed == 0 { ZERO.clone() } else { Random::of(seed) }
    }

    fn of(seed: u64) -> Self {
        static HASHER: LazyLock<Hasher> =
            LazyLock::new(|| Hasher::new_derive_key("causality-vm guest randomness v1"));
        let mut hasher = HASHER.clone();
        hasher.update(&seed.to_le_bytes());
        let mut output = hasher.finalize_xof();
        let mut first = [0; FIRST];
        output.fill(&mut first);
        Random { output, first, position: 0 }
    }

    /// Bytes taken so far.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Goes on behind so many bytes.
    pub(super) fn go_to(&mut self, position: u64) {
        self.position = position;
    }

    /// The next bytes of the stream.
    pub(super) fn fill(&mut self, bytes: &mut [u8]) {
        let first = usize::try_from(self.position).ok().and_then(|position| self.first.get(position..));
        let (head, tail) = bytes.split_at_mut(first.map_or(0, <[u8]>::len).min(bytes.len()));
        head.copy_from_slice(&first.unwrap_or_default()[..head.len()]);
        self.position += head.len() as u64;
        if !tail.is_empty() {
            self.output.set_position(self.position);
            self.output.fill(tail);
            self.position += tail.len() as u64;
        }
    }
}

/// The most bytes one getrandom(2) makes; Linux may return fewer than were asked for from 256 on.
const MAX_RANDOM: u64 = 16 << 10;

/// getrandom(2).
pub(super) fn getrandom(call: &mut Call<'_>, buffer: u64, len: u64, flags: u32) -> Answer {
    /// `GRND_NONBLOCK`, `GRND_RANDOM`, `GRND_INSECURE`; the last two exclude each other.
    const FLAGS: u32 = 7;
    if flags & !FLAGS != 0 || flags & 6 == 6 {
        return Err(Errno::INVAL.into());
    }
    let len = accessible(call.memory, buffer, len.min(MAX_RANDOM), Perms::RW)?;
    call.linux.random.fill(call.memory.slice_mut(buffer, len)?);
    Ok(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_the_same_however_it_is_taken() {
        for seed in [0, 1, u64::MAX] {
            let mut whole = [0; 300];
            Random::new(seed).fill(&mut whole);
            for piece in [1, 7, 16, 63, 64, 65, 128, 299] {
                let mut random = Random::new(seed);
                let mut pieces = [0; 300];
                pieces.chunks_mut(piece).for_each(|bytes| random.fill(bytes));
                assert_eq!((pieces, random.position()), (whole, 300));
                random.go_to(piece as u64);
                let mut again = [0; 1];
                random.fill(&mut again);
                assert_eq!((again[0], random.position()), (whole[piece], piece as u64 + 1));
            }
        }
    }

    #[test]
    fn the_stream_is_that_of_blake3() {
        let mut hasher = Hasher::new_derive_key("causality-vm guest randomness v1");
        hasher.update(&5_u64.to_le_bytes());
        let (mut expected, mut found) = ([0; 200], [0; 200]);
        hasher.finalize_xof().fill(&mut expected);
        Random::new(5).fill(&mut found);
        assert_eq!(found, expected);
    }
}
