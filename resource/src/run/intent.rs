//! What a run means to do with a register.

use core::fmt;
use core::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::{Right, Rights};

/// What a run declares for a register before it starts. It has to do just that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Intent {
    /// Read it. It counts as read when it is mapped with the right to, or read by the host: loads of a window are plain
    /// loads, which nobody counts.
    Read,
    /// Read it and use it up.
    Consume,
    /// Read it and replace it by successors.
    Update,
    /// Change its state: lock, freeze and so on, without reading it, which no other intent lets it. A guest has it in a slot
    /// without rights, and can ask for its state, its length and the address of its window, which take none.
    Control,
}

impl Intent {
    /// All of them.
    pub const ALL: [Intent; 4] = [Intent::Read, Intent::Consume, Intent::Update, Intent::Control];

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Intent::Read => "read",
            Intent::Consume => "consume",
            Intent::Update => "update",
            Intent::Control => "control",
        }
    }

    /// The rights without which the register is not mapped. Those for changes of state are asked for when one is made.
    #[must_use]
    pub fn rights(self) -> Rights {
        match self {
            Intent::Read => Rights::from_iter([Right::Read]),
            Intent::Consume => Rights::from_iter([Right::Read, Right::Consume]),
            Intent::Update => Rights::from_iter([Right::Read, Right::Update]),
            Intent::Control => Rights::NONE,
        }
    }

    /// Whether what takes this right is part of it: the rights that it is mapped with; to transfer what it uses up; to lock
    /// and to freeze what it controls. No capability lets a run do more than it has declared.
    #[must_use]
    pub fn covers(self, right: Right) -> bool {
        match right {
            Right::Transfer => self.consumes(),
            Right::Lock | Right::Freeze => self == Intent::Control,
            right => self.rights().has(right),
        }
    }

    /// Whether the register is gone afterwards.
    #[must_use]
    pub const fn consumes(self) -> bool {
        matches!(self, Intent::Consume | Intent::Update)
    }
}

impl fmt::Display for Intent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Intent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let intent = Intent::ALL.into_iter().find(|intent| intent.name() == text);
        intent.ok_or_else(|| format!("`{text}` is no intent; there are read, consume, update and control"))
    }
}
