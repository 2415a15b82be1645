//! The thread of a batch that plans, commits and tells.

use std::collections::{BTreeMap, VecDeque};
use std::iter;
use std::mem;
use std::sync::mpsc::Receiver;

use causality_store::{Commit, CommitError, ContentId, ObjectKind};

use super::plan::{Plan, WINDOW};
use super::queue::Queue;
use super::result::{Effect, WorkResult};
use super::running::{self, Message};
use super::worker::Produced;
use super::{Batch, BatchError, Finished, Journal, Progress, Work};

/// How often a round is begun anew because others have changed what it relied on.
const TRIES: usize = 100;

/// The most works that share a commit, so that results are told now and then however fast they come.
const GROUP: usize = 256;

/// Does all works but the first `known`, and tells what came of them.
pub(super) fn run(
    batch: &Batch,
    journal: Option<Journal>,
    known: usize,
    works: &[Work],
    tell: impl FnMut(Progress<'_>),
) -> Result<(), BatchError> {
    let ids = batch.ids(works)?;
    let known = known.min(works.len());
    let mut results = vec![None; works.len()];
    if let Some(journal) = journal {
        recall(batch, journal, &ids, &mut results[known..], known)?;
    }
    let twins = if batch.caching { twins(works, &ids, known) } else { vec![None; works.len()] };
    let is_open = |number: usize| number >= known && results[number].is_none();
    let tasks = (0..works.len()).filter(|&number| {
        is_open(number) && twins[number].is_none() && matches!(works[number], Work::Task(_))
    });
    let queue = Queue::new(tasks.collect(), batch.stop.clone());
    let jobs: Vec<_> =
        (0..works.len()).filter(|&number| matches!(works[number], Work::Transaction(_))).collect();
    // Windows are of all transactions, so that they are the same when a batch goes on.
    let windows =
        jobs.chunks(WINDOW).map(|window| window.iter().copied().filter(|&it| is_open(it)).collect());
    let windows: VecDeque<Vec<usize>> = windows.collect();
    let done = known + results.iter().filter(|result| result.is_some()).count();
    let (plan, round) = Default::default();
    let mut scribe = Scribe {
        batch,
        journal,
        ids: &ids,
        works,
        queue: &queue,
        results,
        twins,
        told: known,
        done,
        windows,
        plan,
        round,
        tries: 0,
        tell,
    };
    if done < works.len() {
        running::run(batch, &queue, works, &ids, |workers| scribe.lead(workers))?;
    }
    scribe.tell();
    Ok(())
}

/// What the journal has of the works from `known` on.
fn recall(
    batch: &Batch,
    journal: Journal,
    ids: &[ContentId],
    results: &mut [Option<Finished>],
    known: usize,
) -> Result<(), BatchError> {
    let snapshot = batch.store().snapshot()?;
    for (result, index) in results.iter_mut().zip(known..) {
        if let Some(object) = snapshot.note(journal.key(index))? {
            let noted: WorkResult = snapshot.get(object)?;
            if !noted.is_of(ids[index]) {
                return Err(BatchError::OtherWork { index, expected: noted.work, found: ids[index] });
            }
            *result = Some(Finished { result: noted, is_cached: false });
        }
    }
    Ok(())
}

/// For each task from `known` on the first one of these that is equal, if that is another one.
fn twins(works: &[Work], ids: &[ContentId], known: usize) -> Vec<Option<usize>> {
    let mut first = BTreeMap::new();
    let twin = |(number, work): (usize, &Work)| match work {
        Work::Task(_) if number >= known => {
            let first = *first.entry(ids[number]).or_insert(number);
            (first != number).then_some(first)
        }
        _ => None,
    };
    works.iter().enumerate().map(twin).collect()
}

struct Scribe<'a, F> {
    batch: &'a Batch,
    journal: Option<Journal>,
    ids: &'a [ContentId],
    works: &'a [Work],
    queue: &'a Queue,
    results: Vec<Option<Finished>>,
    twins: Vec<Option<usize>>,
    /// The results before this one have been told.
    told: usize,
    done: usize,
    windows: VecDeque<Vec<usize>>,
    /// The transactions of the present window.
    plan: Plan,
    round: Round,
    /// How often the round was begun anew.
    tries: usize,
    tell: F,
}

/// Transactions that began on the same state.
#[derive(Default)]
struct Round {
    size: usize,
    ended: BTreeMap<usize, Box<Produced>>,
}

