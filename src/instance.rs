//! One running guest.

mod asynchronous;
mod call;
mod checkpoint;
mod moment;
pub(crate) mod pages;
mod snapshots;
mod watched;

use std::sync::Arc;
use std::time::{Duration, Instant};

use causality_abi::{Abi, HostFunctions, Options};
use causality_interp::Retired;
use causality_machine::isa::reg::{F, X};
use causality_machine::memory::Frozen;
use causality_machine::{Breakpoints, Exit, Hart, IllegalTransition, Machine, Memory, PauseHandle, VmState};

use tracing::field::Empty;

use crate::call::Calls;
use crate::crosscheck::Crosscheck;
use crate::measured;
use crate::tier::Execution;
use crate::{Backtrace, Engine, Error, HostReport, Module, Report};
pub use checkpoint::Checkpoint;
pub use moment::Moment;
use watched::Watched;

fn no_memory(error: std::io::Error) -> Error {
    Error::io("reserve the guest address space", error)
}

/// A guest with its memory, its registers and the embedder's data `T`.
///
/// [`run`](Instance::run) returns when the guest ends, traps, runs out of fuel or pauses. After the
/// last two, running again goes on exactly where it stopped; between runs everything may be looked at
/// and changed. An instance can be sent to another thread if `T` can; nobody can use it from two at once:
///
/// ```compile_fail,E0499
/// # use causality_vm::Instance;
/// # fn both(guest: &mut Instance<()>) {
/// std::thread::scope(|scope| {
///     scope.spawn(|| guest.run());
///     scope.spawn(|| guest.run());
/// });
/// # }
/// ```
///
/// Bytes of its memory cannot be held while it runs:
///
/// ```compile_fail,E0502
/// # use causality_vm::Instance;
/// # fn hold(guest: &mut Instance<()>) -> Option<u8> {
/// let bytes = guest.memory().slice(0x10000, 16).ok()?;
/// guest.run().ok()?;
/// # return
/// bytes.first().copied()
/// # }
/// ```
#[derive(Debug)]
pub struct Instance<T> {
    engine: Engine,
    module: Module,
    /// As a call has left it, or not.
    machine: Watched<Machine>,
    /// The program as it is loaded.
    origin: Arc<Frozen>,
    host: Abi<T>,
    execution: Execution,
    crosscheck: Option<Crosscheck>,
    /// What it is granted at the start.
    fuel: u64,
    exit: Option<Exit>,
    calls: Calls,
    running_time: Duration,
}

impl<T> Instance<T> {
    pub(crate) fn new(
        engine: &Engine,
        module: &Module,
        options: Options,
        functions: HostFunctions<T>,
        data: T,
    ) -> Result<Self, Error> {
        let config = engine.config();
        let limits = options.get_limits().unwrap_or(config.get_limits());
        let fuel = options.get_fuel().unwrap_or(config.get_fuel());
        let (origin, memory) = module.memory(engine, limits)?;
        let mut instance = Instance {
            engine: engine.clone(),
            module: module.clone(),
            machine: Watched::new(Machine::with_memory(memory).map_err(no_memory)?),
            origin,
            host: Abi::new(options, functions, data),
            execution: Execution::new(engine),
            crosscheck: config.get_crosscheck().then(Crosscheck::default),
            fuel,
            exit: None,
            calls: Calls::default(),
            running_time: Duration::ZERO,
        };
        instance.start()?;
        measured::instantiated();
        Ok(instance)
    }

    fn start(&mut self) -> Result<(), Error> {
        self.host.enter(self.module.image(), &mut self.machine)?;
        self.execution.start(&self.engine, &self.module, &self.origin, &self.machine);
        self.machine.hart.add_fuel(self.fuel);
        Ok(())
    }

    /// Runs, or goes on, until there is a reason to stop.
    ///
    /// ```
    /// use causality_vm::{Cause, Engine, Exit, Linker, Module, Options};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let engine = Engine::default();
    /// let module = Module::from_file(&engine, "examples/crash.elf")?;
    /// let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("crash"), ())?;
    /// let Exit::Trap(trap) = guest.run()? else { panic!("it follows a null pointer") };
    /// assert_eq!(trap.cause, Cause::LoadAccessFault);
    /// assert!(guest.run().is_err(), "it has ended");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the instance has ended, or the host failed; the guest's own failures are an [`Exit`].
    pub fn run(&mut self) -> Result<Exit, Error> {
        self.run_for(u64::MAX)
    }

