//! Randomness: one stream of bytes per run, determined by the seed alone.

use std::sync::LazyLock;

use blake3::{Hasher, OutputReader};

use super::Errno;
use super::call::{Answer, Call, accessible};
use causality_machine::memory::Perms;

/// The stream: the extended output of BLAKE3 over the seed.
#[derive(Clone)]
pub(super) struct Random(OutputReader);

impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Random").field(&self.0.position()).finish()
    }
}

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        static HASHER: LazyLock<Hasher> =
            LazyLock::new(|| Hasher::new_derive_key("causality-vm guest randomness v1"));
        let mut hasher = HASHER.clone();
        hasher.update(&seed.to_le_bytes());
        Random(hasher.finalize_xof())
    }

    /// Bytes taken so far.
    pub(super) fn position(&self) -> u64 {
        self.0.position()
    }

    /// Goes on behind so many bytes.
    pub(super) fn go_to(&mut self, position: u64) {
        self.0.set_position(position);
    }

    /// The next bytes of the stream.
    pub(super) fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
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
