//! All that a snapshot holds besides pages, in a form that is encoded, and whether it makes sense.

use std::collections::BTreeMap;
use std::ops::Range;

use borsh::{BorshDeserialize, BorshSerialize};
use causality_abi::ProcessState;
use causality_machine::memory::{PAGE_SIZE, Peaks, Perms, Segment, SegmentKind};
use causality_machine::registers::{Lifecycle, Slot};
use causality_machine::{Hart, Limits, Memory, OnMemoryLimit, Reservation};
use causality_store::ContentId;

use super::SnapshotError;

/// Everything but pages.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct State {
    pub(crate) module: ContentId,
    pub(crate) limits: SavedLimits,
    pub(crate) hart: SavedHart,
    pub(super) segments: Vec<SavedSegment>,
    /// The most bytes that were ever accessible.
    pub(super) peak: u64,
    /// The same by name of segment.
    pub(super) peaks: BTreeMap<String, u64>,
    /// Slots that have had a register.
    pub(crate) registers: Vec<SavedRegister>,
    pub(crate) process: ProcessState,
}

/// [`Limits`], field by field.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct SavedLimits {
    address_space: u64,
    memory: u64,
    stack: u64,
    segments: u64,
    traps_on_memory_limit: bool,
    allow_writable_code: bool,
    registers: u32,
    register_bytes: u64,
}

/// [`Hart`], field by field.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct SavedHart {
    x: [u64; 32],
    f: [u64; 32],
    pub(super) pc: u64,
    pub(super) fuel: u64,
    granted: u64,
    reservation: (u64, u64),
    fcsr: u32,
}

/// [`Segment`], field by field.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct SavedSegment {
    name: String,
    range: Range<u64>,
    /// As in the page table.
    perms: u8,
    /// Its place in [`KINDS`].
    kind: u8,
}

/// What a slot says of a register that the guest has made; the rest follows.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct SavedRegister {
    pub(crate) number: u32,
    state: u8,
    rights: u8,
    pub(super) length: u32,
    extent: u32,
    until: u64,
    created: u64,
}

/// Never change the order: snapshots outlive this program.
const KINDS: [SegmentKind; 9] = [
    SegmentKind::Text,
    SegmentKind::Rodata,
    SegmentKind::Data,
    SegmentKind::Heap,
    SegmentKind::Stack,
    SegmentKind::Guard,
    SegmentKind::Input,
    SegmentKind::Output,
    SegmentKind::Window,
];

fn malformed(what: &'static str) -> SnapshotError {
    SnapshotError::Malformed(what)
}

fn ensure(holds: bool, what: &'static str) -> Result<(), SnapshotError> {
    if holds { Ok(()) } else { Err(malformed(what)) }
}

impl State {
    pub(crate) fn of(module: ContentId, hart: &Hart, memory: &Memory, process: ProcessState) -> Self {
        let peaks = memory.peaks();
        State {
            module,
            limits: SavedLimits::of(memory.limits()),
            hart: SavedHart::of(hart),
            segments: memory.segments().map(SavedSegment::of).collect(),
            peak: peaks.all,
            peaks: peaks.by_name,
            registers: (0..)
                .zip(memory.registers().slots())
                .filter_map(|(number, slot)| SavedRegister::of(number, slot))
                .collect(),
            process,
        }
    }

    /// The segments, ascending. Those of a state that was [checked](State::check).
    pub(crate) fn segments(&self) -> impl Iterator<Item = Segment> {
        self.segments.iter().filter_map(|segment| segment.segment().ok())
    }

    pub(crate) fn peaks(&self) -> Peaks {
        Peaks { all: self.peak, by_name: self.peaks.clone() }
    }

