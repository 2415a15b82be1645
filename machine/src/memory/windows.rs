//! Windows of resource registers: the bytes behind the slots, and what changes both.
//!
//! Invariant: the first `extent` bytes of a slot's window are readable and writable on the host, and nothing of a slot
//! says more: neither its `length`, nor what is `readable` or `writable`, in generated code either.

use std::ops::Range;

use super::{Memory, PAGE_SIZE, Perms};
use crate::registers::{Lifecycle, Operation, RegisterFile, Rights, Slot};
use crate::{Cause, Fault};

/// A register that the host puts into a slot.
#[derive(Clone, Copy, Debug)]
pub struct Loaded<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// What the guest may do with it.
    pub rights: Rights,
    /// `Active`, `Locked`, `Frozen` or `Pending`.
    pub state: Lifecycle,
    /// For `Locked` and `Pending`: when that ends, in instructions retired; `u64::MAX` if not in this run.
    pub until: u64,
    /// Name of its section.
    pub section: &'a str,
}

impl Memory {
    /// The resource-register file.
    #[inline]
    #[must_use]
    pub fn registers(&self) -> &RegisterFile {
        &self.registers
    }

    /// Ends the states of registers that end by themselves up to `now`, in instructions retired.
    #[inline]
    pub fn settle_registers(&mut self, now: u64) {
        self.registers.settle(now);
    }

    /// Takes rights away from the register in a slot, at once: also from its window.
    pub fn revoke_register(&mut self, slot: u32, rights: Rights) {
        self.registers.revoke(slot, rights);
    }

    /// Gives more rights over the register in a slot.
    pub fn grant_register(&mut self, slot: u32, rights: Rights) {
        self.registers.grant(slot, rights);
    }

    /// For generated code: the first slot. From the first register on, slots stay where they are as long as the machine lives, also
    /// when it is moved; before that, none says that anything can be done with it.
    /// Generated code may change them only while nobody else uses the machine, and must leave behind what the operations
    /// here do.
    #[inline]
    #[must_use]
    pub fn slots_for_code(&mut self) -> *mut Slot {
        self.registers.slots_for_code()
    }

    /// The resource-register file as it is after `now` instructions: states that end by themselves have ended.
    #[must_use]
    pub fn registers_at(&self, now: u64) -> RegisterFile {
        let mut registers = self.registers.clone();
        registers.settle(now);
        registers
    }

    /// Makes the resource registers and their bytes a copy of another memory's.
    ///
    /// # Errors
    /// If the two have not the same limits, there is not as much memory, or the host refuses; nothing is promised of the
    /// registers then.
    pub fn copy_registers(&mut self, from: &Memory) -> std::io::Result<()> {
        if self.registers.windows() != from.registers.windows() {
            return Err(std::io::ErrorKind::InvalidInput.into());
        }
        let extents: Vec<u64> = self.registers.slots().iter().map(|slot| u64::from(slot.extent)).collect();
        for (slot, extent) in (0..).zip(&extents) {
            let wanted = u64::from(from.registers.slots()[slot as usize].extent);
            if *extent < wanted {
                self.grow_window(slot, wanted).map_err(|_| std::io::ErrorKind::OutOfMemory)?;
            }
            if let Some(bytes) = from.register_bytes(slot).filter(|bytes| !bytes.is_empty()) {
                self.window_mut(slot, 0..bytes.len() as u64).copy_from_slice(bytes);
            }
        }
        self.registers.assign(&from.registers);
        for (slot, extent) in (0..).zip(extents) {
            if u64::from(self.registers.slots()[slot as usize].extent) < extent {
                self.registers.change(slot, |slot| slot.extent = extent as u32);
            }
        }
        Ok(())
    }

    /// Whether both have the same resource registers with the same bytes after `now` instructions.
    #[must_use]
    pub fn has_registers_of(&self, other: &Memory, now: u64) -> bool {
        self.registers_at(now) == other.registers_at(now)
            && (0..self.registers.windows().count)
                .all(|slot| self.register_bytes(slot) == other.register_bytes(slot))
    }

