//! Two executors in lockstep: what runs, and the interpreter on a copy of the machine.
//!
//! Both run the same stretch of instructions, up to the next `ecall` or a limit, and must then be in the same state.
//! Calls are made once, on the first machine, and what they changed is copied to the second: all memory is compared
//! before a call, and differs after it by what the call did. Between runs an embedder may change anything, so each
//! run begins with a copy. That makes calls as slow as memory is large; it is for finding mistakes.
//!
//! Not covered: bytes that the guest may not read, and what fetches see of writable code that was not fenced when a
//! run began.

use std::fmt;

use causality_interp::Interpreter;
use causality_machine::memory::{PAGE_SIZE, Perms, Segment};
use causality_machine::{
    Executor, Exit, Flow, Hart, Host, HostError, Limits, Machine, Memory, PauseReason, Tracked,
};

/// The most instructions between two comparisons of the hart.
const STRETCH: u64 = 100_000;

/// What one of two executors came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedState {
    /// Why it stopped.
    pub exit: Exit,
    /// Its hart.
    pub hart: Hart,
}

/// Two executors that should do the same did not.
#[derive(Clone, Debug)]
pub struct Divergence {
    /// Instructions retired when they last agreed.
    pub since: u64,
    /// Where they were then.
    pub pc: u64,
    /// The one that was to run.
    pub first: CheckedState,
    /// The interpreter.
    pub second: CheckedState,
    /// The first address at which memory differs, if it does; that of the first window if resource registers do.
    pub address: Option<u64>,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "executors differ behind instruction {} at {:#x}", self.since, self.pc)?;
        let (a, b) = (&self.first, &self.second);
        let mut line = |name: &str, a: String, b: String| {
            if a == b { Ok(()) } else { writeln!(f, "  {name}: {a}, interpreted {b}") }
        };
        line("exit", format!("{:?}", a.exit), format!("{:?}", b.exit))?;
        let (a, b) = (&a.hart, &b.hart);
        line("pc", format!("{:#x}", a.pc), format!("{:#x}", b.pc))?;
        line("fuel", a.fuel.to_string(), b.fuel.to_string())?;
        line("fcsr", format!("{:#x}", a.fcsr), format!("{:#x}", b.fcsr))?;
        line("reservation", format!("{:x?}", a.reservation), format!("{:x?}", b.reservation))?;
        for i in 0..32 {
            line(&format!("x{i}"), format!("{:#x}", a.x[i]), format!("{:#x}", b.x[i]))?;
            line(&format!("f{i}"), format!("{:#x}", a.f[i]), format!("{:#x}", b.f[i]))?;
        }
        match self.address {
            Some(address) => writeln!(f, "  memory at {address:#x}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Divergence {}

/// The second machine and its executor.
#[derive(Debug, Default)]
pub(crate) struct Crosscheck {
    twin: Option<Machine>,
    interpreter: Interpreter,
}

impl Crosscheck {
    /// An executor that is `first`, checked.
    pub(crate) fn of<'a>(&'a mut self, first: &'a mut dyn Executor) -> Checked<'a> {
        Checked { first, crosscheck: self }
    }

    /// Makes the second machine a copy of `machine`.
    fn follow(&mut self, machine: &Machine) -> Result<(), HostError> {
        let twin = match self.twin.take() {
            Some(twin) if has_as_little(&twin.memory, &machine.memory) => twin,
            _ => empty_copy(&machine.memory)?,
        };
        let twin = self.twin.insert(twin);
        twin.hart.clone_from(&machine.hart);
        twin.memory.copy_registers(&machine.memory)?;
        let segments: Vec<Segment> = readable(&machine.memory).cloned().collect();
        for segment in segments {
            for page in segment.range.clone().step_by(PAGE_SIZE as usize) {
                let bytes = machine.memory.slice(page, PAGE_SIZE)?;
                if twin.memory.slice(page, PAGE_SIZE)? != bytes {
                    copy_page(&mut twin.memory, page, bytes, segment.perms)?;
                }
            }
        }
        Ok(())
    }
}

/// Whether a memory can become a copy of another by what is written to it: windows only ever grow until a reset.
fn has_as_little(memory: &Memory, than: &Memory) -> bool {
    let mut windows = memory.registers().slots().iter().zip(than.registers().slots());
    memory.segments().eq(than.segments()) && windows.all(|(one, other)| one.extent <= other.extent)
}

fn readable(memory: &Memory) -> impl Iterator<Item = &Segment> {
    memory.segments().filter(|segment| segment.perms.is_readable())
}

/// A machine in which the same is mapped, all zero.
fn empty_copy(memory: &Memory) -> Result<Machine, HostError> {
    let limits = Limits { segments: usize::MAX, ..memory.limits().clone() };
    let mut machine = Machine::new(limits)?;
    for segment in memory.segments() {
        machine.memory.map(segment.range.clone(), segment.perms, segment.kind, &segment.name)?;
    }
    Ok(machine)
}

fn copy_page(memory: &mut Memory, page: u64, bytes: &[u8], perms: Perms) -> Result<(), HostError> {
    let range = page..page + PAGE_SIZE;
    if !perms.is_writable() {
        memory.protect(range.clone(), Perms::RW)?;
    }
    memory.slice_mut(page, PAGE_SIZE)?.copy_from_slice(bytes);
    if !perms.is_writable() {
        memory.protect(range, perms)?;
    }
    if perms.is_executable() {
        memory.sync_code();
    }
    Ok(())
}

/// Stops before any call.
struct Stop;

impl Host for Stop {
    fn ecall(&mut self, _: &mut Hart, _: &mut Tracked<Memory>) -> Result<Flow, HostError> {
        Ok(Flow::Pause)
    }
}

/// An executor that is checked.
pub(crate) struct Checked<'a> {
    first: &'a mut dyn Executor,
    crosscheck: &'a mut Crosscheck,
}

impl Executor for Checked<'_> {
    fn execute(&mut self, machine: &mut Machine, host: &mut dyn Host, max: u64) -> Result<Exit, HostError> {
        let mut left = max;
        self.crosscheck.follow(machine)?;
        loop {
            let before = machine.hart.clone();
            let mut exit = self.first.execute(machine, &mut Stop, left.min(STRETCH))?;
            let retired = before.fuel - machine.hart.fuel;
            left -= retired;
            self.compare_harts(machine, exit, retired, &before)?;
            if exit == Exit::Paused(PauseReason::Step) && left > 0 {
                continue;
            }
            self.compare_memory(machine, exit, &before)?;
            if exit != Exit::Paused(PauseReason::Host) {
                return Ok(exit);
            }
            // The call itself.
            let result = self.first.execute(machine, host, 1);
            self.crosscheck.follow(machine)?;
            exit = result?;
            if exit != Exit::Paused(PauseReason::Step) {
                return Ok(exit);
            }
            left -= 1;
        }
    }
}