    /// Whether a machine can be in this state, as far as that can be told without its process and its pages.
    pub(super) fn check(&self) -> Result<(), SnapshotError> {
        let limits = self.limits.limits()?;
        self.hart.check()?;
        let mut mapped: u64 = 0;
        let mut by_name: BTreeMap<&str, u64> = BTreeMap::new();
        let mut before: Option<Segment> = None;
        ensure(self.segments.len() <= limits.segments, "too many segments")?;
        for saved in &self.segments {
            let segment = saved.segment()?;
            let end = before.as_ref().map_or(0, |before| before.range.end);
            ensure(end <= segment.range.start, "the order of segments")?;
            ensure(segment.range.end <= limits.address_space, "a segment outside of the address space")?;
            ensure(segment.perms != Perms::RWX || limits.allow_writable_code, "writable code")?;
            ensure(before.is_none_or(|before| !continues(&before, &segment)), "a segment in two parts")?;
            if !segment.perms.is_none() {
                mapped = mapped.saturating_add(segment.size());
                *by_name.entry(&saved.name).or_default() += segment.size();
            }
            before = Some(segment);
        }
        let mut next = 0;
        let mut created: u64 = 0;
        for register in &self.registers {
            ensure(register.number >= next && register.number < limits.registers, "the order of registers")?;
            next = register.number + 1;
            register.check(&limits)?;
            mapped = mapped.saturating_add(register.extent.into());
            created = created.saturating_add(register.created);
        }
        ensure(created <= Hart::MAX_FUEL, "the number of registers created")?;
        ensure(mapped <= self.peak && self.peak <= limits.memory, "more memory than its limit or its peak")?;
        let has_peak =
            |(name, mapped): (&&str, &u64)| self.peaks.get(*name).is_some_and(|peak| mapped <= peak);
        ensure(by_name.iter().all(has_peak), "more memory of a name than its peak")?;
        ensure(self.peaks.values().all(|&peak| peak <= self.peak), "a peak of a name above that of all")
    }
}

fn continues(before: &Segment, after: &Segment) -> bool {
    let what = |segment: &Segment| (segment.perms, segment.kind, segment.name.clone());
    before.range.end == after.range.start && what(before) == what(after)
}

impl SavedLimits {
    fn of(limits: &Limits) -> Self {
        SavedLimits {
            address_space: limits.address_space,
            memory: limits.memory,
            stack: limits.stack,
            segments: limits.segments as u64,
            traps_on_memory_limit: limits.on_memory_limit == OnMemoryLimit::Trap,
            allow_writable_code: limits.allow_writable_code,
            registers: limits.registers,
            register_bytes: limits.register_bytes,
        }
    }

    pub(super) fn limits(&self) -> Result<Limits, SnapshotError> {
        ensure(self.address_space.is_multiple_of(PAGE_SIZE), "the size of the address space")?;
        let limits = Limits {
            address_space: self.address_space,
            memory: self.memory,
            stack: self.stack,
            segments: usize::try_from(self.segments).map_err(|_| malformed("the number of segments"))?,
            on_memory_limit: match self.traps_on_memory_limit {
                true => OnMemoryLimit::Trap,
                false => OnMemoryLimit::Errno,
            },
            allow_writable_code: self.allow_writable_code,
            registers: self.registers,
            register_bytes: self.register_bytes,
        };
        limits.check().map_err(|_| malformed("limits of resource registers"))?;
        Ok(limits)
    }

    fn fields(&self) -> [(&'static str, u64); 8] {
        [
            ("address_space", self.address_space),
            ("memory", self.memory),
            ("stack", self.stack),
            ("segments", self.segments),
            ("on_memory_limit", self.traps_on_memory_limit.into()),
            ("allow_writable_code", self.allow_writable_code.into()),
            ("registers", self.registers.into()),
            ("register_bytes", self.register_bytes),
        ]
    }

    /// Whether an engine has the same: the guest could tell the difference.
    pub(crate) fn check_same(&self, engine: &Limits) -> Result<(), SnapshotError> {
        let rounded = engine.address_space.checked_next_multiple_of(PAGE_SIZE).unwrap_or(u64::MAX);
        let engine = SavedLimits::of(&Limits { address_space: rounded, ..engine.clone() });
        for ((name, snapshot), (_, engine)) in self.fields().into_iter().zip(engine.fields()) {
            if snapshot != engine {
                return Err(SnapshotError::Limit { name, snapshot, engine });
            }
        }
        Ok(())
    }
}

impl SavedHart {
    fn of(hart: &Hart) -> Self {
        let Hart { x, f, pc, fuel, granted, reservation, fcsr } = hart.clone();
        SavedHart { x, f, pc, fuel, granted, reservation: (reservation.addr, reservation.size), fcsr }
    }