    /// The bytes of the register in a slot, whatever the guest may do with them; `None` if there is none.
    #[must_use]
    pub fn register_bytes(&self, slot: u32) -> Option<&[u8]> {
        if !self.registers.slot(u64::from(slot))?.lifecycle().is_live() {
            return None;
        }
        let Slot { length, extent, window, .. } = self.registers.slots()[slot as usize];
        assert!(length <= extent, "a register has what its window has");
        if length == 0 {
            return Some(&[]);
        }
        // SAFETY: the extent of a window is readable on the host.
        Some(unsafe { self.space.slice(window, length as usize) })
    }

    /// Bytes of a window, to change.
    pub(super) fn window_mut(&mut self, slot: u32, range: Range<u64>) -> &mut [u8] {
        let Slot { extent, window, .. } = self.registers.slots()[slot as usize];
        assert!(range.start <= range.end && range.end <= u64::from(extent), "outside the window's extent");
        if range.is_empty() {
            return &mut [];
        }
        // SAFETY: the extent of a window is writable on the host.
        unsafe { self.space.slice_mut(window + range.start, (range.end - range.start) as usize) }
    }

    /// Puts a register into a slot, which must be empty or have a consumed one. Returns the number of the input.
    ///
    /// # Errors
    /// [`Cause::RegisterLimit`] if there is no such slot, or not as much memory; [`Cause::RegisterOccupied`];
    /// [`Cause::RegisterNotActive`] for a state that no register is loaded in.
    pub fn load_register(&mut self, number: u64, loaded: Loaded<'_>) -> Result<u32, Fault> {
        let slot = self.registers.check(number, Operation::Create)?;
        use Lifecycle::{Active, Frozen, Locked, Pending};
        if !matches!(loaded.state, Active | Frozen | Locked | Pending) {
            return Err(Fault { cause: Cause::RegisterNotActive, tval: number });
        }
        let length = loaded.bytes.len() as u64;
        let limit = Fault { cause: Cause::RegisterLimit, tval: length };
        let section = self.registers.section_number(loaded.section).ok_or(limit)?;
        self.clear_window(slot, length)?;
        self.window_mut(slot, 0..length).copy_from_slice(loaded.bytes);
        let until = if loaded.state.is_timed() { loaded.until.max(1) } else { 0 };
        Ok(self.registers.load(
            slot,
            Slot {
                state: loaded.state.code(),
                length: length as u32,
                rights: loaded.rights.bits(),
                section,
                until,
                ..Slot::default()
            },
        ))
    }

    /// `xrr.state`.
    ///
    /// # Errors
    /// [`Cause::RegisterLimit`] if there is no such slot.
    pub fn register_state(&self, number: u64) -> Result<Lifecycle, Fault> {
        let slot = self.registers.check(number, Operation::State)?;
        Ok(self.registers.slots()[slot as usize].lifecycle())
    }

    /// `xrr.len`.
    ///
    /// # Errors
    /// As [`RegisterFile::check`].
    pub fn register_length(&self, number: u64) -> Result<u64, Fault> {
        let slot = self.registers.check(number, Operation::Inspect)?;
        Ok(u64::from(self.registers.slots()[slot as usize].length))
    }

    /// `xrr.window`.
    ///
    /// # Errors
    /// As [`RegisterFile::check`].
    pub fn register_window(&self, number: u64) -> Result<u64, Fault> {
        let slot = self.registers.check(number, Operation::Inspect)?;
        Ok(self.registers.windows().address(slot))
    }

    /// `xrr.create`; returns the address of the window.
    ///
    /// # Errors
    /// As [`RegisterFile::check`]; [`Cause::RegisterLimit`] if it is too long, or there is not as much memory.
    pub fn create_register(&mut self, number: u64, length: u64) -> Result<u64, Fault> {
        let slot = self.registers.check(number, Operation::Create)?;
        self.clear_window(slot, length)?;
        self.registers.create(slot, length as u32);
        Ok(self.registers.windows().address(slot))
    }

