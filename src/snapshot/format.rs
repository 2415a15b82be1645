//! Snapshots as bytes.
//!
//! ```text
//! magic      8 bytes, "CAUSNAP" and a zero
//! version    u32
//! base       0, or 1 and the 32 bytes of the root of the snapshot that this one holds changes of
//! root       32 bytes
//! state      u32 length, and as many bytes: borsh
//! tables     three times (memory, code, windows): u32 count, and as many times u64 address, u32 page
//! pages      u32 count, and as many times 4096 bytes
//! ```
//!
//! All numbers are little-endian. Pages are numbered in the order in which the tables first refer to them, behind those of the base. In
//! changes, [`GONE`] stands for a page of the base that is not there any more. There is one spelling of each
//! snapshot: what is spelt otherwise is refused.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::sync::Arc;

use causality_machine::memory::{PAGE_SIZE, Segment};

use super::pages::{PAGE, Page, Table, window_address};
use super::{PageTables, Root, Snapshot, SnapshotError, State, VERSION};
use crate::instance::pages::is_zero;

const MAGIC: [u8; 8] = *b"CAUSNAP\0";

/// A page of the base that has become all zero, or is not mapped any more.
const GONE: u32 = u32::MAX;

/// Pages by number.
#[derive(Default)]
struct Numbers {
    pages: Vec<Page>,
    numbers: HashMap<[u8; 32], u32>,
}

impl Numbers {
    /// Those of a base, if there is one.
    fn of(base: Option<&Snapshot>) -> Self {
        let mut numbers = Numbers::default();
        for table in base.map(|base| base.tables().all()).into_iter().flatten() {
            table.values().for_each(|page| {
                numbers.add(page);
            });
        }
        numbers
    }

    /// The number of a page, which is the next one if it has none yet.
    fn add(&mut self, page: &Page) -> u32 {
        let next = self.pages.len() as u32;
        let number = *self.numbers.entry(*page.id()).or_insert(next);
        if number == next {
            self.pages.push(page.clone());
        }
        number
    }
}

/// What has changed from one table to another: address, and the page if there is one.
fn changes<'a>(from: Option<&Table>, to: &'a Table) -> Vec<(u64, Option<&'a Page>)> {
    let old = |addr: &u64| from.and_then(|from| from.get(addr)).map(Page::id);
    let new = to.iter().filter(|(addr, page)| old(addr) != Some(page.id()));
    let gone = from.into_iter().flat_map(Table::keys).filter(|addr| !to.contains_key(addr));
    let mut all: Vec<_> =
        new.map(|(&addr, page)| (addr, Some(page))).chain(gone.map(|&addr| (addr, None))).collect();
    all.sort_by_key(|&(addr, _)| addr);
    all
}

fn write_number(out: &mut impl Write, number: usize) -> io::Result<()> {
    let number = u32::try_from(number).map_err(|_| io::ErrorKind::FileTooLarge)?;
    out.write_all(&number.to_le_bytes())
}

impl Snapshot {
    pub(super) fn encode(&self, out: &mut impl Write, base: Option<&Snapshot>) -> io::Result<()> {
        out.write_all(&MAGIC)?;
        out.write_all(&VERSION.to_le_bytes())?;
        match base {
            None => out.write_all(&[0])?,
            Some(base) => {
                out.write_all(&[1])?;
                out.write_all(base.root().as_bytes())?;
            }
        }
        out.write_all(self.root().as_bytes())?;
        let state = borsh::to_vec(self.state())?;
        write_number(out, state.len())?;
        out.write_all(&state)?;
        let mut numbers = Numbers::of(base);
        let known = numbers.pages.len();
        let old = base.map(|base| base.tables().all());
        for (at, table) in self.tables().all().into_iter().enumerate() {
            let changes = changes(old.map(|old| old[at]), table);
            write_number(out, changes.len())?;
            for (addr, page) in changes {
                out.write_all(&addr.to_le_bytes())?;
                out.write_all(&page.map_or(GONE, |page| numbers.add(page)).to_le_bytes())?;
            }
        }
        write_number(out, numbers.pages.len() - known)?;
        numbers.pages[known..].iter().try_for_each(|page| out.write_all(page.bytes()))
    }

    /// Reads one snapshot; what it says its root is, and it.
    pub(super) fn decode(
        input: &mut impl Read,
        base: Option<&Snapshot>,
    ) -> Result<(Root, Snapshot), SnapshotError> {
        read_start(input, base)?;
        let claimed = Root::from_bytes(read_array(input)?);
        let state = read_state(input)?;
        let changes = [read_changes(input)?, read_changes(input)?, read_changes(input)?];
        let numbers = read_pages(input, base)?;
        let tables = apply(base, &changes, &numbers)?;
        check_places(&state, &tables)?;
        let root = Root::of(&state, &tables);
        Ok((claimed, Snapshot { root, state, tables }))
    }
}

fn malformed(what: &'static str) -> SnapshotError {
    SnapshotError::Malformed(what)
}

fn read_array<const N: usize>(input: &mut impl Read) -> Result<[u8; N], SnapshotError> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn read_number(input: &mut impl Read) -> Result<u32, SnapshotError> {
    read_array(input).map(u32::from_le_bytes)
}

