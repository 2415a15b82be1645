//! The resource-register file: numbered slots with one-time-use registers, whose bytes are windows of guest memory.
//!
//! A register is written while it is being built, sealed, and from then on only read, until it is consumed, which it is
//! exactly once. A *window* is the range of guest memory that holds exactly its bytes. The window of slot `n` begins `n`
//! times [`Windows::stride`] behind the address space, so that an address says which slot it belongs to; accesses are
//! checked by the byte. No page table entry stands for a window: what is allowed there is decided by the slot alone.
//!
//! Registers are *loaded* by the host or *created* by the guest. One that is created and consumed in the same run never
//! existed for anybody else. [`RegisterFile::inputs`] tells what became of those that were loaded.
//!
//! [`Operation::check`] is the one table of what can be done when; [`Memory`](crate::Memory) has the operations, because
//! it has the bytes. Invariant: the fields of a [`Slot`] that generated code compares with follow from the others.

mod lifecycle;
mod operation;
mod rights;
mod slot;

pub use lifecycle::Lifecycle;
pub use operation::Operation;
pub use rights::Rights;
pub use slot::{NATIVE_BYTES, Slot};

use crate::memory::PAGE_SIZE;
use crate::{Cause, Fault, Limits};

/// Where windows are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Windows {
    /// Address of the first one.
    pub start: u64,
    /// Two to this power is the distance from one to the next.
    pub shift: u32,
    /// How many there are.
    pub count: u32,
}

impl Windows {
    /// As the limits want it, which are [checked](Limits::check), behind the address space.
    pub(crate) fn of(limits: &Limits) -> Self {
        let stride = limits.register_bytes.max(PAGE_SIZE).next_power_of_two();
        Windows { start: limits.address_space, shift: stride.trailing_zeros(), count: limits.registers }
    }

    /// Bytes from one to the next: the most that a register can have.
    #[must_use]
    pub const fn stride(&self) -> u64 {
        1 << self.shift
    }

    /// Bytes of all.
    pub(crate) const fn size(&self) -> u64 {
        (self.count as u64) << self.shift
    }

    /// Address of the window of a slot.
    #[must_use]
    pub const fn address(&self, slot: u32) -> u64 {
        self.start + ((slot as u64) << self.shift)
    }

    /// The slot that an address belongs to, and how far into its window it is.
    #[inline]
    #[must_use]
    pub const fn locate(&self, addr: u64) -> Option<(u32, u64)> {
        let offset = addr.wrapping_sub(self.start);
        if addr < self.start || offset >= self.size() {
            return None;
        }
        Some(((offset >> self.shift) as u32, offset & (self.stride() - 1)))
    }
}

/// A register that was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Input {
    slot: u32,
    /// Its slot has had another register since.
    is_gone: bool,
}

/// What became of a register that was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputState {
    /// It has not been consumed and is in this slot.
    Live(u32),
    /// It has been consumed.
    Consumed,
}

/// Slots of machines that have never had a register.
static NO_SLOTS: [Slot; Limits::MOST_REGISTERS as usize] =
    [const { Slot::EMPTY }; Limits::MOST_REGISTERS as usize];

/// The slots of one machine.
#[derive(Clone, Debug, Default)]
pub struct RegisterFile {
    /// Made for the first register. Never moves then: generated code knows where it is.
    slots: Option<Box<[Slot]>>,
    windows: Windows,
    inputs: Vec<Input>,
    sections: Vec<String>,
    /// No state ends by itself before.
    next_end: u64,
    /// Whether anything but the windows may differ from what it is at first.
    is_touched: bool,
}

impl PartialEq for RegisterFile {
    fn eq(&self, other: &Self) -> bool {
        self.slots() == other.slots()
            && self.windows == other.windows
            && self.inputs == other.inputs
            && self.sections == other.sections
    }
}

impl Eq for RegisterFile {}

impl RegisterFile {
    /// The section of registers that a guest creates.
    pub const CREATED: &'static str = "created";

    pub(crate) fn new(limits: &Limits) -> Self {
        let windows = Windows::of(limits);
        RegisterFile {
            slots: None,
            windows,
            inputs: Vec::new(),
            sections: vec![Self::CREATED.to_owned()],
            next_end: u64::MAX,
            is_touched: false,
        }
    }

    /// Forgets everything; the host has taken the windows back.
    pub(crate) fn clear(&mut self) {
        if !self.is_touched {
            return;
        }
        self.slots.iter_mut().for_each(|slots| slots.fill(Slot::EMPTY));
        self.is_touched = false;
        self.inputs.clear();
        self.sections.truncate(1);
        self.next_end = u64::MAX;
    }

