//! The one way to the world outside: streams, files and directories of the host.
//!
//! Everything else about a process follows from its program and its options. Once what the world answered is
//! *kept*, a process that is put back to an earlier moment hears the same again, without the world being asked: it
//! reads what it has read, and what it wrote is not written twice. When it has heard everything that was kept it asks
//! the world again.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cap_std::fs::Metadata;

use super::Errno;
use super::files::Streams;

/// A process' way outside. Clones share the streams and what was kept; each has a place of its own in that.
pub(crate) struct Outside {
    streams: Arc<Mutex<Streams>>,
    kept: Option<Arc<Mutex<Kept>>>,
    /// The number of the next answer.
    next: AtomicU64,
}

/// What the world answered so far.
#[derive(Clone, Debug, Default)]
struct Kept {
    /// The number of the first answer that is still there.
    first: u64,
    answers: VecDeque<Result<Answer, Errno>>,
    /// Bytes of all answers.
    bytes: u64,
}

/// One answer.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Done,
    Count(u64),
    Bytes(Vec<u8>),
    /// Bytes of standard input, which the world cannot be asked for again.
    Input(Vec<u8>),
    Metadata(Metadata),
    File(Arc<File>),
    Names(Vec<(Vec<u8>, Metadata)>),
}

impl Answer {
    fn bytes(&self) -> u64 {
        let extra = match self {
            Answer::Bytes(bytes) | Answer::Input(bytes) => bytes.len(),
            Answer::Names(names) => names.iter().map(|(name, _)| name.len() + size_of::<Metadata>()).sum(),
            _ => 0,
        };
        (size_of::<Self>() + extra) as u64
    }
}

/// What an answer can be asked for as.
pub(super) trait Answers: Clone {
    /// To be kept.
    fn keep(self) -> Answer;
    /// From what was kept; `None` if that is something else.
    fn again(answer: Answer) -> Option<Self>;
}

macro_rules! answers {
    ($($ty:ty, $value:pat => $variant:pat, $keep:expr, $again:expr;)*) => {$(
        impl Answers for $ty {
            fn keep(self) -> Answer {
                let $value = self;
                $keep
            }
            fn again(answer: Answer) -> Option<Self> {
                match answer {
                    $variant => Some($again),
                    _ => None,
                }
            }
        }
    )*};
}
answers! {
    (), () => Answer::Done, Answer::Done, ();
    u64, count => Answer::Count(count), Answer::Count(count), count;
    Vec<u8>, bytes => Answer::Bytes(bytes), Answer::Bytes(bytes), bytes;
    Metadata, metadata => Answer::Metadata(metadata), Answer::Metadata(metadata), metadata;
    Arc<File>, file => Answer::File(file), Answer::File(file), file;
    Vec<(Vec<u8>, Metadata)>, names => Answer::Names(names), Answer::Names(names), names;
}

impl std::fmt::Debug for Outside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outside").field("next", &self.next).finish_non_exhaustive()
    }
}

