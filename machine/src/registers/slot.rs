//! One place of the register file, as generated code sees it.

use super::{Lifecycle, Rights};

/// The most bytes of a register that generated code creates: it has to zero them at once.
pub const NATIVE_BYTES: u32 = 4096;

/// A place for one register.
///
/// `repr(C)`, because generated code reads and writes the fields. Those of the first group are what it compares with:
/// whatever changes one of the others computes them anew. Generated code carries out the usual
/// transitions itself and must leave the same fields behind as [`RegisterFile`](super::RegisterFile) does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct Slot {
    /// Bytes that may be read.
    pub readable: u32,
    /// Bytes that may be written.
    pub writable: u32,
    /// Generated code may create registers of fewer bytes here.
    pub vacant: u32,
    /// What `vacant` becomes when the register is consumed.
    pub reuse: u32,
    /// 1 if generated code may seal the register.
    pub is_sealable: u8,
    /// 1 if it may be consumed.
    pub is_consumable: u8,
    /// 1 if generated code may replace it by a successor that is not longer.
    pub is_updatable: u8,
    /// Code of the state.
    pub state: u8,

    /// Bytes of the register.
    pub length: u32,
    /// The rights that are granted.
    pub rights: u8,
    /// 1 if it was loaded, 0 if it was created in this run.
    pub is_loaded: u8,
    /// Number of its section.
    pub section: u16,
    /// The input that it is or descends from, counted from 1; 0 if none.
    pub origin: u32,
    /// Bytes of the window that the host has given.
    pub extent: u32,
    /// When its state ends by itself; 0 if it does not.
    pub until: u64,
    /// Address of its window.
    pub window: u64,
    /// Registers created here so far.
    pub created: u64,
}

impl Default for Slot {
    fn default() -> Self {
        Slot::EMPTY
    }
}

impl Slot {
    /// An empty one.
    pub(super) const EMPTY: Slot = Slot {
        readable: 0,
        writable: 0,
        vacant: 0,
        reuse: 0,
        is_sealable: 0,
        is_consumable: 0,
        is_updatable: 0,
        state: Lifecycle::Empty as u8,
        length: 0,
        rights: 0,
        is_loaded: 0,
        section: 0,
        origin: 0,
        created: 0,
        extent: 0,
        until: 0,
        window: 0,
    };

    /// The state.
    #[must_use]
    pub fn lifecycle(&self) -> Lifecycle {
        Lifecycle::ALL.get(self.state as usize).copied().unwrap_or(Lifecycle::Consumed)
    }

    /// The rights.
    #[must_use]
    pub const fn rights(&self) -> Rights {
        Rights::from_bits(self.rights)
    }

    /// Without a register, and without what is said of one.
    pub(crate) fn vacated(&self) -> Slot {
        Slot { created: self.created, extent: self.extent, window: self.window, ..Slot::EMPTY }
    }

    /// Makes the fields that generated code compares with follow from the others.
    pub(super) fn refresh(&mut self) {
        let (state, rights) = (self.lifecycle(), self.rights());
        let may = |operation: super::Operation| {
            operation.check(state).is_ok() && rights.contains(operation.rights())
        };
        use super::Operation::{Consume, Create, Read, Seal, Update, Write};
        self.readable = if may(Read) { self.length } else { 0 };
        self.writable = if may(Write) { self.length } else { 0 };
        // A builder's rights become the register's: what generated code seals can be used in all ways.
        self.is_sealable = u8::from(may(Seal) && rights == Rights::ALL);
        self.is_consumable = u8::from(may(Consume));
        // That an input was consumed is noted elsewhere.
        self.is_updatable = u8::from(may(Update) && rights == Rights::ALL && self.is_loaded == 0);
        self.reuse = match (self.is_loaded, self.extent) {
            (1, _) | (_, 0) => 0,
            (_, extent) => extent.min(NATIVE_BYTES) + 1,
        };
        self.vacant = if Create.check(state).is_ok() { self.reuse } else { 0 };
    }
}
