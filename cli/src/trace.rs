//! `--trace`: a line for every retired instruction. `docs/cli.md` describes the form.

use std::io::{self, Write};

use causality_vm::isa::disasm::Style;
use causality_vm::isa::format::Operand;
use causality_vm::isa::reg::{F, X};
use causality_vm::isa::{Inst, decode};
use causality_vm::{Hart, Memory, Retired};

/// Writes the line of one instruction.
pub(crate) fn write_line(out: &mut dyn Write, retired: &Retired<'_>) -> io::Result<()> {
    let Retired { pc, word, .. } = *retired;
    let Some(decoded) = decode(word) else {
        return writeln!(out, "{:>10} {pc:016x} {word:08x} ?", retired.before.instret());
    };
    let digits = 2 * decoded.len();
    let text = decoded.display(Style { pseudo: true, pc: Some(pc) }).to_string();
    write!(
        out,
        "{:>10} {pc:016x} {word:>0digits$x}{:pad$} ",
        retired.before.instret(),
        "",
        pad = 8 - digits
    )?;
    let effects = effects(retired, decoded.inst);
    match effects.is_empty() {
        true => writeln!(out, "{text}"),
        false => writeln!(out, "{text:<32}{effects}"),
    }
}

/// `  name=value` for each register that changed, then the memory access.
fn effects(retired: &Retired<'_>, inst: Inst) -> String {
    let (before, after) = (retired.before, retired.after);
    let mut text = String::new();
    for x in X::ALL {
        if before.x[x.index()] != after.x[x.index()] {
            text += &format!("  {}={:#x}", x.name(), after.x[x.index()]);
        }
    }
    for f in F::ALL {
        if before.f[f.index()] != after.f[f.index()] {
            text += &format!("  {}={:#x}", f.name(), after.f[f.index()]);
        }
    }
    if before.fcsr != after.fcsr {
        text += &format!("  fcsr={:#x}", after.fcsr);
    }
    if let Some(access) = access(inst, before, retired.memory) {
        text += &format!("  {access}");
    }
    text
}

/// `r8[address]` for a load of 8 bytes, `w4[address]=value` for a store of 4. An AMO counts as a store;
/// so does an `sc`, whether it succeeds or not: the value is what memory holds after it.
fn access(inst: Inst, before: &Hart, memory: &Memory) -> Option<String> {
    // The base opcode map of the manual: the major opcode says load or store, funct3 says how wide.
    let word = inst.encode();
    let is_store = match word & 0x7f {
        0x03 | 0x07 => false,
        0x23 | 0x27 => true,
        0x2f => !matches!(inst, Inst::LrW(_) | Inst::LrD(_)),
        _ => return None,
    };
    let size = 1_u64 << (word >> 12 & 3);
    let Some(Operand::X(base)) = inst.operand("rs1") else {
        return None;
    };
    let offset = match inst.operand("imm") {
        Some(Operand::Int(imm)) => i64::from(imm),
        _ => 0,
    };
    let addr = before.x[base.index()].wrapping_add_signed(offset);
    if !is_store {
        return Some(format!("r{size}[{addr:#x}]"));
    }
    let mut bytes = [0; 8];
    bytes[..size as usize].copy_from_slice(memory.slice(addr, size).ok()?);
    Some(format!("w{size}[{addr:#x}]={:#x}", u64::from_le_bytes(bytes)))
}
