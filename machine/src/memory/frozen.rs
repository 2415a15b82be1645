//! Memories that stand still: what others are made from, and go back to.
//!
//! A frozen memory is what a memory was at one moment. Making a memory from it copies nothing: pages are copied when they
//! are written. The program as it is loaded is one, which all instances of a module start from; so is a running
//! guest that is forked.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::clean::Clean;
use super::{Memory, Perms, Segment, SegmentKind, Use};
use crate::Limits;

/// A memory as it was at one moment. It never changes; share it with whatever thread.
pub struct Frozen {
    limits: Limits,
    clean: Arc<Clean>,
    segments: BTreeMap<u64, Segment>,
    mapped: u64,
    peak: u64,
    uses: BTreeMap<String, Use>,
    code: BTreeMap<u64, Box<[u8]>>,
    code_version: u64,
    map_version: u64,
}

/// Why a memory cannot be frozen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FreezeError {
    /// It has resource registers, or had some: a copy could use a second time what can be used once.
    #[error("a guest that has had resource registers cannot be copied")]
    Registers,
    /// The host has no memory for it.
    #[error("the host refused: {0}")]
    Host(#[from] io::Error),
}

impl std::fmt::Debug for Frozen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frozen").field("segments", &self.segments).field("mapped", &self.mapped).finish()
    }
}

impl Frozen {
    /// The limits of memories made from it.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The version of the code in it, which memories made from it have until they [change](Memory::code_version) it.
    #[must_use]
    pub const fn code_version(&self) -> u64 {
        self.code_version
    }

    /// Bytes of host memory that pages take that are not all zero.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.clean.filled.count(&(0..u64::MAX))
    }

    /// Whether the host shows the same where nobody has written.
    pub(super) fn is_like(&self, other: &Frozen) -> bool {
        self.clean.pieces == other.clean.pieces
    }
}

impl Memory {
    /// A memory that is what `frozen` was.
    ///
    /// # Errors
    /// If the host cannot reserve or map memory.
    pub fn thaw(frozen: &Arc<Frozen>) -> io::Result<Self> {
        let mut memory = Memory::new(frozen.limits.clone())?;
        memory.restore(frozen)?;
        Ok(memory)
    }

    /// Has the host allow, together, all that lies within and between segments but stacks, and up to `room` bytes behind them.
    /// So a program costs the host one mapping, and a heap that grows behind it none, nor a call.
    ///
    /// # Errors
    /// If the host refuses; the memory is as before.
    pub fn make_room(&mut self, room: u64) -> io::Result<()> {
        /// What may lie between two segments.
        const GAP: u64 = 16 << 20;
        let is_part = |segment: &&Segment| !segment.perms.is_none() && segment.kind != SegmentKind::Stack;
        let mut parts = self.segments.values().filter(is_part).map(|segment| segment.range.clone());
        let Some(mut whole) = parts.next() else { return Ok(()) };
        for part in parts.take_while(|part| part.start < u64::MAX - GAP) {
            if part.start - whole.end > GAP {
                break;
            }
            whole.end = part.end;
        }
        let next = self.segments.range(whole.end..).next();
        let limit = next.map_or(self.limits.address_space, |(&start, _)| start);
        self.space.open(whole.start..whole.end.saturating_add(room).min(limit))
    }

    /// What it is now. As long as nothing changes, asking again costs nothing.
    ///
    /// # Errors
    /// See [`FreezeError`].
    pub fn freeze(&mut self) -> Result<Arc<Frozen>, FreezeError> {
        if !self.registers.is_unused() {
            return Err(FreezeError::Registers);
        }
        if let Some(latest) = &self.latest
            && !self.space.is_changed()
            && latest.is_shape_of(self)
        {
            return Ok(Arc::clone(latest));
        }
        if let Some(origin) = &self.origin
            && !self.space.is_written()
            && !self.is_reshaped
        {
            return Ok(Arc::clone(origin));
        }
        let clean = self.space.freeze(self.limits.address_space)?;
        let frozen = Arc::new(Frozen {
            limits: self.limits.clone(),
            clean: Arc::new(clean),
            segments: self.segments.clone(),
            mapped: self.mapped,
            peak: self.peak,
            uses: self.uses.clone(),
            code: self.code.clone(),
            code_version: self.code_version,
            map_version: self.map_version,
        });
        self.latest = Some(Arc::clone(&frozen));
        Ok(frozen)
    }

    /// Becomes what `frozen` was. The executor page is left alone.
    ///
    /// # Errors
    /// If the limits differ, or the host refuses; then nothing is accessible any more, and nothing can be mapped.
    pub fn restore(&mut self, frozen: &Arc<Frozen>) -> io::Result<()> {
        if self.limits != frozen.limits {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.latest = None;
        self.registers.clear();
        if let Err(error) = self.space.restore(&frozen.clean) {
            self.origin = None;
            self.lose(&(0..self.limits.address_space), io::ErrorKind::OutOfMemory.into());
            return Err(error);
        }
        let is_origin = self.origin.as_ref().is_some_and(|origin| Arc::ptr_eq(origin, frozen));
        if self.is_reshaped || !is_origin {
            self.reshape(frozen);
            self.origin = Some(Arc::clone(frozen));
        }
        (self.mapped, self.peak) = (frozen.mapped, frozen.peak);
        Ok(())
    }

    /// Takes over everything but bytes.
    fn reshape(&mut self, frozen: &Frozen) {
        if self.map_version != frozen.map_version {
            let ranges = self.segments.values().map(|segment| (segment, Perms::NONE));
            let ranges = ranges.chain(frozen.segments.values().map(|segment| (segment, segment.perms)));
            for (segment, perms) in ranges {
                self.space.table_mut()[Self::page_numbers(&segment.range)].fill(perms.bits());
            }
        }
        self.segments.clone_from(&frozen.segments);
        self.uses.clone_from(&frozen.uses);
        self.code.clone_from(&frozen.code);
        (self.code_version, self.map_version) = (frozen.code_version, frozen.map_version);
        self.is_reshaped = false;
    }

    /// What it was made from, or restored to.
    pub(super) fn origin(&self) -> Option<&Arc<Frozen>> {
        self.origin.as_ref()
    }

    /// Everything, for somebody else: nothing of what was done here can be seen there. `None` if that cannot be had.
    pub(super) fn recycle(&mut self) -> Option<Memory> {
        let origin = self.origin.take()?;
        let mut next = Memory {
            space: self.space.hand_on(),
            segments: std::mem::take(&mut self.segments),
            limits: self.limits.clone(),
            mapped: self.mapped,
            peak: self.peak,
            uses: std::mem::take(&mut self.uses),
            code: std::mem::take(&mut self.code),
            code_version: self.code_version,
            map_version: self.map_version,
            registers: std::mem::take(&mut self.registers),
            is_reshaped: self.is_reshaped,
            latest: None,
            home: None,
            origin: Some(Arc::clone(&origin)),
        };
        next.restore(&origin).ok()?;
        next.space.clear_executor_page();
        Some(next)
    }
}

impl Frozen {
    /// Whether a memory has the same segments, permissions and code.
    fn is_shape_of(&self, memory: &Memory) -> bool {
        (self.code_version, self.map_version) == (memory.code_version, memory.map_version)
            && self.segments == memory.segments
    }
}
