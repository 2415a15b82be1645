//! A value that counts how often somebody has had it to change.

use std::ops::{Deref, DerefMut};

/// A value, and how often somebody has had a `&mut` of it.
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

impl<T> Tracked<T> {
    /// One that nobody has had yet.
    #[must_use]
    pub const fn new(value: T) -> Self {
        Tracked { value, changes: 0 }
    }

    /// As long as this number is the same, so is the value, but for what can be changed through a `&`.
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
        self.changes = self.changes.wrapping_add(1);
        &mut self.value
    }
}
