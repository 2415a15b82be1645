//! The life of a guest, in which one can go back.
//!
//! Time is the number of retired instructions. A timeline keeps moments it has passed, at growing distances, and what
//! the world outside answered; to be at any time that it has been at, it goes back to the last moment before and runs.
//! What is changed by hand is part of the past from then on, and of what follows from it: it drops the future that was
//! known.

use std::collections::BTreeMap;

use causality_vm::{Exit, Instance, Moment, PauseReason, VmState};

use crate::edit::Edit;

/// How far the first moments are apart, in instructions.
const SHORTEST: u64 = 1 << 20;
/// A moment is made when this part of the time has passed since the last one.
const PART: u64 = 8;
/// The most moments that are kept.
const MOST: usize = 64;
/// The most bytes of guest memory that all moments together hold.
const MEMORY: u64 = 512 << 20;
/// The most bytes of answers that are kept.
const ANSWERS: u64 = 256 << 20;
/// Going further than this to a time in the past, a moment is made shortly before it: more steps back are likely.
const NEAR: u64 = 1 << 12;

/// A guest with its past.
#[derive(Debug)]
pub(crate) struct Timeline<T> {
    instance: Instance<T>,
    /// What the embedder's data were at the start; `None` when going back there is impossible, because what the world
    /// answered has been forgotten.
    start: Option<T>,
    /// Ascending by time.
    moments: Vec<Moment<T>>,
    /// What was changed by hand, and when.
    edits: BTreeMap<u64, Vec<Edit>>,
    /// The latest time it has been at.
    end: u64,
}

impl<T: Clone> Timeline<T> {
    /// `instance` has not run.
    pub(crate) fn new(mut instance: Instance<T>) -> Self {
        instance.keep_answers();
        let start = Some(instance.data().clone());
        Timeline { instance, start, moments: Vec::new(), edits: BTreeMap::new(), end: 0 }
    }

    pub(crate) fn instance(&self) -> &Instance<T> {
        &self.instance
    }

    pub(crate) fn instance_mut(&mut self) -> &mut Instance<T> {
        &mut self.instance
    }

    /// The guest, wherever it is.
    pub(crate) fn into_instance(self) -> Instance<T> {
        self.instance
    }

    /// Instructions retired.
    pub(crate) fn now(&self) -> u64 {
        self.instance.retired()
    }

    /// The latest time it has been at.
    pub(crate) fn end(&self) -> u64 {
        self.end.max(self.now())
    }

    /// The earliest time it can go back to.
    pub(crate) fn begin(&self) -> u64 {
        match (&self.start, self.moments.first()) {
            (None, Some(moment)) => moment.retired(),
            _ => 0,
        }
    }

    /// How many moments there are.
    pub(crate) fn moments(&self) -> usize {
        self.moments.len()
    }

    /// Goes forward for at most `instructions`, or until something else stops it.
    pub(crate) fn run(&mut self, instructions: u64) -> Result<Exit, causality_vm::Error> {
        let target = self.now().saturating_add(instructions);
        loop {
            let now = self.now();
            let part = self.next_event(now).map_or(target, |event| event.min(target)) - now;
            self.instance.revive();
            let exit = self.instance.run_for(part)?;
            let arrived = self.now();
            self.end = self.end.max(arrived);
            if arrived != now {
                self.redo(arrived);
            }
            if self.is_moment_due() {
                self.take_moment()?;
            }
            if exit != Exit::Paused(PauseReason::Step) || arrived >= target {
                return Ok(exit);
            }
        }
    }

    /// When something is to be done on the way: an edit to be made again, a moment to be kept.
    fn next_event(&self, now: u64) -> Option<u64> {
        let edit = self.edits.range(now + 1..).next().map(|(&time, _)| time);
        let last = self.moments.last().map_or(0, Moment::retired);
        let due = last + SHORTEST.max(last / PART);
        edit.into_iter().chain((due > now).then_some(due)).min()
    }

    fn is_moment_due(&self) -> bool {
        let last = self.moments.last().map_or(0, Moment::retired);
        let is_alive = matches!(self.instance.state(), VmState::Ready | VmState::Paused);
        is_alive && self.now() >= last + SHORTEST.max(last / PART)
    }

    /// Makes the changes of this time again.
    fn redo(&mut self, time: u64) {
        for edit in self.edits.get(&time).into_iter().flatten() {
            edit.make(&mut self.instance);
        }
    }

