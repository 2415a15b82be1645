//! Watchpoints: ranges of memory whose accesses stop the guest.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use causality_vm::{Instance, Memory, PauseHandle, Retired};
use gdbstub::target::ext::breakpoints::WatchKind;

use crate::access::Access;

/// The host answers it, and may write memory.
const ECALL: u32 = 0x73;

/// Which accesses matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Watched {
    Writes,
    Reads,
    Both,
}

impl From<WatchKind> for Watched {
    fn from(kind: WatchKind) -> Self {
        match kind {
            WatchKind::Write => Watched::Writes,
            WatchKind::Read => Watched::Reads,
            WatchKind::ReadWrite => Watched::Both,
        }
    }
}

impl From<Watched> for WatchKind {
    fn from(watched: Watched) -> Self {
        match watched {
            Watched::Writes => WatchKind::Write,
            Watched::Reads => WatchKind::Read,
            Watched::Both => WatchKind::ReadWrite,
        }
    }
}

/// One watchpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Watchpoint {
    pub(crate) addr: u64,
    pub(crate) len: u64,
    pub(crate) watched: Watched,
}

impl Watchpoint {
    fn range(&self) -> Range<u64> {
        self.addr..self.addr.saturating_add(self.len)
    }

    fn is_hit(&self, access: &Access) -> bool {
        let (own, theirs) = (self.range(), &access.range);
        let meets = own.start < theirs.end && theirs.start < own.end;
        meets
            && match self.watched {
                Watched::Writes => access.writes,
                Watched::Reads => access.reads,
                Watched::Both => true,
            }
    }
}

/// An access that a watchpoint waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) watchpoint: Watchpoint,
    /// Instructions that had retired before the one that accesses.
    pub(crate) time: u64,
    /// Whether the access has been made: only the host's answer to an `ecall` is seen after the fact.
    pub(crate) is_over: bool,
}

/// All watchpoints.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watchpoints(BTreeSet<Watchpoint>);

/// What was hit last, shared with whoever looks at the instructions.
pub(crate) type Found = Arc<Mutex<Option<Hit>>>;

/// Takes what was found.
pub(crate) fn take(found: &Found) -> Option<Hit> {
    found.lock().unwrap_or_else(PoisonError::into_inner).take()
}

fn put(found: &Found, hit: Hit) {
    *found.lock().unwrap_or_else(PoisonError::into_inner) = Some(hit);
}

impl Watchpoints {
    pub(crate) fn insert(&mut self, watchpoint: Watchpoint) {
        self.0.insert(watchpoint);
    }

    pub(crate) fn remove(&mut self, watchpoint: &Watchpoint) -> bool {
        self.0.remove(watchpoint)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the next instruction would hit.
    pub(crate) fn next<T>(&self, instance: &Instance<T>) -> Option<Hit> {
        self.hit_before(&Access::of(instance.hart(), instance.memory())?, instance.retired())
    }

    fn hit_before(&self, access: &Access, time: u64) -> Option<Hit> {
        let watchpoint = self.0.iter().find(|watchpoint| watchpoint.is_hit(access))?;
        Some(Hit { watchpoint: *watchpoint, time, is_over: false })
    }

    /// Has each instruction of `instance` looked at from now on. The last one before the time `until` that hits a
    /// watchpoint is in what is returned; with `pauses` the guest stops before it.
    pub(crate) fn observe<T>(&self, instance: &mut Instance<T>, until: u64, pauses: bool) -> Found {
        let found = Found::default();
        let mut watcher = Watcher {
            watchpoints: self.clone(),
            values: self.values(instance.memory()),
            found: Arc::clone(&found),
            until,
            guest: pauses.then(|| instance.pause_handle()),
        };
        instance.observe(move |retired| watcher.see(&retired));
        found
    }

    /// The bytes in all watchpoints that wait for writes.
    fn values(&self, memory: &Memory) -> Vec<(Watchpoint, Vec<u8>)> {
        let written = self.0.iter().filter(|watchpoint| watchpoint.watched != Watched::Reads);
        let value = |watchpoint: &Watchpoint| {
            let bytes = memory.slice(watchpoint.addr, watchpoint.len).unwrap_or_default();
            (*watchpoint, bytes.to_vec())
        };
        written.map(value).collect()
    }
}

struct Watcher {
    watchpoints: Watchpoints,
    /// What is watched for writes, before the next `ecall`.
    values: Vec<(Watchpoint, Vec<u8>)>,
    found: Found,
    until: u64,
    guest: Option<PauseHandle>,
}

impl Watcher {
    fn see(&mut self, retired: &Retired<'_>) {
        let time = retired.after.instret();
        if retired.word == ECALL {
            let values = self.watchpoints.values(retired.memory);
            let changed = values.iter().zip(&self.values).find(|(now, before)| now != before);
            if let Some(((watchpoint, _), _)) = changed {
                self.find(Hit { watchpoint: *watchpoint, time: time - 1, is_over: true });
                return;
            }
        }
        if retired.memory.fetch(retired.after.pc) == Ok(ECALL) {
            self.values = self.watchpoints.values(retired.memory);
        } else if let Some(access) = Access::of(retired.after, retired.memory)
            && let Some(hit) = self.watchpoints.hit_before(&access, time)
        {
            self.find(hit);
        }
    }

    fn find(&self, hit: Hit) {
        if hit.time >= self.until {
            return;
        }
        put(&self.found, hit);
        if let Some(guest) = &self.guest {
            guest.pause();
        }
    }
}
