//! `causality-vm debug`.

use std::net::TcpListener;
use std::path::Path;

use causality_debug::Ended;
use causality_vm::{Engine, Linker, Module};

use crate::args::DebugArgs;
use crate::exit_code;
use crate::failure::{Failure, read_program};
use crate::run::{config, finish, options};
use crate::streams::Output;

/// Has GDB run a program, and gives the exit code.
pub(crate) fn debug(args: &DebugArgs) -> Result<u8, Failure> {
    let path = Path::new(&args.guest.program[0]);
    let elf = read_program(path)?;
    let engine = Engine::new(config(&args.guest.engine));
    let of_program = |error| Failure::of_program(path, error);
    let module = Module::new(&engine, &elf).map_err(of_program)?;
    let output = Output::new();
    let options = options(&args.guest, &output)?;
    let instance = Linker::new(&engine).instantiate(&module, options, ()).map_err(of_program)?;
    let listener = TcpListener::bind(args.gdb)
        .map_err(|error| Failure::new(format!("cannot listen at {}: {error}", args.gdb)))?;
    let address = listener.local_addr().map_err(Failure::new)?;
    eprintln!("causality-vm: waiting for GDB: target remote {address}");
    let (connection, _) = listener.accept().map_err(Failure::new)?;
    // There is one guest: nobody else can connect.
    drop(listener);
    let (mut instance, ended) =
        causality_debug::debug(instance, path, elf.as_slice(), connection).map_err(Failure::new)?;
    match ended {
        Ended::Killed => {
            eprintln!("causality-vm: killed by GDB");
            Ok(exit_code::KILLED)
        }
        Ended::Guest => match instance.exit() {
            Some(exit) => finish(Ok(exit), &instance, &elf, &output),
            None => Err(Failure::new("the guest has ended, and nobody knows how")),
        },
        Ended::Detached => {
            output.stop_when_broken(instance.pause_handle());
            crate::run::stop_on_ctrl_c(instance.pause_handle())?;
            instance.revive();
            let result = instance.run();
            finish(result, &instance, &elf, &output)
        }
    }
}
