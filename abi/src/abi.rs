//! The whole: Linux calls, host functions and the embedder's data behind one `Host`.

use std::task::{Context, Poll};

use causality_machine::{Flow, Hart, Host, HostError, Image, Machine, Memory, Otherwise, Tracked};

use crate::host::{self, Caller, FIRST_HOST_FUNCTION, HostFault, HostFunctions, RESOLVE, Waiting};
use crate::linux::{self, Linux};
use crate::{Options, ProcessState, Report, RestoreError, SaveError, StartError};

/// The host of one guest.
///
/// A number that [`HostFunctions`] knows goes there, [`RESOLVE`] finds a host function by name, and
/// everything else is a Linux call. Whatever is left gets `-ENOSYS` and is counted.
#[derive(Debug)]
pub struct Abi<T = ()> {
    linux: Linux,
    functions: HostFunctions<T>,
    data: T,
    waiting: Waiting<T>,
}

/// What [`Abi::copy`] makes.
#[derive(Clone, Debug)]
pub struct AbiCopy<T> {
    linux: Linux,
    data: T,
}

impl<T> Abi<T> {
    /// A host with these options, functions and the embedder's own data, which host functions can
    /// reach.
    #[must_use]
    pub fn new(options: Options, functions: HostFunctions<T>, data: T) -> Self {
        Abi { linux: Linux::new(options), functions, data, waiting: Waiting::default() }
    }

    /// Loads the image into the machine's empty memory and makes everything as Linux leaves it when a
    /// program starts: stack, arguments, registers. What an earlier run left behind is forgotten,
    /// except what it consumed of standard input, so that a machine can be reset and started again.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn start(&mut self, image: &Image, machine: &mut Machine) -> Result<(), StartError> {
        image.load(&mut machine.hart, &mut machine.memory)?;
        self.enter(image, machine)
    }

    /// Loads the image into empty memory and maps the stack: what is the same whenever the image is started.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn lay_out(image: &Image, memory: &mut Memory) -> Result<(), StartError> {
        image.load(&mut Hart::new(image.entry), memory)?;
        linux::lay_out(memory)
    }

    /// As [`Abi::start`], for a machine whose memory already holds the image, or is [laid out](Abi::lay_out).
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn enter(&mut self, image: &Image, machine: &mut Machine) -> Result<(), StartError> {
        self.waiting = Waiting::default();
        self.linux.start(image, machine)
    }

    /// Keeps what streams, files and directories answer from now on, so that the process can be put back to an earlier
    /// moment and hears the same again: nothing is read, written or changed twice.
    pub fn keep_answers(&mut self) {
        self.linux.outside_mut().keep();
    }

    /// A copy of the process, and of the embedder's data, to be [put back](Abi::put_back) later.
    #[must_use]
    pub fn copy(&self) -> AbiCopy<T>
    where
        T: Clone,
    {
        AbiCopy { linux: self.linux.clone(), data: self.data.clone() }
    }

    /// A host for a copy of the guest that goes on by itself from here. It shares with this one what processes that are
    /// forked do, the streams and files of the world outside; descriptors and offsets are its own, and so are answers that are
    /// kept.
    #[must_use]
    pub fn fork(&self) -> Self
    where
        T: Clone,
    {
        let mut linux = self.linux.clone();
        linux.outside_mut().part();
        Abi { linux, functions: self.functions.clone(), data: self.data.clone(), waiting: Waiting::default() }
    }

    /// Makes the process and the embedder's data what they were when `copy` was made. The copy must be of this process,
    /// made since answers are kept.
    pub fn put_back(&mut self, copy: &AbiCopy<T>)
    where
        T: Clone,
    {
        self.linux.clone_from(&copy.linux);
        self.data.clone_from(&copy.data);
    }

    /// The next [`Abi::enter`] begins a run that hears from the first answer on again.
    pub fn hear_again(&mut self) {
        self.linux.outside_mut().go_to(0);
    }

    /// Forgets the answers that the process has not heard again yet: from here on the world is asked.
    pub fn forget_later(&mut self) {
        self.linux.outside_mut().forget_later();
    }

    /// Forgets the answers from before `copy`; what was copied earlier must not be put back any more.
    pub fn forget_before(&mut self, copy: &AbiCopy<T>) {
        let place = copy.linux.outside().place();
        self.linux.outside_mut().forget_before(place);
    }

    /// Bytes of host memory that kept answers take.
    #[must_use]
    pub fn kept_bytes(&self) -> u64 {
        self.linux.outside().bytes()
    }

    /// The process in a form that can be encoded, without the embedder's data.
    ///
    /// # Errors
    /// [`SaveError`].
    pub fn save(&self) -> Result<ProcessState, SaveError> {
        let functions = self.functions.iter().map(|(number, name)| (number, name.to_owned()));
        self.linux.save(functions.collect())
    }

    /// Makes the process one that was saved; this one has been started in `memory`, with
    /// [its options](ProcessState::options). Every host function that it had must be there, under its number and name;
    /// there may be more.
    ///
    /// # Errors
    /// [`RestoreError`].
    pub fn restore(&mut self, saved: &ProcessState, memory: &Memory) -> Result<(), RestoreError> {
        let missing = saved.functions().find(|&(number, name)| self.functions.name_of(number) != Some(name));
        if let Some((number, name)) = missing {
            return Err(RestoreError::Function { number, name: name.to_owned() });
        }
        self.linux.restore(saved, memory)
    }

    /// How many calls of asynchronous host functions have not ended.
    #[inline]
    #[must_use]
    pub fn waiting(&mut self) -> usize {
        self.waiting.len()
    }

    /// The first `before` of them belong to what was going on before the embedder called the function that is running now.
    #[inline]
    pub fn set_waiting_before(&mut self, before: usize) {
        self.waiting.set_before(before);
    }

    /// How many were [there before](Abi::set_waiting_before).
    #[must_use]
    pub fn waiting_before(&self) -> usize {
        self.waiting.before()
    }

    /// Forgets all of them but the first `len`: their futures are dropped, and what the guest calls again is begun anew.
    pub fn forget_waiting(&mut self, len: usize) {
        self.waiting.truncate(len);
    }

    /// Whether the guest, which is paused, waits for an asynchronous host function.
    #[must_use]
    pub fn waits(&mut self, hart: &Hart) -> bool {
        self.waiting.is_pending_at(hart)
    }

    /// Goes on with the one that it waits for. When that has ended, the guest may run on.
    pub fn poll_waiting(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.waiting.poll(context)
    }

    /// What the guest asked of its host so far.
    #[must_use]
    pub fn report(&self) -> Report {
        self.linux.report()
    }

    /// The host functions.
    #[must_use]
    pub fn functions(&self) -> &HostFunctions<T> {
        &self.functions
    }

    /// The embedder's data.
    #[must_use]
    pub fn data(&self) -> &T {
        &self.data
    }

    /// The embedder's data, to change.
    pub fn data_mut(&mut self) -> &mut T {
        &mut self.data
    }

    /// Gives the embedder's data back.
    #[must_use]
    pub fn into_data(self) -> T {
        self.data
    }
}

