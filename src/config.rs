//! What an embedder decides once for an engine.

use std::path::PathBuf;

use causality_jit::cache::Cache;
use causality_jit::code::Listener;
use causality_jit::{Promotion, Tunables};
use causality_machine::{Hart, Limits};

use crate::Tier;

/// Settings of an [`Engine`](crate::Engine), made by chaining from [`Config::new`], or from [`Config::from_env`].
///
/// | setting | default |
/// |---|---|
/// | [`tier`](Config::tier) | [`Tier::Auto`] |
/// | [`fuel`](Config::fuel) | as good as unlimited: 2^63 - 1 instructions |
/// | [`limits`](Config::limits) | 1 GiB of memory in 4 GiB of addresses, 8 MiB of stack; see [`Limits`] |
/// | [`hot`](Config::hot) | 200 |
/// | [`metering`](Config::metering) | on |
/// | [`speculation_safe`](Config::speculation_safe) | off |
/// | [`code_memory`](Config::code_memory) | 256 MiB |
/// | [`time_slice`](Config::time_slice) | 1,000,000 instructions |
/// | [`pool`](Config::pool) | 64 memories |
/// | [`code_listener`](Config::code_listener) | nobody |
/// | [`cache`](Config::cache) | native code is forgotten at the end |
/// | [`crosscheck`](Config::crosscheck) | off, unless the environment variable `CAUSALITY_CROSSCHECK` is 1, which even [`Config::new`] heeds |
///
/// ```
/// use causality_vm::{Config, Engine};
///
/// let engine = Engine::new(Config::new().fuel(10_000_000).memory(64 << 20).stack(1 << 20));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    tier: Tier,
    fuel: u64,
    limits: Limits,
    code_listener: Option<Listener>,
    cache: Option<Cache>,
    crosscheck: bool,
    tunables: Tunables,
    promotion: Promotion,
    hot: Option<u32>,
    code_memory: usize,
    time_slice: u64,
    pool: usize,
}

impl Default for Config {
    fn default() -> Self {
        let config = Config {
            tier: Tier::default(),
            fuel: Hart::MAX_FUEL,
            limits: Limits::default(),
            code_listener: None,
            cache: None,
            crosscheck: std::env::var_os("CAUSALITY_CROSSCHECK").is_some_and(|value| value == "1"),
            tunables: Tunables::default(),
            promotion: Promotion::default(),
            hot: None,
            code_memory: 256 << 20,
            time_slice: 1_000_000,
            pool: 64,
        };
        config.tier(Tier::default())
    }
}

