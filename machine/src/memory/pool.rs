//! Memories that nobody uses at the moment, for those who need one.
//!
//! A memory that comes back is made what it was made from before anything else, so that nothing that was in it stays. If
//! the next one is wanted for the same, it is there.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Frozen, Memory};

/// A bounded number of memories. Shared by those who take from it.
#[derive(Debug, Default)]
pub struct Pool {
    /// That which came last is the last.
    idle: Mutex<Vec<Memory>>,
    most: usize,
}

impl Pool {
    /// A pool that keeps `most` memories at most.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Pool { idle: Mutex::default(), most }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Memory>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many memories it keeps now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.idle().len()
    }

    /// Whether it keeps none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A memory that is what `frozen` was, and comes back when it is dropped.
    ///
    /// # Errors
    /// If the host cannot reserve or map memory.
    pub fn take(self: &Arc<Self>, frozen: &Arc<Frozen>) -> io::Result<Memory> {
        let mut memory = match self.find(frozen) {
            Some(mut memory) => {
                // What it was made from it is, since it is here.
                if memory.origin().is_some_and(|origin| Arc::ptr_eq(origin, frozen)) {
                    memory.narrow();
                } else {
                    memory.restore(frozen)?;
                }
                memory
            }
            None => Memory::thaw(frozen)?,
        };
        memory.home = Some(Arc::clone(self));
        Ok(memory)
    }

    /// The best that is there: one that is as it should be, or nearly so, or if there is no room for more, the one that has been here
    /// longest.
    fn find(&self, frozen: &Arc<Frozen>) -> Option<Memory> {
        let mut idle = self.idle();
        let origin = |memory: &Memory, is: &dyn Fn(&Arc<Frozen>) -> bool| memory.origin().is_some_and(is);
        let same = idle.iter().rposition(|memory| origin(memory, &|origin| Arc::ptr_eq(origin, frozen)));
        let fits = |memory: &Memory| memory.limits() == frozen.limits();
        let alike = || {
            idle.iter().rposition(|memory| origin(memory, &|origin| origin.is_like(frozen)) && fits(memory))
        };
        let oldest = || (idle.len() >= self.most).then(|| idle.iter().position(fits)).flatten();
        let found = same.or_else(alike).or_else(oldest)?;
        Some(idle.remove(found))
    }

    /// Takes back what was taken.
    fn put(&self, memory: Memory) {
        let mut idle = self.idle();
        let surplus = if self.most == 0 {
            Some(memory)
        } else {
            let is_full = idle.len() >= self.most;
            let oldest = is_full.then(|| idle.remove(0));
            idle.push(memory);
            oldest
        };
        drop(idle);
        drop(surplus);
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if let Some(home) = self.home.take()
            && home.most > 0
            && let Some(memory) = self.recycle()
        {
            home.put(memory);
        }
    }
}
