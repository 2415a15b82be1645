//! Named ranges of guest memory.

use core::fmt;
use std::ops::Range;

use super::{Memory, Perms};

/// What a segment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SegmentKind {
    /// Instructions.
    Text,
    /// Constants.
    Rodata,
    /// Variables, initialised or zero.
    Data,
    /// Grown by `brk`, or mapped by the guest.
    Heap,
    /// The stack.
    Stack,
    /// A range that holds no bytes as long as it is inaccessible: beside the stack, or only reserved.
    Guard,
    /// Bytes the host hands to the guest.
    Input,
    /// Bytes the guest hands to the host.
    Output,
    /// A resource register's bytes.
    Window,
}

impl fmt::Display for SegmentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SegmentKind::Text => "text",
            SegmentKind::Rodata => "rodata",
            SegmentKind::Data => "data",
            SegmentKind::Heap => "heap",
            SegmentKind::Stack => "stack",
            SegmentKind::Guard => "guard",
            SegmentKind::Input => "input",
            SegmentKind::Output => "output",
            SegmentKind::Window => "window",
        })
    }
}

/// A range of pages with one name, kind and permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Name for people.
    pub name: String,
    /// Page-aligned addresses.
    pub range: Range<u64>,
    /// What the guest may do.
    pub perms: Perms,
    /// What it is for.
    pub kind: SegmentKind,
}

impl Segment {
    /// Size in bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.range.end - self.range.start
    }

    /// Whether it may hold bytes, and so counts as memory: not a guard. Others do also while nobody may access them, as
    /// what was written to them comes back.
    #[must_use]
    pub fn holds_bytes(&self) -> bool {
        self.kind != SegmentKind::Guard || !self.perms.is_none()
    }

    /// Whether nobody knows what the host allows there: see [`Memory::LOST`].
    pub(super) fn is_lost(&self) -> bool {
        self.kind == SegmentKind::Guard && self.perms.is_none() && self.name == Memory::LOST
    }

    /// Whether `other` continues this segment, so that the two can be one.
    pub(super) fn is_continued_by(&self, other: &Segment) -> bool {
        self.range.end == other.range.start
            && self.perms == other.perms
            && self.kind == other.kind
            && self.name == other.name
    }

    /// The part of this segment within `range`.
    pub(super) fn part(&self, range: Range<u64>) -> Segment {
        Segment { range, ..self.clone() }
    }
}