    /// `xrr.update`; returns the address of the window.
    ///
    /// # Errors
    /// As [`Memory::create_register`].
    pub fn update_register(&mut self, number: u64, length: u64) -> Result<u64, Fault> {
        let slot = self.registers.check(number, Operation::Update)?;
        let before = u64::from(self.registers.slots()[slot as usize].length);
        self.grow_window(slot, length)?;
        self.zero_window(slot, before.min(length)..length)?;
        self.registers.succeed(slot, length as u32);
        Ok(self.registers.windows().address(slot))
    }

    /// `xrr.seal`.
    ///
    /// # Errors
    /// As [`RegisterFile::check`].
    pub fn seal_register(&mut self, number: u64) -> Result<(), Fault> {
        self.become_state(number, Operation::Seal, Lifecycle::Active, 0)
    }

    /// `xrr.consume`.
    ///
    /// # Errors
    /// As [`RegisterFile::check`].
    pub fn consume_register(&mut self, number: u64) -> Result<(), Fault> {
        self.become_state(number, Operation::Consume, Lifecycle::Consumed, 0)
    }

    /// Reserves a register until so many instructions have retired.
    ///
    /// # Errors
    /// As [`RegisterFile::check`].
    pub fn lock_register(&mut self, number: u64, until: u64) -> Result<(), Fault> {
        self.become_state(number, Operation::Lock, Lifecycle::Locked, until.max(1))
    }

    /// Ends that before its time.
    ///
    /// # Errors
    /// As [`RegisterFile::check`].
    pub fn unlock_register(&mut self, number: u64) -> Result<(), Fault> {
        self.become_state(number, Operation::Unlock, Lifecycle::Active, 0)
    }

    /// Allows nothing but reading a register.
    ///
    /// # Errors
    /// As [`RegisterFile::check`].
    pub fn freeze_register(&mut self, number: u64) -> Result<(), Fault> {
        self.become_state(number, Operation::Freeze, Lifecycle::Frozen, 0)
    }

    /// Ends that.
    ///
    /// # Errors
    /// As [`RegisterFile::check`].
    pub fn unfreeze_register(&mut self, number: u64) -> Result<(), Fault> {
        self.become_state(number, Operation::Unfreeze, Lifecycle::Active, 0)
    }

    /// Takes a register that was created in this run out of its slot: its bytes, and the input it descends from.
    ///
    /// # Errors
    /// As [`RegisterFile::check`]; [`Cause::CapabilityDenied`] if it was loaded.
    pub fn take_register(&mut self, number: u64) -> Result<(Vec<u8>, Option<u32>), Fault> {
        let slot = self.registers.check(number, Operation::Store)?;
        let found = &self.registers.slots()[slot as usize];
        if found.is_loaded == 1 {
            return Err(Fault { cause: Cause::CapabilityDenied, tval: number });
        }
        let origin = found.origin.checked_sub(1);
        let bytes = self.register_bytes(slot).unwrap_or_default().to_vec();
        self.registers.change(slot, |slot| {
            *slot = slot.vacated();
        });
        Ok((bytes, origin))
    }

    fn become_state(
        &mut self,
        number: u64,
        operation: Operation,
        to: Lifecycle,
        until: u64,
    ) -> Result<(), Fault> {
        let slot = self.registers.check(number, operation)?;
        self.registers.change(slot, |slot| (slot.state, slot.until) = (to.code(), until));
        Ok(())
    }

    /// Loads `N` bytes if they are in the window of a register that may be read.
    #[inline]
    #[must_use]
    pub fn load_in_window<const N: usize>(&self, addr: u64) -> Option<[u8; N]> {
        // SAFETY: what may be read of a register is readable on the host.
        (self.registers.run_of(addr, false) >= N as u64).then(|| unsafe { self.space.read(addr) })
    }

    /// Stores `N` bytes if they are in the window of a register that may be written.
    #[inline]
    #[must_use]
    pub fn store_in_window<const N: usize>(&mut self, addr: u64, bytes: [u8; N]) -> Option<()> {
        // SAFETY: what may be written of a register is writable on the host.
        (self.registers.run_of(addr, true) >= N as u64).then(|| unsafe { self.space.write(addr, bytes) })
    }