impl Checked<'_> {
    /// Runs the interpreter for as many instructions as the first executor has, and compares.
    fn compare_harts(
        &mut self,
        machine: &Machine,
        exit: Exit,
        retired: u64,
        before: &Hart,
    ) -> Result<(), HostError> {
        let Some(twin) = &mut self.crosscheck.twin else { return Ok(()) };
        // One more may be tried, but not retire.
        let tries = matches!(exit, Exit::Trap(_) | Exit::Paused(PauseReason::Host));
        let max = retired + u64::from(tries);
        let second = self.crosscheck.interpreter.execute(twin, &mut Stop, max)?;
        let expected = match exit {
            // The second machine has neither breakpoints nor anyone who pauses it.
            Exit::Paused(PauseReason::Breakpoint | PauseReason::Requested) if twin.hart.fuel == 0 => second,
            Exit::Paused(PauseReason::Breakpoint | PauseReason::Requested) => Exit::Paused(PauseReason::Step),
            _ => exit,
        };
        if second == expected && twin.hart == machine.hart {
            return Ok(());
        }
        Err(divergence(before, (exit, &*machine.hart), (second, &*twin.hart), None))
    }

    fn compare_memory(&mut self, machine: &Machine, exit: Exit, before: &Hart) -> Result<(), HostError> {
        let Some(twin) = &self.crosscheck.twin else { return Ok(()) };
        for segment in readable(&machine.memory) {
            let (start, size) = (segment.range.start, segment.size());
            let (a, b) = (machine.memory.slice(start, size)?, twin.memory.slice(start, size)?);
            if a != b {
                let at = a.iter().zip(b).position(|(a, b)| a != b).unwrap_or(0) as u64;
                let (first, second) = ((exit, &*machine.hart), (exit, &*twin.hart));
                return Err(divergence(before, first, second, Some(start + at)));
            }
        }
        if !machine.memory.has_registers_of(&twin.memory, machine.hart.instret()) {
            let windows = machine.memory.registers().windows().start;
            let (first, second) = ((exit, &*machine.hart), (exit, &*twin.hart));
            return Err(divergence(before, first, second, Some(windows)));
        }
        Ok(())
    }
}

