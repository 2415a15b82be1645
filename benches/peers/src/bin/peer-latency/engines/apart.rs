//! An engine on a thread of its own. PolkaVM pins the thread that has its instances to a core, and nobody else, nor the threads
//! that others start, is to be pinned with it.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::subject::{Failure, Quantity, Subject};

/// What a thread is asked, and what it answers; errors of engines cannot be sent.
type Question = (Quantity, u32);
type Answer = Result<Option<Duration>, String>;

pub(super) struct Apart {
    name: &'static str,
    version: String,
    /// Until it is dropped, which ends the thread.
    asked: Option<Sender<Question>>,
    answers: Receiver<Answer>,
    thread: Option<JoinHandle<()>>,
}

impl Apart {
    /// Makes an engine on a new thread.
    pub(super) fn new<S: Subject>(
        make: impl FnOnce() -> Result<S, Failure> + Send + 'static,
    ) -> Result<Self, Failure> {
        let (asked, questions) = channel();
        let (answering, answers) = channel();
        let (introducing, introduced) = channel();
        let thread = std::thread::spawn(move || {
            let mut subject = match make() {
                Ok(subject) => subject,
                Err(error) => return drop(introducing.send(Err(error.to_string()))),
            };
            let is_wanted = introducing.send(Ok((subject.name(), subject.version()))).is_ok();
            if is_wanted {
                serve(&mut subject, &questions, &answering);
            }
        });
        let (name, version) = introduced.recv()??;
        Ok(Apart { name, version, asked: Some(asked), answers, thread: Some(thread) })
    }
}

fn serve(subject: &mut dyn Subject, questions: &Receiver<Question>, answering: &Sender<Answer>) {
    for (quantity, times) in questions {
        let answer = subject.time(quantity, times).map_err(|error| error.to_string());
        if answering.send(answer).is_err() {
            break;
        }
    }
}

impl Subject for Apart {
    fn name(&self) -> &'static str {
        self.name
    }

    fn version(&self) -> String {
        self.version.clone()
    }

    fn time(&mut self, quantity: Quantity, times: u32) -> Result<Option<Duration>, Failure> {
        if let Some(asked) = &self.asked {
            asked.send((quantity, times))?;
        }
        Ok(self.answers.recv()??)
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        self.asked = None;
        if let Some(thread) = self.thread.take() {
            // Whoever panicked has said so.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread::{ThreadId, current};

    use super::*;

    struct Elsewhere(ThreadId);

    impl Subject for Elsewhere {
        fn name(&self) -> &'static str {
            "elsewhere"
        }

        fn version(&self) -> String {
            "elsewhere 1".to_owned()
        }

        fn time(&mut self, _: Quantity, times: u32) -> Result<Option<Duration>, Failure> {
            let is_elsewhere = current().id() != self.0;
            if is_elsewhere {
                Ok(Some(Duration::from_nanos(times.into())))
            } else {
                Err("same thread".into())
            }
        }
    }

    #[test]
    fn an_engine_answers_from_another_thread() {
        let here = current().id();
        let mut apart = Apart::new(move || Ok(Elsewhere(here))).expect("it starts");
        assert_eq!((apart.name(), apart.version().as_str()), ("elsewhere", "elsewhere 1"));
        let time = apart.time(Quantity::Call, 7).expect("it answers");
        assert_eq!(time, Some(Duration::from_nanos(7)));
    }

    #[test]
    fn an_engine_that_cannot_be_made_says_why() {
        let made = Apart::new(|| Err::<Elsewhere, Failure>("no such thing".into()));
        assert_eq!(made.err().map(|error| error.to_string()).as_deref(), Some("no such thing"));
    }
}
