//! The exit codes of `causality-vm run`. `docs/cli.md` has the same table.

use causality_vm::Cause;

/// A transaction must not take effect, and nothing has happened.
pub(crate) const NOT_COMMITTED: u8 = 123;
/// This command failed, not the guest: wrong usage, no memory, a stream that cannot be written.
pub(crate) const FAILURE: u8 = 125;
/// The program was refused before its first instruction.
pub(crate) const REFUSED: u8 = 126;
/// The program was not found.
pub(crate) const NOT_FOUND: u8 = 127;
/// What is added to the number of a signal.
pub(crate) const SIGNAL: i32 = 128;
/// Ctrl-C: 128 + SIGINT.
pub(crate) const INTERRUPTED: u8 = 130;
/// GDB wanted it so: 128 + SIGKILL.
pub(crate) const KILLED: u8 = 137;
/// Nobody reads the guest's output any more: 128 + SIGPIPE.
pub(crate) const BROKEN_PIPE: u8 = 141;
/// Out of fuel: 128 + SIGXCPU.
pub(crate) const OUT_OF_FUEL: u8 = 152;

/// The table for `--help`.
pub(crate) const TABLE: &str = "\
Exit codes:
  0..255  the program's own
  123     a transaction was refused, or may not take effect; nothing has happened
  125     this command failed: wrong usage, a host error
  126     the program was refused: not a RISC-V executable, malformed, or needing an extension
          this machine does not have
  127     the program was not found
Traps end with 128 + the signal that a Linux process would die of:
  132     illegal instruction (SIGILL)
  133     breakpoint, `ebreak` (SIGTRAP)
  134     a resource register used as it must not be (SIGABRT)
  135     misaligned address (SIGBUS)
  137     memory or segment limit reached (SIGKILL)
  139     access fault, stack overflow (SIGSEGV)
  159     an ecall that nothing answers, or a host function that refused (SIGSYS)
Other ends:
  130     interrupted by Ctrl-C (SIGINT)
  141     nobody reads the program's output any more (SIGPIPE)
  152     out of fuel (SIGXCPU)
A program may end itself with any of these; the report of --report tells them apart.";

/// The exit code of a trap.
pub(crate) fn of_trap(cause: Cause) -> u8 {
    let signal = match cause {
        Cause::IllegalInstruction => 4,
        Cause::Breakpoint => 5,
        Cause::InstructionAddressMisaligned
        | Cause::LoadAddressMisaligned
        | Cause::StoreAddressMisaligned => 7,
        Cause::MemoryLimit | Cause::SegmentLimit => 9,
        Cause::InstructionAccessFault
        | Cause::LoadAccessFault
        | Cause::StoreAccessFault
        | Cause::StackOverflow => 11,
        Cause::EnvironmentCall | Cause::HostFunction => 31,
        // Misuse of resource registers, and causes to come until they have a row in the table.
        _ => 6,
    };
    128 + signal
}