    /// Where windows are.
    #[inline]
    #[must_use]
    pub const fn windows(&self) -> Windows {
        self.windows
    }

    /// All slots. From the first register on, they stay where they are as long as the machine lives.
    #[must_use]
    pub fn slots(&self) -> &[Slot] {
        self.slots.as_deref().unwrap_or(&NO_SLOTS[..self.windows.count as usize])
    }

    /// All slots, to change.
    fn slots_mut(&mut self) -> &mut [Slot] {
        self.is_touched = true;
        self.slots.get_or_insert_with(|| vec![Slot::EMPTY; self.windows.count as usize].into_boxed_slice())
    }

    /// The first slot, which is not written as long as it says that there is nothing.
    #[inline]
    pub(crate) fn slots_for_code(&mut self) -> *mut Slot {
        match &mut self.slots {
            Some(slots) => slots.as_mut_ptr(),
            None => NO_SLOTS.as_ptr().cast_mut(),
        }
    }

    /// The slot with this number.
    #[must_use]
    pub fn slot(&self, number: u64) -> Option<&Slot> {
        usize::try_from(number).ok().and_then(|number| self.slots().get(number))
    }

    /// What became of the registers that were loaded, in the order in which they were.
    pub fn inputs(&self) -> impl ExactSizeIterator<Item = InputState> {
        self.inputs.iter().enumerate().map(|(index, input)| {
            let slot = &self.slots()[input.slot as usize];
            let is_there = !input.is_gone && slot.is_loaded == 1 && slot.origin as usize == index + 1;
            if is_there && slot.lifecycle() != Lifecycle::Consumed {
                InputState::Live(input.slot)
            } else {
                InputState::Consumed
            }
        })
    }

    /// Registers created so far, successors included.
    #[must_use]
    pub fn created(&self) -> u64 {
        self.slots().iter().map(|slot| slot.created).sum()
    }

    /// Name of the section of a slot's register.
    #[must_use]
    pub fn section_of(&self, slot: &Slot) -> &str {
        self.sections.get(slot.section as usize).map_or(Self::CREATED, |name| name)
    }

    /// Numbers of the slots with live registers of this section, ascending.
    pub fn section(&self, name: &str) -> impl Iterator<Item = u32> {
        let number = self.sections.iter().position(|section| section == name);
        let is_there =
            move |slot: &&Slot| Some(slot.section as usize) == number && slot.lifecycle().is_live();
        (0..).zip(self.slots()).filter(move |(_, slot)| is_there(slot)).map(|(index, _)| index)
    }

    /// The number of a section with this name; `None` if a slot cannot count so many.
    pub(crate) fn section_number(&mut self, name: &str) -> Option<u16> {
        let found = self.sections.iter().position(|section| section == name);
        let number = found.unwrap_or(self.sections.len());
        let number = u16::try_from(number).ok()?;
        if found.is_none() {
            self.sections.push(name.to_owned());
            self.is_touched = true;
        }
        Some(number)
    }

    /// Checks that an operation can be done on the register in slot `number`.
    ///
    /// # Errors
    /// [`Cause::RegisterLimit`], what [`Operation::check`] says, or [`Cause::CapabilityDenied`], in this order.
    pub fn check(&self, number: u64, operation: Operation) -> Result<u32, Fault> {
        let fault = |cause| Fault { cause, tval: number };
        let slot = self.slot(number).ok_or(fault(Cause::RegisterLimit))?;
        check(slot, operation).map_err(fault)?;
        Ok(number as u32)
    }

    /// Bytes that may be read, or written, from `addr` on: 0 if it is in no window.
    #[inline]
    pub(crate) fn run_of(&self, addr: u64, writes: bool) -> u64 {
        let Some((slot, offset)) = self.windows.locate(addr) else { return 0 };
        let slot = &self.slots()[slot as usize];
        u64::from(if writes { slot.writable } else { slot.readable }).saturating_sub(offset)
    }

    /// Why an access at `addr` is not allowed, if that is in a window.
    #[cold]
    pub(crate) fn fault(&self, addr: u64, writes: bool) -> Option<Fault> {
        let (slot, _) = self.windows.locate(addr)?;
        let operation = if writes { Operation::Write } else { Operation::Read };
        let cause = check(&self.slots()[slot as usize], operation).err().unwrap_or(Cause::RegisterBounds);
        Some(Fault { cause, tval: addr })
    }