    /// `xrr.read`.
    ///
    /// # Errors
    /// As [`RegisterFile::check`]; [`Cause::RegisterBounds`] with the offset.
    pub fn read_register(&self, number: u64, offset: u64) -> Result<u64, Fault> {
        let slot = self.registers.check(number, Operation::Read)?;
        let word = self.word_of(slot, offset).and_then(|at| self.load_in_window(at));
        word.map(u64::from_le_bytes).ok_or(Fault { cause: Cause::RegisterBounds, tval: offset })
    }

    /// `xrr.write`.
    ///
    /// # Errors
    /// As [`Memory::read_register`].
    pub fn write_register(&mut self, number: u64, offset: u64, value: u64) -> Result<(), Fault> {
        let slot = self.registers.check(number, Operation::Write)?;
        let written = self.word_of(slot, offset).and_then(|at| self.store_in_window(at, value.to_le_bytes()));
        written.ok_or(Fault { cause: Cause::RegisterBounds, tval: offset })
    }

    /// Address of what is at `offset` of the window of `slot`, if that is inside.
    fn word_of(&self, slot: u32, offset: u64) -> Option<u64> {
        let windows = self.registers.windows();
        (offset < windows.stride()).then(|| windows.address(slot) + offset)
    }

    /// Whether all of `len` bytes at `addr` are of one register that may be read, or written.
    pub(super) fn is_in_window(&self, addr: u64, len: u64, perms: Perms) -> bool {
        match perms {
            Perms::R => self.registers.run_of(addr, false) >= len,
            Perms::RW => self.registers.run_of(addr, true) >= len,
            _ => false,
        }
    }

    /// The window of `slot` has so many bytes, all zero.
    fn clear_window(&mut self, slot: u32, length: u64) -> Result<(), Fault> {
        self.grow_window(slot, length)?;
        self.zero_window(slot, 0..length)
    }

    /// Zeroes bytes of a window. Of many, those in whole pages are given back to the host, which costs in proportion to
    /// those that somebody has touched.
    fn zero_window(&mut self, slot: u32, range: Range<u64>) -> Result<(), Fault> {
        if range.end - range.start <= 16 * PAGE_SIZE {
            self.window_mut(slot, range).fill(0);
            return Ok(());
        }
        let Slot { extent, window, .. } = self.registers.slots()[slot as usize];
        let pages = range.start.next_multiple_of(PAGE_SIZE)..u64::from(extent);
        let limit = Fault { cause: Cause::RegisterLimit, tval: range.end };
        self.space.discard(window + pages.start..window + pages.end).map_err(|_| limit)?;
        self.window_mut(slot, range.start..pages.start).fill(0);
        Ok(())
    }

    /// The window of `slot` has so many bytes.
    pub(super) fn grow_window(&mut self, slot: u32, length: u64) -> Result<(), Fault> {
        let limit = Fault { cause: Cause::RegisterLimit, tval: length };
        let windows = self.registers.windows();
        if length > windows.stride() {
            return Err(limit);
        }
        let before = u64::from(self.registers.slots()[slot as usize].extent);
        let after = length.next_multiple_of(PAGE_SIZE);
        if after <= before {
            return Ok(());
        }
        self.check_growth(after - before).map_err(|_| limit)?;
        let start = windows.address(slot);
        self.space.open(start + before..start + after).map_err(|_| limit)?;
        self.mapped += after - before;
        self.peak = self.peak.max(self.mapped);
        self.registers.change(slot, |slot| slot.extent = after as u32);
        Ok(())
    }

    /// Gives all windows back to the host.
    pub(super) fn clear_windows(&mut self) {
        let windows = self.registers.windows();
        for slot in 0..windows.count {
            let extent = u64::from(self.registers.slots()[slot as usize].extent);
            if extent > 0 {
                let start = windows.address(slot);
                self.mapped -= extent;
                // If the host refuses, no byte comes back: every register is zeroed when it is created.
                let _ = self.space.close(start..start + extent);
            }
        }
        self.registers.clear();
    }
}
