//! The threads of a batch.

use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;

use causality_store::ContentId;

use super::queue::Queue;
use super::worker::{Produced, Worker};
use super::{Batch, BatchError, Work};
use crate::transaction::TransactionError;

/// The most works that are finished and not committed: workers wait for the store rather than fill memory.
const BACKLOG: usize = 256;

/// What a worker says.
#[derive(Debug)]
pub(super) enum Message {
    /// What came of the work with this number.
    Ended(usize, Result<Box<Produced>, TransactionError>),
    /// A worker panicked, and takes what it did with it.
    Lost,
}

/// Says so if its thread panics: nobody must wait for that one.
struct Alarm(SyncSender<Message>);

impl Drop for Alarm {
    fn drop(&mut self) {
        if thread::panicking() {
            let _ = self.0.send(Message::Lost);
        }
    }
}

/// Has workers run what is in the queue while `lead` listens to them. All have ended when this returns.
///
/// # Panics
/// If a worker did, which takes code of the embedder's: a logic, for example.
pub(super) fn run(
    batch: &Batch,
    queue: &Queue,
    works: &[Work],
    ids: &[ContentId],
    lead: impl FnOnce(&Receiver<Message>) -> Result<(), BatchError>,
) -> Result<(), BatchError> {
    let threads = batch.threads.or_else(|| thread::available_parallelism().ok());
    let threads = threads.map_or(1, usize::from).min(works.len());
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel(BACKLOG);
        for number in 0..threads {
            let alarm = Alarm(sender.clone());
            let run = move || work(batch, queue, works, ids, &alarm);
            let name = format!("batch {number}");
            match thread::Builder::new().name(name).spawn_scoped(scope, run) {
                Ok(_) => {}
                Err(error) if number == 0 => return Err(BatchError::Thread(error)),
                Err(error) => {
                    tracing::warn!(%error, "only {number} threads of {threads} could be started");
                    break;
                }
            }
        }
        drop(sender);
        let led = lead(&receiver);
        queue.halt();
        led
    })
}

fn work(batch: &Batch, queue: &Queue, works: &[Work], ids: &[ContentId], alarm: &Alarm) {
    let mut worker = Worker::new(batch);
    while let Some(number) = queue.take() {
        let ended = worker.run(ids[number], &works[number]).map(Box::new);
        if alarm.0.send(Message::Ended(number, ended)).is_err() {
            return;
        }
    }
}