impl Config {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Config::default()
    }

    /// Sets how code is executed.
    #[must_use]
    pub fn tier(mut self, tier: Tier) -> Self {
        self.tier = tier;
        self.tunables.tier = tier.native();
        self.tunables.promotion = tier.promotes().then_some(self.promotion);
        self
    }

    /// Sets how many instructions an instance may retire before it is
    /// [`OutOfFuel`](crate::Exit::OutOfFuel), unless its [`Options`](crate::Options::fuel) say so. More can be given later.
    ///
    /// ```
    /// use causality_vm::Exit;
    /// # use causality_vm::{Config, Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let engine = Engine::new(Config::new().fuel(100));
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("guest"), ())?;
    /// assert_eq!(guest.run()?, Exit::OutOfFuel);
    /// assert_eq!((guest.retired(), guest.fuel()), (100, 0));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn fuel(self, instructions: u64) -> Self {
        Config { fuel: instructions, ..self }
    }

    /// Has the interpreter run everything beside whatever runs it, and ends a run with
    /// [`ErrorKind::Crosscheck`](crate::ErrorKind::Crosscheck) where they differ. Slow, the more so the more memory is
    /// mapped and the more calls a guest makes.
    ///
    /// ```
    /// use causality_vm::Exit;
    /// # use causality_vm::{Config, Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let engine = Engine::new(Config::new().crosscheck(true));
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("guest"), ())?;
    /// assert_eq!(guest.run()?, Exit::Completed(0), "all instructions did the same twice");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn crosscheck(self, crosscheck: bool) -> Self {
        Config { crosscheck, ..self }
    }

    /// Sets all limits of instances whose [`Options`](crate::Options::limits) say nothing else.
    ///
    /// ```
    /// use causality_vm::{Limits, OnMemoryLimit};
    /// # use causality_vm::{Config, Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let limits = Limits { memory: 64 << 20, on_memory_limit: OnMemoryLimit::Errno, ..Limits::default() };
    /// let engine = Engine::new(Config::new().limits(limits));
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let guest = Linker::new(&engine).instantiate(&module, Options::new().arg("guest"), ())?;
    /// assert_eq!(guest.memory().limits().memory, 64 << 20);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        Config { limits, ..self }
    }

    /// Sets how many bytes all memory of an instance may have.
    ///
    /// ```
    /// use causality_vm::{Cause, Exit};
    /// # use causality_vm::{Config, Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let engine = Engine::new(Config::new().memory(16 << 20).stack(1 << 20));
    /// # let module = Module::from_file(&engine, "testkit/guests/trap_memory_limit.elf")?;
    /// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("guest"), ())?;
    /// // It asks for more and more.
    /// let Exit::Trap(trap) = guest.run()? else { panic!("it has a limit") };
    /// assert_eq!(trap.cause, Cause::MemoryLimit);
    /// assert!(guest.memory().peak() <= 16 << 20);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> Self {
        self.limits.memory = bytes;
        self
    }

    /// Sets how many bytes the stack has.
    ///
    /// ```
    /// use causality_vm::{CallError, Cause, Exit};
    /// # use causality_vm::{Config, Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let engine = Engine::new(Config::new().stack(64 << 10));
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("guest"), ())?;
    /// guest.run()?;
    /// assert_eq!(guest.call::<_, u64>("depth", 100_u64)?, 100);
    /// let Err(CallError::Stopped(Exit::Trap(trap))) = guest.call::<_, u64>("depth", 100_000_u64) else { panic!() };
    /// assert_eq!(trap.cause, Cause::StackOverflow);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn stack(mut self, bytes: u64) -> Self {
        self.limits.stack = bytes;
        self
    }

    /// Sets the size of the guest address space in bytes.
    ///
    /// ```
    /// # use causality_vm::{Config, Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let engine = Engine::new(Config::new().address_space(64 << 20));
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let guest = Linker::new(&engine).instantiate(&module, Options::new().arg("guest"), ())?;
    /// assert!(guest.memory().segments().all(|segment| segment.range.end <= 64 << 20));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn address_space(mut self, bytes: u64) -> Self {
        self.limits.address_space = bytes;
        self
    }

    /// Sets who is told about all native code before it can run: a profiler, for example.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    ///
    /// use causality_vm::codegen::Listener;
    /// # use causality_vm::{Config, Engine, Linker, Module, Options, Tier};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///
    /// let bytes = Arc::new(AtomicUsize::new(0));
    /// let counter = Arc::clone(&bytes);
    /// let listener = Listener::new(move |code| {
    ///     counter.fetch_add(code.bytes.len(), Ordering::Relaxed);
    /// });
    /// let engine = Engine::new(Config::new().tier(Tier::Cranelift).code_listener(listener));
    /// # let module = Module::from_file(&engine, "examples/hello.elf")?;
    /// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("hello"), ())?;
    /// guest.run()?;
    /// assert!(bytes.load(Ordering::Relaxed) > 0);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn code_listener(self, listener: Listener) -> Self {
        Config { code_listener: Some(listener), ..self }
    }

    /// Keeps native code in a directory, for other processes. What cannot be used is ignored with a warning.
    ///
    /// Whoever can write to the directory decides what native code this process runs.
    ///
    /// ```
    /// use causality_vm::{Config, Engine, Linker, Module, Options, Tier};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let folder = tempfile::tempdir()?;
    /// let mut cached = Vec::new();
    /// for _process in 0..2 {
    ///     let engine = Engine::new(Config::new().tier(Tier::Cranelift).cache(folder.path()));
    ///     let module = Module::from_file(&engine, "examples/hello.elf")?;
    ///     let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("hello"), ())?;
    ///     guest.run()?;
    ///     guest.save_cache()?;
    ///     cached.push(guest.report().host.code.cached_regions);
    /// }
    /// assert!(cached[0] == 0 && cached[1] > 0);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn cache(self, directory: impl Into<PathBuf>) -> Self {
        Config { cache: Some(Cache::new(directory)), ..self }
    }

    /// Sets when code by Cranelift takes the place of baseline code in [`Tier::Auto`].
    #[must_use]
    pub fn promotion(mut self, promotion: Promotion) -> Self {
        self.promotion = promotion;
        let tier = self.tier;
        self.tier(tier)
    }

    /// Sets how often the interpreter comes to a place before that gets native code in [`Tier::Auto`]. If nobody says, it
    /// never does first, as translating by the baseline tier takes about as long as decoding for the interpreter; on hosts
    /// without that tier it does 200 times.
    ///
    /// ```
    /// # use causality_vm::{Config, Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let engine = Engine::new(Config::new().hot(1000));
    /// # let module = Module::from_file(&engine, "examples/hello.elf")?;
    /// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("guest"), ())?;
    /// guest.run()?;
    /// assert_eq!(guest.report().host.instructions.native(), 0, "nothing of it is executed so often");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn hot(self, times: u32) -> Self {
        Config { hot: Some(times), ..self }
    }

    /// Sets whether native code is metered. Without, it takes no fuel and does not advance the clock or other
    /// counters: it is a little faster, but an endless loop ends by a pause only, and counts are not reproducible.
    ///
    /// ```
    /// use causality_vm::Tier;
    /// # use causality_vm::{Config, Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let engine = Engine::new(Config::new().tier(Tier::Cranelift).metering(false));
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("guest"), ())?;
    /// guest.run()?;
    /// let retired = guest.retired();
    /// assert_eq!(guest.call::<_, u64>("spin", 1000_u64)?, 332_833_500);
    /// assert!(guest.retired() - retired < 1000, "a thousand rounds have cost nothing");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn metering(mut self, is_on: bool) -> Self {
        self.tunables.fuel = is_on;
        self
    }

    /// Sets whether native code withholds memory outside the guest's also from mispredicted paths (Spectre variant
    /// 1), for embedders with secrets in the same process.
    ///
    /// ```
    /// use causality_vm::Tier;
    /// # use causality_vm::{Config, Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let retired = |config: Config| -> Result<u64, causality_vm::Error> {
    /// # let engine = Engine::new(config);
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("guest"), ())?;
    /// # guest.run()?;
    /// # Ok(guest.retired())
    /// # };
    /// let config = Config::new().tier(Tier::Baseline);
    /// // It takes time, and nothing else.
    /// assert_eq!(retired(config.clone().speculation_safe(true))?, retired(config)?);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn speculation_safe(mut self, is_on: bool) -> Self {
        self.tunables.speculation_safe = is_on;
        self
    }

    /// Sets how many bytes of native code there may be in an engine. When there are more, the code of the program that
    /// ran least recently is dropped, and made again when it is needed; threads that run in it keep it until they
    /// leave it, and so do instances whose functions were called until they are used again. Calls of functions do not count as running when code is dropped. Look-up tables, of four times the size of the text there is code for, come on top.
    ///
    /// ```
    /// # use causality_vm::{Config, Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let engine = Engine::new(Config::new().code_memory(1 << 20));
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("guest"), ())?;
    /// guest.run()?;
    /// assert!(engine.code_bytes() <= 1 << 20);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn code_memory(self, bytes: usize) -> Self {
        Config { code_memory: bytes, ..self }
    }

    /// Sets after how many instructions a guest that is run as a [future](crate::Instance::run_async) lets others have their
    /// turn. At least one.
    ///
    /// ```
    /// use causality_vm::{Config, Engine, Exit, Linker, Module, Options};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let engine = Engine::new(Config::new().time_slice(1000));
    /// let module = Module::from_file(&engine, "testkit/guests/loop_forever.elf")?;
    /// let mut endless = Linker::new(&engine).instantiate(&module, Options::new().fuel(100_000), ())?;
    /// let handle = endless.pause_handle();
    /// // One thread: the second future has its turn because the first gives way.
    /// let (exit, ()) = tokio::join!(endless.run_async(), async move { handle.pause() });
    /// assert!(matches!(exit?, Exit::Paused(_)));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn time_slice(self, instructions: u64) -> Self {
        Config { time_slice: instructions.max(1), ..self }
    }

    pub(crate) fn get_time_slice(&self) -> u64 {
        self.time_slice
    }

    /// Sets how many memories of instances that are gone an engine keeps for new ones, at most. Each takes an
    /// instance's address space and up to 512 KiB of memory, which is made what the program is at its start
    /// before it is kept: what a guest leaves behind is gone. A new instance of the same module finds everything in place. What an idle memory was made
    /// from, a program or a checkpoint, stays with it. With 0, every instance asks the host for memory and gives it back.
    ///
    /// ```
    /// # use causality_vm::{Config, Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let engine = Engine::new(Config::new().pool(0));
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let guest = Linker::new(&engine).instantiate(&module, Options::new().arg("guest"), ())?;
    /// drop(guest);
    /// assert_eq!(engine.pooled(), 0);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn pool(self, memories: usize) -> Self {
        Config { pool: memories, ..self }
    }

    pub(crate) fn get_pool(&self) -> usize {
        self.pool
    }

    pub(crate) fn get_tunables(&self) -> &Tunables {
        &self.tunables
    }

    pub(crate) fn get_hot(&self) -> u32 {
        self.hot.unwrap_or(if self.tier.promotes() { 0 } else { 200 })
    }

    pub(crate) fn get_code_memory(&self) -> usize {
        self.code_memory
    }

    pub(crate) fn get_cache(&self) -> Option<&Cache> {
        self.cache.as_ref()
    }

    pub(crate) fn get_code_listener(&self) -> Option<Listener> {
        self.code_listener.clone()
    }

    pub(crate) fn get_crosscheck(&self) -> bool {
        self.crosscheck
    }

    pub(crate) fn get_tier(&self) -> Tier {
        self.tier
    }

    pub(crate) fn get_fuel(&self) -> u64 {
        self.fuel
    }

    pub(crate) fn get_limits(&self) -> &Limits {
        &self.limits
    }
}
