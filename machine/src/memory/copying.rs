//! What it takes to copy a memory and to make it again, besides what guests may see of it: bytes under pages they may not
//! read or write, what fetches see of writable code, peaks, and resource registers.
//!
//! Permissions of pages are never changed on the way, as the page table tells of them: only the host may have to open some.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{MapError, Memory, PAGE_SIZE, Perms};
use crate::registers::{Lifecycle, Slot};
use crate::version::next_version;

/// The most that was ever mapped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peaks {
    /// Bytes in accessible segments and windows.
    pub all: u64,
    /// Bytes in accessible segments, by name.
    pub by_name: BTreeMap<String, u64>,
}

impl Memory {
    /// Shows `look` the bytes of a range within one segment, whatever the guest may do there.
    ///
    /// # Errors
    /// [`MapError::NotMapped`] if it is not within one segment; [`MapError::Host`] if the host refuses, or has before, so that
    /// this is [lost](Memory::LOST).
    pub fn inspect<R>(&mut self, range: &Range<u64>, look: impl FnOnce(&[u8]) -> R) -> Result<R, MapError> {
        self.check_within(range)?;
        self.open_on_host(range, Perms::RW)?;
        // SAFETY: the range is in a segment, so in bounds, and open on the host by the line above.
        let shown = look(unsafe { self.space.slice(range.start, (range.end - range.start) as usize) });
        Ok(shown)
    }

    /// Lets `write` change the bytes of whole pages within one segment, whatever the guest may do there. Fetches see them, but
    /// for those from writable code, which see them after the next `fence.i`.
    ///
    /// # Errors
    /// As [`Memory::inspect`].
    pub fn rewrite<R>(
        &mut self,
        range: &Range<u64>,
        write: impl FnOnce(&mut [u8]) -> R,
    ) -> Result<R, MapError> {
        self.check_within(range)?;
        self.open_on_host(range, Perms::RW)?;
        // Before it is: `write` may panic in the middle.
        self.changed_code(range);
        // SAFETY: as above.
        Ok(write(unsafe { self.space.slice_mut(range.start, (range.end - range.start) as usize) }))
    }

    /// Whole pages that are in one segment.
    fn check_within(&self, range: &Range<u64>) -> Result<(), MapError> {
        if !range.start.is_multiple_of(PAGE_SIZE) || !range.end.is_multiple_of(PAGE_SIZE) {
            return Err(MapError::Misaligned);
        }
        let segment = self.segment_at(range.start).ok_or(MapError::NotMapped)?;
        if range.start > range.end || range.end > segment.range.end {
            return Err(MapError::NotMapped);
        }
        self.check_not_lost(range)
    }

    /// What fetches see of pages that are writable and executable: their bytes at the last `fence.i`, by address.
    pub fn code_copies(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.code.iter().map(|(&addr, page)| (addr, &**page))
    }

