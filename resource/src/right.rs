//! What may be done to a resource register.

use core::fmt;

use borsh::{BorshDeserialize, BorshSerialize};

/// One right. The first eight are the bits of a slot's rights in the register file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Right {
    /// See its bytes.
    Read,
    /// Write the bytes of a register that is being built.
    Write,
    /// Consume it.
    Consume,
    /// Replace it by a successor.
    Update,
    /// Give what it holds to another controller. Asked for when a run is verified.
    Transfer,
    /// Lock and unlock it.
    Lock,
    /// Freeze and unfreeze it.
    Freeze,
    /// Hand the capability on to another holder.
    Delegate,
    /// Create or destroy quantity of a fungibility domain: an exception to conservation. Asked for when a run is
    /// verified, for the domain and each logic that has registers of it in the run.
    Issue,
}

impl Right {
    /// All rights, in the order of their bits.
    pub const ALL: [Right; 9] = [
        Right::Read,
        Right::Write,
        Right::Consume,
        Right::Update,
        Right::Transfer,
        Right::Lock,
        Right::Freeze,
        Right::Delegate,
        Right::Issue,
    ];

    /// The bit of this right in [`Rights`](crate::Rights).
    #[must_use]
    pub const fn bit(self) -> u16 {
        1 << self as u16
    }

    /// The word for it in tokens, reports and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Right::Read => "read",
            Right::Write => "write",
            Right::Consume => "consume",
            Right::Update => "update",
            Right::Transfer => "transfer",
            Right::Lock => "lock",
            Right::Freeze => "freeze",
            Right::Delegate => "delegate",
            Right::Issue => "issue",
        }
    }

    /// Whether exercising it uses up the quantity that a register holds.
    #[must_use]
    pub const fn takes_quantity(self) -> bool {
        matches!(self, Right::Consume | Right::Update | Right::Issue)
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
