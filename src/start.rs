//! Memory with a program in it, as its instances start.
//!
//! Instances of a program share its bytes, which then lie in a file; but a file takes longer to make than a small program to run.
//! So the first instance has a copy, and so have others as long as all copies together are small.

use std::sync::{Arc, OnceLock};

use causality_abi::Abi;
use causality_machine::memory::{Frozen, Pool};
use causality_machine::{Image, Limits, Memory};

use crate::Error;

/// Bytes of which the first instance has a copy.
const FIRST: u64 = 512 << 10;

/// Bytes of all copies that are in use or may be used again.
const COPIES: u64 = 256 << 10;

/// Bytes of heap that come with the program.
const ROOM: u64 = 1 << 20;

/// What instances of a program are made from that have the same limits.
#[derive(Debug, Default)]
pub(crate) struct Start {
    copied: OnceLock<Arc<Frozen>>,
    shared: OnceLock<Arc<Frozen>>,
}

impl Start {
    /// Memory with `image` and a stack in it, and what it is restored to.
    ///
    /// # Errors
    /// If the program does not fit the limits, or the host has no memory.
    pub(crate) fn memory(
        &self,
        image: &Image,
        limits: &Limits,
        pool: &Arc<Pool>,
    ) -> Result<(Arc<Frozen>, Memory), Error> {
        let from = |frozen: &Arc<Frozen>| Ok((Arc::clone(frozen), pool.take(frozen).map_err(refused)?));
        if let Some(shared) = self.shared.get() {
            return from(shared);
        }
        match self.copied.get() {
            Some(copied) if Arc::strong_count(copied) as u64 * copied.bytes() <= COPIES => from(copied),
            None if bytes(image) <= FIRST => {
                limits.check()?;
                let mut memory =
                    pool.take(&Frozen::empty(limits.clone()).map_err(refused)?).map_err(refused)?;
                lay_out(image, &mut memory)?;
                let filled = image.segments.iter().map(|part| part.addr..part.addr + part.data.len() as u64);
                let copied = memory.settle(filled).map_err(not_kept)?;
                let _ = self.copied.set(Arc::clone(&copied));
                Ok((copied, memory))
            }
            _ => {
                limits.check()?;
                let mut memory = Memory::new(limits.clone()).map_err(refused)?;
                lay_out(image, &mut memory)?;
                let shared = memory.freeze().map_err(not_kept)?;
                from(self.shared.get_or_init(|| shared))
            }
        }
    }
}

fn lay_out(image: &Image, memory: &mut Memory) -> Result<(), Error> {
    Abi::<()>::lay_out(image, memory)?;
    memory.make_room(ROOM).map_err(refused)
}

/// Bytes that the file has.
fn bytes(image: &Image) -> u64 {
    image.segments.iter().map(|segment| segment.data.len() as u64).sum()
}

fn refused(error: std::io::Error) -> Error {
    Error::io("reserve the guest address space", error)
}

fn not_kept(error: causality_machine::memory::FreezeError) -> Error {
    Error::io("keep the program", std::io::Error::other(error))
}