    pub(crate) fn hart(&self) -> Hart {
        let SavedHart { x, f, pc, fuel, granted, reservation: (addr, size), fcsr } = self.clone();
        Hart { x, f, pc, fuel, granted, reservation: Reservation { addr, size }, fcsr }
    }

    fn check(&self) -> Result<(), SnapshotError> {
        ensure(self.x[0] == 0, "x0")?;
        ensure(self.fuel <= self.granted && self.granted <= Hart::MAX_FUEL, "fuel")?;
        ensure(matches!(self.reservation.1, 0 | 4 | 8), "a reservation")?;
        ensure(self.fcsr <= 0xff, "fcsr")
    }
}

impl SavedSegment {
    fn of(segment: &Segment) -> Self {
        let kind = KINDS.iter().position(|&kind| kind == segment.kind).unwrap_or_default();
        SavedSegment {
            name: segment.name.clone(),
            range: segment.range.clone(),
            perms: segment.perms.bits(),
            kind: kind as u8,
        }
    }

    fn segment(&self) -> Result<Segment, SnapshotError> {
        let has = |bit| self.perms & bit != 0;
        let perms = Perms::new(has(Perms::READ_BIT), has(Perms::WRITE_BIT), has(Perms::EXECUTE_BIT));
        ensure(perms.bits() == self.perms, "permissions of a segment")?;
        let Range { start, end } = self.range;
        let is_aligned = start.is_multiple_of(PAGE_SIZE) && end.is_multiple_of(PAGE_SIZE);
        ensure(start < end && is_aligned, "the range of a segment")?;
        let kind = *KINDS.get(usize::from(self.kind)).ok_or(malformed("the kind of a segment"))?;
        Ok(Segment { name: self.name.clone(), range: start..end, perms, kind })
    }
}

impl SavedRegister {
    fn of(number: u32, slot: &Slot) -> Option<Self> {
        let is_untouched = slot.lifecycle() == Lifecycle::Empty && slot.created == 0 && slot.extent == 0;
        (!is_untouched).then_some(SavedRegister {
            number,
            state: slot.state,
            rights: slot.rights,
            length: slot.length,
            extent: slot.extent,
            until: slot.until,
            created: slot.created,
        })
    }

    /// The slot; what follows from these fields is not filled in.
    pub(crate) fn slot(&self) -> Slot {
        let SavedRegister { state, rights, length, extent, until, created, .. } = *self;
        Slot { state, rights, length, extent, until, created, ..Slot::default() }
    }

    pub(super) fn is_live(&self) -> bool {
        self.slot().lifecycle().is_live()
    }

    fn check(&self, limits: &Limits) -> Result<(), SnapshotError> {
        ensure(usize::from(self.state) < Lifecycle::ALL.len(), "the state of a register")?;
        let extent = u64::from(self.extent);
        let most = limits.register_bytes.max(PAGE_SIZE).next_power_of_two();
        ensure(extent <= most && extent.is_multiple_of(PAGE_SIZE), "the window of a register")?;
        ensure(self.length <= self.extent, "the length of a register")?;
        let is_unused = self.created == 0;
        ensure(
            !is_unused || self.state == Lifecycle::Empty.code() && self.extent == 0,
            "a register that was never made",
        )?;
        ensure(self.slot().lifecycle().is_timed() == (self.until != 0), "the time of a register")
    }
}
