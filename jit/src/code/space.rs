//! Code by guest pc.

use std::io;
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::{CodeBlock, Listener, NewCode, Origin};
use crate::cranelift::{Runtime, Translation};
use crate::tunables::Tunables;

/// The code made for one state of guest text, shared by all instances that see that text.
///
/// It only grows. Looking up and publishing are safe from any thread at any time; generated code reads the table
/// while others publish.
#[derive(Debug)]
pub struct Space {
    tunables: Tunables,
    runtime: SharedCode,
    /// Made when the first code is published.
    table: OnceLock<Box<[AtomicPtr<u8>]>>,
    blocks: Mutex<Vec<(CodeBlock, Published)>>,
    bytes: AtomicUsize,
    longest: AtomicU64,
    listener: Option<Listener>,
}

/// What is known about published code.
#[derive(Clone, Debug)]
pub struct Published {
    /// The pc its region starts at.
    pub start: u64,
    /// Where it is in the host.
    pub host: std::ops::Range<usize>,
    /// Guest instructions in it.
    pub insts: usize,
    /// Host offset and guest pc.
    pub map: Vec<(u32, u64)>,
    /// What it took to translate.
    pub time: Duration,
}

#[derive(Debug)]
struct SharedCode {
    enter: CodeBlock,
    missing: CodeBlock,
    check: [CodeBlock; 2],
}

impl Space {
    /// An empty space.
    ///
    /// # Errors
    /// If the host has no memory.
    pub(crate) fn new(tunables: Tunables, runtime: &Runtime, listener: Option<Listener>) -> io::Result<Self> {
        let [for_load, for_store] = &runtime.check;
        let shared = SharedCode {
            enter: CodeBlock::new(&runtime.enter)?,
            missing: CodeBlock::new(&runtime.missing)?,
            check: [CodeBlock::new(for_load)?, CodeBlock::new(for_store)?],
        };
        if let Some(listener) = &listener {
            let [load, store] = &shared.check;
            let named = [
                ("enter", &shared.enter, &runtime.enter),
                ("missing", &shared.missing, &runtime.missing),
                ("check_load", load, for_load),
                ("check_store", store, for_store),
            ];
            for (name, block, bytes) in named {
                let origin = Origin::Runtime(name);
                listener.tell(&NewCode { host: block.start() as usize, bytes, origin });
            }
        }
        Ok(Space {
            tunables,
            runtime: shared,
            table: OnceLock::new(),
            blocks: Mutex::default(),
            bytes: AtomicUsize::new(0),
            longest: AtomicU64::new(0),
            listener,
        })
    }

    /// What its code was generated with.
    #[must_use]
    pub const fn tunables(&self) -> &Tunables {
        &self.tunables
    }

    /// Host bytes of the code published here.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Below this much fuel, code here may do nothing but leave.
    #[must_use]
    pub fn longest(&self) -> u64 {
        self.longest.load(Ordering::Relaxed)
    }

    /// Everything published so far.
    #[must_use]
    pub fn published(&self) -> Vec<Published> {
        self.lock().iter().map(|(_, published)| published.clone()).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(CodeBlock, Published)>> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn index(&self, pc: u64) -> Option<usize> {
        let layout = &self.tunables.layout;
        let offset = pc.wrapping_sub(layout.text);
        (offset < layout.text_len && pc & 1 == 0).then_some((offset / 2) as usize)
    }

    fn table(&self) -> &[AtomicPtr<u8>] {
        self.table.get_or_init(|| {
            let missing = self.runtime.missing.start().cast_mut();
            let count = (self.tunables.layout.text_len / 2) as usize;
            (0..count).map(|_| AtomicPtr::new(missing)).collect()
        })
    }

    /// Whether control can enter code at `pc`.
    #[inline]
    #[must_use]
    pub fn has(&self, pc: u64) -> bool {
        self.function(pc).is_some()
    }

    /// The function to enter at `pc`.
    #[inline]
    pub(crate) fn function(&self, pc: u64) -> Option<*const u8> {
        let entry = self.table.get()?.get(self.index(pc)?)?;
        let function = entry.load(Ordering::Acquire).cast_const();
        (function != self.runtime.missing.start()).then_some(function)
    }

    /// Makes a translation available at all its entries that have no code yet.
    ///
    /// # Errors
    /// If the host has no memory.
    pub fn publish(&self, start: u64, translation: &Translation, time: Duration) -> io::Result<()> {
        let block = CodeBlock::new(&translation.code)?;
        let function = block.start().cast_mut();
        let host = function as usize..function as usize + translation.code.len();
        let published =
            Published { start, host, insts: translation.insts, map: translation.map.clone(), time };
        if let Some(listener) = &self.listener {
            let origin = Origin::Region(&published);
            listener.tell(&NewCode { host: function as usize, bytes: &translation.code, origin });
        }
        self.longest.fetch_max(translation.longest, Ordering::Relaxed);
        self.bytes.fetch_add(block.size(), Ordering::Relaxed);
        let mut blocks = self.lock();
        blocks.push((block, published));
        let missing = self.runtime.missing.start().cast_mut();
        for &entry in &translation.entries {
            if let Some(index) = self.index(entry) {
                let slot = &self.table()[index];
                let _ = slot.compare_exchange(missing, function, Ordering::Release, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    pub(crate) fn enter(&self) -> *const u8 {
        self.runtime.enter.start()
    }

    pub(crate) fn checks(&self) -> [*const u8; 2] {
        [self.runtime.check[0].start(), self.runtime.check[1].start()]
    }

    pub(crate) fn table_start(&self) -> *const *const u8 {
        self.table().as_ptr().cast()
    }
}
