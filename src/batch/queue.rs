//! What the workers take their works from.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::StopHandle;

/// Tasks in the declared order, and the transactions of the present round, which go first: others wait for them. Taking a task takes no
/// lock.
#[derive(Debug)]
pub(super) struct Queue {
    tasks: Vec<usize>,
    next: AtomicUsize,
    /// How many transactions are in the round; for workers that need not look.
    ready: AtomicUsize,
    round: Mutex<Round>,
    changed: Condvar,
    stop: StopHandle,
    is_halted: AtomicBool,
}

#[derive(Debug, Default)]
struct Round {
    ready: VecDeque<usize>,
    is_last: bool,
}

impl Queue {
    pub(super) fn new(tasks: Vec<usize>, stop: StopHandle) -> Self {
        let (next, ready, round, changed, is_halted) = Default::default();
        Queue { tasks, next, ready, round, changed, stop, is_halted }
    }

    /// Whether nothing is to begin any more.
    fn is_over(&self) -> bool {
        self.stop.is_requested() || self.is_halted.load(Ordering::Acquire)
    }

    /// The next work, by number; none when there will be none.
    pub(super) fn take(&self) -> Option<usize> {
        if self.is_over() {
            return None;
        }
        if self.ready.load(Ordering::Acquire) > 0
            && let Some(number) = self.take_ready(&mut self.lock())
        {
            return Some(number);
        }
        self.take_task().or_else(|| self.wait())
    }

    fn take_ready(&self, round: &mut Round) -> Option<usize> {
        let number = round.ready.pop_front()?;
        self.ready.store(round.ready.len(), Ordering::Release);
        Some(number)
    }

    fn take_task(&self) -> Option<usize> {
        if self.next.load(Ordering::Relaxed) >= self.tasks.len() {
            return None;
        }
        self.tasks.get(self.next.fetch_add(1, Ordering::Relaxed)).copied()
    }

    /// A transaction of a round to come.
    fn wait(&self) -> Option<usize> {
        let mut round = self.lock();
        loop {
            if self.is_over() {
                return None;
            }
            if let Some(number) = self.take_ready(&mut round) {
                return Some(number);
            }
            if round.is_last {
                return None;
            }
            round = self.changed.wait(round).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Begins a round.
    pub(super) fn offer(&self, round: &[usize]) {
        let mut present = self.lock();
        present.ready.extend(round);
        self.ready.store(present.ready.len(), Ordering::Release);
        drop(present);
        self.changed.notify_all();
    }

    /// There will be no further round.
    pub(super) fn close(&self) {
        self.lock().is_last = true;
        self.changed.notify_all();
    }

    /// Nothing begins any more.
    pub(super) fn halt(&self) {
        self.is_halted.store(true, Ordering::Release);
        // Who is about to wait has seen it, or waits already and is told.
        drop(self.lock());
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Round> {
        self.round.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_of_the_round_go_first_and_tasks_in_order() {
        let queue = Queue::new(vec![0, 2, 5], StopHandle::default());
        queue.offer(&[1, 3]);
        let taken: Vec<_> = (0..3).map(|_| queue.take()).collect();
        assert_eq!(taken, [Some(1), Some(3), Some(0)]);
        queue.offer(&[4]);
        queue.close();
        let taken: Vec<_> = (0..4).map(|_| queue.take()).collect();
        assert_eq!(taken, [Some(4), Some(2), Some(5), None]);
    }

    #[test]
    fn who_waits_for_a_round_hears_of_it_and_of_the_end() {
        let stop = StopHandle::default();
        let queue = Queue::new(Vec::new(), stop.clone());
        std::thread::scope(|scope| {
            let worker = scope.spawn(|| (queue.take(), queue.take()));
            queue.offer(&[7]);
            queue.close();
            assert_eq!(worker.join().unwrap(), (Some(7), None));
        });
        let queue = Queue::new(vec![1], stop.clone());
        stop.stop();
        assert_eq!(queue.take(), None);
    }
}
