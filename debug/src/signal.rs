//! The signals that stand for what happens to a guest.

use causality_vm::Cause;
use gdbstub::common::Signal;

/// The signal that a Linux process would get. The exit codes of `causality-vm run` say the same.
pub(crate) fn of_trap(cause: Cause) -> Signal {
    match cause {
        Cause::IllegalInstruction => Signal::SIGILL,
        Cause::Breakpoint => Signal::SIGTRAP,
        Cause::InstructionAddressMisaligned
        | Cause::LoadAddressMisaligned
        | Cause::StoreAddressMisaligned => Signal::SIGBUS,
        Cause::MemoryLimit | Cause::SegmentLimit => Signal::SIGKILL,
        Cause::InstructionAccessFault
        | Cause::LoadAccessFault
        | Cause::StoreAccessFault
        | Cause::StackOverflow => Signal::SIGSEGV,
        Cause::EnvironmentCall | Cause::HostFunction => Signal::SIGSYS,
        // Misuse of resource registers, and causes to come until they have a row here.
        _ => Signal::SIGABRT,
    }
}

/// GDB's number for one of Linux; its own numbers are older.
pub(crate) fn of_linux(number: u32) -> Option<Signal> {
    Some(match number {
        1 => Signal::SIGHUP,
        2 => Signal::SIGINT,
        3 => Signal::SIGQUIT,
        4 => Signal::SIGILL,
        5 => Signal::SIGTRAP,
        6 => Signal::SIGABRT,
        7 => Signal::SIGBUS,
        8 => Signal::SIGFPE,
        9 => Signal::SIGKILL,
        10 => Signal::SIGUSR1,
        11 => Signal::SIGSEGV,
        12 => Signal::SIGUSR2,
        13 => Signal::SIGPIPE,
        14 => Signal::SIGALRM,
        15 => Signal::SIGTERM,
        24 => Signal::SIGXCPU,
        25 => Signal::SIGXFSZ,
        31 => Signal::SIGSYS,
        _ => return None,
    })
}