fn divergence(
    before: &Hart,
    (first, first_hart): (Exit, &Hart),
    (second, second_hart): (Exit, &Hart),
    address: Option<u64>,
) -> HostError {
    Box::new(Divergence {
        since: before.instret(),
        pc: before.pc,
        first: CheckedState { exit: first, hart: first_hart.clone() },
        second: CheckedState { exit: second, hart: second_hart.clone() },
        address,
    })
}

#[cfg(test)]
mod tests {
    use causality_machine::memory::SegmentKind;

    use super::*;

    const CODE: u64 = 0x1_0000;

    /// `addi a0, a0, 1; sd a0, 0(sp); j .-8`
    fn machine() -> Machine {
        let mut machine = Machine::new(Limits { address_space: 1 << 30, ..Limits::default() }).unwrap();
        let (text, data) = (CODE..CODE + PAGE_SIZE, CODE + PAGE_SIZE..CODE + 2 * PAGE_SIZE);
        machine.memory.map(text.clone(), Perms::RW, SegmentKind::Text, "text").unwrap();
        machine.memory.map(data.clone(), Perms::RW, SegmentKind::Data, "data").unwrap();
        let words = [0x0015_0513_u32, 0x00a1_3023, 0xff9f_f06f];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        machine.memory.slice_mut(CODE, 12).unwrap().copy_from_slice(&bytes);
        machine.memory.protect(text, Perms::RX).unwrap();
        machine.hart.pc = CODE;
        machine.hart.x[2] = data.start;
        machine.hart.add_fuel(1_000_000);
        machine
    }

    /// An interpreter that makes a mistake when half a million instructions are left.
    struct Mistaken(fn(&mut Machine));

    impl Executor for Mistaken {
        fn execute(
            &mut self,
            machine: &mut Machine,
            host: &mut dyn Host,
            max: u64,
        ) -> Result<Exit, HostError> {
            let exit = Interpreter::new().execute(machine, host, max);
            if machine.hart.fuel == 500_000 {
                (self.0)(machine);
            }
            exit
        }
    }

    fn run(first: &mut dyn Executor) -> Result<Exit, HostError> {
        Crosscheck::default().of(first).execute(&mut machine(), &mut (), u64::MAX)
    }

    #[test]
    fn executors_that_agree_run_to_the_end() {
        assert_eq!(run(&mut Interpreter::new()).unwrap(), Exit::OutOfFuel);
        assert_eq!(run(&mut crate::Native::default()).unwrap(), Exit::OutOfFuel);
    }

    #[test]
    fn a_wrong_register_is_found_in_the_stretch_where_it_became_wrong() {
        let error = run(&mut Mistaken(|machine| machine.hart.x[7] ^= 1)).unwrap_err();
        let divergence = error.downcast::<Divergence>().expect("a divergence");
        assert_eq!(divergence.since, 400_000);
        assert_eq!((divergence.first.hart.x[7], divergence.second.hart.x[7]), (1, 0));
        assert!(divergence.to_string().contains("x7: 0x1, interpreted 0x0"), "{divergence}");
    }

    #[test]
    fn resource_registers_that_are_gone_since_the_last_run_make_no_difference() {
        let (mut crosscheck, mut earlier) = (Crosscheck::default(), machine());
        earlier.memory.create_register(3, 5000).unwrap();
        for mut machine in [earlier, machine()] {
            let mut interpreter = Interpreter::new();
            let exit = crosscheck.of(&mut interpreter).execute(&mut machine, &mut (), u64::MAX);
            assert_eq!(exit.unwrap(), Exit::OutOfFuel);
        }
    }

    #[test]
    fn a_wrong_byte_is_found_at_the_end() {
        let at = CODE + PAGE_SIZE + 100;
        let mistake = |machine: &mut Machine| machine.memory.store(CODE + PAGE_SIZE + 100, [1]).unwrap();
        let error = run(&mut Mistaken(mistake)).unwrap_err();
        assert_eq!(error.downcast::<Divergence>().expect("a divergence").address, Some(at));
    }
}
