//! Who wants to know of revocations at once.

use core::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

type Notify = dyn Fn() + Send + Sync;

/// Those that are to be told, shared by all clones of a manager.
#[derive(Default)]
pub(crate) struct Watchers(Mutex<Vec<Weak<Notify>>>);

/// Somebody is told of each revocation as long as this exists.
#[must_use = "nobody is told any more when it is dropped"]
pub struct RevocationWatch {
    _notify: Arc<Notify>,
}

impl Watchers {
    pub(crate) fn add(&self, notify: Arc<Notify>) -> RevocationWatch {
        let mut watchers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        watchers.retain(|watcher| watcher.strong_count() > 0);
        watchers.push(Arc::downgrade(&notify));
        RevocationWatch { _notify: notify }
    }

    /// Tells all of them. Nobody is kept from coming or going meanwhile.
    pub(crate) fn tell(&self) {
        let watchers = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        watchers.iter().filter_map(Weak::upgrade).for_each(|notify| notify());
    }
}

impl fmt::Debug for Watchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watchers").finish_non_exhaustive()
    }
}

impl fmt::Debug for RevocationWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationWatch").finish_non_exhaustive()
    }
}