    /// Makes fetches from each page that is writable and executable see what `copy` says, a page, or zeros.
    pub fn set_code_copies<'a>(&mut self, copy: impl Fn(u64) -> Option<&'a [u8]>) {
        if self.code.is_empty() {
            return;
        }
        // Before they have changed: `copy` may panic in the middle.
        self.code_version = next_version();
        self.is_reshaped = true;
        for (&addr, page) in &mut self.code {
            match copy(addr) {
                Some(bytes) => page.copy_from_slice(bytes),
                None => page.fill(0),
            }
        }
    }

    /// The most that was ever mapped.
    #[must_use]
    pub fn peaks(&self) -> Peaks {
        let by_name = self.uses.iter().map(|(name, uses)| (name.clone(), uses.peak));
        Peaks { all: self.peak, by_name: by_name.collect() }
    }

    /// Makes these the peaks. A name of which there is more now keeps what it has.
    pub fn set_peaks(&mut self, peaks: &Peaks) {
        self.is_reshaped = true;
        self.peak = peaks.all.max(self.mapped);
        self.uses.retain(|_, uses| uses.now > 0);
        for uses in self.uses.values_mut() {
            uses.peak = uses.now;
        }
        for (name, &peak) in &peaks.by_name {
            let uses = self.uses.entry(name.clone()).or_default();
            uses.peak = peak.max(uses.now);
        }
    }

    /// Puts a register into a slot that has never had one, as it was in another machine, where the guest had created it, with
    /// its window and counter. `fill` gets the bytes of a register that is live, all zero. What a slot says of loaded
    /// registers is not taken over. `false` if no machine with these limits has such a slot, or there is not as much memory.
    #[must_use]
    pub fn restore_register(&mut self, number: u32, slot: &Slot, fill: impl FnOnce(&mut [u8])) -> bool {
        let Some(state) = Lifecycle::ALL.get(usize::from(slot.state)).copied() else { return false };
        let extent = u64::from(slot.extent);
        let is_sound = slot.length <= slot.extent
            && extent.is_multiple_of(PAGE_SIZE)
            && state.is_timed() == (slot.until != 0);
        let found = self.registers().slot(u64::from(number));
        if !is_sound || found.is_none_or(|slot| slot.extent != 0 || slot.lifecycle() != Lifecycle::Empty) {
            return false;
        }
        if self.grow_window(number, extent).is_err() {
            return false;
        }
        if state.is_live() {
            fill(self.window_mut(number, 0..u64::from(slot.length)));
        }
        self.registers.change(number, |restored| {
            *restored = Slot {
                state: slot.state,
                length: slot.length,
                rights: slot.rights,
                until: slot.until,
                created: slot.created,
                ..restored.clone()
            };
        });
        true
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::memory::SegmentKind;
    use crate::{Cause, Fault, Limits};

    const PAGES: Range<u64> = 0x1_0000..0x1_2000;

    #[test]
    fn bytes_that_no_guest_may_touch_can_be_copied_and_written() {
        let mut memory = Memory::new(Limits::default()).unwrap();
        memory.map(PAGES, Perms::RW, SegmentKind::Data, "data").unwrap();
        memory.store(PAGES.start + 5, [7]).unwrap();
        memory.protect(PAGES, Perms::NONE).unwrap();
        let before = (memory.peaks(), memory.map_version());
        assert_eq!(memory.inspect(&PAGES, |bytes| bytes[5]).unwrap(), 7);
        memory.rewrite(&PAGES, |bytes| bytes[5] = 9).unwrap();
        assert_eq!((memory.peaks(), memory.map_version()), before);
        let fault = Fault { cause: Cause::LoadAccessFault, tval: PAGES.start };
        assert_eq!(memory.load::<1>(PAGES.start), Err(fault));
        memory.protect(PAGES, Perms::R).unwrap();
        assert_eq!(memory.load(PAGES.start + 5), Ok([9]));
    }

    #[test]
    fn what_is_not_in_one_segment_is_refused() {
        let mut memory = Memory::new(Limits::default()).unwrap();
        memory.map(PAGES, Perms::RW, SegmentKind::Data, "data").unwrap();
        for range in [0..0x1000, PAGES.start..PAGES.end + 0x1000, 0x1_0001..0x1_1000] {
            assert!(memory.inspect(&range, |_| ()).is_err() && memory.rewrite(&range, |_| ()).is_err());
        }
    }

    #[test]
    fn new_bytes_of_code_are_new_code() {
        let mut memory = Memory::new(Limits::default()).unwrap();
        memory.map(PAGES, Perms::RX, SegmentKind::Text, "text").unwrap();
        let version = memory.code_version();
        memory.rewrite(&PAGES, |bytes| bytes[0] = 1).unwrap();
        assert_ne!(memory.code_version(), version);
    }

    #[test]
    fn code_that_was_written_has_a_new_version_also_after_a_panic() {
        let limits = Limits { allow_writable_code: true, ..Limits::default() };
        let mut memory = Memory::new(limits).unwrap();
        memory.map(PAGES, Perms::RX, SegmentKind::Text, "text").unwrap();
        let frozen = memory.freeze().unwrap();
        let written = catch_unwind(AssertUnwindSafe(|| {
            memory.rewrite(&PAGES, |bytes| {
                bytes.fill(0x13);
                panic!("of the embedder");
            })
        }));
        assert!(written.is_err());
        assert_eq!(memory.fetch(PAGES.start), Ok(0x1313_1313));
        assert_ne!(memory.code_version(), frozen.code_version());
        assert_ne!(memory.freeze().unwrap().code_version(), frozen.code_version());

        memory.protect(PAGES, Perms::RWX).unwrap();
        let version = memory.code_version();
        let copied = catch_unwind(AssertUnwindSafe(|| {
            memory.set_code_copies(|addr| {
                assert_eq!(addr, PAGES.start, "of the embedder");
                None
            });
        }));
        assert!(copied.is_err());
        assert_eq!(memory.fetch(PAGES.start), Ok(0));
        assert_ne!(memory.code_version(), version);
    }

    #[test]
    fn slots_that_no_machine_has_are_refused() {
        let mut memory = Memory::new(Limits { registers: 2, ..Limits::default() }).unwrap();
        let slot = Slot {
            state: Lifecycle::Active.code(),
            length: 8,
            extent: 4096,
            rights: u8::MAX,
            created: 3,
            ..Slot::default()
        };
        let wrong = [
            Slot { state: 7, ..slot.clone() },
            Slot { length: 4097, ..slot.clone() },
            Slot { extent: 100, ..slot.clone() },
            Slot { extent: 2 << 20, ..slot.clone() },
            Slot { until: 5, ..slot.clone() },
            Slot { state: Lifecycle::Locked.code(), ..slot.clone() },
        ];
        for slot in &wrong {
            assert!(!memory.restore_register(0, slot, |_| ()), "{slot:?}");
        }
        assert!(!memory.restore_register(2, &slot, |_| ()), "there is no such slot");
        assert!(memory.restore_register(0, &slot, |bytes| bytes.fill(1)));
        assert_eq!(memory.register_bytes(0), Some(&[1; 8][..]));
        assert_eq!((memory.registers().created(), memory.mapped()), (3, 4096));
        assert!(!memory.restore_register(0, &slot, |_| ()), "it is taken");
    }
}
