//! causality-vm: an embeddable engine for RISC-V programs that nobody has to trust.
//!
//! A guest is a statically linked RV64GC program, as any C, C++, Rust or Zig compiler makes it. It runs
//! in memory of its own, is metered exactly, and behaves the same on every host: same program, same
//! input, same seed, same result, to the last register. Whatever it does comes back as a value, an
//! [`Exit`]; an [`Error`] means that the host could not do its part.
//!
//! ```
//! use causality_vm::{Caller, Capture, Engine, Exit, Linker, Module, Options};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let elf = std::fs::read("examples/hello.elf")?;
//! let engine = Engine::default();
//! let module = Module::new(&engine, &elf)?;
//! let mut linker = Linker::new(&engine);
//! linker.function("double", |_: &mut Caller<'_, ()>, value: u64| value * 2)?;
//!
//! let stdout = Capture::new(4096);
//! let options = Options::new().args(["hello", "reader"]).stdout(stdout.clone());
//! let mut instance = linker.instantiate(&module, options, ())?;
//! assert_eq!(instance.run()?, Exit::Completed(0));
//! assert!(stdout.text().starts_with("Hello, reader!"));
//! # Ok(())
//! # }
//! ```
//!
//! - [`Engine`] holds a [`Config`]: limits, fuel, and how code is executed.
//! - [`Module`] is a program that has been read and checked; share it freely.
//! - [`Linker`] holds what guests may call, and makes instances.
//! - [`Instance`] is one running guest: run it, stop it, look at it, change it, and go on.

#![forbid(unsafe_code)]

mod ahead;
mod backtrace;
pub mod batch;
mod call;
pub mod codegen;
mod config;
mod crosscheck;
pub mod elf;
mod engine;
mod environment;
mod error;
mod executable;
mod hashing;
mod instance;
mod linker;
mod measured;
mod module;
mod native;
#[cfg(doctest)]
mod refused;
mod report;
pub mod snapshot;
mod start;
mod task;
mod tier;
pub mod transaction;

pub use causality_abi::{
    Abi, Access, CallArguments, CallRegisters, CallResult, Caller, Capture, FIRST_HOST_FUNCTION, HostFault,
    IntoAsyncHostFunction, IntoHostFunction, Options, Parameter, Ptr, RegisterError, Returns, syscall_name,
};
pub use causality_interp::Retired;
pub use causality_jit::Promotion;
pub use causality_jit::ahead::AheadStatistics;
pub use causality_machine::registers;
pub use causality_machine::{
    Breakpoints, Cause, Exit, Fault, Hart, IllegalTransition, InvalidLimits, Limits, Memory, OnMemoryLimit,
    PauseHandle, PauseReason, RETURN_GATE, Trap, VmState, isa, memory,
};
pub use causality_resource as resource;
pub use causality_store as store;
pub use causality_store::{ContentId, ObjectKind};
pub use causality_zk as zk;

pub use backtrace::{Backtrace, Frame};
pub use call::{CallError, TypedFunction};
pub use causality_machine::memory::FreezeError;
pub use config::Config;
pub use crosscheck::{CheckedState, Divergence};
pub use engine::Engine;
pub use environment::EnvironmentError;
pub use error::{Error, ErrorKind};
pub use executable::Executable;
pub use hashing::REQUEST_HASH;
pub use instance::{Checkpoint, Instance, Moment};
pub use linker::Linker;
pub use module::Module;
pub use native::{Hot, Native};
pub use report::{
    CallReport, CodeReport, CompileReport, ExitReport, HostReport, InstructionReport, MemoryReport,
    PromotionReport, Report, SegmentReport, SignalReport, TranslationReport,
};
pub use task::Task;
pub use tier::Tier;
