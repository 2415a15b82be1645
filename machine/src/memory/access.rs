//! Loads, stores, fetches and slices: the page table is asked, then the bytes are touched.

use std::ops::Range;

use super::{Memory, PAGE_SHIFT, PAGE_SIZE, Perms, SegmentKind};
use crate::version::next_version;
use crate::{Cause, Fault};

impl Memory {
    /// Permissions of the page that holds `addr`; none outside the address space.
    #[inline(always)]
    #[must_use]
    pub fn perms_at(&self, addr: u64) -> Perms {
        let perms = self.entry_at(addr);
        if perms == Perms::R && self.is_narrow() {
            return self.segment_at(addr).map_or(perms, |segment| segment.perms);
        }
        perms
    }

    /// What the page table says of the page that holds `addr`.
    #[inline(always)]
    fn entry_at(&self, addr: u64) -> Perms {
        match self.space.table().get((addr >> PAGE_SHIFT) as usize) {
            Some(&bits) => Perms::of_entry(bits),
            None => Perms::NONE,
        }
    }

    /// Whether `N` bytes at `addr` lie in one page, which allows `perms`. Never true of an access that
    /// wraps around: it spans pages.
    #[inline(always)]
    fn allows_in_page<const N: usize>(&self, addr: u64, perms: Perms) -> bool {
        self.entry_at(addr).contains(perms) && (N == 1 || addr % PAGE_SIZE <= PAGE_SIZE - N as u64)
    }

    /// Checks that all of `len` bytes at `addr` allow `perms`. Nothing is needed for `len` 0.
    ///
    /// # Errors
    /// The fault of an access to `addr`, even when only a later byte is at fault.
    pub fn check(&self, addr: u64, len: u64, perms: Perms) -> Result<(), Fault> {
        if len == 0 {
            return Ok(());
        }
        let is_closed = || self.is_narrow() && self.run_of(addr, perms) >= len;
        if self.table_allows(addr, len, perms) || self.is_in_window(addr, len, perms) || is_closed() {
            Ok(())
        } else {
            Err(self.fault(addr, len, perms))
        }
    }

    /// Whether all entries of `len` bytes at `addr`, at least one, allow `perms`.
    fn table_allows(&self, addr: u64, len: u64, perms: Perms) -> bool {
        addr.checked_add(len - 1).is_some_and(|last| {
            let range = (addr >> PAGE_SHIFT) as usize..=(last >> PAGE_SHIFT) as usize;
            self.space
                .table()
                .get(range)
                .is_some_and(|pages| pages.iter().all(|&p| Perms::of_entry(p).contains(perms)))
        })
    }

    /// The fault of an access of `len` bytes at `addr` that is not allowed.
    #[cold]
    fn fault(&self, addr: u64, len: u64, perms: Perms) -> Fault {
        if matches!(perms, Perms::R | Perms::RW)
            && let Some(fault) = self.registers.fault(addr, perms == Perms::RW)
        {
            return fault;
        }
        let guards = |a| {
            self.segment_at(a).is_some_and(|s| s.kind == SegmentKind::Guard && s.name == Self::STACK_GUARD)
        };
        let cause = if guards(addr) || guards(addr.wrapping_add(len - 1)) {
            Cause::StackOverflow
        } else if perms == Perms::R {
            Cause::LoadAccessFault
        } else if perms == Perms::RW {
            Cause::StoreAccessFault
        } else {
            Cause::InstructionAccessFault
        };
        Fault { cause, tval: addr }
    }

