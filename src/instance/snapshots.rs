//! What a snapshot is made of, and an instance that is made of a snapshot.

use causality_abi::{HostFunctions, Options};
use causality_machine::VmState;
use causality_machine::memory::{MapError, Segment};

use super::{Instance, pages};
use crate::snapshot::{PageTables, Snapshot, SnapshotError, State};
use crate::{Engine, Error, Module};

impl<T> Instance<T> {
    /// Takes back all fuel that was not used, and returns how much that was. Instructions retired stay.
    ///
    /// ```
    /// use causality_vm::Exit;
    /// # use causality_vm::{Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().fuel(1000), ())?;
    /// guest.run_for(300)?;
    /// assert_eq!(guest.take_fuel(), 700);
    /// assert_eq!(guest.run()?, Exit::OutOfFuel);
    /// assert_eq!(guest.retired(), 300);
    /// # Ok(())
    /// # }
    /// ```
    pub fn take_fuel(&mut self) -> u64 {
        self.hart_mut().take_fuel()
    }

    /// All that a snapshot holds; pages that `base` has are shared with it.
    pub(crate) fn capture(&mut self, base: Option<&PageTables>) -> Result<(State, PageTables), Error> {
        let state = self.machine.state();
        if !matches!(state, VmState::Ready | VmState::Paused) {
            return Err(SnapshotError::State(state).into());
        }
        if self.calls.pending() > 0 {
            return Err(SnapshotError::Called(self.calls.pending()).into());
        }
        let inputs = self.machine.memory.registers().inputs().len();
        if inputs > 0 {
            return Err(SnapshotError::LoadedRegisters(inputs).into());
        }
        let process = self.host.save().map_err(SnapshotError::Save)?;
        self.calls.wake(&mut self.machine.hart);
        let machine = &mut *self.machine;
        let memory = &mut machine.memory;
        let tables = PageTables::of(memory, base)
            .map_err(|error| Error::io("copy guest memory", std::io::Error::other(error)))?;
        Ok((State::of(self.module.id(), &machine.hart, memory, process), tables))
    }

    /// An instance that goes on where a snapshot was made.
    pub(crate) fn resumed(
        engine: &Engine,
        module: &Module,
        options: Options,
        functions: HostFunctions<T>,
        data: T,
        snapshot: &Snapshot,
    ) -> Result<Self, Error> {
        let state = snapshot.state();
        if state.module != module.id() {
            let error = SnapshotError::Module { snapshot: state.module, given: module.id() };
            return Err(error.into());
        }
        state.limits.check_same(options.get_limits().unwrap_or(engine.config().get_limits()))?;
        // Started as it once was, so that native code is laid out as for all others of the program.
        let options = state.process.options(options);
        let mut instance = Instance::new(engine, module, options, functions, data)?;
        instance.become_state(state, snapshot.tables())?;
        Ok(instance)
    }

    fn become_state(&mut self, state: &State, tables: &PageTables) -> Result<(), Error> {
        let segments: Vec<Segment> = state.segments().collect();
        let memory = &mut self.machine.memory;
        pages::restore(memory, &segments, |addr| tables.memory.get(&addr).map(|page| page.bytes()))
            .map_err(refused)?;
        memory.set_code_copies(|addr| tables.code.get(&addr).map(|page| page.bytes()));
        for register in &state.registers {
            let number = register.number;
            if !memory.restore_register(number, &register.slot(), |bytes| tables.fill_window(number, bytes)) {
                return Err(SnapshotError::Register(number).into());
            }
        }
        memory.set_peaks(&state.peaks());
        self.host.restore(&state.process, memory).map_err(SnapshotError::Restore)?;
        *self.machine.hart = state.hart.hart();
        Ok(())
    }
}

/// The host's failures are the host's; everything else is the snapshot's.
fn refused(error: MapError) -> Error {
    match error {
        MapError::Host(error) => Error::io("map guest memory", error),
        other => SnapshotError::Memory(other.to_string()).into(),
    }
}
