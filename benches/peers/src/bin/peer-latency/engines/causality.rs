//! This engine with all its defaults: exact fuel, `auto`.

use std::hint::black_box;
use std::time::Duration;

use causality_vm::{Caller, Engine, FIRST_HOST_FUNCTION, Instance, Linker, Module, Options, TypedFunction};

use crate::subject::{ADDED, FRESH, Failure, Quantity, SUM, Subject, timed, timed_once};

pub(super) struct Causality {
    engine: Engine,
    linker: Linker<()>,
    elf: Vec<u8>,
    module: Module,
    live: Live,
}

/// An instance that is there.
struct Live {
    instance: Instance<()>,
    add: TypedFunction<(u64, u64), u64>,
    ask: TypedFunction<u64, u64>,
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
        let instance = linker.instantiate(&module, Options::new(), ())?;
        let (add, ask) = (instance.function("add")?, instance.function("ask")?);
        Ok(Causality { engine, linker, elf, module, live: Live { instance, add, ask } })
    }

    fn cold(&self) -> Result<u64, Failure> {
        let module = Module::new(&self.engine, &self.elf)?;
        Ok(self.linker.instantiate(&module, Options::new(), ())?.call("add", ADDED)?)
    }

    fn instance(&self) -> Result<u64, Failure> {
        Ok(self.linker.instantiate(&self.module, Options::new(), ())?.call("touch", ())?)
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
        let Live { instance, add, ask } = &mut self.live;
        match quantity {
            Quantity::Cold => timed(times, SUM, || self.cold()),
            Quantity::Instance => timed(times, FRESH, || self.instance()),
            Quantity::Call => timed(times, SUM, || Ok(add.call(instance, black_box(ADDED))?)),
            Quantity::HostCall => timed_once(times, |times| Ok(ask.call(instance, times)?)),
        }
    }
}