    /// Loads `N` bytes, little-endian as they lie. Any alignment.
    ///
    /// # Errors
    /// `LoadAccessFault` or `StackOverflow` with `addr`.
    #[inline]
    pub fn load<const N: usize>(&self, addr: u64) -> Result<[u8; N], Fault> {
        if let Some(bytes) = self.load_in_page(addr) {
            return Ok(bytes);
        }
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.slice(addr, N as u64)?);
        Ok(bytes)
    }

    /// Loads `N` bytes if that is allowed and they lie in one page: the path of almost every load.
    #[inline(always)]
    #[must_use]
    pub fn load_in_page<const N: usize>(&self, addr: u64) -> Option<[u8; N]> {
        // SAFETY: the page table says that every byte is in the address space and readable, and host
        // protection mirrors it.
        self.allows_in_page::<N>(addr, Perms::R).then(|| unsafe { self.space.read(addr) })
    }

    /// Stores `N` bytes. Any alignment.
    ///
    /// # Errors
    /// `StoreAccessFault` or `StackOverflow` with `addr`; no byte is changed.
    #[inline]
    pub fn store<const N: usize>(&mut self, addr: u64, bytes: [u8; N]) -> Result<(), Fault> {
        if self.store_in_page(addr, bytes).is_none() {
            self.slice_mut(addr, N as u64)?.copy_from_slice(&bytes);
        }
        Ok(())
    }

    /// Stores `N` bytes if that is allowed and they lie in one page: the path of almost every store.
    #[inline(always)]
    #[must_use]
    pub fn store_in_page<const N: usize>(&mut self, addr: u64, bytes: [u8; N]) -> Option<()> {
        // SAFETY: the page table says that every byte is in the address space and writable, and host
        // protection mirrors it.
        self.allows_in_page::<N>(addr, Perms::RW).then(|| unsafe { self.space.write(addr, bytes) })
    }

    /// The instruction word at `pc`: 16 bits, or 32 if the low two bits of the first half are ones.
    /// Of writable code, the bytes as they were at the last `fence.i`.
    ///
    /// # Errors
    /// `InstructionAccessFault` with the address of the half-word that is not executable, or
    /// `InstructionAddressMisaligned` for an odd pc.
    pub fn fetch(&self, pc: u64) -> Result<u32, Fault> {
        if pc & 1 != 0 {
            return Err(Fault { cause: Cause::InstructionAddressMisaligned, tval: pc });
        }
        let low = self.fetch_half(pc)?;
        if low & 3 != 3 {
            return Ok(u32::from(low));
        }
        let high = self.fetch_half(pc.wrapping_add(2))?;
        Ok(u32::from(low) | u32::from(high) << 16)
    }

    fn fetch_half(&self, addr: u64) -> Result<u16, Fault> {
        self.check(addr, 2, Perms::RX)?;
        if let Some(page) = self.code.get(&(addr & !(PAGE_SIZE - 1))) {
            let at = (addr % PAGE_SIZE) as usize;
            return Ok(u16::from_le_bytes([page[at], page[at + 1]]));
        }
        // Executable implies readable.
        self.load(addr).map(u16::from_le_bytes)
    }

    /// The bytes of `addr..addr + len`, without copying.
    ///
    /// # Errors
    /// The load fault if they are not all readable.
    pub fn slice(&self, addr: u64, len: u64) -> Result<&[u8], Fault> {
        self.check(addr, len, Perms::R)?;
        if len == 0 {
            return Ok(&[]);
        }
        // SAFETY: `check` found every byte in the address space and readable.
        Ok(unsafe { self.space.slice(addr, len as usize) })
    }

    /// The bytes of `addr..addr + len`, to change in place.
    ///
    /// # Errors
    /// The store fault if they are not all writable.
    pub fn slice_mut(&mut self, addr: u64, len: u64) -> Result<&mut [u8], Fault> {
        self.check(addr, len, Perms::RW)?;
        if len == 0 {
            return Ok(&mut []);
        }
        if self.is_narrow() && !self.table_allows(addr, len, Perms::RW) {
            self.widen();
        }
        // SAFETY: `check` found every byte in the address space and writable.
        Ok(unsafe { self.space.slice_mut(addr, len as usize) })
    }

    /// The bytes at `addr` up to a zero byte, which is not part of them; at most `max` are looked at.
    ///
    /// # Errors
    /// The load fault if unreadable memory comes first. `Ok(None)` if there is no zero in `max` bytes.
    pub fn c_str(&self, addr: u64, max: u64) -> Result<Option<&[u8]>, Fault> {
        let mut len = 0;
        while len < max {
            let here = addr.wrapping_add(len);
            let chunk = (PAGE_SIZE - here % PAGE_SIZE).min(max - len);
            // A window ends anywhere.
            let chunk = match self.registers.run_of(here, false) {
                0 => chunk,
                run => chunk.min(run),
            };
            let bytes = self.slice(here, chunk)?;
            if let Some(zero) = bytes.iter().position(|&b| b == 0) {
                return self.slice(addr, len + zero as u64).map(Some);
            }
            len += chunk;
        }
        Ok(None)
    }

    /// Bytes from the lowest page of `range` that holds anything but zeros to its end: how deep a stack
    /// has been, as guests do not zero what they pop. Looks at pages that were written, where the host knows which.
    ///
    /// # Errors
    /// The load fault if they are not all readable.
    pub fn depth(&self, range: Range<u64>) -> Result<u64, Fault> {
        let len = self.slice(range.start, range.end.saturating_sub(range.start))?.len() as u64;
        let lowest = if len == 0 { None } else { self.space.lowest_used(&range) };
        Ok(lowest.map_or(0, |lowest| range.end - lowest.max(range.start)))
    }

    /// Makes all earlier stores visible to fetches, as `fence.i` does.
    pub fn sync_code(&mut self) {
        // Only writable code can have changed: other code changed its permissions in between.
        if self.code.is_empty() {
            return;
        }
        for (&addr, copy) in &mut self.code {
            // SAFETY: pages with a copy are mapped writable, hence readable.
            copy.copy_from_slice(unsafe { self.space.slice(addr, PAGE_SIZE as usize) });
        }
        self.code_version = next_version();
        self.is_reshaped = true;
    }
}
