//! PolkaVM's recompiler in the sandbox of its own choice, which on Linux is a worker process, without gas. The engine keeps
//! workers, so a new instance does not wait for a process to start.

use std::hint::black_box;
use std::time::Duration;

use polkavm::{
    ArcBytes, BackendKind, CallError, Config, Engine, Instance, InstancePre, Linker, Module, ModuleConfig,
    ProgramBlob, ProgramCounter,
};

use crate::subject::{ADDED, FRESH, Failure, Quantity, SUM, Subject, timed, timed_once};

pub(super) const NAME: &str = "polkavm";

pub(super) struct PolkaVm {
    engine: Engine,
    linker: Linker,
    blob: ArcBytes,
    compiled: InstancePre,
    touch: ProgramCounter,
    live: Live,
}

/// An instance that is there.
struct Live {
    instance: Instance,
    add: ProgramCounter,
    ask: ProgramCounter,
}

impl PolkaVm {
    pub(super) fn new(blob: Vec<u8>) -> Result<Self, Failure> {
        let blob: ArcBytes = blob.into();
        let engine = Engine::new(Config::new().set_backend(Some(BackendKind::Compiler)))?;
        let mut linker = Linker::new();
        linker.define_typed("next", |value: u64| value + 1)?;
        let module = module(&engine, &blob)?;
        let compiled = linker.instantiate_pre(&module)?;
        let instance = compiled.instantiate()?;
        let [add, ask, touch] = ["add", "ask", "touch"].map(|name| export(&module, name));
        let live = Live { instance, add: add?, ask: ask? };
        Ok(PolkaVm { engine, linker, blob, compiled, touch: touch?, live })
    }

    fn cold(&self) -> Result<u64, Failure> {
        let module = module(&self.engine, &self.blob)?;
        let mut instance = self.linker.instantiate_pre(&module)?.instantiate()?;
        instance.call_typed_and_get_result(&mut (), "add", ADDED).map_err(why)
    }

    fn instance(&self) -> Result<u64, Failure> {
        self.compiled.instantiate()?.call_typed_and_get_result(&mut (), self.touch, ()).map_err(why)
    }
}

fn module(engine: &Engine, blob: &ArcBytes) -> Result<Module, Failure> {
    Ok(Module::from_blob(engine, &ModuleConfig::new(), ProgramBlob::parse(blob.clone())?)?)
}

fn export(module: &Module, name: &str) -> Result<ProgramCounter, Failure> {
    let found = module.exports().find(|export| export.symbol().as_bytes() == name.as_bytes());
    found.map(|export| export.program_counter()).ok_or_else(|| format!("no export `{name}`").into())
}

/// Its errors of calls have no text of their own.
fn why(error: CallError) -> Failure {
    match error {
        CallError::Error(error) => error.to_string().into(),
        other => format!("{other:?}").into(),
    }
}

impl Subject for PolkaVm {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> String {
        super::version("polkavm")
    }

    fn time(&mut self, quantity: Quantity, times: u32) -> Result<Option<Duration>, Failure> {
        let Live { instance, add, ask } = &mut self.live;
        match quantity {
            Quantity::Cold => timed(times, SUM, || self.cold()),
            Quantity::Instance => timed(times, FRESH, || self.instance()),
            Quantity::Call => timed(times, SUM, || {
                instance.call_typed_and_get_result(&mut (), *add, black_box(ADDED)).map_err(why)
            }),
            Quantity::HostCall => timed_once(times, |times| {
                instance.call_typed_and_get_result(&mut (), *ask, (times,)).map_err(why)
            }),
        }
    }
}
