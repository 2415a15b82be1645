//! What can be done with a register, and in which states: the one table that decides.

use super::{Lifecycle, Rights};
use crate::Cause;

/// An operation on the register in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Asking for its state.
    State,
    /// Asking for its length, or for the address of its window.
    Inspect,
    /// Reading its bytes: `xrr.read`, and loads from its window.
    Read,
    /// Writing its bytes: `xrr.write`, and stores to its window.
    Write,
    /// Putting a new register into the slot.
    Create,
    /// Completing it.
    Seal,
    /// Using it up.
    Consume,
    /// Using it up and putting its successor into the slot.
    Update,
    /// Reserving it.
    Lock,
    /// Ending that.
    Unlock,
    /// Allowing nothing but reading.
    Freeze,
    /// Ending that.
    Unfreeze,
    /// Taking it out of the slot, as something the run leaves behind.
    Store,
}

impl Operation {
    /// All operations.
    pub const ALL: [Self; 13] = [
        Self::State,
        Self::Inspect,
        Self::Read,
        Self::Write,
        Self::Create,
        Self::Seal,
        Self::Consume,
        Self::Update,
        Self::Lock,
        Self::Unlock,
        Self::Freeze,
        Self::Unfreeze,
        Self::Store,
    ];

    /// The rights it takes.
    #[must_use]
    pub const fn rights(self) -> Rights {
        match self {
            Self::State | Self::Inspect | Self::Create | Self::Store => Rights::NONE,
            Self::Read => Rights::READ,
            Self::Write | Self::Seal => Rights::WRITE,
            Self::Consume => Rights::CONSUME,
            // The successor begins with the bytes of its predecessor.
            Self::Update => Rights::UPDATE.union(Rights::READ),
            Self::Lock | Self::Unlock => Rights::LOCK,
            Self::Freeze | Self::Unfreeze => Rights::FREEZE,
        }
    }

    /// Whether it can be done in this state, and the cause of the trap if not. Rights are another question.
    ///
    /// | | Empty | Initial | Active | Locked | Frozen | Pending | Consumed |
    /// |---|---|---|---|---|---|---|---|
    /// | state | yes | yes | yes | yes | yes | yes | yes |
    /// | inspect | not active | yes | yes | yes | yes | yes | consumed |
    /// | read | not active | yes | yes | locked | yes | not active | consumed |
    /// | write, seal | not active | yes | not initial | locked | frozen | not active | consumed |
    /// | create | yes | occupied | occupied | occupied | occupied | occupied | yes |
    /// | consume, update, lock, freeze | not active | not active | yes | locked | frozen | not active | consumed |
    /// | unlock | not active | not active | not locked | yes | frozen | not active | consumed |
    /// | unfreeze | not active | not active | not frozen | locked | yes | not active | consumed |
    /// | store | not active | not active | yes | locked | yes | not active | consumed |
    ///
    /// What is being built may be read by who writes it, as on RISC-V no page can be writable and not readable
    /// (privileged manual, "Addressing and Memory Protection").
    ///
    /// # Errors
    /// The cause of the trap.
    pub const fn check(self, state: Lifecycle) -> Result<(), Cause> {
        use Lifecycle::{Active, Consumed, Empty, Frozen, Initial, Locked, Pending};
        match (self, state) {
            (Self::State, _)
            | (Self::Inspect, Initial | Active | Locked | Frozen | Pending)
            | (Self::Read, Initial | Active | Frozen)
            | (Self::Write | Self::Seal, Initial)
            | (Self::Create, Empty | Consumed)
            | (Self::Consume | Self::Update | Self::Lock | Self::Freeze, Active)
            | (Self::Unlock, Locked)
            | (Self::Unfreeze, Frozen)
            | (Self::Store, Active | Frozen) => Ok(()),
            (Self::Create, _) => Err(Cause::RegisterOccupied),
            (_, Consumed) => Err(Cause::RegisterConsumed),
            (_, Locked) => Err(Cause::RegisterLocked),
            (_, Frozen) => Err(Cause::RegisterFrozen),
            (Self::Write | Self::Seal, Active) => Err(Cause::RegisterNotInitial),
            // What is to be unlocked is not locked, what is to be unfrozen not frozen.
            (Self::Unlock | Self::Unfreeze, Active) => Err(Cause::RegisterNotHeld),
            _ => Err(Cause::RegisterNotActive),
        }
    }
}