    /// Changes a slot.
    pub(crate) fn change(&mut self, number: u32, change: impl FnOnce(&mut Slot)) {
        let window = self.windows.address(number);
        let slot = &mut self.slots_mut()[number as usize];
        slot.window = window;
        change(slot);
        slot.refresh();
        let until = if slot.lifecycle().is_timed() { slot.until } else { u64::MAX };
        self.next_end = self.next_end.min(until);
    }

    /// A slot gets a register of its own, with all rights.
    pub(crate) fn create(&mut self, number: u32, length: u32) {
        self.forget_input(number);
        self.change(number, |slot| {
            *slot = Slot {
                state: Lifecycle::Initial.code(),
                length,
                rights: Rights::ALL.bits(),
                created: slot.created.wrapping_add(1),
                ..slot.vacated()
            };
        });
    }

    /// The register of a slot is consumed and followed by its successor, with all rights.
    pub(crate) fn succeed(&mut self, number: u32, length: u32) {
        self.forget_input(number);
        self.change(number, |slot| {
            slot.state = Lifecycle::Initial.code();
            slot.length = length;
            slot.rights = Rights::ALL.bits();
            slot.is_loaded = 0;
            slot.created = slot.created.wrapping_add(1);
        });
    }

    /// A slot gets a register that was loaded; returns the number of the input.
    pub(crate) fn load(&mut self, number: u32, loaded: Slot) -> u32 {
        self.forget_input(number);
        let index = self.inputs.len() as u32;
        self.inputs.push(Input { slot: number, is_gone: false });
        self.change(number, |slot| {
            let Slot { created, extent, window, .. } = *slot;
            *slot = Slot { is_loaded: 1, origin: index + 1, created, extent, window, ..loaded };
        });
        index
    }

    /// Becomes a copy of another file of the same size, without moving slots.
    pub(crate) fn assign(&mut self, other: &Self) {
        if !other.is_touched {
            return self.clear();
        }
        self.slots_mut().clone_from_slice(other.slots());
        self.inputs.clone_from(&other.inputs);
        self.sections.clone_from(&other.sections);
        self.next_end = other.next_end;
    }

    /// Whether there has never been a register.
    #[must_use]
    pub fn is_unused(&self) -> bool {
        !self.is_touched || self.inputs.is_empty() && self.slots().iter().all(|slot| slot.created == 0)
    }

    /// The register that was loaded into a slot is not there any more.
    fn forget_input(&mut self, number: u32) {
        let slot = &self.slots()[number as usize];
        let (is_loaded, origin) = (slot.is_loaded == 1, slot.origin as usize);
        if is_loaded && let Some(input) = self.inputs.get_mut(origin.wrapping_sub(1)) {
            input.is_gone = true;
        }
    }

    /// Whether there are registers whose state ends by itself.
    #[inline]
    #[must_use]
    pub const fn has_timed(&self) -> bool {
        self.next_end != u64::MAX
    }

    /// Ends the states that end by themselves up to `now`, in instructions retired.
    #[inline]
    pub(crate) fn settle(&mut self, now: u64) {
        if self.next_end <= now {
            self.end_states(now);
        }
    }

    #[cold]
    fn end_states(&mut self, now: u64) {
        let mut next_end = u64::MAX;
        for slot in self.slots_mut() {
            if slot.lifecycle().is_timed() {
                if slot.until <= now {
                    slot.state = Lifecycle::Active.code();
                    slot.until = 0;
                    slot.refresh();
                } else {
                    next_end = next_end.min(slot.until);
                }
            }
        }
        self.next_end = next_end;
    }

    /// Takes rights away from the register in a slot, at once: also from its window.
    pub(crate) fn revoke(&mut self, number: u32, rights: Rights) {
        if number < self.windows.count {
            self.change(number, |slot| slot.rights = slot.rights().without(rights).bits());
        }
    }

    /// Gives more rights over the register in a slot, at once: the host has decided to.
    pub(crate) fn grant(&mut self, number: u32, rights: Rights) {
        if number < self.windows.count {
            self.change(number, |slot| slot.rights = slot.rights().union(rights).bits());
        }
    }
}

fn check(slot: &Slot, operation: Operation) -> Result<(), Cause> {
    operation.check(slot.lifecycle())?;
    if operation.rights() != Rights::NONE && !slot.rights().contains(operation.rights()) {
        return Err(Cause::CapabilityDenied);
    }
    Ok(())
}
