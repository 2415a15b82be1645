//! Which functions were being executed, and who called them.
//!
//! Callers are found by the unwind tables of the program, those for debuggers (`.debug_frame`) and those for exceptions
//! (`.eh_frame`), or else by convention. Names and lines come from its debug information, or else from its symbols. All
//! of that is the guest's own, and so is the stack: a backtrace is a good guess that ends after so many frames and so
//! much work, whatever it finds.

mod budget;
mod frame;
#[cfg(test)]
mod tests;
mod unwind;

use std::fmt;

use addr2line::Context;
use causality_machine::{Hart, Memory};
use gimli::{Dwarf, SectionId};
use serde::Serialize;

use crate::elf::Program;
use budget::{Budget, Metered};
pub use frame::Frame;
use unwind::{Registers, Unwinder};

/// The most frames of a backtrace, those of inlined functions not counted.
const MOST_FRAMES: usize = 64;
/// The most functions inlined at one place that are told.
const MOST_INLINED: usize = 16;

/// Frames, the innermost first.
///
/// ```
/// # use causality_vm::{Engine, Linker, Module, Options};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let engine = Engine::default();
/// # let module = Module::from_file(&engine, "examples/crash.elf")?;
/// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("guest"), ())?;
/// guest.run()?;
/// let backtrace = guest.report().backtrace.expect("it trapped");
/// assert_eq!(backtrace.frames[0].pc, guest.pc());
/// assert!(backtrace.frames.len() > 1 && !backtrace.is_cut);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Backtrace {
    /// The frames.
    pub frames: Vec<Frame>,
    /// Whether there may be more: there were too many, or the debug information takes too much work.
    pub is_cut: bool,
}

impl Backtrace {
    pub(crate) fn new(program: &Program, hart: &Hart, memory: &Memory) -> Self {
        let budget = Budget::default();
        Backtrace::within(&budget, program, hart, memory)
    }

    fn within(budget: &Budget, program: &Program, hart: &Hart, memory: &Memory) -> Self {
        let names = Names::new(program, budget);
        let mut unwinder = Unwinder::new(program, memory, budget);
        let (mut backtrace, mut registers) = (Backtrace::default(), Registers::of(hart));
        for _ in 0..MOST_FRAMES {
            names.describe(&registers, &mut backtrace.frames);
            match unwinder.caller(&registers) {
                Some(caller) => registers = caller,
                None => {
                    backtrace.is_cut = budget.is_spent();
                    return backtrace;
                }
            }
        }
        backtrace.is_cut = true;
        backtrace
    }
}

/// One line a frame.
impl fmt::Display for Backtrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, frame) in self.frames.iter().enumerate() {
            writeln!(f, "{number:>4}  {frame}{}", if frame.is_inlined { ", inlined" } else { "" })?;
        }
        if self.is_cut { writeln!(f, "      and more") } else { Ok(()) }
    }
}

/// What addresses are called.
struct Names<'a> {
    program: &'a Program,
    lines: Option<Context<Metered<'a>>>,
}

impl<'a> Names<'a> {
    fn new(program: &'a Program, budget: &'a Budget) -> Self {
        let debug = program.debug();
        let section = |id: SectionId| Ok::<_, gimli::Error>(Metered::new(debug.bytes(id.name()), budget));
        let lines = Dwarf::load(section).and_then(Context::from_dwarf).ok();
        Names { program, lines }
    }

    /// Adds the frames of one call: the functions inlined where it is, and the one that has them.
    fn describe(&self, registers: &Registers, frames: &mut Vec<Frame>) {
        let (pc, lookup) = (registers.pc, registers.lookup());
        let symbol = self.program.symbols().at(lookup).map(|(symbol, _)| symbol);
        let start = frames.len();
        self.describe_by_lines(pc, lookup, frames);
        if frames.len() == start {
            let function = symbol.as_ref().map(|symbol| frame::demangle(symbol.name));
            frames.push(Frame { pc, function, ..Frame::default() });
        }
        // Of the outermost the symbol is the authority: debug information may be of another language's making.
        if let (Some(last), Some(symbol)) = (frames.last_mut(), symbol) {
            last.offset = Some(pc.wrapping_sub(symbol.addr));
            last.function.get_or_insert_with(|| frame::demangle(symbol.name));
        }
    }

    fn describe_by_lines(&self, pc: u64, lookup: u64, frames: &mut Vec<Frame>) {
        let address = lookup.wrapping_sub(self.program.base());
        // The reader of debug information adds one to it.
        let Some(lines) = self.lines.as_ref().filter(|_| address != u64::MAX) else { return };
        let Ok(mut found) = lines.find_frames(address).skip_all_loads() else { return };
        let first = frames.len();
        while let Ok(Some(found)) = found.next() {
            let function = found.function.as_ref().and_then(|name| name.demangle().ok());
            let location =
                found.location.unwrap_or(addr2line::Location { file: None, line: None, column: None });
            if function.is_none() && location.file.is_none() {
                continue;
            }
            frames.push(Frame {
                pc,
                function: function.map(|name| frame::shorten(&name)),
                offset: None,
                file: location.file.map(frame::shorten),
                line: location.line,
                is_inlined: true,
            });
            if frames.len() - first > MOST_INLINED {
                break;
            }
        }
        if let Some(last) = frames[first..].last_mut() {
            last.is_inlined = false;
        }
    }
}
