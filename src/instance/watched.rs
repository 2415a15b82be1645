//! A value that knows whether somebody has had it to change.

use std::ops::{Deref, DerefMut};

/// A value, and whether it is as it was [left](Watched::leave): nobody has had a `&mut` of it since.
#[derive(Debug)]
pub(crate) struct Watched<T> {
    value: T,
    is_as_left: bool,
}

impl<T> Watched<T> {
    pub(crate) const fn new(value: T) -> Self {
        Watched { value, is_as_left: false }
    }

    /// From now on it is as it was left, until somebody has it to change.
    #[inline]
    pub(crate) const fn leave(&mut self) {
        self.is_as_left = true;
    }

    /// It is not as it was left.
    #[inline]
    pub(crate) const fn touch(&mut self) {
        self.is_as_left = false;
    }

    /// The value, if it is as it was left. It counts as that further on, so whoever changes it says so otherwise.
    #[inline]
    pub(crate) fn as_left(&mut self) -> Option<&mut T> {
        self.is_as_left.then_some(&mut self.value)
    }
}

impl<T> Deref for Watched<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Watched<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.is_as_left = false;
        &mut self.value
    }
}
