//! `causality-vm disasm`: in the manner of `objdump -d`.

use std::io::{self, BufWriter, Write};
use std::ops::Range;

use causality_vm::Limits;
use causality_vm::elf::{Program, Symbol, SymbolKind};
use causality_vm::isa::disasm::Style;
use causality_vm::isa::format::Operand;
use causality_vm::isa::{Inst, decode};

use crate::args::DisasmArgs;
use crate::failure::{Failure, read_program};
use crate::location::demangle;
use crate::native_listing;

/// Prints instructions.
pub(crate) fn disasm(args: &DisasmArgs) -> Result<u8, Failure> {
    let elf = read_program(&args.program)?;
    let program = Program::parse(&elf, &Limits::default())
        .map_err(|error| Failure::of_program(&args.program, error.into()))?;
    if args.native {
        return native_listing::list(args, &elf);
    }
    let listing = Listing { program: &program, pseudo: !args.no_aliases };
    let mut out = BufWriter::new(io::stdout().lock());
    let written = ranges(args, &program)?.into_iter().try_for_each(|range| listing.write(&mut out, range));
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(error)),
        _ => Ok(0),
    }
}

/// What to print: what was asked for, or all code.
fn ranges(args: &DisasmArgs, program: &Program) -> Result<Vec<Range<u64>>, Failure> {
    if let Some(range) = &args.range {
        return Ok(vec![range.clone()]);
    }
    let Some(name) = &args.symbol else {
        return Ok(program.code().to_vec());
    };
    let symbol = find(program, name)?;
    let end = match symbol.size {
        0 => next_symbol(program, symbol.addr),
        size => symbol.addr.saturating_add(size),
    };
    let range = symbol.addr..end;
    Ok(vec![range])
}

/// The symbol of that name, mangled or not; or the compiler's variant of it, such as `name.constprop.0`.
pub(crate) fn find<'a>(program: &'a Program, name: &str) -> Result<Symbol<'a>, Failure> {
    let is_variant =
        |symbol: &Symbol<'_>| symbol.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
    let symbols = program.symbols();
    symbols
        .find(name)
        .or_else(|| symbols.iter().find(|symbol| demangle(symbol.name) == name))
        .or_else(|| symbols.iter().find(is_variant))
        .ok_or_else(|| Failure::new(format!("no symbol `{name}`")))
}

/// Where code of unknown size ends at the latest.
fn next_symbol(program: &Program, addr: u64) -> u64 {
    let functions = program.symbols().iter().filter(|s| s.kind != SymbolKind::Object).map(|s| s.addr);
    let ends = program.code().iter().map(|range| range.end);
    functions.chain(ends).filter(|&next| next > addr).min().unwrap_or(addr)
}

struct Listing<'a> {
    program: &'a Program,
    pseudo: bool,
}

impl Listing<'_> {
    /// Prints the part of `range` that has initialised bytes.
    fn write(&self, out: &mut impl Write, range: Range<u64>) -> io::Result<()> {
        for segment in &self.program.image().segments {
            let start = range.start.max(segment.addr);
            let end = range.end.min(segment.addr + segment.data.len() as u64);
            if start < end {
                let at = |addr: u64| (addr - segment.addr) as usize;
                self.write_bytes(out, start, &segment.data[at(start)..at(end)])?;
            }
        }
        Ok(())
    }

    fn write_bytes(&self, out: &mut impl Write, start: u64, bytes: &[u8]) -> io::Result<()> {
        let mut at = 0;
        while at < bytes.len() {
            let pc = start + at as u64;
            if let Some((symbol, 0)) = self.program.symbols().at(pc) {
                writeln!(out, "\n{pc:016x} <{}>:", symbol.name)?;
            }
            at += self.write_inst(out, pc, &bytes[at..])?;
        }
        Ok(())
    }

    /// Prints one line and returns how many bytes it is about.
    fn write_inst(&self, out: &mut impl Write, pc: u64, bytes: &[u8]) -> io::Result<usize> {
        let mut word = [0; 4];
        let available = bytes.len().min(4);
        word[..available].copy_from_slice(&bytes[..available]);
        let word = u32::from_le_bytes(word);
        let len = if word & 3 == 3 { 4 } else { 2 };
        if available < len {
            writeln!(out, "{pc:>8x}:\t{:<18}\t.byte\t{:#04x}", format!("{:02x}", bytes[0]), bytes[0])?;
            return Ok(1);
        }
        let (raw, text) = describe(self.program, pc, word, self.pseudo);
        writeln!(out, "{pc:>8x}:\t{raw:<18}\t{text}")?;
        Ok(len)
    }
}

/// The digits of an instruction, and its text with the names of jump targets.
pub(crate) fn describe(program: &Program, pc: u64, word: u32, pseudo: bool) -> (String, String) {
    let len = if word & 3 == 3 { 4 } else { 2 };
    let word = if len == 2 { word & 0xffff } else { word };
    let raw = format!("{word:0digits$x}", digits = 2 * len);
    let text = match decode(word) {
        None => format!(".{len}byte\t{word:#x}"),
        Some(decoded) => {
            let text = decoded.display(Style { pseudo, pc: Some(pc) });
            format!("{text}{}", target(program, pc, decoded.inst))
        }
    };
    (raw, text)
}

/// ` <name+offset>` of where a jump or branch goes.
fn target(program: &Program, pc: u64, inst: Inst) -> String {
    // The base opcode map of the manual: BRANCH and JAL.
    if !matches!(inst.encode() & 0x7f, 0x63 | 0x6f) {
        return String::new();
    }
    let Some(Operand::Int(offset)) = inst.operand("imm") else {
        return String::new();
    };
    match program.symbols().at(pc.wrapping_add_signed(offset.into())) {
        None => String::new(),
        Some((symbol, 0)) => format!(" <{}>", symbol.name),
        Some((symbol, offset)) => format!(" <{}+{offset:#x}>", symbol.name),
    }
}
