//! Pages, each known by the hash of its bytes, and where they are. A page of zeros is none.

use std::collections::BTreeMap;
use std::sync::Arc;

use causality_machine::Memory;
use causality_machine::memory::{MapError, PAGE_SIZE};
use causality_machine::registers::Lifecycle;

use crate::instance::pages;

/// Bytes of a page.
pub(super) const PAGE: usize = PAGE_SIZE as usize;

/// The bytes of one page and their BLAKE3 hash.
#[derive(Clone)]
pub(crate) struct Page {
    id: [u8; 32],
    bytes: Arc<[u8]>,
}

impl Page {
    pub(super) fn new(bytes: Arc<[u8]>) -> Self {
        Page { id: *blake3::hash(&bytes).as_bytes(), bytes }
    }

    pub(super) const fn id(&self) -> &[u8; 32] {
        &self.id
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Pages by address.
pub(crate) type Table = BTreeMap<u64, Page>;

/// All pages of a snapshot.
#[derive(Clone, Default)]
pub(crate) struct PageTables {
    /// Of guest memory.
    pub(crate) memory: Table,
    /// What fetches see of pages that are writable and executable.
    pub(crate) code: Table,
    /// Of windows of live registers, by [`window_address`].
    pub(crate) windows: Table,
}

/// Where a table of windows has what is at `offset` of a slot's: no register is longer than this leaves room for.
pub(super) const fn window_address(slot: u32, offset: u64) -> u64 {
    (slot as u64) << 32 | offset
}

impl PageTables {
    /// Those of a memory. Pages that `base` has at the same place are not hashed again.
    pub(crate) fn of(memory: &mut Memory, base: Option<&PageTables>) -> Result<Self, MapError> {
        let mut tables = PageTables::default();
        for (addr, bytes) in memory.code_copies() {
            add(&mut tables.code, base.map(|base| &base.code), addr, bytes);
        }
        for (slot, found) in (0..).zip(memory.registers().slots()) {
            if found.lifecycle() == Lifecycle::Empty {
                continue;
            }
            let bytes = memory.register_bytes(slot).unwrap_or_default();
            for (offset, bytes) in (0..).step_by(PAGE).zip(bytes.chunks(PAGE)) {
                let mut page = [0; PAGE];
                page[..bytes.len()].copy_from_slice(bytes);
                let windows = base.map(|base| &base.windows);
                add(&mut tables.windows, windows, window_address(slot, offset), &page);
            }
        }
        pages::visit(memory, |addr, bytes| {
            add(&mut tables.memory, base.map(|base| &base.memory), addr, bytes);
        })?;
        Ok(tables)
    }

    /// The three tables, in the order in which they are written.
    pub(super) fn all(&self) -> [&Table; 3] {
        [&self.memory, &self.code, &self.windows]
    }

    /// Fills the bytes of a live register, which are all zero.
    pub(crate) fn fill_window(&self, slot: u32, bytes: &mut [u8]) {
        let addresses = window_address(slot, 0)..window_address(slot, bytes.len() as u64);
        for (addr, page) in self.windows.range(addresses.clone()) {
            let part = &mut bytes[(addr - addresses.start) as usize..];
            let len = part.len().min(PAGE);
            part[..len].copy_from_slice(&page.bytes()[..len]);
        }
    }
}

/// Adds a page unless it is all zero.
fn add(table: &mut Table, base: Option<&Table>, addr: u64, bytes: &[u8]) {
    if pages::is_zero(bytes) {
        return;
    }
    let shared = base.and_then(|base| base.get(&addr)).filter(|page| page.bytes() == bytes);
    table.insert(addr, shared.cloned().unwrap_or_else(|| Page::new(bytes.into())));
}