    /// Keeps this moment, in its place among the others.
    fn take_moment(&mut self) -> Result<(), causality_vm::Error> {
        let now = self.now();
        let place = self.moments.partition_point(|moment| moment.retired() < now);
        if self.moments.get(place).is_some_and(|moment| moment.retired() == now) {
            return Ok(());
        }
        let earlier = place.checked_sub(1).map(|index| &self.moments[index]);
        if let Some(moment) = self.instance.moment(earlier)? {
            self.moments.insert(place, moment);
            self.forget_some();
        }
        Ok(())
    }

    /// Keeps within bounds: drops moments where they are densest for their age, and answers that are oldest.
    fn forget_some(&mut self) {
        while self.moments.len() > MOST || (self.moments.len() > 2 && self.bytes() > MEMORY) {
            let end = self.end();
            let density = |index: &usize| {
                let gap = self.moments[index + 1].retired()
                    - index.checked_sub(1).map_or(0, |i| self.moments[i].retired());
                let age = end - self.moments[*index].retired();
                // Gaps are fine if they are small for their age.
                u128::from(gap) * u128::from(SHORTEST) / u128::from(age.max(SHORTEST))
            };
            let Some(index) = (0..self.moments.len() - 1).min_by_key(density) else { return };
            self.moments.remove(index);
        }
        if self.instance.kept_bytes() > ANSWERS
            && let Some(last) = self.moments.last()
        {
            self.instance.forget_before(last);
            self.start = None;
            let first = self.moments.len() - 1;
            self.moments.drain(..first);
        }
    }

    /// Bytes of guest memory in all moments.
    fn bytes(&self) -> u64 {
        let earlier = std::iter::once(None).chain(self.moments.iter().map(Some));
        self.moments.iter().zip(earlier).map(|(moment, earlier)| moment.bytes_beyond(earlier)).sum()
    }

    /// Goes to a time that it has been at, not before [`begin`](Timeline::begin). Nothing stops it on the way.
    pub(crate) fn go_to(&mut self, time: u64) -> Result<(), causality_vm::Error> {
        self.end = self.end();
        if time < self.now() || !self.is_on_the_way(time) {
            self.go_back(time)?;
        }
        if time - self.now() > NEAR {
            self.run_to(time - NEAR / 2)?;
            self.take_moment()?;
        }
        self.run_to(time)
    }

    /// Whether running from here leads to `time` and no moment is nearer.
    fn is_on_the_way(&self, time: u64) -> bool {
        let now = self.now();
        let nearer = self.moments.iter().any(|moment| (now + 1..=time).contains(&moment.retired()));
        time == now || !nearer
    }

    fn go_back(&mut self, time: u64) -> Result<(), causality_vm::Error> {
        let place = self.moments.partition_point(|moment| moment.retired() <= time);
        match (place.checked_sub(1), &self.start) {
            (Some(index), _) => self.instance.go_back(&self.moments[index])?,
            (None, Some(data)) => {
                *self.instance.data_mut() = data.clone();
                self.instance.go_back_to_start()?;
            }
            // Not before `begin`, as the callers see to.
            (None, None) => return Ok(()),
        }
        self.redo(self.now());
        Ok(())
    }

    fn run_to(&mut self, time: u64) -> Result<(), causality_vm::Error> {
        while self.now() < time {
            let now = self.now();
            let edit = self.edits.range(now + 1..).next().map(|(&time, _)| time);
            let stop = edit.map_or(time, |edit| edit.min(time));
            self.instance.revive();
            self.instance.pass_breakpoint();
            self.instance.run_for(stop - now)?;
            if self.now() == now {
                break;
            }
            self.redo(self.now());
        }
        Ok(())
    }

    /// Changes the guest here and now: the future that was known is none any more. `false` if the guest does not allow
    /// it; then nothing has happened.
    pub(crate) fn edit(&mut self, edit: Edit) -> bool {
        if !edit.make(&mut self.instance) {
            return false;
        }
        let now = self.now();
        if now < self.end {
            self.instance.forget_later();
            self.end = now;
            self.moments.retain(|moment| moment.retired() <= now);
            let _ = self.edits.split_off(&(now + 1));
        }
        self.edits.entry(now).or_default().push(edit);
        true
    }
}
