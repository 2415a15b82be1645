//! From segments, which may begin and end anywhere, to memory, which has permissions by page.
//!
//! Small linkers and `-n` put the end of one segment and the start of the next on one page. Such a
//! page becomes a piece of its own that allows what any of its segments allows; the rest of those
//! segments keeps exactly its own permissions. A page that would be writable and executable that way
//! is refused unless the limits allow it.

use causality_machine::memory::{PAGE_SIZE, Perms};
use causality_machine::{ImageSegment, Limits};

use super::LoadError;
use super::segment::{Load, kind_of};

/// Places the segments, ascending and without overlap at page granularity.
pub(super) fn place(mut loads: Vec<Load<'_>>, limits: &Limits) -> Result<Vec<ImageSegment>, LoadError> {
    loads.sort_by_key(|load| load.addr);
    check_overlap(&loads)?;
    check_total(&loads, limits.memory)?;
    if !limits.allow_writable_code {
        check_writable_code(&loads)?;
    }
    let mut placed = Vec::new();
    for (index, load) in loads.iter().enumerate() {
        let before = index.checked_sub(1).map(|i| loads[i].last_page());
        let after = loads.get(index + 1).map(Load::first_page);
        for piece in pieces(load, before, after) {
            push(&mut placed, piece);
        }
    }
    // Shared pages count too.
    if placed.len() > limits.segments {
        return Err(LoadError::TooManySegments { count: placed.len(), limit: limits.segments });
    }
    Ok(placed)
}

fn check_overlap(loads: &[Load<'_>]) -> Result<(), LoadError> {
    for pair in loads.windows(2) {
        if pair[0].end() > pair[1].addr {
            return Err(LoadError::Overlap { first: pair[0].to_string(), second: pair[1].to_string() });
        }
    }
    Ok(())
}

/// Counts every page once. Each segment lies in the address space, so the sum cannot overflow.
fn check_total(loads: &[Load<'_>], limit: u64) -> Result<(), LoadError> {
    let (mut needed, mut covered) = (0, 0);
    for load in loads {
        let end = load.last_page() + PAGE_SIZE;
        needed += end - load.first_page().max(covered).min(end);
        covered = end;
    }
    if needed > limit {
        return Err(LoadError::TooMuchMemory { needed, limit });
    }
    Ok(())
}

fn check_writable_code(loads: &[Load<'_>]) -> Result<(), LoadError> {
    for (index, load) in loads.iter().enumerate() {
        if load.perms == Perms::RWX {
            return Err(LoadError::WritableCode { segment: load.to_string() });
        }
        let neighbours = loads[..index].iter().rev().take_while(|l| l.last_page() == load.first_page());
        for other in neighbours {
            if union(other.perms, load.perms) == Perms::RWX {
                return Err(LoadError::SharedPage {
                    first: other.to_string(),
                    second: load.to_string(),
                    page: load.first_page(),
                });
            }
        }
    }
    Ok(())
}

/// Cuts off the first and last page of `load` where the neighbours' pages say they are shared.
fn pieces(load: &Load<'_>, before: Option<u64>, after: Option<u64>) -> impl Iterator<Item = ImageSegment> {
    let low = if before == Some(load.first_page()) {
        load.end().min(load.first_page() + PAGE_SIZE)
    } else {
        load.addr
    };
    let high = if after == Some(load.last_page()) { low.max(load.last_page()) } else { load.end() };
    [(load.addr, low), (low, high), (high, load.end())]
        .into_iter()
        .filter(|(start, end)| start < end)
        .map(|(start, end)| piece(load, start, end))
}

fn piece(load: &Load<'_>, start: u64, end: u64) -> ImageSegment {
    let filled = |addr: u64| load.data.len().min((addr - load.addr) as usize);
    ImageSegment {
        name: kind_of(load.perms).to_string(),
        kind: kind_of(load.perms),
        perms: load.perms,
        addr: start,
        size: end - start,
        data: load.data[filled(start)..filled(end)].to_vec(),
    }
}

/// Adds a piece, or joins it with the one that is on the same page.
fn push(placed: &mut Vec<ImageSegment>, piece: ImageSegment) {
    match placed.last_mut() {
        Some(last) if (last.addr + last.size - 1) / PAGE_SIZE == piece.addr / PAGE_SIZE => join(last, piece),
        _ => placed.push(piece),
    }
}

/// Both lie on one page, so the bytes between them are few.
fn join(page: &mut ImageSegment, piece: ImageSegment) {
    page.perms = union(page.perms, piece.perms);
    page.kind = kind_of(page.perms);
    page.name = page.kind.to_string();
    page.size = piece.addr + piece.size - page.addr;
    if !piece.data.is_empty() {
        page.data.resize((piece.addr - page.addr) as usize, 0);
        page.data.extend_from_slice(&piece.data);
    }
}

fn union(a: Perms, b: Perms) -> Perms {
    Perms::new(
        a.is_readable() || b.is_readable(),
        a.is_writable() || b.is_writable(),
        a.is_executable() || b.is_executable(),
    )
}
