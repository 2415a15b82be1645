//! A value that knows when somebody has had it to change.

use std::hint::cold_path;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};

/// A value with a number that is new whenever somebody has a `&mut` of it, and of no other value at any time.
///
/// ```
/// use causality_machine::Tracked;
///
/// let mut number = Tracked::new(1);
/// let before = number.changes();
/// assert_eq!(*number + 1, 2);
/// assert_eq!(number.changes(), before);
/// *number += 1;
/// assert_ne!(number.changes(), before);
/// ```
#[derive(Debug)]
pub struct Tracked<T> {
    value: T,
    changes: u64,
}

/// Each value takes so many numbers at a time.
const BLOCK: u64 = 1 << 20;

/// The first number of a block that nobody has.
fn block() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    // 2^44 blocks are more than there is time for.
    NEXT.fetch_add(BLOCK, Ordering::Relaxed)
}

impl<T> Tracked<T> {
    /// One that nobody has had yet.
    #[must_use]
    pub fn new(value: T) -> Self {
        Tracked { value, changes: block() }
    }

    /// As long as this number is the same, it is the same value, and unchanged but for what can be changed through a `&`: also
    /// if another was assigned or swapped with it.
    #[inline]
    #[must_use]
    pub const fn changes(&self) -> u64 {
        self.changes
    }
}

impl<T> Deref for Tracked<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Tracked<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        self.changes += 1;
        if self.changes.is_multiple_of(BLOCK) {
            cold_path();
            self.changes = block();
        }
        &mut self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_comes_twice() {
        let mut values = [Tracked::new(()), Tracked::new(())];
        let mut seen = Vec::new();
        for _ in 0..BLOCK + 2 {
            for value in &mut values {
                seen.push(value.changes());
                let _ = &mut **value;
            }
        }
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count);
    }
}