impl<T> Abi<T> {
    /// Answers what is no call of one of the first host functions.
    #[inline(never)]
    fn answer_other(&mut self, hart: &mut Hart, memory: &mut Tracked<Memory>) -> Option<Otherwise> {
        let number = hart.x[17];
        if let Some(function) = self.functions.get(number) {
            let mut caller = Caller::new(hart, memory, &mut self.data, &mut self.waiting);
            if let Err(fault) = function(&mut caller) {
                let charged = caller.charged();
                return self.failed(*fault, number, hart, charged);
            }
            self.linux.count(number);
            return None;
        }
        if number == RESOLVE {
            self.linux.count(number);
            hart.x[10] = host::resolve(&self.functions, memory, hart.x[10]);
            return None;
        }
        Otherwise::of(self.linux.ecall(hart, memory))
    }

    /// The host function with this number was called and has failed, after it has charged so much.
    #[cold]
    fn failed(&mut self, fault: HostFault, number: u64, hart: &mut Hart, charged: u64) -> Option<Otherwise> {
        // One that pauses has not happened, and will be made again.
        if !matches!(fault, HostFault::Pause) {
            self.linux.count(number);
        }
        Otherwise::of(host::failed(fault, hart, charged))
    }
}

impl<T> Host for Abi<T> {
    fn ecall(&mut self, hart: &mut Hart, memory: &mut Tracked<Memory>) -> Result<Flow, HostError> {
        Otherwise::came(self.answer(hart, memory))
    }

    #[inline(always)]
    fn answer(&mut self, hart: &mut Hart, memory: &mut Tracked<Memory>) -> Option<Otherwise> {
        let Some((index, function)) = self.functions.first(hart.x[17]) else {
            return self.answer_other(hart, memory);
        };
        let mut caller = Caller::new(hart, memory, &mut self.data, &mut self.waiting);
        if let Err(fault) = function(&mut caller) {
            let charged = caller.charged();
            return self.failed(*fault, FIRST_HOST_FUNCTION + index as u64, hart, charged);
        }
        self.linux.count_first(index);
        None
    }
}
