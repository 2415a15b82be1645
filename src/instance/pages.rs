//! Pages of a guest's memory, to copy and to put back. A page of zeros is none.

use causality_machine::Memory;
use causality_machine::memory::{MapError, PAGE_SIZE, Segment};

/// Whether a page holds nothing but zeros.
pub(crate) fn is_zero(page: &[u8]) -> bool {
    let (words, rest) = page.as_chunks::<16>();
    words.iter().all(|&word| u128::from_ne_bytes(word) == 0) && rest.iter().all(|&byte| byte == 0)
}

/// Shows `visit` every page that is not all zero, ascending, whatever the guest may do there.
///
/// # Errors
/// If the host refuses to show inaccessible pages.
pub(crate) fn visit(memory: &mut Memory, mut visit: impl FnMut(u64, &[u8])) -> Result<(), MapError> {
    let segments: Vec<Segment> = memory.segments().filter(|segment| segment.holds_bytes()).cloned().collect();
    for segment in segments {
        memory.inspect(&segment.range, |bytes| {
            for (addr, page) in pages_of(&segment, bytes).filter(|(_, page)| !is_zero(page)) {
                visit(addr, page);
            }
        })?;
    }
    Ok(())
}

/// Maps what was mapped, and fills it with what `page` says of an address. What has stayed the same is not touched, so that
/// native code made for it stays.
///
/// # Errors
/// If the host refuses, or the memory's limits are reached.
pub(crate) fn restore<'a>(
    memory: &mut Memory,
    segments: &[Segment],
    page: impl Fn(u64) -> Option<&'a [u8]>,
) -> Result<(), MapError> {
    let now: Vec<Segment> = memory.segments().cloned().collect();
    for segment in now.iter().filter(|segment| !segments.contains(segment)) {
        memory.unmap(segment.range.clone())?;
    }
    for segment in segments {
        let is_new = !now.contains(segment);
        if is_new {
            let Segment { name, range, perms, kind } = segment;
            memory.map(range.clone(), *perms, *kind, name)?;
        }
        if !segment.holds_bytes() {
            continue;
        }
        if is_new || memory.inspect(&segment.range, |bytes| differs(segment, bytes, &page))? {
            memory.rewrite(&segment.range, |bytes| fill(segment, bytes, is_new, &page))?;
        }
    }
    Ok(())
}

fn pages_of<'a>(segment: &Segment, bytes: &'a [u8]) -> impl Iterator<Item = (u64, &'a [u8])> + use<'a> {
    let addresses = segment.range.clone().step_by(PAGE_SIZE as usize);
    addresses.zip(bytes.chunks_exact(PAGE_SIZE as usize))
}

fn is_same(bytes: &[u8], page: Option<&[u8]>) -> bool {
    page.map_or_else(|| is_zero(bytes), |page| page == bytes)
}

fn differs<'a>(segment: &Segment, bytes: &[u8], page: &impl Fn(u64) -> Option<&'a [u8]>) -> bool {
    pages_of(segment, bytes).any(|(addr, bytes)| !is_same(bytes, page(addr)))
}

/// Pages that are new are zero, and looking at them would make the host map them.
fn fill<'a>(segment: &Segment, bytes: &mut [u8], is_new: bool, page: &impl Fn(u64) -> Option<&'a [u8]>) {
    let addresses = segment.range.clone().step_by(PAGE_SIZE as usize);
    for (addr, bytes) in addresses.zip(bytes.chunks_exact_mut(PAGE_SIZE as usize)) {
        match page(addr) {
            Some(page) if is_new || page != bytes => bytes.copy_from_slice(page),
            None if !is_new && !is_zero(bytes) => bytes.fill(0),
            _ => {}
        }
    }
}