impl Clone for Outside {
    fn clone(&self) -> Self {
        Outside {
            streams: Arc::clone(&self.streams),
            kept: self.kept.clone(),
            next: AtomicU64::new(self.place()),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Outside {
    pub(super) fn new(streams: Streams) -> Self {
        Outside { streams: Arc::new(Mutex::new(streams)), kept: None, next: AtomicU64::new(0) }
    }

    /// Keeps all answers from now on.
    pub(crate) fn keep(&mut self) {
        self.kept.get_or_insert_default();
    }

    /// From now on shares nothing of what is kept with its clones.
    pub(crate) fn part(&mut self) {
        if let Some(kept) = &mut self.kept {
            let own = lock(kept).clone();
            *kept = Arc::new(Mutex::new(own));
        }
    }

    /// How many answers it has heard since they are kept.
    pub(crate) fn place(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// Goes back to the answer of this number.
    pub(crate) fn go_to(&mut self, place: u64) {
        *self.next.get_mut() = place;
    }

    /// Whether the world is asked next, and not what was kept.
    pub(crate) fn is_live(&self) -> bool {
        self.kept.as_ref().is_none_or(|kept| lock(kept).get(self.place()).is_none())
    }

    /// How many bytes are kept.
    pub(crate) fn bytes(&self) -> u64 {
        self.kept.as_ref().map_or(0, |kept| lock(kept).bytes)
    }

    /// Forgets what it has not heard again yet: the world is asked from here on. Standard input that is forgotten is
    /// read again.
    pub(crate) fn forget_later(&mut self) {
        let Some(kept) = &self.kept else { return };
        let mut kept = lock(kept);
        let mut input = Vec::new();
        let here = usize::try_from(self.place().saturating_sub(kept.first)).unwrap_or(usize::MAX);
        while kept.answers.len() > here {
            if let Some(Ok(answer)) = kept.pop_back()
                && let Answer::Input(bytes) = answer
            {
                input.splice(0..0, bytes);
            }
        }
        lock(&self.streams).stdin.unread(&input);
    }

    /// Forgets the answers before the one of this number: nobody goes back so far.
    pub(crate) fn forget_before(&mut self, place: u64) {
        let Some(kept) = &self.kept else { return };
        let mut kept = lock(kept);
        while kept.first < place && kept.pop_front().is_some() {}
    }

    /// What was answered before, if it was, or what `live` says now.
    pub(super) fn ask<A: Answers>(&self, live: impl FnOnce() -> io::Result<A>) -> Result<A, Errno> {
        self.hear(A::again, || live().map_err(|error| Errno::from(&error)), |answer| answer.clone().keep())
    }

    /// The same where `bytes` are filled from the start; says how many.
    pub(super) fn fill(
        &self,
        bytes: &mut [u8],
        live: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> Result<usize, Errno> {
        self.fill_as(bytes, live, Answer::Bytes)
    }

    fn fill_as(
        &self,
        bytes: &mut [u8],
        live: impl FnOnce(&mut [u8]) -> io::Result<usize>,
        keep: impl FnOnce(Vec<u8>) -> Answer,
    ) -> Result<usize, Errno> {
        let Some(kept) = &self.kept else {
            return live(bytes).map_err(|error| Errno::from(&error));
        };
        let before = lock(kept).get(self.place());
        let heard = match before {
            Some(answer) => answer,
            None => {
                let answer = live(bytes).map_err(|error| Errno::from(&error));
                lock(kept).push(answer.map(|count| keep(bytes[..count].to_vec())));
                self.next.fetch_add(1, Ordering::Relaxed);
                return answer;
            }
        };
        self.next.fetch_add(1, Ordering::Relaxed);
        match heard? {
            Answer::Bytes(found) | Answer::Input(found) if found.len() <= bytes.len() => {
                bytes[..found.len()].copy_from_slice(&found);
                Ok(found.len())
            }
            _ => Err(DIVERGED),
        }
    }

    fn hear<A>(
        &self,
        again: impl FnOnce(Answer) -> Option<A>,
        live: impl FnOnce() -> Result<A, Errno>,
        keep: impl FnOnce(&A) -> Answer,
    ) -> Result<A, Errno> {
        let Some(kept) = &self.kept else { return live() };
        let heard = lock(kept).get(self.place());
        let answer = match heard {
            Some(answer) => answer.and_then(|answer| again(answer).ok_or(DIVERGED)),
            None => {
                let answer = live();
                lock(kept).push(answer.as_ref().map(keep).map_err(|&errno| errno));
                answer
            }
        };
        self.next.fetch_add(1, Ordering::Relaxed);
        answer
    }

    /// Reads standard input.
    pub(super) fn stdin(&self, bytes: &mut [u8]) -> Result<usize, Errno> {
        self.fill_as(bytes, |bytes| lock(&self.streams).stdin.read(bytes), Answer::Input)
    }

    /// Has something written to standard output.
    pub(super) fn stdout(
        &self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<usize>,
    ) -> Result<usize, Errno> {
        self.count(|| write(&mut *lock(&self.streams).stdout))
    }

    /// Has something written to standard error.
    pub(super) fn stderr(
        &self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<usize>,
    ) -> Result<usize, Errno> {
        self.count(|| write(&mut *lock(&self.streams).stderr))
    }

    /// Asks how much was done.
    pub(super) fn count(&self, live: impl FnOnce() -> io::Result<usize>) -> Result<usize, Errno> {
        self.ask(|| live().map(|count| count as u64)).map(|count| count as usize)
    }
}

/// What is told to a process that asks for something else than before. Only one can that was changed without what was
/// kept being [forgotten](Outside::forget_later).
const DIVERGED: Errno = Errno::IO;

impl Kept {
    fn get(&self, place: u64) -> Option<Result<Answer, Errno>> {
        let index = usize::try_from(place.checked_sub(self.first)?).ok()?;
        self.answers.get(index).cloned()
    }

    fn push(&mut self, answer: Result<Answer, Errno>) {
        self.bytes += answer.as_ref().map_or(0, Answer::bytes);
        self.answers.push_back(answer);
    }

    fn pop_back(&mut self) -> Option<Result<Answer, Errno>> {
        let answer = self.answers.pop_back()?;
        self.bytes -= answer.as_ref().map_or(0, Answer::bytes);
        Some(answer)
    }

    fn pop_front(&mut self) -> Option<Result<Answer, Errno>> {
        let answer = self.answers.pop_front()?;
        self.first += 1;
        self.bytes -= answer.as_ref().map_or(0, Answer::bytes);
        Some(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::super::files::Input;
    use super::*;

    fn outside(input: &'static [u8]) -> Outside {
        let stdin = Input::new(input, true);
        let mut outside =
            Outside::new(Streams { stdin, stdout: Box::new(io::sink()), stderr: Box::new(io::sink()) });
        outside.keep();
        outside
    }

    fn line(outside: &Outside) -> Vec<u8> {
        let mut bytes = [0; 16];
        let count = outside.stdin(&mut bytes).unwrap();
        bytes[..count].to_vec()
    }

    #[test]
    fn what_was_heard_is_heard_again_and_the_world_is_asked_after_it() {
        let mut outside = outside(b"one\ntwo\nthree\n");
        assert_eq!((line(&outside), line(&outside)), (b"one\n".to_vec(), b"two\n".to_vec()));
        outside.go_to(1);
        assert_eq!((line(&outside), line(&outside)), (b"two\n".to_vec(), b"three\n".to_vec()));
        assert_eq!(line(&outside), b"");
    }

    #[test]
    fn a_failure_is_heard_again_too() {
        let mut outside = outside(b"");
        let asked = outside.ask::<u64>(|| Err(io::ErrorKind::NotFound.into()));
        assert_eq!(asked, Err(Errno::NOENT));
        outside.go_to(0);
        assert_eq!(outside.ask::<u64>(|| Ok(1)), Err(Errno::NOENT));
        assert_eq!(outside.ask::<u64>(|| Ok(1)), Ok(1));
    }

    #[test]
    fn input_of_a_future_that_is_forgotten_is_read_again() {
        let mut outside = outside(b"one\ntwo\nthree\n");
        for _ in 0..3 {
            line(&outside);
        }
        outside.go_to(1);
        outside.forget_later();
        assert_eq!((line(&outside), line(&outside)), (b"two\n".to_vec(), b"three\n".to_vec()));
    }

    #[test]
    fn what_nobody_goes_back_to_is_not_kept() {
        let mut outside = outside(b"one\ntwo\nthree\n");
        line(&outside);
        line(&outside);
        let before = outside.bytes();
        outside.forget_before(1);
        assert!(outside.bytes() < before);
        outside.go_to(1);
        assert_eq!(line(&outside), b"two\n");
    }
}