/// Everything before the root.
fn read_start(input: &mut impl Read, base: Option<&Snapshot>) -> Result<(), SnapshotError> {
    if read_array(input)? != MAGIC {
        return Err(SnapshotError::Magic);
    }
    let version = read_number(input)?;
    if version != VERSION {
        return Err(SnapshotError::Version(version));
    }
    let wanted = match read_array(input)? {
        [0] => None,
        [1] => Some(Root::from_bytes(read_array(input)?)),
        [_] => return Err(malformed("whether it has a base")),
    };
    match (wanted, base) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(SnapshotError::Whole),
        (Some(wanted), base) if base.map(Snapshot::root) != Some(wanted) => Err(SnapshotError::Base(wanted)),
        (Some(_), _) => Ok(()),
    }
}

fn read_state(input: &mut impl Read) -> Result<State, SnapshotError> {
    let length = read_number(input)?;
    let mut bytes = Vec::new();
    input.take(length.into()).read_to_end(&mut bytes)?;
    if bytes.len() < length as usize {
        return Err(SnapshotError::Truncated);
    }
    let state: State = borsh::from_slice(&bytes).map_err(|_| malformed("the encoding of its state"))?;
    if borsh::to_vec(&state)? != bytes {
        return Err(malformed("the spelling of its state"));
    }
    state.check()?;
    Ok(state)
}

/// Addresses, ascending, and numbers of pages.
fn read_changes(input: &mut impl Read) -> Result<Vec<(u64, u32)>, SnapshotError> {
    let count = read_number(input)?;
    let mut changes: Vec<(u64, u32)> = Vec::new();
    for _ in 0..count {
        let change = (u64::from_le_bytes(read_array(input)?), read_number(input)?);
        if changes.last().is_some_and(|last| last.0 >= change.0) {
            return Err(malformed("the order of pages"));
        }
        changes.push(change);
    }
    Ok(changes)
}

/// The base's pages and those that follow, which must be others.
fn read_pages(input: &mut impl Read, base: Option<&Snapshot>) -> Result<Numbers, SnapshotError> {
    let mut numbers = Numbers::of(base);
    for _ in 0..read_number(input)? {
        let bytes: [u8; PAGE] = read_array(input)?;
        if is_zero(&bytes) {
            return Err(malformed("a page of zeros"));
        }
        let next = numbers.pages.len() as u32;
        if numbers.add(&Page::new(Arc::new(bytes))) != next {
            return Err(malformed("a page that is there twice"));
        }
    }
    Ok(numbers)
}

/// The base's tables with changes, each of which must be one. New pages are referred to in their order.
fn apply(
    base: Option<&Snapshot>,
    changes: &[Vec<(u64, u32)>; 3],
    numbers: &Numbers,
) -> Result<PageTables, SnapshotError> {
    let mut tables = base.map(|base| base.tables().clone()).unwrap_or_default();
    let mut next = Numbers::of(base).pages.len() as u32;
    let all = [&mut tables.memory, &mut tables.code, &mut tables.windows];
    for (table, changes) in all.into_iter().zip(changes) {
        for &(addr, number) in changes {
            if number == GONE {
                table.remove(&addr).ok_or(malformed("a page is gone that was not there"))?;
                continue;
            }
            let page = numbers.pages.get(number as usize).ok_or(malformed("a page that is not there"))?;
            if number > next {
                return Err(malformed("the numbers of pages"));
            }
            next += u32::from(number == next);
            let before = table.insert(addr, page.clone());
            if before.is_some_and(|before| before.id() == page.id()) {
                return Err(malformed("a change that is none"));
            }
        }
    }
    if next as usize != numbers.pages.len() {
        return Err(malformed("a page that is nowhere"));
    }
    Ok(tables)
}

/// Whether all pages are where the state has room for them.
fn check_places(state: &State, tables: &PageTables) -> Result<(), SnapshotError> {
    let segments: Vec<_> = state.segments().collect();
    let segment_of = |addr: &u64| {
        let at = segments.partition_point(|segment| segment.range.end <= *addr);
        segments.get(at).filter(|segment| segment.range.contains(addr) && addr.is_multiple_of(PAGE_SIZE))
    };
    if !tables.memory.keys().all(|addr| segment_of(addr).is_some_and(Segment::holds_bytes)) {
        return Err(malformed("a page outside of all segments"));
    }
    let is_writable_code = |addr: &u64| segment_of(addr).is_some_and(|segment| segment.perms.bits() == 7);
    if !tables.code.keys().all(is_writable_code) {
        return Err(malformed("a copy of code that is not writable"));
    }
    let mut in_windows = 0;
    for register in state.registers.iter().filter(|register| register.is_live()) {
        let length = u64::from(register.length);
        let range = window_address(register.number, 0)..window_address(register.number, length);
        for (addr, page) in tables.windows.range(range.clone()) {
            in_windows += 1;
            let rest = usize::try_from(range.end - addr).unwrap_or(PAGE).min(PAGE);
            if !addr.is_multiple_of(PAGE_SIZE) || page.bytes()[rest..].iter().any(|&byte| byte != 0) {
                return Err(malformed("bytes behind a register"));
            }
        }
    }
    match in_windows == tables.windows.len() {
        true => Ok(()),
        false => Err(malformed("bytes of no register")),
    }
}
