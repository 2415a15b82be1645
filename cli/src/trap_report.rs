//! What to tell people about a trap.

use std::fmt::{self, Write};

use causality_vm::isa::disasm::Style;
use causality_vm::isa::reg::{F, X};
use causality_vm::{Backtrace, Cause, Hart, Memory, Trap, isa};

use crate::location::Locations;

/// The whole report, many lines.
pub(crate) fn describe(
    trap: &Trap,
    hart: &Hart,
    memory: &Memory,
    locations: &Locations<'_>,
    backtrace: Option<&Backtrace>,
) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_report(&mut text, trap, hart, memory, locations, backtrace);
    text
}

fn write_report(
    out: &mut String,
    trap: &Trap,
    hart: &Hart,
    memory: &Memory,
    locations: &Locations<'_>,
    backtrace: Option<&Backtrace>,
) -> fmt::Result {
    writeln!(out, "trap: {} (cause {}){}", trap.cause, trap.cause.code(), about_tval(trap, memory))?;
    writeln!(out, "  at {:#x} in {}", trap.pc, locations.at(trap.pc))?;
    writeln!(out, "     {}", instruction(trap.pc, memory))?;
    write_callers(out, backtrace)?;
    writeln!(out, "  after {} instructions; registers:", hart.instret())?;
    write_x(out, hart)?;
    write_f(out, hart)
}

/// Who called the instruction: one line a function.
fn write_callers(out: &mut String, backtrace: Option<&Backtrace>) -> fmt::Result {
    let Some(backtrace) = backtrace else { return Ok(()) };
    let mut is_inlined = false;
    for (number, frame) in backtrace.frames.iter().enumerate() {
        // The first one is the place itself, told already unless there is more to tell.
        if number > 0 {
            let how = if is_inlined { "inlined in" } else { "from" };
            writeln!(out, "  {how} {frame}")?;
        }
        is_inlined = frame.is_inlined;
    }
    if backtrace.is_cut { writeln!(out, "  and more") } else { Ok(()) }
}

fn about_tval(trap: &Trap, memory: &Memory) -> String {
    let tval = trap.tval;
    match trap.cause {
        Cause::IllegalInstruction => format!(": word {tval:#x}"),
        Cause::Breakpoint | Cause::EnvironmentCall => String::new(),
        Cause::MemoryLimit => {
            format!(": {tval} bytes more were asked for, the limit is {}", memory.limits().memory)
        }
        Cause::SegmentLimit => format!(": at {tval:#x}, the limit is {}", memory.limits().segments),
        Cause::HostFunction => format!(": reason {tval:#x}"),
        cause if cause.code() >= Cause::RegisterConsumed.code() => about_register(cause, tval, memory),
        _ => format!(": address {tval:#x}, {}", about_address(tval, memory)),
    }
}

/// What a trap about a resource register says: a slot, a length, an offset, or an address in a window.
fn about_register(cause: Cause, tval: u64, memory: &Memory) -> String {
    let registers = memory.registers();
    if let Some((slot, offset)) = registers.windows().locate(tval) {
        let length = registers.slots()[slot as usize].length;
        return format!(": address {tval:#x}, byte {offset} of slot {slot}, whose register has {length}");
    }
    match (cause, registers.slot(tval)) {
        (Cause::RegisterBounds, _) => format!(": offset {tval}"),
        (Cause::RegisterLimit, _) => {
            let windows = registers.windows();
            format!(": {tval}, there are {} slots of at most {} bytes", windows.count, windows.stride())
        }
        (_, Some(slot)) => format!(": slot {tval}, {}", slot.lifecycle()),
        (_, None) => format!(": slot {tval}"),
    }
}

fn about_address(addr: u64, memory: &Memory) -> String {
    match memory.segment_at(addr) {
        Some(segment) => format!("in segment `{}` ({})", segment.name, segment.perms),
        None => "where nothing is mapped".to_owned(),
    }
}

fn instruction(pc: u64, memory: &Memory) -> String {
    let Ok(word) = memory.fetch(pc) else {
        return "no instruction there".to_owned();
    };
    match isa::decode(word) {
        Some(decoded) => decoded.display(Style { pseudo: true, pc: Some(pc) }).to_string(),
        None if word & 3 == 3 => format!(".4byte {word:#010x}"),
        None => format!(".2byte {word:#06x}"),
    }
}

/// All integer registers but `zero`, four in a row.
fn write_x(out: &mut String, hart: &Hart) -> fmt::Result {
    for row in X::ALL[1..].chunks(4) {
        for &x in row {
            write!(out, "  {:>4} {:016x}", x.name(), hart.x[x.index()])?;
        }
        out.push('\n');
    }
    Ok(())
}

/// The floating-point registers that are not zero, four in a row; `fcsr` if there are any.
fn write_f(out: &mut String, hart: &Hart) -> fmt::Result {
    let used: Vec<_> = F::ALL.iter().filter(|f| hart.f[f.index()] != 0).collect();
    for row in used.chunks(4) {
        for f in row {
            write!(out, "  {:>4} {:016x}", f.name(), hart.f[f.index()])?;
        }
        out.push('\n');
    }
    if !used.is_empty() || hart.fcsr != 0 {
        writeln!(out, "  fcsr {:02x}", hart.fcsr)?;
    }
    Ok(())
}