    /// The same for at most `instructions`; after so many it is [paused](causality_machine::PauseReason::Step).
    ///
    /// ```
    /// use causality_vm::{Engine, Linker, Module, Options};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let linker = Linker::new(&engine);
    /// let mut guest = linker.instantiate(&module, Options::new().arg("calls"), ())?;
    /// use causality_vm::{Exit, PauseReason};
    /// assert_eq!(guest.run_for(100)?, Exit::Paused(PauseReason::Step));
    /// assert_eq!(guest.retired(), 100);
    /// assert_eq!(guest.run()?, Exit::Completed(0));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Instance::run`].
    pub fn run_for(&mut self, instructions: u64) -> Result<Exit, Error> {
        let span = tracing::debug_span!(
            "run",
            module = %self.module.id(),
            exit = Empty,
            instructions = Empty,
            microseconds = Empty
        );
        let _entered = span.enter();
        let (start, retired) = (Instant::now(), self.machine.hart.instret());
        self.calls.wake(&mut self.machine.hart);
        let result = self.go(instructions);
        let time = start.elapsed();
        self.running_time += time;
        let instructions = self.machine.hart.instret().saturating_sub(retired);
        let exit = result.as_ref().ok().copied();
        measured::ran(exit, instructions, time);
        span.record("exit", measured::kind(exit));
        span.record("instructions", instructions).record("microseconds", time.as_micros() as u64);
        let exit = result?;
        self.ended(exit);
        tracing::debug!(?exit, pc = self.machine.hart.pc, retired = self.machine.hart.instret(), "stopped");
        Ok(exit)
    }

    /// Runs, and nothing else.
    fn go(&mut self, instructions: u64) -> Result<Exit, Error> {
        Ok(match &mut self.crosscheck {
            Some(crosscheck) => {
                let mut checked = crosscheck.of(&mut self.execution);
                self.machine.run_for(&mut checked, &mut self.host, instructions)?
            }
            None => self.machine.run_for(&mut self.execution, &mut self.host, instructions)?,
        })
    }

    fn ended(&mut self, exit: Exit) {
        self.exit = Some(exit);
        if matches!(exit, Exit::Completed(_)) {
            self.calls.forget();
            self.machine.forget_calls();
            self.host.forget_waiting(0);
        }
    }

    /// Goes on where it is paused.
    ///
    /// # Errors
    /// If it is not paused, and as [`Instance::run`].
    pub fn resume(&mut self) -> Result<Exit, Error> {
        match self.state() {
            VmState::Paused => self.run(),
            from => Err(IllegalTransition { from, to: VmState::Running }.into()),
        }
    }

    /// Executes one instruction, unless there is a reason to stop before it.
    ///
    /// # Errors
    /// As [`Instance::run`].
    pub fn step(&mut self) -> Result<Exit, Error> {
        self.run_for(1)
    }

    /// Makes an instance that has ended ready to run from the start: memory, registers and fuel as at
    /// first; breakpoints and the embedder's data stay; standard input is not rewound.
    ///
    /// ```
    /// use causality_vm::{Engine, Linker, Module, Options};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let linker = Linker::new(&engine);
    /// let mut guest = linker.instantiate(&module, Options::new().arg("calls"), ())?;
    /// let first = (guest.run()?, guest.retired());
    /// guest.reset()?;
    /// assert_eq!((guest.run()?, guest.retired()), first);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If it has not ended, and as [`Linker::instantiate`](crate::Linker::instantiate).
    pub fn reset(&mut self) -> Result<(), Error> {
        self.machine.reset_to(&self.origin)?;
        self.calls.forget();
        self.exit = None;
        self.start()
    }

    /// Ends a paused instance.
    ///
    /// ```
    /// use causality_vm::VmState;
    /// # use causality_vm::{Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("guest"), ())?;
    /// guest.step()?;
    /// guest.abort()?;
    /// assert_eq!(guest.state(), VmState::Error);
    /// guest.reset()?;
    /// assert_eq!(guest.state(), VmState::Ready);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If it is not paused.
    pub fn abort(&mut self) -> Result<(), Error> {
        Ok(self.machine.abort()?)
    }

