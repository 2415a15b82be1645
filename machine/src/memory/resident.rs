//! The hart of a machine, in the executor page.

use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::Arc;

use super::space::Held;
use crate::Hart;

/// A hart that lives in the [executor page](super::Memory::executor_page), [`HART_OFFSET`](super::HART_OFFSET) bytes
/// behind its start, so that generated code finds it there and nothing is copied when control goes over. Otherwise it is
/// a [`Hart`] like any other: what it dereferences to.
pub struct ResidentHart {
    place: NonNull<Hart>,
    /// Keeps the page, and the mapping from being another memory's.
    held: Arc<Held>,
}

// SAFETY: it owns the bytes of the hart as if they were a field; the mapping may be used by any thread.
unsafe impl Send for ResidentHart {}
// SAFETY: as above; `&ResidentHart` gives `&Hart` only.
unsafe impl Sync for ResidentHart {}

impl ResidentHart {
    /// # Safety
    /// `place` is aligned, inside the mapping held, readable and writable, and no other `ResidentHart` has it.
    pub(super) unsafe fn new(held: &Arc<Held>, place: NonNull<Hart>) -> Self {
        // SAFETY: by contract writable and nobody else's.
        unsafe { place.write(Hart::new(0)) };
        ResidentHart { place, held: Arc::clone(held) }
    }
}

impl ResidentHart {
    /// Whether it lives in what is held.
    #[inline]
    pub(super) fn is_in(&self, held: &Arc<Held>) -> bool {
        Arc::ptr_eq(&self.held, held)
    }
}

impl Deref for ResidentHart {
    type Target = Hart;

    #[inline(always)]
    fn deref(&self) -> &Hart {
        // SAFETY: initialised by `new`, and mapped as long as `self` lives. Generated code changes it only while nobody
        // else uses the machine that owns `self`.
        unsafe { self.place.as_ref() }
    }
}

impl DerefMut for ResidentHart {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut Hart {
        // SAFETY: as in `deref`; `&mut self` excludes others.
        unsafe { self.place.as_mut() }
    }
}

impl std::fmt::Debug for ResidentHart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (**self).fmt(f)
    }
}

impl PartialEq for ResidentHart {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl PartialEq<Hart> for ResidentHart {
    fn eq(&self, other: &Hart) -> bool {
        **self == *other
    }
}