impl<F: FnMut(Progress<'_>)> Scribe<'_, F> {
    /// Listens to the workers until there are none.
    fn lead(&mut self, workers: &Receiver<Message>) -> Result<(), BatchError> {
        self.begin_round()?;
        self.tell();
        while let Ok(first) = workers.recv() {
            let mut tasks = Vec::new();
            // What has come meanwhile goes into the same commit.
            for message in iter::once(first).chain(workers.try_iter().take(GROUP)) {
                match message {
                    Message::Ended(number, ended) => {
                        let produced = ended.map_err(|error| BatchError::of_work(number, error));
                        let produced = produced.or_else(|error| self.keep(&mut tasks).and(Err(error)))?;
                        match self.works[number] {
                            Work::Task(_) => tasks.push((number, produced)),
                            Work::Transaction(_) => drop(self.round.ended.insert(number, produced)),
                        }
                    }
                    // The panic goes on when the other threads have ended.
                    Message::Lost => return Ok(()),
                }
            }
            self.keep(&mut tasks)?;
            if self.round.size > 0 && self.round.ended.len() == self.round.size {
                self.end_round()?;
                self.begin_round()?;
            }
            if self.batch.stop.is_requested() {
                self.queue.halt();
            }
            self.tell();
        }
        Ok(())
    }

    /// Hands out the transactions that can run now, or says that there are no more.
    fn begin_round(&mut self) -> Result<(), BatchError> {
        while self.plan.is_empty() {
            let Some(window) = self.windows.pop_front() else {
                self.round = Round::default();
                self.queue.close();
                return Ok(());
            };
            for number in window {
                if let Work::Transaction(job) = &self.works[number] {
                    self.plan.add(number, job);
                }
            }
        }
        let round = self.plan.round(&self.batch.store().snapshot()?)?;
        self.round = Round { size: round.len(), ended: BTreeMap::new() };
        self.queue.offer(&round);
        Ok(())
    }

    /// Makes a round take effect, in the declared order. What could not come after the others of it is left for the next one.
    fn end_round(&mut self) -> Result<(), BatchError> {
        let (mut commit, mut done) = (Commit::new(), Vec::new());
        for (number, mut produced) in mem::take(&mut self.round.ended) {
            if let Some(run) = produced.run.take() {
                let Ok(joined) = run.add_to(&mut commit) else { continue };
                produced.result.effect = Effect::Committed { record: joined.id };
            }
            done.push((number, produced));
        }
        for (number, produced) in &mut done {
            self.note(&mut commit, *number, produced)?;
        }
        match self.batch.store().commit(commit) {
            Ok(_) if !done.is_empty() => self.tries = 0,
            Ok(_) => return self.try_again(),
            Err(error) if has_changed(&error) => {
                tracing::debug!(%error, "a round of transactions begins anew");
                return self.try_again();
            }
            Err(error) => return Err(error.into()),
        }
        for (number, produced) in done {
            self.plan.remove(number);
            self.set(number, produced);
        }
        Ok(())
    }

    fn try_again(&mut self) -> Result<(), BatchError> {
        self.tries += 1;
        if self.tries < TRIES { Ok(()) } else { Err(BatchError::Contended(self.tries)) }
    }

    /// Puts the results of tasks into the store.
    fn keep(&mut self, tasks: &mut Vec<(usize, Box<Produced>)>) -> Result<(), BatchError> {
        let (mut commit, mut is_empty) = (Commit::new(), true);
        for (number, produced) in tasks.iter_mut().filter(|(_, produced)| !produced.is_cached) {
            let is_kept = self.batch.caching || self.journal.is_some() || !produced.blobs.is_empty();
            is_empty &= !is_kept;
            self.note(&mut commit, *number, produced)?;
        }
        if !is_empty {
            self.batch.store().commit(commit)?;
        }
        tasks.drain(..).for_each(|(number, produced)| self.set(number, produced));
        Ok(())
    }

    /// Adds what was written and, where it is to be found again, the result.
    fn note(&self, commit: &mut Commit, number: usize, produced: &mut Produced) -> Result<(), BatchError> {
        for blob in produced.blobs.drain(..) {
            commit.bytes(ObjectKind::Blob, blob, Vec::new());
        }
        let result = &produced.result;
        // Only what ran as a task: a refusal may be another one in a later version, and an effect happens.
        let is_cached = self.batch.caching
            && matches!(self.works[number], Work::Task(_))
            && result.effect == Effect::None;
        if is_cached || self.journal.is_some() {
            let object = commit.object(result).map_err(CommitError::from)?;
            if is_cached {
                commit.result(self.ids[number], object);
            }
            if let Some(journal) = self.journal {
                commit.note(journal.key(number), object);
            }
        }
        Ok(())
    }

    fn set(&mut self, number: usize, produced: Box<Produced>) {
        let Produced { result, is_cached, .. } = *produced;
        self.results[number] = Some(Finished { result, is_cached });
        self.done += 1;
    }

    /// Tells the results that are known, up to the first one that is not.
    fn tell(&mut self) {
        let mut ready = Vec::new();
        while self.told < self.results.len() {
            if self.results[self.told].is_none()
                && let Some(first) = self.twins[self.told]
                && let Some(Finished { result, .. }) = &self.results[first]
            {
                // Where the program is refused nothing is run the first time either.
                let (result, is_cached) = (result.clone(), result.effect == Effect::None);
                self.results[self.told] = Some(Finished { result, is_cached });
                self.done += 1;
            }
            let Some(finished) = &self.results[self.told] else { break };
            ready.push(finished.clone());
            self.told += 1;
        }
        (self.tell)(Progress { done: self.done, total: self.works.len(), ready: &ready });
    }
}

/// Whether others have changed what a commit relied on.
fn has_changed(error: &CommitError) -> bool {
    matches!(
        error,
        CommitError::AlreadyConsumed { .. }
            | CommitError::Changed { .. }
            | CommitError::EpochChanged { .. }
            | CommitError::MissingReference(_)
    )
}