    /// Where it is in its life.
    ///
    /// ```
    /// use causality_vm::{Exit, PauseReason, VmState};
    /// # use causality_vm::{Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("guest"), ())?;
    /// assert_eq!((guest.state(), guest.exit()), (VmState::Ready, None));
    /// assert_eq!(guest.step()?, Exit::Paused(PauseReason::Step));
    /// assert_eq!((guest.state(), guest.retired()), (VmState::Paused, 1));
    /// assert_eq!(guest.resume()?, Exit::Completed(0));
    /// assert_eq!((guest.state(), guest.exit()), (VmState::Completed, Some(Exit::Completed(0))));
    /// assert!(guest.resume().is_err(), "it is not paused");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn state(&self) -> VmState {
        self.machine.state()
    }

    /// Why it last stopped.
    #[must_use]
    pub fn exit(&self) -> Option<Exit> {
        self.exit
    }

    /// Instructions that can still be paid.
    ///
    /// ```
    /// # use causality_vm::{Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().fuel(1000), ())?;
    /// guest.run_for(300)?;
    /// assert_eq!((guest.retired(), guest.fuel()), (300, 700));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn fuel(&self) -> u64 {
        self.machine.hart.fuel
    }

    /// Instructions retired since the start: the fuel used.
    #[must_use]
    pub fn retired(&self) -> u64 {
        self.machine.hart.instret()
    }

    /// Pays for `instructions` more.
    ///
    /// ```
    /// use causality_vm::{Engine, Linker, Module, Options};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let linker = Linker::new(&engine);
    /// let mut guest = linker.instantiate(&module, Options::new().arg("calls"), ())?;
    /// use causality_vm::Exit;
    /// let mut poor = linker.instantiate(&module, Options::new().fuel(10), ())?;
    /// assert_eq!(poor.run()?, Exit::OutOfFuel);
    /// poor.add_fuel(1_000_000);
    /// assert_eq!(poor.run()?, Exit::Completed(0));
    /// # guest.run()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn add_fuel(&mut self, instructions: u64) {
        self.hart_mut().add_fuel(instructions);
    }

    /// A handle that pauses it from any thread.
    ///
    /// ```
    /// use causality_vm::{Engine, Linker, Module, Options};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let linker = Linker::new(&engine);
    /// let mut guest = linker.instantiate(&module, Options::new().arg("calls"), ())?;
    /// use causality_vm::{Exit, PauseReason};
    /// let handle = guest.pause_handle();
    /// std::thread::spawn(move || handle.pause()).join().unwrap();
    /// assert_eq!(guest.run()?, Exit::Paused(PauseReason::Requested));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn pause_handle(&self) -> PauseHandle {
        self.machine.pause_handle()
    }

    /// Where it pauses.
    #[must_use]
    pub fn breakpoints(&self) -> &Breakpoints {
        &self.machine.breakpoints
    }

    /// Where it pauses, to change.
    ///
    /// ```
    /// use causality_vm::{Engine, Linker, Module, Options};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let linker = Linker::new(&engine);
    /// let mut guest = linker.instantiate(&module, Options::new().arg("calls"), ())?;
    /// use causality_vm::{Exit, PauseReason};
    /// let main = guest.module().symbols().function("main").expect("it has one");
    /// guest.breakpoints_mut().insert(main);
    /// assert_eq!(guest.run()?, Exit::Paused(PauseReason::Breakpoint));
    /// assert_eq!(guest.pc(), main);
    /// # Ok(())
    /// # }
    /// ```
    pub fn breakpoints_mut(&mut self) -> &mut Breakpoints {
        &mut self.machine.breakpoints
    }

    /// The next run does not pause at a breakpoint before its first instruction, as if it had paused there already.
    ///
    /// ```
    /// use causality_vm::Exit;
    /// # use causality_vm::{Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("guest"), ())?;
    /// // Where it stands, which is where the next run would pause.
    /// let pc = guest.pc();
    /// guest.breakpoints_mut().insert(pc);
    /// guest.pass_breakpoint();
    /// assert_eq!(guest.run()?, Exit::Completed(0));
    /// # Ok(())
    /// # }
    /// ```
    pub fn pass_breakpoint(&mut self) {
        self.calls.wake(&mut self.machine.hart);
        self.machine.pass_breakpoint();
    }

    /// Interprets everything from now on and shows `observer` each instruction that [retires](Retired). Slow.
    ///
    /// ```
    /// use causality_vm::{Engine, Linker, Module, Options};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let linker = Linker::new(&engine);
    /// let mut guest = linker.instantiate(&module, Options::new().arg("calls"), ())?;
    /// use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
    /// let count = Arc::new(AtomicU64::new(0));
    /// let counter = Arc::clone(&count);
    /// guest.observe(move |retired| {
    ///     assert_eq!(retired.before.pc, retired.pc);
    ///     counter.fetch_add(retired.after.instret() - retired.before.instret(), Ordering::Relaxed);
    /// });
    /// guest.run()?;
    /// assert_eq!(count.load(Ordering::Relaxed), guest.retired());
    /// # Ok(())
    /// # }
    /// ```
    pub fn observe(&mut self, observer: impl FnMut(Retired<'_>) + Send + 'static) {
        // A call that takes nothing to have changed would not ask who executes.
        self.machine.touch();
        self.execution.observe(observer);
    }

    /// Nobody is shown anything any more, and the engine's tier runs the guest again.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    ///
    /// # use causality_vm::{Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("guest"), ())?;
    /// let count = Arc::new(AtomicU64::new(0));
    /// let counter = Arc::clone(&count);
    /// guest.observe(move |_| {
    ///     counter.fetch_add(1, Ordering::Relaxed);
    /// });
    /// guest.run_for(10)?;
    /// guest.stop_observing();
    /// guest.run()?;
    /// assert_eq!(count.load(Ordering::Relaxed), 10);
    /// # Ok(())
    /// # }
    /// ```
    pub fn stop_observing(&mut self) {
        self.execution.stop_observing();
    }

    /// All registers.
    ///
    /// ```
    /// use causality_vm::isa::reg::{F, X};
    /// # use causality_vm::{Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("guest"), ())?;
    /// guest.set_x(X::A0, 5);
    /// guest.set_x(X::ZERO, 5);
    /// assert_eq!((guest.x(X::A0), guest.x(X::ZERO)), (5, 0));
    /// guest.set_f(F::FA0, 1.5_f64.to_bits());
    /// assert_eq!(f64::from_bits(guest.f(F::FA0)), 1.5);
    /// guest.set_fcsr(0b001_00000);
    /// assert_eq!(guest.hart().fcsr >> 5, 1, "rounds towards zero");
    ///
    /// let main = module.symbols().function("main").expect("it has one");
    /// guest.set_pc(main);
    /// assert_eq!(guest.pc(), main);
    /// assert_eq!(guest.hart().x[X::A0.index()], 5);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn hart(&self) -> &Hart {
        self.calls.hart(&self.machine.hart)
    }

    fn hart_mut(&mut self) -> &mut Hart {
        self.calls.wake(&mut self.machine.hart);
        &mut self.machine.hart
    }

    /// Address of the next instruction.
    #[must_use]
    pub fn pc(&self) -> u64 {
        self.hart().pc
    }

    /// Goes on at `pc` instead.
    pub fn set_pc(&mut self, pc: u64) {
        self.host.forget_waiting(self.calls.waiting());
        self.hart_mut().pc = pc;
    }

    /// An integer register.
    #[must_use]
    pub fn x(&self, register: X) -> u64 {
        self.hart().x[register.index()]
    }

    /// Changes an integer register; writing to `zero` has no effect.
    pub fn set_x(&mut self, register: X, value: u64) {
        if !register.is_zero() {
            self.hart_mut().x[register.index()] = value;
        }
    }

    /// The bits of a floating-point register.
    #[must_use]
    pub fn f(&self, register: F) -> u64 {
        self.hart().f[register.index()]
    }

    /// Changes the bits of a floating-point register; a narrower value must be NaN-boxed.
    pub fn set_f(&mut self, register: F, bits: u64) {
        self.hart_mut().f[register.index()] = bits;
    }

    /// Changes `fcsr`: flags in bits 4:0, rounding mode in bits 7:5; there are no other bits.
    pub fn set_fcsr(&mut self, value: u32) {
        self.hart_mut().fcsr = value & 0xff;
    }

    /// Guest memory: segments, permissions, and slices of bytes without copying.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        &self.machine.memory
    }

    /// Guest memory, to change.
    ///
    /// ```
    /// use causality_vm::{Engine, Linker, Module, Options};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let linker = Linker::new(&engine);
    /// let mut guest = linker.instantiate(&module, Options::new().arg("calls"), ())?;
    /// let sp = guest.x(causality_vm::isa::reg::X::SP);
    /// guest.memory_mut().store(sp - 16, 7_u64.to_le_bytes())?;
    /// assert_eq!(guest.memory().load(sp - 16)?, 7_u64.to_le_bytes());
    /// let bytes = guest.memory_mut().slice_mut(sp - 64, 64)?;
    /// bytes.fill(1);
    /// assert!(guest.memory().slice(0, 8).is_err(), "what the guest cannot read, nobody reads here");
    /// # Ok(())
    /// # }
    /// ```
    pub fn memory_mut(&mut self) -> &mut Memory {
        &mut self.machine.memory
    }

    /// The embedder's data.
    ///
    /// ```
    /// use causality_vm::isa::reg::X;
    /// # use causality_vm::{Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("guest"), 0_u64)?;
    /// *guest.data_mut() = 7;
    /// let sp = guest.x(X::SP);
    /// let (memory, data) = guest.parts();
    /// memory.store(sp - 8, data.to_le_bytes())?;
    /// *data += 1;
    /// assert_eq!(*guest.data(), 8);
    /// assert_eq!(guest.memory().load(sp - 8)?, 7_u64.to_le_bytes());
    /// assert_eq!(guest.into_data(), 8);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn data(&self) -> &T {
        self.host.data()
    }

    /// The embedder's data, to change.
    pub fn data_mut(&mut self) -> &mut T {
        self.host.data_mut()
    }

    /// Guest memory and the embedder's data at once.
    pub fn parts(&mut self) -> (&mut Memory, &mut T) {
        (&mut self.machine.memory, self.host.data_mut())
    }

    /// Ends the instance and gives the embedder's data back.
    #[must_use]
    pub fn into_data(self) -> T {
        self.host.into_data()
    }

    /// The program it runs.
    #[must_use]
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// Adds the native code made so far to the engine's [`cache`](crate::Config::cache). Without this, it is added
    /// when the instance is dropped.
    ///
    /// # Errors
    /// If the cache cannot be written.
    pub fn save_cache(&self) -> Result<(), Error> {
        self.execution.save().map_err(|error| Error::cache(&self.engine, error))
    }

    /// The functions that are being executed, and who called them, as far as that can be found out.
    ///
    /// Names, lines and the way to callers are what the program says of itself, so they may be wrong if it wants them to
    /// be. It takes the time of a few million instructions for a large program.
    ///
    /// ```
    /// # use causality_vm::{Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "examples/crash.elf")?;
    /// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("guest"), ())?;
    /// guest.run()?;
    /// let backtrace = guest.backtrace();
    /// assert!(backtrace.frames.iter().any(|frame| frame.function.as_deref() == Some("main")));
    /// println!("{backtrace}");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn backtrace(&self) -> Backtrace {
        Backtrace::new(self.module.program(), self.hart(), &self.machine.memory)
    }

    /// What has happened so far.
    ///
    /// ```
    /// use causality_vm::{Engine, Linker, Module, Options};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let linker = Linker::new(&engine);
    /// let mut guest = linker.instantiate(&module, Options::new().arg("calls"), ())?;
    /// guest.run()?;
    /// let report = guest.report();
    /// assert_eq!(report.fuel_used, guest.retired());
    /// println!("{} bytes at most", report.memory.peak);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn report(&self) -> Report {
        Report::new(
            &self.module,
            self.exit,
            self.hart(),
            self.memory(),
            HostReport::new(&self.execution, self.running_time),
            &self.host,
        )
    }
}
