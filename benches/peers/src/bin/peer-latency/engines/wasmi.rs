//! wasmi, with all its defaults.

use std::hint::black_box;
use std::time::Duration;

use wasmi::{Engine, Linker, Module, Store, TypedFunc};

use crate::subject::{ADDED, FRESH, Failure, Quantity, SUM, Subject, timed, timed_once};

pub(super) const NAME: &str = "wasmi";

pub(super) struct Wasmi {
    engine: Engine,
    linker: Linker<()>,
    wasm: Vec<u8>,
    module: Module,
    live: Live,
}

/// An instance that is there.
struct Live {
    store: Store<()>,
    add: TypedFunc<(u64, u64), u64>,
    ask: TypedFunc<u64, u64>,
}

impl Wasmi {
    pub(super) fn new(wasm: Vec<u8>) -> Result<Self, Failure> {
        let engine = Engine::default();
        let mut linker = Linker::new(&engine);
        linker.func_wrap("host", "next", |value: u64| value + 1)?;
        let module = Module::new(&engine, &wasm)?;
        let mut store = Store::new(&engine, ());
        let instance = linker.instantiate_and_start(&mut store, &module)?;
        let add = instance.get_typed_func(&store, "add")?;
        let ask = instance.get_typed_func(&store, "ask")?;
        Ok(Wasmi { engine, linker, wasm, module, live: Live { store, add, ask } })
    }

    fn cold(&self) -> Result<u64, Failure> {
        let module = Module::new(&self.engine, &self.wasm)?;
        let mut store = Store::new(&self.engine, ());
        let instance = self.linker.instantiate_and_start(&mut store, &module)?;
        let add = instance.get_typed_func::<(u64, u64), u64>(&store, "add")?;
        Ok(add.call(&mut store, ADDED)?)
    }

    fn instance(&self) -> Result<u64, Failure> {
        let mut store = Store::new(&self.engine, ());
        let instance = self.linker.instantiate_and_start(&mut store, &self.module)?;
        let touch = instance.get_typed_func::<(), u64>(&store, "touch")?;
        Ok(touch.call(&mut store, ())?)
    }
}

impl Subject for Wasmi {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> String {
        super::version("wasmi")
    }

    fn time(&mut self, quantity: Quantity, times: u32) -> Result<Option<Duration>, Failure> {
        match quantity {
            Quantity::Cold => timed(times, SUM, || self.cold()),
            Quantity::Instance => timed(times, FRESH, || self.instance()),
            Quantity::Call => {
                let Live { store, add, .. } = &mut self.live;
                timed(times, SUM, || Ok(add.call(&mut *store, black_box(ADDED))?))
            }
            Quantity::HostCall => {
                let Live { store, ask, .. } = &mut self.live;
                timed_once(times, |times| Ok(ask.call(&mut *store, times)?))
            }
        }
    }
}
