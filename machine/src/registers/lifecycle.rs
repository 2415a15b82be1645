//! Where a resource register is in its life.

use core::fmt;

/// State of the register in a slot.
///
/// ```text
/// Empty ──► Initial ──► Active ◄──► Locked     (until it is unlocked or a time has come)
///   ▲      (create)     │    ◄──► Frozen     (readable, not to be used)
///   │                   │    ◄─── Pending    (until a time has come)
///   └─ ─ ─ Consumed ◄───┘
/// ```
///
/// An update is a consumption after which the slot holds the successor, in `Initial`. A slot whose register is
/// `Consumed` may be given a new register; the one that was consumed never comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Lifecycle {
    /// There is no register.
    Empty = 0,
    /// Being built: its bytes may be written.
    Initial = 1,
    /// Complete, and ready to be used.
    Active = 2,
    /// Reserved until some time.
    Locked = 3,
    /// May be read only.
    Frozen = 4,
    /// Not ready before some time.
    Pending = 5,
    /// Used.
    Consumed = 6,
}

impl Lifecycle {
    /// All states, by code.
    pub const ALL: [Self; 7] =
        [Self::Empty, Self::Initial, Self::Active, Self::Locked, Self::Frozen, Self::Pending, Self::Consumed];

    /// What `xrr.state` returns.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Whether it ends by itself when its time has come.
    #[must_use]
    pub const fn is_timed(self) -> bool {
        matches!(self, Self::Locked | Self::Pending)
    }

    /// Whether there is a register that can still be used.
    #[must_use]
    pub const fn is_live(self) -> bool {
        !matches!(self, Self::Empty | Self::Consumed)
    }
}

impl fmt::Display for Lifecycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Empty => "empty",
            Self::Initial => "initial",
            Self::Active => "active",
            Self::Locked => "locked",
            Self::Frozen => "frozen",
            Self::Pending => "pending",
            Self::Consumed => "consumed",
        })
    }
}
