//! This engine with all its defaults: exact fuel, `auto`. Programs are run from their start to their end, with the words that
//! say what `main` is to do.

use std::time::Duration;

use causality_vm::{Caller, Engine, Exit, FIRST_HOST_FUNCTION, Instance, Linker, Module, Options};

use crate::subject::{FRESH, Failure, Quantity, SUM, Subject, timed, timed_once};

pub(super) struct Causality {
    engine: Engine,
    linker: Linker<()>,
    elf: Vec<u8>,
    module: Module,
}

impl Causality {
    pub(super) fn new(elf: Vec<u8>) -> Result<Self, Failure> {
        let engine = Engine::default();
        let mut linker = Linker::new(&engine);
        let number = linker.function("next", |_: &mut Caller<'_, ()>, value: u64| value + 1)?;
        if number != FIRST_HOST_FUNCTION {
            return Err(format!("`next` has number {number}, which the guest does not know").into());
        }
        let module = Module::new(&engine, &elf)?;
        Ok(Causality { engine, linker, elf, module })
    }

    fn loaded(&self, module: &Module, words: &[&str]) -> Result<Instance<()>, Failure> {
        Ok(self.linker.instantiate(module, Options::new().args(words), ())?)
    }

    fn cold(&self) -> Result<u64, Failure> {
        run(self.loaded(&Module::new(&self.engine, &self.elf)?, &["calls", "add"])?)
    }

    fn instance(&self) -> Result<u64, Failure> {
        run(self.loaded(&self.module, &["calls", "touch"])?)
    }
}

/// What a program ends with.
fn run(mut instance: Instance<()>) -> Result<u64, Failure> {
    match instance.run()? {
        Exit::Completed(code) => Ok(u64::try_from(code)?),
        other => Err(format!("the guest ended by {other:?}").into()),
    }
}

impl Subject for Causality {
    fn name(&self) -> &'static str {
        super::OURS
    }

    fn version(&self) -> String {
        super::version("causality-vm")
    }

    fn time(&mut self, quantity: Quantity, times: u32) -> Result<Option<Duration>, Failure> {
        match quantity {
            Quantity::Cold => timed(times, SUM, || self.cold()),
            Quantity::Instance => timed(times, FRESH, || self.instance()),
            // Instances run programs; their functions cannot be called from outside.
            Quantity::Call => Ok(None),
            Quantity::HostCall => {
                let instance = self.loaded(&self.module, &["calls", "ask", &times.to_string()])?;
                timed_once(times, |times| Ok(if run(instance)? == 0 { times } else { 0 }))
            }
        }
    }
}
