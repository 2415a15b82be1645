//! Wasmtime, with memory mapped for each instance, and with its pooling allocator.

use std::hint::black_box;
use std::time::Duration;

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, InstancePre, Linker, Module,
    PoolingAllocationConfig, Store, TypedFunc,
};

use crate::subject::{ADDED, FRESH, Failure, Quantity, SUM, Subject, timed, timed_once};

pub(super) const ON_DEMAND: &str = "wasmtime";
/// Bytes of memory, and of tables, that a pooled instance keeps.
const KEPT: usize = 1 << 20;

pub(super) const POOLING: &str = "wasmtime-pooling";

/// How many instances a pool has room for. Each takes 4 GiB of addresses.
const POOL: u32 = 16;

pub(super) struct Wasmtime {
    name: &'static str,
    engine: Engine,
    linker: Linker<()>,
    wasm: Vec<u8>,
    compiled: InstancePre<()>,
    live: Live,
}

/// An instance that is there.
struct Live {
    store: Store<()>,
    add: TypedFunc<(u64, u64), u64>,
    ask: TypedFunc<u64, u64>,
}

impl Wasmtime {
    pub(super) fn on_demand(wasm: Vec<u8>) -> Result<Self, Failure> {
        Wasmtime::new(ON_DEMAND, &Config::new(), wasm)
    }

    pub(super) fn pooling(wasm: Vec<u8>) -> Result<Self, Failure> {
        let mut pool = PoolingAllocationConfig::default();
        pool.total_core_instances(POOL).total_memories(POOL).total_tables(POOL);
        // Pages that are written again need not be given back, as this engine does not give them back either.
        pool.linear_memory_keep_resident(KEPT).table_keep_resident(KEPT).pagemap_scan(Enabled::Auto);
        let mut config = Config::new();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        Wasmtime::new(POOLING, &config, wasm)
    }

    fn new(name: &'static str, config: &Config, wasm: Vec<u8>) -> Result<Self, Failure> {
        let engine = Engine::new(config)?;
        let mut linker = Linker::new(&engine);
        linker.func_wrap("host", "next", |value: u64| value + 1)?;
        let compiled = linker.instantiate_pre(&Module::new(&engine, &wasm)?)?;
        let mut store = Store::new(&engine, ());
        let instance = compiled.instantiate(&mut store)?;
        let add = instance.get_typed_func(&mut store, "add")?;
        let ask = instance.get_typed_func(&mut store, "ask")?;
        Ok(Wasmtime { name, engine, linker, wasm, compiled, live: Live { store, add, ask } })
    }

    fn cold(&self) -> Result<u64, Failure> {
        let module = Module::new(&self.engine, &self.wasm)?;
        let mut store = Store::new(&self.engine, ());
        let instance = self.linker.instantiate(&mut store, &module)?;
        let add = instance.get_typed_func::<(u64, u64), u64>(&mut store, "add")?;
        Ok(add.call(&mut store, ADDED)?)
    }

    fn instance(&self) -> Result<u64, Failure> {
        let mut store = Store::new(&self.engine, ());
        let instance = self.compiled.instantiate(&mut store)?;
        let touch = instance.get_typed_func::<(), u64>(&mut store, "touch")?;
        Ok(touch.call(&mut store, ())?)
    }
}

impl Subject for Wasmtime {
    fn name(&self) -> &'static str {
        self.name
    }

    fn version(&self) -> String {
        super::version("wasmtime")
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
